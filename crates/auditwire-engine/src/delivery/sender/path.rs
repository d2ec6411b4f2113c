//! When a path is dead. Asked once a second while bytes are unacknowledged.
//!
//! A receiver that answers is slow, never dead: with its window open somebody must have answered within 15 s, less the time
//! between two looks; with it closed nothing is sent but window probes, and two of them must not stay unanswered.
//! `TCP_USER_TIMEOUT` cannot tell these apart: it also cuts a living receiver whose window is closed.

use std::time::Duration;

use super::super::sockets::PathInfo;

/// Longest silence with an open window. A dead path is noticed within 15 s of the last answer: somebody looks once a second, and
/// may be late.
const SILENCE: Duration = Duration::from_millis(13_500);
/// Unanswered window probes that end a link.
const PROBES: u8 = 2;

/// Judges one path over time.
#[derive(Debug, Default)]
pub(crate) struct PathWatch {
    /// The last look found too many unanswered probes. The first two follow each other within a second, so one look
    /// would take a short pause of the network for death.
    suspicious: bool,
}

impl PathWatch {
    /// One look, while bytes are unacknowledged. True: nobody is there.
    pub(crate) fn is_dead(&mut self, path: &PathInfo) -> bool {
        // Too narrow for the next segment counts as closed: then nothing is on its way but probes.
        let only_probes = path.unacked == 0;
        let unanswered = path.probes >= PROBES && (only_probes || path.window == Some(0));
        let was_suspicious = std::mem::replace(&mut self.suspicious, unanswered);
        (unanswered && was_suspicious) || (!only_probes && path.last_ack >= SILENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: PathInfo =
        PathInfo { closed: false, probes: 0, unacked: 3, last_ack: Duration::from_millis(20), window: Some(65_536) };

    fn looks(path: PathInfo, count: usize) -> bool {
        let mut watch = PathWatch::default();
        (0..count).any(|_| watch.is_dead(&path))
    }

    #[test]
    fn an_open_window_needs_an_answer_in_time_to_be_dead_within_15_s() {
        assert!(!looks(LIVE, 100));
        assert!(!looks(PathInfo { last_ack: SILENCE - Duration::from_millis(1), ..LIVE }, 1));
        assert!(looks(PathInfo { last_ack: SILENCE, ..LIVE }, 1));
        assert!(SILENCE + Duration::from_secs(1) < Duration::from_secs(15), "a look comes once a second");
    }

    #[test]
    fn a_closed_window_is_judged_by_its_probes_alone() {
        let closed = PathInfo { unacked: 0, window: Some(0), ..LIVE };
        let hours = Duration::from_secs(7200);
        assert!(!looks(PathInfo { last_ack: hours, ..closed }, 100), "probes are answered: slow, never dead");
        assert!(!looks(PathInfo { probes: 1, ..closed }, 100));
        assert!(!looks(PathInfo { probes: 2, ..closed }, 1), "one look may be a short pause");
        assert!(looks(PathInfo { probes: 2, ..closed }, 2));
        let narrow = PathInfo { window: Some(100), ..closed };
        assert!(looks(PathInfo { probes: 3, ..narrow }, 2), "too narrow for a segment counts as closed");
    }
}
