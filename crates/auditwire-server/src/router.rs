//! The whole service without its socket: API, console, and what happens to every request.

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::console::failure;
use crate::{App, api, console, transport};

/// Everything that is served. A request's `Link` extension, when there is one, tells its two ends.
pub fn router(app: App) -> Router {
    api::routes()
        .merge(console::routes())
        .layer(from_fn_with_state(app.clone(), failure::pages))
        .layer(from_fn_with_state(app.clone(), transport::handle))
        .with_state(app)
}

#[cfg(test)]
mod tests {
    use crate::{api, console};

    /// The router refuses paths that contradict each other when it is built, which is when the service starts.
    #[test]
    fn the_routes_fit_together() {
        drop(api::routes().merge(console::routes()));
    }
}
