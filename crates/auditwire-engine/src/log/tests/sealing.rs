//! Sealing and merging against a plain list, with a fault or a crash at every commit and every operation on files.

use std::time::Duration;

use auditwire_model::event::view;
use object_store::ObjectStoreExt as _;
use proptest::prelude::*;

use super::objects::FaultyObjects;
use super::*;
use crate::log::SealSettings;
use crate::store::memory::Fault;
use crate::store::{GroupId, Place};

/// Small enough that a dozen events are several segments, which are merged.
fn small() -> LogSettings {
    let seal = SealSettings { rows: 8, merged: 2, merged_rows: 40, grace: Duration::ZERO, ..SealSettings::default() };
    LogSettings { tail_bytes_max: 20_000, duplicate_map_ids: 30, seal, ..tiny() }
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

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2u8, 1..20usize, 1..6usize).prop_map(|(project, events, each)| Step::Append(project, events, each)),
        2 => Just(Step::Seal),
        3 => (0..8u64, fault()).prop_map(|(skip, fault)| Step::StoreFault(skip, fault)),
        3 => (0..12u64, fault()).prop_map(|(skip, fault)| Step::FileFault(skip, fault)),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

struct World {
    store: Arc<MemoryStore>,
    objects: FaultyObjects,
    log: Log,
    /// Events per project.
    counts: [usize; 2],
}

fn named(project: u8, n: usize) -> Event {
    event(&format!("{project}-{n}"), 1, i64::from(project) + n as i64 % 7)
}

impl World {
    async fn new() -> Self {
        let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
        let log = open_on(&store, Arc::new(objects.clone()), small()).await;
        Self { store, objects, log, counts: [0; 2] }
    }

    async fn crash(&mut self) {
        self.store = Arc::new(self.store.crash());
        self.objects = self.objects.crash();
        self.log = open_on(&self.store, Arc::new(self.objects.clone()), small()).await;
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

    async fn run(&mut self, step: Step) {
        match step {
            Step::Append(n, events, each) => {
                let count = &mut self.counts[usize::from(n)];
                for from in (0..events).step_by(each) {
                    let batch: Vec<Event> = (from..events.min(from + each)).map(|i| named(n, *count + i)).collect();
                    let given = positions(&self.log, &project(n), batch).await;
                    let expected: Vec<Option<u64>> =
                        (0..given.len()).map(|i| Some((*count + from + i) as u64 + 1)).collect();
                    assert_eq!(given, expected);
                }
                *count += events;
            }
            Step::Seal => self.seal().await,
            Step::StoreFault(skip, fault) => {
                self.store.inject(skip, fault);
                self.seal().await;
            }
            Step::FileFault(skip, fault) => {
                self.objects.inject(skip, fault);
                self.seal().await;
            }
            Step::Restart => {
                self.log.close().await;
                self.log = open_on(&self.store, Arc::new(self.objects.clone()), small()).await;
            }
            Step::Crash => self.crash().await,
        }
    }

    /// All events are there, both ways, one by one, and are known when they come again.
    async fn check(&self) {
        for n in 0..2 {
            let count = self.counts[usize::from(n)];
            let ids: Vec<(u64, String)> = (0..count).map(|i| (i as u64 + 1, format!("{n}-{i}"))).collect();
            let found = |rows: Vec<Row>| rows.into_iter().map(|(seq, id, ..)| (seq, id)).collect::<Vec<_>>();
            assert_eq!(found(read(&self.log, whole(&project(n))).await), ids);
            let mut newest_first =
                found(read(&self.log, Scan { order: Order::Descending, ..whole(&project(n)) }).await);
            newest_first.reverse();
            assert_eq!(newest_first, ids);
            if let Some(at) = count.checked_sub(1).map(|last| last * 3 / 4) {
                let row = self.log.event(&project(n), Position(at as u64 + 1)).await.unwrap().unwrap();
                assert_eq!(view(&row, 0).event_id, format!("{n}-{at}"));
                assert_eq!(positions(&self.log, &project(n), vec![named(n, at)]).await, [None]);
            }
        }
    }

    /// Everything is sealed, and nothing is left that nobody needs.
    async fn finish(&mut self) {
        self.log.seal_now().await.unwrap();
        assert_eq!(self.store.fresh(99).await.unwrap(), []);
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
        }
        let groups: Vec<GroupId> = (0..2000).map(GroupId).collect();
        assert!(self.store.blobs(&groups).await.unwrap().len() <= 1, "blobs of sealed groups are left");
        let neighbours: Vec<u8> = segments.iter().map(|(segment, _)| segment.level).collect();
        let mergeable = segments.windows(2).any(|two| two[0].0.level == two[1].0.level && two[0].1 + two[1].1 <= 40);
        assert!(!mergeable, "neighbours of one level are left: {neighbours:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn sealed_or_fresh_the_log_is_the_list(steps in prop::collection::vec(step(), 1..16)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
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
async fn append(log: &Log, n: u8, events: usize) {
    for from in (0..events).step_by(10) {
        positions(log, &project(n), (from..events.min(from + 10)).map(|i| named(n, i)).collect()).await;
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
    objects.inject(0, Fault::Full);
    let refused = log.seal_now().await.unwrap_err();
    assert_eq!(refused.code, "storage_failed");
    assert!(log.stats().await.unwrap().seal.failing);
    assert_eq!(read(&log, whole(&project(1))).await.len(), 6);
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
        positions(&log, &project(0), (from * 8..from * 8 + 8).map(|i| named(0, i)).collect()).await;
        log.seal_now().await.unwrap();
    }
    log.close().await;
    let segments = store.segments().await.unwrap();
    assert_eq!(segments.len(), 6);
    let damaged = segments[1].0.clone();
    let mut bytes = objects.get(&damaged.name.as_str().into()).await.unwrap().bytes().await.unwrap().to_vec();
    for byte in &mut bytes[4..] {
        *byte ^= 0x55;
    }
    objects.put(&damaged.name.as_str().into(), bytes.into()).await.unwrap();

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
