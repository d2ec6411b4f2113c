//! What is in flight on one link, what the peer's kernel has acknowledged, and where to begin again when the link breaks.
//!
//! Pure: the sender tells it what it queued, how many bytes were acknowledged and how wide the peer's window is. TCP
//! acknowledges what lies in the receiver's kernel, not what the receiver has read. So after a break the sender must go
//! back behind the acknowledged offset by as much as that kernel may have held unread; [`Window::resume`] computes it.

use std::collections::VecDeque;
use std::time::Duration;

use auditwire_model::{Position, Timestamp};

/// Least overlap after a break, in bytes: what an untuned Linux receiver's buffer may grow to (the third number of
/// `tcp_rmem`). A receiver that falls behind holds several times the widest window it ever advertised.
pub(crate) const OVERLAP_MIN: u64 = 6 << 20;
/// Acknowledged offsets are remembered at least this far back, in bytes, because the window may grow between two samples.
const HISTORY_MIN: u64 = 8 << 20;
/// Distance of two remembered offsets, in bytes: finer for small windows, where an overlap is small too.
const SPACING: std::ops::RangeInclusive<u64> = (4 << 10)..=(64 << 10);

/// How much may be in flight and how much may be sent again. All in the units of the link's offsets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most entries (messages and runs of skipped events) in flight.
    pub(crate) entries_max: usize,
    /// Most bytes in flight.
    pub(crate) bytes_max: u64,
    /// Least bytes sent again after a break.
    pub(crate) overlap_min: u64,
    /// Most bytes sent again after a break; `None` for links whose settled part is never sent again (UDP).
    pub(crate) overlap_max: Option<u64>,
    /// What was acknowledged within so long is sent again after the link's end, whatever else is known; `None`: nothing is.
    pub(crate) overlap_time: Option<Duration>,
}

/// What an entry stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One message.
    Sent,
    /// Events that the filter kept back.
    Filtered,
    /// One event that cannot be rendered.
    Quarantined,
    /// Positions that the log no longer has.
    Gone,
}

/// One message, or a run of positions without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// First position.
    pub(crate) first: Position,
    /// Last position; equals `first` for a message.
    pub(crate) last: Position,
    /// The delivery number of the first passing event after `last`.
    pub(crate) next_n: u64,
    /// `received_at` of the event; for runs, of any event in it.
    pub(crate) received_at: Timestamp,
    /// What it stands for.
    pub(crate) kind: Kind,
}

/// A place to send from: the position, and the delivery number of the first passing event there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// First position to read.
    pub(crate) from: Position,
    /// Its delivery number.
    pub(crate) n: u64,
}

/// Where sending begins again after a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resume {
    /// The place.
    pub(crate) at: Place,
    /// True when the rule asked for more than the cap allowed or than is remembered.
    pub(crate) capped: bool,
}

/// Everything before `place` ended at or below the stream offset `end`.
#[derive(Debug, Clone, Copy)]
struct Mark {
    end: u64,
    place: Place,
}

/// The window of one link. Offsets begin at 0 with the link.
#[derive(Debug)]
pub(crate) struct Window {
    limits: Limits,
    /// In position order, each with the offset at which it is settled.
    flight: VecDeque<(u64, Entry)>,
    /// Offset at which the last message ends.
    queued: u64,
    acknowledged: u64,
    /// Settled places by ascending offset; the first is where the link began until it is too old to matter.
    history: VecDeque<Mark>,
    /// Where the next entry begins if all in flight were settled.
    settled: Place,
    widest: u64,
}

impl Window {
    /// A window for a link that begins to send at `start`.
    pub(crate) fn new(limits: Limits, start: Place) -> Self {
        let history = VecDeque::from([Mark { end: 0, place: start }]);
        let flight = VecDeque::new();
        Self { limits, flight, queued: 0, acknowledged: 0, history, settled: start, widest: 0 }
    }

    /// True when another message may be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.flight.len() < self.limits.entries_max
            && self.queued.saturating_sub(self.acknowledged) < self.limits.bytes_max
    }

    /// Adds a message that ends at the stream offset `end`, or a run of positions without a message (then `end` is not
    /// used: a run is settled as soon as everything before it is). Positions must ascend.
    pub(crate) fn push(&mut self, entry: Entry, end: u64) {
        let end = if entry.kind == Kind::Sent { end.max(self.queued) } else { self.queued };
        self.queued = end;
        if let Some((_, last)) = self.flight.back_mut()
            && entry.kind == Kind::Filtered
            && last.kind == Kind::Filtered
            && last.last.next() == entry.first
        {
            last.last = entry.last;
            last.next_n = entry.next_n;
            return;
        }
        self.flight.push_back((end, entry));
    }

    /// Takes note that the peer has acknowledged everything below `offset`; gives each entry that is settled by it, in
    /// order. An offset below an earlier one changes nothing.
    pub(crate) fn acknowledge(&mut self, offset: u64, mut settled: impl FnMut(&Entry)) {
        self.acknowledged = self.acknowledged.max(offset);
        while let Some(&(end, entry)) = self.flight.front()
            && end <= self.acknowledged
        {
            self.flight.pop_front();
            self.settled = Place { from: entry.last.next(), n: entry.next_n };
            self.remember(end);
            settled(&entry);
        }
    }

    /// Takes note of the window that the peer advertises now, in bytes.
    pub(crate) fn observe_peer(&mut self, window: u64) {
        self.widest = self.widest.max(window);
    }

    /// Where to begin again if the link ended now, in any way but the peer's FIN after ours.
    pub(crate) fn resume(&self) -> Resume {
        let Some(cap) = self.limits.overlap_max else {
            return Resume { at: self.settled, capped: false };
        };
        let wanted = self.reach();
        let overlap = wanted.min(cap);
        let target = self.acknowledged.saturating_sub(overlap);
        let after = self.history.partition_point(|mark| mark.end <= target);
        let mark = self.history.get(after.saturating_sub(1)).or(self.history.front());
        let at = mark.map_or(self.settled, |mark| mark.place);
        let capped = self.acknowledged > overlap && (wanted > cap || mark.is_none_or(|mark| mark.end > target));
        Resume { at, capped }
    }

    /// The place after everything that is settled on this link.
    pub(crate) fn settled(&self) -> Place {
        self.settled
    }

    /// The widest window that the peer advertised, in bytes; 0 when it is not known.
    pub(crate) fn widest(&self) -> u64 {
        self.widest
    }

    /// Nothing is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.flight.is_empty()
    }

    /// The oldest entry in flight.
    pub(crate) fn oldest(&self) -> Option<&Entry> {
        self.flight.front().map(|(_, entry)| entry)
    }

    /// The most that the peer's kernel may hold acknowledged and unread. The free window is not taken off: what a receiver
    /// advertises is also held down by its own caution (`rcv_ssthresh`), so that a wide free window proves nothing about
    /// how little lies unread. `2W` alone, `W` with a margin of 512 KiB, and taking off the free window all lost events in
    /// the trials that `docs/delivery.md` describes.
    fn reach(&self) -> u64 {
        self.widest.saturating_mul(2).max(self.limits.overlap_min)
    }

    fn remember(&mut self, end: u64) {
        let Some(cap) = self.limits.overlap_max else { return };
        let mark = Mark { end, place: self.settled };
        let spacing = (self.reach() / 16).clamp(*SPACING.start(), *SPACING.end());
        match self.history.back_mut() {
            // Positions without a message do not move the offset: the later place is as good and skips them.
            Some(last) if last.end == end => last.place = mark.place,
            Some(last) if end - last.end < spacing => {}
            _ => self.history.push_back(mark),
        }
        let depth = self.reach().saturating_mul(4).max(HISTORY_MIN).min(cap);
        let oldest = self.acknowledged.saturating_sub(depth);
        while self.history.get(1).is_some_and(|mark| mark.end <= oldest) {
            self.history.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
