//! Whether an event says the same as a stored one with the same id.
//!
//! Fresh events have a digest of what their source said, sealed ones have not: 16 random bytes would be a seventh of what
//! a sealed event takes. So the fields decide, and decide alike before and after sealing; an equal digest only saves the
//! comparison.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use auditwire_model::event::{Event, EventView, columns, view};

use super::plan::CONFLICT_LABEL;

/// Compares an event with the one in a batch of one row.
pub(super) fn same_content(event: &Event, row: &RecordBatch) -> bool {
    row.column(columns::DIGEST).as_fixed_size_binary().value(0) == event.digest || same_fields(event, &view(row, 0))
}

/// What a source left out and was filled in here is no difference: the time of receipt, the plane of the door, the
/// outcome that follows from the code. The label of a changed id was added here, too.
fn same_fields(event: &Event, stored: &EventView<'_>) -> bool {
    let draft = &event.draft;
    let time = if event.timestamp_from_receipt { stored.received_at } else { event.timestamp };
    let text = |ours: &Option<String>, theirs: Option<&str>| ours.as_deref() == theirs;
    stored.timestamp == time
        && draft.plane.is_none_or(|plane| plane == stored.plane)
        && event.outcome == stored.outcome
        && draft.action == stored.action
        && draft.severity == stored.severity
        && text(&draft.request_id, stored.request_id)
        && text(&draft.message, stored.message)
        && text(&draft.source_id, stored.source_id)
        && text(&draft.source_address, stored.source_address)
        && text(&draft.subject_user_id, stored.subject_user_id)
        && text(&draft.subject_address, stored.subject_address)
        && text(&draft.subject_project_id, stored.subject_project_id)
        && draft.subject_metadata.iter().eq(stored.subject_metadata.iter())
        && text(&draft.resource_id, stored.resource_id)
        && text(&draft.resource_type, stored.resource_type)
        && draft.resource_metadata.iter().eq(stored.resource_metadata.iter())
        && text(&draft.status_code, stored.status_code)
        && text(&draft.status_message, stored.status_message)
        && labels(draft.labels.iter().map(String::as_str)).eq(labels(stored.labels.iter()))
}

fn labels<'t>(labels: impl Iterator<Item = &'t str>) -> impl Iterator<Item = &'t str> {
    labels.filter(|label| *label != CONFLICT_LABEL)
}
