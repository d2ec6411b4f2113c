//! Makes a whole log of the rows that could be read: spans that lead nowhere go, and what no span holds any more becomes a hole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use auditwire_engine::log::group_positions;
use auditwire_engine::store::{Segment, SegmentId};
use auditwire_model::Timestamp;
use bytes::Bytes;
use sqlx::{Row, SqliteConnection};

use super::read::Source;
use super::sound;
use super::{CopyError, Rescued, RescuedProject, execute};

/// A hole is never longer: a head that says so is damaged itself.
const HOLE_MAX: i64 = 1 << 31;

/// What is read of a span.
#[derive(Debug, Clone)]
struct Span {
    first: i64,
    rows: i64,
    group: Option<i64>,
    segment: Option<i64>,
    times: (i64, i64),
    received_max: i64,
    rank: i64,
}

/// Id runs all of whose parts are there; others are of no use.
const RUNS: [&str; 2] = [
    "DELETE FROM id_runs WHERE parts <> (SELECT count(*) FROM id_run_parts p WHERE p.project = id_runs.project AND p.first = id_runs.first)",
    "DELETE FROM id_run_parts WHERE NOT EXISTS (SELECT 1 FROM id_runs r WHERE r.project = id_run_parts.project AND r.first = id_run_parts.first)",
];
/// What is kept beside a sealed span can be done without.
const SEALED: &str = "INSERT OR IGNORE INTO sealed (project, first, received_max, summary)
    SELECT project, first, time_max, x'' FROM spans WHERE segment_id IS NOT NULL";
/// The files of these are set aside at the next start, and may be adopted.
const UNNAMED: &str = "DELETE FROM segments WHERE NOT EXISTS (SELECT 1 FROM spans s WHERE s.segment_id = segments.id)";

pub(super) async fn mend(
    source: &mut Source,
    new: &mut SqliteConnection,
    segments: &Path,
    rescued: &mut Rescued,
) -> Result<(), CopyError> {
    let mut false_rows = sound::projects(new).await? + sound::records(new).await?;
    for sql in sound::IMPOSSIBLE.iter().chain(&RUNS) {
        false_rows += execute(new, sql).await?;
    }
    if false_rows > 0 {
        rescued.torn.push("(values that cannot be)");
    }
    let groups = take_groups(source, new).await?;
    let named = take_segments(new, segments, rescued).await?;
    execute(new, SEALED).await?;
    let mut next = last_number(new).await? + 1;
    for project in projects(new).await? {
        let spans = spans(new, &project).await?;
        let mut good: Vec<Span> = Vec::new();
        for span in spans {
            let there = span
                .group
                .map_or_else(|| span.segment.is_some_and(|id| named.contains(&id)), |id| groups.contains(&id));
            let behind = good.last().is_none_or(|last| last.first + last.rows <= span.first);
            if there && behind && span.rows > 0 && span.first > 0 {
                good.push(span);
            } else {
                forget(new, &project, span.first).await?;
            }
        }
        let done = holes(new, &project, &good, &mut next).await?;
        rescued.projects.push(done);
    }
    execute(new, UNNAMED).await?;
    let kinds = sqlx::query("SELECT kind, count(*) FROM records GROUP BY kind").fetch_all(&mut *new).await;
    for row in kinds.map_err(CopyError::Database)? {
        rescued
            .records
            .insert(u8::try_from(row.get::<i64, _>(0)).unwrap_or_default(), row.get::<i64, _>(1).unsigned_abs());
    }
    Ok(())
}

/// Takes over the groups whose bytes are sound and are what their spans say; gives their numbers.
async fn take_groups(source: &mut Source, new: &mut SqliteConnection) -> Result<BTreeSet<i64>, CopyError> {
    let rows = sqlx::query(r#"SELECT group_id, first, rows, "offset" FROM spans WHERE group_id IS NOT NULL"#);
    let mut known: BTreeMap<i64, Vec<(u64, usize, usize)>> = BTreeMap::new();
    for row in rows.fetch_all(&mut *new).await.map_err(CopyError::Database)? {
        let size = |column: usize| usize::try_from(row.get::<i64, _>(column)).unwrap_or(usize::MAX);
        known.entry(row.get(0)).or_default().push((row.get::<i64, _>(1).unsigned_abs(), size(2), size(3)));
    }
    let mut taken = BTreeSet::new();
    for (id, spans) in known {
        let Some(blob) = source.blob(id).await else { continue };
        let Ok(positions) = group_positions(&Bytes::from(blob.clone())) else { continue };
        let holds = |(first, rows, offset): &(u64, usize, usize)| {
            let rows = offset.checked_add(*rows).and_then(|end| positions.get(*offset..end));
            rows.is_some_and(|rows| rows.iter().copied().eq(*first..first.saturating_add(rows.len() as u64)))
        };
        // A group that has more rows than its spans could not be sealed.
        let all: usize = spans.iter().map(|(_, rows, _)| rows).sum();
        if all == positions.len() && spans.iter().all(holds) {
            let query = sqlx::query("INSERT INTO groups (id, blob) VALUES (?1, ?2)").bind(id).bind(blob);
            query.execute(&mut *new).await.map_err(CopyError::Database)?;
            taken.insert(id);
        }
    }
    Ok(taken)
}

/// Segments whose spans may stay: those of the directory, and those whose rows are lost and whose files tell their names.
async fn take_segments(
    new: &mut SqliteConnection,
    folder: &Path,
    rescued: &mut Rescued,
) -> Result<BTreeSet<i64>, CopyError> {
    let lost = "SELECT segment_id, max(\"offset\" + rows) FROM spans
        WHERE segment_id IS NOT NULL AND segment_id NOT IN (SELECT id FROM segments) GROUP BY segment_id";
    let files: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    rename(new, &files).await?;
    for row in sqlx::query(lost).fetch_all(&mut *new).await.map_err(CopyError::Database)? {
        let (id, rows): (i64, i64) = (row.get(0), row.get(1));
        let of_id = |name: &&String| name.starts_with(&format!("{id:010}-")) && name.ends_with(".parquet");
        let Some(name) = files.iter().find(of_id) else { continue };
        let bytes = std::fs::metadata(folder.join(name)).map_or(0, |found| found.len());
        let segment = Segment {
            id: SegmentId(id.unsigned_abs()),
            name: name.clone(),
            level: 0,
            rank: id.unsigned_abs(),
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            bytes,
            made_at: Timestamp::EPOCH,
        };
        insert_segment(new, &segment).await?;
    }
    let mut named = BTreeSet::new();
    let rows =
        sqlx::query("SELECT id, name, bytes FROM segments").fetch_all(&mut *new).await.map_err(CopyError::Database)?;
    for row in rows {
        let name: String = row.get(1);
        if let Ok(found) = std::fs::metadata(folder.join(&name)) {
            let length = i64::try_from(found.len()).unwrap_or(i64::MAX);
            let query =
                sqlx::query("UPDATE segments SET bytes = ?1 WHERE id = ?2").bind(length).bind(row.get::<i64, _>(0));
            query.execute(&mut *new).await.map_err(CopyError::Database)?;
        }
        if row.get::<i64, _>(2) > 0 && !files.contains(&name) {
            rescued.missing.push(name);
        }
        named.insert(row.get(0));
    }
    Ok(named)
}

/// A row whose name leads nowhere, while there is a file of its number, has lost its name.
async fn rename(new: &mut SqliteConnection, files: &[String]) -> Result<(), CopyError> {
    let rows = sqlx::query("SELECT id, name FROM segments WHERE bytes > 0").fetch_all(&mut *new).await;
    for row in rows.map_err(CopyError::Database)? {
        let (id, name): (i64, String) = (row.get(0), row.get(1));
        let other = files.iter().find(|file| file.starts_with(&format!("{id:010}-")) && file.ends_with(".parquet"));
        if let Some(other) = other.filter(|_| !files.contains(&name)) {
            let query =
                sqlx::query("UPDATE OR IGNORE segments SET name = ?1 WHERE id = ?2").bind(other.clone()).bind(id);
            query.execute(&mut *new).await.map_err(CopyError::Database)?;
        }
    }
    Ok(())
}

async fn insert_segment(new: &mut SqliteConnection, segment: &Segment) -> Result<(), CopyError> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO segments (id, name, level, rank, rows, bytes, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(number(segment.id.0))
    .bind(segment.name.clone())
    .bind(i64::from(segment.level))
    .bind(number(segment.rank))
    .bind(i64::from(segment.rows))
    .bind(number(segment.bytes))
    .bind(segment.made_at.as_nanos())
    .execute(new)
    .await
    .map(drop)
    .map_err(CopyError::Database)
}

async fn last_number(new: &mut SqliteConnection) -> Result<i64, CopyError> {
    let sql =
        "SELECT max(coalesce((SELECT max(id) FROM segments), 0), coalesce((SELECT max(segment_id) FROM spans), 0))";
    sqlx::query_scalar(sql).fetch_one(new).await.map_err(CopyError::Database)
}

async fn projects(new: &mut SqliteConnection) -> Result<Vec<String>, CopyError> {
    let sql = "SELECT project FROM heads UNION SELECT project FROM spans";
    sqlx::query_scalar(sql).fetch_all(new).await.map_err(CopyError::Database)
}

async fn spans(new: &mut SqliteConnection, project: &str) -> Result<Vec<Span>, CopyError> {
    let sql = r#"SELECT s.first, s.rows, s.group_id, s.segment_id, s.time_min, s.time_max,
            coalesce(d.received_max, s.time_max), coalesce(g.rank, 0)
        FROM spans s LEFT JOIN sealed d ON d.project = s.project AND d.first = s.first
        LEFT JOIN segments g ON g.id = s.segment_id WHERE s.project = ?1 ORDER BY s.first"#;
    let rows = sqlx::query(sql).bind(project.to_owned()).fetch_all(new).await.map_err(CopyError::Database)?;
    let span = |row: &sqlx::sqlite::SqliteRow| Span {
        first: row.get(0),
        rows: row.get(1),
        group: row.get(2),
        segment: row.get(3),
        times: (row.get(4), row.get(5)),
        received_max: row.get(6),
        rank: row.get(7),
    };
    Ok(rows.iter().map(span).collect())
}

async fn forget(new: &mut SqliteConnection, project: &str, first: i64) -> Result<(), CopyError> {
    for sql in
        ["DELETE FROM spans WHERE project = ?1 AND first = ?2", "DELETE FROM sealed WHERE project = ?1 AND first = ?2"]
    {
        let query = sqlx::query(sql).bind(project.to_owned()).bind(first);
        query.execute(&mut *new).await.map_err(CopyError::Database)?;
    }
    Ok(())
}

/// Fills what lies between the spans, and puts the head right.
async fn holes(
    new: &mut SqliteConnection,
    project: &str,
    spans: &[Span],
    next: &mut i64,
) -> Result<RescuedProject, CopyError> {
    let head =
        sqlx::query_as::<_, (i64, i64)>("SELECT first, last FROM heads WHERE project = ?1").bind(project.to_owned());
    let head = head.fetch_optional(&mut *new).await.map_err(CopyError::Database)?;
    let (low, high) = (spans.first().map(|span| span.first), spans.last().map(|span| span.first + span.rows - 1));
    let head = head.filter(|(first, last)| {
        *first >= 1
            && first <= &low.unwrap_or(*first)
            && *last >= high.unwrap_or(first - 1)
            && last - high.unwrap_or(first - 1) < HOLE_MAX
            && low.unwrap_or(*first) - first < HOLE_MAX
    });
    let (first, last) = head.unwrap_or((low.unwrap_or(1), high.unwrap_or(0)));
    let mut done = RescuedProject {
        project: project.to_owned(),
        kept: spans.iter().map(|span| span.rows.unsigned_abs()).sum(),
        lost: Vec::new(),
    };
    let (mut at, mut before) = (first, None);
    for span in spans.iter().map(Some).chain([None]) {
        let to = span.map_or(last, |span| span.first - 1);
        if at <= to {
            hole(new, project, (at, to), (before, span), *next).await?;
            *next += 1;
            done.lost.push((at.unsigned_abs(), to.unsigned_abs()));
        }
        at = span.map_or(at, |span| span.first + span.rows);
        before = span;
    }
    let sql = "INSERT INTO heads (project, last, first) VALUES (?1, ?2, ?3)
        ON CONFLICT (project) DO UPDATE SET last = excluded.last, first = excluded.first";
    let query = sqlx::query(sql).bind(project.to_owned()).bind(last).bind(first);
    query.execute(new).await.map_err(CopyError::Database)?;
    Ok(done)
}

/// Positions whose events are lost: a segment that has no file, with times as wide as its neighbours', so that whoever asks for a
/// time around them is told.
async fn hole(
    new: &mut SqliteConnection,
    project: &str,
    (from, to): (i64, i64),
    (before, after): (Option<&Span>, Option<&Span>),
    number: i64,
) -> Result<(), CopyError> {
    let beside = || before.into_iter().chain(after);
    let times =
        (beside().map(|span| span.times.0).min().unwrap_or(0), beside().map(|span| span.times.1).max().unwrap_or(0));
    let received = beside().map(|span| span.received_max).max().unwrap_or(0);
    // Behind what is sealed before it, and before what is not sealed yet.
    let rank = before.map_or(0, |span| if span.segment.is_some() { span.rank } else { number });
    let rows = u32::try_from(to - from + 1).unwrap_or(u32::MAX);
    let gap = Segment::gap(SegmentId(number.unsigned_abs()), rank.unsigned_abs(), rows, Timestamp::EPOCH);
    insert_segment(new, &gap).await?;
    let sql = r#"INSERT INTO spans (project, first, rows, segment_id, "offset", time_min, time_max, blob_bytes)
        VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, 0)"#;
    let query = sqlx::query(sql).bind(project.to_owned()).bind(from).bind(i64::from(rows)).bind(number);
    query.bind(times.0).bind(times.1).execute(&mut *new).await.map_err(CopyError::Database)?;
    let sql = "INSERT OR REPLACE INTO sealed (project, first, received_max, summary) VALUES (?1, ?2, ?3, x'')";
    let query = sqlx::query(sql).bind(project.to_owned()).bind(from).bind(received);
    query.execute(new).await.map(drop).map_err(CopyError::Database)
}
