//! Every project's connections, for the operator.

use auditwire_engine::connections::{self, Overview, OverviewAsked, OverviewPlace, OverviewRow, OverviewTotals};
use auditwire_engine::delivery::Status;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::ConnectionAnswer;
use crate::App;
use crate::api::auth::Auth;
use crate::api::events::{Params, number};
use crate::api::json;
use crate::api::problem::{Problem, ProblemBody, Result};

/// Connections on one page, unless said otherwise.
const LIMIT_DEFAULT: usize = 50;

/// A page of the connections of all projects.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionsOverview {
    /// Of all projects, whatever was asked for.
    totals: TotalsAnswer,
    /// How many connections there are of those that were asked for, on all pages.
    matched: usize,
    /// Failing, degraded, active, inactive; those that are not well by `since`, the others by project and name.
    connections: Vec<RowAnswer>,
    /// `cursor` of the next page; null at the end.
    next: Option<String>,
}

/// How many connections have each status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionTotals)]
struct TotalsAnswer {
    failing: usize,
    degraded: usize,
    active: usize,
    inactive: usize,
}

impl From<OverviewTotals> for TotalsAnswer {
    fn from(totals: OverviewTotals) -> Self {
        let OverviewTotals { failing, degraded, active, inactive } = totals;
        Self { failing, degraded, active, inactive }
    }
}

/// A connection and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectConnection)]
struct RowAnswer {
    /// Whose.
    project: OfProject,
    /// The connection.
    #[serde(flatten)]
    connection: ConnectionAnswer,
}

/// A project, in short.
#[derive(Debug, Serialize, ToSchema)]
struct OfProject {
    /// Its id.
    id: String,
    /// For people.
    name: String,
}

impl From<OverviewRow> for RowAnswer {
    fn from(row: OverviewRow) -> Self {
        let OverviewRow { project, connection } = row;
        let project = OfProject { id: project.id.to_string(), name: project.name };
        Self { project, connection: connection.into() }
    }
}

/// List the connections of all projects
///
/// Those that are not well come first. Operator only.
#[utoipa::path(
    get,
    path = "/connections",
    tag = "connections",
    params(
        ("status" = Option<String>, Query, description = "Only with one of these, between commas: `failing`, `degraded`, `active`, `inactive`"),
        ("text" = Option<String>, Query, description = "Only with this text in the name, the endpoint, or the project's id or name"),
        ("limit" = Option<usize>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = ConnectionsOverview),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid_status`, `invalid_text`, `invalid_limit`, `invalid_cursor`"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "Not an operator's token"),
    )
)]
pub(crate) async fn connections_overview(State(app): State<App>, auth: Auth, params: Params) -> Result<Response> {
    let mut params = params.only(&["status", "text", "limit", "cursor"])?;
    let asked = OverviewAsked {
        statuses: statuses(params.take("status"))?,
        text: params.take("text").unwrap_or_default(),
        after: params.take("cursor").as_deref().map(OverviewPlace::parse).transpose()?,
        limit: number("limit", "invalid_limit", params.take("limit"))?.unwrap_or(LIMIT_DEFAULT),
    };
    let Overview { totals, matched, rows, next } = connections::overview(app.engine(), &auth.caller, &asked).await?;
    let connections = rows.into_iter().map(RowAnswer::from).collect();
    let next = next.map(|next| next.to_string());
    json::answer(StatusCode::OK, &ConnectionsOverview { totals: totals.into(), matched, connections, next })
}

fn statuses(text: Option<String>) -> Result<Vec<Status>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let read = |word: &str| {
        Status::parse(word.trim()).ok_or_else(|| {
            let detail = format!("there is no status '{word}'; there are failing, degraded, active and inactive");
            Problem::bad_request("invalid_status", detail).in_field("status")
        })
    };
    text.split(',').map(read).collect()
}
