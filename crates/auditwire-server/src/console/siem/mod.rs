//! Event log → Settings → SIEM: connections, their form, their check.

use axum::Router;

use crate::App;

/// The addresses of this part.
pub(super) fn routes() -> Router<App> {
    Router::new()
}
