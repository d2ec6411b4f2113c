//! What a sender shows of itself while it runs. Written by the sender, read by whoever asks.

use auditwire_model::{Position, Timestamp};
use parking_lot::Mutex;

use super::failure::LinkFailure;
use super::health::{self, Assessment, Facts};
use super::measure::Measure;
use super::rate::Rate;
use super::{DeliveryState, LastError, LiveState, ServerCertificate};
use crate::records::Cursor;

/// The live state of one sender.
#[derive(Debug)]
pub(crate) struct Live {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Its events are old, and most positions mean nothing to it: how old they are says nothing, and its pace is what it sends.
    replay: bool,
    facts: Facts,
    before: Option<Assessment>,
    cursor: Cursor,
    rate: Rate,
    last_error: Option<LastError>,
    short_resends: u64,
    server_certificate: Option<ServerCertificate>,
    /// Of the present or last link.
    measure: Option<Measure>,
}

impl Live {
    /// Of a sender that begins with this cursor; `replay`: not of live delivery.
    pub(crate) fn new(cursor: Cursor, replay: bool, now: Timestamp) -> Self {
        let (facts, rate) = (Facts::starting(now), Rate::new(counted(&cursor, replay), now));
        let (before, last_error, short_resends, server_certificate, measure) = (None, None, 0, None, None);
        let inner =
            Inner { replay, facts, before, cursor, rate, last_error, short_resends, server_certificate, measure };
        Self { inner: Mutex::new(inner) }
    }

    /// The sender's progress.
    pub(crate) fn publish(&self, cursor: &Cursor, oldest: Option<Timestamp>, now: Timestamp) {
        let mut inner = self.inner.lock();
        let counted = counted(cursor, inner.replay);
        inner.rate.moved(counted, now);
        inner.cursor.clone_from(cursor);
        inner.facts.oldest = oldest.filter(|_| !inner.replay);
    }

    /// A link is up, the SIEM showed this certificate, and so much can be learned on it.
    pub(crate) fn link_up(&self, now: Timestamp, certificate: Option<ServerCertificate>, measure: Measure) {
        let mut inner = self.inner.lock();
        inner.server_certificate = certificate;
        inner.measure = Some(measure);
        inner.facts.link_up(now);
    }

    /// There is no link.
    pub(crate) fn link_down(&self, failure: &LinkFailure, now: Timestamp) {
        let mut inner = self.inner.lock();
        inner.facts.link_down(now, failure.code);
        inner.last_error = Some(LastError { code: failure.code, message: failure.message.clone(), at: now });
    }

    /// A resend was shorter than the rule asks.
    pub(crate) fn short_resend(&self) {
        self.inner.lock().short_resends += 1;
    }

    /// An event was set aside.
    pub(crate) fn quarantined(&self, now: Timestamp) {
        let mut inner = self.inner.lock();
        inner.facts.quarantined_at = Some(now).filter(|_| !inner.replay);
    }

    /// The state, and when the oldest event that is not settled was received.
    pub(crate) fn judged(&self, now: Timestamp) -> (Assessment, Option<Timestamp>) {
        let mut inner = self.inner.lock();
        let judged = health::assess(&inner.facts, inner.before, now);
        inner.before = Some(judged);
        (judged, inner.facts.oldest)
    }

    /// The state as the API shows it; `head` is the end of the log.
    pub(crate) fn state(&self, head: Position, now: Timestamp) -> LiveState {
        let mut inner = self.inner.lock();
        let judged = health::assess(&inner.facts, inner.before, now);
        inner.before = Some(judged);
        let cursor = &inner.cursor;
        let backlog = head.0.saturating_sub(cursor.settled.0);
        LiveState {
            status: judged.status,
            since: judged.since,
            cause: judged.cause,
            short_resends: inner.short_resends,
            server_certificate: inner.server_certificate.clone(),
            delivery: DeliveryState {
                cursor: cursor.settled,
                acknowledged: cursor.acknowledged,
                acknowledged_at: cursor.acknowledged_at,
                delivered: cursor.delivered,
                bytes: cursor.bytes,
                rate: inner.rate.per_second(now),
                sent: cursor.sent,
                resent: cursor.resent,
                filtered: cursor.filtered,
                quarantined: cursor.quarantined,
                backlog,
                oldest_unacknowledged_at: inner.facts.oldest.filter(|_| backlog > 0),
                reconnects: cursor.reconnects,
                measure: inner.measure,
                last_error: inner.last_error.clone(),
                fresh: None,
            },
        }
    }
}

/// What the pace is measured by.
fn counted(cursor: &Cursor, replay: bool) -> Position {
    if replay { Position(cursor.sent + cursor.quarantined) } else { cursor.settled }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::measure::MEASURED;

    #[test]
    fn what_a_sender_publishes_is_shown_with_its_pace() {
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000).unwrap();
        let mut cursor = Cursor { settled: Position(100), ..Cursor::beginning() };
        let live = Live::new(cursor.clone(), false, at(0));
        let shown = |now| live.state(Position(400), now).delivery;
        assert_eq!((shown(at(1)).rate, shown(at(1)).acknowledged_at), (0.0, None));
        cursor = Cursor { settled: Position(300), acknowledged_at: Some(at(5)), ..cursor };
        live.publish(&cursor, None, at(5));
        assert_eq!((shown(at(5)).rate, shown(at(5)).acknowledged_at), (40.0, Some(at(5))));
        assert_eq!((shown(at(15)).rate, shown(at(15)).backlog), (0.0, 100));
    }

    #[test]
    fn a_replay_of_old_events_is_well_and_its_pace_is_what_it_sends() {
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000).unwrap();
        let mut cursor = Cursor { settled: Position(100), sent: 10, ..Cursor::beginning() };
        let live = Live::new(cursor.clone(), true, at(5_000));
        live.link_up(at(5_000), None, MEASURED);
        (cursor.settled, cursor.sent) = (Position(90_000), 30);
        live.publish(&cursor, Some(at(1)), at(5_010));
        live.quarantined(at(5_010));
        let shown = live.state(Position(100_000), at(5_010));
        assert_eq!((shown.cause, shown.delivery.rate.round()), (None, 2.0));
    }
}
