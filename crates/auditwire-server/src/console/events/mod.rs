//! Monitoring → Event log: the table, one event, live tail, download.

use axum::Router;

use crate::App;

/// The addresses of this part.
pub(super) fn routes() -> Router<App> {
    Router::new()
}
