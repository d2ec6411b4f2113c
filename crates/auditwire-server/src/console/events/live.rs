//! The live tail: rows of the table as server-sent events (WHATWG HTML, section 9.2), rendered here.
//!
//! However many events come, a message comes at most every [`PACE`] and holds at most [`ROWS`] rows, the newest; what it leaves
//! out it counts. Nothing is gathered for a browser that does not read: the log is the buffer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use askama::Template;
use auditwire_engine::{Result as EngineResult, people, search};
use auditwire_model::Position;
use auditwire_model::event::view;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use super::asked::Asked;
use super::query_of;
use super::range::{Quick, Range};
use super::row::{Row, Rows};
use super::view::{Place, View};
use crate::api::Problem;
use crate::console::form::Form;
use crate::console::who::{InProject, Visitor};
use crate::console::words::Words;

/// Most rows of one message.
const ROWS: usize = 200;
/// Shortest time between two messages.
const PACE: Duration = Duration::from_millis(250);
/// Who comes back after more than this many events is shown the newest of them.
const BEHIND_MAX: u64 = 10_000;

type Batches = BoxStream<'static, EngineResult<arrow_array::RecordBatch>>;

/// `GET /projects/{project}/events/live`.
pub(super) async fn live(by: InProject, headers: HeaderMap) -> Result<Response, Problem> {
    let query = query_of(&by.visitor.guest.here);
    let view = Asked::read(query, &by.calendar(), by.words()).searchable()?;
    let head = by.engine().log.head(&by.project.id);
    let asked = last_seen(&headers, query);
    // Ahead of the log: the browser followed another log under this name (a restored store, say).
    let after = asked.map_or(head, |seq| seq.min(head)).max(Position(head.0.saturating_sub(BEHIND_MAX)));
    let skipped = asked.filter(|seq| *seq < after).map_or(0, |seq| after.0 - seq.0);
    let batches =
        search::tail(by.engine(), by.caller(), &by.project.id, view.query(), Some(view.plane), Some(after)).await?;
    let app = by.visitor.guest.app.clone();
    let every = app.limits().tail_heartbeat;
    let mut heartbeat = interval_at(Instant::now() + every, every);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let gathered = Gathered { more: skipped, ..Gathered::default() };
    let address = View { place: Place::First, ..view.clone() }.address();
    let live = Live { by, view, address, batches, heartbeat, gathered, next_at: Instant::now() };
    let first = Bytes::from_static(b"retry: 2000\n\n");
    let body = stream::once(async { first }).chain(stream::unfold(live, Live::step));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((StatusCode::OK, headers, Body::from_stream(body.map(Ok::<_, Infallible>))).into_response())
}

/// What the browser has: its own word when it comes again, else what the page said.
fn last_seen(headers: &HeaderMap, query: &str) -> Option<Position> {
    let header = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|text| text.parse().ok());
    header.or_else(|| Form::parse(query.as_bytes()).text("after").parse().ok()).map(Position)
}

/// Stands below the rows of a message that leaves some out.
#[derive(Template)]
#[template(path = "events/rest.html")]
struct Rest {
    words: Words,
    /// A page that begins with them.
    url: String,
    more: u64,
}

struct Live {
    by: InProject,
    view: View,
    /// Of the view, for the links of the rows.
    address: String,
    batches: Batches,
    heartbeat: Interval,
    gathered: Gathered,
    /// When the next message may go.
    next_at: Instant,
}

impl Live {
    /// The next piece of the stream; `None` ends it, and the browser comes again with `Last-Event-ID`.
    async fn step(mut self) -> Option<(Bytes, Self)> {
        let end = self.by.visitor.guest.app.streams_end().clone();
        loop {
            tokio::select! {
                biased;
                () = end.cancelled() => return None,
                () = sleep_until(self.next_at), if self.gathered.any() => {
                    self.next_at = Instant::now() + PACE;
                    let message = self.message()?;
                    return Some((message, self));
                }
                _ = self.heartbeat.tick() => {
                    let visitor = &self.by.visitor;
                    if !still_signed_in(visitor).await {
                        return None;
                    }
                    return Some((Bytes::from_static(b": still here\n\n"), self));
                }
                batch = self.batches.next() => match batch? {
                    Ok(batch) => self.gather(&batch),
                    Err(error) => {
                        tracing::warn!(project = %self.by.project.id, %error, "a live tail ended early");
                        return None;
                    }
                },
            }
        }
    }

    fn gather(&mut self, batch: &arrow_array::RecordBatch) {
        let (urls, calendar) = (self.by.urls(), self.by.calendar());
        let left_out = batch.num_rows().saturating_sub(ROWS);
        let rows = (left_out..batch.num_rows()).map(|row| Row::new(&view(batch, row), &self.address, urls, &calendar));
        self.gathered.add(left_out, rows);
    }

    /// What was gathered, as one message.
    fn message(&mut self) -> Option<Bytes> {
        let Gathered { rows, more } = std::mem::take(&mut self.gathered);
        let rows: Vec<Row> = rows.into_iter().rev().collect();
        let (newest, oldest) = (rows.first()?.seq, rows.last()?.seq);
        let (words, urls) = (self.by.words(), self.by.urls());
        let html = Rows { words, rows }.render().ok()?;
        let rest = match more {
            0 => String::new(),
            more => {
                let view = self.view.going_live(false).in_range(Range::Quick(Quick::All));
                let url = View { place: Place::Before(oldest), ..view }.url(urls);
                Rest { words, url, more }.render().ok()?
            }
        };
        Some(write(newest, &html, &rest))
    }
}

/// Rows that wait for the next message, and the number of those that no longer do.
#[derive(Debug, Default)]
struct Gathered {
    /// Oldest first.
    rows: VecDeque<Row>,
    more: u64,
}

impl Gathered {
    fn any(&self) -> bool {
        !self.rows.is_empty()
    }

    fn add(&mut self, left_out: usize, rows: impl Iterator<Item = Row>) {
        self.more += left_out as u64;
        for row in rows {
            if self.rows.len() == ROWS {
                self.rows.pop_front();
                self.more += 1;
            }
            self.rows.push_back(row);
        }
    }
}

/// A stream must not outlive the session that opened it. (Apart from [`Live`], whose stream is not `Sync`.)
async fn still_signed_in(visitor: &Visitor) -> bool {
    // A store that fails for a moment is no reason to cut everyone off.
    !matches!(people::session(visitor.engine(), &visitor.session, &visitor.guest.origin).await, Ok(None))
}

/// One message: HTML as data, line by line.
fn write(newest: Position, rows: &str, rest: &str) -> Bytes {
    let mut out = format!("id: {newest}\n");
    for line in rows.split(['\n', '\r']).chain(rest.split(['\n', '\r'])).filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "data: {line}");
    }
    out.push('\n');
    out.into()
}
