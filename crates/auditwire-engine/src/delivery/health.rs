//! The status of a connection, from what is known about its link and its oldest event (product section 4). Pure.

use std::time::Duration;

use auditwire_model::Timestamp;

use super::Status;
use super::failure::INTERNAL;

/// A matching event may be unsettled for so long before the connection counts as degraded.
const LATE: Duration = Duration::from_secs(10);
/// Without a working link for so long it counts as failing.
const FAILING: Duration = Duration::from_secs(60);
/// An event set aside degrades for so long.
const QUARANTINE: Duration = Duration::from_secs(3600);
/// A link that follows a broken one must live so long to count as working; receivers that close at once would flicker.
const PROBATION: Duration = Duration::from_secs(2);

/// What is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Since when there is a link, if there is one.
    pub(crate) up_since: Option<Timestamp>,
    /// Since when there was no working link before (`up_since` set) or is none.
    pub(crate) down_since: Option<Timestamp>,
    /// Why there was or is none: a check code.
    pub(crate) failure: Option<&'static str>,
    /// When the oldest unsettled event was received.
    pub(crate) oldest: Option<Timestamp>,
    /// When an event was set aside last.
    pub(crate) quarantined_at: Option<Timestamp>,
}

impl Facts {
    /// A sender that has just begun.
    pub(crate) fn starting(now: Timestamp) -> Self {
        Self { up_since: None, down_since: Some(now), failure: None, oldest: None, quarantined_at: None }
    }

    /// A link is up.
    pub(crate) fn link_up(&mut self, now: Timestamp) {
        self.up_since = Some(now);
        if self.failure.is_none() {
            self.down_since = None;
        }
    }

    /// There is no link, or the one there was has ended.
    pub(crate) fn link_down(&mut self, now: Timestamp, failure: &'static str) {
        let worked = self.up_since.take().is_some_and(|up| self.down_since.is_none() || now.since(up) >= PROBATION);
        if worked || self.down_since.is_none() {
            self.down_since = Some(now);
        }
        self.failure = Some(failure);
    }
}

/// What a connection's status is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assessment {
    /// The word.
    pub(crate) status: Status,
    /// A check code, or `quarantined`.
    pub(crate) cause: Option<&'static str>,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// Judges the facts at `now`; `before` is the last judgement, which tells since when a good state lasts.
pub(crate) fn assess(facts: &Facts, before: Option<Assessment>, now: Timestamp) -> Assessment {
    let later = |t: Timestamp, by: Duration| t.saturating_add_nanos(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX));
    let on_probation = facts.up_since.is_none_or(|up| now.since(up) < PROBATION);
    // A sender that has just begun and has met no failure is not "reconnecting": its first link is on its way.
    let beginning = facts.failure.is_none() && facts.down_since.is_some_and(|began| now.since(began) <= LATE);
    if let Some(down) = facts.down_since
        && on_probation
        && !beginning
    {
        // A defect of ours is no link that is about to come back.
        if facts.failure == Some(INTERNAL) {
            return Assessment { status: Status::Failing, cause: facts.failure, since: down };
        }
        return if now.since(down) < FAILING {
            Assessment { status: Status::Degraded, cause: facts.failure, since: down }
        } else {
            Assessment { status: Status::Failing, cause: facts.failure, since: later(down, FAILING) }
        };
    }
    let up = facts.up_since.unwrap_or(now);
    if let Some(oldest) = facts.oldest
        && now.since(oldest) > LATE
    {
        let since = later(oldest, LATE).max(up);
        return Assessment { status: Status::Degraded, cause: Some("not_acknowledged"), since };
    }
    if let Some(at) = facts.quarantined_at
        && now.since(at) < QUARANTINE
    {
        return Assessment { status: Status::Degraded, cause: Some("quarantined"), since: at };
    }
    let since = match before {
        Some(before) if before.status == Status::Active => before.since.max(up),
        Some(_) => now,
        None => up,
    };
    Assessment { status: Status::Active, cause: None, since }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000).unwrap()
    }

    fn status(facts: &Facts, seconds: i64) -> (Status, Option<&'static str>, Timestamp) {
        let a = assess(facts, None, at(seconds));
        (a.status, a.cause, a.since)
    }

    #[test]
    fn reconnecting_degrades_and_then_fails() {
        let mut facts = Facts::starting(at(0));
        facts.link_up(at(1));
        assert_eq!(status(&facts, 1), (Status::Active, None, at(1)), "the first link needs no probation");
        facts.link_down(at(100), "connect_refused");
        assert_eq!(status(&facts, 159), (Status::Degraded, Some("connect_refused"), at(100)));
        facts.link_down(at(130), "connect_timeout");
        assert_eq!(status(&facts, 160), (Status::Failing, Some("connect_timeout"), at(160)));
        facts.link_up(at(200));
        assert_eq!(status(&facts, 201).0, Status::Failing, "on probation");
        assert_eq!(status(&facts, 202).0, Status::Active);
        facts.link_down(at(201), "closed_at_once");
        assert_eq!(status(&facts, 201), (Status::Failing, Some("closed_at_once"), at(160)), "it never worked");
    }

    #[test]
    fn a_sender_that_begins_is_active_until_its_first_link_fails_or_is_late() {
        let mut facts = Facts::starting(at(0));
        assert_eq!(status(&facts, 10).0, Status::Active);
        assert_eq!(status(&facts, 11).0, Status::Degraded);
        facts.link_down(at(1), "connect_refused");
        assert_eq!(status(&facts, 1), (Status::Degraded, Some("connect_refused"), at(0)));
    }

    #[test]
    fn a_sender_that_met_a_defect_fails_at_once_until_its_link_has_lived() {
        let mut facts = Facts::starting(at(0));
        facts.link_down(at(5), INTERNAL);
        assert_eq!(status(&facts, 5), (Status::Failing, Some(INTERNAL), at(0)));
        facts.link_up(at(6));
        assert_eq!(status(&facts, 7).0, Status::Failing);
        assert_eq!(status(&facts, 8).0, Status::Active);
    }

    #[test]
    fn a_receiver_that_takes_nothing_degrades() {
        let mut facts = Facts::starting(at(0));
        facts.link_up(at(0));
        facts.oldest = Some(at(50));
        assert_eq!(status(&facts, 60).0, Status::Active);
        assert_eq!(status(&facts, 61), (Status::Degraded, Some("not_acknowledged"), at(60)));
        facts.oldest = None;
        assert_eq!(status(&facts, 61).0, Status::Active);
    }

    #[test]
    fn an_event_set_aside_degrades_for_an_hour() {
        let mut facts = Facts::starting(at(0));
        facts.link_up(at(0));
        facts.quarantined_at = Some(at(10));
        assert_eq!(status(&facts, 20), (Status::Degraded, Some("quarantined"), at(10)));
        assert_eq!(status(&facts, 3610).0, Status::Active);
    }

    #[test]
    fn a_good_state_keeps_its_beginning() {
        let mut facts = Facts::starting(at(0));
        facts.link_up(at(5));
        let first = assess(&facts, None, at(6));
        let second = assess(&facts, Some(first), at(50));
        assert_eq!(second.since, at(5));
        facts.oldest = Some(at(50));
        let bad = assess(&facts, Some(second), at(70));
        facts.oldest = None;
        assert_eq!(assess(&facts, Some(bad), at(71)).since, at(71));
    }
}
