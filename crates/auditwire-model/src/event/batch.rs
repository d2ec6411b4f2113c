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
