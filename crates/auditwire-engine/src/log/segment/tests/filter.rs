//! The filter of a scan against the evaluator alone, on random expressions.

use std::sync::LazyLock;

use auditwire_model::event::{Columns, columns};
use auditwire_model::query::{Expr, Field, Op, Value, evaluate};

use super::*;
use crate::log::segment::open::Read;

const ROWS: u64 = 1_700;

struct World {
    segments: Segments,
    events: RecordBatch,
}

fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(|| {
        let events = batch(1, ROWS + 1);
        let (bytes, _) = in_small_pages(&[(project("a"), events.clone())]);
        let segments = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(stored(bytes))
        });
        World { segments: segments.join().unwrap(), events }
    });
    &WORLD
}

/// What the filter finds in rows `from .. to`, by units of `pages` pages.
async fn found(expr: &Expr, from: u64, to: u64) -> (Vec<u64>, Read) {
    let opened = world().segments.open("s").await.unwrap();
    let (mut rows, mut at, mut total) = (Vec::new(), from, Read::default());
    while at < to {
        let unit = opened.unit(at, to, u64::MAX, false).unwrap();
        at = unit.rows().end;
        let expr = expr.clone();
        let job = move || {
            let (found, read) = unit.filter(&expr).unwrap();
            let mut seqs = Vec::new();
            for part in unit.parts(&found, Columns::ALL, false) {
                let (batch, _) = unit.batch(&part, Columns::of(&[columns::SEQ]), false).unwrap();
                seqs.extend(auditwire_model::event::rows(&batch).map(|e| e.seq.unwrap().0));
            }
            (seqs, read)
        };
        let (seqs, read) = world().segments.pool().run(job).await.unwrap();
        rows.extend(seqs);
        total.bytes += read.bytes;
        total.pages += read.pages;
        total.rows += read.rows;
        total.row_groups += read.row_groups;
    }
    (rows, total)
}

fn expected(expr: &Expr, from: u64, to: u64) -> Vec<u64> {
    let events = world().events.slice(usize::try_from(from).unwrap(), usize::try_from(to - from).unwrap());
    let selected = evaluate(expr, &events);
    (from..to).filter(|row| selected.value(usize::try_from(row - from).unwrap())).map(|row| row + 1).collect()
}

/// A value that some event has in this field, or a part of one, or something else.
fn value(field: &Field, n: u64, part: usize) -> String {
    let events = &world().events;
    let row = usize::try_from(n % ROWS).unwrap();
    let view = auditwire_model::event::view(events, row);
    let whole = match field {
        Field::Column(columns::EVENT_ID) => Some(view.event_id),
        Field::Column(columns::REQUEST_ID) => view.request_id,
        Field::Column(columns::MESSAGE) => view.message,
        Field::Column(columns::SOURCE_ID) => view.source_id,
        Field::Column(columns::SOURCE_ADDRESS) => view.source_address,
        Field::Column(columns::SUBJECT_USER_ID) => view.subject_user_id,
        Field::Column(columns::RESOURCE_ID) => view.resource_id,
        Field::Column(columns::STATUS_CODE) => view.status_code,
        Field::Column(columns::LABELS) => view.labels.iter().next(),
        Field::SubjectMetadata(key) => view.subject_metadata.get(key),
        Field::ResourceMetadata(key) => view.resource_metadata.get(key),
        _ => None,
    };
    let whole = whole.unwrap_or("create-vm").to_owned();
    match part {
        0..=2 => whole,
        3 => whole.to_uppercase(),
        4 => whole.chars().skip(3).take(7).collect(),
        5 => format!("{whole}x"),
        6 => "Алёна, K".to_owned(),
        7 => "АЛЁНА".to_owned(),
        8 => String::new(),
        _ => whole.chars().take(1).collect(),
    }
}

fn term() -> impl Strategy<Value = Expr> {
    let text = prop::sample::select(vec![
        Field::Column(columns::EVENT_ID),
        Field::Column(columns::REQUEST_ID),
        Field::Column(columns::MESSAGE),
        Field::Column(columns::ACTION),
        Field::Column(columns::SOURCE_ID),
        Field::Column(columns::SOURCE_ADDRESS),
        Field::Column(columns::SUBJECT_USER_ID),
        Field::Column(columns::SUBJECT_PROJECT_ID),
        Field::Column(columns::RESOURCE_ID),
        Field::Column(columns::STATUS_CODE),
        Field::Column(columns::LABELS),
        Field::Column(columns::PLANE),
        Field::Column(columns::OUTCOME),
        Field::SubjectMetadata("email".to_owned()),
        Field::ResourceMetadata("x".to_owned()),
        Field::ResourceMetadata("none".to_owned()),
    ]);
    let ops = || {
        prop::sample::select(vec![
            Op::Equal,
            Op::Equal,
            Op::Contains,
            Op::Contains,
            Op::NotEqual,
            Op::Less,
            Op::LessOrEqual,
            Op::Greater,
            Op::GreaterOrEqual,
        ])
    };
    let texts = (text.clone(), ops(), any::<u64>(), 0..10_usize)
        .prop_map(|(field, op, n, part)| Expr::Compare(field.clone(), op, Value::Text(value(&field, n, part))));
    let words =
        (any::<u64>(), 0..10_usize, text.clone()).prop_map(|(n, part, field)| Expr::Word(value(&field, n, part)));
    let times = (prop::sample::select(vec![columns::TIMESTAMP, columns::RECEIVED_AT]), ops(), 0..ROWS)
        .prop_map(|(column, op, n)| Expr::Compare(Field::Column(column), op, Value::Time(event(n).timestamp)));
    let seqs = (ops(), 0..ROWS + 5, any::<bool>()).prop_map(|(op, n, odd)| {
        let text = if odd { format!("0{n}") } else { n.to_string() };
        Expr::Compare(Field::Column(columns::SEQ), op, Value::Text(text))
    });
    let severities = (ops(), 0..9_u8).prop_map(|(op, rank)| {
        Expr::Compare(Field::Column(columns::SEVERITY), op, Value::Severity(Severity::from_rank(rank).unwrap()))
    });
    prop_oneof![6 => texts, 2 => words, 2 => times, 1 => seqs, 1 => severities, 1 => text.prop_map(Expr::Exists), 1 => Just(Expr::All)]
}

fn any_expr() -> impl Strategy<Value = Expr> {
    term().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::Or),
            inner.prop_map(|expr| Expr::Not(Box::new(expr))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn the_filter_selects_what_the_evaluator_selects(expr in any_expr(), range in (0..ROWS, 0..ROWS)) {
        let (from, to) = (range.0.min(range.1), range.0.max(range.1) + 1);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (found, _) = runtime.block_on(found(&expr, from, to));
        prop_assert_eq!(found, expected(&expr, from, to));
    }
}

fn text(column: usize, op: Op, value: &str) -> Expr {
    Expr::Compare(Field::Column(column), op, Value::Text(value.to_owned()))
}

#[tokio::test]
async fn rare_things_read_little() {
    let all = ROWS;
    let whole: u64 = world().segments.source_bytes("s").await;
    // An id: filters, and one page of one column.
    let (rows, read) = found(&text(columns::EVENT_ID, Op::Equal, &event(900).event_id), 0, all).await;
    assert_eq!(rows, [900]);
    assert!(read.rows <= 64 && read.bytes < whole / 8, "{read:?} of {whole}");
    // What no text has: nothing is decoded.
    let (rows, read) = found(&text(columns::MESSAGE, Op::Contains, "no such thing"), 0, all).await;
    assert_eq!((rows.len(), read.rows), (0, 0));
    // Letters that ids do not have.
    let (_, read) = found(&text(columns::EVENT_ID, Op::Contains, "zz"), 0, all).await;
    assert_eq!(read, Read::default());
    // A time range is decided by statistics but for its ends.
    let after =
        Expr::Compare(Field::Column(columns::RECEIVED_AT), Op::GreaterOrEqual, Value::Time(event(800).received_at));
    let (rows, read) = found(&after, 0, all).await;
    assert_eq!(rows.len(), 901);
    assert!(read.rows <= 500, "{read:?}");
}
