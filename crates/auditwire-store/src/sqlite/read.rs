//! Reading. Each function is one statement, so no read transaction outlives it.

use auditwire_engine::store::{
    GroupId, Head, IdRunHead, Order, Place, Record, RecordKey, RecordKind, SegmentId, Span, StoreError,
};
use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::{SqlitePool, SqliteRow};

use super::error::from_sqlx;
use super::owner::Owner;

/// The columns of `spans s` that [`span`] reads.
macro_rules! columns {
    () => {
        r#"s.first, s.rows, s.group_id, s.segment_id, s."offset", s.time_min, s.time_max, s.blob_bytes"#
    };
}
pub(super) use columns;

/// SQLite's integers are signed; no number here comes near the limit.
pub(super) fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) async fn record(readers: &SqlitePool, key: &RecordKey) -> Result<Option<Record>, StoreError> {
    let row = sqlx::query("SELECT version, value FROM records WHERE kind = ?1 AND project = ?2 AND id = ?3")
        .bind(i64::from(key.kind as u8))
        .bind(key.project.as_ref().map_or("", ProjectId::as_str).to_owned())
        .bind(key.id.clone())
        .fetch_optional(readers)
        .await
        .map_err(from_sqlx)?;
    row.map(|row| Ok(Record { key: key.clone(), version: unsigned(&row, 0, "records.version")?, value: row.get(1) }))
        .transpose()
}

pub(super) async fn records(
    readers: &SqlitePool,
    kind: RecordKind,
    project: Option<&ProjectId>,
) -> Result<Vec<Record>, StoreError> {
    let columns = match project {
        None => "SELECT project, id, version, value FROM records WHERE kind = ?1 ORDER BY project, id",
        Some(_) => {
            "SELECT project, id, version, value FROM records WHERE kind = ?1 AND project = ?2 ORDER BY project, id"
        }
    };
    let mut query = sqlx::query(columns).bind(i64::from(kind as u8));
    if let Some(project) = project {
        query = query.bind(project.as_str().to_owned());
    }
    let rows = query.fetch_all(readers).await.map_err(from_sqlx)?;
    rows.iter()
        .map(|row| {
            let project: String = row.get(0);
            let project = if project.is_empty() { None } else { Some(project_id(&project, "records.project")?) };
            let key = RecordKey { kind, project, id: row.get(1) };
            Ok(Record { key, version: unsigned(row, 2, "records.version")?, value: row.get(3) })
        })
        .collect()
}

pub(super) async fn record_ids(
    readers: &SqlitePool,
    kind: RecordKind,
    project: &ProjectId,
    [from, to]: [&str; 2],
) -> Result<Vec<String>, StoreError> {
    let rows =
        sqlx::query("SELECT id FROM records WHERE kind = ?1 AND project = ?2 AND id >= ?3 AND id < ?4 ORDER BY id")
            .bind(i64::from(kind as u8))
            .bind(project.as_str().to_owned())
            .bind(from.to_owned())
            .bind(to.to_owned())
            .fetch_all(readers)
            .await
            .map_err(from_sqlx)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

pub(super) async fn records_between(
    readers: &SqlitePool,
    (kind, project): (RecordKind, &ProjectId),
    [from, to]: [&str; 2],
    order: Order,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    let statement = match order {
        Order::Ascending => {
            "SELECT id, version, value FROM records WHERE kind = ?1 AND project = ?2 AND id >= ?3 AND id < ?4
             ORDER BY id LIMIT ?5"
        }
        Order::Descending => {
            "SELECT id, version, value FROM records WHERE kind = ?1 AND project = ?2 AND id >= ?3 AND id < ?4
             ORDER BY id DESC LIMIT ?5"
        }
    };
    let rows = sqlx::query(statement)
        .bind(i64::from(kind as u8))
        .bind(project.as_str().to_owned())
        .bind(from.to_owned())
        .bind(to.to_owned())
        .bind(i64::from(limit))
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    let record = |row: &SqliteRow| {
        let key = RecordKey::of(kind, project, row.get::<String, _>(0));
        Ok(Record { key, version: unsigned(row, 1, "records.version")?, value: row.get(2) })
    };
    rows.iter().map(record).collect()
}

const HEADS: &str = "SELECT project, last, first, NULL FROM heads UNION ALL
    SELECT NULL, (SELECT max(id) FROM groups), NULL, mark FROM owner";

pub(super) async fn heads(readers: &SqlitePool, owner: &Owner) -> Result<(Vec<Head>, Option<GroupId>), StoreError> {
    // One statement, one snapshot: heads, the last group and whose they are belong together.
    let rows = sqlx::query(HEADS).fetch_all(readers).await.map_err(from_sqlx)?;
    let (mut heads, mut group) = (Vec::with_capacity(rows.len()), None);
    for row in &rows {
        match row.get::<Option<String>, _>(0) {
            Some(project) => {
                heads.push(Head {
                    project: project_id(&project, "heads.project")?,
                    first: Position(unsigned(row, 2, "heads.first")?),
                    last: Position(unsigned(row, 1, "heads.last")?),
                });
            }
            None => {
                owner.check(&row.get::<Vec<u8>, _>(3))?;
                group = row.get::<Option<i64>, _>(1).map(|id| GroupId(id.unsigned_abs()));
            }
        }
    }
    Ok((heads, group))
}

pub(super) async fn spans(
    readers: &SqlitePool,
    project: &ProjectId,
    (from, to): (Position, Position),
    order: Order,
    limit: u32,
) -> Result<Vec<Span>, StoreError> {
    // Spans are dense, so at most one begins at or before `from` and holds it; naming it bounds the walk on the index.
    macro_rules! select {
        ($order:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                r#" FROM spans s
                   WHERE project = ?1 AND first <= ?3 AND first + rows > ?2 AND first >=
                         coalesce((SELECT max(first) FROM spans WHERE project = ?1 AND first <= ?2), 0)
                   ORDER BY first "#,
                $order,
                " LIMIT ?4"
            )
        };
    }
    let sql = match order {
        Order::Ascending => select!("ASC"),
        Order::Descending => select!("DESC"),
    };
    let rows = sqlx::query(sql)
        .bind(project.as_str().to_owned())
        .bind(number(from.0))
        .bind(number(to.0))
        .bind(i64::from(limit))
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    rows.iter().map(|row| span(project, row)).collect()
}

/// A span of the project, from the first columns of a row: [`columns`].
pub(super) fn span(project: &ProjectId, row: &SqliteRow) -> Result<Span, StoreError> {
    let place = match row.get::<Option<i64>, _>(2) {
        Some(_) => Place::Group(GroupId(unsigned(row, 2, "spans.group_id")?)),
        None => Place::Segment(SegmentId(unsigned(row, 3, "spans.segment_id")?)),
    };
    let small = |column: usize, name: &str| {
        u32::try_from(unsigned(row, column, name)?).map_err(|_| damaged(name, row.get::<i64, _>(column)))
    };
    let time = |column: usize, name: &str| {
        let nanos: i64 = row.get(column);
        Timestamp::from_nanos(nanos).ok_or_else(|| damaged(name, nanos))
    };
    Ok(Span {
        place,
        project: project.clone(),
        first: Position(unsigned(row, 0, "spans.first")?),
        rows: small(1, "spans.rows")?,
        offset: small(4, "spans.offset")?,
        time_min: time(5, "spans.time_min")?,
        time_max: time(6, "spans.time_max")?,
        blob_bytes: small(7, "spans.blob_bytes")?,
    })
}

pub(super) async fn blobs(readers: &SqlitePool, groups: &[GroupId]) -> Result<Vec<(GroupId, Bytes)>, StoreError> {
    let ids: Vec<String> = groups.iter().map(|g| g.0.to_string()).collect();
    let rows = sqlx::query("SELECT id, blob FROM groups WHERE id IN (SELECT value FROM json_each(?1))")
        .bind(format!("[{}]", ids.join(",")))
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    rows.iter()
        .map(|row| Ok((GroupId(unsigned(row, 0, "groups.id")?), Bytes::from(row.get::<Vec<u8>, _>(1)))))
        .collect()
}

pub(super) async fn id_run_heads(readers: &SqlitePool, project: &ProjectId) -> Result<Vec<IdRunHead>, StoreError> {
    let rows =
        sqlx::query("SELECT first, last, newest, level, parts, filter FROM id_runs WHERE project = ?1 ORDER BY first")
            .bind(project.as_str().to_owned())
            .fetch_all(readers)
            .await
            .map_err(from_sqlx)?;
    rows.iter()
        .map(|row| {
            let newest: i64 = row.get(2);
            let (level, parts): (i64, i64) = (row.get(3), row.get(4));
            Ok(IdRunHead {
                first: Position(unsigned(row, 0, "id_runs.first")?),
                last: Position(unsigned(row, 1, "id_runs.last")?),
                newest: Timestamp::from_nanos(newest).ok_or_else(|| damaged("id_runs.newest", newest))?,
                level: u8::try_from(level).map_err(|_| damaged("id_runs.level", level))?,
                parts: u32::try_from(parts).map_err(|_| damaged("id_runs.parts", parts))?,
                filter: Bytes::from(row.get::<Vec<u8>, _>(5)),
            })
        })
        .collect()
}

pub(super) async fn id_run_part(
    readers: &SqlitePool,
    project: &ProjectId,
    first: Position,
    part: u32,
) -> Result<Option<Bytes>, StoreError> {
    let row = sqlx::query("SELECT hashes FROM id_run_parts WHERE project = ?1 AND first = ?2 AND part = ?3")
        .bind(project.as_str().to_owned())
        .bind(number(first.0))
        .bind(i64::from(part))
        .fetch_optional(readers)
        .await
        .map_err(from_sqlx)?;
    Ok(row.map(|row| Bytes::from(row.get::<Vec<u8>, _>(0))))
}

pub(super) fn unsigned(row: &SqliteRow, column: usize, name: &str) -> Result<u64, StoreError> {
    let value: i64 = row.get(column);
    u64::try_from(value).map_err(|_| damaged(name, value))
}

pub(super) fn project_id(text: &str, column: &str) -> Result<ProjectId, StoreError> {
    ProjectId::parse(text).map_err(|_| damaged(column, text))
}

pub(super) fn damaged(column: &str, value: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("{column} holds {value}"))
}
