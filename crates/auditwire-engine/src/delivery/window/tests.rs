use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    entries_max: 1000,
    bytes_max: 1 << 20,
    overlap_min: OVERLAP_MIN,
    overlap_max: Some(32 << 20),
    overlap_time: None,
};

fn sent(position: u64, next_n: u64) -> Entry {
    run(position, position, next_n, Kind::Sent)
}

fn run(first: u64, last: u64, next_n: u64, kind: Kind) -> Entry {
    Entry { first: Position(first), last: Position(last), next_n, received_at: Timestamp::EPOCH, kind }
}

fn place(from: u64, n: u64) -> Place {
    Place { from: Position(from), n }
}

#[test]
fn settles_in_order_with_skipped_runs_between() {
    let mut window = Window::new(LIMITS, place(1, 1));
    window.push(run(1, 1, 1, Kind::Filtered), 0);
    window.push(sent(2, 2), 100);
    window.push(run(3, 3, 2, Kind::Filtered), 0);
    window.push(run(4, 9, 2, Kind::Filtered), 0);
    window.push(run(10, 10, 3, Kind::Quarantined), 0);
    window.push(sent(11, 4), 250);
    let mut seen = Vec::new();
    window.acknowledge(0, |e| seen.push((e.kind, e.last.0)));
    assert_eq!(seen, [(Kind::Filtered, 1)], "only what is before the first message");
    window.acknowledge(99, |e| seen.push((e.kind, e.last.0)));
    assert_eq!(window.settled(), place(2, 1), "99 of 100 bytes are not a message");
    window.acknowledge(100, |e| seen.push((e.kind, e.last.0)));
    assert_eq!(seen[1..], [(Kind::Sent, 2), (Kind::Filtered, 9), (Kind::Quarantined, 10)]);
    assert_eq!(window.settled(), place(11, 3));
    window.acknowledge(50, |_| panic!("an older offset settles nothing"));
    window.acknowledge(250, |_| {});
    assert!(window.is_empty());
    assert_eq!(window.settled(), place(12, 4));
}

#[test]
fn is_bounded_by_entries_and_bytes() {
    let limits = Limits {
        entries_max: 3,
        bytes_max: 1000,
        overlap_min: OVERLAP_MIN,
        overlap_max: Some(1 << 20),
        overlap_time: None,
    };
    let mut window = Window::new(limits, place(1, 1));
    window.push(sent(1, 2), 999);
    assert!(window.has_room());
    window.push(sent(2, 3), 1000);
    assert!(!window.has_room(), "bytes");
    window.acknowledge(999, |_| {});
    window.push(sent(3, 4), 1001);
    assert!(window.has_room());
    window.push(sent(4, 5), 1002);
    assert!(!window.has_room(), "entries");
}

#[test]
fn a_link_without_acknowledgements_resumes_after_what_is_settled() {
    let limits = Limits { overlap_max: None, ..LIMITS };
    let mut window = Window::new(limits, place(5, 7));
    window.push(sent(5, 8), 1);
    window.push(sent(6, 9), 2);
    window.acknowledge(1, |_| {});
    assert_eq!(window.resume(), Resume { at: place(6, 8), capped: false });
}

#[test]
fn the_cap_is_told_when_it_bites() {
    let (entries_max, bytes_max, overlap_max) = (usize::MAX, u64::MAX, Some(128 << 10));
    let limits = Limits { entries_max, bytes_max, overlap_min: OVERLAP_MIN, overlap_max, overlap_time: None };
    let mut window = Window::new(limits, place(1, 1));
    window.observe_peer(6 << 20);
    for i in 1..=100 {
        window.push(sent(i, i + 1), i * 1000);
    }
    window.acknowledge(100_000, |_| {});
    assert_eq!(window.resume(), Resume { at: place(1, 1), capped: false }, "the cap reaches the link's beginning");
    for i in 101..=1000 {
        window.push(sent(i, i + 1), i * 1000);
    }
    window.acknowledge(1_000_000, |_| {});
    let resume = window.resume();
    assert!(resume.capped);
    assert!(resume.at.from.0 <= 1000 - 131, "{resume:?}");
}

/// One step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Send { bytes: u64 },
    Skip { events: u64 },
    Acknowledge { bytes: u64 },
    Peer { window: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (60_u64..90_000).prop_map(|bytes| Step::Send { bytes }),
        2 => (1_u64..50).prop_map(|events| Step::Skip { events }),
        4 => (0_u64..600_000).prop_map(|bytes| Step::Acknowledge { bytes }),
        1 => (0_u64..5_000_000).prop_map(|window| Step::Peer { window }),
    ]
}

proptest! {
    /// Against a plain list of everything ever sent: the settled place is exact; a resume never skips a message that
    /// ends above the rule's offset, carries the right number, and goes back little further than the rule asks.
    #[test]
    fn agrees_with_a_plain_list(steps in prop::collection::vec(step(), 1..600), tls in any::<bool>()) {
        let limits = Limits { entries_max: usize::MAX, bytes_max: u64::MAX, overlap_min: OVERLAP_MIN, overlap_max: Some(32 << 20), overlap_time: None };
        let mut window = Window::new(limits, place(1, 1));
        let (mut all, mut next, mut n, mut end, mut acknowledged) = (Vec::new(), 1, 1, 0, 0);
        let mut widest = 0;
        for step in steps {
            match step {
                Step::Send { bytes } => {
                    end += bytes;
                    // In TLS a message may be known only to end where its record ends.
                    let known = if tls { end + 29 } else { end };
                    if tls { end = known; }
                    all.push((next, n, known));
                    n += 1;
                    window.push(sent(next, n), known);
                    next += 1;
                }
                Step::Skip { events } => {
                    window.push(run(next, next + events - 1, n, Kind::Filtered), 0);
                    next += events;
                }
                Step::Acknowledge { bytes } => {
                    acknowledged = end.min(acknowledged + bytes);
                    window.acknowledge(acknowledged, |_| {});
                }
                Step::Peer { window: size } => {
                    window.observe_peer(size);
                    widest = widest.max(size);
                }
            }
            let expected = all.iter().find(|m| m.2 > acknowledged).map(|m| (m.0, m.1));
            let settled = window.settled();
            if let Some((position, number)) = expected {
                prop_assert!(settled.from.0 <= position);
                prop_assert_eq!(settled.n, number);
            }
            let overlap = (2 * widest).max(6_u64 << 20);
            let resume = window.resume();
            prop_assert!(!resume.capped);
            let target = acknowledged.saturating_sub(overlap);
            let first = all.iter().find(|m| m.2 > target);
            if let Some(&(position, number, _)) = first {
                prop_assert!(resume.at.from.0 <= position, "skips a message: {:?} > {}", resume, position);
                let back = all.iter().filter(|m| m.0 >= resume.at.from.0 && m.0 < position);
                prop_assert_eq!(resume.at.n + back.count() as u64, number);
                let oldest = all.iter().find(|m| m.0 >= resume.at.from.0).map_or(0, |m| m.2);
                prop_assert!(target.saturating_sub(oldest) <= (64 << 10) + 90_029, "goes back too far");
            }
        }
    }

    /// Whatever happens, the memory of a link is bounded.
    #[test]
    fn memory_is_bounded(size in 60_u64..70_000, peer in 0_u64..20_000_000) {
        let limits = Limits { entries_max: 100, bytes_max: 1 << 20, overlap_min: OVERLAP_MIN, overlap_max: Some(32 << 20), overlap_time: None };
        let mut window = Window::new(limits, place(1, 1));
        window.observe_peer(peer);
        let mut end = 0;
        for i in 1..20_000 {
            end += size;
            window.push(sent(i, i + 1), end);
            window.acknowledge(end, |_| {});
        }
        prop_assert!(window.history.len() <= 2200, "{}", window.history.len());
        prop_assert!(window.flight.is_empty());
    }
}
