//! The one Arrow schema of events. Blobs, the tail and (later) Parquet segments all have it.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};

/// Written in front of every stored blob instead of the schema itself. A new version is a new number;
/// old ones stay readable for ever (golden blobs in the tests).
pub const SCHEMA_VERSION: u16 = 1;

/// Column numbers in [`schema`].
#[expect(missing_docs, reason = "each constant is the column of that name")]
pub mod columns {
    pub const SEQ: usize = 0;
    pub const EVENT_ID: usize = 1;
    pub const TIMESTAMP: usize = 2;
    pub const RECEIVED_AT: usize = 3;
    pub const PLANE: usize = 4;
    pub const ACTION: usize = 5;
    pub const REQUEST_ID: usize = 6;
    pub const SEVERITY: usize = 7;
    pub const MESSAGE: usize = 8;
    pub const SOURCE_ID: usize = 9;
    pub const SOURCE_ADDRESS: usize = 10;
    pub const SUBJECT_USER_ID: usize = 11;
    pub const SUBJECT_ADDRESS: usize = 12;
    pub const SUBJECT_PROJECT_ID: usize = 13;
    pub const SUBJECT_METADATA: usize = 14;
    pub const RESOURCE_ID: usize = 15;
    pub const RESOURCE_TYPE: usize = 16;
    pub const RESOURCE_METADATA: usize = 17;
    pub const STATUS_CODE: usize = 18;
    pub const STATUS_MESSAGE: usize = 19;
    pub const OUTCOME: usize = 20;
    pub const LABELS: usize = 21;
    pub const DIGEST: usize = 22;
}

/// Bytes of the content digest that tells a repeated event from a changed one.
pub(super) const DIGEST_BYTES: i32 = 16;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        Field::new("seq", DataType::UInt64, false),
        text("event_id", false),
        Field::new("timestamp", DataType::Int64, false),
        Field::new("received_at", DataType::Int64, false),
        Field::new("plane", DataType::UInt8, false),
        text("action", false),
        text("request_id", true),
        Field::new("severity", DataType::UInt8, false),
        text("message", true),
        text("source_id", true),
        text("source_address", true),
        text("subject_user_id", true),
        text("subject_address", true),
        text("subject_project_id", true),
        metadata("subject_metadata"),
        text("resource_id", true),
        text("resource_type", true),
        metadata("resource_metadata"),
        text("status_code", true),
        text("status_message", true),
        Field::new("outcome", DataType::UInt8, false),
        Field::new("labels", DataType::List(Arc::new(label_field())), false),
        Field::new("digest", DataType::FixedSizeBinary(DIGEST_BYTES), false),
    ]))
});

/// The schema of version [`SCHEMA_VERSION`].
#[must_use]
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

pub(super) fn label_field() -> Field {
    Field::new("item", DataType::Utf8, false)
}

fn metadata(name: &str) -> Field {
    let entries = Field::new("entries", DataType::Struct(entry_fields()), false);
    Field::new(name, DataType::Map(Arc::new(entries), false), false)
}

pub(super) fn entry_fields() -> Fields {
    Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, false)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored blobs do not repeat the schema, so version 1 is this text for ever.
    #[test]
    fn version_1_is_what_is_written_down() {
        let document = include_str!("../../../../docs/formats/event.md");
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let documented: Vec<(String, String)> = document
            .lines()
            .map(cells)
            .filter(|cells| cells.get(1).is_some_and(|number| number.parse::<usize>().is_ok()))
            .map(|cells| (cells[2].trim_matches('`').to_owned(), cells[3].clone()))
            .collect();
        let kind = |field: &Field| {
            let name = match field.data_type() {
                DataType::Map(entries, sorted) => {
                    assert_eq!((entries.name().as_str(), *sorted), ("entries", false));
                    "Map<Utf8, Utf8>".to_owned()
                }
                DataType::List(item) => {
                    assert_eq!((item.name().as_str(), item.is_nullable()), ("item", false));
                    "List<Utf8>".to_owned()
                }
                other => format!("{other:?}"),
            };
            if field.is_nullable() { name + " *n*" } else { name }
        };
        let actual: Vec<(String, String)> =
            schema().fields().iter().map(|field| (field.name().clone(), kind(field))).collect();
        assert_eq!(documented, actual);
        assert_eq!(SCHEMA_VERSION, 1);
        assert_eq!(schema().index_of("digest").unwrap(), columns::DIGEST);
        assert_eq!(schema().index_of("labels").unwrap(), columns::LABELS);
    }
}
