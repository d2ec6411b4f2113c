//! `GET /events` and `GET /events/{seq}`: events out, as their canonical bytes.

use std::convert::Infallible;

use auditwire_engine::search::{self, Page};
use auditwire_model::ProjectId;
use auditwire_model::event::{view, write_canonical};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};

use super::cursor::Cursor;
use super::range::{Params, Question, Which, read_limit};
use crate::App;
use crate::api::auth::{Auth, InProject, PathSeq};
use crate::api::problem::{ProblemBody, Result};

/// Pieces in which a page is written.
const CHUNK_BYTES: usize = 256 << 10;

/// List events
///
/// In the order of `seq`, newest first by default. `next` is the cursor of the next page, or null at the end.
#[utoipa::path(
    get,
    path = "/events",
    tag = "events",
    params(
        ("project" = String, Path, description = "The project's id"),
        Which,
        ("order" = Option<String>, Query, description = "`desc` (default) or `asc`, by `seq`"),
        ("limit" = Option<u16>, Query, description = "1–1000, default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before; never expires, belongs to its query"),
    ),
    responses(
        (status = 200, content_type = "application/json", body = Object, description = "`{\"events\":[…],\"next\":\"…\"|null,\"partial\":false}`"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "A parameter is wrong"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "No such project"),
    )
)]
pub(crate) async fn list_events(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    params: Params,
) -> Result<Response> {
    let mut params = params.only(&["q", "from", "to", "plane", "order", "limit", "cursor"])?;
    let question = Question::take(&mut params);
    let limit = read_limit(params.take("limit").as_deref())?;
    answer(&app, &auth, &project, &question, limit, params.take("cursor")).await
}

/// The page that a question asks for.
pub(super) async fn answer(
    app: &App,
    auth: &Auth,
    project: &ProjectId,
    question: &Question,
    limit: usize,
    cursor: Option<String>,
) -> Result<Response> {
    let cursor = cursor.map(|text| Cursor::read(&text, project, question)).transpose()?;
    let now = cursor.map_or_else(|| app.engine().clock.now(), |c| c.now);
    let wanted = question.search(cursor, now, limit)?;
    let page = search::page(app.engine(), &auth.caller, project, &wanted).await?;
    let next = page.next.map(|after| Cursor { after, now }.write(project, question));
    Ok(write_page(page, next))
}

/// Read one event
#[utoipa::path(
    get,
    path = "/events/{seq}",
    tag = "events",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("seq" = u64, Path, description = "The event's position"),
    ),
    responses(
        (status = 200, content_type = "application/json", body = Object, description = "The event"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "No such event"),
    )
)]
pub(crate) async fn get_event(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathSeq(seq): PathSeq,
) -> Result<Response> {
    let batch = search::event(app.engine(), &auth.caller, &project, seq).await?;
    let mut body = Vec::new();
    write_canonical(&view(&batch, 0), &mut body);
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Writes the page piece by piece: a thousand events of the largest size would be a quarter of a gigabyte at once.
fn write_page(page: Page, next: Option<String>) -> Response {
    let mut writer = PageWriter { page, next, batch: 0, row: 0, state: Progress::Begin };
    let first = writer.next().unwrap_or_default();
    let body = match writer.state {
        Progress::Done => Body::from(first),
        _ => Body::from_stream(stream::iter(std::iter::once(first).chain(writer).map(Ok::<_, Infallible>))),
    };
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

struct PageWriter {
    page: Page,
    next: Option<String>,
    batch: usize,
    row: usize,
    state: Progress,
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    Begin,
    Rows,
    Done,
}

impl Iterator for PageWriter {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        let mut first = false;
        match self.state {
            Progress::Done => return None,
            Progress::Rows => {}
            Progress::Begin => {
                out.extend_from_slice(b"{\"events\":[");
                self.state = Progress::Rows;
                first = true;
            }
        }
        while out.len() < CHUNK_BYTES {
            let Some(batch) = self.page.batches.get(self.batch) else {
                self.end(&mut out);
                break;
            };
            if self.row >= batch.num_rows() {
                (self.batch, self.row) = (self.batch + 1, 0);
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            write_canonical(&view(batch, self.row), &mut out);
            self.row += 1;
        }
        Some(out.into())
    }
}

impl PageWriter {
    fn end(&mut self, out: &mut Vec<u8>) {
        // A cursor holds only hex digits, so it needs no escaping.
        let next = self.next.take().map_or_else(|| "null".to_owned(), |text| format!("\"{text}\""));
        let partial = self.page.partial || !self.page.unreadable.is_empty();
        out.extend_from_slice(format!("],\"next\":{next},\"partial\":{partial}").as_bytes());
        if !self.page.unreadable.is_empty() {
            let unreadable = self.page.unreadable.iter();
            let unreadable = unreadable.map(|part| json!({"from": part.from, "to": part.to, "segment": part.segment}));
            let unreadable = Value::from_iter(unreadable);
            out.extend_from_slice(format!(",\"unreadable\":{unreadable}").as_bytes());
        }
        out.push(b'}');
        self.state = Progress::Done;
    }
}

#[cfg(test)]
mod tests {
    use auditwire_engine::log::Damage;
    use auditwire_model::Position;

    use super::*;

    #[test]
    fn a_page_names_what_could_not_be_read() {
        let damage = Damage {
            from: Position(3),
            to: Position(7),
            segment: "s \"1\"".to_owned(),
            detail: "not for everyone".to_owned(),
        };
        for (unreadable, expected) in [
            (vec![], json!({"events": [], "next": "1", "partial": false})),
            (
                vec![damage],
                json!({
                    "events": [], "next": "1", "partial": true,
                    "unreadable": [{"from": 3, "to": 7, "segment": "s \"1\""}],
                }),
            ),
        ] {
            let page = Page { unreadable, ..Page::default() };
            let writer = PageWriter { page, next: Some("1".to_owned()), batch: 0, row: 0, state: Progress::Begin };
            let bytes: Vec<u8> = writer.flatten().collect();
            assert_eq!(serde_json::from_slice::<Value>(&bytes).expect("is JSON"), expected);
        }
    }
}
