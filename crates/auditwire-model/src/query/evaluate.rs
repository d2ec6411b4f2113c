//! Evaluates an expression over a record batch.
//!
//! A missing field makes every comparison false but `<>`, which is the negation of `=` for every type. So each leaf here
//! answers "present, and it holds", and the rest is operations on bits.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, UInt8Type, UInt64Type};
use arrow_array::{Array, BooleanArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_buffer::BooleanBuffer;

use super::compare::{Integer, Kind, TextTest, holds};
use super::expr::{Expr, Field, Op, SEARCHED, Value};
use super::fold::Needle;
use crate::event::{Outcome, Pairs, Plane, Texts, columns, labels, pairs};
use crate::{Severity, Timestamp};

/// Which rows of a batch an expression selects.
pub type Selected = BooleanArray;

/// Evaluates `expr` for every row. Missing fields follow the language's rules; there are no nulls in the answer. Reads
/// no other columns than [`Expr::columns`] names; text columns may be dictionaries with `Int32` keys.
///
/// # Panics
/// If the batch has, but for that, another schema than [`schema`](crate::event::schema). Batches are checked where they
/// are decoded.
#[must_use]
pub fn evaluate(expr: &Expr, batch: &RecordBatch) -> Selected {
    BooleanArray::new(mask(expr, batch), None)
}

fn mask(expr: &Expr, batch: &RecordBatch) -> BooleanBuffer {
    let rows = batch.num_rows();
    match expr {
        Expr::All => BooleanBuffer::new_set(rows),
        Expr::And(terms) => terms.iter().fold(BooleanBuffer::new_set(rows), |so_far, term| {
            if so_far.count_set_bits() == 0 { so_far } else { &so_far & &mask(term, batch) }
        }),
        Expr::Or(terms) => terms.iter().fold(BooleanBuffer::new_unset(rows), |so_far, term| {
            if so_far.count_set_bits() == rows { so_far } else { &so_far | &mask(term, batch) }
        }),
        Expr::Not(term) => !&mask(term, batch),
        Expr::Compare(field, Op::NotEqual, value) => !&compare(field, Op::Equal, value, batch),
        Expr::Compare(field, op, value) => compare(field, *op, value, batch),
        Expr::Exists(field) => exists(field, batch),
        Expr::Word(word) => anywhere(word, batch),
    }
}

/// A value alone: every text column, labels, and the values (not the keys) of metadata.
fn anywhere(word: &str, batch: &RecordBatch) -> BooleanBuffer {
    let rows = batch.num_rows();
    let test = TextTest::new(Op::Contains, word, Kind::Text);
    let mut found = BooleanBuffer::new_unset(rows);
    for column in SEARCHED.iter().filter(|column| is_text(*column)) {
        let array = TextColumn::of(batch.column(column));
        found = &found | &texts(rows, &test, |row| array.get(row));
    }
    let mut buffer = String::new();
    let mut has = |text: &str| test.passes(text, &mut buffer);
    let nested = BooleanBuffer::collect_bool(rows, |row| {
        let metadata = [columns::SUBJECT_METADATA, columns::RESOURCE_METADATA];
        labels(batch, row).iter().any(&mut has)
            || metadata.iter().any(|column| pairs(batch, *column, row).iter().any(|(_, value)| has(value)))
    });
    &found | &nested
}

/// A column of texts, each spelled out or as a number in a dictionary.
enum TextColumn<'b> {
    Plain(&'b StringArray),
    Dictionary(&'b PrimitiveArray<Int32Type>, &'b StringArray),
}

impl<'b> TextColumn<'b> {
    fn of(array: &'b dyn Array) -> Self {
        match array.as_dictionary_opt::<Int32Type>() {
            Some(dictionary) => Self::Dictionary(dictionary.keys(), dictionary.values().as_string()),
            None => Self::Plain(array.as_string()),
        }
    }

    fn get(&self, row: usize) -> Option<&'b str> {
        match self {
            Self::Plain(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Dictionary(keys, values) => {
                let key = keys.is_valid(row).then(|| usize::try_from(keys.value(row)).ok())??;
                values.is_valid(key).then(|| values.value(key))
            }
        }
    }
}

/// Any comparison but `<>`.
fn compare(field: &Field, op: Op, value: &Value, batch: &RecordBatch) -> BooleanBuffer {
    let rows = batch.num_rows();
    let spelled = value.to_text();
    match field {
        Field::SubjectMetadata(key) => {
            let test = TextTest::new(op, &spelled, Kind::Number);
            texts(rows, &test, |row| pairs(batch, columns::SUBJECT_METADATA, row).get(key))
        }
        Field::ResourceMetadata(key) => {
            let test = TextTest::new(op, &spelled, Kind::Number);
            texts(rows, &test, |row| pairs(batch, columns::RESOURCE_METADATA, row).get(key))
        }
        Field::Column(columns::SEQ) => numbers(batch, op, &spelled),
        Field::Column(column @ (columns::TIMESTAMP | columns::RECEIVED_AT)) => {
            times(batch, *column, op, value, &spelled)
        }
        Field::Column(columns::SEVERITY) => severities(batch, op, value, &spelled),
        Field::Column(columns::PLANE) => {
            let ranks = batch.column(columns::PLANE).as_primitive::<UInt8Type>();
            let test = TextTest::new(op, &spelled, Kind::Text);
            texts(rows, &test, |row| Some(Plane::from_rank(ranks.value(row)).as_str()))
        }
        Field::Column(columns::OUTCOME) => {
            let ranks = batch.column(columns::OUTCOME).as_primitive::<UInt8Type>();
            let test = TextTest::new(op, &spelled, Kind::Text);
            texts(rows, &test, |row| Some(Outcome::from_rank(ranks.value(row)).as_str()))
        }
        // A list has no order; `:` asks for an element as `=` does.
        Field::Column(columns::LABELS) if matches!(op, Op::Equal | Op::Contains) => {
            BooleanBuffer::collect_bool(rows, |row| labels(batch, row).iter().any(|label| label == spelled))
        }
        Field::Column(column) if is_text(*column) => {
            let kind = match *column {
                columns::SOURCE_ADDRESS | columns::SUBJECT_ADDRESS => Kind::Address,
                columns::STATUS_CODE => Kind::Number,
                _ => Kind::Text,
            };
            let array = TextColumn::of(batch.column(*column));
            let test = TextTest::new(op, &spelled, kind);
            texts(rows, &test, |row| array.get(row))
        }
        Field::Column(_) => BooleanBuffer::new_unset(rows),
    }
}

fn exists(field: &Field, batch: &RecordBatch) -> BooleanBuffer {
    let rows = batch.num_rows();
    let has_key = |pairs: Pairs<'_>, key: &str| pairs.get(key).is_some();
    match field {
        Field::SubjectMetadata(key) => {
            BooleanBuffer::collect_bool(rows, |row| has_key(pairs(batch, columns::SUBJECT_METADATA, row), key))
        }
        Field::ResourceMetadata(key) => {
            BooleanBuffer::collect_bool(rows, |row| has_key(pairs(batch, columns::RESOURCE_METADATA, row), key))
        }
        Field::Column(columns::LABELS) => {
            BooleanBuffer::collect_bool(rows, |row| !Texts::is_empty(&labels(batch, row)))
        }
        Field::Column(
            columns::SEQ
            | columns::TIMESTAMP
            | columns::RECEIVED_AT
            | columns::PLANE
            | columns::SEVERITY
            | columns::OUTCOME,
        ) => BooleanBuffer::new_set(rows),
        Field::Column(column) if is_text(*column) => {
            let array = TextColumn::of(batch.column(*column));
            BooleanBuffer::collect_bool(rows, |row| array.get(row).is_some())
        }
        Field::Column(_) => BooleanBuffer::new_unset(rows),
    }
}

/// Columns that hold one text; the others are handled one by one, and what is left is no parameter.
fn is_text(column: usize) -> bool {
    matches!(
        column,
        columns::EVENT_ID
            | columns::ACTION
            | columns::REQUEST_ID
            | columns::MESSAGE
            | columns::SOURCE_ID
            | columns::SOURCE_ADDRESS
            | columns::SUBJECT_USER_ID
            | columns::SUBJECT_ADDRESS
            | columns::SUBJECT_PROJECT_ID
            | columns::RESOURCE_ID
            | columns::RESOURCE_TYPE
            | columns::STATUS_CODE
            | columns::STATUS_MESSAGE
    )
}

fn texts<'b>(rows: usize, test: &TextTest<'_>, text: impl Fn(usize) -> Option<&'b str>) -> BooleanBuffer {
    let mut buffer = String::new();
    BooleanBuffer::collect_bool(rows, |row| text(row).is_some_and(|text| test.passes(text, &mut buffer)))
}

/// `seq`: equality is textual like everywhere, so `007` is not 7; order is numeric and nothing else.
fn numbers(batch: &RecordBatch, op: Op, spelled: &str) -> BooleanBuffer {
    let array = batch.column(columns::SEQ).as_primitive::<UInt64Type>();
    let rows = batch.num_rows();
    if op == Op::Equal {
        let wanted = spelled.parse::<u64>().ok().filter(|number| number.to_string() == spelled);
        return BooleanBuffer::collect_bool(rows, |row| Some(array.value(row)) == wanted);
    }
    if op == Op::Contains {
        let needle = Needle::new(spelled);
        let mut buffer = String::new();
        return BooleanBuffer::collect_bool(rows, |row| needle.is_in(&array.value(row).to_string(), &mut buffer));
    }
    let Some(integer) = Integer::parse(spelled) else { return BooleanBuffer::new_unset(rows) };
    let bound = integer.saturating();
    BooleanBuffer::collect_bool(rows, |row| holds(op, i128::from(array.value(row)).cmp(&bound)))
}

fn times(batch: &RecordBatch, column: usize, op: Op, value: &Value, spelled: &str) -> BooleanBuffer {
    let array = batch.column(column).as_primitive::<Int64Type>();
    let rows = batch.num_rows();
    if op == Op::Contains {
        let needle = Needle::new(spelled);
        let mut buffer = String::new();
        return BooleanBuffer::collect_bool(rows, |row| {
            let time = Timestamp::from_nanos(array.value(row)).unwrap_or(Timestamp::EPOCH);
            needle.is_in(&time.to_string(), &mut buffer)
        });
    }
    let wanted = match value {
        Value::Time(time) => Some(*time),
        Value::Text(text) => Timestamp::parse(text).ok(),
        Value::Severity(_) => None,
    };
    let Some(wanted) = wanted else { return BooleanBuffer::new_unset(rows) };
    BooleanBuffer::collect_bool(rows, |row| holds(op, array.value(row).cmp(&wanted.as_nanos())))
}

fn severities(batch: &RecordBatch, op: Op, value: &Value, spelled: &str) -> BooleanBuffer {
    let array = batch.column(columns::SEVERITY).as_primitive::<UInt8Type>();
    let wanted = match value {
        Value::Severity(severity) => Some(*severity),
        Value::Text(text) => Severity::parse(text),
        Value::Time(_) => None,
    };
    // Nine values only: each is decided once.
    let needle = Needle::new(spelled);
    let decided = Severity::ALL.map(|severity| match op {
        Op::Contains => needle.is_in(severity.as_str(), &mut String::new()),
        _ => wanted.is_some_and(|wanted| holds(op, severity.cmp(&wanted))),
    });
    BooleanBuffer::collect_bool(batch.num_rows(), |row| {
        let rank = usize::from(array.value(row));
        // An unknown rank reads as DEFAULT, as everywhere.
        decided.get(rank).or(decided.first()).is_some_and(|decided| *decided)
    })
}
