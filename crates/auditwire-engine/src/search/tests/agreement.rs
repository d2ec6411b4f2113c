//! Search, count, tail, export and delivery select the same events, whatever is asked and wherever the events lie.

use std::collections::BTreeSet;

use auditwire_model::Severity;
use auditwire_model::connection::{ConnectionSpec, Endpoint, Filter, FilterKind, Format, Framing, Options, Transport};
use auditwire_model::event::{Columns, Outcome, rows};
use auditwire_model::export::{Format as FileFormat, Formulas};
use auditwire_model::query::{evaluate, parse};
use bytes::Bytes;
use futures_util::TryStreamExt;
use proptest::collection::vec;
use proptest::prelude::*;

use super::sealed::World;
use super::*;
use crate::export::{Wanted, export};

/// Few texts, so that events and questions meet.
fn word() -> impl Strategy<Value = String> {
    prop::sample::select(
        ["a", "b", "AB", "ба", "БА", "10.0.0.1", "10.0.0.0/8", "404", "99", "x y", "", "iam"]
            .map(str::to_owned)
            .to_vec(),
    )
}

fn any_event() -> impl Strategy<Value = EventDraft> {
    let texts = vec(prop::option::of(word()), 8);
    let ranks = (0_u8..9, 0_u8..3, any::<bool>(), 0_i64..48);
    (word(), texts, ranks).prop_map(|(action, texts, (severity, outcome, data, hours))| {
        let mut texts = texts.into_iter();
        let mut next = || texts.next().flatten();
        let now = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
        EventDraft {
            action: format!("{action}!"),
            message: next(),
            source_id: next(),
            source_address: next(),
            subject_user_id: next(),
            status_code: next(),
            labels: next().into_iter().collect(),
            subject_metadata: next().map(|value| ("k".to_owned(), value)).into_iter().collect(),
            resource_metadata: next().map(|value| ("service_id".to_owned(), value)).into_iter().collect(),
            severity: Severity::from_rank(severity).unwrap(),
            outcome: Some(Outcome::from_rank(outcome)),
            plane: Some(if data { Plane::Data } else { Plane::Control }),
            timestamp: Some(now.saturating_add_nanos(-hours * 3_600_000_000_000)),
            ..EventDraft::default()
        }
    })
}

/// A query as people write it.
fn any_query() -> impl Strategy<Value = String> {
    let text_field = prop::sample::select(vec![
        "action",
        "message",
        "source.id",
        "source.address",
        "subject.user_id",
        "status.code",
        "labels",
        "subject.metadata.k",
        "service_id",
        "event_id",
        "outcome",
        "plane",
    ]);
    let leaf = prop_oneof![
        6 => (text_field.clone(), prop::sample::select(vec!["=", "<>", ":"]), word())
            .prop_map(|(field, op, value)| format!("{field} {op} '{value}'")),
        1 => (prop::sample::select(vec!["status.code", "service_id", "message"]), word())
            .prop_map(|(field, value)| format!("{field} >= '{value}'")),
        1 => (0_u8..9).prop_map(|rank| format!("severity >= {}", Severity::from_rank(rank).unwrap())),
        1 => (0_i64..48).prop_map(|hours| format!("timestamp > now-{hours}h")),
        1 => (0_u64..60).prop_map(|seq| format!("seq < {seq}")),
        1 => text_field.prop_map(|field| format!("{field} EXIST")),
        2 => word().prop_map(|word| format!("\"{word}\"")),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        let join = prop::sample::select(vec![" AND ", " or ", " "]);
        prop_oneof![
            (vec(inner.clone(), 2..4), join).prop_map(|(terms, join)| format!("({})", terms.join(join))),
            inner.prop_map(|term| format!("NOT {term}")),
        ]
    })
}

/// The last event, which every question finds: a tail that has come to it has told all in front of it.
const END: &str = "the-end";

fn spec(query: String) -> ConnectionSpec {
    ConnectionSpec {
        name: "a".to_owned(),
        receiver: None,
        endpoint: Endpoint::parse("siem:514").unwrap(),
        transport: Transport::Tcp,
        tls: None,
        format: Format::Cef,
        framing: Framing::Lf,
        options: Options::default(),
        filter: Filter { kind: FilterKind::Query, query: Some(query), ..Filter::default() },
        rate_limit: None,
    }
}

async fn paged(engine: &Engine, query: &Expr, order: Order, limit: usize) -> Vec<Position> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let question =
            Search { query: query.clone(), time_from: None, time_to: None, plane: None, order, after, limit };
        let page = page(engine, &operator(), &ProjectId::default_project(), &question).await.unwrap();
        found.extend(page.batches.iter().flat_map(rows).map(|event| event.seq.unwrap()));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

async fn tailed(engine: &Engine, query: &Expr, end: Position) -> Vec<Position> {
    let (caller, project) = (operator(), ProjectId::default_project());
    let mut batches = tail(engine, &caller, &project, query.clone(), None, Some(Position::ZERO)).await.unwrap();
    let mut found = Vec::new();
    while found.last() != Some(&end) {
        let batch = batches.next().await.unwrap().unwrap();
        found.extend(rows(&batch).map(|event| event.seq.unwrap()));
    }
    found
}

async fn exported(engine: &Engine, query: &Expr) -> Vec<Position> {
    let wanted = Wanted {
        question: Question { query: query.clone(), ..Question::default() },
        order: Order::Ascending,
        limit: None,
        format: FileFormat::JsonLines,
        formulas: Formulas::Raw,
    };
    let file = export(engine, &operator(), &ProjectId::default_project(), &wanted).await.unwrap();
    let pieces: Vec<Bytes> = file.pieces.try_collect().await.unwrap();
    let seq = |line: &[u8]| serde_json::from_slice::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap();
    let bytes = pieces.concat();
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| Position(seq(line))).collect()
}

async fn check(drafts: Vec<EventDraft>, queries: Vec<String>, limit: usize) -> Result<(), TestCaseError> {
    let mut world = World::new().await;
    // Two thirds are sealed, in two segments.
    let part = drafts.len().div_ceil(3).max(1);
    for (n, drafts) in drafts.chunks(part).enumerate() {
        world.post(drafts).await;
        if n < 2 {
            world.seal(n == 0).await;
        }
    }
    let World { engine, .. } = world;
    let project = ProjectId::default_project();
    post(&engine, &project, &EventDraft { action: END.to_owned(), ..EventDraft::default() }, 1).await;
    let end = engine.log.head(&project);
    // The exports of one question are events that another could find.
    let before_exports = |text: String| format!("({text} OR action = {END}) AND seq <= {end}");
    let texts: Vec<String> = queries.into_iter().map(before_exports).collect();
    for text in texts {
        let query = parse(&text, Some(engine.clock.now())).unwrap().expr;
        let mut expected = BTreeSet::new();
        let mut scan = engine.log.scan(Question::default().scan(&project, Columns::ALL));
        while let Some(scanned) = scan.next().await {
            let batch = scanned.unwrap().batch;
            let selected = evaluate(&query, &batch);
            let matching = rows(&batch).zip(&selected).filter(|(_, selected)| *selected == Some(true));
            expected.extend(matching.map(|(event, _)| event.seq.unwrap()));
        }
        let upwards: Vec<Position> = expected.iter().copied().collect();
        let downwards: Vec<Position> = expected.iter().rev().copied().collect();
        prop_assert_eq!(&paged(&engine, &query, Order::Ascending, limit).await, &upwards, "{}", text);
        prop_assert_eq!(&paged(&engine, &query, Order::Descending, limit).await, &downwards, "{}", text);
        let question = Question { query: query.clone(), ..Question::default() };
        let counted = count(&engine, &operator(), &project, &question).await.unwrap();
        prop_assert_eq!(counted, Count { count: upwards.len() as u64, exact: true }, "{}", text);
        prop_assert_eq!(&tailed(&engine, &query, end).await, &upwards, "{}", text);
        // A stored filter has no now, so it is the printed expression that is stored.
        let sent = crate::delivery::selected(&engine.log, &project, &spec(query.to_string())).await;
        prop_assert_eq!(&sent, &upwards, "{} printed {}", text, query);
        prop_assert_eq!(&exported(&engine, &query).await, &upwards, "{}", text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_way_out_selects_the_same(
        drafts in vec(any_event(), 0..40), queries in vec(any_query(), 1..6), limit in 1_usize..12,
    ) {
        crate::log::tests::run(check(drafts, queries, limit))?;
    }
}
