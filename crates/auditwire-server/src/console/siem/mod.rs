//! Event log → Settings → SIEM: connections, their form, their check.
//!
//! From [`list`] a connection is [started](start): checked ([`check`]), then [activated](activate).

mod activate;
mod alerts;
mod check;
mod codes;
mod delete;
mod delivery;
mod form;
mod list;
mod overview;
mod quarantine;
mod replay;
mod start;
mod stop;

use auditwire_engine::connections::{self, ConnectionView};
use auditwire_engine::delivery::Status;
use auditwire_model::connection::{Transport, Verify};
use axum::Router;
use axum::routing::{get, post};

use super::form::Form;
use super::urls;
use super::visible::line;
use super::who::InProject;
use super::words::Words;
use crate::App;
use crate::api::Problem;

/// Longest name of a connection, in characters (product section 4).
const NAME: usize = 128;

/// The addresses of this part.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(urls::CONNECTIONS, get(overview::show))
        .route(urls::ALERTS, get(alerts::show).post(alerts::change))
        .route(urls::SIEM, get(list::show))
        .route(urls::START, post(start::start))
        .route(urls::STOP, post(stop::stop))
        .route(urls::DELETE, get(delete::ask).post(delete::delete))
        .route(urls::CHECK, get(check::show).post(start::check))
        .route(urls::QUARANTINE, get(quarantine::show).post(quarantine::change))
        .route(urls::DELIVERY, get(delivery::show))
        .route(urls::REPLAY, get(replay::show).post(replay::begin))
        .route(urls::REPLAYS, get(replay::state::show).post(replay::state::change))
        .route(urls::ACTIVATE, post(activate::activate))
        .merge(form::routes())
}

/// The connections that a form or an address names and that are there, by name, and how many others it names.
async fn chosen(by: &InProject, form: &Form) -> Result<(Vec<ConnectionView>, usize), Problem> {
    let mut ids: Vec<&str> = form.all("id").collect();
    ids.sort_unstable();
    ids.dedup();
    let mut views = connections::list(by.engine(), by.caller(), &by.project.id).await?;
    views.retain(|view| ids.contains(&view.stored.id.as_str()));
    let gone = ids.len() - views.len();
    Ok((views, gone))
}

fn is_active(view: &ConnectionView) -> bool {
    view.status != Status::Inactive
}

/// Whoever answers is taken for the SIEM.
fn is_unverified(view: &ConnectionView) -> bool {
    view.stored.spec.tls.as_ref().is_some_and(|tls| tls.verify == Verify::Off)
}

/// A connection's name as it may stand on a page.
fn name_of(view: &ConnectionView) -> String {
    line(&view.stored.spec.name, NAME)
}

/// What the form of a connection calls its protocol.
fn transport_name(words: Words, transport: Transport) -> String {
    let word = match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Tls => "tls",
        Transport::Relp => "relp",
        Transport::RelpTls => "relp_tls",
    };
    words.t(&format!("transport-{word}"))
}
