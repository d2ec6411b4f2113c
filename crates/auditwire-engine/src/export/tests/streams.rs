//! Full exports: what they hold, what is told of them, and how they end when they do not end well.

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, UInt64Type};
use auditwire_model::event::columns;
use auditwire_model::export::{COLUMNS, flat};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::Value as Json;

use super::*;
use crate::error::{Error, Kind, Result};

fn wanted(format: Format) -> Wanted {
    Wanted {
        question: Question::default(),
        order: Order::Descending,
        limit: None,
        format,
        formulas: Formulas::Neutralised,
    }
}

async fn whole(world: &World, wanted: &Wanted) -> Vec<u8> {
    let export = export(&world.engine, &world.caller, &world.project, wanted).await.unwrap();
    export.pieces.try_fold(Vec::new(), |all, piece| async move { Ok([all, piece.to_vec()].concat()) }).await.unwrap()
}

/// Waits for something that happens beside the test.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..2000 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} does not happen");
}

/// `resource.metadata` of the newest event with this action, and its `status.code`.
async fn last(world: &World, action: &str) -> Option<(Vec<(String, String)>, Option<String>)> {
    let batch = world.engine.log.event(&world.project, world.head()).await.unwrap().unwrap();
    let event = view(&batch, 0);
    let pairs = event.resource_metadata.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    (event.action == action).then(|| (pairs, event.status_code.map(str::to_owned)))
}

fn value<'a>(pairs: &'a [(String, String)], key: &str) -> &'a str {
    pairs.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v.as_str())
}

/// Reads to the end or to the error.
async fn drained(mut export: Export) -> (usize, Option<Error>) {
    let pieces: Vec<Result<Bytes>> = export.pieces.by_ref().collect().await;
    // A body that compresses asks once more.
    assert!(export.pieces.next().await.is_none(), "after the end nothing comes");
    let bytes = pieces.iter().flatten().map(Bytes::len).sum();
    (bytes, pieces.into_iter().find_map(Result::err))
}

async fn filled() -> World {
    let world = World::new().await;
    world.post(2, event("one")).await;
    world.post(1, EventDraft { severity: Severity::Error, plane: Some(Plane::Data), ..event("=two, \"2\"\n") }).await;
    world.post(1, EventDraft { labels: vec!["x".to_owned()], ..event("three") }).await;
    world
}

#[tokio::test]
async fn an_export_that_panics_breaks_off_is_told_and_gives_its_place_back() {
    let world = filled().await;
    let places = world.engine.settings.export.exports_max as u32;
    world.engine.tasks().faults().arm("export", "", places + 1);
    for _ in 0..=places {
        let begun = export(&world.engine, &world.caller, &world.project, &wanted(Format::JsonLines)).await.unwrap();
        let (_, error) = drained(begun).await;
        let error = error.expect("it breaks off");
        assert_eq!((error.kind, error.code), (Kind::Internal, "internal"));
        let (_, code) = last(&world, "export-end").await.expect("its end is told");
        assert_eq!(code.as_deref(), Some("internal"));
    }
    assert_eq!(
        whole(&world, &wanted(Format::JsonLines)).await.iter().filter(|b| **b == b'\n').count() as u32,
        4 + 2 * (places + 1)
    );
}

#[tokio::test]
async fn every_format_holds_the_events_that_match_in_their_order() {
    let world = filled().await;
    let mut ascending = wanted(Format::JsonLines);
    ascending.order = Order::Ascending;
    ascending.question.time_to = Some(Timestamp::parse("2027-01-01T00:00:00Z").unwrap());
    let text = String::from_utf8(whole(&world, &ascending).await).unwrap();
    let mut canonical = Vec::new();
    for seq in 1..=4 {
        let batch = world.engine.log.event(&world.project, Position(seq)).await.unwrap().unwrap();
        auditwire_model::export::jsonl::write_row(&view(&batch, 0), &mut canonical);
    }
    assert_eq!(text, String::from_utf8(canonical).unwrap(), "its own audit event is no part of it");
    assert!(text.lines().all(|line| serde_json::from_str::<Json>(line).is_ok()));

    let narrow =
        Wanted { question: Question { plane: Some(Plane::Data), ..Question::default() }, ..wanted(Format::Csv) };
    let text = String::from_utf8(whole(&world, &narrow).await).unwrap();
    let row = "2026-11-22T10:00:00Z,ERROR,create-vm,\"'=two, \"\"2\"\"\n\",,,,unknown\r\n";
    assert_eq!(text, format!("{}\r\n{row}", COLUMNS.join(",")));
    let text = whole(&world, &Wanted { formulas: Formulas::Raw, ..narrow }).await;
    assert!(String::from_utf8(text).unwrap().contains(",\"=two"));

    let limited = Wanted { limit: Some(2), ..wanted(Format::Tsv) };
    let before = world.head();
    let text = String::from_utf8(whole(&world, &limited).await).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert_eq!(text.lines().next().unwrap(), COLUMNS.join("\t"));
    assert!(before > Position(4) && text.contains("export-end\t"), "the newest events are those of the exports before");

    let nothing = Wanted {
        question: Question { time_to: Some(Timestamp::EPOCH), ..Question::default() },
        ..wanted(Format::JsonLines)
    };
    assert_eq!(whole(&world, &nothing).await, b"");
}

#[tokio::test]
async fn parquet_reads_back_as_a_flat_table() {
    let world = filled().await;
    world.post(70_000, event("many")).await;
    let asked = Wanted { order: Order::Ascending, ..wanted(Format::Parquet) };
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(whole(&world, &asked).await)).unwrap();
    assert!(reader.metadata().num_row_groups() > 1);
    let (mut seqs, mut found) = (Vec::new(), Vec::new());
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        seqs.extend(batch.column_by_name("seq").unwrap().as_primitive::<UInt64Type>().values().iter().copied());
        found.push(batch);
    }
    assert_eq!(seqs, (1..=70_004).collect::<Vec<u64>>());
    let (first, names) = (&found[0], |name: &str| found[0].column_by_name(name).unwrap().as_string::<i32>().clone());
    assert_eq!(
        (names("severity").value(2), names("plane").value(2), names("message").value(2)),
        ("ERROR", "data", "=two, \"2\"\n")
    );
    let times = first.column_by_name("timestamp").unwrap().as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.value(0) * 1000, Timestamp::parse("2026-11-22T10:00:00Z").unwrap().as_nanos());
    assert_eq!(first.schema().fields().len(), flat::table().fields().len());
    // The nanoseconds of two times beside them, and no digest.
    assert_eq!(first.schema().fields().len(), columns::DIGEST + 2);

    let nothing = Wanted { question: Question { time_to: Some(Timestamp::EPOCH), ..Question::default() }, ..asked };
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(whole(&world, &nothing).await)).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
}

#[tokio::test]
async fn the_beginning_is_told_before_the_first_byte_and_the_end_before_the_last() {
    let world = filled().await;
    let asked = Wanted { limit: Some(3), formulas: Formulas::Raw, ..wanted(Format::Csv) };
    let export = export(&world.engine, &world.caller, &world.project, &asked).await.unwrap();
    assert_eq!((export.expected.count, export.expected.exact), (3, true));
    // The beginning is event 5; the end may be there already.
    let batch = world.engine.log.event(&world.project, Position(5)).await.unwrap().unwrap();
    let begun = view(&batch, 0);
    let told = pairs(&[
        ("expected", "3"),
        ("expected_exact", "true"),
        ("filter", ""),
        ("format", "csv"),
        ("limit", "3"),
        ("order", "desc"),
        ("raw", "true"),
    ]);
    let metadata: Vec<_> = begun.resource_metadata.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    assert_eq!((begun.action, begun.message, metadata), ("export", Some("An export of 3 events as CSV began"), told));
    let id = begun.event_id.to_owned();
    assert!(drained(export).await.1.is_none());
    let (end, code) = last(&world, "export-end").await.unwrap();
    let expected = [("export", &*id), ("first_seq", "2"), ("format", "csv"), ("last_seq", "4"), ("rows", "3")];
    assert_eq!((end, code), (pairs(&expected), None));
}

#[tokio::test]
async fn what_cannot_be_told_does_not_begin() {
    let world = filled().await;
    world.store.inject(0, Fault::Full);
    let refused = export(&world.engine, &world.caller, &world.project, &wanted(Format::Csv)).await.unwrap_err();
    assert_eq!((refused.code, world.head()), ("storage_full", Position(4)));
    assert!(world.engine.shared.exports.try_take(&world.project).is_some());
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_work_and_frees_the_place() {
    let world = World::with(ExportSettings { exports_max: 1, ..ExportSettings::default() }).await;
    world.post(50_000, event("m")).await;
    let begin = async || export(&world.engine, &world.caller, &world.project, &wanted(Format::Csv)).await;
    let mut under_way = begin().await.unwrap();
    assert!(under_way.pieces.next().await.unwrap().is_ok());
    let refused = begin().await.unwrap_err();
    assert_eq!((refused.code, refused.kind, refused.retry_after.is_some()), ("too_many_exports", Kind::Busy, true));
    drop(under_way);
    let (end, code) = eventually("the end", async || last(&world, "export-end").await).await;
    assert_eq!(code.as_deref(), Some("cancelled"));
    assert!(value(&end, "rows").parse::<u64>().unwrap() < 50_000);
    drop(eventually("a free place", async || world.engine.shared.exports.try_take(&world.project)).await);
}

#[tokio::test]
async fn little_is_read_ahead_of_a_client_that_takes_nothing_and_it_is_given_up() {
    let pause_max = Duration::from_millis(50);
    let world = World::with(ExportSettings { pause_max, exports_max: 1, ..ExportSettings::default() }).await;
    let all: u64 = 80_000;
    world.post(all as usize, event("m")).await;
    let export = export(&world.engine, &world.caller, &world.project, &wanted(Format::JsonLines)).await.unwrap();
    let counted = world.engine.log.stats().await.unwrap().scans.rows_read;
    let (end, code) = eventually("the end", async || last(&world, "export-end").await).await;
    assert_eq!(code.as_deref(), Some("export_paused"));
    assert!(world.engine.shared.exports.try_take(&world.project).is_some(), "its place is free when its end is told");
    let read = world.engine.log.stats().await.unwrap().scans.rows_read - counted;
    assert!(read < all / 2, "{read} rows were read ahead");
    assert!(value(&end, "rows").parse::<u64>().unwrap() <= read);
    let (bytes, error) = drained(export).await;
    assert!(bytes > 0 && bytes < 80_000 * 100);
    assert!(matches!(error.unwrap().code, "export_paused" | "export_failed"), "it must not look whole");
}

#[tokio::test]
async fn when_the_service_ends_an_export_breaks_off() {
    let world = filled().await;
    world.post(50_000, event("m")).await;
    let mut export = export(&world.engine, &world.caller, &world.project, &wanted(Format::Tsv)).await.unwrap();
    assert!(export.pieces.next().await.unwrap().is_ok());
    let (_, (_, error)) = tokio::join!(world.engine.close(), drained(export));
    assert_eq!(error.unwrap().code, "closing");
    let refused = super::super::export(&world.engine, &world.caller, &world.project, &wanted(Format::Tsv)).await;
    assert_eq!(refused.unwrap_err().code, "closing");
}

#[tokio::test]
async fn only_readers_export_and_not_nothing() {
    let world = filled().await;
    let blind = Caller::Token {
        token: TokenId::parse("t-2").unwrap(),
        project: world.project.clone(),
        scopes: vec![Scope::Ingest],
        sources: vec![],
        origin: auditwire_model::access::Origin::new([127, 0, 0, 1], "r-1"),
    };
    let refused = export(&world.engine, &blind, &world.project, &wanted(Format::Csv)).await.unwrap_err();
    assert_eq!((refused.code, world.head()), ("forbidden", Position(4)));
    let none = Wanted { limit: Some(0), ..wanted(Format::Csv) };
    let refused = export(&world.engine, &world.caller, &world.project, &none).await.unwrap_err();
    assert_eq!((refused.code, world.head()), ("invalid_limit", Position(4)));
}
