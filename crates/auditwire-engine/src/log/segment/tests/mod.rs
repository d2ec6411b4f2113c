//! Segments: what was written comes back, damage is told, little is read.

mod filter;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use auditwire_model::event::{BatchBuilder, Event, EventDraft, Plane, columns};
use auditwire_model::{Position, ProjectId, Severity, Timestamp};
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use proptest::prelude::*;

use super::decode::blank;
use super::summary::{SummaryBuilder, VERSION};
use super::*;

pub(crate) fn project(name: &str) -> ProjectId {
    ProjectId::parse(name).unwrap()
}

/// Events that differ in everything, deterministically.
pub(crate) fn event(n: u64) -> Event {
    let uuid = |salt: u64| {
        let x = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(u32::try_from(salt).unwrap()) ^ (salt << 40);
        format!("{:08x}-{:04x}-4{:03x}-{:016x}", x >> 32, x & 0xffff, x >> 20 & 0xfff, x.wrapping_mul(x | 1))
    };
    let draft = EventDraft {
        event_id: Some(uuid(1)),
        action: ["create-vm", "user-signin", "k8s.delete.pods"][usize::try_from(n % 3).unwrap()].to_owned(),
        request_id: (!n.is_multiple_of(5)).then(|| uuid(2)),
        severity: Severity::from_rank(u8::try_from(n * 7 % 9).unwrap()).unwrap(),
        message: (!n.is_multiple_of(7)).then(|| format!("Machine {n} was created by Алёна, \u{212a} {}", n * n % 1013)),
        source_id: Some(["nova", "iam", "kubernetes"][usize::try_from(n % 3).unwrap()].to_owned()),
        source_address: Some(format!("10.0.{}.{}", n / 256 % 256, n % 256)),
        subject_user_id: Some(format!("user-{}", n % 97)),
        subject_metadata: [("email", format!("user{}@example.org", n % 97))].into(),
        resource_id: (!n.is_multiple_of(4)).then(|| uuid(3)),
        resource_type: Some("server".to_owned()),
        resource_metadata: [("region", "ru-1".to_owned()), ("x", (n % 31).to_string())].into(),
        status_code: Some(if n.is_multiple_of(10) { "500" } else { "201" }.to_owned()),
        labels: if n.is_multiple_of(11) { vec!["pci".to_owned(), format!("l{n}")] } else { Vec::new() },
        ..EventDraft::default()
    };
    let plane = if n.is_multiple_of(2) { Plane::Control } else { Plane::Data };
    let at = Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::try_from(n).unwrap() * 1_000_000_123).unwrap();
    let mut event = draft.complete(String::new, plane, at, [0; 16]);
    event.timestamp = Timestamp::from_nanos(at.as_nanos() - i64::try_from(n % 13).unwrap() * 50_000_000).unwrap();
    event
}

/// Events `from .. to` at those positions.
pub(crate) fn batch(from: u64, to: u64) -> RecordBatch {
    let mut builder = BatchBuilder::default();
    (from..to).for_each(|n| builder.push(Position(n), &event(n)));
    builder.finish().unwrap()
}

/// A segment of these batches, pushed in pieces of at most `step` rows.
pub(crate) fn written(parts: &[(ProjectId, RecordBatch)], step: usize) -> (Bytes, Finished) {
    written_by(SegmentWriter::new().unwrap(), parts, step)
}

/// The same in small pages and row groups, with dictionaries that overflow.
pub(crate) fn in_small_pages(parts: &[(ProjectId, RecordBatch)]) -> (Bytes, Finished) {
    let sizes = layout::Sizes { page_rows: 64, group_rows: 500, dictionary_bytes: 2000 };
    written_by(SegmentWriter::sized(sizes).unwrap(), parts, 1000)
}

fn written_by(mut writer: SegmentWriter, parts: &[(ProjectId, RecordBatch)], step: usize) -> (Bytes, Finished) {
    let mut bytes = Vec::new();
    for (project, batch) in parts {
        let mut at = 0;
        while at < batch.num_rows() {
            let rows = step.min(batch.num_rows() - at);
            writer.push(project, &batch.slice(at, rows)).unwrap();
            bytes.extend_from_slice(&writer.take_bytes().unwrap());
            at += rows;
        }
    }
    let finished = writer.finish().unwrap();
    bytes.extend_from_slice(&finished.bytes);
    assert_eq!(bytes.len() as u64, finished.total_bytes);
    (bytes.into(), finished)
}

pub(crate) async fn stored(bytes: Bytes) -> Segments {
    let objects = Arc::new(InMemory::new());
    objects.put(&Path::from("s"), bytes.into()).await.unwrap();
    Segments::new(objects)
}

async fn all(segments: &Segments, offset: u32, rows: u32) -> Result<Vec<RecordBatch>, SegmentError> {
    segments.rows("s", offset, rows).try_collect().await
}

fn same(found: &[RecordBatch], expected: &RecordBatch) {
    let found = arrow_select::concat::concat_batches(&expected.schema(), found).unwrap();
    assert_eq!(found, *expected);
}

#[tokio::test]
async fn what_was_written_comes_back() {
    let (a, b) = (batch(5, 20_005), batch(1, 301));
    let (bytes, finished) = written(&[(project("a"), a.clone()), (project("b"), b.clone())], 777);
    let spans: Vec<_> = finished.spans.iter().map(|s| (s.project.as_str(), s.first.0, s.rows, s.offset)).collect();
    assert_eq!(spans, [("a", 5, 20_000, 0), ("b", 1, 300, 20_000)]);
    let times = |n: u64| event(n).timestamp;
    assert_eq!(finished.spans[1].time_min, (1..301).map(times).min().unwrap());
    assert_eq!(finished.spans[1].time_max, (1..301).map(times).max().unwrap());
    let segments = stored(bytes).await;
    same(&all(&segments, 0, 20_000).await.unwrap(), &a);
    same(&all(&segments, 20_000, 300).await.unwrap(), &b);
    same(&all(&segments, 8_000, 500).await.unwrap(), &a.slice(8_000, 500));
    for row in [0, 1, 8_191, 8_192, 19_999] {
        assert_eq!(segments.event("s", row).await.unwrap(), a.slice(row as usize, 1));
    }
    assert!(matches!(segments.event("s", 20_300).await, Err(SegmentError::Damaged { .. })));
    assert!(matches!(segments.event("other", 0).await, Err(SegmentError::Missing(_))));
}

#[tokio::test]
async fn neighbours_of_an_event_are_read_once() {
    let (bytes, _) = written(&[(project("a"), batch(1, 5_001))], 5000);
    let segments = stored(bytes).await;
    segments.event("s", 2_100).await.unwrap();
    let read = segments.shared.source.bytes.load(std::sync::atomic::Ordering::Relaxed);
    for row in 2_048..3_072 {
        assert_eq!(segments.event("s", row).await.unwrap(), batch(u64::from(row) + 1, u64::from(row) + 2));
    }
    assert_eq!(segments.shared.source.bytes.load(std::sync::atomic::Ordering::Relaxed), read);
}

/// Written by the first version of the format; never to be written again.
const GOLDEN: &[u8] = include_bytes!("golden-segment-v1.parquet");
/// Counts by the minute, plane, severity and source in one table.
const GOLDEN_SUMMARY_1: &[u8] = include_bytes!("golden-summary-v1.bin");
const GOLDEN_SUMMARY_2: &[u8] = include_bytes!("golden-summary-v2.bin");

#[tokio::test]
async fn a_segment_of_version_1_opens_for_ever() {
    let (a, b) = (batch(5, 155), batch(1, 31));
    let (bytes, finished) = in_small_pages(&[(project("a"), a.clone()), (project("b"), b.clone())]);
    if std::env::var_os("AUDITWIRE_WRITE_GOLDEN").is_some() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/log/segment/tests");
        std::fs::write(folder.join("golden-segment-v1.parquet"), bytes).unwrap();
        std::fs::write(folder.join("golden-summary-v2.bin"), &finished.spans[0].summary).unwrap();
    }
    let segments = stored(Bytes::from_static(GOLDEN)).await;
    same(&all(&segments, 0, 150).await.unwrap(), &a);
    same(&all(&segments, 150, 30).await.unwrap(), &b);
    for counted in [Counted::Minutes, Counted::Hours] {
        let decoded = |bytes| counts(&Summary::decode(bytes, counted).unwrap().unwrap(), counted);
        let now = decoded(&finished.spans[0].summary);
        assert_eq!(decoded(GOLDEN_SUMMARY_1), now);
        assert_eq!(decoded(GOLDEN_SUMMARY_2), now);
    }
}

#[test]
fn rows_out_of_order_are_refused() {
    let mut writer = SegmentWriter::new().unwrap();
    writer.push(&project("b"), &batch(5, 10)).unwrap();
    assert!(writer.push(&project("a"), &batch(1, 5)).is_err());
    let mut writer = SegmentWriter::new().unwrap();
    writer.push(&project("b"), &batch(5, 10)).unwrap();
    assert!(writer.push(&project("b"), &batch(4, 5)).is_err());
    // Positions may be missing between two spans of a project.
    let mut writer = SegmentWriter::new().unwrap();
    writer.push(&project("b"), &batch(5, 10)).unwrap();
    writer.push(&project("b"), &batch(12, 13)).unwrap();
    assert_eq!(writer.finish().unwrap().spans.len(), 2);
}

#[test]
fn an_empty_batch_of_blanks_is_valid() {
    for rows in [0, 1, 9000] {
        let blank = blank(rows);
        assert_eq!(blank.num_rows(), rows);
        blank.columns().iter().for_each(|column: &ArrayRef| column.to_data().validate_full().unwrap());
    }
}

#[test]
fn counts_are_those_of_the_events() {
    let batch = batch(1, 3_001);
    let (_, finished) = written(&[(project("a"), batch.clone())], 500);
    for counted in [Counted::Minutes, Counted::Hours] {
        let mut expected = Counts::new();
        for n in 1..3_001 {
            let event = event(n);
            let time = event.timestamp.as_nanos() / counted.step() * counted.step();
            let source = event.draft.source_id.filter(|_| counted == Counted::Hours);
            *expected.entry((time, event.plane.rank(), event.draft.severity.rank(), source)).or_default() += 1;
        }
        let summary = Summary::decode(&finished.spans[0].summary, counted).unwrap().unwrap();
        assert_eq!(summary.counts.iter().sum::<u64>(), 3_000);
        assert_eq!(counts(&summary, counted), expected);
        assert!(Summary::decode(&[], counted).unwrap().is_none());
        assert!(Summary::decode(&[1, 0], counted).is_err());
        assert!(Summary::decode(&[VERSION + 1, 0], counted).is_err());
    }
}

/// Time, plane, severity, source.
type Counts = std::collections::BTreeMap<(i64, u8, u8, Option<String>), u64>;

/// What a summary says, in the steps and of the fields that are promised.
fn counts(summary: &Summary, counted: Counted) -> Counts {
    let mut found = Counts::new();
    for (event, number) in auditwire_model::event::rows(&summary.batch).zip(&summary.counts) {
        let time = event.timestamp.as_nanos() / counted.step() * counted.step();
        let source = event.source_id.filter(|_| counted == Counted::Hours).map(str::to_owned);
        *found.entry((time, event.plane.rank(), event.severity.rank(), source)).or_default() += *number;
    }
    found
}

/// Every event in a minute of its own: the minutes are too many, the hours are not.
#[test]
fn too_many_counts_of_one_kind_leave_the_other() {
    let mut builder = SummaryBuilder::default();
    let batch = batch(1, 101);
    for n in 0..700 {
        let (schema, mut arrays, _) = batch.clone().into_parts();
        let minute = |row: i64| (n * 100 + row) * 60_000_000_000;
        arrays[columns::TIMESTAMP] = Arc::new(Int64Array::from_iter_values((0..100).map(minute)));
        builder.add(&RecordBatch::try_new(schema, arrays).unwrap());
    }
    let bytes = builder.finish().unwrap();
    assert!(Summary::decode(&bytes, Counted::Minutes).unwrap().is_none());
    let hours = Summary::decode(&bytes, Counted::Hours).unwrap().unwrap();
    assert_eq!(hours.counts.iter().sum::<u64>(), 70_000);
}

proptest! {
    #[test]
    fn a_damaged_summary_is_an_error_never_a_panic(at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let (_, finished) = written(&[(project("a"), batch(1, 50))], 50);
        let mut bytes = finished.spans[0].summary.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let decode = |bytes: &[u8]| [Counted::Minutes, Counted::Hours].map(|counted| Summary::decode(bytes, counted).is_ok());
        decode(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        decode(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn damaged_bytes_are_an_error_or_right_never_a_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..3), near_end in any::<bool>(), cut in prop::option::weighted(0.2, any::<prop::sample::Index>())) {
        static WRITTEN: std::sync::LazyLock<(Bytes, RecordBatch)> = std::sync::LazyLock::new(|| {
            let events = batch(1, 700);
            (written(&[(project("a"), events.clone())], 700).0, events)
        });
        let (bytes, events) = &*WRITTEN;
        let mut bytes = bytes.to_vec();
        let end = bytes.len().saturating_sub(12_000);
        for (at, flip) in flips {
            let at = if near_end { end + at.index(bytes.len() - end) } else { at.index(bytes.len()) };
            bytes[at] ^= flip;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let segments = stored(bytes.into()).await;
            match all(&segments, 0, 699).await {
                Ok(found) => same(&found, events),
                Err(SegmentError::Damaged { name, .. }) => assert_eq!(name, "s"),
                Err(other) => panic!("{other}"),
            }
        });
    }
}
