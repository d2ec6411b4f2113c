//! Files that the store knows nothing of: an older store was put back, or none, or somebody put a file there. Nothing of what
//! is in files is lost, no position is given twice, and an adoption makes all of it readable again.

use std::collections::BTreeMap;

use object_store::ObjectStoreExt as _;
use proptest::prelude::*;

use super::objects::FaultyObjects;
use super::sealing::{append, small};
use super::*;
use crate::log::accounts::{Accounts, Adoption, Manifest, Verdict, discard, unwanted};
use crate::log::segment::Segments;
use crate::log::segment_number;
use crate::readiness::Trouble;

async fn files(objects: &FaultyObjects) -> Vec<String> {
    let mut names: Vec<String> =
        objects.list(None).map_ok(|object| object.location.to_string()).try_collect().await.unwrap();
    names.sort();
    names
}

async fn adopt(store: &Arc<MemoryStore>, objects: &FaultyObjects, names: &[String]) -> Vec<Verdict> {
    let store = Arc::clone(store) as Arc<dyn Store>;
    Adoption::new(store, Arc::new(objects.clone()), Timestamp::EPOCH, false).adopt(names).await.unwrap()
}

async fn preview(store: &Arc<MemoryStore>, objects: &FaultyObjects) -> u64 {
    let store = Arc::clone(store) as Arc<dyn Store>;
    let verdicts = Adoption::new(store, Arc::new(objects.clone()), Timestamp::EPOCH, false).preview().await.unwrap();
    verdicts.iter().map(|verdict| verdict.taken).sum()
}

/// Ids by position.
async fn found(log: &Log, n: u8) -> BTreeMap<u64, String> {
    read(log, whole(&project(n))).await.into_iter().map(|(seq, id, ..)| (seq, id)).collect()
}

async fn damage(log: &Log, n: u8) -> Vec<(u64, u64)> {
    let pieces: Vec<crate::log::Scanned> = log.scan(whole(&project(n))).try_collect().await.unwrap();
    pieces.into_iter().filter_map(|piece| piece.damage).map(|damage| (damage.from.0, damage.to.0)).collect()
}

#[tokio::test]
async fn a_file_that_the_store_did_not_write_is_never_removed() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    let log = open_on(&store, Arc::new(objects.clone()), small()).await;
    append(&log, 0, 20).await;
    log.seal_now().await.unwrap();
    log.close().await;
    let foreign = ["0000000700-00c0ffee.parquet", "notes.txt"];
    for name in foreign {
        objects.put(&name.into(), "somebody's".into()).await.unwrap();
    }
    for _ in 0..2 {
        let log = open_on(&store, Arc::new(objects.clone()), small()).await;
        assert!(log.readiness().stands(Trouble::FilesUnaccounted));
        append(&log, 1, 20).await;
        log.seal_now().await.unwrap();
        log.seal_now().await.unwrap();
        log.close().await;
        let there = files(&objects).await;
        assert!(there.contains(&format!("unaccounted/{}", foreign[0])) && there.contains(&foreign[1].to_owned()));
        // Numbers go on behind it, so that its name is never used for another one.
        assert!(there.iter().any(|name| segment_number(name) > Some(700)), "{there:?}");
    }
    let manifest = Manifest::read(&objects).await;
    assert_eq!(manifest.files.len(), 1);
    assert!(manifest.files[0].unreadable.as_ref().is_some_and(|why| why.contains("is not that of a segment")));
    assert_eq!(adopt(&store, &objects, &[]).await[0].taken, 0);
    assert!(files(&objects).await.contains(&format!("unaccounted/{}", foreign[0])));
}

#[tokio::test]
async fn an_older_store_put_back_knows_again_what_is_in_files() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    let log = open_on(&store, Arc::new(objects.clone()), small()).await;
    append(&log, 0, 12).await;
    log.seal_now().await.unwrap();
    append(&log, 0, 6).await;
    let older = Arc::new(store.back_up());
    append(&log, 1, 26).await;
    positions(&log, &project(0), (20..30).map(|n| event(&format!("late-{n}"), 1, 5)).collect()).await;
    for _ in 0..3 {
        log.seal_now().await.unwrap();
    }
    let (all, other) = (found(&log, 0).await, found(&log, 1).await);
    positions(&log, &project(0), vec![event("lost", 1, 5)]).await;
    log.close().await;
    let before = files(&objects).await;

    let log = open_on(&older, Arc::new(objects.clone()), small()).await;
    let names = |files: Vec<String>| files.iter().map(|name| name.rsplit('/').next().unwrap().to_owned()).collect();
    let kept: std::collections::BTreeSet<String> = names(files(&objects).await);
    assert!(before.iter().all(|name| kept.contains(name)), "{before:?} became {kept:?}");
    assert!(log.readiness().stands(Trouble::FilesUnaccounted));
    let last = *all.last_key_value().unwrap().0;
    assert_eq!((log.head(&project(0)).0, log.head(&project(1)).0), (last, 26));
    assert_eq!(positions(&log, &project(0), vec![event("new", 1, 5)]).await, [Some(last + 1)]);
    assert_eq!(damage(&log, 1).await, [(1, 26)]);
    log.seal_now().await.unwrap();
    log.close().await;

    let would = preview(&older, &objects).await;
    let verdicts = adopt(&older, &objects, &[]).await;
    assert_eq!(verdicts.iter().map(|verdict| verdict.taken).sum::<u64>(), would);
    let log = open_on(&older, Arc::new(objects.clone()), small()).await;
    let again = async |log: &Log| {
        let mut now = found(log, 0).await;
        assert_eq!(now.remove(&(last + 1)).as_deref(), Some("new"));
        assert_eq!((now, found(log, 1).await), (all.clone(), other.clone()));
    };
    again(&log).await;
    // It is merged and goes on like any other.
    append(&log, 2, 40).await;
    for _ in 0..4 {
        log.seal_now().await.unwrap();
        again(&log).await;
    }
    assert!(!log.readiness().stands(Trouble::SegmentsMissing), "{:?}", log.readiness().standing());
    log.close().await;
    // What has no place any more is discarded, and only by name.
    let accounts = Accounts::look(&*older, &objects).await.unwrap();
    let names: Vec<String> = accounts.aside.keys().cloned().collect();
    let log = open_on(&older, Arc::new(objects.clone()), small()).await;
    let (clock, place) = (ManualClock::new(Timestamp::EPOCH), Arc::new(objects.clone()) as Arc<dyn ObjectStore>);
    let entries = unwanted(&*older, &place, &clock, &names).await.unwrap();
    discard(&log, &objects, &clock, &entries).await.unwrap();
    log.close().await;
    let log = open_on(&older, Arc::new(objects.clone()), small()).await;
    assert!(!log.readiness().stands(Trouble::FilesUnaccounted));
    again(&log).await;
}

#[tokio::test]
async fn an_empty_store_beside_files_does_not_start_and_can_be_made_from_them() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    let log = open_on(&store, Arc::new(objects.clone()), small()).await;
    append(&log, 0, 33).await;
    append(&log, 1, 20).await;
    for _ in 0..3 {
        log.seal_now().await.unwrap();
    }
    let all = [found(&log, 0).await, found(&log, 1).await];
    log.close().await;
    let before = files(&objects).await;
    let empty = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    let refused = Log::open(Arc::clone(&empty) as _, Arc::new(objects.clone()), clock, small()).await.unwrap_err();
    assert_eq!(refused.code, "segments_without_store");
    assert!(refused.detail.contains("auditwire store adopt"), "{refused}");
    assert_eq!(files(&objects).await, before);
    adopt(&empty, &objects, &[]).await;
    let log = open_on(&empty, Arc::new(objects.clone()), small()).await;
    assert_eq!([found(&log, 0).await, found(&log, 1).await], all);
    // What comes again is known, and what is new goes on behind.
    append(&log, 1, 3).await;
    assert_eq!(positions(&log, &project(1), vec![event("new", 1, 5)]).await, [Some(21)]);
    log.seal_now().await.unwrap();
    assert_eq!(found(&log, 1).await.len(), 21);
}

#[tokio::test]
async fn two_histories_of_the_same_positions_are_not_mixed() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    let other = Arc::new(MemoryStore::default());
    for (store, id) in [(&store, "a"), (&other, "b")] {
        // Each in a folder of its own, as if on two machines.
        let own = FaultyObjects::default();
        let log = open_on(store, Arc::new(own.clone()), small()).await;
        positions(&log, &project(0), (0..5).map(|n| event(&format!("{id}-{n}"), 1, 5)).collect()).await;
        log.seal_now().await.unwrap();
        log.close().await;
        for name in files(&own).await {
            let bytes = own.get(&name.as_str().into()).await.unwrap().bytes().await.unwrap();
            objects.put(&name.as_str().into(), bytes.into()).await.unwrap();
        }
    }
    let log = open_on(&store, Arc::new(objects.clone()), small()).await;
    log.close().await;
    let verdicts = adopt(&store, &objects, &[]).await;
    assert_eq!(verdicts.len(), 1);
    let refused = verdicts[0].refused.as_deref().unwrap();
    assert!(refused.contains("another event than the log at seq 1 of project p0"), "{refused}");
    assert_eq!(Accounts::look(&*store, &objects).await.unwrap().aside.len(), 1);
    // Beside an empty store the newest file comes first, and the other one is left as well.
    let verdicts = adopt(&Arc::new(MemoryStore::default()), &objects, &[]).await;
    assert_eq!(verdicts.iter().filter(|verdict| verdict.refused.is_some()).count(), 1, "{verdicts:?}");
}

#[tokio::test]
async fn a_missing_file_is_told_and_what_is_left_of_a_merge_is_kept_meanwhile() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    let mut settings = small();
    settings.seal.grace = std::time::Duration::from_secs(3600);
    let log = open_on(&store, Arc::new(objects.clone()), settings).await;
    append(&log, 0, 40).await;
    log.seal_now().await.unwrap();
    let all = found(&log, 0).await;
    log.close().await;
    let segments = store.segments().await.unwrap();
    assert!(!store.left_files().await.unwrap().is_empty(), "nothing was merged: {segments:?}");
    // The merged file is lost; those that it was made of are still there, and may go by the store's own word.
    let merged = segments.iter().max_by_key(|(segment, _)| segment.level).unwrap().0.clone();
    objects.delete(&merged.name.as_str().into()).await.unwrap();
    let log = open_on(&store, Arc::new(objects.clone()), small()).await;
    assert!(log.readiness().stands(Trouble::SegmentsMissing));
    let detail = log.readiness().standing().into_iter().find(|(trouble, _)| *trouble == Trouble::SegmentsMissing);
    assert!(detail.unwrap().1.contains(&merged.name));
    log.seal_now().await.unwrap();
    log.close().await;
    adopt(&store, &objects, &[]).await;
    let log = open_on(&store, Arc::new(objects.clone()), small()).await;
    assert_eq!(found(&log, 0).await, all);
}

#[derive(Debug, Clone)]
enum Step {
    Append(u8, usize),
    Seal,
    BackUp,
    /// The store of the back-up takes the place of the present one; with or without an adoption at once.
    Restore(bool),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..2u8, 1..14usize).prop_map(|(n, events)| Step::Append(n, events)),
        4 => Just(Step::Seal),
        2 => Just(Step::BackUp),
        2 => any::<bool>().prop_map(Step::Restore),
        1 => Just(Step::Restart),
    ]
}

struct World {
    store: Arc<MemoryStore>,
    objects: FaultyObjects,
    log: Log,
    events: usize,
    /// What must be readable once all is adopted.
    kept: [BTreeMap<u64, String>; 2],
    backup: (Arc<MemoryStore>, [BTreeMap<u64, String>; 2]),
}

impl World {
    async fn new() -> Self {
        let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
        let log = open_on(&store, Arc::new(objects.clone()), small()).await;
        append(&log, 0, 1).await;
        let kept = [found(&log, 0).await, BTreeMap::new()];
        let backup = (Arc::new(store.back_up()), kept.clone());
        Self { store, objects, log, events: 0, kept, backup }
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Append(n, events) => {
                let ids: Vec<String> = (0..events).map(|i| format!("e-{}", self.events + i)).collect();
                self.events += events;
                let given = positions(&self.log, &project(n), ids.iter().map(|id| event(id, 1, 5)).collect()).await;
                for (at, id) in given.into_iter().zip(ids) {
                    let taken = self.kept[usize::from(n)].insert(at.unwrap(), id);
                    assert_eq!(taken, None, "a position was given twice");
                }
            }
            Step::Seal => self.log.seal_now().await.unwrap(),
            Step::BackUp => self.backup = (Arc::new(self.store.back_up()), self.kept.clone()),
            Step::Restore(adopts) => self.restore(adopts).await,
            Step::Restart => {
                self.log.close().await;
                self.open().await;
            }
        }
    }

    async fn open(&mut self) {
        self.log = open_on(&self.store, Arc::new(self.objects.clone()), small()).await;
    }

    async fn restore(&mut self, adopts: bool) {
        self.log.close().await;
        let in_files = self.in_files().await;
        let (backup, kept) = &self.backup;
        self.store = Arc::new(backup.back_up());
        let mut fresh = [BTreeMap::new(), BTreeMap::new()];
        for span in self.store.fresh(u32::MAX).await.unwrap() {
            for n in 0..2 {
                if span.project == project(n) {
                    let n = usize::from(n);
                    fresh[n].extend(kept[n].range(span.first.0..=span.last().0).map(|(at, id)| (*at, id.clone())));
                }
            }
        }
        self.kept = fresh.clone();
        for (kept, filed) in self.kept.iter_mut().zip(in_files) {
            kept.extend(filed);
        }
        self.open().await;
        // While it runs, files are merged and swept.
        self.log.close().await;
        let mut held = self.in_files().await;
        // A file that was being written on the day of the back-up goes: its events are fresh in that store.
        held.iter_mut().zip(fresh).for_each(|(held, fresh)| held.extend(fresh));
        assert_eq!(held, self.kept, "a file of events is gone");
        self.open().await;
        if adopts {
            self.adopt().await;
        }
    }

    async fn adopt(&mut self) {
        self.log.close().await;
        adopt(&self.store, &self.objects, &[]).await;
        self.open().await;
        // A read that meets two seals in a row fails, and is tried again by whoever asks.
        while !self.store.fresh(1).await.unwrap().is_empty() {
            self.log.seal_now().await.unwrap();
        }
        for n in 0..2 {
            assert_eq!(found(&self.log, n).await, self.kept[usize::from(n)], "of project {n}");
        }
    }

    /// What the files hold, wherever they lie.
    async fn in_files(&self) -> [BTreeMap<u64, String>; 2] {
        let segments = Segments::new(Arc::new(self.objects.clone()));
        let mut held = [BTreeMap::new(), BTreeMap::new()];
        for name in files(&self.objects).await.into_iter().filter(|name| name.ends_with(".parquet")) {
            for run in segments.survey(&name).await.unwrap().runs {
                for n in 0..2 {
                    if run.project == project(n) {
                        held[usize::from(n)].extend(segments.ids(&name, run.offset, run.rows).await.unwrap());
                    }
                }
            }
        }
        held
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whatever_store_is_put_back_what_is_in_files_stays(steps in prop::collection::vec(step(), 1..24)) {
        run(async {
            let mut world = World::new().await;
            for step in steps {
                world.run(step).await;
            }
            world.adopt().await;
            for _ in 0..3 {
                world.log.seal_now().await.unwrap();
            }
            world.adopt().await;
        });
    }
}
