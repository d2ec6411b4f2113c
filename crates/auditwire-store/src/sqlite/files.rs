//! The record of files that this store wrote and no segment names: what may be removed, and nothing else.

use auditwire_engine::store::{FileNote, Left, StoreError};
use sqlx::SqliteConnection;

use super::error::from_sqlx;

/// Segments that no span names leave the directory, and their files are noted (?1: why). One that stands for events whose file
/// was never there has none.
const LEAVE: &str = "
INSERT INTO files (name, why)
SELECT name, ?1 FROM segments
WHERE bytes > 0 AND NOT EXISTS (SELECT 1 FROM spans s WHERE s.segment_id = segments.id)
ON CONFLICT (name) DO UPDATE SET why = excluded.why;
DELETE FROM segments WHERE NOT EXISTS (SELECT 1 FROM spans s WHERE s.segment_id = segments.id);
";

pub(super) async fn leave(writer: &mut SqliteConnection, why: Left) -> Result<(), StoreError> {
    sqlx::query(LEAVE).bind(i64::from(why as u8)).execute(writer).await.map(drop).map_err(from_sqlx)
}

pub(super) async fn forget(writer: &mut SqliteConnection, name: String) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM files WHERE name = ?1").bind(name).execute(writer).await.map(drop).map_err(from_sqlx)
}

pub(super) async fn write(writer: &mut SqliteConnection, notes: Vec<FileNote>) -> Result<(), StoreError> {
    for note in notes {
        match note {
            FileNote::Gone(name) => forget(writer, name).await?,
            FileNote::Writing(name) => {
                let sql =
                    "INSERT INTO files (name, why) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET why = excluded.why";
                let query = sqlx::query(sql).bind(name).bind(i64::from(Left::Writing as u8));
                query.execute(&mut *writer).await.map_err(from_sqlx)?;
            }
        }
    }
    Ok(())
}
