use proptest::prelude::*;

use super::*;
use crate::delivery::Status;
use crate::records::Beginning;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The connection's own stream settles so many events.
    Own(u64),
    /// The second stream does.
    Second(u64),
    /// A second stream begins so far ahead.
    Split(u64),
    /// The two become one, as soon as the own stream has reached the other.
    Join,
    /// A step is written.
    Step,
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![
        4 => (1_u64..30).prop_map(Next::Own),
        4 => (1_u64..30).prop_map(Next::Second),
        1 => (1_u64..60).prop_map(Next::Split),
        1 => Just(Next::Join),
        4 => Just(Next::Step),
    ]
}

fn counted(events: u64) -> Totals {
    Totals { acknowledged: events, ..Totals::default() }
}

/// A connection with two streams now and then.
struct Story {
    own: u64,
    own_counted: u64,
    second: Option<(u64, u64)>,
    beginning: Option<Beginning>,
    steps: Vec<DeliveryStep>,
}

impl Story {
    fn happens(&mut self, next: Next) {
        match (next, self.second) {
            (Next::Own(events), second) => {
                let end = second.map_or(u64::MAX, |(from, _)| from - 1);
                let reached = (self.own + events).min(end);
                self.own_counted += reached - self.own;
                self.own = reached;
            }
            (Next::Second(events), Some((from, settled))) => self.second = Some((from, settled + events)),
            (Next::Split(ahead), None) => self.second = Some((self.own + ahead + 1, self.own + ahead)),
            (Next::Join, Some((from, settled))) => {
                self.own_counted += from - 1 - self.own + settled - (from - 1);
                (self.own, self.second) = (settled, None);
                let (name, filter, transport) = (String::new(), String::new(), Transport::Tcp);
                let settled = Position(self.own);
                // Of two senders that began between two steps the first is told, as merging does.
                self.beginning.get_or_insert(Beginning { at: Timestamp::EPOCH, name, filter, transport, settled });
            }
            (Next::Step, _) => self.step(),
            (Next::Second(_), None) | (Next::Split(_), Some(_)) | (Next::Join, None) => {}
        }
    }

    fn step(&mut self) {
        let second = self.second.map(|(from, settled)| SecondStream {
            from: Position(from),
            settled: Position(settled),
            totals: counted(settled + 1 - from),
        });
        self.steps.push(DeliveryStep {
            at: Timestamp::EPOCH.saturating_add_nanos(i64::try_from(self.steps.len()).unwrap()),
            revision: 1,
            settled: Position(self.own),
            totals: second.iter().fold(counted(self.own_counted), |own, second| own.and(&second.totals)),
            second,
            backlog: 0,
            backlog_max: 0,
            oldest_at: None,
            age_ms: 0,
            state: Status::Active,
            cause: None,
            changes: Vec::new(),
            more_changes: 0,
            beginning: self.beginning.take(),
            moved: None,
        });
    }
}

proptest! {
    /// Whatever the streams do between steps, each event is told once, and what was counted is what was gone over.
    #[test]
    fn two_streams_are_told_like_one(story in prop::collection::vec(next(), 1..80)) {
        let mut world = Story { own: 0, own_counted: 0, second: None, beginning: None, steps: Vec::new() };
        world.step();
        for next in story {
            world.happens(next);
        }
        world.step();
        let last = world.own.max(world.second.map_or(0, |(_, settled)| settled));
        let mut told = vec![0; usize::try_from(last).unwrap() + 1];
        for pair in world.steps.windows(2) {
            for Stretches { parts, counted } in stretches(&pair[0], &pair[1]) {
                let mut positions = 0;
                for (_, from, to) in parts.iter().filter(|(_, from, to)| from < to) {
                    positions += to.0 - from.0;
                    (from.0 + 1..=to.0).for_each(|seq| told[usize::try_from(seq).unwrap()] += 1);
                }
                prop_assert_eq!(positions, counted.acknowledged);
            }
        }
        for (seq, times) in (0_u64..).zip(told).skip(1) {
            let second = world.second.is_some_and(|(from, settled)| from <= seq && seq <= settled);
            prop_assert_eq!(times, u32::from(seq <= world.own || second), "event {}", seq);
        }
    }
}
