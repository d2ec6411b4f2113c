//! The list as TSV. It is a POST, because every export is an audit event.

use auditwire_engine::export;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::asked::Asked;
use super::query_of;
use crate::api::Problem;
use crate::console::form::Posted;
use crate::console::who::InProject;

/// Most rows of a file.
const ROWS: usize = 1_000;

/// `POST /projects/{project}/events/download`, with the query of the list.
pub(super) async fn download(Posted { by, .. }: Posted<InProject>) -> Result<Response, Problem> {
    let engine = by.engine();
    let asked = Asked::read(query_of(&by.visitor.guest.here), &by.calendar(), by.words());
    let now = engine.clock.now();
    let search = asked.view.first().search(now, ROWS).search;
    let file = export::tsv(engine, by.caller(), &by.project.id, &search).await?;
    let name = format!("events-{}-{}.tsv", by.project.id, now.to_jiff().strftime("%Y%m%dT%H%M%SZ"));
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).map_err(|_| unnamed())?;
    let kind = HeaderValue::from_static("text/tab-separated-values; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], file).into_response())
}

/// A project's id holds nothing that a header would refuse.
fn unnamed() -> Problem {
    Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "internal", "the file could not be named")
}
