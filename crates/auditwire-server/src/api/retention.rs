//! How long a project's events are kept.

use auditwire_engine::log::Floor;
use auditwire_engine::records::KeptFor;
use auditwire_engine::retention::{self, Pending, RetentionView};
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};

use super::auth::{Auth, InProject};
use super::json::{self, JsonBytes};
use super::problem::{ProblemBody, Result};
use crate::App;

/// How long a project's events are kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Retention)]
pub(crate) struct RetentionAnswer {
    /// Days since an event was received; null: for ever.
    days: Option<u64>,
    /// Bytes of sealed events on disk; null: no limit.
    bytes: Option<u64>,
    /// Which of the two the configuration decides, because the project has not set it.
    #[schema(example = json!(["days", "bytes"]))]
    default: Vec<&'static str>,
    /// What no project can go below.
    floor: FloorAnswer,
    /// The reduction that waits; null: none.
    pending: Option<PendingAnswer>,
    /// What is gone by it; null: nothing.
    expired: Option<ExpiredAnswer>,
}

/// The operator's floor: what is younger does not end, and nothing ends by size that would leave less.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RetentionFloor)]
pub(crate) struct FloorAnswer {
    /// The fewest days that can be set; null: any number.
    days: Option<u64>,
    /// The fewest bytes that can be set; null: any number.
    bytes: Option<u64>,
}

impl From<Floor> for FloorAnswer {
    fn from(floor: Floor) -> Self {
        Self { days: floor.days(), bytes: floor.bytes() }
    }
}

/// A reduction that waits: from then on this holds, in full, unless it is cancelled.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RetentionPending)]
pub(crate) struct PendingAnswer {
    /// Days since an event was received; null: for ever.
    days: Option<u64>,
    /// Bytes of sealed events on disk; null: no limit.
    bytes: Option<u64>,
    /// When it takes effect; within ten seconds after.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<Pending> for PendingAnswer {
    fn from(Pending { holds, at }: Pending) -> Self {
        Self { days: holds.days(), bytes: holds.bytes, at }
    }
}

/// What a project's log has dropped.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Expired)]
pub(crate) struct ExpiredAnswer {
    /// Every event up to this `seq`.
    through: u64,
    /// How many that were.
    events: u64,
    /// When it happened last.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<RetentionView> for RetentionAnswer {
    fn from(view: RetentionView) -> Self {
        let RetentionView { set, holds, floor, pending, expired } = view;
        let unset = [("days", set.days.is_none()), ("bytes", set.bytes.is_none())];
        Self {
            days: holds.days(),
            bytes: holds.bytes,
            default: unset.into_iter().filter(|(_, unset)| *unset).map(|(name, _)| name).collect(),
            floor: floor.into(),
            pending: pending.map(PendingAnswer::from),
            expired: expired.map(|e| ExpiredAnswer { through: e.through.0, events: e.events, at: e.at }),
        }
    }
}

/// A change. What is absent is left to the configuration; null is no limit.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRetention {
    /// Days since an event was received, 1 to 36,500; not below the floor.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    days: Option<Option<std::num::NonZeroU32>>,
    /// Bytes of sealed events on disk, at least 1,048,576; not below the floor.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u64>)]
    bytes: Option<Option<std::num::NonZeroU64>>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// How long events are kept
#[utoipa::path(
    get,
    path = "/retention",
    tag = "retention",
    params(("project" = String, Path, description = "The project's id")),
    responses((status = 200, body = RetentionAnswer))
)]
pub(crate) async fn get_retention(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
) -> Result<Response> {
    let view = retention::get(app.engine(), &auth.caller, &project).await?;
    json::answer(StatusCode::OK, &RetentionAnswer::from(view))
}

/// Change how long events are kept
///
/// Replaces both limits, and the reduction that waits. A limit that keeps as much as before or more takes effect at once. One that keeps
/// less takes effect after the operator's delay (72 hours): until then it is `pending`, stands as an alert, and can be cancelled; asking
/// for even less begins the delay anew. What is below the operator's floor is refused (`retention_below_floor`). Events that are past the
/// limits end within a minute, whole segments at once, and do not come back.
#[utoipa::path(
    put,
    path = "/retention",
    tag = "retention",
    params(("project" = String, Path, description = "The project's id")),
    request_body = NewRetention,
    responses(
        (status = 200, body = RetentionAnswer),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn set_retention(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    body: JsonBytes,
) -> Result<Response> {
    let NewRetention { days, bytes } = body.parse()?;
    let set = KeptFor {
        days: days.map(|days| days.map_or(0, std::num::NonZero::get)),
        bytes: bytes.map(|bytes| bytes.map_or(0, std::num::NonZero::get)),
    };
    let view = retention::set(app.engine(), &auth.caller, &project, set).await?;
    json::answer(StatusCode::OK, &RetentionAnswer::from(view))
}

/// Cancel a reduction that waits
///
/// What holds stays as it is. 404 `no_reduction_pending` when none waits, because none was asked for or it has taken effect.
#[utoipa::path(
    delete,
    path = "/retention/pending",
    tag = "retention",
    params(("project" = String, Path, description = "The project's id")),
    responses(
        (status = 204, description = "It is cancelled"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel_reduction(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
) -> Result<StatusCode> {
    retention::cancel(app.engine(), &auth.caller, &project).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_no_limit_and_absent_is_the_configuration() {
        let read = |text: &str| serde_json::from_str::<NewRetention>(text).map(|new| (new.days, new.bytes));
        assert_eq!(read("{}").expect("reads"), (None, None));
        assert_eq!(read(r#"{"days":null}"#).expect("reads"), (Some(None), None));
        let (days, _) = read(r#"{"days":7,"bytes":null}"#).expect("reads");
        assert_eq!(days.flatten().map(std::num::NonZero::get), Some(7));
        for wrong in [r#"{"days":0}"#, r#"{"bytes":0}"#, r#"{"days":-1}"#, r#"{"age":1}"#, r#"{"days":"7"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
