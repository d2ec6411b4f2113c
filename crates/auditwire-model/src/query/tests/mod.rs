//! What the language means, and that its evaluator agrees with one that goes row by row.

mod any;
mod parsing;
mod printing;
mod reference;

use std::sync::Arc;

use any::{any_event, any_expr};
use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{DataType, Schema};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::event::testing::{batch, full, minimal};
use crate::event::{EventDraft, rows, schema};

fn selected(expr: &Expr, batch: &RecordBatch) -> Vec<bool> {
    let answer = evaluate(expr, batch);
    assert_eq!(answer.null_count(), 0);
    answer.iter().map(Option::unwrap).collect()
}

fn holds(expr: &str, draft: &EventDraft) -> bool {
    let now = crate::event::testing::time("2026-11-22T10:10:00Z");
    let parsed = parse(expr, Some(now)).unwrap_or_else(|error| panic!("{expr}: {error:?}"));
    selected(&parsed.expr, &batch([draft.clone()]))[0]
}

#[test]
fn means_what_the_language_says() {
    let event = full();
    for expr in [
        "",
        "action = \"user-signin\"",
        "action = user-signin",
        "message : \"ВХОД ОТКЛОН\"",
        "message:пароль",
        "severity >= warn",
        "severity = WARNING",
        "severity <> info AND severity < crit",
        "severity : arn",
        "timestamp = \"2026-11-22T13:00:00.123456+03:00\"",
        "timestamp < 2026-11-22T10:00:01Z",
        "timestamp < 2026-11-22T13:00:01Z03:00",
        "timestamp > now-15m AND timestamp < now-9m AND timestamp <= now",
        "received_at > \"2026-11-22T10:00:00Z\"",
        "timestamp : \"2026-11\"",
        "seq = 1 AND seq >= 1 AND seq < 18446744073709551616 AND seq > \"-5\"",
        "seq <> 01",
        "seq : 1",
        "source.address = \"10.0.0.0/8\"",
        "source.address = 10.0.0.0/8 AND source.address <> 10.1.0.0/16",
        "subject.address = \"2001:DB8:0::5\"",
        "subject.address = 2001:db8::/32",
        "plane = data AND outcome = failure AND outcome <> success",
        "status.code >= 400 AND status.code < 1000",
        "subject.metadata.geo.lat : \"56.86\"",
        "subject.metadata.email EXIST",
        "resource.metadata.empty = \"\" AND resource.metadata.empty EXISTS",
        "service_id = IAM",
        "service_id=IAM",
        "labels = pci AND labels : mfa AND labels <> none AND labels EXIST",
        "labels = pci labels = mfa",
        "NOT labels : PCI",
        "resource.metadata.none <> x AND NOT resource.metadata.none = x AND NOT resource.metadata.none EXIST",
        "action = x OR plane = data AND NOT (outcome = success OR outcome = unknown)",
        "action = x or plane = data and not outcome = success",
        "NOT action = x plane = data",
        "вход ПАРОЛЬ",
        "USER-SIGN",
        "example.ru AND тВЕРЬ",
        "10.0.0.7 2001:db8::5",
        "'\"X\"'",
        "unauthorized OR nothing",
        "mfa NOT nothing",
    ] {
        assert!(holds(expr, &event), "{expr}");
    }
    for expr in [
        "action = \"user-SIGNIN\"",
        "severity > ERROR",
        "status.code = 0401",
        "labels <> pci",
        "request_id : nothing",
        "timestamp > now",
        // Keys, times and words for ranks are not searched.
        "geo.city",
        "failure",
        "WARNING",
        "2026-11-22",
        "NOT action = x AND plane = control",
        "(action = x OR plane = data) AND outcome = success",
    ] {
        assert!(!holds(expr, &event), "{expr}");
    }
    assert!(holds("message <> x AND NOT message : x AND NOT message < x AND NOT labels EXIST", &minimal()));
    assert!(holds("severity = DEFAULT AND outcome = unknown AND plane EXIST AND timestamp EXIST", &minimal()));
    assert!(holds("\"\"", &minimal()));
}

/// Trees that no text makes have an answer all the same.
#[test]
fn comparisons_without_meaning_are_false() {
    let event = batch([full()]);
    for (name, op, value) in [
        ("severity", Op::Equal, "loud"),
        ("severity", Op::Greater, "loud"),
        ("timestamp", Op::Equal, "yesterday"),
        ("timestamp", Op::Greater, "yesterday"),
        ("seq", Op::Equal, "01"),
        ("seq", Op::Greater, "x"),
        ("labels", Op::Greater, "a"),
    ] {
        let expr = Expr::Compare(Field::parse(name).unwrap(), op, Value::Text(value.to_owned()));
        assert_eq!(selected(&expr, &event), [false], "{expr}");
    }
    let digest = Field::Column(crate::event::columns::DIGEST);
    assert_eq!(selected(&Expr::Compare(digest.clone(), Op::Contains, Value::Text(String::new())), &event), [false]);
    assert_eq!(selected(&Expr::Exists(digest), &event), [false]);
}

/// With text columns as dictionaries, in which some values are not used.
fn with_dictionaries(batch: &RecordBatch) -> RecordBatch {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let array: ArrayRef = match array.as_string_opt::<i32>() {
            None => Arc::clone(array),
            Some(texts) => {
                let mut builder = StringDictionaryBuilder::<Int32Type>::new();
                builder.append_value("unused");
                texts.iter().for_each(|text| builder.append_option(text));
                let built: ArrayRef = Arc::new(builder.finish());
                built.slice(1, texts.len())
            }
        };
        fields.push(field.as_ref().clone().with_data_type(array.data_type().clone()));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// Only the columns that `expr` reads; of the others nothing but the length.
fn only_read(expr: &Expr, batch: &RecordBatch) -> RecordBatch {
    let blank = |column: usize| {
        let rows = batch.num_rows();
        let default = batch.slice(0, 0);
        match batch.column(column).data_type() {
            DataType::Utf8 => new_null_array(&DataType::Utf8, rows),
            _ => default.column(column).slice(0, 0),
        }
    };
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (column, field) in batch.schema().fields().iter().enumerate() {
        let read = expr.columns().contains(column) || batch.column(column).data_type() != &DataType::Utf8;
        arrays.push(if read { Arc::clone(batch.column(column)) } else { blank(column) });
        fields.push(field.as_ref().clone().with_nullable(true));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

proptest! {
    #[test]
    fn agrees_with_going_row_by_row(
        drafts in vec(any_event(), 0..20), expr in any_expr(), cut in any::<prop::sample::Index>(),
    ) {
        let whole = batch(drafts);
        let expected: Vec<bool> = rows(&whole).map(|event| reference::holds(&expr, &event)).collect();
        prop_assert_eq!(&selected(&expr, &whole), &expected, "{}", expr);
        prop_assert_eq!(&selected(&expr, &with_dictionaries(&whole)), &expected, "dictionaries: {}", expr);
        prop_assert_eq!(&selected(&expr, &only_read(&expr, &whole)), &expected, "blank columns: {}", expr);
        let skipped = cut.index(whole.num_rows() + 1);
        let rest = whole.num_rows() - skipped;
        prop_assert_eq!(&selected(&expr, &whole.slice(skipped, rest)), &expected[skipped..], "sliced: {}", expr);
        let sliced = with_dictionaries(&whole).slice(skipped, rest);
        prop_assert_eq!(&selected(&expr, &sliced), &expected[skipped..], "sliced dictionaries: {}", expr);
    }
}

#[test]
fn says_what_it_reads() {
    use crate::event::{Columns, columns};
    let of = |text: &str| parse(text, None).unwrap().expr.columns();
    assert_eq!(of(""), Columns::NONE);
    assert_eq!(
        of("action = a OR NOT (seq > 1 AND service_id EXIST)"),
        Columns::of(&[columns::ACTION, columns::SEQ, columns::RESOURCE_METADATA,])
    );
    let word = of("x");
    let silent = [columns::SEQ, columns::TIMESTAMP, columns::RECEIVED_AT, columns::PLANE, columns::SEVERITY];
    assert!(silent.iter().all(|column| !word.contains(*column)));
    assert_eq!(word.iter().count(), schema().fields().len() - silent.len() - 2);
}
