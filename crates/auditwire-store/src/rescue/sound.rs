//! Values that no writer puts into a row: a page that SQLite can read may still have other bytes than were written.

use auditwire_engine::records::is_readable;
use auditwire_model::ProjectId;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::CopyError;

/// Rows that go. Times are nanoseconds since 1970; `rows`, `offset` and the like are 32 bits.
pub(super) const IMPOSSIBLE: [&str; 9] = [
    "DELETE FROM records WHERE version < 1 OR kind NOT BETWEEN 1 AND 255",
    r#"DELETE FROM spans WHERE first NOT BETWEEN 1 AND (1 << 60) OR rows NOT BETWEEN 1 AND 4294967295
        OR "offset" NOT BETWEEN 0 AND 4294967295 OR blob_bytes NOT BETWEEN 0 AND 4294967295
        OR coalesce(group_id, segment_id) < 1"#,
    // A span that is too wide is looked at in vain, one that is too narrow is passed over.
    "UPDATE spans SET time_min = 0, time_max = 9223372036854775807 WHERE time_min < 0 OR time_max < time_min",
    "UPDATE segments SET made_at = 0 WHERE made_at < 0",
    "DELETE FROM sealed WHERE received_max < 0",
    "DELETE FROM heads WHERE first < 1 OR last < first - 1 OR last > (1 << 60)",
    "DELETE FROM segments WHERE id < 1 OR level NOT BETWEEN 0 AND 255 OR rank < 0 OR rows NOT BETWEEN 0 AND 4294967295 OR bytes < 0",
    "DELETE FROM id_runs WHERE first < 1 OR last < first OR newest < 0 OR level NOT BETWEEN 0 AND 255 OR parts NOT BETWEEN 1 AND 1048576",
    "DELETE FROM sealed WHERE NOT EXISTS (SELECT 1 FROM spans s WHERE s.project = sealed.project AND s.first = sealed.first AND s.segment_id IS NOT NULL)",
];

/// Removes the records that are no documents of their kind; how many.
pub(super) async fn records(new: &mut SqliteConnection) -> Result<u64, CopyError> {
    let mut removed = 0;
    let sql = "SELECT kind, project, id, value FROM records";
    for row in sqlx::query(sql).fetch_all(&mut *new).await.map_err(CopyError::Database)? {
        let (kind, value): (i64, Vec<u8>) = (row.get(0), row.get(3));
        if is_readable(u8::try_from(kind).unwrap_or_default(), &value) {
            continue;
        }
        let done = sqlx::query("DELETE FROM records WHERE kind = ?1 AND project = ?2 AND id = ?3")
            .bind(kind)
            .bind(row.get::<String, _>(1))
            .bind(row.get::<String, _>(2))
            .execute(&mut *new)
            .await;
        removed += done.map_err(CopyError::Database)?.rows_affected();
    }
    Ok(removed)
}

/// Removes the rows of names that no project can have; how many.
pub(super) async fn projects(new: &mut SqliteConnection) -> Result<u64, CopyError> {
    let mut removed = 0;
    for table in ["records", "spans", "sealed", "heads", "id_runs", "id_run_parts"] {
        let sql = format!("SELECT DISTINCT project FROM {table}");
        let names: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *new).await.map_err(CopyError::Database)?;
        for name in names {
            // Records of the instance have none.
            if ProjectId::parse(&name).is_ok() || (name.is_empty() && table == "records") {
                continue;
            }
            let sql = format!("DELETE FROM {table} WHERE project = ?1");
            let done = sqlx::query(AssertSqlSafe(sql)).bind(name).execute(&mut *new).await;
            removed += done.map_err(CopyError::Database)?.rows_affected();
        }
    }
    Ok(removed)
}
