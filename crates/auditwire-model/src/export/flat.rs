//! The flat table of a Parquet export, for analysts: times as times, names in place of ranks.

use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type};
use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::Severity;
use crate::event::{Outcome, Plane, columns, schema};

static TABLE: LazyLock<SchemaRef> = LazyLock::new(|| {
    let stored = schema();
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let column = |(number, field): (usize, &Arc<Field>)| match number {
        columns::DIGEST => None,
        columns::TIMESTAMP | columns::RECEIVED_AT => Some(field.as_ref().clone().with_data_type(time.clone())),
        columns::PLANE | columns::SEVERITY | columns::OUTCOME => {
            Some(field.as_ref().clone().with_data_type(DataType::Utf8))
        }
        _ => Some(field.as_ref().clone()),
    };
    Arc::new(Schema::new(stored.fields().iter().enumerate().filter_map(column).collect::<Vec<_>>()))
});

/// The table's schema: the columns of an event under the names of `docs/formats/event.md`, without the digest.
#[must_use]
pub fn table() -> SchemaRef {
    Arc::clone(&TABLE)
}

/// Events as rows of the [`table`].
///
/// # Errors
/// Arrow's own, when the batch does not have the event schema.
pub fn rows(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |(number, column): (usize, &ArrayRef)| -> Option<ArrayRef> {
        match number {
            columns::DIGEST => None,
            columns::TIMESTAMP | columns::RECEIVED_AT => {
                let nanos = column.as_primitive::<Int64Type>().values().clone();
                Some(Arc::new(TimestampNanosecondArray::new(nanos, None).with_timezone("UTC")))
            }
            columns::PLANE => Some(names(column, |rank| Plane::from_rank(rank).as_str())),
            columns::OUTCOME => Some(names(column, |rank| Outcome::from_rank(rank).as_str())),
            columns::SEVERITY => Some(names(column, |rank| Severity::from_rank(rank).unwrap_or_default().as_str())),
            _ => Some(Arc::clone(column)),
        }
    };
    RecordBatch::try_new(table(), batch.columns().iter().enumerate().filter_map(column).collect())
}

fn names(ranks: &ArrayRef, name: impl Fn(u8) -> &'static str) -> ArrayRef {
    let ranks = ranks.as_primitive::<UInt8Type>().values();
    Arc::new(StringArray::from_iter_values(ranks.iter().map(|rank| name(*rank))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::{batch, full, minimal};

    #[test]
    fn times_are_times_and_ranks_are_names() {
        let table = rows(&batch([full(), minimal()])).unwrap();
        let text =
            |name: &str, row: usize| table.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned();
        assert_eq!(
            (text("severity", 0), text("plane", 0), text("outcome", 0)),
            ("WARNING".into(), "data".into(), "failure".into())
        );
        assert_eq!(
            (text("severity", 1), text("plane", 1), text("outcome", 1)),
            ("DEFAULT".into(), "control".into(), "unknown".into())
        );
        let time = table.column_by_name("timestamp").unwrap();
        assert_eq!(time.data_type(), &DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())));
        assert!(table.column_by_name("digest").is_none());
        assert_eq!(table.num_columns(), schema().fields().len() - 1);
    }
}
