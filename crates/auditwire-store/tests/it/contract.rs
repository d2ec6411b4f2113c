//! SQLite keeps the contract of the store trait.

use std::sync::Arc;

use auditwire_engine::store::contract::CASES;
use auditwire_store::{SqliteOptions, SqliteStore};

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    for (name, case) in CASES {
        eprintln!("{name}");
        let dir = tempfile::tempdir().unwrap();
        case(Arc::new(SqliteStore::open(dir.path(), SqliteOptions::default()).await.unwrap())).await;
    }
}
