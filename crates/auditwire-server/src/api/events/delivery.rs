//! What became of one event.

use auditwire_engine::history::{self, Delivered, EventDelivery, EventState, Unknown};
use auditwire_model::Timestamp;
use auditwire_model::connection::Transport;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::api::auth::{Auth, InProject, PathSeq};
use crate::api::json;
use crate::api::problem::{ProblemBody, Result};

/// What became of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventDelivery)]
pub(crate) struct EventDeliveryAnswer {
    /// Which.
    seq: u64,
    /// When it came in.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// By connection, the active one first; of one connection in order of time. Empty: no connection was active.
    deliveries: Vec<DeliveredAnswer>,
}

/// What became of an event with one connection, once.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Delivered)]
struct DeliveredAnswer {
    /// Which.
    connection: String,
    /// Its name, or the last one it had.
    name: String,
    /// It is not there any more.
    deleted: bool,
    /// `tcp`, `udp`, `tls`, `relp` or `relp_tls`; null when that is not known any more.
    #[schema(value_type = Option<String>)]
    transport: Option<Transport>,
    /// The revision that decided; null while none has.
    revision: Option<u64>,
    /// `acknowledged` (over UDP: sent, and not refused), `filtered`, `quarantined`, `waiting` (the connection is active and
    /// has not come to it, or has no acknowledgement yet), `stopped` (before it), `skipped` (the connection began behind it)
    /// or `unknown`.
    state: &'static str,
    /// Of `acknowledged`, `filtered` and `unknown`: not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    after: Option<Timestamp>,
    /// Of `acknowledged`, `filtered` and `unknown`: not later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    by: Option<Timestamp>,
    /// Of `quarantined` and `skipped`: when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// The replay that sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
    /// Of `quarantined`: why, for people. Of `unknown`: `filter_forgotten`, `quarantine_cleared` or `before_history`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Of `waiting`: events before it that are not settled either.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
}

impl From<Delivered> for DeliveredAnswer {
    fn from(delivered: Delivered) -> Self {
        let Delivered { connection, name, deleted, transport, revision, state } = delivered;
        let word = state.as_str();
        let connection = connection.to_string();
        let answer = Self { connection, name, deleted, transport, revision, state: word, ..Self::default() };
        match state {
            EventState::Acknowledged { after, by, replay } => {
                Self { after: Some(after), by: Some(by), replay, ..answer }
            }
            EventState::Filtered { after, by } => Self { after: Some(after), by: Some(by), ..answer },
            EventState::Quarantined { at, reason } => Self { at: Some(at), reason: Some(reason), ..answer },
            EventState::Unknown { after, by, why } => {
                Self { after: Some(after), by: Some(by), reason: Some(word_of(why).to_owned()), ..answer }
            }
            EventState::Waiting { before } => Self { before: Some(before), ..answer },
            EventState::Stopped => answer,
            EventState::Skipped { at } => Self { at: Some(at), ..answer },
        }
    }
}

fn word_of(why: Unknown) -> &'static str {
    match why {
        Unknown::FilterForgotten => "filter_forgotten",
        Unknown::QuarantineCleared => "quarantine_cleared",
        Unknown::BeforeHistory => "before_history",
    }
}

/// Read what became of an event
///
/// For each connection whether it was acknowledged, kept back by the filter or set aside, or waits, and when, as exactly as
/// the history of delivery knows it (`docs/delivery.md`).
#[utoipa::path(
    get,
    path = "/events/{seq}/delivery",
    tag = "events",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("seq" = u64, Path, description = "The event's position"),
    ),
    responses(
        (status = 200, body = EventDeliveryAnswer),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "No such event"),
    )
)]
pub(crate) async fn event_delivery(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathSeq(seq): PathSeq,
) -> Result<Response> {
    let EventDelivery { seq, received_at, deliveries } =
        history::event(app.engine(), &auth.caller, &project, seq).await?;
    let deliveries = deliveries.into_iter().map(DeliveredAnswer::from).collect();
    json::answer(StatusCode::OK, &EventDeliveryAnswer { seq: seq.0, received_at, deliveries })
}
