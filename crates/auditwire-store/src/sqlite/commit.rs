//! One commit, one transaction. A commit of events only is one trip to SQLite's thread: on a busy machine each trip
//! costs more than the statements.

use std::fmt::Write as _;

use auditwire_engine::store::{Change, Commit, Effect, Expect, Group, IdRun, Span, StoreError};
use auditwire_model::{Position, ProjectId};
use sqlx::{Row, SqliteConnection};

use super::error::from_sqlx;
use super::owner::Owner;
use super::read::number;
use super::{files, patch, seal};

/// Writes a group: ?1 its number, ?2 its blob, ?3 its spans, ?4 the mark of this process: with another one in the store, or none, the
/// blob is NULL, which its column refuses. JSON keeps the text, and with it the prepared statements,
/// the same for any number of projects.
macro_rules! group_sql {
    () => {
        r#"
INSERT INTO groups (id, blob) VALUES (?1, CASE WHEN (SELECT mark FROM owner) = ?4 THEN ?2 END);
INSERT INTO spans (group_id, project, first, rows, "offset", time_min, time_max, blob_bytes)
SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?3);
INSERT INTO heads (project, last)
SELECT value ->> 0, CASE WHEN value ->> 1 = coalesce(h.last, 0) + 1 THEN value ->> 1 + value ->> 2 - 1 END
FROM json_each(?3) LEFT JOIN heads h ON h.project = value ->> 0
WHERE true
ON CONFLICT (project) DO UPDATE SET last = excluded.last;
"#
    };
}

const GROUP: &str = group_sql!();
const GROUP_ALONE: &str = concat!("BEGIN IMMEDIATE;", group_sql!(), "COMMIT;");

pub(super) async fn commit(writer: &mut SqliteConnection, owner: &Owner, commit: Commit) -> Result<(), StoreError> {
    owner.ensure(writer).await?;
    let done = attempt(writer, owner, commit).await;
    if done.is_err() {
        // SQLite has often rolled back by itself; then there is nothing to roll back and this error means nothing.
        let _ = execute(writer, "ROLLBACK").await;
    }
    done
}

async fn attempt(writer: &mut SqliteConnection, owner: &Owner, commit: Commit) -> Result<(), StoreError> {
    let Commit { group, changes, id_runs, expired_id_runs, seal, patch, expire, drop_groups, files } = commit;
    let upkeep = seal.is_some() || patch.is_some() || !expire.is_empty() || drop_groups.is_some() || !files.is_empty();
    if changes.is_empty() && id_runs.is_empty() && expired_id_runs.is_empty() && !upkeep {
        return match group {
            Some(group) => write_group(writer, owner, GROUP_ALONE, group).await,
            None => Ok(()),
        };
    }
    begin(writer, owner).await?;
    for change in changes {
        apply(writer, change).await?;
    }
    if let Some(group) = group {
        write_group(writer, owner, GROUP, group).await?;
    }
    if let Some(seal) = seal {
        seal::seal(writer, seal).await?;
    }
    if let Some(patch) = patch {
        patch::apply(writer, patch).await?;
    }
    seal::expire(writer, &expire).await?;
    files::write(writer, files).await?;
    if let Some(through) = drop_groups {
        seal::drop_groups(writer, through).await?;
    }
    for (project, first) in expired_id_runs {
        remove_runs(writer, &project, first, first).await?;
    }
    for run in id_runs {
        write_run(writer, run).await?;
    }
    execute(writer, "COMMIT").await
}

async fn execute(writer: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(writer).await.map(drop).map_err(from_sqlx)
}

/// Begins a transaction that only the owner of the store gets; one trip.
async fn begin(writer: &mut SqliteConnection, owner: &Owner) -> Result<(), StoreError> {
    let found = sqlx::query_scalar("BEGIN IMMEDIATE; SELECT mark FROM owner").fetch_all(writer).await;
    let found: Vec<Vec<u8>> = found.map_err(from_sqlx)?;
    owner.check(found.first().map_or(&[], Vec::as_slice))
}

async fn write_group(
    writer: &mut SqliteConnection,
    owner: &Owner,
    sql: &'static str,
    group: Group,
) -> Result<(), StoreError> {
    let spans = spans_as_json(&group.spans);
    let id = number(group.id.0);
    let query = sqlx::query(sql).bind(id).bind(Vec::from(group.blob)).bind(spans).bind(owner.expected());
    query.execute(writer).await.map(drop).map_err(from_sqlx)
}

fn spans_as_json(spans: &[Span]) -> String {
    let mut json = String::with_capacity(2 + spans.len() * 80);
    json.push('[');
    for (i, span) in spans.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // A project id holds nothing that JSON would escape.
        let _ = write!(
            json,
            r#"{comma}["{}",{},{},{},{},{},{}]"#,
            span.project,
            span.first,
            span.rows,
            span.offset,
            span.time_min.as_nanos(),
            span.time_max.as_nanos(),
            span.blob_bytes
        );
    }
    json.push(']');
    json
}

async fn apply(writer: &mut SqliteConnection, change: Change) -> Result<(), StoreError> {
    let Change { key, expect, effect } = change;
    let (kind, project) = (i64::from(key.kind as u8), key.project.as_ref().map_or("", ProjectId::as_str).to_owned());
    let stored = sqlx::query("SELECT version FROM records WHERE kind = ?1 AND project = ?2 AND id = ?3")
        .bind(kind)
        .bind(project.clone())
        .bind(key.id.clone())
        .fetch_optional(&mut *writer)
        .await
        .map_err(from_sqlx)?
        .map(|row| row.get::<i64, _>(0));
    let holds = match expect {
        Expect::Any => true,
        Expect::Absent => stored.is_none(),
        Expect::Version(version) => stored == Some(number(version)),
    };
    if !holds {
        return Err(StoreError::Conflict { key });
    }
    let query = match effect {
        Effect::None => return Ok(()),
        Effect::Delete => sqlx::query("DELETE FROM records WHERE kind = ?1 AND project = ?2 AND id = ?3")
            .bind(kind)
            .bind(project)
            .bind(key.id),
        Effect::Put(value) => sqlx::query(
            "INSERT INTO records (kind, project, id, version, value) VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT DO UPDATE SET version = version + 1, value = excluded.value",
        )
        .bind(kind)
        .bind(project)
        .bind(key.id)
        .bind(value),
    };
    query.execute(writer).await.map(drop).map_err(from_sqlx)
}

async fn write_run(writer: &mut SqliteConnection, run: IdRun) -> Result<(), StoreError> {
    remove_runs(writer, &run.project, run.first, run.last).await?;
    sqlx::query(
        "INSERT INTO id_runs (project, first, last, newest, level, parts, filter) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(run.project.as_str().to_owned())
    .bind(number(run.first.0))
    .bind(number(run.last.0))
    .bind(run.newest.as_nanos())
    .bind(i64::from(run.level))
    .bind(number(run.parts.len() as u64))
    .bind(Vec::from(run.filter))
    .execute(&mut *writer)
    .await
    .map_err(from_sqlx)?;
    for (part, hashes) in run.parts.into_iter().enumerate() {
        sqlx::query("INSERT INTO id_run_parts (project, first, part, hashes) VALUES (?1, ?2, ?3, ?4)")
            .bind(run.project.as_str().to_owned())
            .bind(number(run.first.0))
            .bind(number(part as u64))
            .bind(Vec::from(hashes))
            .execute(&mut *writer)
            .await
            .map_err(from_sqlx)?;
    }
    Ok(())
}

/// Removes the runs that begin in `from ..= to`; a run that a new one covers begins inside it.
async fn remove_runs(
    writer: &mut SqliteConnection,
    project: &ProjectId,
    from: Position,
    to: Position,
) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM id_run_parts WHERE project = ?1 AND first BETWEEN ?2 AND ?3",
        "DELETE FROM id_runs WHERE project = ?1 AND first BETWEEN ?2 AND ?3",
    ] {
        let query = sqlx::query(sql).bind(project.as_str().to_owned()).bind(number(from.0)).bind(number(to.0));
        query.execute(&mut *writer).await.map_err(from_sqlx)?;
    }
    Ok(())
}
