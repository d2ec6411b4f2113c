//! The rule against what it promises, for any settings, floors, changes and moments.

use proptest::prelude::*;

use super::*;

fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}

fn at(hour: u64) -> Timestamp {
    later(Timestamp::EPOCH, hours(hour))
}

fn set() -> impl Strategy<Value = KeptFor> {
    // Nothing set, no limit, or a limit.
    let days = prop_oneof![Just(None), Just(Some(0)), (1..20u32).prop_map(Some)];
    let bytes = prop_oneof![Just(None), Just(Some(0)), (1..200u64).prop_map(Some)];
    (days, bytes).prop_map(|(days, bytes)| KeptFor { days, bytes })
}

fn rule() -> impl Strategy<Value = RetentionRule> {
    let age = prop_oneof![Just(None), (1..20u64).prop_map(|days| Some(hours(days * 24)))];
    let bytes = prop_oneof![Just(None), (1..200u64).prop_map(Some)];
    let floor = (0..240u64, prop_oneof![Just(0), 0..200u64]).prop_map(|(age, bytes)| Floor { age: hours(age), bytes });
    (age, bytes, floor, 0..100u64).prop_map(|(age, bytes, floor, delay)| RetentionRule {
        default: Retention { age, bytes },
        floor,
        reduction_delay: hours(delay),
        trust: TrustRule::default(),
    })
}

proptest! {
    #[test]
    fn nothing_that_holds_is_below_the_floor(rule in rule(), set in set()) {
        let holds = rule.holds(set);
        prop_assert!(holds.age.is_none_or(|age| age >= rule.floor.age));
        prop_assert!(holds.bytes.is_none_or(|bytes| bytes >= rule.floor.bytes));
    }

    /// Whatever is set: what is younger than the floor stays, and what ends by size leaves as much as the floor says.
    #[test]
    fn what_ends_is_above_the_floor_and_the_oldest(
        rule in rule(),
        set in set(),
        mut spans in prop::collection::vec((0..400u64, 1..80u64), 0..12),
        other in 0..100u64,
    ) {
        spans.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
        let spans: Vec<_> = spans.into_iter().map(|(age, bytes)| (hours(age), bytes)).collect();
        // There may be more spans than are looked at at once.
        let mut left = spans.iter().map(|(_, bytes)| bytes).sum::<u64>() + other;
        let holds = rule.holds(set);
        let Ending { by_age, by_size } = rule.ending(set, spans.iter().copied(), left);
        let (ended, kept) = spans.split_at(by_age + by_size);
        for (n, (age, bytes)) in ended.iter().enumerate() {
            prop_assert!(*age >= rule.floor.age, "younger than the floor");
            let too_much = holds.bytes.is_some_and(|most| left > most);
            left -= bytes;
            if n < by_age {
                prop_assert!(holds.age.is_some_and(|most| *age > most));
            } else {
                prop_assert!(too_much && left >= rule.floor.bytes, "{left} bytes are left");
            }
        }
        // And nothing that must end is kept.
        if let Some((age, bytes)) = kept.first().copied() {
            prop_assert!(holds.age.is_none_or(|most| age <= most) || by_size > 0);
            let stays = age < rule.floor.age || left - bytes < rule.floor.bytes;
            prop_assert!(stays || holds.bytes.is_none_or(|most| left <= most));
        }
    }

    /// A project changes its mind at any hours. A model knows for each hour the least that it may keep.
    #[test]
    fn a_reduction_holds_no_earlier_than_its_delay_and_a_raise_at_once(
        rule in rule(),
        wishes in prop::collection::vec((0..60u64, set(), prop::bool::weighted(0.15)), 1..12),
    ) {
        let delay = rule.reduction_delay;
        let (mut keeping, mut hour) = (Keeping::default(), 0);
        // Everything that was wished and not taken back, and since when.
        let mut wished: Vec<(u64, KeptFor)> = Vec::new();
        for (pause, wanted, cancel) in wishes {
            hour += pause;
            if let Some(due) = keeping.pending.filter(|due| due.at <= at(hour)) {
                // What the log makes of it then: once.
                let oldest = wished.first().expect("what waits was wished").0;
                prop_assert!(due.at >= later(at(oldest), delay), "applied before its time");
                keeping = Keeping { set: due.to, pending: None };
                wished.clear();
            }
            let before = rule.holds(keeping.set);
            if cancel {
                keeping.pending = None;
                wished.clear();
            } else {
                let pending = keeping.pending;
                keeping = rule.change(keeping, wanted, at(hour));
                let (now, wants) = (rule.holds(keeping.set), rule.holds(wanted));
                if delay.is_zero() || !wants.is_less_than(before) {
                    prop_assert_eq!(keeping, Keeping { set: wanted, pending: None }, "a raise is at once");
                    wished.clear();
                } else {
                    let waits = keeping.pending.expect("a reduction waits");
                    prop_assert_eq!(waits.to, wanted);
                    let worse = pending.is_none_or(|pending| wants.is_less_than(rule.holds(pending.to)));
                    let since = pending.filter(|_| !worse).map_or_else(|| later(at(hour), delay), |p| p.at);
                    prop_assert_eq!(waits.at, since, "it waits anew for what gets worse only");
                    if worse {
                        wished.clear();
                    }
                    wished.push((hour, wanted));
                    // Each limit by itself: what keeps more is there at once.
                    prop_assert!(!now.is_less_than(before));
                    prop_assert!(!is_less(now.age, wants.age) && !is_less(now.bytes, wants.bytes));
                }
            }
            prop_assert!(delay.is_zero() || !rule.holds(keeping.set).is_less_than(before), "reduced at once");
        }
    }
}

#[test]
fn what_was_set_before_there_was_a_floor_is_raised_to_it() {
    let rule = RetentionRule { floor: Floor { age: DAY * 7, bytes: 100 }, ..RetentionRule::default() };
    let holds = rule.holds(KeptFor { days: Some(1), bytes: Some(5) });
    assert_eq!(holds, Retention { age: Some(DAY * 7), bytes: Some(100) });
    assert_eq!(rule.holds(KeptFor { days: Some(0), bytes: Some(0) }), Retention::FOR_EVER);
    assert_eq!(rule.holds(KeptFor::default()), rule.default);
}

#[test]
fn half_a_wish_is_at_once() {
    let rule = RetentionRule::default();
    let wanted = KeptFor { days: Some(400), bytes: Some(1 << 20) };
    let keeping = rule.change(Keeping::default(), wanted, at(0));
    assert_eq!(keeping.set, KeptFor { days: Some(400), bytes: None });
    assert_eq!(keeping.pending, Some(Reduction { to: wanted, at: at(72) }));
    // The same again changes nothing, less waits anew, more of what waits does not.
    assert_eq!(rule.change(keeping, wanted, at(50)), keeping);
    let less = KeptFor { bytes: Some(1 << 19), ..wanted };
    assert_eq!(rule.change(keeping, less, at(50)).pending, Some(Reduction { to: less, at: at(122) }));
    let more = KeptFor { bytes: Some(1 << 21), ..wanted };
    assert_eq!(rule.change(keeping, more, at(50)).pending, Some(Reduction { to: more, at: at(72) }));
    let none = KeptFor { bytes: None, ..wanted };
    assert_eq!(rule.change(keeping, none, at(50)), Keeping { set: none, pending: None });
}
