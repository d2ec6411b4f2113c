//! Appends completed events to a record batch, giving each its position.

use arrow_array::RecordBatch;
use arrow_array::builder::{
    FixedSizeBinaryBuilder, Int64Builder, ListBuilder, MapBuilder, MapFieldNames, StringBuilder, UInt8Builder,
    UInt64Builder,
};
use std::sync::Arc;

use super::draft::Event;
use super::metadata::Metadata;
use super::schema::{DIGEST_BYTES, label_field, schema};
use crate::Position;

type MetadataBuilder = MapBuilder<StringBuilder, StringBuilder>;

/// Builds one record batch of [`schema`].
#[derive(Debug)]
pub struct BatchBuilder {
    seq: UInt64Builder,
    event_id: StringBuilder,
    timestamp: Int64Builder,
    received_at: Int64Builder,
    plane: UInt8Builder,
    action: StringBuilder,
    request_id: StringBuilder,
    severity: UInt8Builder,
    message: StringBuilder,
    source_id: StringBuilder,
    source_address: StringBuilder,
    subject_user_id: StringBuilder,
    subject_address: StringBuilder,
    subject_project_id: StringBuilder,
    subject_metadata: MetadataBuilder,
    resource_id: StringBuilder,
    resource_type: StringBuilder,
    resource_metadata: MetadataBuilder,
    status_code: StringBuilder,
    status_message: StringBuilder,
    outcome: UInt8Builder,
    labels: ListBuilder<StringBuilder>,
    digest: FixedSizeBinaryBuilder,
    rows: usize,
}

/// How much a batch will hold. Columns that are given their room at once need not grow, and their memory is not larger than
/// what is in them.
#[derive(Debug, Clone, Copy, Default)]
pub struct BatchRoom {
    rows: usize,
    event_id: usize,
    action: usize,
    request_id: usize,
    message: usize,
    source_id: usize,
    source_address: usize,
    subject: usize,
    subject_metadata: Pairs,
    resource: usize,
    resource_metadata: Pairs,
}

/// Pairs, and the bytes of their keys and values.
#[derive(Debug, Clone, Copy, Default)]
struct Pairs {
    count: usize,
    keys: usize,
    values: usize,
}

impl BatchRoom {
    /// Makes room for one more event.
    pub fn add(&mut self, event: &Event) {
        let draft = &event.draft;
        let bytes = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.rows += 1;
        self.event_id += event.event_id.len();
        self.action += draft.action.len();
        self.request_id += bytes(&draft.request_id);
        self.message += bytes(&draft.message);
        self.source_id += bytes(&draft.source_id);
        self.source_address += bytes(&draft.source_address);
        self.subject += bytes(&draft.subject_user_id);
        self.subject_metadata.add(&draft.subject_metadata);
        self.resource += bytes(&draft.resource_id);
        self.resource_metadata.add(&draft.resource_metadata);
    }
}

impl Pairs {
    fn add(&mut self, pairs: &Metadata) {
        self.count += pairs.len();
        for (key, value) in pairs.iter() {
            self.keys += key.len();
            self.values += value.len();
        }
    }
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::with_room(&BatchRoom::default())
    }
}

impl BatchBuilder {
    /// A builder whose first batch has this room.
    #[must_use]
    pub fn with_room(room: &BatchRoom) -> Self {
        let rows = room.rows;
        // Of the columns without a figure of their own, most are empty.
        let text = |bytes: usize| StringBuilder::with_capacity(rows, bytes);
        Self {
            seq: UInt64Builder::with_capacity(rows),
            event_id: text(room.event_id),
            timestamp: Int64Builder::with_capacity(rows),
            received_at: Int64Builder::with_capacity(rows),
            plane: UInt8Builder::with_capacity(rows),
            action: text(room.action),
            request_id: text(room.request_id),
            severity: UInt8Builder::with_capacity(rows),
            message: text(room.message),
            source_id: text(room.source_id),
            source_address: text(room.source_address),
            subject_user_id: text(room.subject),
            subject_address: text(0),
            subject_project_id: text(0),
            subject_metadata: metadata_builder(rows, &room.subject_metadata),
            resource_id: text(room.resource),
            resource_type: text(0),
            resource_metadata: metadata_builder(rows, &room.resource_metadata),
            status_code: text(0),
            status_message: text(0),
            outcome: UInt8Builder::with_capacity(rows),
            labels: ListBuilder::with_capacity(StringBuilder::with_capacity(0, 0), rows).with_field(label_field()),
            digest: FixedSizeBinaryBuilder::with_capacity(rows, DIGEST_BYTES),
            rows: 0,
        }
    }

    /// Appends one event at `position`. Positions of one project must be given in order.
    pub fn push(&mut self, position: Position, event: &Event) {
        let draft = &event.draft;
        self.seq.append_value(position.0);
        self.event_id.append_value(&event.event_id);
        self.timestamp.append_value(event.timestamp.as_nanos());
        self.received_at.append_value(event.received_at.as_nanos());
        self.plane.append_value(event.plane.rank());
        self.action.append_value(&draft.action);
        self.request_id.append_option(draft.request_id.as_deref());
        self.severity.append_value(draft.severity.rank());
        self.message.append_option(draft.message.as_deref());
        self.source_id.append_option(draft.source_id.as_deref());
        self.source_address.append_option(draft.source_address.as_deref());
        self.subject_user_id.append_option(draft.subject_user_id.as_deref());
        self.subject_address.append_option(draft.subject_address.as_deref());
        self.subject_project_id.append_option(draft.subject_project_id.as_deref());
        push_pairs(&mut self.subject_metadata, &draft.subject_metadata);
        self.resource_id.append_option(draft.resource_id.as_deref());
        self.resource_type.append_option(draft.resource_type.as_deref());
        push_pairs(&mut self.resource_metadata, &draft.resource_metadata);
        self.status_code.append_option(draft.status_code.as_deref());
        self.status_message.append_option(draft.status_message.as_deref());
        self.outcome.append_value(event.outcome.rank());
        for label in &draft.labels {
            self.labels.values().append_value(label);
        }
        self.labels.append(true);
        // The builder was made for this width, so it cannot refuse it.
        let _ = self.digest.append_value(event.digest);
        self.rows += 1;
    }

    /// The id of a row that was appended since the last batch.
    #[must_use]
    pub fn event_id(&self, row: usize) -> Option<&str> {
        let offset = |row: usize| usize::try_from(*self.event_id.offsets_slice().get(row)?).ok();
        let bytes = self.event_id.values_slice().get(offset(row)?..offset(row + 1)?)?;
        std::str::from_utf8(bytes).ok()
    }

    /// The source of a row that was appended since the last batch; empty without one.
    #[must_use]
    pub fn source_id(&self, row: usize) -> Option<&str> {
        let offset = |row: usize| usize::try_from(*self.source_id.offsets_slice().get(row)?).ok();
        let bytes = self.source_id.values_slice().get(offset(row)?..offset(row + 1)?)?;
        std::str::from_utf8(bytes).ok()
    }

    /// Rows so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// True before the first row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Takes the batch out and starts anew.
    ///
    /// # Errors
    /// Arrow's own, if the columns disagree in length; only a defect here could make them.
    pub fn finish(&mut self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        self.rows = 0;
        RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(self.seq.finish()),
                Arc::new(self.event_id.finish()),
                Arc::new(self.timestamp.finish()),
                Arc::new(self.received_at.finish()),
                Arc::new(self.plane.finish()),
                Arc::new(self.action.finish()),
                Arc::new(self.request_id.finish()),
                Arc::new(self.severity.finish()),
                Arc::new(self.message.finish()),
                Arc::new(self.source_id.finish()),
                Arc::new(self.source_address.finish()),
                Arc::new(self.subject_user_id.finish()),
                Arc::new(self.subject_address.finish()),
                Arc::new(self.subject_project_id.finish()),
                Arc::new(self.subject_metadata.finish()),
                Arc::new(self.resource_id.finish()),
                Arc::new(self.resource_type.finish()),
                Arc::new(self.resource_metadata.finish()),
                Arc::new(self.status_code.finish()),
                Arc::new(self.status_message.finish()),
                Arc::new(self.outcome.finish()),
                Arc::new(self.labels.finish()),
                Arc::new(self.digest.finish()),
            ],
        )
    }
}

fn metadata_builder(rows: usize, pairs: &Pairs) -> MetadataBuilder {
    let names = MapFieldNames { entry: "entries".into(), key: "keys".into(), value: "values".into() };
    let fields = super::schema::entry_fields();
    let keys = StringBuilder::with_capacity(pairs.count, pairs.keys);
    let values = StringBuilder::with_capacity(pairs.count, pairs.values);
    MapBuilder::with_capacity(Some(names), keys, values, rows).with_values_field(Arc::clone(&fields[1]))
}

fn push_pairs(builder: &mut MetadataBuilder, pairs: &Metadata) {
    for (key, value) in pairs.iter() {
        builder.keys().append_value(key);
        builder.values().append_value(value);
    }
    // Fails only when keys and values differ in number, and both were appended above.
    let _ = builder.append(true);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::event::testing::{any_draft, completed, full, hostile, minimal};
    use crate::event::{EventDraft, EventView, columns, rows, view};

    /// Every field of a row against the event that was appended.
    fn assert_same(row: &EventView<'_>, position: u64, event: &Event) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let pairs = |pairs: crate::event::Pairs<'_>| pairs.iter().collect::<Metadata>();
        assert_eq!(row.seq, Some(Position(position)));
        assert_eq!(
            (row.event_id, row.timestamp, row.received_at),
            (&*event.event_id, event.timestamp, event.received_at)
        );
        let back = EventDraft {
            // Completed fields live beside the draft, whose own are not used any more.
            event_id: event.draft.event_id.clone(),
            timestamp: event.draft.timestamp,
            plane: event.draft.plane,
            outcome: event.draft.outcome,
            action: row.action.to_owned(),
            request_id: owned(row.request_id),
            severity: row.severity,
            message: owned(row.message),
            source_id: owned(row.source_id),
            source_address: owned(row.source_address),
            subject_user_id: owned(row.subject_user_id),
            subject_address: owned(row.subject_address),
            subject_project_id: owned(row.subject_project_id),
            subject_metadata: pairs(row.subject_metadata),
            resource_id: owned(row.resource_id),
            resource_type: owned(row.resource_type),
            resource_metadata: pairs(row.resource_metadata),
            status_code: owned(row.status_code),
            status_message: owned(row.status_message),
            labels: row.labels.iter().map(str::to_owned).collect(),
            digest: event.draft.digest,
        };
        assert_eq!((row.plane, row.outcome), (event.plane, event.outcome));
        assert_eq!(back, event.draft);
    }

    fn built(builder: &mut BatchBuilder, from: u64, events: &[Event]) -> RecordBatch {
        for (position, event) in (from..).zip(events) {
            builder.push(Position(position), event);
        }
        assert_eq!((builder.len(), builder.is_empty()), (events.len(), events.is_empty()));
        builder.finish().unwrap()
    }

    #[test]
    fn a_builder_is_used_again() {
        let mut builder = BatchBuilder::default();
        let events = [completed(full()), completed(minimal())];
        let first = built(&mut builder, 1, &events);
        let second = built(&mut builder, 3, &events[..1]);
        assert_eq!((first.num_rows(), second.num_rows(), builder.len()), (2, 1, 0));
        assert_same(&view(&second, 0), 3, &events[0]);
        assert_eq!(builder.finish().unwrap().num_rows(), 0);
        assert_eq!(first.schema(), schema());
        let digests = first.column(columns::DIGEST).as_any().downcast_ref::<arrow_array::FixedSizeBinaryArray>();
        assert_eq!(digests.unwrap().value(1), events[1].digest);
    }

    #[test]
    fn rows_in_hand_have_their_ids_and_room_changes_nothing() {
        let events = [completed(full()), completed(minimal()), completed(hostile())];
        let mut room = BatchRoom::default();
        events.iter().for_each(|event| room.add(event));
        let mut roomy = BatchBuilder::with_room(&room);
        for (n, event) in (1..).zip(&events) {
            roomy.push(Position(n), event);
        }
        for (row, event) in events.iter().enumerate() {
            assert_eq!(roomy.event_id(row), Some(event.event_id.as_str()));
        }
        assert_eq!(roomy.event_id(events.len()), None);
        let batch = roomy.finish().unwrap();
        assert_eq!(roomy.event_id(0), None);
        assert_eq!(batch, built(&mut BatchBuilder::default(), 1, &events));
    }

    proptest! {
        #[test]
        fn rows_are_what_was_appended(drafts in vec(any_draft(), 0..12), from in 1_u64..1000, cut in any::<prop::sample::Index>()) {
            let events: Vec<Event> = drafts.into_iter().map(completed).collect();
            let batch = built(&mut BatchBuilder::default(), from, &events);
            for ((row, event), position) in rows(&batch).zip(&events).zip(from..) {
                assert_same(&row, position, event);
            }
            // Readers see slices, whose nested columns keep the offsets of the whole.
            let skipped = cut.index(events.len() + 1);
            let slice = batch.slice(skipped, events.len() - skipped);
            prop_assert_eq!(rows(&slice).len(), events.len() - skipped);
            for ((row, event), position) in rows(&slice).zip(&events[skipped..]).zip(from + skipped as u64..) {
                assert_same(&row, position, event);
            }
        }
    }
}
