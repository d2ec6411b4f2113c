//! The values that a field has in a batch.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, UInt8Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use auditwire_model::event::{Outcome, Plane, columns};
use auditwire_model::query::Field;
use auditwire_model::{Severity, Timestamp};

/// Calls `found` with the values of `field` and how often each comes; a value may come in several calls.
pub(super) fn each(field: &Field, batch: &RecordBatch, mut found: impl FnMut(&str, u64)) {
    match field {
        Field::SubjectMetadata(key) => pairs(batch.column(columns::SUBJECT_METADATA), key, found),
        Field::ResourceMetadata(key) => pairs(batch.column(columns::RESOURCE_METADATA), key, found),
        Field::Column(columns::LABELS) => labels(batch.column(columns::LABELS), found),
        Field::Column(column @ columns::PLANE) => {
            ranks(batch.column(*column), |rank| Plane::from_rank(rank).as_str(), found);
        }
        Field::Column(column @ columns::OUTCOME) => {
            ranks(batch.column(*column), |rank| Outcome::from_rank(rank).as_str(), found);
        }
        Field::Column(column @ columns::SEVERITY) => {
            ranks(batch.column(*column), |rank| Severity::from_rank(rank).unwrap_or_default().as_str(), found);
        }
        Field::Column(columns::SEQ) => {
            let numbers = batch.column(columns::SEQ).as_primitive::<UInt64Type>();
            numbers.values().iter().for_each(|number| found(&number.to_string(), 1));
        }
        Field::Column(column @ (columns::TIMESTAMP | columns::RECEIVED_AT)) => {
            let times = batch.column(*column).as_primitive::<Int64Type>();
            let time = |nanos: i64| Timestamp::from_nanos(nanos).unwrap_or(Timestamp::EPOCH);
            times.values().iter().for_each(|nanos| found(&time(*nanos).to_string(), 1));
        }
        Field::Column(column) => texts(batch.column(*column), found),
    }
}

/// A column of texts, plain or by a dictionary. Neighbours that are the same are counted together.
fn texts(column: &ArrayRef, mut found: impl FnMut(&str, u64)) {
    if let Some(column) = column.as_dictionary_opt::<Int32Type>() {
        let Some(values) = column.values().as_string_opt::<i32>() else { return };
        let mut counts = vec![0_u64; values.len()];
        for key in column.keys().iter().flatten() {
            if let Some(count) = usize::try_from(key).ok().and_then(|key| counts.get_mut(key)) {
                *count += 1;
            }
        }
        let used = counts.into_iter().enumerate().filter(|(key, times)| *times > 0 && values.is_valid(*key));
        used.for_each(|(key, times)| found(values.value(key), times));
    } else if let Some(column) = column.as_string_opt::<i32>() {
        let mut run = ("", 0);
        for value in column.iter().flatten() {
            if run.1 > 0 && run.0 != value {
                found(run.0, run.1);
                run.1 = 0;
            }
            run = (value, run.1 + 1);
        }
        if run.1 > 0 {
            found(run.0, run.1);
        }
    }
}

/// A column of numbers that stand for names.
fn ranks(column: &ArrayRef, name: impl Fn(u8) -> &'static str, mut found: impl FnMut(&str, u64)) {
    let mut counts = HashMap::new();
    for rank in column.as_primitive::<UInt8Type>().values() {
        *counts.entry(*rank).or_insert(0_u64) += 1;
    }
    counts.into_iter().for_each(|(rank, times)| found(name(rank), times));
}

/// The values of one metadata key.
fn pairs(column: &ArrayRef, key: &str, mut found: impl FnMut(&str, u64)) {
    let map = column.as_map();
    let (keys, values) = (map.keys().as_string::<i32>(), map.values().as_string::<i32>());
    for ends in map.offsets().windows(2) {
        let Some(pairs) = ends_of(ends) else { continue };
        // Keys are unique within an event.
        if let Some(at) = pairs.into_iter().find(|at| keys.value(*at) == key) {
            found(values.value(at), 1);
        }
    }
}

/// The labels, each once for an event that repeats one.
fn labels(column: &ArrayRef, mut found: impl FnMut(&str, u64)) {
    let list = column.as_list::<i32>();
    let values = list.values().as_string::<i32>();
    for ends in list.offsets().windows(2) {
        let Some(elements) = ends_of(ends) else { continue };
        for at in elements.clone() {
            if !(elements.start..at).any(|earlier| values.value(earlier) == values.value(at)) {
                found(values.value(at), 1);
            }
        }
    }
}

fn ends_of(ends: &[i32]) -> Option<std::ops::Range<usize>> {
    let at = |n: usize| ends.get(n).and_then(|end| usize::try_from(*end).ok());
    Some(at(0)?..at(1)?)
}
