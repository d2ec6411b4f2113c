//! The master keys that stored secrets are sealed by. For the operator; the keys themselves are in no answer.

use auditwire_engine::secrets::{self, KeyView};
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::auth::Auth;
use super::json::{self, JsonBytes, Nothing};
use super::problem::{ProblemBody, Result};
use crate::App;

/// A master key and what depends on it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MasterKey)]
pub(crate) struct KeyAnswer {
    /// Its id.
    id: String,
    /// When it was made; null when nobody wrote it down.
    #[schema(value_type = Option<String>, format = DateTime)]
    made_at: Option<Timestamp>,
    /// The service has it.
    present: bool,
    /// New secrets are sealed by it.
    seals: bool,
    /// Stored secrets that are sealed by it.
    secrets: u64,
    /// The service cannot do without it.
    needed: bool,
    /// Back-ups from before then may need it, later ones do not; null: later ones may, too.
    #[schema(value_type = Option<String>, format = DateTime)]
    back_ups_until: Option<Timestamp>,
}

impl From<KeyView> for KeyAnswer {
    fn from(key: KeyView) -> Self {
        let needed = key.needed();
        let KeyView { id, made_at, present, seals, secrets, back_ups_until } = key;
        Self { id, made_at, present, seals, secrets, needed, back_ups_until }
    }
}

/// The master keys.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MasterKeys)]
pub(crate) struct KeyList {
    /// Those of the service in their order, the last of which seals; then those that only back-ups may need.
    keys: Vec<KeyAnswer>,
}

/// What a rewrap did.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Rewrapped {
    /// Secrets that are sealed by the newest key now and were not before.
    rewrapped: u64,
    /// The keys afterwards.
    keys: Vec<KeyAnswer>,
}

/// List the master keys
///
/// Which of them the service needs, and which only back-ups. Operator only.
#[utoipa::path(
    get,
    path = "/keys",
    tag = "keys",
    responses(
        (status = 200, body = KeyList),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "Not an operator's token"),
    )
)]
pub(crate) async fn list_keys(State(app): State<App>, auth: Auth) -> Result<Response> {
    let keys = secrets::keys(app.engine(), &auth.caller).await?;
    json::answer(StatusCode::OK, &KeyList { keys: keys.into_iter().map(KeyAnswer::from).collect() })
}

/// Seal every secret by the newest master key
///
/// Reads the keys again from where they lie, then seals by the last one what an older one seals. May be repeated, also after it was
/// cut off. Operator only; the body is empty.
#[utoipa::path(
    post,
    path = "/keys/rewrap",
    tag = "keys",
    responses(
        (status = 200, body = Rewrapped),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "Not an operator's token"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`keys_unreadable`; nothing has changed"),
    )
)]
pub(crate) async fn rewrap_keys(State(app): State<App>, auth: Auth, body: JsonBytes) -> Result<Response> {
    let Nothing {} = body.parse_or_default()?;
    let done = secrets::rewrap(app.engine(), &auth.caller).await?;
    let keys = done.keys.into_iter().map(KeyAnswer::from).collect();
    json::answer(StatusCode::OK, &Rewrapped { rewrapped: done.secrets, keys })
}
