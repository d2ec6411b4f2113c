//! How far a connection has come: the pure half of the sender.
//!
//! It gives each passing event its delivery number, keeps the window of the present link, moves the cursor as the peer
//! acknowledges, and knows where the next link begins. It neither sends nor stores; crashes and breaks between any two
//! of its steps lose nothing (`tests`).

use std::time::Duration;

use auditwire_model::{Position, Timestamp};

use super::super::measure::Measure;
use super::super::window::{Entry, Kind, Limits, Place, Window};
use super::overlap::Overlap;
use crate::records::Cursor;

/// How a link ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ended {
    /// The cap makes the next resend shorter than the rule asks.
    pub(crate) capped: bool,
    /// The widest window that the peer advertised, in bytes.
    pub(crate) widest: u64,
}

/// The state of one connection's delivery.
#[derive(Debug)]
pub(crate) struct Progress {
    limits: Limits,
    cursor: Cursor,
    /// Where the next link begins.
    resume: Place,
    /// What is read next, and its delivery number.
    next: Place,
    window: Option<Window>,
    /// Beside the window, where the connection asks for it.
    overlap: Option<Overlap>,
    /// Last position that was ever sent: tells first sendings from repetitions.
    high: Position,
    /// Last position that was ever set aside, so that a repetition does not set it aside again.
    quarantine_high: Position,
}

impl Progress {
    /// Goes on from a stored cursor.
    pub(crate) fn new(cursor: Cursor, limits: Limits) -> Self {
        let after = Place { from: cursor.settled.next(), n: cursor.next_n.max(1) };
        let resume = match (cursor.resend_from, cursor.resend_n) {
            (Some(from), Some(n)) if from < after.from => Place { from, n },
            _ => after,
        };
        let (high, quarantine_high) = (cursor.settled, cursor.settled);
        Self { limits, cursor, resume, next: resume, window: None, overlap: None, high, quarantine_high }
    }

    /// A link is up on which so much can be learned; sending begins where the resend rule says.
    pub(crate) fn begin_link(&mut self, measure: Measure) {
        self.next = self.resume;
        self.window = Some(Window::new(measure.limits(self.limits), self.resume));
        self.overlap = self.limits.overlap_time.map(|span| Overlap::new(span, self.resume));
    }

    /// The link has ended. `proven`: with the peer's FIN after ours, so that nothing has to be sent again.
    pub(crate) fn end_link(&mut self, proven: bool) -> Ended {
        let Some(window) = self.window.take() else { return Ended::default() };
        let mut capped = false;
        let overlap = self.overlap.take().map(|overlap| overlap.resume());
        if proven && window.is_empty() {
            // The proof is about this link. What it had not repeated yet of an earlier link's unread part stays to be sent.
            // Behind a proxy the FIN proves what the proxy has read, and nothing about the receiver.
            self.resume = earlier(self.next, overlap);
        } else {
            let resume = window.resume();
            self.resume = earlier(resume.at, overlap);
            capped = resume.capped;
        }
        self.next = self.resume;
        Ended { capped, widest: window.widest() }
    }

    /// Counts a link that replaces one that broke.
    pub(crate) fn count_reconnect(&mut self) {
        self.cursor.reconnects += 1;
    }

    /// First position that is not read yet.
    pub(crate) fn next(&self) -> Position {
        self.next.from
    }

    /// The message for the passing event at `position` (not below [`next`](Self::next)): its delivery number and its
    /// entry for [`push`](Self::push).
    pub(crate) fn message(&mut self, position: Position, received_at: Timestamp) -> (u64, Entry) {
        let n = self.number(position);
        self.next = Place { from: position.next(), n: n + 1 };
        let kind = Kind::Sent;
        (n, Entry { first: position, last: position, next_n: n + 1, received_at, kind })
    }

    /// The same event when it turned out that it cannot be rendered; it keeps its number, so that the receiver sees a gap.
    /// True when it was not set aside before.
    pub(crate) fn quarantine(&mut self, entry: &mut Entry) -> bool {
        entry.kind = Kind::Quarantined;
        let first_time = entry.first > self.quarantine_high;
        self.quarantine_high = self.quarantine_high.max(entry.first);
        first_time
    }

    /// A run of positions that are not sent.
    pub(crate) fn skip(&mut self, first: Position, last: Position, received_at: Timestamp, kind: Kind) -> Entry {
        let n = self.number(last);
        self.next = Place { from: last.next(), n };
        Entry { first, last, next_n: n, received_at, kind }
    }

    /// Puts an entry in flight, ending at the stream offset `end` (ignored for what is not sent).
    pub(crate) fn push(&mut self, entry: Entry, end: u64) {
        if entry.kind == Kind::Sent {
            if entry.first > self.high {
                self.high = entry.first;
                self.cursor.sent += 1;
            } else {
                self.cursor.resent += 1;
            }
        }
        if let Some(window) = &mut self.window {
            window.push(entry, end);
        }
    }

    /// Counts bytes that were handed to the peer.
    pub(crate) fn count_bytes(&mut self, bytes: usize) {
        self.cursor.bytes += bytes as u64;
    }

    /// The peer has acknowledged the stream below `offset`; when, by both clocks.
    pub(crate) fn acknowledge(&mut self, offset: u64, now: Timestamp, monotonic: Duration) {
        let Self { window: Some(window), overlap, cursor, .. } = self else { return };
        window.acknowledge(offset, |entry| {
            if entry.last <= cursor.settled {
                return;
            }
            let fresh = entry.last.0 - cursor.settled.0.max(entry.first.0 - 1);
            match entry.kind {
                Kind::Sent => {
                    cursor.delivered += 1;
                    cursor.acknowledged = entry.last;
                    cursor.acknowledged_at = Some(now);
                }
                Kind::Filtered => cursor.filtered += fresh,
                Kind::Quarantined => cursor.quarantined += 1,
                Kind::Gone => {}
            }
            cursor.settled = entry.last;
            cursor.next_n = entry.next_n;
        });
        if let Some(overlap) = overlap {
            overlap.at(window.settled(), monotonic);
        }
    }

    /// The peer advertises this window now, in bytes.
    pub(crate) fn observe_peer(&mut self, window: u64) {
        if let Some(w) = &mut self.window {
            w.observe_peer(window);
        }
    }

    /// Another message may be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.window.as_ref().is_some_and(Window::has_room)
    }

    /// Nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.window.as_ref().is_none_or(Window::is_empty)
    }

    /// When the oldest event in flight was received.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.window.as_ref().and_then(Window::oldest).map(|entry| entry.received_at)
    }

    /// The cursor as it is.
    pub(crate) fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The cursor as it must be stored: whoever reads it after a crash of this process or of the peer begins where the
    /// resend rule says now.
    pub(crate) fn to_store(&self) -> Cursor {
        let overlap = self.overlap.as_ref().map(Overlap::resume);
        let resume = self.window.as_ref().map_or(self.resume, |window| earlier(window.resume().at, overlap));
        let behind = resume.from <= self.cursor.settled;
        Cursor {
            resend_from: behind.then_some(resume.from),
            resend_n: behind.then_some(resume.n),
            ..self.cursor.clone()
        }
    }

    /// The cursor behind an end that needs no resend any more.
    pub(crate) fn at_end(&self) -> Cursor {
        Cursor { resend_from: None, resend_n: None, ..self.cursor.clone() }
    }

    /// The delivery number at `position`. Behind the settled part it is never below what was given out before, also when
    /// a changed filter let fewer events of the repeated part pass.
    fn number(&self, position: Position) -> u64 {
        if position > self.cursor.settled { self.next.n.max(self.cursor.next_n) } else { self.next.n }
    }
}

/// Of two places to begin at again, the one that repeats more.
fn earlier(place: Place, other: Option<Place>) -> Place {
    other.filter(|other| other.from < place.from).unwrap_or(place)
}

#[cfg(test)]
mod tests;
