//! The page of a connection: how it is and what to do about it, how it went over a day or a month, how its state changed, and its
//! latest messages.

mod chart;

use askama::Template;
use auditwire_engine::connections::{self, ConnectionView, SentMessage};
use auditwire_engine::delivery::{AcknowledgedBy, Measure};
use auditwire_engine::history::{self, History, Range};
use auditwire_engine::records::{StateChange, Totals};
use auditwire_model::connection::Transport;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::list::{Acknowledged, Trouble, format_name};
use super::{codes, is_active, is_unverified, name_of, transport_name};
use crate::api::{PathId, Problem};
use crate::console::form::Form;
use crate::console::page::{Frame, Section, page};
use crate::console::time::When;
use crate::console::visible::visible_bytes;
use crate::console::who::InProject;
use crate::console::words::Words;
use chart::{Chart, Row};

/// Changes of the state that the page shows.
const CHANGES: usize = 20;

#[derive(Template)]
#[template(path = "siem/delivery.html")]
struct DeliveryPage {
    frame: Frame,
    links: Links,
    name: String,
    id: String,
    endpoint: String,
    transport: String,
    format: &'static str,
    unverified: bool,
    is_active: bool,
    status: &'static str,
    status_word: String,
    lasting: Option<(String, When)>,
    trouble: Option<Trouble>,
    acknowledged: Option<Acknowledged>,
    /// Not acknowledged but sent: nobody tells more.
    only_sent: bool,
    /// What this system does not tell of the link, where it should.
    unmeasured: Option<String>,
    backlog: String,
    rate: Option<String>,
    oldest: Option<String>,
    last_error: Option<(String, When)>,
    month: bool,
    charts: Vec<Chart>,
    table: Vec<Row>,
    counters: Vec<Counter>,
    quarantined: u64,
    changes: Vec<Change>,
    more_changes: u64,
    messages: Vec<Message>,
}

/// Addresses on the page.
struct Links {
    events: String,
    list: String,
    here: String,
    day: String,
    month: String,
    start: String,
    stop: String,
    configure: String,
    check: String,
    replay: String,
    quarantine: String,
}

/// A counter over the chosen time and since the connection was created.
struct Counter {
    name: String,
    then: String,
    ever: String,
    /// Where what it counts is listed.
    url: Option<String>,
}

/// The state became another one.
struct Change {
    at: When,
    status: &'static str,
    word: String,
    /// Why, and what to do about it.
    cause: Option<(String, Option<String>)>,
}

/// A message as it went out.
struct Message {
    seq: String,
    url: String,
    text: String,
    size: Option<String>,
    truncated: bool,
    as_sent: bool,
}

/// `GET /projects/{project}/settings/siem/connections/{id}/delivery?range=24h|30d`.
pub(super) async fn show(by: InProject, PathId(id): PathId, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let form = Form::parse(query.unwrap_or_default().as_bytes());
    let range = Range::parse(form.text("range")).unwrap_or_default();
    let (engine, caller, project) = (by.engine(), by.caller(), &by.project.id);
    let view = connections::get(engine, caller, project, &id).await?;
    let history = history::connection(engine, caller, project, &id, range).await?;
    // A filter that cannot be read any more is told by the cause.
    let sent = connections::latest_sent(engine, caller, project, &id).await.unwrap_or_default();
    page(&by, StatusCode::OK, &DeliveryPage::of(&by, &view, &history, &sent))
}

impl DeliveryPage {
    fn of(by: &InProject, view: &ConnectionView, history: &History, sent: &[SentMessage]) -> Self {
        let (words, calendar, urls) = (by.words(), by.calendar(), by.urls());
        let (spec, delivery) = (&view.stored.spec, &view.delivery);
        let (id, name, is_active) = (view.stored.id.to_string(), name_of(view), is_active(view));
        let oldest = delivery.oldest_unacknowledged_at.map(|at| calendar.span(calendar.now().since(at)));
        let last_error = delivery.last_error.as_ref();
        Self {
            frame: Frame::new(by, Section::Settings, name.clone()),
            links: Links {
                events: urls.events(),
                list: urls.siem(),
                here: urls.delivery_over(&id, history.range.as_str()),
                day: urls.delivery(&id),
                month: urls.delivery_over(&id, Range::Month.as_str()),
                start: urls.group("start"),
                stop: urls.group("stop"),
                configure: urls.connection(&id),
                check: urls.check(&id),
                replay: urls.replay(&id),
                quarantine: urls.quarantine(&id),
            },
            endpoint: spec.endpoint.shown(),
            transport: transport_name(words, spec.transport),
            format: format_name(spec.format),
            unverified: is_unverified(view),
            is_active,
            status: view.status.as_str(),
            status_word: words.t(&format!("status-{}", view.status.as_str())),
            lasting: is_active.then(|| (calendar.lasting(view.since), calendar.when(view.since))),
            trouble: Trouble::of(view, words, urls),
            acknowledged: Acknowledged::of(view, words, &calendar, urls),
            only_sent: spec.transport == Transport::Udp || is_by_time(delivery.measure),
            unmeasured: unmeasured(words, delivery.measure),
            backlog: words.number(delivery.backlog),
            rate: is_active.then(|| words.with("siem-rate-value", "rate", words.roughly(delivery.rate))),
            oldest,
            last_error: last_error.map(|error| (codes::title(words, error.code), calendar.when(error.at))),
            month: history.range == Range::Month,
            charts: chart::charts(history, words, &calendar),
            table: chart::table(history, words, &calendar),
            counters: counters(words, &history.totals, &Totals::from(delivery), urls.quarantine(&id)),
            quarantined: delivery.quarantined,
            changes: history.changes.iter().take(CHANGES).map(|change| Change::of(by, change)).collect(),
            more_changes: history.more_changes + history.changes.len().saturating_sub(CHANGES) as u64,
            messages: sent.iter().map(|message| Message::of(by, message)).collect(),
            name,
            id,
        }
    }
}

fn is_by_time(measure: Option<Measure>) -> bool {
    measure.is_some_and(|measure| measure.acknowledged_by == AcknowledgedBy::Time)
}

/// What the service's system does not tell of TCP, and what follows.
fn unmeasured(words: Words, measure: Option<Measure>) -> Option<String> {
    let watched = measure?.path_watched?;
    match (is_by_time(measure), watched) {
        (true, _) => Some(words.t("delivery-unmeasured-acknowledgement")),
        (false, false) => Some(words.t("delivery-unmeasured-path")),
        (false, true) => None,
    }
}

fn counters(words: Words, then: &Totals, ever: &Totals, quarantine: String) -> Vec<Counter> {
    let counter = |key: &str, value: fn(&Totals) -> u64| Counter {
        name: words.t(key),
        then: words.number(value(then)),
        ever: words.number(value(ever)),
        url: None,
    };
    let bytes = |totals: &Totals| size(words, totals.bytes);
    vec![
        counter("delivery-acknowledged", |totals| totals.acknowledged),
        counter("delivery-filtered", |totals| totals.filtered),
        counter("delivery-resent", |totals| totals.resent),
        Counter { name: words.t("delivery-bytes"), then: bytes(then), ever: bytes(ever), url: None },
        counter("delivery-reconnects", |totals| totals.reconnects),
        Counter { url: Some(quarantine), ..counter("delivery-quarantined", |totals| totals.quarantined) },
    ]
}

/// `1.4 MiB`.
fn size(words: Words, bytes: u64) -> String {
    let units = ["delivery-unit-b", "delivery-unit-kib", "delivery-unit-mib", "delivery-unit-gib", "delivery-unit-tib"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    words.with(units.get(unit).copied().unwrap_or("delivery-unit-b"), "size", words.roughly(value))
}

impl Change {
    fn of(by: &InProject, change: &StateChange) -> Self {
        let words = by.words();
        let status = change.state.as_str();
        let cause = change.cause.as_deref().map(|code| {
            let said = words.find(&format!("cause-{code}")).unwrap_or_else(|| codes::title(words, code));
            (said, codes::cause_remedy(words, code))
        });
        let word = if status == "inactive" { "delivery-ended".to_owned() } else { format!("status-{status}") };
        Self { at: by.calendar().when(change.at), status, word: words.t(&word), cause }
    }
}

impl Message {
    fn of(by: &InProject, sent: &SentMessage) -> Self {
        let message = &sent.message;
        let (text, size) = match &message.message {
            Ok(bytes) => (visible_bytes(bytes), Some(by.words().count("form-preview-bytes", bytes.len() as u64))),
            Err(why) => (why.clone(), None),
        };
        let url = by.urls().event(message.seq);
        let seq = message.seq.to_string();
        Self { seq, url, text, size, truncated: message.truncated, as_sent: sent.as_sent }
    }
}
