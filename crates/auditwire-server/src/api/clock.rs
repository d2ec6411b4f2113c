//! The clock: what is believed of it, and the word that it is right. For the operator.

use auditwire_engine::clock::{self, ClockState};
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::auth::Auth;
use super::json::{self, JsonBytes, Nothing};
use super::problem::{ProblemBody, Result};
use crate::App;

/// What is believed of the clock.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Clock)]
pub(crate) struct ClockAnswer {
    /// What it shows.
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
    /// When the newest event of all projects was received; null: there is none.
    #[schema(value_type = Option<String>, format = DateTime)]
    newest_received_at: Option<Timestamp>,
    /// By how much that is ahead of the clock; 0 up to a minute.
    ahead_seconds: u64,
    /// The time by which events end: the clock's, unless it went further than time did.
    #[schema(value_type = String, format = DateTime)]
    trusted_now: Timestamp,
    /// The clock went further than time did, and what would end by it is kept.
    held: bool,
    /// How long the clock and the monotonic clock have agreed.
    agreed_seconds: u64,
    /// Events may end: both clocks have agreed for long enough, and no event is ahead.
    expiry_runs: bool,
}

impl From<ClockState> for ClockAnswer {
    fn from(state: ClockState) -> Self {
        let ClockState { now, newest, ahead, trusted, held, agreed, may_end } = state;
        Self {
            now,
            newest_received_at: newest,
            ahead_seconds: ahead.unwrap_or_default().as_secs(),
            trusted_now: trusted,
            held: held.is_some(),
            agreed_seconds: agreed.as_secs(),
            expiry_runs: may_end,
        }
    }
}

/// What is believed of the clock
///
/// Operator only.
#[utoipa::path(
    get,
    path = "/clock",
    tag = "clock",
    responses(
        (status = 200, body = ClockAnswer),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "Not an operator's token"),
    )
)]
pub(crate) async fn get_clock(State(app): State<App>, auth: Auth) -> Result<Response> {
    let state = clock::get(app.engine(), &auth.caller).await?;
    json::answer(StatusCode::OK, &ClockAnswer::from(state))
}

/// The clock is right now
///
/// New events are received by it again, what was received ahead of it counts as received now, and events end by it again. Where
/// nothing is ahead and nothing held, nothing is done. Operator only; the body is empty.
#[utoipa::path(
    post,
    path = "/clock/accept",
    tag = "clock",
    responses(
        (status = 200, body = ClockAnswer),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "Not an operator's token"),
    )
)]
pub(crate) async fn accept_clock(State(app): State<App>, auth: Auth, body: JsonBytes) -> Result<Response> {
    let Nothing {} = body.parse_or_default()?;
    let state = clock::accept(app.engine(), &auth.caller).await?;
    json::answer(StatusCode::OK, &ClockAnswer::from(state))
}
