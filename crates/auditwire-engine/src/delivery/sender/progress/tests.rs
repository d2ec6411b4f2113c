//! A simulation: the pure half of the sender drives scripted links to a scripted receiver, both crash and break at any
//! step, and nothing may be missing at the receiver in the end. Every failure prints its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::delivery::measure::{AcknowledgedBy, MEASURED, SETTLES_AFTER, Settling};
use crate::delivery::window::OVERLAP_MIN;

/// What the own kernel takes beyond what the peer's has acknowledged (`tcp_wmem`).
const SEND_BUFFER: u64 = 4 << 20;

const LIMITS: Limits = Limits {
    entries_max: 64,
    bytes_max: 256 << 10,
    overlap_min: OVERLAP_MIN,
    overlap_max: Some(32 << 20),
    overlap_time: None,
};

/// What the log holds at a position; a function of the position, as the log is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stored {
    Passing { bytes: u64 },
    Filtered,
    Unrenderable,
}

fn stored(seed: u64, position: u64) -> Stored {
    let mut rng = SmallRng::seed_from_u64(seed ^ position.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    match rng.random_range(0..100) {
        0..15 => Stored::Filtered,
        15 => Stored::Unrenderable,
        _ => Stored::Passing { bytes: rng.random_range(80..9000) },
    }
}

/// A receiver: a kernel that acknowledges into a buffer, and a program that reads from it.
struct Receiver {
    /// What the kernel can hold; it advertises less than that.
    buffer: u64,
    /// Read by the program: position and number, as often as it came.
    read: Vec<(u64, u64)>,
}

/// What the sender learns of a link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Eyes {
    /// What the peer's kernel has acknowledged.
    Kernel,
    /// Only what the own kernel took: the socket has no `SIOCOUTQ`.
    Time,
    /// The same, taken for an acknowledgement: what must not be.
    Written,
}

impl Eyes {
    fn measure(self) -> Measure {
        match self {
            Self::Kernel | Self::Written => MEASURED,
            Self::Time => Measure { acknowledged_by: AcknowledgedBy::Time, path_watched: Some(false) },
        }
    }
}

/// A link: what was queued, what the kernel took, what the program read, in stream offsets.
struct ScriptedLink {
    messages: Vec<(u64, u64, u64)>,
    queued: u64,
    acknowledged: u64,
    read: u64,
    begun: Timestamp,
    settling: Settling,
}

/// Links over TLS whose key makes so many records, and then none, without an error.
#[derive(Clone, Copy)]
struct Worn {
    records: usize,
    /// The link takes what was handed to TLS for sent: what must not be.
    believes: bool,
}

struct World {
    rng: SmallRng,
    seed: u64,
    limits: Limits,
    /// Messages are so many times as large as the log says: large ones fill buffers of many MiB in few steps.
    scale: u64,
    /// The receiver advertises next to nothing of its buffer (`rcv_ssthresh`). Linux does so up to 6 MiB.
    cautious: bool,
    eyes: Eyes,
    /// Behind a proxy: everything that was acknowledged so long ago has been read, whatever the buffers hold.
    lag: Option<Duration>,
    worn: Option<Worn>,
    now: Timestamp,
    /// Of the present link: what was acknowledged when.
    acknowledged: Vec<(Timestamp, u64)>,
    head: u64,
    progress: Progress,
    /// The cursor on disk.
    disk: Cursor,
    link: Option<ScriptedLink>,
    receiver: Receiver,
    set_aside: Vec<u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let scale = [1, 24][rng.random_range(0..2)];
        let buffer = [4 << 10, 64 << 10, 500 << 10, 2 << 20, 5 << 20, 16 << 20][rng.random_range(0..6)];
        let cautious = buffer <= 6 << 20 && rng.random_bool(0.5);
        Self::with(seed, rng, scale, buffer, cautious, None)
    }

    /// Behind a proxy that takes what it gets and tells nothing about the receiver.
    fn proxied(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let lag = Duration::from_millis(rng.random_range(100..3000));
        Self::with(seed, rng, 24, 1 << 40, true, Some(lag))
    }

    /// On a system that does not tell what was acknowledged, or is not asked.
    fn blind(seed: u64, eyes: Eyes) -> Self {
        Self { eyes, ..Self::new(seed) }
    }

    /// Over links that wear out.
    fn worn(seed: u64, believes: bool) -> Self {
        let mut world = Self::new(seed);
        let records = world.rng.random_range(1..40);
        Self { worn: Some(Worn { records, believes }), ..world }
    }

    fn with(seed: u64, mut rng: SmallRng, scale: u64, buffer: u64, cautious: bool, lag: Option<Duration>) -> Self {
        let bytes_max = LIMITS.bytes_max * scale;
        let limits = Limits { bytes_max, overlap_time: lag, ..LIMITS };
        Self {
            head: rng.random_range(20..400),
            rng,
            seed,
            limits,
            scale,
            cautious,
            eyes: Eyes::Kernel,
            lag,
            worn: None,
            now: Timestamp::EPOCH.saturating_add_nanos(1_000_000_000_000),
            acknowledged: Vec::new(),
            progress: Progress::new(Cursor::beginning(), limits),
            disk: Cursor::beginning(),
            link: None,
            receiver: Receiver { buffer, read: Vec::new() },
            set_aside: Vec::new(),
        }
    }

    /// What the kernel advertises: less than it can hold, less what lies unread in it, and sometimes nothing near that.
    fn advertised(&self) -> u64 {
        let link = self.link.as_ref().unwrap();
        let buffer = self.receiver.buffer;
        let most = if self.cautious { (buffer / 64).min(64 << 10) } else { buffer - buffer / 4 };
        most.saturating_sub(link.acknowledged - link.read)
    }

    fn step(&mut self) {
        if self.link.is_none() {
            self.progress.begin_link(self.eyes.measure());
            self.acknowledged.clear();
            let settling = Settling::new(SETTLES_AFTER);
            let (messages, begun) = (Vec::new(), self.now);
            self.link = Some(ScriptedLink { messages, queued: 0, acknowledged: 0, read: 0, begun, settling });
            self.observe();
            return;
        }
        self.pass();
        match self.rng.random_range(0..100) {
            0..45 => self.send(),
            45..65 => self.acknowledge(),
            65..85 => self.read(),
            85..93 => self.store(),
            93..96 => self.break_link(),
            96..98 => self.crash(),
            98 => self.stop_gracefully(),
            _ => self.head += self.rng.random_range(0..5),
        }
        self.check();
    }

    fn step_without_faults(&mut self) {
        self.pass();
        match self.rng.random_range(0..20) {
            0..10 => self.send(),
            10..14 => self.acknowledge(),
            14..17 => self.read(),
            _ => self.store(),
        }
        self.check();
    }

    /// Time passes. A proxy's receiver reads what lies there for too long.
    fn pass(&mut self) {
        self.now = self.now.saturating_add_nanos(self.rng.random_range(0..100_000_000));
        let Some(lag) = self.lag else { return };
        let old = self.acknowledged.iter().rev().find(|(at, _)| self.now.since(*at) >= lag).map(|(_, offset)| *offset);
        if let Some(offset) = old {
            self.read_until(offset);
        }
    }

    fn observe(&mut self) {
        let window = self.advertised();
        self.progress.observe_peer(window);
    }

    fn send(&mut self) {
        let position = self.progress.next();
        if position.0 > self.head || !self.progress.has_room() {
            return;
        }
        let received_at = self.now;
        match stored(self.seed, position.0) {
            Stored::Filtered => {
                let entry = self.progress.skip(position, position, received_at, Kind::Filtered);
                self.progress.push(entry, 0);
            }
            Stored::Unrenderable => {
                let (_, mut entry) = self.progress.message(position, received_at);
                if self.progress.quarantine(&mut entry) {
                    self.set_aside.push(position.0);
                }
                self.progress.push(entry, 0);
            }
            Stored::Passing { bytes } => {
                let link = self.link.as_mut().unwrap();
                let (n, entry) = self.progress.message(position, received_at);
                match self.worn {
                    Some(worn) if link.messages.len() >= worn.records => {
                        if !worn.believes {
                            return self.stop_gracefully();
                        }
                        let end = link.queued;
                        self.progress.push(entry, end);
                        return self.collect();
                    }
                    _ => {}
                }
                link.queued += bytes * self.scale;
                link.messages.push((link.queued, position.0, n));
                let end = link.queued;
                self.progress.push(entry, end);
            }
        }
        self.collect();
    }

    /// The receiver's kernel takes what it has room for; a Linux kernel takes more than it ever advertised.
    fn acknowledge(&mut self) {
        let room = self.receiver.buffer;
        let link = self.link.as_mut().unwrap();
        let most = link.queued.min(link.read + room);
        if most > link.acknowledged {
            link.acknowledged += self.rng.random_range(0..=most - link.acknowledged);
        }
        self.collect();
    }

    fn collect(&mut self) {
        let link = self.link.as_mut().unwrap();
        let (acknowledged, written) = (link.acknowledged, link.queued.min(link.acknowledged + SEND_BUFFER));
        let offset = match self.eyes {
            Eyes::Kernel => acknowledged,
            Eyes::Time => link.settling.settled(written, self.now.since(link.begun)),
            Eyes::Written => written,
        };
        self.progress.acknowledge(offset, self.now, self.now.since(Timestamp::EPOCH));
        self.acknowledged.push((self.now, acknowledged));
        self.observe();
    }

    /// The program reads bytes; a message is its own when it has read the end of it.
    fn read(&mut self) {
        let link = self.link.as_mut().unwrap();
        let until = link.read + self.rng.random_range(0..=link.acknowledged - link.read);
        self.read_until(until);
    }

    fn read_until(&mut self, until: u64) {
        let link = self.link.as_mut().unwrap();
        if until <= link.read {
            return;
        }
        for (end, position, n) in &link.messages {
            if *end > link.read && *end <= until {
                self.receiver.read.push((*position, *n));
            }
        }
        link.read = until;
    }

    fn store(&mut self) {
        let before = self.disk.settled;
        self.disk = self.progress.to_store();
        assert!(self.disk.settled >= before, "the cursor moved back");
        assert!(self.disk.resend_from.is_none_or(|from| from <= self.disk.settled));
        assert_eq!(self.disk.resend_from.is_some(), self.disk.resend_n.is_some());
    }

    /// The receiver dies: what its kernel held unread is gone.
    fn break_link(&mut self) {
        self.collect();
        self.link = None;
        self.progress.end_link(false);
    }

    /// This process dies; the receiver may die before it is back.
    fn crash(&mut self) {
        self.link = None;
        self.progress = Progress::new(self.disk.clone(), self.limits);
    }

    /// Our side half-closes, the receiver reads everything and closes: the one proof.
    fn stop_gracefully(&mut self) {
        if let Some(link) = &mut self.link {
            link.acknowledged = link.queued;
            // A proxy has read everything and says so; the receiver behind it may die with what it has not read.
            let unread = link.messages.iter().filter(|(end, ..)| *end > link.read && self.lag.is_none());
            self.receiver.read.extend(unread.map(|(_, position, n)| (*position, *n)));
            self.progress.acknowledge(link.queued, self.now, self.now.since(Timestamp::EPOCH));
            let repeating = self.progress.next() <= self.progress.cursor().settled;
            self.progress.end_link(true);
            self.link = None;
            self.store();
            if self.lag.is_none() {
                assert_eq!(
                    self.disk.resend_from.is_some(),
                    repeating,
                    "only what this link had not sent is sent again"
                );
            }
            self.progress = Progress::new(self.disk.clone(), self.limits);
        }
    }

    fn check(&self) {
        let cursor = self.progress.cursor();
        assert!(cursor.settled.0 <= self.head);
        assert!(cursor.acknowledged <= cursor.settled);
    }

    /// Everything arrives in the end.
    fn finish(mut self) {
        let missing = self.end();
        assert!(missing.is_empty(), "lost {missing:?}");
        self.judge();
    }

    /// Sends the rest, without faults; the passing events that never arrived.
    fn end(&mut self) -> Vec<u64> {
        let mut steps = 0;
        while self.progress.next().0 <= self.head || self.progress.cursor().settled.0 < self.head || self.link.is_none()
        {
            if self.link.is_none() {
                self.step();
            }
            self.pass();
            self.send();
            steps += 1;
            assert!(steps < 200_000, "gets nowhere");
            if self.link.is_none() {
                continue;
            }
            self.acknowledge();
            self.read();
        }
        let all = self.link.as_ref().map_or(0, |link| link.queued);
        self.read_until(all);
        self.stop_gracefully();
        let passing = |p: &u64| matches!(stored(self.seed, *p), Stored::Passing { .. });
        let read: BTreeSet<u64> = self.receiver.read.iter().map(|(position, _)| *position).collect();
        (1..=self.head).filter(passing).filter(|p| !read.contains(p)).collect()
    }

    /// Numbers, what was set aside, and the counters are right.
    fn judge(&self) {
        let mut numbers: BTreeMap<u64, u64> = BTreeMap::new();
        for (position, n) in &self.receiver.read {
            assert_eq!(*numbers.entry(*position).or_insert(*n), *n, "an event changed its number");
        }
        // Numbers count the events that pass the filter, the unrenderable ones included.
        let passed = |p: &u64| stored(self.seed, *p) != Stored::Filtered;
        for (count, position) in (1..=self.head).filter(passed).enumerate() {
            if let Some(n) = numbers.get(&position) {
                assert_eq!(*n, count as u64 + 1);
            }
        }
        let expected: Vec<_> = (1..=self.head).filter(|p| stored(self.seed, *p) == Stored::Unrenderable).collect();
        let mut set_aside = self.set_aside.clone();
        set_aside.dedup();
        set_aside.sort_unstable();
        set_aside.dedup();
        assert_eq!(set_aside, expected);
        let cursor = self.progress.cursor();
        assert_eq!(cursor.settled.0, self.head);
        assert_eq!(
            cursor.filtered,
            (1..=self.head).filter(|p| stored(self.seed, *p) == Stored::Filtered).count() as u64
        );
        assert_eq!(cursor.quarantined, expected.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_lost_whatever_breaks(seed in any::<u64>(), steps in 50_usize..3000) {
        let mut world = World::new(seed);
        for _ in 0..steps {
            world.step();
        }
        world.finish();
    }

    #[test]
    fn nothing_is_lost_where_the_system_does_not_tell_what_was_acknowledged(seed in any::<u64>(), steps in 50_usize..3000) {
        let mut world = World::blind(seed, Eyes::Time);
        for _ in 0..steps {
            world.step();
        }
        world.finish();
    }

    #[test]
    fn nothing_is_lost_behind_a_proxy_within_the_overlap_in_time(seed in any::<u64>(), steps in 50_usize..1500) {
        let mut world = World::proxied(seed);
        for _ in 0..steps {
            world.step();
        }
        world.finish();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_is_lost_over_links_that_wear_out(seed in any::<u64>(), steps in 50_usize..1500) {
        let mut world = World::worn(seed, false);
        for _ in 0..steps {
            world.step();
        }
        world.finish();
    }
}

#[test]
fn what_tls_took_and_did_not_send_would_be_lost() {
    let lost = (0..20).filter(|seed| {
        let mut world = World::worn(*seed, true);
        world.step();
        (0..300).for_each(|_| world.step_without_faults());
        !world.end().is_empty()
    });
    assert!(lost.count() > 10, "these links prove nothing");
}

/// Without luck: one fault at every step of a run, each kind, and everything still arrives.
#[test]
fn a_fault_at_every_step_loses_nothing() {
    for (eyes, seeds) in [(Eyes::Kernel, 0..8), (Eyes::Time, 0..2)] {
        for (seed, step) in seeds.flat_map(|seed| (0..160).map(move |step| (seed, step))) {
            for fault in [World::break_link, World::crash, World::stop_gracefully] {
                let mut world = World::blind(seed, eyes);
                world.step();
                for _ in 0..step {
                    world.step_without_faults();
                }
                fault(&mut world);
                world.finish();
            }
        }
    }
}

/// Receivers that stop reading, fill their buffers and die: where the system does not tell what was acknowledged nothing is lost, and
/// the same deaths lose events when a write is taken for an acknowledgement.
#[test]
fn what_was_written_has_not_arrived() {
    let loses = |seed, eyes| {
        let rng = SmallRng::seed_from_u64(seed);
        let mut world = World { eyes, head: 400, ..World::with(seed, rng, 24, 5 << 20, true, None) };
        world.step();
        (0..100).for_each(|_| world.step_without_faults());
        for _ in 0..300 {
            world.pass();
            world.send();
            world.acknowledge();
        }
        world.break_link();
        !world.end().is_empty()
    };
    let lost = |eyes| (0..20).filter(|seed| loses(*seed, eyes)).count();
    assert_eq!(lost(Eyes::Time), 0);
    assert_eq!(lost(Eyes::Kernel), 0);
    assert!(lost(Eyes::Written) > 10, "these deaths prove nothing");
}

#[test]
fn a_resend_is_bounded_by_the_rule() {
    let mut progress =
        Progress::new(Cursor::beginning(), Limits { entries_max: 1 << 20, bytes_max: u64::MAX, ..LIMITS });
    progress.begin_link(MEASURED);
    progress.observe_peer(65_536);
    let mut end = 0;
    for position in 1..=30_000 {
        let (n, entry) = progress.message(Position(position), Timestamp::EPOCH);
        assert_eq!(n, position);
        end += 500;
        progress.push(entry, end);
        progress.acknowledge(end, Timestamp::EPOCH, Duration::ZERO);
    }
    progress.end_link(false);
    let cursor = progress.to_store();
    assert_eq!(cursor.settled, Position(30_000), "the cursor does not move back");
    let again = 30_001 - cursor.resend_from.unwrap().0;
    // 6 MiB, and at most one step of the index more.
    assert!((12_582..=12_582 + 140).contains(&again), "{again} messages of 500 bytes");
    assert_eq!(cursor.resend_n.unwrap(), cursor.resend_from.unwrap().0);

    progress.begin_link(MEASURED);
    let (n, entry) = progress.message(progress.next(), Timestamp::EPOCH);
    assert_eq!(n, entry.first.0);
    progress.push(entry, 500);
    assert_eq!((progress.cursor().sent, progress.cursor().resent), (30_000, 1));
}

#[test]
fn a_break_during_the_repetition_begins_no_later() {
    let mut progress = Progress::new(
        Cursor {
            settled: Position(100),
            next_n: 101,
            resend_from: Some(Position(40)),
            resend_n: Some(40),
            ..Cursor::beginning()
        },
        LIMITS,
    );
    progress.begin_link(MEASURED);
    assert_eq!(progress.next(), Position(40));
    for end in 1..=10 {
        let (_, entry) = progress.message(progress.next(), Timestamp::EPOCH);
        progress.push(entry, end * 500);
    }
    progress.acknowledge(5000, Timestamp::EPOCH, Duration::ZERO);
    progress.end_link(false);
    assert_eq!(progress.to_store().resend_from, Some(Position(40)));
    assert_eq!(progress.to_store().resend_n, Some(40));
}

#[test]
fn numbers_never_go_back_when_a_new_filter_lets_fewer_events_pass_in_the_repeated_part() {
    let mut progress = Progress::new(
        Cursor {
            settled: Position(10),
            next_n: 11,
            resend_from: Some(Position(5)),
            resend_n: Some(5),
            ..Cursor::beginning()
        },
        LIMITS,
    );
    progress.begin_link(MEASURED);
    let entry = progress.skip(Position(5), Position(10), Timestamp::EPOCH, Kind::Filtered);
    progress.push(entry, 0);
    let (n, _) = progress.message(Position(11), Timestamp::EPOCH);
    assert_eq!(n, 11, "numbers up to 10 were given out before");
}

#[test]
fn quarantine_happens_once() {
    let mut progress = Progress::new(Cursor::beginning(), LIMITS);
    progress.begin_link(MEASURED);
    let (_, mut entry) = progress.message(Position(1), Timestamp::EPOCH);
    assert!(progress.quarantine(&mut entry));
    progress.push(entry, 0);
    progress.acknowledge(0, Timestamp::EPOCH, Duration::ZERO);
    assert_eq!(progress.cursor().quarantined, 1);
    let mut again = entry;
    assert!(!progress.quarantine(&mut again));
}
