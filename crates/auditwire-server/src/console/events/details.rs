//! One event: every field, and the JSON that the log holds.

use askama::Template;
use auditwire_engine::{history, search};
use auditwire_model::event::{EventView, Pairs, columns, view, write_canonical};
use auditwire_model::query::{Expr, Field, Op, QUERY_BYTES_MAX, Value};
use auditwire_model::{Position, Timestamp, catalogue};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;

use super::asked::Asked;
use super::delivered::Delivery;
use super::filter::Facet;
use super::json::pretty;
use super::query_of;
use super::range::Range;
use super::row::is_late;
use super::view::View;
use crate::api::Problem;
use crate::console::page::{Frame, Section, page};
use crate::console::time::When;
use crate::console::urls::Urls;
use crate::console::visible::{line, visible, visible_json};
use crate::console::who::InProject;
use crate::console::words::Words;

/// The longest heading.
const HEADING: usize = 120;
/// Longer values are not searched for by a click; in bytes.
const FOUND_BY: usize = 512;
/// How far around an event its neighbours are looked for.
const AROUND_NANOS: i64 = 5 * 60 * 1_000_000_000;
const LABELS: Field = Field::Column(columns::LABELS);

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
    /// The list from a few minutes before it to a few minutes after it, without other filters.
    around: String,
    of_severity: Option<Find>,
    groups: Vec<Group>,
    deliveries: Vec<Delivery>,
    json: String,
}

/// Fields that belong together.
#[derive(Debug)]
struct Group {
    title: String,
    facts: Vec<Fact>,
}

/// One field.
#[derive(Debug)]
struct Fact {
    name: String,
    /// The name is a key of the event's own metadata.
    is_key: bool,
    values: Vec<Valued>,
}

/// A value of a field, visible, and where to find events by it.
#[derive(Debug)]
struct Valued {
    text: String,
    find: Option<Find>,
}

/// Two views of the list.
#[derive(Debug)]
struct Find {
    /// Events that have the value, and those that do not.
    only: String,
    without: String,
    /// The terms, for those who cannot see what the links stand beside.
    term: String,
}

/// `GET /projects/{project}/events/{seq}`.
pub(super) async fn details(by: InProject, Path((_, seq)): Path<(String, String)>) -> Result<Response, Problem> {
    let seq = read_seq(&seq)?;
    let batch = search::event(by.engine(), by.caller(), &by.project.id, seq).await?;
    let told = history::event(by.engine(), by.caller(), &by.project.id, seq).await?;
    let head = by.engine().log.head(&by.project.id);
    let (event, urls, calendar) = (view(&batch, 0), by.urls(), by.calendar());
    // The list that the event was opened from; in any case one that it can stand in.
    let asked = Asked::read(query_of(&by.visitor.guest.here), &calendar, by.words());
    let query = asked.view.address();
    let list = View { plane: event.plane, ..asked.view };
    let links = Facts { list: list.first(), urls, words: by.words() };
    let mut json = Vec::new();
    write_canonical(&event, &mut json);
    let template = DetailsPage {
        frame: Frame::new(&by, Section::Events, line(event.action, HEADING)),
        here: urls.event_in(seq, &query),
        previous: (seq > Position(1)).then(|| urls.event_in(seq.previous(), &query)),
        next: (seq < head).then(|| urls.event_in(seq.next(), &query)),
        around: around(&list, event.timestamp).url(urls),
        of_severity: links.find(&Facet::Severity.field(), Value::Severity(event.severity)),
        list: list.url(urls),
        seq,
        title: catalogue::title(event.action),
        severity: event.severity.as_str(),
        rank: event.severity.rank(),
        outcome: event.outcome.as_str(),
        outcome_word: by.words().t(&format!("outcome-{}", event.outcome.as_str())),
        happened: calendar.when(event.timestamp),
        received: calendar.when(event.received_at),
        late: is_late(&event),
        groups: links.groups(&event),
        deliveries: told.deliveries.into_iter().map(|one| Delivery::of(&by, one)).collect(),
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

/// What happened about the same time, whatever else was asked for.
fn around(list: &View, at: Timestamp) -> View {
    let range = Range::Between {
        from: Some(at.saturating_add_nanos(-AROUND_NANOS)),
        to: Some(at.saturating_add_nanos(AROUND_NANOS)),
    };
    list.unfiltered().in_range(range)
}

/// Makes the facts of an event, with links into the list.
struct Facts<'a> {
    list: View,
    urls: Urls<'a>,
    words: Words,
}

impl Facts<'_> {
    /// Every field that the event has, beside its times.
    fn groups(&self, event: &EventView<'_>) -> Vec<Group> {
        let words = self.words;
        let seq = event.seq.map(|seq| seq.to_string());
        let plane = words.t(&format!("events-plane-{}", event.plane.as_str()));
        let outcome = words.t(&format!("outcome-{}", event.outcome.as_str()));
        let mut what = vec![
            self.known("events-action", columns::ACTION, Some(event.action)),
            self.known("events-message", columns::MESSAGE, event.message),
            self.known("events-source", columns::SOURCE_ID, event.source_id),
            self.known("events-source-address", columns::SOURCE_ADDRESS, event.source_address),
            Some(Fact::plain(words.t("events-plane"), plane)),
        ];
        let labels: Vec<Valued> = event.labels.iter().map(|label| self.valued(&LABELS, label, label)).collect();
        what.push((!labels.is_empty()).then(|| Fact { name: words.t("events-labels"), is_key: false, values: labels }));
        what.extend([
            seq.map(|seq| Fact::plain(words.t("events-seq"), seq)),
            self.known("events-event-id", columns::EVENT_ID, Some(event.event_id)),
            self.known("events-request-id", columns::REQUEST_ID, event.request_id),
        ]);
        let who = vec![
            self.known("events-user-id", columns::SUBJECT_USER_ID, event.subject_user_id),
            self.known("events-address", columns::SUBJECT_ADDRESS, event.subject_address),
            self.known("events-project-id", columns::SUBJECT_PROJECT_ID, event.subject_project_id),
        ];
        let on_what = vec![
            self.known("events-resource-type", columns::RESOURCE_TYPE, event.resource_type),
            self.known("events-resource-id", columns::RESOURCE_ID, event.resource_id),
        ];
        let outcome = self.valued(&Facet::Outcome.field(), event.outcome.as_str(), &outcome);
        let how = vec![
            Some(Fact { name: words.t("events-outcome"), is_key: false, values: vec![outcome] }),
            self.known("events-status-code", columns::STATUS_CODE, event.status_code),
            self.known("events-status-message", columns::STATUS_MESSAGE, event.status_message),
        ];
        let subject = self.own(event.subject_metadata, Field::SubjectMetadata);
        let resource = self.own(event.resource_metadata, Field::ResourceMetadata);
        let groups = [
            ("events-group-event", what, Vec::new()),
            ("events-group-who", who, subject),
            ("events-group-what", on_what, resource),
            ("events-group-status", how, Vec::new()),
        ];
        let groups = groups.into_iter().map(|(title, known, own)| Group {
            title: words.t(title),
            facts: known.into_iter().flatten().chain(own).collect(),
        });
        groups.filter(|group| !group.facts.is_empty()).collect()
    }

    /// A field of the event model, if the event has it.
    fn known(&self, name: &str, column: usize, text: Option<&str>) -> Option<Fact> {
        let value = self.valued(&Field::Column(column), text?, text?);
        Some(Fact { name: self.words.t(name), is_key: false, values: vec![value] })
    }

    /// The event's own keys.
    fn own(&self, pairs: Pairs<'_>, field: fn(String) -> Field) -> Vec<Fact> {
        let fact = |(key, text): (&str, &str)| Fact {
            name: visible(key).into_owned(),
            is_key: true,
            values: vec![self.valued(&field(key.to_owned()), text, text)],
        };
        pairs.iter().map(fact).collect()
    }

    fn valued(&self, field: &Field, value: &str, shown: &str) -> Valued {
        let find = self.find(field, Value::Text(value.to_owned())).filter(|_| value.len() <= FOUND_BY);
        Valued { text: visible(shown).into_owned(), find }
    }

    /// None when the query would not be one: a key or a list too long for it.
    fn find(&self, field: &Field, value: Value) -> Option<Find> {
        let term = |op| Expr::Compare(field.clone(), op, value.clone());
        let (only, without) = (term(Op::Equal), term(Op::NotEqual));
        let view = |term: &Expr| {
            let view = self.list.narrowed(term);
            (view.typed.text().len() <= QUERY_BYTES_MAX).then(|| view.url(self.urls))
        };
        Some(Find { only: view(&only)?, without: view(&without)?, term: line(&only.to_string(), HEADING) })
    }
}

impl Fact {
    /// Without links.
    fn plain(name: String, text: String) -> Self {
        Self { name, is_key: false, values: vec![Valued { text, find: None }] }
    }
}
