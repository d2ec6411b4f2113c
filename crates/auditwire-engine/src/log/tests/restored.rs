//! Files that the store knows nothing of: an older store was put back, or somebody put a file there.

use object_store::ObjectStoreExt as _;

use super::objects::FaultyObjects;
use super::sealing::{append, small};
use super::*;

async fn files(objects: &FaultyObjects) -> Vec<String> {
    let mut names: Vec<String> =
        objects.list(None).map_ok(|object| object.location.to_string()).try_collect().await.unwrap();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_that_the_store_did_not_write_is_never_removed() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    let log = open_on(&store, Arc::new(objects.clone()), small()).await;
    append(&log, 0, 20).await;
    log.seal_now().await.unwrap();
    log.close().await;
    let foreign = ["0000000007-00c0ffee.parquet", "notes.txt"];
    for name in foreign {
        objects.put(&name.into(), "somebody's".into()).await.unwrap();
    }
    for _ in 0..2 {
        let log = open_on(&store, Arc::new(objects.clone()), small()).await;
        append(&log, 0, 20).await;
        log.seal_now().await.unwrap();
        log.seal_now().await.unwrap();
        log.close().await;
        let there = files(&objects).await;
        let kept = |name: &str| there.iter().any(|file| file.rsplit('/').next() == Some(name));
        assert!(foreign.iter().all(|name| kept(name)), "{there:?}");
    }
}
