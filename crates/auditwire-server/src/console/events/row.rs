//! One row of the table. Every cell is cut here, so that a page of the largest events stays small.

use std::time::Duration;

use askama::Template;
use auditwire_engine::search::Page;
use auditwire_model::event::{EventView, rows};
use auditwire_model::{Position, catalogue};

use super::view::View;
use crate::console::time::{Calendar, When};
use crate::console::urls::Urls;
use crate::console::visible::line;
use crate::console::words::Words;

/// Event time and receipt differ noticeably from here on (product section 3).
const LATE: Duration = Duration::from_secs(60);

/// An event as the table shows it. Foreign texts are visible and cut.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) seq: Position,
    url: String,
    when: When,
    /// When it was received, where that is another time.
    received: Option<When>,
    severity: &'static str,
    rank: u8,
    action: String,
    title: Option<&'static str>,
    message: String,
    source: String,
    user: String,
    address: String,
    resource_type: String,
    resource: String,
    code: String,
    outcome: &'static str,
}

/// Rows alone, as the table and the live tail send them.
#[derive(Template)]
#[template(path = "events/rows.html")]
pub(super) struct Rows {
    pub(super) words: Words,
    pub(super) rows: Vec<Row>,
}

impl Rows {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }
}

impl Row {
    /// `query` is the address of the view that the details lead back to.
    pub(super) fn new(event: &EventView<'_>, query: &str, urls: Urls<'_>, calendar: &Calendar) -> Self {
        let cut = |text: Option<&str>, max| text.map(|text| line(text, max)).unwrap_or_default();
        let seq = event.seq.unwrap_or_default();
        Self {
            seq,
            url: urls.event_in(seq, query),
            when: calendar.when(event.timestamp),
            received: is_late(event).then(|| calendar.when(event.received_at)),
            severity: event.severity.as_str(),
            rank: event.severity.rank(),
            action: line(event.action, 64),
            title: catalogue::title(event.action),
            message: cut(event.message, 160),
            source: cut(event.source_id, 40),
            user: cut(user(event), 60),
            address: cut(event.subject_address, 45),
            resource_type: cut(event.resource_type, 40),
            resource: cut(event.resource_id, 60),
            code: cut(event.status_code, 20),
            outcome: event.outcome.as_str(),
        }
    }

    /// The rows of a page, in the order of the list.
    pub(super) fn of_page(page: &Page, reversed: bool, view: &View, urls: Urls<'_>, calendar: &Calendar) -> Vec<Self> {
        let events = page.batches.iter().flat_map(rows);
        let query = view.address();
        let mut shown: Vec<Self> = events.map(|event| Self::new(&event, &query, urls, calendar)).collect();
        if reversed {
            shown.reverse();
        }
        shown
    }
}

/// Whether the event happened noticeably earlier, or later, than it was received.
pub(super) fn is_late(event: &EventView<'_>) -> bool {
    let (happened, received) = (event.timestamp, event.received_at);
    received.since(happened).max(happened.since(received)) > LATE
}

/// What people know a user by, as far as the event says.
fn user<'a>(event: &EventView<'a>) -> Option<&'a str> {
    let said = |key| event.subject_metadata.get(key).filter(|text| !text.is_empty());
    said("name").or_else(|| said("email")).or(event.subject_user_id)
}
