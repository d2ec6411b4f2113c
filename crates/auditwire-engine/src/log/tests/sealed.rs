//! Scans of a log whose older events are in segments, against a plain list; and segments that are missing or damaged.

use auditwire_model::event::{Columns, columns};
use auditwire_model::query::{Field, Op, Value, evaluate};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use proptest::prelude::*;

use super::*;
use crate::log::segment::tests::{batch, event as rich, in_small_pages, project as named};
use crate::log::{Damage, Scanned};
use crate::store::{Commit, Place, Replaced, Seal, SealedSpan, Segment, SegmentId};

/// A log of `sealed` events in segments of `each`, and `fresh` ones behind them.
struct World {
    store: Arc<MemoryStore>,
    objects: Arc<InMemory>,
    log: Log,
}

async fn world(sealed: u64, each: u64, fresh: u64) -> World {
    let store = Arc::new(MemoryStore::default());
    let objects = Arc::new(InMemory::new());
    // Nothing stays in the tail but the newest events.
    let settings = LogSettings { tail_bytes_max: 40_000, group_events_max: 100, ..LogSettings::default() };
    let log = open_on(&store, &objects, settings).await;
    let a = named("a");
    let (mut next, mut segments) = (1, 0);
    while next <= sealed + fresh {
        let to = if next <= sealed { (next + each).min(sealed + 1) } else { sealed + fresh + 1 };
        for from in (next..to).step_by(50) {
            positions(&log, &a, (from..(from + 50).min(to)).map(rich).collect()).await;
        }
        if to <= sealed + 1 {
            segments += 1;
            seal(&store, &objects, segments, next, to).await;
        }
        next = to;
    }
    World { store, objects, log }
}

async fn open_on(store: &Arc<MemoryStore>, objects: &Arc<InMemory>, settings: LogSettings) -> Log {
    let (store, objects) = (Arc::clone(store) as Arc<dyn Store>, Arc::clone(objects) as Arc<dyn ObjectStore>);
    Log::open(store, objects, Arc::new(ManualClock::new(Timestamp::EPOCH)), settings).await.unwrap()
}

/// Puts events `from .. to` into a segment in the place of their groups.
async fn seal(store: &Arc<MemoryStore>, objects: &Arc<InMemory>, id: u64, from: u64, to: u64) {
    let (bytes, finished) = in_small_pages(&[(named("a"), batch(from, to))]);
    let name = format!("segment-{id}");
    objects.put(&Path::from(name.as_str()), bytes.into()).await.unwrap();
    let fresh = store.fresh(10_000).await.unwrap();
    let groups: Vec<u64> =
        fresh.iter().filter_map(|span| if let Place::Group(id) = span.place { Some(id.0) } else { None }).collect();
    let id = SegmentId(id);
    let spans = finished.spans.into_iter().map(|span| SealedSpan {
        span: crate::store::Span {
            place: Place::Segment(id),
            project: span.project,
            first: span.first,
            rows: span.rows,
            offset: span.offset,
            time_min: span.time_min,
            time_max: span.time_max,
            blob_bytes: 1000,
        },
        received_max: Timestamp::EPOCH,
        summary: span.summary,
    });
    let rows = u32::try_from(finished.rows).unwrap();
    let segment =
        Segment { id, name, level: 0, rank: id.0, rows, bytes: finished.total_bytes, made_at: Timestamp::EPOCH };
    let replaces = Replaced::Groups(groups[0]..=groups[groups.len() - 1]);
    let seal = Seal { segment, spans: spans.collect(), replaces };
    store.commit(Commit { seal: Some(seal), ..Commit::default() }).await.unwrap();
}

async fn scanned(log: &Log, scan: Scan) -> Vec<Scanned> {
    log.scan(scan).try_collect().await.unwrap()
}

fn seqs(pieces: &[Scanned]) -> Vec<u64> {
    pieces.iter().flat_map(|piece| rows(&piece.batch)).map(|event| event.seq.unwrap().0).collect()
}

fn predicates() -> impl Strategy<Value = Expr> {
    let text = |column, op, value: &str| Expr::Compare(Field::Column(column), op, Value::Text(value.to_owned()));
    prop_oneof![
        Just(Expr::All),
        Just(text(columns::SOURCE_ID, Op::Equal, "iam")),
        Just(text(columns::MESSAGE, Op::Contains, "АЛЁНА")),
        Just(Expr::Word("USER-13".to_owned())),
        (1..1500_u64).prop_map(move |n| text(columns::EVENT_ID, Op::Equal, &rich(n).event_id)),
        Just(Expr::Not(Box::new(Expr::Exists(Field::Column(columns::REQUEST_ID))))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn a_scan_finds_what_a_list_would(
        from in 0..1500_u64,
        to in 0..1600_u64,
        predicate in predicates(),
        newest_first in any::<bool>(),
        limit in prop::option::of(1..300_usize),
        times in prop::option::of((0..1500_u64, 0..1500_u64)),
    ) {
        crate::log::tests::run(async {
            let World { log, .. } = world(1_200, 550, 230).await;
            let all = batch(1, 1_431);
            let selected = evaluate(&predicate, &all);
            let times = times.map(|(a, b)| (rich(a).timestamp, rich(b).timestamp));
            let mut expected: Vec<u64> = rows(&all)
                .enumerate()
                .filter(|(row, e)| selected.value(*row) && times.is_none_or(|(a, b)| a <= e.timestamp && e.timestamp < b))
                .map(|(_, e)| e.seq.unwrap().0)
                .filter(|seq| (from..=to).contains(seq))
                .collect();
            if newest_first {
                expected.reverse();
            }
            expected.truncate(limit.unwrap_or(usize::MAX));
            let order = if newest_first { Order::Descending } else { Order::Ascending };
            let (time_from, time_to) = times.unzip();
            let (from, to) = (Position(from), Position(to));
            let scan = Scan { from, to, predicate, order, limit, time_from, time_to, ..whole(&named("a")) };
            let pieces = scanned(&log, scan.clone()).await;
            assert_eq!(seqs(&pieces), expected);
            assert!(pieces.is_sorted_by(|a, b| if newest_first { a.through > b.through } else { a.through < b.through }));
            for event in pieces.iter().flat_map(|piece| rows(&piece.batch)) {
                let seq = event.seq.unwrap().0;
                assert_eq!((event.event_id, event.message), (&*rich(seq).event_id, rich(seq).draft.message.as_deref()));
            }
            if limit.is_none() && from <= to && from.0 <= 1430 && to.0 >= 1 {
                let end = if newest_first { from.0.max(1) } else { to.0.min(1430) };
                assert_eq!(pieces.last().unwrap().through.0, end);
            }
            let map = Arc::new(|batch: arrow_array::RecordBatch| rows(&batch).map(|e| e.seq.unwrap().0).collect::<Vec<_>>());
            let scan = Scan { columns: Columns::of(&[columns::SEQ]), ..scan };
            let mapped: Vec<_> = log.scan_map(scan, map).try_collect().await.unwrap();
            assert_eq!(mapped.iter().flat_map(|m| m.value.clone().unwrap_or_default()).collect::<Vec<_>>(), expected);
            assert_eq!(mapped.iter().map(|m| m.rows).sum::<usize>(), expected.len());
        });
    }
}

#[tokio::test]
async fn what_is_damaged_or_missing_is_told_and_the_rest_is_read() {
    let World { store, objects, .. } = world(1_000, 500, 20).await;
    for (missing, newest_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let path = Path::from("segment-2");
        let good = objects.get(&path).await.unwrap().bytes().await.unwrap();
        if missing {
            objects.delete(&path).await.unwrap();
        } else {
            let mut bad = good.to_vec();
            bad[2_000] ^= 1;
            objects.put(&path, bad.into()).await.unwrap();
        }
        // Opened anew, so that no footer is remembered.
        let log = open_on(&store, &objects, LogSettings::default()).await;
        let order = if newest_first { Order::Descending } else { Order::Ascending };
        let pieces = scanned(&log, Scan { order, ..whole(&named("a")) }).await;
        let damage: Vec<&Damage> = pieces.iter().filter_map(|piece| piece.damage.as_ref()).collect();
        assert!(!damage.is_empty());
        let mut lost: Vec<u64> = damage.iter().flat_map(|d| d.from.0..=d.to.0).collect();
        lost.sort_unstable();
        assert!(damage.iter().all(|d| d.segment == "segment-2" && !d.detail.is_empty()));
        let mut found = seqs(&pieces);
        found.sort_unstable();
        let mut all = [found, lost.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (1..=1_020).collect::<Vec<_>>(), "each is found or told, none both");
        assert!(lost.iter().all(|seq| (501..=1_000).contains(seq)));
        // A limit is filled from what lies behind.
        let pieces = scanned(&log, Scan { order, limit: Some(600), ..whole(&named("a")) }).await;
        let found = seqs(&pieces).len();
        assert!(((1_020 - lost.len()).min(600)..=600).contains(&found), "{found}");
        objects.put(&path, good.into()).await.unwrap();
    }
}

#[tokio::test]
async fn a_segment_that_a_merge_replaces_under_a_scan_is_no_damage() {
    let World { store, objects, log } = world(1_000, 500, 0).await;
    let mut scan = log.scan(Scan { order: Order::Descending, ..whole(&named("a")) });
    let first = scan.try_next().await.unwrap().unwrap();
    // Both become one, and the first one's file goes at once.
    let (bytes, finished) = in_small_pages(&[(named("a"), batch(1, 1_001))]);
    objects.put(&Path::from("merged"), bytes.into()).await.unwrap();
    let id = SegmentId(9);
    let span = crate::store::Span {
        place: Place::Segment(id),
        project: named("a"),
        first: Position(1),
        rows: 1_000,
        offset: 0,
        time_min: finished.spans[0].time_min,
        time_max: finished.spans[0].time_max,
        blob_bytes: 1000,
    };
    let (rank, rows, bytes, made_at) = (1, 1_000, finished.total_bytes, Timestamp::EPOCH);
    let segment = Segment { id, name: "merged".to_owned(), level: 1, rank, rows, bytes, made_at };
    let spans = vec![SealedSpan { span, received_max: Timestamp::EPOCH, summary: bytes::Bytes::new() }];
    let seal = Seal { segment, spans, replaces: Replaced::Segments(vec![SegmentId(1), SegmentId(2)]) };
    store.commit(Commit { seal: Some(seal), ..Commit::default() }).await.unwrap();
    for old in ["segment-1", "segment-2"] {
        objects.delete(&Path::from(old)).await.unwrap();
    }
    let rest: Vec<Scanned> = scan.try_collect().await.unwrap();
    let all = [vec![first], rest].concat();
    assert!(all.iter().all(|piece| piece.damage.is_none()), "{all:?}");
    assert_eq!(seqs(&all), (1..=1_000).rev().collect::<Vec<_>>());
    assert_eq!(log.event(&named("a"), Position(7)).await.unwrap().unwrap().num_rows(), 1);
}

#[tokio::test]
async fn the_first_page_and_a_rare_id_read_little() {
    let World { log, .. } = world(2_000, 1_000, 0).await;
    let log = open_cold(&log).await;
    let page = Scan { order: Order::Descending, limit: Some(10), ..whole(&named("a")) };
    let pieces = scanned(&log, page).await;
    assert_eq!(seqs(&pieces), (1_991..=2_000).rev().collect::<Vec<_>>());
    let read: u64 = pieces.iter().map(|piece| piece.read.row_groups_read).sum();
    assert_eq!(read, 1, "{pieces:?}");
}

async fn open_cold(log: &Log) -> Log {
    // The tail of a log that was just opened is empty.
    let shared = &log.shared;
    let objects = Arc::clone(shared.segments.objects());
    Log::open(Arc::clone(&shared.store), objects, Arc::clone(&shared.clock), LogSettings::default()).await.unwrap()
}
