//! Sealing, merging and retention against a plain list, with a fault or a crash at every commit and every operation on files.

use std::collections::BTreeMap;
use std::time::Duration;

use auditwire_model::Clock;
use auditwire_model::event::view;
use object_store::ObjectStoreExt as _;
use proptest::prelude::*;

use super::objects::FaultyObjects;
use super::*;
use crate::log::retention::{expired, keep};
use crate::log::{Floor, Retention, RetentionRule, SealSettings, TrustRule};
use crate::records::{Expired, Keeping, KeptFor};
use crate::store::memory::Fault;
use crate::store::{Expect, GroupId, Place};

const DAY: Duration = Duration::from_secs(24 * 3600);
const FOR_EVER: KeptFor = KeptFor { days: Some(0), bytes: Some(0) };

/// Small enough that a dozen events are several segments, which are merged.
pub(super) fn small() -> LogSettings {
    let seal = SealSettings { rows: 8, merged: 2, merged_rows: 40, grace: Duration::ZERO, ..SealSettings::default() };
    let floor = Floor { age: Duration::ZERO, bytes: 0 };
    // A clock that goes on by months between two looks is no fault here.
    let trust = TrustRule::ALWAYS;
    let retention = RetentionRule { default: Retention::FOR_EVER, floor, trust, ..RetentionRule::default() };
    LogSettings { tail_bytes_max: 20_000, duplicate_map_ids: 30, seal, retention, ..tiny() }
}

#[derive(Debug, Clone)]
enum Step {
    /// So many new events in commits of so many, of a project.
    Append(u8, usize, usize),
    Seal,
    /// A fault of the store in one of the next commits.
    StoreFault(u64, Fault),
    /// A fault of the files in one of the next operations.
    FileFault(u64, Fault),
    /// Time passes, in days.
    Pass(u32),
    /// From now on a project keeps its events so long, and so many bytes of them.
    Keep(u8, KeptFor),
    /// The same while nothing else is to be done, so that it is certain what must end.
    Expire(u8, KeptFor),
    Restart,
    Crash,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Full),
        Just(Fault::FailBefore),
        Just(Fault::FailAfter),
        Just(Fault::Unsynced),
        Just(Fault::HangBefore),
        Just(Fault::HangAfter)
    ]
}

/// 0 is for ever, or without limit.
fn kept() -> impl Strategy<Value = KeptFor> {
    let (days, bytes) = (prop_oneof![Just(0), 1..6u32], prop_oneof![2 => Just(0), 1 => 1..60_000u64]);
    (days, bytes).prop_map(|(days, bytes)| KeptFor { days: Some(days), bytes: Some(bytes) })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2u8, 1..20usize, 1..6usize).prop_map(|(project, events, each)| Step::Append(project, events, each)),
        2 => Just(Step::Seal),
        3 => (0..8u64, fault()).prop_map(|(skip, fault)| Step::StoreFault(skip, fault)),
        3 => (0..12u64, fault()).prop_map(|(skip, fault)| Step::FileFault(skip, fault)),
        3 => (1..4u32).prop_map(Step::Pass),
        2 => (0..2u8, kept()).prop_map(|(project, kept)| Step::Keep(project, kept)),
        1 => (0..2u8, kept()).prop_map(|(project, kept)| Step::Expire(project, kept)),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

struct World {
    store: Arc<MemoryStore>,
    objects: FaultyObjects,
    clock: Arc<ManualClock>,
    log: Log,
    projects: [Project; 2],
}

/// What must be there of a project.
#[derive(Default)]
struct Project {
    /// Events appended so far: the next one's number.
    count: usize,
    /// By position: id (`None`: the log's own, which tells what has expired) and when it was received.
    kept: BTreeMap<u64, (Option<String>, Timestamp)>,
    /// What it may let go: by the present setting and, until the next look, by the one before.
    limits: [KeptFor; 2],
}

/// What the log shows of a project at one moment.
struct Shown {
    first: Position,
    rows: Vec<Row>,
    newest_first: Vec<Row>,
    expired: Option<Expired>,
    spans_before: usize,
}

fn named(project: u8, n: usize, received: Timestamp) -> Event {
    let draft = EventDraft {
        event_id: Some(format!("{project}-{n}")),
        action: "a".to_owned(),
        timestamp: Some(time(i64::from(project) + n as i64 % 7)),
        ..EventDraft::default()
    };
    draft.complete(String::new, Plane::Control, received, [1; 16])
}

impl World {
    async fn new() -> Self {
        let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
        let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        let log = open_at(&store, Arc::new(objects.clone()), Arc::clone(&clock), small()).await;
        Self { store, objects, clock, log, projects: Default::default() }
    }

    async fn open(&mut self) {
        self.log = open_at(&self.store, Arc::new(self.objects.clone()), Arc::clone(&self.clock), small()).await;
    }

    async fn crash(&mut self) {
        // Files first: one that was written was noted in the store before.
        self.objects = self.objects.crash();
        self.store = Arc::new(self.store.crash());
        self.open().await;
    }

    /// Seals until it is done, has failed, or hangs; then goes on with what a crash leaves, if it must.
    async fn seal(&mut self) {
        let log = self.log.clone();
        let sealing = tokio::spawn(async move { log.seal_now().await });
        let over = async || {
            while !sealing.is_finished() && !self.store.hangs() && !self.objects.hangs() {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), over()).await.expect("sealing neither ends nor hangs");
        self.store.heal();
        self.objects.heal();
        let ended = futures_util::FutureExt::now_or_never(self.log.ended()).is_some();
        if ended || !sealing.is_finished() {
            self.crash().await;
        }
    }

    async fn append(&mut self, n: u8, events: usize, each: usize) {
        let count = self.projects[usize::from(n)].count;
        for from in (0..events).step_by(each) {
            let numbers: Vec<usize> = (from..events.min(from + each)).map(|i| count + i).collect();
            let received = self.clock.now();
            let batch = numbers.iter().map(|i| named(n, *i, received)).collect();
            let given = positions(&self.log, &project(n), batch).await;
            let kept = &mut self.projects[usize::from(n)].kept;
            // The log may tell of what has expired in between.
            let after = kept.last_key_value().map_or(0, |(last, _)| *last);
            let given: Vec<u64> = given.into_iter().map(|at| at.expect("a position")).collect();
            assert!(given[0] > after && given.windows(2).all(|two| two[0] + 1 == two[1]), "{given:?} after {after}");
            kept.extend(given.into_iter().zip(numbers.iter().map(|i| (Some(format!("{n}-{i}")), received))));
        }
        self.projects[usize::from(n)].count += events;
    }

    async fn keep(&mut self, n: u8, kept: KeptFor) {
        let change = keep(&project(n), Keeping { set: kept, pending: None }, Expect::Any).unwrap();
        self.log.submit(Submission { changes: vec![change], ..Submission::default() }).await.unwrap();
        self.projects[usize::from(n)].limits[0] = kept;
    }

    /// Lets nothing end until all is sealed and merged; then a limit, and exactly what is beyond it ends.
    async fn expire(&mut self, n: u8, kept: KeptFor) {
        for n in 0..2 {
            self.keep(n, FOR_EVER).await;
        }
        while !self.store.fresh(1).await.unwrap().is_empty() {
            self.log.seal_now().await.unwrap();
        }
        self.check().await;
        let first = self.log.first_kept(&project(n));
        let spans = self.store.sealed(&project(n), first, Position(u64::MAX), 9_999).await.unwrap();
        let mut bytes: u64 = spans.iter().map(|sealed| u64::from(sealed.span.blob_bytes)).sum();
        let (mut expected, mut by_age) = (first, true);
        for sealed in &spans {
            by_age &= kept.days.is_some_and(|days| days > 0 && self.age(sealed.received_max) > days);
            if !by_age && !kept.bytes.is_some_and(|most| most > 0 && bytes > most) {
                break;
            }
            bytes -= u64::from(sealed.span.blob_bytes);
            expected = sealed.span.last().next();
        }
        self.keep(n, kept).await;
        self.log.seal_now().await.unwrap();
        assert_eq!(self.log.first_kept(&project(n)), expected, "{kept:?} of {spans:?}");
    }

    /// Whole days and the one that has begun.
    fn age(&self, received: Timestamp) -> u32 {
        let nanos = self.clock.now().since(received).as_nanos();
        u32::try_from(nanos.div_ceil(DAY.as_nanos())).unwrap()
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Append(n, events, each) => self.append(n, events, each).await,
            Step::Seal => self.seal().await,
            Step::StoreFault(skip, fault) => {
                self.store.inject(skip, fault);
                self.seal().await;
            }
            Step::FileFault(skip, fault) => {
                self.objects.inject(skip, fault);
                self.seal().await;
            }
            Step::Pass(days) => self.clock.advance(DAY * days),
            Step::Keep(n, kept) => self.keep(n, kept).await,
            Step::Expire(n, kept) => self.expire(n, kept).await,
            Step::Restart => {
                self.log.close().await;
                self.open().await;
            }
            Step::Crash => self.crash().await,
        }
    }

    /// One moment of a project, although events may end at any time.
    async fn shown(&self, n: u8) -> Shown {
        let project = project(n);
        for _ in 0..1000 {
            let (first, head) = (self.log.first_kept(&project), self.log.head(&project));
            let rows = read(&self.log, whole(&project)).await;
            let newest_first = read(&self.log, Scan { order: Order::Descending, ..whole(&project) }).await;
            let expired = expired(&*self.store, &project).await.unwrap();
            let before = first.previous();
            let spans = self.store.spans(&project, Position(1), before, Order::Ascending, 9).await.unwrap();
            let stored = self.store.heads().await.unwrap().0;
            let stored = stored.iter().find(|head| head.project == project).map_or(Position(1), |head| head.first);
            if (first, head, first) == (self.log.first_kept(&project), self.log.head(&project), stored) {
                return Shown { first, rows, newest_first, expired, spans_before: spans.len() };
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("the log and its store never agree on what is kept of {project}");
    }

    /// What is kept is there, both ways, one by one, and is known when it comes again. What has ended was allowed to, ended
    /// as a whole, and is told.
    async fn check(&mut self) {
        for n in 0..2 {
            let Shown { first, rows, mut newest_first, expired, spans_before } = self.shown(n).await;
            newest_first.reverse();
            assert_eq!(newest_first, rows);
            assert_eq!(spans_before, 0, "before {first}");
            let gone = expired.map_or((0, 0), |expired| (expired.through.0, expired.events));
            assert_eq!(gone, (first.0 - 1, first.0 - 1), "through which, and how many");
            let Project { kept, limits, .. } = &self.projects[usize::from(n)];
            let ended = kept.range(..first.0);
            for (at, (id, received)) in ended {
                let too_old = |days| days > 0 && self.age(*received) > days;
                let allowed = limits.iter().any(|k| k.bytes.is_some_and(|b| b > 0) || k.days.is_some_and(too_old));
                assert!(allowed, "event {at} ({id:?}), received {received}, has ended under {limits:?}");
            }
            let mut now = kept.clone();
            now.retain(|at, _| *at >= first.0);
            for (seq, id, _, received) in &rows {
                let own = || {
                    assert!(!id.starts_with(&format!("{n}-")), "{id} at {seq} was never appended there");
                    (None, time(*received))
                };
                let (expected, at) = now.entry(*seq).or_insert_with(own);
                assert!(expected.as_ref().is_none_or(|expected| expected == id), "{id} at {seq}");
                assert_eq!(*at, time(*received), "{id} at {seq}");
            }
            let found: Vec<u64> = rows.iter().map(|(seq, ..)| *seq).collect();
            assert_eq!(found, now.keys().copied().collect::<Vec<_>>());
            assert!(
                found.first().is_none_or(|seq| *seq == first.0) && found.windows(2).all(|two| two[0] + 1 == two[1])
            );
            let of_ours = now.iter().filter_map(|(at, (id, _))| Some((*at, id.clone()?))).collect::<Vec<_>>();
            if let Some((at, id)) = of_ours.get(of_ours.len() * 3 / 4).cloned()
                && self.log.first_kept(&project(n)) == first
            {
                let row = self.log.event(&project(n), Position(at)).await.unwrap().unwrap();
                assert_eq!(view(&row, 0).event_id, id);
                let number = id.split_once('-').unwrap().1.parse().unwrap();
                let again = positions(&self.log, &project(n), vec![named(n, number, self.clock.now())]).await;
                match again[..] {
                    // It may have ended just before it came again: then it is new.
                    [Some(new)] if self.log.first_kept(&project(n)).0 > at => {
                        now.insert(new, (Some(id), time(self.clock.now().as_nanos())));
                    }
                    _ => assert_eq!(again, [None], "{id} at {at}"),
                }
            }
            let project = &mut self.projects[usize::from(n)];
            (project.kept, project.limits[1]) = (now, project.limits[0]);
        }
        // Whatever a crash leaves, what a row names is there.
        for (segment, _) in self.store.segments().await.unwrap() {
            let there = self.objects.head(&segment.name.as_str().into()).await;
            let named = self.store.segment(segment.id).await.unwrap().is_some();
            assert!(there.is_ok() || !named, "{segment:?}: {there:?}");
        }
    }

    /// Everything is sealed, and nothing is left that nobody needs.
    async fn finish(&mut self) {
        for n in 0..2 {
            self.keep(n, FOR_EVER).await;
        }
        while !self.store.fresh(1).await.unwrap().is_empty() {
            self.log.seal_now().await.unwrap();
        }
        // What was removed is forgotten a round later.
        for _ in 0..2 {
            self.log.seal_now().await.unwrap();
        }
        assert_eq!(self.store.left_files().await.unwrap(), []);
        let segments = self.store.segments().await.unwrap();
        let mut files: Vec<String> =
            self.objects.list(None).map_ok(|object| object.location.to_string()).try_collect().await.unwrap();
        files.sort();
        let mut names: Vec<String> = segments.iter().map(|(segment, _)| segment.name.clone()).collect();
        names.sort();
        assert_eq!(files, names);
        for (segment, named) in &segments {
            let spans = self.store.segment_spans(segment.id).await.unwrap();
            assert_eq!(spans.iter().map(|sealed| u64::from(sealed.span.rows)).sum::<u64>(), *named);
            let bytes = self.objects.head(&segment.name.as_str().into()).await.unwrap().size;
            assert_eq!(bytes, segment.bytes);
            assert!(named * 2 >= u64::from(segment.rows), "most of {segment:?} has expired");
        }
        let groups: Vec<GroupId> = (0..2000).map(GroupId).collect();
        assert!(self.store.blobs(&groups).await.unwrap().len() <= 1, "blobs of sealed groups are left");
        let neighbours: Vec<u8> = segments.iter().map(|(segment, _)| segment.level).collect();
        let mergeable = segments.windows(2).any(|two| two[0].0.level == two[1].0.level && two[0].1 + two[1].1 <= 40);
        assert!(!mergeable, "neighbours of one level are left: {neighbours:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn sealed_fresh_or_expired_the_log_is_the_list(steps in prop::collection::vec(step(), 1..24)) {
        crate::log::tests::run(async {
            let mut world = World::new().await;
            for step in steps {
                world.run(step).await;
                world.check().await;
            }
            world.finish().await;
            world.check().await;
        });
    }
}

/// Appends so many events in commits of ten.
pub(super) async fn append(log: &Log, n: u8, events: usize) {
    for from in (0..events).step_by(10) {
        positions(log, &project(n), (from..events.min(from + 10)).map(|i| named(n, i, Timestamp::EPOCH)).collect())
            .await;
    }
}

#[tokio::test]
async fn many_fresh_events_are_sealed_without_being_told() {
    let store = Arc::new(MemoryStore::default());
    let settings = SealSettings { rows: 50, ..SealSettings::default() };
    let log = open(&store, LogSettings { seal: settings, ..LogSettings::default() }).await;
    append(&log, 0, 120).await;
    let sealed = async {
        while log.stats().await.unwrap().seal.seals < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sealed).await.expect("nothing is sealed");
    let stats = log.stats().await.unwrap().seal;
    assert_eq!((stats.fresh, stats.sealed_rows), (20, 100));
    assert_eq!(read(&log, whole(&project(0))).await.len(), 120);
}

#[tokio::test]
async fn a_full_disk_while_sealing_loses_nothing_and_is_told() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    let log = open_on(&store, Arc::new(objects.clone()), small()).await;
    append(&log, 0, 6).await;
    // The files are looked for first.
    log.seal_now().await.unwrap();
    append(&log, 1, 6).await;
    let files = async || objects.list(None).try_collect::<Vec<_>>().await.unwrap().len();
    let fail = async |named: &str| {
        let refused = log.seal_now().await.unwrap_err();
        assert_eq!(refused.code, "storage_full");
        assert!(refused.detail.contains(named), "{refused}");
        // It does not try again at once, and leaves nothing that takes up room.
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
        assert!(log.stats().await.unwrap().seal.failing);
        assert_eq!(files().await, 1);
        assert_eq!(read(&log, whole(&project(1))).await.len(), 6);
    };
    // No room for the note of the file, for the file, and for the commit that names it.
    store.inject(0, Fault::Full);
    fail("the disk is full").await;
    objects.inject(0, Fault::Full);
    fail("segment 0000000003-").await;
    store.inject(1, Fault::Full);
    fail("the disk is full").await;
    log.seal_now().await.unwrap();
    assert!(!log.stats().await.unwrap().seal.failing);
    assert_eq!(store.fresh(9).await.unwrap(), []);
    assert_eq!(read(&log, whole(&project(1))).await.len(), 6);
}

#[tokio::test]
async fn a_damaged_segment_is_left_alone_and_the_rest_is_merged() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    let settings = LogSettings { tail_bytes_max: 0, ..small() };
    // Too many are merged to be merged now.
    let apart = SealSettings { merged: 99, ..settings.seal.clone() };
    let log = open_on(&store, Arc::new(objects.clone()), LogSettings { seal: apart, ..settings.clone() }).await;
    for from in 0..6 {
        positions(&log, &project(0), (from * 8..from * 8 + 8).map(|i| named(0, i, Timestamp::EPOCH)).collect()).await;
        log.seal_now().await.unwrap();
    }
    log.close().await;
    let segments = store.segments().await.unwrap();
    assert_eq!(segments.len(), 6);
    let damaged = segments[1].0.clone();
    damage(&objects, &damaged.name).await;

    let log = open_on(&store, Arc::new(objects.clone()), settings).await;
    // The first attempt finds out, the next ones go around it.
    for _ in 0..4 {
        let _ = log.seal_now().await;
    }
    let left = store.segments().await.unwrap();
    assert!(left.iter().any(|(segment, _)| *segment == damaged), "the damaged one is gone: {left:?}");
    assert!(left.len() < 6, "nothing was merged: {left:?}");
    for at in [1, 17, 48] {
        let row = log.event(&project(0), Position(at)).await.unwrap().unwrap();
        assert_eq!(view(&row, 0).event_id, format!("0-{}", at - 1));
    }
    let unreadable = log.event(&project(0), Position(9)).await.unwrap_err();
    assert!(unreadable.detail.contains(&damaged.name), "{unreadable}");
    assert_eq!(
        store.spans(&project(0), Position(9), Position(9), Order::Ascending, 1).await.unwrap()[0].place,
        Place::Segment(damaged.id)
    );
}

async fn damage(objects: &FaultyObjects, name: &str) {
    let mut bytes = objects.get(&name.into()).await.unwrap().bytes().await.unwrap().to_vec();
    for byte in &mut bytes[4..] {
        *byte ^= 0x55;
    }
    objects.put(&name.into(), bytes.into()).await.unwrap();
}

#[tokio::test]
async fn a_damaged_segment_stops_no_intake() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    // No run of ids has been written: a start reads them back from the segments.
    let settings = LogSettings { duplicate_map_ids: 1000, ..small() };
    let log = open_on(&store, Arc::new(objects.clone()), settings.clone()).await;
    for from in [0, 8, 16] {
        positions(&log, &project(0), (from..from + 8).map(|i| named(0, i, Timestamp::EPOCH)).collect()).await;
        log.seal_now().await.unwrap();
    }
    log.close().await;
    let segments = store.segments().await.unwrap();
    let spans = store.sealed(&project(0), Position(1), Position(u64::MAX), 9).await.unwrap();
    damage(&objects, &segments[0].0.name).await;
    let lost = spans.iter().find(|sealed| sealed.span.place == Place::Segment(segments[0].0.id)).unwrap();
    let lost = usize::try_from(lost.span.first.0 - 1).unwrap();
    let log = open_on(&store, Arc::new(objects.clone()), settings).await;
    let batch = [lost, 23 - lost, 99].map(|i| named(0, i, Timestamp::EPOCH)).to_vec();
    // One that cannot be compared is stored again, one that can is known, a new one is new.
    assert_eq!(positions(&log, &project(0), batch).await, [Some(25), None, Some(26)]);
}
