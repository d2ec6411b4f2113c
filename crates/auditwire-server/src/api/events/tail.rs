//! `GET /events/tail`: events as they are committed, as server-sent events (WHATWG HTML, section 9.2).

use std::convert::Infallible;

use auditwire_engine::{Result as EngineResult, search};
use auditwire_model::event::{rows, write_canonical};
use auditwire_model::{Position, ProjectId};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::range::{Params, Question};
use crate::App;
use crate::api::auth::{Auth, InProject};
use crate::api::problem::{Problem, ProblemBody, Result};

type Batches = BoxStream<'static, EngineResult<arrow_array::RecordBatch>>;

/// Follow events
///
/// A stream of server-sent events: `event: event` with the event as data and its `seq` as id; `event: gap` when the stream
/// cannot go on exactly after `Last-Event-ID`; a comment every 15 s.
#[utoipa::path(
    get,
    path = "/events/tail",
    tag = "events",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("q" = Option<String>, Query, description = "Only events that match; the search language"),
        ("plane" = Option<String>, Query, description = "`control` or `data`"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Go on after this `seq`; without it, the stream begins now"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "A parameter is wrong"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "Too many live streams"),
    )
)]
pub(crate) async fn tail_events(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    headers: HeaderMap,
    params: Params,
) -> Result<Response> {
    let mut params = params.only(&["q", "plane"])?;
    let question = Question::take(&mut params);
    let asked = last_event_id(&headers)?;
    let head = app.engine().log.head(&project);
    let gone = app.engine().log.first_kept(&project).previous();
    // Ahead of the log: the client followed another log under this name (a restored store, say). Behind it: what comes
    // next has expired.
    let after = asked.map(|seq| seq.min(head).max(gone));
    let (query, plane) = (question.query(app.engine().clock.now())?, question.plane()?);
    let batches = search::tail(app.engine(), &auth.caller, &project, query, plane, after).await?;
    let gap = asked.and_then(|seq| match after {
        _ if seq > head => Some(gap(seq, head, "ahead_of_log")),
        Some(after) if after > seq => Some(gap(seq, after, "expired")),
        _ => None,
    });
    let every = app.limits().tail_heartbeat;
    let mut heartbeat = interval_at(Instant::now() + every, every);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let first = format!(": tail of {project}\n\n{}", gap.unwrap_or_default());
    let live = Live { app, project, auth, batches, heartbeat };
    let body = stream::once(async { Bytes::from(first) }).chain(stream::unfold(live, Live::step));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((StatusCode::OK, headers, Body::from_stream(body.map(Ok::<_, Infallible>))).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let seq = value.to_str().ok().and_then(|text| text.parse().ok());
    seq.map(|seq| Some(Position(seq))).ok_or_else(|| {
        Problem::bad_request("invalid_last_event_id", "Last-Event-ID is the seq of an event").in_field("Last-Event-ID")
    })
}

fn gap(asked: Position, after: Position, reason: &str) -> String {
    format!(
        "id: {after}\nevent: gap\ndata: {{\"requested\":{asked},\"resumed_after\":{after},\"reason\":\"{reason}\"}}\n\n"
    )
}

struct Live {
    app: App,
    project: ProjectId,
    auth: Auth,
    batches: Batches,
    heartbeat: Interval,
}

impl Live {
    /// The next piece of the stream; `None` ends it, and the client comes again with `Last-Event-ID`.
    async fn step(mut self) -> Option<(Bytes, Self)> {
        let end = self.app.streams_end().clone();
        let piece = tokio::select! {
            () = end.cancelled() => return None,
            batch = self.batches.next() => match batch? {
                Ok(batch) => write(&batch),
                Err(error) => {
                    tracing::warn!(project = %self.project, %error, "a live tail ended early");
                    return None;
                }
            },
            _ = self.heartbeat.tick() => {
                // (Not a method of [`Live`], whose stream is not `Sync`.)
                if !self.auth.still_valid(&self.app).await {
                    return None;
                }
                Bytes::from_static(b": still here\n\n")
            }
        };
        Some((piece, self))
    }
}

fn write(batch: &arrow_array::RecordBatch) -> Bytes {
    let mut out = Vec::new();
    for event in rows(batch) {
        let seq = event.seq.unwrap_or_default();
        out.extend_from_slice(format!("id: {seq}\nevent: event\ndata: ").as_bytes());
        write_canonical(&event, &mut out);
        out.extend_from_slice(b"\n\n");
    }
    out.into()
}
