//! `POST /events`: events in, in our own shape.

use auditwire_engine::intake::{self, Intake};
use auditwire_engine::task_failed;
use auditwire_engine::tasks::{Task, Tasks};
use auditwire_model::event::{DraftReader, Items, Plane, Rejection, UnreadableBody, UnreadableCode};
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use crate::App;
use crate::api::auth::{Auth, InProject};
use crate::api::body::{self, Decompression, Encoding, Reserved};
use crate::api::json::{self, media_type};
use crate::api::problem::{Problem, ProblemBody, Result};
use crate::client::Asker;

/// Smaller bodies are read where they are: handing them to another thread would cost more.
const OFFLOAD_BYTES: usize = 256 << 10;

/// What became of a batch; on disk.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct IntakeAnswer {
    /// New events.
    accepted: u64,
    /// Events that were here already.
    duplicates: u64,
    /// Refused items, in the batch's order.
    rejected: Vec<RejectedItem>,
}

/// One refused item.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RejectedItem {
    /// From 0; in NDJSON, lines that are blank do not count.
    index: usize,
    /// Stable, for programs.
    #[schema(example = "invalid_timestamp")]
    code: &'static str,
    /// Dotted path of the field to blame.
    field: Option<String>,
    /// What is wrong and what to do.
    message: String,
}

impl From<Rejection> for RejectedItem {
    fn from(rejection: Rejection) -> Self {
        let Rejection { index, code, field, message } = rejection;
        Self { index, code: code.as_str(), field, message }
    }
}

/// Send events
///
/// One object, an array of them, or NDJSON; at most 16 MiB and 10,000 items. The answer comes when everything is on disk.
/// Unknown fields are kept as `resource.metadata.x_<name>`; `seq` and `received_at` are ignored.
#[utoipa::path(
    post,
    path = "/events",
    tag = "events",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes ids for events without one, so that a repeated request adds nothing"),
        ("Content-Encoding" = Option<String>, Header, description = "gzip or zstd"),
    ),
    request_body(content(
        (Object = "application/json", example = json!([{"action": "user-signin", "source": {"id": "iam"}, "outcome": "success"}])),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 200, body = IntakeAnswer, description = "Taken, also when every item was rejected"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "The body cannot be read; nothing was taken"),
        (status = 413, body = ProblemBody, content_type = "application/problem+json", description = "Too many bytes or items; nothing was taken"),
        (status = 415, body = ProblemBody, content_type = "application/problem+json", description = "Another type or encoding"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "Not now; nothing was taken; see Retry-After"),
    )
)]
pub(crate) async fn post_events(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    request: Request,
) -> Result<Response> {
    if app.is_draining() {
        // A death comes before the drain that it begins: it is the reason.
        return Err(app.engine().tasks().died().map_or_else(closing, |task| task_failed(task).into()));
    }
    let (parts, body) = request.into_parts();
    let shape = Shape::of(&parts.headers)?;
    let encoding = Encoding::of(&parts.headers)?;
    let idempotency_key = json::idempotency_key(&parts.headers)?;
    let (class, ratio_max) = (app.limits().intake, app.limits().compression_ratio_max);
    let mut reserved = app.bodies().intake.start(&Asker::of(&parts.extensions, &app));
    let sent = body::read(&parts.headers, body, class, &mut reserved).await?;
    let limits = Decompression { bytes_max: class.bytes_max, ratio_max };
    let reader = DraftReader { limits: app.engine().settings.event, items_max: app.limits().events_items_max };
    let read = Reading { shape, encoding, limits, reader };
    let (items, body_bytes, _reserved) = read.run(app.engine().tasks(), sent, reserved).await?;

    let intake = Intake { items, door: Plane::Control, idempotency_key };
    let report = intake::accept(app.engine(), &auth.caller, &project, intake).await?;
    app.metrics().taken(report.accepted, report.duplicates, report.rejected.len() as u64, body_bytes as u64);
    let rejected = report.rejected.into_iter().map(RejectedItem::from).collect();
    json::answer(StatusCode::OK, &IntakeAnswer { accepted: report.accepted, duplicates: report.duplicates, rejected })
}

fn closing() -> Problem {
    let detail = "the service is shutting down; nothing was taken, send it again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "closing", detail).retry_after(std::time::Duration::from_secs(5))
}

/// How the items lie in the body.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Json,
    Ndjson,
}

impl Shape {
    fn of(headers: &HeaderMap) -> Result<Self> {
        let cloud_events = headers.keys().any(|name| name.as_str() == "ce-specversion");
        match media_type(headers).as_deref() {
            Some(t) if cloud_events || t.starts_with("application/cloudevents") => {
                Err(Problem::not_available("CloudEvents"))
            }
            Some("application/json") => Ok(Self::Json),
            Some("application/x-ndjson") => Ok(Self::Ndjson),
            _ => {
                let detail = "send Content-Type application/json (an object or an array) or application/x-ndjson";
                Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
            }
        }
    }
}

/// From bytes to drafts.
#[derive(Debug, Clone, Copy)]
struct Reading {
    shape: Shape,
    encoding: Encoding,
    limits: Decompression,
    reader: DraftReader,
}

impl Reading {
    /// The items, the plain body's length, and what is reserved for it.
    async fn run(self, tasks: &Tasks, sent: Bytes, reserved: Reserved) -> Result<(Items, usize, Reserved)> {
        if sent.len() <= OFFLOAD_BYTES && self.encoding == Encoding::Identity {
            return self.here(sent, reserved);
        }
        let done = tasks.blocking(Task::Body, move || self.here(sent, reserved)).await;
        done.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "reading the body met a defect"))?
    }

    fn here(self, sent: Bytes, mut reserved: Reserved) -> Result<(Items, usize, Reserved)> {
        let plain = self.encoding.decode(sent, self.limits, &mut reserved)?;
        let items = match self.shape {
            Shape::Json => self.reader.read_object_or_array(&plain),
            Shape::Ndjson => self.reader.read_ndjson(&plain),
        };
        Ok((items.map_err(unreadable)?, plain.len(), reserved))
    }
}

fn unreadable(body: UnreadableBody) -> Problem {
    let status = match body.code {
        UnreadableCode::InvalidJson => StatusCode::BAD_REQUEST,
        UnreadableCode::TooManyItems => StatusCode::PAYLOAD_TOO_LARGE,
    };
    Problem::new(status, body.code.as_str(), body.to_string())
}
