//! The list as a file, and everything that matches as one. It is a POST, because every export is an audit event.

use auditwire_engine::export::{self, Wanted};
use auditwire_engine::search::{Question, Search};
use auditwire_model::Timestamp;
use auditwire_model::export::{Format, Formulas};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::asked::Asked;
use super::query_of;
use super::view::View;
use crate::api::Problem;
use crate::console::form::Posted;
use crate::console::who::InProject;

/// Most rows of a file that is as the list.
pub(super) const ROWS: usize = 1_000;

/// `POST /projects/{project}/events/download`, with the query of the list. `format` asks for everything that matches, of any
/// length; without it the answer is the list as TSV, as far as it is no longer than 1000 rows.
pub(super) async fn download(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let view = Asked::read(query_of(&by.visitor.guest.here), &by.calendar(), by.words()).searchable()?.first();
    let (now, format) = (by.engine().clock.now(), form.text("format"));
    if format.is_empty() {
        let search = view.search(now, ROWS).search;
        let file = export::tsv(by.engine(), by.caller(), &by.project.id, &search).await?;
        return Ok((headers(&by, now, Format::Tsv)?, file).into_response());
    }
    let format = Format::parse(format);
    let format = format.ok_or_else(|| Problem::bad_request("invalid_format", "choose a format of the menu"))?;
    let formulas = if form.has("raw") { Formulas::Raw } else { Formulas::Neutralised };
    everything(&by, &view, now, format, formulas).await
}

/// A file of any length. When it breaks off, so does the connection, and the browser says that the download failed.
async fn everything(
    by: &InProject,
    view: &View,
    now: Timestamp,
    format: Format,
    formulas: Formulas,
) -> Result<Response, Problem> {
    let search = view.search(now, ROWS).search;
    let question = export_question(&search);
    let wanted = Wanted { question, order: search.order, limit: None, format, formulas };
    let file = export::export(by.engine(), by.caller(), &by.project.id, &wanted).await?;
    Ok((headers(by, now, format)?, Body::from_stream(file.pieces)).into_response())
}

/// The same events as the list's, live or not.
fn export_question(search: &Search) -> Question {
    let Search { query, time_from, time_to, plane, .. } = search.clone();
    Question { query, time_from, time_to, plane }
}

fn headers(by: &InProject, now: Timestamp, format: Format) -> Result<[(HeaderName, HeaderValue); 2], Problem> {
    let time = now.to_jiff().strftime("%Y%m%dT%H%M%SZ");
    let name = format!("attachment; filename=\"events-{}-{time}.{}\"", by.project.id, format.as_str());
    let name = HeaderValue::from_str(&name).map_err(|_| unnamed())?;
    Ok([(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())), (header::CONTENT_DISPOSITION, name)])
}

/// A project's id holds nothing that a header would refuse.
fn unnamed() -> Problem {
    Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "internal", "the file could not be named")
}
