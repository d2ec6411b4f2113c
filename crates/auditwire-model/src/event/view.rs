//! One stored event, borrowed from its row of a record batch.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type, UInt64Type};
use arrow_array::{Array, RecordBatch, StringArray};

use super::draft::{Outcome, Plane};
use super::schema::columns;
use crate::{Position, Severity, Timestamp};

/// Every field of one event. Borrowed; cheap to make.
#[derive(Debug, Clone)]
pub struct EventView<'a> {
    /// `None` only for messages that are not in a log (a connection check's test message).
    pub seq: Option<Position>,
    /// The idempotency key.
    pub event_id: &'a str,
    /// When it happened.
    pub timestamp: Timestamp,
    /// When intake accepted it.
    pub received_at: Timestamp,
    /// Control or data.
    pub plane: Plane,
    /// The event type.
    pub action: &'a str,
    /// Correlates with other logs.
    pub request_id: Option<&'a str>,
    /// How much it matters.
    pub severity: Severity,
    /// For people.
    pub message: Option<&'a str>,
    /// The service that reports.
    pub source_id: Option<&'a str>,
    /// Where it runs.
    pub source_address: Option<&'a str>,
    /// Who acted.
    pub subject_user_id: Option<&'a str>,
    /// From where.
    pub subject_address: Option<&'a str>,
    /// In which project of the cloud.
    pub subject_project_id: Option<&'a str>,
    /// Flat metadata of the subject.
    pub subject_metadata: Pairs<'a>,
    /// On what.
    pub resource_id: Option<&'a str>,
    /// Of which kind.
    pub resource_type: Option<&'a str>,
    /// Flat metadata of the resource.
    pub resource_metadata: Pairs<'a>,
    /// HTTP or gRPC code, or the source's own.
    pub status_code: Option<&'a str>,
    /// What the source says about the outcome.
    pub status_message: Option<&'a str>,
    /// How it ended.
    pub outcome: Outcome,
    /// Tags.
    pub labels: Texts<'a>,
}

impl<'a> EventView<'a> {
    /// What names the subject to people, with the metadata key it stands under: the e-mail address, else the name. A value
    /// of which nothing would be seen does not count.
    #[must_use]
    pub fn user(&self) -> Option<(&'static str, &'a str)> {
        let seen = |value: &str| !value.chars().all(|c| c.is_whitespace() || c.is_control());
        ["email", "name"].into_iter().find_map(|key| {
            let value = self.subject_metadata.get(key)?;
            seen(value).then_some((key, value))
        })
    }
}

/// Key-value pairs of a metadata column, in stored (sorted) order.
#[derive(Debug, Clone, Copy)]
pub struct Pairs<'a> {
    keys: &'a StringArray,
    values: &'a StringArray,
    from: usize,
    to: usize,
}

impl<'a> Pairs<'a> {
    /// All pairs.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + use<'a> {
        let (keys, values) = (self.keys, self.values);
        (self.from..self.to).map(move |i| (keys.value(i), values.value(i)))
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// No pairs, in the place of these.
    #[must_use]
    pub fn emptied(self) -> Self {
        Self { to: self.from, ..self }
    }

    /// True without any pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }
}

/// The elements of a list column.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    values: &'a StringArray,
    from: usize,
    to: usize,
}

impl<'a> Texts<'a> {
    /// All elements.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        let values = self.values;
        (self.from..self.to).map(move |i| values.value(i))
    }

    /// No elements, in the place of these.
    #[must_use]
    pub fn emptied(self) -> Self {
        Self { to: self.from, ..self }
    }

    /// True without any element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }
}

/// The event in `row` of a batch that has [`schema`](super::schema).
///
/// # Panics
/// If the batch has another schema or fewer rows. Batches are checked where they are decoded.
#[must_use]
pub fn view(batch: &RecordBatch, row: usize) -> EventView<'_> {
    let number = |c: usize| batch.column(c).as_primitive::<Int64Type>().value(row);
    let byte = |c: usize| batch.column(c).as_primitive::<UInt8Type>().value(row);
    let text = |c: usize| {
        let column = batch.column(c).as_string::<i32>();
        (!column.is_null(row)).then(|| column.value(row))
    };
    let time = |c: usize| Timestamp::from_nanos(number(c)).unwrap_or(Timestamp::EPOCH);
    EventView {
        seq: Some(Position(batch.column(columns::SEQ).as_primitive::<UInt64Type>().value(row))),
        event_id: text(columns::EVENT_ID).unwrap_or_default(),
        timestamp: time(columns::TIMESTAMP),
        received_at: time(columns::RECEIVED_AT),
        plane: Plane::from_rank(byte(columns::PLANE)),
        action: text(columns::ACTION).unwrap_or_default(),
        request_id: text(columns::REQUEST_ID),
        severity: Severity::from_rank(byte(columns::SEVERITY)).unwrap_or_default(),
        message: text(columns::MESSAGE),
        source_id: text(columns::SOURCE_ID),
        source_address: text(columns::SOURCE_ADDRESS),
        subject_user_id: text(columns::SUBJECT_USER_ID),
        subject_address: text(columns::SUBJECT_ADDRESS),
        subject_project_id: text(columns::SUBJECT_PROJECT_ID),
        subject_metadata: pairs(batch, columns::SUBJECT_METADATA, row),
        resource_id: text(columns::RESOURCE_ID),
        resource_type: text(columns::RESOURCE_TYPE),
        resource_metadata: pairs(batch, columns::RESOURCE_METADATA, row),
        status_code: text(columns::STATUS_CODE),
        status_message: text(columns::STATUS_MESSAGE),
        outcome: Outcome::from_rank(byte(columns::OUTCOME)),
        labels: labels(batch, row),
    }
}

/// All events of a batch, in its order.
pub fn rows(batch: &RecordBatch) -> impl DoubleEndedIterator<Item = EventView<'_>> + ExactSizeIterator {
    (0..batch.num_rows()).map(|row| view(batch, row))
}

fn pairs(batch: &RecordBatch, column: usize, row: usize) -> Pairs<'_> {
    let map = batch.column(column).as_map();
    let (from, to) = range(map.offsets(), row);
    Pairs { keys: map.keys().as_string(), values: map.values().as_string(), from, to }
}

fn labels(batch: &RecordBatch, row: usize) -> Texts<'_> {
    let list = batch.column(columns::LABELS).as_list::<i32>();
    let (from, to) = range(list.offsets(), row);
    Texts { values: list.values().as_string(), from, to }
}

fn range(offsets: &[i32], row: usize) -> (usize, usize) {
    let at = |i: usize| usize::try_from(offsets[i]).unwrap_or(0);
    (at(row), at(row + 1))
}
