//! Monitoring → Event log: the table, what stands beside it, one event, live tail, download.
//!
//! [`asked`] reads an address into a [`view`], which writes it back; [`list`] is the page, the others stand beside it.

mod asked;
mod beside;
mod chart;
mod complete;
mod delivered;
mod details;
mod download;
mod filter;
mod hint;
mod json;
mod list;
mod live;
mod menus;
pub(super) mod range;
mod row;
mod sample;
mod typed;
mod view;

use axum::Router;
use axum::routing::{get, post};

use super::urls;
use crate::App;

/// The addresses of this part.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(urls::EVENTS, get(list::list))
        .route(urls::LIVE_EVENTS, get(live::live))
        .route(urls::COUNT, get(beside::count))
        .route(urls::HISTOGRAM, get(beside::histogram))
        .route(urls::FACETS, get(beside::facets))
        .route(urls::COMPLETE, get(complete::complete))
        .route(urls::DOWNLOAD, post(download::download))
        .route(urls::EVENT, get(details::details))
}

/// The query of an address of ours (path and query).
fn query_of(here: &str) -> &str {
    here.split_once('?').map_or("", |(_, query)| query)
}
