//! The part of a commit that puts the directory right after a restore.

use auditwire_engine::store::{Head, Patch, Place, SealedSpan, Span, StoreError};
use auditwire_model::{Position, ProjectId};
use sqlx::SqliteConnection;

use super::error::from_sqlx;
use super::read::{columns, number, span, unsigned};
use super::seal::insert;

pub(super) async fn apply(writer: &mut SqliteConnection, patch: Patch) -> Result<(), StoreError> {
    let mut old = Vec::with_capacity(patch.gone.len());
    for (project, first) in &patch.gone {
        old.push(span_at(writer, project, *first).await?);
    }
    let mut known = Vec::new();
    for sealed in &patch.spans {
        known.extend(head(writer, &sealed.span.project).await?);
    }
    let heads = patch.heads_after(&old, |project| known.iter().find(|head| head.project == *project).cloned())?;
    for (project, first) in &patch.gone {
        for sql in [
            "DELETE FROM sealed WHERE project = ?1 AND first = ?2",
            "DELETE FROM spans WHERE project = ?1 AND first = ?2",
        ] {
            let query = sqlx::query(sql).bind(project.as_str().to_owned()).bind(number(first.0));
            query.execute(&mut *writer).await.map_err(from_sqlx)?;
        }
    }
    for segment in patch.segments {
        insert(writer, segment).await?;
    }
    for sealed in patch.spans {
        insert_span(writer, sealed).await?;
    }
    for Head { project, first, last } in heads {
        let sql = "INSERT INTO heads (project, first, last) VALUES (?1, ?2, ?3)
                   ON CONFLICT (project) DO UPDATE SET last = excluded.last";
        let query = sqlx::query(sql).bind(project.as_str().to_owned()).bind(number(first.0)).bind(number(last.0));
        query.execute(&mut *writer).await.map_err(from_sqlx)?;
    }
    let sql = "DELETE FROM segments WHERE NOT EXISTS (SELECT 1 FROM spans s WHERE s.segment_id = segments.id)";
    sqlx::query(sql).execute(writer).await.map(drop).map_err(from_sqlx)
}

async fn span_at(writer: &mut SqliteConnection, project: &ProjectId, first: Position) -> Result<Span, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM spans s WHERE s.project = ?1 AND s.first = ?2");
    let query = sqlx::query(sql).bind(project.as_str().to_owned()).bind(number(first.0));
    let row = query.fetch_optional(writer).await.map_err(from_sqlx)?;
    let row = row.ok_or_else(|| StoreError::Mismatch(format!("project {project}, no span at seq {first}")))?;
    span(project, &row)
}

async fn head(writer: &mut SqliteConnection, project: &ProjectId) -> Result<Option<Head>, StoreError> {
    let query = sqlx::query("SELECT first, last FROM heads WHERE project = ?1").bind(project.as_str().to_owned());
    let row = query.fetch_optional(writer).await.map_err(from_sqlx)?;
    row.map(|row| {
        Ok(Head {
            project: project.clone(),
            first: Position(unsigned(&row, 0, "heads.first")?),
            last: Position(unsigned(&row, 1, "heads.last")?),
        })
    })
    .transpose()
}

async fn insert_span(writer: &mut SqliteConnection, sealed: SealedSpan) -> Result<(), StoreError> {
    let SealedSpan { span, received_max, summary } = sealed;
    let Place::Segment(segment) = span.place else {
        return Err(StoreError::Mismatch(format!("{:?} is no segment", span.place)));
    };
    sqlx::query(
        r#"INSERT INTO spans (project, first, rows, segment_id, "offset", time_min, time_max, blob_bytes)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"#,
    )
    .bind(span.project.as_str().to_owned())
    .bind(number(span.first.0))
    .bind(i64::from(span.rows))
    .bind(number(segment.0))
    .bind(i64::from(span.offset))
    .bind(span.time_min.as_nanos())
    .bind(span.time_max.as_nanos())
    .bind(i64::from(span.blob_bytes))
    .execute(&mut *writer)
    .await
    .map_err(from_sqlx)?;
    sqlx::query("INSERT INTO sealed (project, first, received_max, summary) VALUES (?1, ?2, ?3, ?4)")
        .bind(span.project.as_str().to_owned())
        .bind(number(span.first.0))
        .bind(received_max.as_nanos())
        .bind(Vec::from(summary))
        .execute(writer)
        .await
        .map(drop)
        .map_err(from_sqlx)
}
