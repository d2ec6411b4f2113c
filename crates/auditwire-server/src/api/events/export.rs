//! `GET /events/export`: all matching events as one file of any length.

use auditwire_engine::export::{self, Wanted};
use auditwire_engine::projects;
use auditwire_model::access::Verb;
use auditwire_model::export::{Format, Formulas};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;

use super::beside::number;
use super::range::{Params, Question, Which};
use crate::App;
use crate::api::auth::{Auth, InProject};
use crate::api::problem::{Problem, ProblemBody, Result};

/// How many events are to be expected.
const EVENTS: HeaderName = HeaderName::from_static("x-export-events");
/// Whether that number is exact.
const EVENTS_EXACT: HeaderName = HeaderName::from_static("x-export-events-exact");

/// Export events
///
/// All events that match when the request comes, as one file. An export that cannot go on breaks the connection off: what
/// ended properly is whole. The audit event `export` is on disk before the first byte goes out, `export-end` tells how it
/// ended.
#[utoipa::path(
    get,
    path = "/events/export",
    tag = "events",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("format" = String, Query, description = "`tsv`, `csv`, `jsonl` or `parquet`"),
        Which,
        ("order" = Option<String>, Query, description = "`desc` (default) or `asc`, by `seq`"),
        ("limit" = Option<u64>, Query, description = "At most so many events; all when absent"),
        ("raw" = Option<bool>, Query, description = "True leaves cells of TSV and CSV as they are that a spreadsheet would run as a formula; false (default) puts an apostrophe in front"),
    ),
    responses(
        (status = 200, content(
            (String = "text/tab-separated-values"), (String = "text/csv"), (String = "application/x-ndjson"),
            (Vec<u8> = "application/vnd.apache.parquet"),
        ), headers(
            ("x-export-events" = u64, description = "How many events are to be expected"),
            ("x-export-events-exact" = bool, description = "False when there may be more, because counting took too long"),
        ), description = "The file"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "A parameter is wrong"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "Too many exports at once"),
    )
)]
pub(crate) async fn export_events(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    method: Method,
    params: Params,
) -> Result<Response> {
    let mut params = params.only(&["format", "q", "from", "to", "plane", "order", "limit", "raw"])?;
    let question = Question::take(&mut params);
    let now = app.engine().clock.now();
    let limit = number("limit", "invalid_limit", params.take("limit"))?;
    let wanted = Wanted {
        question: question.beside(now)?,
        order: question.order()?,
        limit: limit.map(|limit| limit as u64),
        format: read_format(params.take("format").as_deref())?,
        formulas: read_raw(params.take("raw").as_deref())?,
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(wanted.format.media_type())),
        (header::CONTENT_DISPOSITION, file_name(&project, now, wanted.format)?),
    ];
    if method == Method::HEAD {
        // Nothing is taken out, so nothing is counted and nothing told (RFC 9110 section 9.3.2 lets a server leave out what only
        // the body's making would show).
        projects::authorize(app.engine(), &auth.caller, &project, Verb::ExportEvents).await?;
        // An empty body has a length, and Content-Length would tell it as the file's (section 8.6): a stream has none.
        let nothing = futures_util::stream::empty::<std::io::Result<bytes::Bytes>>();
        return Ok((StatusCode::OK, headers, Body::from_stream(nothing)).into_response());
    }
    let file = export::export(app.engine(), &auth.caller, &project, &wanted).await?;
    let expected = [
        (EVENTS, HeaderValue::from(file.expected.count)),
        (EVENTS_EXACT, HeaderValue::from_static(if file.expected.exact { "true" } else { "false" })),
    ];
    // An error of the stream breaks the connection off.
    Ok((StatusCode::OK, headers, expected, Body::from_stream(file.pieces.into_stream())).into_response())
}

fn read_format(text: Option<&str>) -> Result<Format> {
    let refuse = || {
        let known = Format::ALL.map(Format::as_str).join(", ");
        Problem::bad_request("invalid_format", format!("say the format of the file: {known}")).in_field("format")
    };
    text.and_then(Format::parse).ok_or_else(refuse)
}

fn read_raw(text: Option<&str>) -> Result<Formulas> {
    match text {
        None | Some("false") => Ok(Formulas::Neutralised),
        Some("true") => Ok(Formulas::Raw),
        Some(_) => Err(Problem::bad_request("invalid_value", "raw is true or false").in_field("raw")),
    }
}

/// `events-PROJECT-TIME.FORMAT`, as what to save the answer under.
fn file_name(
    project: &auditwire_model::ProjectId,
    now: auditwire_model::Timestamp,
    format: Format,
) -> Result<HeaderValue> {
    let name = format!("events-{project}-{}.{}", now.to_jiff().strftime("%Y%m%dT%H%M%SZ"), format.as_str());
    // A project's id holds nothing that a header would refuse.
    HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the file could not be named"))
}
