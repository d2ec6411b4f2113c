//! What became of an event, for each connection, as its details tell it.

use auditwire_engine::history::{Delivered, EventState, Unknown};
use auditwire_model::Timestamp;
use auditwire_model::connection::Transport;

use crate::console::visible::line;
use crate::console::who::InProject;

/// Characters of a name and of a reason.
const NAME: usize = 128;
const REASON: usize = 400;

/// One connection and what it did with the event.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) name: String,
    /// Its page; none when it was deleted.
    pub(super) url: Option<String>,
    /// Beside the name: that it was deleted, and the revision.
    pub(super) note: Option<String>,
    pub(super) class: &'static str,
    pub(super) word: String,
    /// When, as exactly as it is known, and both ends with all digits.
    pub(super) when: Option<(String, String)>,
    pub(super) more: Option<String>,
}

impl Delivery {
    pub(super) fn of(by: &InProject, one: Delivered) -> Self {
        let (words, calendar) = (by.words(), by.calendar());
        let moment = |at: Timestamp| {
            let when = calendar.when(at);
            Some((when.local, when.exact))
        };
        let sent = one.transport == Some(Transport::Udp);
        let mut word = words.t(&format!("delivered-{}", one.state.as_str()));
        let (when, more) = match &one.state {
            EventState::Acknowledged { after, by: end, replay } => {
                if sent {
                    word = words.t("delivered-sent");
                }
                let replay = replay.as_ref().map(|id| words.with("delivered-by-replay", "id", line(id, NAME)));
                (Some(between(by, *after, *end)), replay)
            }
            EventState::Filtered { after, by: end } => (Some(between(by, *after, *end)), None),
            EventState::Quarantined { at, reason } => (moment(*at), Some(line(reason, REASON))),
            EventState::Unknown { after, by: end, why } => {
                let key = match why {
                    Unknown::FilterForgotten => "delivered-filter-forgotten",
                    Unknown::QuarantineCleared => "delivered-quarantine-cleared",
                    Unknown::BeforeHistory => "delivered-before-history",
                };
                (Some(between(by, *after, *end)), Some(words.t(key)))
            }
            EventState::Waiting { before } => (None, Some(words.count("delivered-before", *before))),
            EventState::Stopped => (None, Some(words.t("delivered-stopped-help"))),
            EventState::Skipped { at } => (moment(*at), Some(words.t("delivered-skipped-help"))),
        };
        let class = match one.state {
            EventState::Acknowledged { .. } => "good",
            EventState::Quarantined { .. } => "warn",
            EventState::Waiting { .. } => "accent",
            _ => "",
        };
        let revision =
            one.revision.map(|revision| words.with("delivered-revision", "revision", words.number(revision)));
        let note = if one.deleted { Some(words.t("delivered-deleted")) } else { revision };
        let url = (!one.deleted).then(|| by.urls().delivery(one.connection.as_str()));
        Self { name: line(&one.name, NAME), url, note, class, word, when, more }
    }
}

/// A stretch of time: one moment when both ends look the same.
fn between(by: &InProject, after: Timestamp, end: Timestamp) -> (String, String) {
    let (calendar, words) = (by.calendar(), by.words());
    let (from, to) = (calendar.when(after), calendar.when(end));
    let exact = format!("{} – {}", from.exact, to.exact);
    if from.local == to.local {
        return (to.local, exact);
    }
    // The day is said once.
    let same_day = from.local.get(..10) == to.local.get(..10);
    let until = if same_day { to.local.get(11..).unwrap_or_default().to_owned() } else { to.local };
    (words.with_all("delivered-between", &[("from", from.local), ("to", until)]), exact)
}
