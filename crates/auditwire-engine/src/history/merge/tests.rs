//! Merging loses moments and nothing else, whatever the steps and however often it is done.

use auditwire_model::Position;
use auditwire_model::connection::Transport;
use proptest::prelude::*;

use super::*;
use crate::delivery::Status;
use crate::history::chart::{Range, counted};
use crate::records::{Beginning, Moved, StateChange, Totals};

const SECOND: i64 = 1_000_000_000;
/// 2026-11-22T00:00:00Z.
const NOON: i64 = 1_795_305_600 * SECOND;

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos).unwrap()
}

/// What happens between two steps.
#[derive(Debug, Clone)]
enum Next {
    Sends { events: u64, filtered: u64 },
    Changes { status: Status },
    Restarts { settled: u64 },
    Edits,
    Moves { to: u64 },
}

fn next() -> impl Strategy<Value = (i64, Next)> {
    let what = prop_oneof![
        8 => (0_u64..50, 0_u64..5).prop_map(|(events, filtered)| Next::Sends { events, filtered }),
        2 => prop_oneof![Just(Status::Active), Just(Status::Degraded), Just(Status::Failing)]
            .prop_map(|status| Next::Changes { status }),
        1 => (0_u64..20).prop_map(|settled| Next::Restarts { settled }),
        1 => Just(Next::Edits),
        1 => (0_u64..2000).prop_map(|to| Next::Moves { to }),
    ];
    let pause = prop_oneof![8 => 1_i64..30, 2 => 60_i64..4000, 1 => 40_000_i64..400_000];
    (pause.prop_map(|seconds| seconds * SECOND), what)
}

fn steps(story: Vec<(i64, Next)>) -> Vec<DeliveryStep> {
    let mut step = DeliveryStep {
        at: at(NOON),
        revision: 1,
        settled: Position(0),
        totals: Totals::default(),
        second: None,
        backlog: 0,
        backlog_max: 0,
        oldest_at: None,
        age_ms: 0,
        state: Status::Active,
        cause: None,
        changes: Vec::new(),
        more_changes: 0,
        beginning: None,
        moved: Some(Moved { from: None, to: Position(0) }),
    };
    let mut all = vec![step.clone()];
    for (pause, what) in story {
        step.at = step.at.saturating_add_nanos(pause);
        (step.changes, step.beginning, step.moved) = (Vec::new(), None, None);
        step.backlog = u64::try_from(pause / SECOND).unwrap() % 97;
        (step.backlog_max, step.age_ms) = (step.backlog, step.backlog * 7 % 31);
        match what {
            Next::Sends { events, filtered } => {
                step.settled.0 += events + filtered;
                step.totals.acknowledged += events;
                step.totals.filtered += filtered;
            }
            Next::Changes { status } => {
                step.state = status;
                step.changes.push(StateChange { at: step.at, state: status, cause: None });
            }
            Next::Restarts { settled } => {
                step.settled.0 += settled;
                step.totals.acknowledged += settled;
                step.beginning = Some(Beginning {
                    at: step.at,
                    name: "siem".to_owned(),
                    filter: String::new(),
                    transport: Transport::Tcp,
                    settled: step.settled,
                });
            }
            Next::Edits => step.revision += 1,
            Next::Moves { to } => {
                step.moved = Some(Moved { from: Some(step.settled), to: Position(to) });
                step.settled = Position(to);
            }
        }
        all.push(step.clone());
    }
    all
}

/// What one round makes of the steps.
fn round(steps: &[DeliveryStep], now: Timestamp) -> Vec<DeliveryStep> {
    let stretch = |step: &DeliveryStep| bucket(step.at, now);
    let runs = steps.chunk_by(|a, b| stretch(a).is_some_and(|one| Some(one) == stretch(b)));
    runs.flat_map(|run| if stretch(&run[0]).is_some() { merge(run) } else { whole(run) })
        .map(|(step, _)| step)
        .collect()
}

fn whole(run: &[DeliveryStep]) -> Vec<(DeliveryStep, std::ops::Range<usize>)> {
    run.iter().enumerate().map(|(i, step)| (step.clone(), i..i + 1)).collect()
}

/// Which positions delivery went over, and how often.
fn passed(steps: &[DeliveryStep]) -> Vec<u32> {
    let mut counts = vec![0; 20_000];
    let mut over =
        |from: Position, to: Position| (from.0 + 1..=to.0).for_each(|p| counts[usize::try_from(p).unwrap()] += 1);
    let before = DeliveryStep { settled: steps[0].base().unwrap(), ..steps[0].clone() };
    for (before, step) in std::iter::once((&before, &steps[0])).chain(steps.windows(2).map(|pair| (&pair[0], &pair[1])))
    {
        let mut from = before.settled;
        if let Some(moved) = step.moved {
            over(from, moved.from.unwrap_or(from));
            from = moved.to;
        }
        over(from, step.settled);
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn merging_loses_moments_and_nothing_else(
        story in prop::collection::vec(next(), 1..200),
        rounds in prop::collection::vec(0_i64..90 * 24 * 3600, 1..6),
    ) {
        let before = steps(story);
        let mut after = before.clone();
        let mut rounds = rounds;
        rounds.sort_unstable();
        let end = before.last().unwrap().at;
        for seconds in rounds {
            after = round(&after, end.saturating_add_nanos(seconds * SECOND));
        }
        prop_assert!(passed(&before) == passed(&after), "every position was passed as often");
        prop_assert_eq!(before.last().unwrap().totals, after.last().unwrap().totals);
        prop_assert_eq!(before.last().unwrap().at, after.last().unwrap().at);
        let changes = |steps: &[DeliveryStep]| -> u64 { steps.iter().map(|s| s.changes.len() as u64 + s.more_changes).sum() };
        prop_assert_eq!(changes(&before), changes(&after));
        prop_assert!(after.iter().all(|step| step.changes.len() <= CHANGES_MAX));
        prop_assert_eq!(before.iter().map(|s| s.backlog_max).max(), after.iter().map(|s| s.backlog_max).max());
        prop_assert_eq!(before.iter().map(|s| s.age_ms).max(), after.iter().map(|s| s.age_ms).max());
        let moves = |steps: &[DeliveryStep]| steps.iter().filter_map(|s| s.moved).collect::<Vec<_>>();
        prop_assert_eq!(moves(&before), moves(&after));
        let revisions = |steps: &[DeliveryStep]| { let mut r: Vec<_> = steps.iter().map(|s| s.revision).collect(); r.dedup(); r };
        prop_assert_eq!(revisions(&before), revisions(&after));
        prop_assert!(after.is_sorted_by_key(|step| step.at));
    }

    #[test]
    fn what_is_merged_is_bounded_and_stays_so(seconds in 1_i64..20, days in 31_i64..60) {
        // Something happens every few seconds for 3 days; one day is 31 days old at least.
        let story = (0..3 * 24 * 3600 / seconds).step_by(4).map(|_| (4 * seconds * SECOND, Next::Sends { events: 1, filtered: 0 }));
        let before = steps(story.collect());
        let now = at(NOON + days * 24 * 3600 * SECOND);
        let merged = round(&before, now);
        prop_assert!(merged.len() <= 2 * 48 + 3, "{}", merged.len());
        prop_assert_eq!(&round(&merged, now), &merged);
    }
}

#[test]
fn a_stretch_is_merged_when_all_of_it_is_old_enough() {
    let minute = |nanos: i64, now: i64| bucket(at(nanos), at(now));
    assert_eq!(minute(NOON, NOON + HOUR), None);
    assert_eq!(minute(NOON, NOON + HOUR + MINUTE - 1), None);
    assert_eq!(minute(NOON, NOON + HOUR + MINUTE), Some((MINUTE, NOON / MINUTE)));
    assert_eq!(minute(NOON, NOON + DAY + 30 * MINUTE - 1), Some((MINUTE, NOON / MINUTE)));
    assert_eq!(minute(NOON, NOON + DAY + 30 * MINUTE), Some((30 * MINUTE, NOON / (30 * MINUTE))));
    assert_eq!(minute(NOON, NOON + 31 * DAY), Some((DAY, NOON / DAY)));
    assert_eq!(minute(NOON, 0), None, "a clock that was set back merges nothing");
}

#[test]
fn the_charts_of_a_day_and_a_month_count_the_same_before_and_after() {
    let story = (0..2000).map(|i| (37 * SECOND, Next::Sends { events: i % 7, filtered: i % 3 }));
    let before = steps(story.collect());
    let end = before.last().unwrap().at;
    for (range, width, count) in [(Range::Day, 10 * MINUTE, 144), (Range::Month, 6 * HOUR, 120)] {
        let begin = (end.as_nanos() / width + 1) * width - count * width;
        let whole = counted(&before, range, begin);
        let merged = counted(&round(&before, end), range, begin);
        assert_eq!(whole.totals, merged.totals);
        let sums = |history: &crate::history::History| history.points.iter().map(|p| p.counted).collect::<Vec<_>>();
        assert_eq!(sums(&whole), sums(&merged), "{range:?}: no stretch of a chart is narrower than what was merged");
        assert_eq!(whole.totals.acknowledged, before.last().unwrap().totals.acknowledged);
    }
}
