//! What product section 9 names and this version does not serve: 400 `not_available_yet`, absent from the OpenAPI
//! document. Remove a line here when its handler comes.

use axum::Router;
use axum::extract::MatchedPath;
use axum::routing::any;

use super::auth::{Auth, InProject};
use super::problem::{Problem, Result};
use crate::App;

/// Below a project.
const PATHS: [&str; 1] = ["/members"];

pub(super) fn routes() -> Router<App> {
    PATHS.iter().fold(Router::new(), |router, path| router.route(&format!("/projects/{{project}}{path}"), any(refuse)))
}

async fn refuse(_: Auth, _: InProject, path: MatchedPath) -> Result<()> {
    let what = path.as_str().rsplit_once("{project}").map_or("this", |(_, rest)| rest);
    Err(Problem::not_available(what))
}
