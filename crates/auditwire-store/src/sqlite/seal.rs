//! The parts of a commit that move events from groups into segments, merge segments, and let events end.

use std::fmt::Write as _;

use auditwire_engine::store::{
    Expire, GroupId, Left, Place, Replaced, Seal, SealedSpan, Segment, SegmentId, StoreError,
};
use sqlx::{Row, SqliteConnection};

use super::error::from_sqlx;
use super::files;
use super::read::number;

/// What the rows `n` of the JSON in ?1 say: 0 project, 1 first, 2 rows, 3 offset, 4 and 5 times, 6 bytes, 7 received_max,
/// 8 summary in hexadecimal. The old spans of each must lie end to end from its first row to its last, all of them in the
/// groups ?2 to ?3 or in the segments of the JSON in ?4.
const MISMATCH: &str = r#"
SELECT n.value ->> 0, n.value ->> 1 FROM json_each(?1) n
WHERE (n.value ->> 1, n.value ->> 1 + n.value ->> 2, n.value ->> 2) IS NOT (
    SELECT min(s.first), max(s.first + s.rows), sum(s.rows) FROM spans s
    WHERE s.project = n.value ->> 0 AND s.first >= n.value ->> 1 AND s.first < n.value ->> 1 + n.value ->> 2
      AND (s.group_id BETWEEN ?2 AND ?3 OR s.segment_id IN (SELECT value FROM json_each(?4))))
LIMIT 1
"#;

/// ?2 is the segment.
const REPLACE: &str = r#"
DELETE FROM sealed WHERE (project, first) IN (
    SELECT s.project, s.first FROM json_each(?1) n CROSS JOIN sealed s
    WHERE s.project = n.value ->> 0 AND s.first >= n.value ->> 1 AND s.first < n.value ->> 1 + n.value ->> 2);
DELETE FROM spans WHERE (project, first) IN (
    SELECT s.project, s.first FROM json_each(?1) n CROSS JOIN spans s
    WHERE s.project = n.value ->> 0 AND s.first >= n.value ->> 1 AND s.first < n.value ->> 1 + n.value ->> 2);
INSERT INTO spans (project, first, rows, segment_id, "offset", time_min, time_max, blob_bytes)
SELECT value ->> 0, value ->> 1, value ->> 2, ?2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?1);
INSERT INTO sealed (project, first, received_max, summary)
SELECT value ->> 0, value ->> 1, value ->> 7, unhex(value ->> 8) FROM json_each(?1);
"#;

pub(super) async fn seal(writer: &mut SqliteConnection, seal: Seal) -> Result<(), StoreError> {
    let Seal { segment, spans, replaces } = seal;
    let id = number(segment.id.0);
    let (json, (groups, segments)) = (as_json(&spans), replaced(&replaces));
    let wrong = sqlx::query(MISMATCH)
        .bind(json.clone())
        .bind(groups.map(|(from, _)| from))
        .bind(groups.map(|(_, to)| to))
        .bind(segments)
        .fetch_optional(&mut *writer)
        .await
        .map_err(from_sqlx)?;
    if let Some(row) = wrong {
        let (project, first): (String, i64) = (row.get(0), row.get(1));
        return Err(StoreError::Mismatch(format!("project {project}, from seq {first}")));
    }
    files::forget(writer, segment.name.clone()).await?;
    insert(writer, segment).await?;
    sqlx::query(REPLACE).bind(json).bind(id).execute(&mut *writer).await.map_err(from_sqlx)?;
    if matches!(replaces, Replaced::Segments(_)) {
        files::leave(writer, Left::Replaced).await?;
    }
    Ok(())
}

pub(super) async fn insert(writer: &mut SqliteConnection, segment: Segment) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO segments (id, name, level, rank, rows, bytes, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(number(segment.id.0))
    .bind(segment.name)
    .bind(i64::from(segment.level))
    .bind(number(segment.rank))
    .bind(i64::from(segment.rows))
    .bind(number(segment.bytes))
    .bind(segment.made_at.as_nanos())
    .execute(writer)
    .await
    .map(drop)
    .map_err(from_sqlx)
}

/// First and last group, and the segments as JSON.
fn replaced(replaces: &Replaced) -> (Option<(i64, i64)>, String) {
    match replaces {
        Replaced::Groups(groups) => (Some((number(*groups.start()), number(*groups.end()))), "[]".to_owned()),
        Replaced::Segments(segments) => {
            let ids: Vec<String> = segments.iter().map(|SegmentId(id)| id.to_string()).collect();
            (None, format!("[{}]", ids.join(",")))
        }
    }
}

fn as_json(spans: &[SealedSpan]) -> String {
    let mut json = String::from("[");
    for (i, SealedSpan { span, received_max, summary }) in spans.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // A project id holds nothing that JSON would escape.
        let _ = write!(
            json,
            r#"{comma}["{}",{},{},{},{},{},{},{},""#,
            span.project,
            span.first,
            span.rows,
            span.offset,
            span.time_min.as_nanos(),
            span.time_max.as_nanos(),
            span.blob_bytes,
            received_max.as_nanos(),
        );
        for byte in summary {
            let _ = write!(json, "{byte:02x}");
        }
        json.push_str("\"]");
    }
    json.push(']');
    json
}

/// The spans up to ?2 of project ?1 go.
const EXPIRE: &str = "
DELETE FROM sealed WHERE project = ?1 AND first <= ?2;
DELETE FROM spans WHERE project = ?1 AND first <= ?2;
UPDATE heads SET first = ?2 + 1 WHERE project = ?1;
";

pub(super) async fn expire(writer: &mut SqliteConnection, expire: &[Expire]) -> Result<(), StoreError> {
    for Expire { project, through } in expire {
        let sql = "SELECT max(first + rows) - 1, count(group_id) FROM spans WHERE project = ?1 AND first <= ?2";
        let query = sqlx::query(sql).bind(project.as_str().to_owned()).bind(number(through.0));
        let row = query.fetch_one(&mut *writer).await.map_err(from_sqlx)?;
        if (row.get::<Option<i64>, _>(0), row.get::<i64, _>(1)) != (Some(number(through.0)), 0) {
            return Err(StoreError::Mismatch(format!("project {project}, through seq {through}")));
        }
        let query = sqlx::query(EXPIRE).bind(project.as_str().to_owned()).bind(number(through.0));
        query.execute(&mut *writer).await.map_err(from_sqlx)?;
    }
    if !expire.is_empty() {
        files::leave(writer, Left::Expired).await?;
    }
    Ok(())
}

/// Removes blobs. That no span names them is looked up by reading all spans: an index would cost each commit.
pub(super) async fn drop_groups(writer: &mut SqliteConnection, through: GroupId) -> Result<(), StoreError> {
    let through = number(through.0);
    let named = sqlx::query("SELECT group_id FROM spans WHERE group_id <= ?1 LIMIT 1")
        .bind(through)
        .fetch_optional(&mut *writer)
        .await
        .map_err(from_sqlx)?;
    if let Some(row) = named {
        let place = Place::Group(GroupId(row.get::<i64, _>(0).unsigned_abs()));
        return Err(StoreError::Mismatch(format!("{place:?} is to go, but a span names it")));
    }
    sqlx::query("DELETE FROM groups WHERE id <= ?1 AND id < (SELECT max(id) FROM groups)")
        .bind(through)
        .execute(writer)
        .await
        .map(drop)
        .map_err(from_sqlx)
}
