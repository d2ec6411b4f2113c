//! Evaluates an expression over a record batch.
//!
//! A missing field makes every comparison false but `<>`, which is the negation of `=` for every type. So each leaf here
//! answers "present, and it holds", and the rest is operations on bits. The cheap terms of AND and OR go first, and the
//! others are asked only for the rows that are not decided yet.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type, UInt64Type};
use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;

use super::compare::{Integer, Kind, TextTest, holds};
use super::expr::{Expr, Field, Op, SEARCHED, Value};
use super::fold::Needle;
use super::texts::{TextColumn, Within, any_element, asked};
use crate::event::{Outcome, Plane, columns};
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
    BooleanArray::new(mask(expr, batch, None), None)
}

/// The answer for the rows of `within`; the bits of others mean nothing.
fn mask(expr: &Expr, batch: &RecordBatch, within: Within<'_>) -> BooleanBuffer {
    let rows = batch.num_rows();
    match expr {
        Expr::All => BooleanBuffer::new_set(rows),
        Expr::And(terms) => {
            let mut open = within.cloned().unwrap_or_else(|| BooleanBuffer::new_set(rows));
            for term in cheap_first(terms) {
                if open.count_set_bits() == 0 {
                    break;
                }
                open = &open & &mask(term, batch, Some(&open));
            }
            open
        }
        Expr::Or(terms) => {
            let mut search = Search::new(rows, within);
            for term in cheap_first(terms) {
                search.go_on(|open| mask(term, batch, open));
            }
            search.found
        }
        Expr::Not(term) => !&mask(term, batch, within),
        Expr::Compare(field, Op::NotEqual, value) => !&compare(field, Op::Equal, value, batch, within),
        Expr::Compare(field, op, value) => compare(field, *op, value, batch, within),
        Expr::Exists(field) => exists(field, batch, within),
        Expr::Word(word) => anywhere(word, batch, within),
    }
}

/// Alternatives tried one after the other.
struct Search {
    found: BooleanBuffer,
    /// Rows that are asked for and not found yet.
    open: BooleanBuffer,
}

impl Search {
    fn new(rows: usize, within: Within<'_>) -> Self {
        let open = within.cloned().unwrap_or_else(|| BooleanBuffer::new_set(rows));
        Self { found: BooleanBuffer::new_unset(rows), open }
    }

    fn go_on(&mut self, look: impl FnOnce(Within<'_>) -> BooleanBuffer) {
        if self.open.count_set_bits() == 0 {
            return;
        }
        let more = &look(Some(&self.open)) & &self.open;
        if more.count_set_bits() > 0 {
            self.found = &self.found | &more;
            self.open = &self.open & &!&more;
        }
    }
}

fn cheap_first(terms: &[Expr]) -> Vec<&Expr> {
    let mut terms: Vec<&Expr> = terms.iter().collect();
    terms.sort_by_key(|term| cost(term));
    terms
}

/// What a term costs for one row, in no unit.
fn cost(expr: &Expr) -> usize {
    match expr {
        Expr::All => 0,
        Expr::And(terms) | Expr::Or(terms) => terms.iter().map(cost).sum(),
        Expr::Not(term) => cost(term),
        Expr::Compare(field, op, _) => {
            let text = if *op == Op::Contains { 10 } else { 3 };
            match field {
                Field::Column(column) if is_text(*column) => text,
                Field::Column(columns::LABELS) => text,
                Field::Column(_) if *op == Op::Contains => 20,
                Field::Column(_) => 1,
                Field::SubjectMetadata(_) | Field::ResourceMetadata(_) => 10 + text,
            }
        }
        Expr::Exists(Field::Column(_)) => 1,
        Expr::Exists(_) => 10,
        Expr::Word(_) => 100,
    }
}

/// A value alone: every text column, labels, and the values (not the keys) of metadata.
fn anywhere(word: &str, batch: &RecordBatch, within: Within<'_>) -> BooleanBuffer {
    let test = TextTest::new(Op::Contains, word, Kind::Text);
    let mut search = Search::new(batch.num_rows(), within);
    for column in SEARCHED.iter() {
        search.go_on(|open| match column {
            columns::LABELS => any_label(batch, &test),
            columns::SUBJECT_METADATA | columns::RESOURCE_METADATA => {
                let map = batch.column(column).as_map();
                any_element(map.values(), map.offsets(), &test)
            }
            _ => TextColumn::of(batch.column(column)).select(&test, open),
        });
    }
    search.found
}

fn any_label(batch: &RecordBatch, test: &TextTest<'_>) -> BooleanBuffer {
    let list = batch.column(columns::LABELS).as_list::<i32>();
    any_element(list.values(), list.offsets(), test)
}

/// Any comparison but `<>`.
fn compare(field: &Field, op: Op, value: &Value, batch: &RecordBatch, within: Within<'_>) -> BooleanBuffer {
    let rows = batch.num_rows();
    let spelled = value.to_text();
    match field {
        Field::SubjectMetadata(key) | Field::ResourceMetadata(key) => {
            let test = TextTest::new(op, &spelled, Kind::Number);
            let mut buffer = String::new();
            metadata(batch, field.column(), key, within, |text| test.passes(text, &mut buffer))
        }
        Field::Column(columns::SEQ) => numbers(batch, op, &spelled, within),
        Field::Column(column @ (columns::TIMESTAMP | columns::RECEIVED_AT)) => {
            times(batch, *column, op, value, &spelled, within)
        }
        Field::Column(columns::SEVERITY) => severities(batch, op, value, &spelled),
        Field::Column(columns::PLANE) => {
            let test = TextTest::new(op, &spelled, Kind::Text);
            ranks(batch, columns::PLANE, |rank| test.passes(Plane::from_rank(rank).as_str(), &mut String::new()))
        }
        Field::Column(columns::OUTCOME) => {
            let test = TextTest::new(op, &spelled, Kind::Text);
            ranks(batch, columns::OUTCOME, |rank| test.passes(Outcome::from_rank(rank).as_str(), &mut String::new()))
        }
        // A list has no order; `:` asks for an element as `=` does.
        Field::Column(columns::LABELS) if matches!(op, Op::Equal | Op::Contains) => {
            any_label(batch, &TextTest::new(Op::Equal, &spelled, Kind::Text))
        }
        Field::Column(column) if is_text(*column) => {
            let kind = match *column {
                columns::SOURCE_ADDRESS | columns::SUBJECT_ADDRESS => Kind::Address,
                columns::STATUS_CODE => Kind::Number,
                _ => Kind::Text,
            };
            TextColumn::of(batch.column(*column)).select(&TextTest::new(op, &spelled, kind), within)
        }
        Field::Column(_) => BooleanBuffer::new_unset(rows),
    }
}

fn exists(field: &Field, batch: &RecordBatch, within: Within<'_>) -> BooleanBuffer {
    let rows = batch.num_rows();
    match field {
        Field::SubjectMetadata(key) | Field::ResourceMetadata(key) => {
            metadata(batch, field.column(), key, within, |_| true)
        }
        Field::Column(columns::LABELS) => {
            let offsets = batch.column(columns::LABELS).as_list::<i32>().offsets();
            BooleanBuffer::collect_bool(rows, |row| offsets[row] < offsets[row + 1])
        }
        Field::Column(
            columns::SEQ
            | columns::TIMESTAMP
            | columns::RECEIVED_AT
            | columns::PLANE
            | columns::SEVERITY
            | columns::OUTCOME,
        ) => BooleanBuffer::new_set(rows),
        Field::Column(column) if is_text(*column) => TextColumn::of(batch.column(*column)).present(),
        Field::Column(_) => BooleanBuffer::new_unset(rows),
    }
}

/// Columns that hold one text; the others are handled one by one, and what is left is no parameter.
fn is_text(column: usize) -> bool {
    const NESTED: [usize; 3] = [columns::SUBJECT_METADATA, columns::RESOURCE_METADATA, columns::LABELS];
    SEARCHED.contains(column) && !NESTED.contains(&column)
}

/// The rows with `key` in a metadata column, whose value passes.
fn metadata(
    batch: &RecordBatch,
    column: usize,
    key: &str,
    within: Within<'_>,
    mut passes: impl FnMut(&str) -> bool,
) -> BooleanBuffer {
    let map = batch.column(column).as_map();
    let (keys, values) = (TextColumn::of(map.keys()), TextColumn::of(map.values()));
    let offsets = map.offsets();
    let place = |at: usize| usize::try_from(offsets[at]).unwrap_or(0);
    BooleanBuffer::collect_bool(batch.num_rows(), |row| {
        let entry = asked(within, row)
            .then(|| (place(row)..place(row + 1)).find(|entry| keys.get(*entry) == Some(key)))
            .flatten();
        entry.and_then(|entry| values.get(entry)).is_some_and(&mut passes)
    })
}

/// `seq`: equality is textual like everywhere, so `007` is not 7; order is numeric and nothing else.
fn numbers(batch: &RecordBatch, op: Op, spelled: &str, within: Within<'_>) -> BooleanBuffer {
    let array = batch.column(columns::SEQ).as_primitive::<UInt64Type>();
    let rows = batch.num_rows();
    if op == Op::Equal {
        let wanted = spelled.parse::<u64>().ok().filter(|number| number.to_string() == spelled);
        return BooleanBuffer::collect_bool(rows, |row| Some(array.value(row)) == wanted);
    }
    if op == Op::Contains {
        return contains(rows, spelled, within, |row| array.value(row).to_string());
    }
    let Some(integer) = Integer::parse(spelled) else { return BooleanBuffer::new_unset(rows) };
    let bound = integer.saturating();
    BooleanBuffer::collect_bool(rows, |row| holds(op, i128::from(array.value(row)).cmp(&bound)))
}

fn times(
    batch: &RecordBatch,
    column: usize,
    op: Op,
    value: &Value,
    spelled: &str,
    within: Within<'_>,
) -> BooleanBuffer {
    let array = batch.column(column).as_primitive::<Int64Type>();
    let rows = batch.num_rows();
    if op == Op::Contains {
        return contains(rows, spelled, within, |row| {
            Timestamp::from_nanos(array.value(row)).unwrap_or(Timestamp::EPOCH).to_string()
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

/// `:` over values that have to be printed first.
fn contains(rows: usize, part: &str, within: Within<'_>, text: impl Fn(usize) -> String) -> BooleanBuffer {
    let needle = Needle::new(part);
    let mut buffer = String::new();
    BooleanBuffer::collect_bool(rows, |row| asked(within, row) && needle.is_in(&text(row), &mut buffer))
}

fn severities(batch: &RecordBatch, op: Op, value: &Value, spelled: &str) -> BooleanBuffer {
    let wanted = match value {
        Value::Severity(severity) => Some(*severity),
        Value::Text(text) => Severity::parse(text),
        Value::Time(_) => None,
    };
    let needle = Needle::new(spelled);
    ranks(batch, columns::SEVERITY, |rank| {
        // An unknown rank reads as DEFAULT, as everywhere.
        let severity = Severity::from_rank(rank).unwrap_or_default();
        match op {
            Op::Contains => needle.is_in(severity.as_str(), &mut String::new()),
            _ => wanted.is_some_and(|wanted| holds(op, severity.cmp(&wanted))),
        }
    })
}

/// A column of small numbers: each number is decided once.
fn ranks(batch: &RecordBatch, column: usize, decide: impl Fn(u8) -> bool) -> BooleanBuffer {
    let decided: Vec<bool> = (0..=u8::MAX).map(decide).collect();
    let ranks = batch.column(column).as_primitive::<UInt8Type>().values();
    BooleanBuffer::collect_bool(ranks.len(), |row| decided[usize::from(ranks[row])])
}
