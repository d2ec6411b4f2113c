//! Appends completed events to a record batch, giving each its position.

use arrow_array::RecordBatch;
use arrow_array::builder::{
    FixedSizeBinaryBuilder, Int64Builder, ListBuilder, MapBuilder, MapFieldNames, StringBuilder, UInt8Builder,
    UInt64Builder,
};
use std::sync::Arc;

use super::draft::Event;
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

impl Default for BatchBuilder {
    fn default() -> Self {
        Self {
            seq: UInt64Builder::new(),
            event_id: StringBuilder::new(),
            timestamp: Int64Builder::new(),
            received_at: Int64Builder::new(),
            plane: UInt8Builder::new(),
            action: StringBuilder::new(),
            request_id: StringBuilder::new(),
            severity: UInt8Builder::new(),
            message: StringBuilder::new(),
            source_id: StringBuilder::new(),
            source_address: StringBuilder::new(),
            subject_user_id: StringBuilder::new(),
            subject_address: StringBuilder::new(),
            subject_project_id: StringBuilder::new(),
            subject_metadata: metadata_builder(),
            resource_id: StringBuilder::new(),
            resource_type: StringBuilder::new(),
            resource_metadata: metadata_builder(),
            status_code: StringBuilder::new(),
            status_message: StringBuilder::new(),
            outcome: UInt8Builder::new(),
            labels: ListBuilder::new(StringBuilder::new()).with_field(label_field()),
            digest: FixedSizeBinaryBuilder::new(DIGEST_BYTES),
            rows: 0,
        }
    }
}

impl BatchBuilder {
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

fn metadata_builder() -> MetadataBuilder {
    let names = MapFieldNames { entry: "entries".into(), key: "keys".into(), value: "values".into() };
    let fields = super::schema::entry_fields();
    MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()).with_values_field(Arc::clone(&fields[1]))
}

fn push_pairs(builder: &mut MetadataBuilder, pairs: &[(String, String)]) {
    for (key, value) in pairs {
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
    use crate::event::testing::{any_draft, completed, full, minimal};
    use crate::event::{EventDraft, EventView, columns, rows, view};

    /// Every field of a row against the event that was appended.
    fn assert_same(row: &EventView<'_>, position: u64, event: &Event) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let pairs = |pairs: crate::event::Pairs<'_>| {
            pairs.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<Vec<_>>()
        };
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
