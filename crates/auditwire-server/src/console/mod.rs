//! The web console: server-rendered pages. Start with [`routes`]; each page is one file here and one template of the same name.
//!
//! Handlers decide nothing: they read a request, call one verb of the engine and fill in a template. Who asks is their first
//! argument ([`who`]); a change takes [`form::Posted`], which refuses what does not come from a page of ours. All
//! texts are in `locales/`, all addresses in [`urls`].

#![expect(dead_code, reason = "the pages of events and connections use the rest")]

mod account;
mod assets;
mod banner;
mod cookies;
mod csrf;
mod events;
mod explain;
pub(crate) mod failure;
mod form;
mod home;
mod notice;
mod page;
mod projects;
mod retention;
mod siem;
mod sign_in;
mod time;
pub(crate) mod urls;
mod visible;
mod who;
mod words;

use axum::Router;
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;

use crate::App;

/// Every address of the console ([`urls`]).
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(home::home))
        .route(urls::SIGN_IN, get(sign_in::form).post(sign_in::sign_in))
        .route(urls::SIGN_IN_LINK, get(sign_in::link).post(sign_in::sign_in_with_link))
        .route(urls::SIGN_OUT, post(sign_in::sign_out))
        .route(urls::ACCOUNT, get(account::show).post(account::save))
        .route(urls::PASSWORD, get(account::password_form).post(account::set_password))
        .route(urls::PROJECTS, get(projects::list).post(projects::create))
        .merge(events::routes())
        .route(urls::RETENTION, get(retention::show).post(retention::change))
        .merge(siem::routes())
        .layer(CompressionLayer::new())
        // These are compressed once, not each time.
        .route("/assets/{file}", get(assets::serve))
}
