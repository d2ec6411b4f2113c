//! Reading what is sealed, and what is to be. Each function is one statement, so no read transaction outlives it.

use auditwire_engine::store::{GroupId, Left, LeftFile, ProjectSize, SealedSpan, Segment, SegmentId, Span, StoreError};
use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::{SqlitePool, SqliteRow};

use super::error::from_sqlx;
use super::read::{columns, damaged, number, project_id, span, unsigned};

/// Reads the whole directory of spans: an index on the groups would cost each commit, this costs a seal a few
/// milliseconds.
pub(super) async fn fresh(readers: &SqlitePool, limit: u32) -> Result<Vec<Span>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        r#", s.project FROM spans s WHERE s.group_id IS NOT NULL ORDER BY s.group_id, s."offset" LIMIT ?1"#
    );
    let rows = sqlx::query(sql).bind(i64::from(limit)).fetch_all(readers).await.map_err(from_sqlx)?;
    rows.iter().map(|row| span(&project_of(row, 8)?, row)).collect()
}

pub(super) async fn oldest_groups(
    readers: &SqlitePool,
    through: GroupId,
    limit: u32,
) -> Result<Vec<(GroupId, u64)>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, length(blob) FROM groups WHERE id <= ?1 AND id < (SELECT max(id) FROM groups) ORDER BY id LIMIT ?2",
    )
    .bind(number(through.0))
    .bind(i64::from(limit))
    .fetch_all(readers)
    .await
    .map_err(from_sqlx)?;
    rows.iter().map(|row| Ok((GroupId(unsigned(row, 0, "groups.id")?), unsigned(row, 1, "groups.blob")?))).collect()
}

pub(super) async fn segment(readers: &SqlitePool, id: SegmentId) -> Result<Option<Segment>, StoreError> {
    let row = sqlx::query("SELECT id, name, level, rank, rows, bytes, made_at FROM segments WHERE id = ?1")
        .bind(number(id.0))
        .fetch_optional(readers)
        .await
        .map_err(from_sqlx)?;
    row.as_ref().map(segment_of).transpose()
}

pub(super) async fn segments(readers: &SqlitePool) -> Result<Vec<(Segment, u64)>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, name, level, rank, rows, bytes, made_at,
                (SELECT coalesce(sum(s.rows), 0) FROM spans s WHERE s.segment_id = segments.id)
         FROM segments ORDER BY rank, id",
    )
    .fetch_all(readers)
    .await
    .map_err(from_sqlx)?;
    rows.iter().map(|row| Ok((segment_of(row)?, unsigned(row, 7, "spans.rows")?))).collect()
}

fn segment_of(row: &SqliteRow) -> Result<Segment, StoreError> {
    let (level, rows, made_at): (i64, i64, i64) = (row.get(2), row.get(4), row.get(6));
    Ok(Segment {
        id: SegmentId(unsigned(row, 0, "segments.id")?),
        name: row.get(1),
        level: u8::try_from(level).map_err(|_| damaged("segments.level", level))?,
        rank: unsigned(row, 3, "segments.rank")?,
        rows: u32::try_from(rows).map_err(|_| damaged("segments.rows", rows))?,
        bytes: unsigned(row, 5, "segments.bytes")?,
        made_at: Timestamp::from_nanos(made_at).ok_or_else(|| damaged("segments.made_at", made_at))?,
    })
}

pub(super) async fn segment_spans(readers: &SqlitePool, id: SegmentId) -> Result<Vec<SealedSpan>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", d.received_max, d.summary, s.project FROM spans s
         JOIN sealed d ON d.project = s.project AND d.first = s.first
         WHERE s.segment_id = ?1 ORDER BY s.project, s.first"
    );
    let rows = sqlx::query(sql).bind(number(id.0)).fetch_all(readers).await.map_err(from_sqlx)?;
    rows.iter().map(|row| sealed_span(&project_of(row, 10)?, row)).collect()
}

pub(super) async fn sealed(
    readers: &SqlitePool,
    project: &ProjectId,
    (from, to): (Position, Position),
    limit: u32,
) -> Result<Vec<SealedSpan>, StoreError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", d.received_max, d.summary FROM spans s
         JOIN sealed d ON d.project = s.project AND d.first = s.first
         WHERE s.project = ?1 AND s.first <= ?3 AND s.first + s.rows > ?2 AND s.first >=
               coalesce((SELECT max(first) FROM spans WHERE project = ?1 AND first <= ?2), 0)
         ORDER BY s.first LIMIT ?4"
    );
    let rows = sqlx::query(sql)
        .bind(project.as_str().to_owned())
        .bind(number(from.0))
        .bind(number(to.0))
        .bind(i64::from(limit))
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    rows.iter().map(|row| sealed_span(project, row)).collect()
}

fn sealed_span(project: &ProjectId, row: &SqliteRow) -> Result<SealedSpan, StoreError> {
    let received_max: i64 = row.get(8);
    Ok(SealedSpan {
        span: span(project, row)?,
        received_max: Timestamp::from_nanos(received_max)
            .ok_or_else(|| damaged("sealed.received_max", received_max))?,
        summary: Bytes::from(row.get::<Vec<u8>, _>(9)),
    })
}

pub(super) async fn left_files(readers: &SqlitePool) -> Result<Vec<LeftFile>, StoreError> {
    let rows = sqlx::query("SELECT name, why FROM files ORDER BY name").fetch_all(readers).await.map_err(from_sqlx)?;
    let file = |row: &SqliteRow| {
        let why: i64 = row.get(1);
        Ok(LeftFile { name: row.get(0), why: Left::of_number(why).ok_or_else(|| damaged("files.why", why))? })
    };
    rows.iter().map(file).collect()
}

pub(super) async fn sizes(readers: &SqlitePool) -> Result<Vec<ProjectSize>, StoreError> {
    let rows = sqlx::query(
        "SELECT project, sum(rows), sum(blob_bytes) FROM spans WHERE segment_id IS NOT NULL GROUP BY project",
    )
    .fetch_all(readers)
    .await
    .map_err(from_sqlx)?;
    let size = |row: &SqliteRow| {
        Ok(ProjectSize {
            project: project_of(row, 0)?,
            rows: unsigned(row, 1, "spans.rows")?,
            bytes: unsigned(row, 2, "spans.blob_bytes")?,
        })
    };
    rows.iter().map(size).collect()
}

fn project_of(row: &SqliteRow, column: usize) -> Result<ProjectId, StoreError> {
    project_id(&row.get::<String, _>(column), "spans.project")
}
