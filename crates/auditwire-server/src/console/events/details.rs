//! One event: every field, and the JSON that the log holds.

use askama::Template;
use auditwire_engine::search;
use auditwire_model::event::{EventView, Pairs, Plane, view, write_canonical};
use auditwire_model::{Position, catalogue};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;

use super::json::pretty;
use super::row::is_late;
use crate::api::Problem;
use crate::console::page::{Frame, Section, page};
use crate::console::time::When;
use crate::console::urls::Urls;
use crate::console::visible::{line, visible, visible_json};
use crate::console::who::InProject;
use crate::console::words::Words;

/// The longest heading.
const HEADING: usize = 120;

#[derive(Template)]
#[template(path = "events/details.html")]
struct DetailsPage {
    frame: Frame,
    list: String,
    /// This page's own address, for where it is shown over the list.
    here: String,
    previous: Option<String>,
    next: Option<String>,
    seq: Position,
    /// What the catalogue says of the action, in English.
    title: Option<&'static str>,
    severity: &'static str,
    rank: u8,
    outcome: &'static str,
    outcome_word: String,
    happened: When,
    received: When,
    late: bool,
    groups: Vec<Group>,
    json: String,
}

/// Fields that belong together.
#[derive(Debug)]
struct Group {
    title: String,
    facts: Vec<Fact>,
}

/// One field, its text visible.
#[derive(Debug)]
struct Fact {
    name: String,
    /// The name is a key of the event's own metadata.
    is_key: bool,
    text: String,
}

/// `GET /projects/{project}/events/{seq}`.
pub(super) async fn details(by: InProject, Path((_, seq)): Path<(String, String)>) -> Result<Response, Problem> {
    let seq = read_seq(&seq)?;
    let batch = search::event(by.engine(), by.caller(), &by.project.id, seq).await?;
    let head = by.engine().log.head(&by.project.id);
    let (event, urls, calendar) = (view(&batch, 0), by.urls(), by.calendar());
    let mut json = Vec::new();
    write_canonical(&event, &mut json);
    let template = DetailsPage {
        frame: Frame::new(&by, Section::Events, line(event.action, HEADING)),
        list: list_of(event.plane, urls),
        here: urls.event(seq),
        previous: (seq > Position(1)).then(|| urls.event(seq.previous())),
        next: (seq < head).then(|| urls.event(seq.next())),
        seq,
        title: catalogue::title(event.action),
        severity: event.severity.as_str(),
        rank: event.severity.rank(),
        outcome: event.outcome.as_str(),
        outcome_word: by.words().t(&format!("outcome-{}", event.outcome.as_str())),
        happened: calendar.when(event.timestamp),
        received: calendar.when(event.received_at),
        late: is_late(&event),
        groups: groups(&event, by.words()),
        json: visible_json(&pretty(&String::from_utf8_lossy(&json))),
    };
    page(&by, StatusCode::OK, &template)
}

fn read_seq(text: &str) -> Result<Position, Problem> {
    let seq = text.parse().ok().filter(|_| text.bytes().all(|c| c.is_ascii_digit()));
    seq.map(Position).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "event_not_found", "an event's place in the log is a number from 1")
    })
}

/// The list that the event stands in.
fn list_of(plane: Plane, urls: Urls<'_>) -> String {
    match plane {
        Plane::Control => urls.events(),
        Plane::Data => urls.events_view("plane=data"),
    }
}

/// Every field that the event has, beside its times.
fn groups(event: &EventView<'_>, words: Words) -> Vec<Group> {
    let seq = event.seq.map(|seq| seq.to_string());
    let labels: Vec<&str> = event.labels.iter().collect();
    let labels = (!labels.is_empty()).then(|| labels.join(", "));
    let plane = words.t(&format!("events-plane-{}", event.plane.as_str()));
    let outcome = words.t(&format!("outcome-{}", event.outcome.as_str()));
    let group = |title: &str, fields: &[(&str, Option<&str>)], metadata: Option<Pairs<'_>>| {
        let known = fields.iter().filter_map(|(key, text)| Some(fact(words.t(key), false, (*text)?)));
        let own =
            metadata.into_iter().flat_map(|pairs| pairs.iter()).map(|(key, text)| fact(key.to_owned(), true, text));
        Group { title: words.t(title), facts: known.chain(own).collect() }
    };
    let what = [
        ("events-action", Some(event.action)),
        ("events-message", event.message),
        ("events-source", event.source_id),
        ("events-source-address", event.source_address),
        ("events-plane", Some(&plane)),
        ("events-labels", labels.as_deref()),
        ("events-seq", seq.as_deref()),
        ("events-event-id", Some(event.event_id)),
        ("events-request-id", event.request_id),
    ];
    let who = [
        ("events-user-id", event.subject_user_id),
        ("events-address", event.subject_address),
        ("events-project-id", event.subject_project_id),
    ];
    let on_what = [("events-resource-type", event.resource_type), ("events-resource-id", event.resource_id)];
    let how = [
        ("events-outcome", Some(outcome.as_str())),
        ("events-status-code", event.status_code),
        ("events-status-message", event.status_message),
    ];
    let groups = [
        group("events-group-event", &what, None),
        group("events-group-who", &who, Some(event.subject_metadata)),
        group("events-group-what", &on_what, Some(event.resource_metadata)),
        group("events-group-status", &how, None),
    ];
    groups.into_iter().filter(|group| !group.facts.is_empty()).collect()
}

fn fact(name: String, is_key: bool, text: &str) -> Fact {
    let name = if is_key { visible(&name).into_owned() } else { name };
    Fact { name, is_key, text: visible(text).into_owned() }
}
