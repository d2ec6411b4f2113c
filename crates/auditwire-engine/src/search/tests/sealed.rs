//! The same questions when events are sealed and counted beside their segments: the answers do not change, and what the
//! counts tell is not read.

use arrow_select::concat::concat_batches;
use auditwire_model::event::schema;
use futures_util::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use proptest::prelude::*;

use super::questions::{Case, any_case, at, check_facets, check_histogram};
use super::*;
use crate::export::{Wanted, export};
use crate::log::segment::SegmentWriter;
use crate::store::{Commit, Place, Replaced, Seal, SealedSpan, Segment, SegmentId, Span, Store};

pub(super) struct World {
    pub(super) engine: Engine,
    store: Arc<MemoryStore>,
    objects: Arc<InMemory>,
    project: ProjectId,
    segments: u64,
}

impl World {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
        let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
        let (store, objects) = (Arc::new(MemoryStore::default()), Arc::new(InMemory::new()));
        let place: Arc<dyn ObjectStore> = objects.clone();
        // Nothing stays in the tail but the newest events.
        let log = LogSettings { tail_bytes_max: 1, ..LogSettings::default() };
        let settings = Settings { log, ..Settings::default() };
        let engine = Engine::open(store.clone(), place, clock, keyring, settings).await.unwrap();
        Self { engine, store, objects, project: ProjectId::default_project(), segments: 0 }
    }

    pub(super) async fn post(&self, drafts: &[EventDraft]) {
        let items = drafts.iter().cloned().map(Ok);
        let batch = Intake { items, door: Plane::Control, idempotency_key: None };
        intake::accept(&self.engine, &operator(), &self.project, batch).await.unwrap();
    }

    /// Puts all fresh events into a segment, with or without counts beside it.
    pub(super) async fn seal(&mut self, counted: bool) {
        let fresh = self.store.fresh(10_000).await.unwrap();
        let groups: Vec<u64> =
            fresh.iter().filter_map(|span| if let Place::Group(id) = span.place { Some(id.0) } else { None }).collect();
        let Some((from, last)) = fresh.first().zip(fresh.last()) else { return };
        let scan = Scan { from: from.first, to: last.last(), ..whole(&self.project) };
        let batches: Vec<_> = self.engine.log.scan(scan).map_ok(|scanned| scanned.batch).try_collect().await.unwrap();
        let mut writer = SegmentWriter::new().unwrap();
        writer.push(&self.project, &concat_batches(&schema(), &batches).unwrap()).unwrap();
        let finished = writer.finish().unwrap();
        self.segments += 1;
        let (id, name) = (SegmentId(self.segments), format!("segment-{}", self.segments));
        self.objects.put(&Path::from(name.as_str()), finished.bytes.into()).await.unwrap();
        let spans = finished.spans.into_iter().map(|span| SealedSpan {
            span: Span {
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
            summary: if counted { span.summary } else { bytes::Bytes::new() },
        });
        let (spans, rows) = (spans.collect(), u32::try_from(finished.rows).unwrap());
        let bytes = finished.total_bytes;
        let segment = Segment { id, name, level: 0, rank: id.0, rows, bytes, made_at: Timestamp::EPOCH };
        let replaces = Replaced::Groups(groups[0]..=groups[groups.len() - 1]);
        let seal = Seal { segment, spans, replaces };
        self.store.commit(Commit { seal: Some(seal), ..Commit::default() }).await.unwrap();
    }

    /// The case's events: a part sealed and counted, a part sealed, a part counted again, a part fresh.
    async fn of(case: &Case) -> Self {
        let mut world = Self::new().await;
        let part = case.events.len().div_ceil(4).max(1);
        for (n, events) in case.events.chunks(part).enumerate() {
            world.post(events).await;
            if n < 3 {
                world.seal(n != 1).await;
            }
        }
        world
    }

    async fn rows_read(&self) -> u64 {
        self.engine.log.stats().await.unwrap().scans.rows_read
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_a_plain_list(case in any_case()) {
        crate::log::tests::run(async {
            let World { engine, project, .. } = World::of(&case).await;
            let found = count(&engine, &operator(), &project, &case.question()).await.unwrap();
            assert_eq!(found, Count { count: case.expected().len() as u64, exact: true });
            check_histogram(&case, &engine, &project).await;
            check_facets(&case, &engine, &project).await;
            check_export(&case, &engine, &project).await;
        });
    }
}

/// As many lines come as were expected, and as there should be.
async fn check_export(case: &Case, engine: &Engine, project: &ProjectId) {
    let wanted = json_lines(case.question());
    let expected = case.expected().len();
    // Events of exports before are no part of the case.
    let query = Expr::And(vec![wanted.question.query.clone(), Expr::Not(Box::new(is_own()))]);
    let wanted = Wanted { question: Question { query, ..wanted.question }, ..wanted };
    let file = export(engine, &operator(), project, &wanted).await.unwrap();
    assert_eq!(file.expected, Count { count: expected as u64, exact: true });
    let bytes: Vec<_> = file.pieces.try_collect().await.unwrap();
    assert_eq!(bytes.concat().iter().filter(|byte| **byte == b'\n').count(), expected);
}

fn is_own() -> Expr {
    Expr::Compare(Field::Column(columns::SOURCE_ID), Op::Equal, Value::Text(crate::audit::SOURCE.to_owned()))
}

fn json_lines(question: Question) -> Wanted {
    Wanted {
        question,
        order: Order::Descending,
        limit: None,
        format: auditwire_model::export::Format::JsonLines,
        formulas: auditwire_model::export::Formulas::Neutralised,
    }
}

fn drafts(seconds: impl Iterator<Item = i64>) -> Vec<EventDraft> {
    let draft = |second| EventDraft {
        action: "a".to_owned(),
        source_id: Some("iam".to_owned()),
        timestamp: Some(at(second)),
        ..EventDraft::default()
    };
    seconds.map(draft).collect()
}

#[tokio::test]
async fn what_the_counts_tell_is_not_read() {
    let mut world = World::new().await;
    world.post(&drafts(0..3600)).await;
    world.seal(true).await;
    let is_iam = Expr::Compare(Field::Column(columns::SOURCE_ID), Op::Equal, Value::Text("iam".to_owned()));
    let hour =
        Question { query: Expr::All, time_from: Some(at(0)), time_to: Some(at(3600)), plane: Some(Plane::Control) };
    let before = world.rows_read().await;
    let found = histogram(&world.engine, &operator(), &world.project, &hour, 60).await.unwrap();
    assert!(found.buckets.iter().all(|bucket| bucket.counts.iter().sum::<u64>() == 60));
    let counted = count(&world.engine, &operator(), &world.project, &hour).await.unwrap();
    let iam = Question { query: is_iam, ..Question::default() };
    let all = count(&world.engine, &operator(), &world.project, &iam).await.unwrap();
    assert_eq!((counted.count, all.count), (3600, 3600));
    let source = Field::Column(columns::SOURCE_ID);
    let found = facets(&world.engine, &operator(), &world.project, &Question::default(), &source, 5).await.unwrap();
    assert_eq!(found.values, [("iam".to_owned(), 3600)]);
    assert_eq!(world.rows_read().await, before, "no event was read");

    let other = Question { query: Expr::Word("iam".to_owned()), ..hour.clone() };
    assert_eq!(count(&world.engine, &operator(), &world.project, &other).await.unwrap().count, 3600);
    assert!(world.rows_read().await > before, "the counts say nothing of words");
}

#[tokio::test]
async fn a_damaged_segment_is_told_everywhere() {
    let mut world = World::new().await;
    world.post(&drafts(0..100)).await;
    world.seal(false).await;
    world.post(&drafts(100..110)).await;
    world.objects.delete(&Path::from("segment-1")).await.unwrap();
    let (engine, caller, project, all) = (&world.engine, operator(), &world.project, Question::default());
    assert_eq!(count(engine, &caller, project, &all).await.unwrap(), Count { count: 10, exact: false });
    let found = histogram(engine, &caller, project, &all, 4).await.unwrap();
    assert!(found.partial && found.buckets.iter().flat_map(|bucket| bucket.counts).sum::<u64>() == 10);
    assert!(facets(engine, &caller, project, &all, &Field::Column(columns::ACTION), 5).await.unwrap().partial);
    let search = Search {
        query: Expr::All,
        time_from: None,
        time_to: None,
        plane: None,
        order: Order::Descending,
        after: None,
        limit: 1000,
    };
    let found = page(engine, &caller, project, &search).await.unwrap();
    assert_eq!((seqs(&found).len(), found.partial), (10, false));
    assert_eq!((found.unreadable[0].from, found.unreadable[0].to), (Position(1), Position(100)));
    assert!(found.unreadable[0].segment.contains("segment-1"));

    let refused = crate::export::tsv(engine, &caller, project, &search).await.unwrap_err();
    assert_eq!(refused.code, "events_unreadable");
    let wanted = json_lines(all);
    let file = export(engine, &caller, project, &wanted).await.unwrap();
    assert!(!file.expected.exact);
    let pieces: Vec<_> = file.pieces.collect().await;
    let error = pieces.into_iter().last().unwrap().unwrap_err();
    assert_eq!(error.code, "events_unreadable");
    assert!(error.detail.contains("events 1 to 100") && error.detail.contains("segment-1"), "{}", error.detail);
}
