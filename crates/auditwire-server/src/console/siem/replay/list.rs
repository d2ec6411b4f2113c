//! The replays of a connection, as a table.

use auditwire_engine::records::{Replay, ReplayState};
use auditwire_engine::replays::ReplayView;
use auditwire_model::Timestamp;

use crate::console::time::{Calendar, When};
use crate::console::visible::line;
use crate::console::who::InProject;
use crate::console::words::Words;

/// Characters of a query.
const QUERY: usize = 120;

/// One replay.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) at: When,
    /// Class of its status, and the word.
    pub(super) status: &'static str,
    pub(super) word: String,
    pub(super) range: String,
    pub(super) query: Option<String>,
    pub(super) sent: String,
    pub(super) matched: String,
}

impl Past {
    pub(super) fn of<'a>(by: &InProject, replays: impl Iterator<Item = &'a ReplayView>) -> Vec<Self> {
        let (words, calendar, urls) = (by.words(), by.calendar(), by.urls());
        let past = |view: &ReplayView| {
            let stored = &view.stored;
            Self {
                id: stored.id.clone(),
                url: urls.replay_state(&stored.id),
                at: calendar.when(stored.created_at),
                status: class(stored.state),
                word: word(words, stored.state),
                range: range(words, &calendar, stored),
                query: stored.query.as_deref().map(|query| line(query, QUERY)),
                sent: words.number(stored.progress.sent),
                matched: matched(words, stored),
            }
        };
        replays.map(past).collect()
    }
}

/// Class of a status dot.
pub(super) fn class(state: ReplayState) -> &'static str {
    match state {
        ReplayState::Running | ReplayState::Done => "active",
        ReplayState::Paused => "degraded",
        ReplayState::Cancelled => "inactive",
    }
}

pub(super) fn word(words: Words, state: ReplayState) -> String {
    words.t(&format!("status-replay-{}", state.as_str()))
}

/// How many events it is about.
pub(super) fn matched(words: Words, replay: &Replay) -> String {
    let number = words.number(replay.matched);
    if replay.exact { number } else { words.with("replay-at-least", "number", number) }
}

/// Which time it is about.
pub(super) fn range(words: Words, calendar: &Calendar, replay: &Replay) -> String {
    if replay.quarantined {
        return words.t("replay-range-quarantine");
    }
    let local = |time: Timestamp| calendar.when(time).local;
    match (replay.time_from.map(local), replay.time_to.map(local)) {
        (None, None) => words.t("range-all"),
        (Some(from), None) => words.with("events-since", "time", from),
        (None, Some(to)) => words.with("events-until", "time", to),
        (Some(from), Some(to)) => format!("{from} – {to}"),
    }
}
