//! The HTTP API. [`documented`] is the one list of routes and the OpenAPI document at once; what is not in it is visibly
//! outside ([`unserved`], the document itself). `docs/api.md` has the conventions.

mod alerts;
mod auth;
mod body;
mod clock;
mod connections;
mod events;
mod json;
mod keys;
mod problem;
mod projects;
mod reading;
mod replays;
mod retention;
mod sign_in_links;
mod tokens;
mod unserved;
mod webhook;
mod whose;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{App, operations};

pub(crate) use auth::{Auth, PathId};
#[doc(hidden)]
pub use body::foreign;
pub(crate) use body::{Bodies, read_small as read_small_body};
pub(crate) use events::Params;
pub(crate) use problem::{Problem, ProblemBody, Result};
pub use sign_in_links::sign_in_link;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Auditwire",
        description = "Audit events in, a durable log, and SIEM connections out. docs/api.md has the conventions.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    security(("token" = [])),
    modifiers(&Token),
)]
struct Document;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("aw_…").build();
        openapi.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// Every served route with its description.
fn documented() -> OpenApiRouter<App> {
    let project = OpenApiRouter::new()
        .routes(routes!(events::list_events, events::post_events))
        .routes(routes!(events::tail_events))
        .routes(routes!(events::count_events))
        .routes(routes!(events::events_histogram))
        .routes(routes!(events::events_facets))
        .routes(routes!(events::export_events))
        .routes(routes!(events::search_events))
        .routes(routes!(events::get_event))
        .routes(routes!(events::event_delivery))
        .routes(routes!(connections::list_connections, connections::create_connection))
        .routes(routes!(connections::get_connection, connections::update_connection, connections::delete_connection))
        .routes(routes!(connections::delete_connections))
        .routes(routes!(connections::preview_connection))
        .routes(routes!(connections::check_candidate))
        .routes(routes!(connections::check_connection))
        .routes(routes!(connections::activate_connection))
        .routes(routes!(connections::stop_connection))
        .routes(routes!(connections::list_quarantine))
        .routes(routes!(connections::clear_quarantine))
        .routes(routes!(connections::resend_quarantine))
        .routes(routes!(connections::connection_history))
        .routes(routes!(alerts::list_alerts))
        .routes(routes!(webhook::get_webhook, webhook::set_webhook, webhook::delete_webhook))
        .routes(routes!(webhook::test_webhook))
        .routes(routes!(replays::begin_replay))
        .routes(routes!(replays::estimate_replay))
        .routes(routes!(replays::list_replays))
        .routes(routes!(replays::get_replay))
        .routes(routes!(replays::pause_replay))
        .routes(routes!(replays::resume_replay))
        .routes(routes!(replays::cancel_replay))
        .routes(routes!(reading::get_reading, reading::set_reading))
        .routes(routes!(retention::get_retention, retention::set_retention))
        .routes(routes!(retention::cancel_reduction))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::rotate_token))
        .routes(routes!(tokens::delete_token));
    let v1 = OpenApiRouter::new()
        .routes(routes!(projects::list_projects, projects::create_project))
        .routes(routes!(connections::connections_overview))
        .routes(routes!(keys::list_keys))
        .routes(routes!(keys::rewrap_keys))
        .routes(routes!(clock::get_clock))
        .routes(routes!(clock::accept_clock))
        .routes(routes!(sign_in_links::create_sign_in_link))
        .nest("/projects/{project}", project);
    OpenApiRouter::with_openapi(Document::openapi())
        .nest("/api/v1", v1)
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
}

/// The OpenAPI document as it is served, pretty-printed.
#[must_use]
pub fn openapi() -> String {
    let mut text = documented().into_openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The served routes of the API and of operations, and what they answer for the rest.
pub(crate) fn routes() -> Router<App> {
    let (served, _) = documented().split_for_parts();
    let document = openapi();
    served
        .route("/api/v1/openapi.json", get(|| async move { ([(header::CONTENT_TYPE, "application/json")], document) }))
        .nest("/api/v1", unserved::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

async fn not_found() -> impl IntoResponse {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this path; /api/v1/openapi.json lists what is",
    )
}

async fn method_not_allowed(method: Method) -> impl IntoResponse {
    let detail = format!("{method} is not served at this path; /api/v1/openapi.json lists what is");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
