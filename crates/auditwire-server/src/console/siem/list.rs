//! The list of connections with their live state.

use askama::Template;
use auditwire_engine::connections::{self, ConnectionView};
use auditwire_engine::delivery::{DeliveryState, Status};
use auditwire_model::connection::{Format, Transport};
use auditwire_model::query::Expr;
use axum::http::StatusCode;
use axum::response::Response;

use super::codes;
use super::{is_active, is_unverified, name_of, transport_name};
use crate::api::Problem;
use crate::console::page::{Frame, Section, page};
use crate::console::time::{Calendar, When};
use crate::console::urls::Urls;
use crate::console::visible::line;
use crate::console::who::InProject;
use crate::console::words::Words;

/// How much of a filter the table shows, and how much the pointer does.
const FILTER_SHOWN: usize = 160;
const FILTER_TITLE: usize = 1000;

#[derive(Template)]
#[template(path = "siem/list.html")]
struct ListPage {
    frame: Frame,
    links: Links,
    rows: Vec<Row>,
    trouble: Option<Trouble>,
}

/// Addresses on the page.
#[derive(Debug)]
struct Links {
    events: String,
    list: String,
    create: String,
    start: String,
    stop: String,
    delete: String,
}

/// One connection.
#[derive(Debug)]
struct Row {
    id: String,
    name: String,
    delivery: String,
    configure: String,
    check: String,
    quarantine: String,
    replay: String,
    delete: String,
    unverified: bool,
    /// In pieces between which a line may break.
    endpoint: Vec<String>,
    transport: String,
    format: &'static str,
    /// Short and whole; `None` when everything is sent.
    filter: Option<(String, String)>,
    is_active: bool,
    status: &'static str,
    status_word: String,
    /// Why it is not well.
    cause: Option<String>,
    never_started: bool,
    /// How long its status lasts, and since when, while it is active.
    lasting: Option<(String, When)>,
    acknowledged: Option<Acknowledged>,
    backlog: Option<String>,
    rate: Option<String>,
}

/// The event that the receiver acknowledged last.
#[derive(Debug)]
pub(super) struct Acknowledged {
    pub(super) seq: String,
    pub(super) url: String,
    pub(super) when: Option<When>,
    /// Nobody acknowledges datagrams: it was only sent.
    pub(super) only_sent: bool,
}

/// What is wrong with the active connection, at length.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) is_failing: bool,
    pub(super) title: String,
    pub(super) remedy: Option<String>,
    pub(super) check: String,
}

/// `GET /projects/{project}/settings/siem`.
pub(super) async fn show(by: InProject) -> Result<Response, Problem> {
    let mut views = connections::list(by.engine(), by.caller(), &by.project.id).await?;
    views.sort_by_cached_key(|view| view.stored.spec.name.to_lowercase());
    let (words, calendar, urls) = (by.words(), by.calendar(), by.urls());
    let frame = Frame::new(&by, Section::Settings, words.t("siem-title"));
    let template = ListPage {
        frame,
        links: Links {
            events: urls.events(),
            list: urls.siem(),
            create: urls.new_connection(),
            start: urls.group("start"),
            stop: urls.group("stop"),
            delete: urls.group("delete"),
        },
        rows: views.iter().map(|view| Row::of(view, words, &calendar, urls)).collect(),
        trouble: views.iter().find_map(|view| Trouble::of(view, words, urls)),
    };
    page(&by, StatusCode::OK, &template)
}

impl Row {
    fn of(view: &ConnectionView, words: Words, calendar: &Calendar, urls: Urls<'_>) -> Self {
        let (spec, delivery, is_active) = (&view.stored.spec, &view.delivery, is_active(view));
        let id = view.stored.id.to_string();
        let never_started = !is_active && *delivery == DeliveryState::default();
        let status = view.status.as_str();
        let rate = || words.with("siem-rate-value", "rate", words.roughly(delivery.rate));
        Self {
            name: name_of(view),
            delivery: urls.delivery(&id),
            configure: urls.connection(&id),
            check: urls.check(&id),
            quarantine: urls.quarantine(&id),
            replay: urls.replay(&id),
            delete: urls.delete_one(&id),
            unverified: is_unverified(view),
            endpoint: breakable(&spec.endpoint.shown()),
            transport: transport_name(words, spec.transport),
            format: format_name(spec.format),
            // A query that is not understood is shown as it is stored; the cause tells the rest.
            filter: match spec.filter.to_expr().map(|expr| (expr != Expr::All).then(|| expr.to_string())) {
                Ok(text) => text,
                Err(_) => spec.filter.query.clone(),
            }
            .map(|text| (line(&text, FILTER_SHOWN), line(&text, FILTER_TITLE))),
            is_active,
            status,
            status_word: words.t(&format!("status-{status}")),
            cause: codes::cause(words, view),
            never_started,
            lasting: is_active.then(|| (calendar.lasting(view.since), calendar.when(view.since))),
            acknowledged: Acknowledged::of(view, words, calendar, urls),
            backlog: (!never_started).then(|| words.number(delivery.backlog)),
            rate: is_active.then(rate),
            id,
        }
    }
}

/// What the list calls a format.
pub(super) fn format_name(format: Format) -> &'static str {
    match format {
        Format::Rfc5424 => "RAW",
        Format::Cef => "CEF",
        Format::Leef => "LEEF",
        Format::Json => "JSON",
    }
}

/// Breaks after a dot and before the port.
pub(super) fn breakable(endpoint: &str) -> Vec<String> {
    // In parentheses stands how people write the name.
    let (endpoint, written) = endpoint.split_once(' ').map_or((endpoint, None), |(at, written)| (at, Some(written)));
    let (host, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, ""));
    let parts = host.split_inclusive('.').map(str::to_owned).chain([format!(":{port}")]);
    parts.chain(written.map(|written| format!(" {written}"))).collect()
}

impl Acknowledged {
    pub(super) fn of(view: &ConnectionView, words: Words, calendar: &Calendar, urls: Urls<'_>) -> Option<Self> {
        let seq = view.delivery.acknowledged;
        (seq.0 > 0).then(|| Self {
            seq: words.number(seq.0),
            url: urls.event(seq),
            when: view.delivery.acknowledged_at.map(|at| calendar.when(at)),
            only_sent: view.stored.spec.transport == Transport::Udp,
        })
    }
}

impl Trouble {
    /// Of a connection that is active and not well: one at most.
    pub(super) fn of(view: &ConnectionView, words: Words, urls: Urls<'_>) -> Option<Self> {
        let cause = codes::cause(words, view)?;
        let is_failing = view.status == Status::Failing;
        let key = if is_failing { "siem-trouble-failing" } else { "siem-trouble-degraded" };
        Some(Self {
            is_failing,
            title: words.with_all(key, &[("name", name_of(view)), ("cause", cause)]),
            remedy: view.cause.and_then(|code| codes::cause_remedy(words, code)),
            check: urls.check(view.stored.id.as_str()),
        })
    }
}
