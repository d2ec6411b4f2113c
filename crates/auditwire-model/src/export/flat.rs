//! The flat table of a Parquet export, for analysts: times as times, names in place of ranks.
//!
//! Times are in microseconds, because Spark reads no others ("Illegal Parquet type: INT64 (TIMESTAMP(NANOS,true))"), and beside each
//! stands the whole number of its nanoseconds.

use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type};
use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::Severity;
use crate::event::{Outcome, Plane, columns, schema};

static TABLE: LazyLock<SchemaRef> = LazyLock::new(|| {
    let stored = schema();
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let column = |(number, field): (usize, &Arc<Field>)| match number {
        columns::DIGEST => vec![],
        columns::TIMESTAMP | columns::RECEIVED_AT => {
            let nanos = field.as_ref().clone().with_name(format!("{}_ns", field.name()));
            vec![field.as_ref().clone().with_data_type(time.clone()), nanos]
        }
        columns::PLANE | columns::SEVERITY | columns::OUTCOME => {
            vec![field.as_ref().clone().with_data_type(DataType::Utf8)]
        }
        _ => vec![field.as_ref().clone()],
    };
    Arc::new(Schema::new(stored.fields().iter().enumerate().flat_map(column).collect::<Vec<_>>()))
});

/// The table's schema: the columns of an event under the names of `docs/formats/event.md`, without the digest, and `timestamp_ns`
/// and `received_at_ns`.
#[must_use]
pub fn table() -> SchemaRef {
    Arc::clone(&TABLE)
}

/// Events as rows of the [`table`].
///
/// # Errors
/// Arrow's own, when the batch does not have the event schema.
pub fn rows(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |(number, column): (usize, &ArrayRef)| -> Vec<ArrayRef> {
        match number {
            columns::DIGEST => vec![],
            columns::TIMESTAMP | columns::RECEIVED_AT => vec![micros(column), Arc::clone(column)],
            columns::PLANE => vec![names(column, |rank| Plane::from_rank(rank).as_str())],
            columns::OUTCOME => vec![names(column, |rank| Outcome::from_rank(rank).as_str())],
            columns::SEVERITY => vec![names(column, |rank| Severity::from_rank(rank).unwrap_or_default().as_str())],
            _ => vec![Arc::clone(column)],
        }
    };
    RecordBatch::try_new(table(), batch.columns().iter().enumerate().flat_map(column).collect())
}

/// Rounded down, as whoever cuts digits off a text does.
fn micros(nanos: &ArrayRef) -> ArrayRef {
    let nanos = nanos.as_primitive::<Int64Type>().values();
    let micros = TimestampMicrosecondArray::from_iter_values(nanos.iter().map(|nanos| nanos.div_euclid(1000)));
    Arc::new(micros.with_timezone("UTC"))
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
        let number = |name: &str| table.column_by_name(name).unwrap().as_primitive::<Int64Type>().value(0);
        for (time, nanos) in [("timestamp", "timestamp_ns"), ("received_at", "received_at_ns")] {
            let column = table.column_by_name(time).unwrap();
            assert_eq!(column.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
            let micros = column.as_primitive::<arrow_array::types::TimestampMicrosecondType>().value(0);
            assert_eq!(micros, number(nanos).div_euclid(1000), "{time}");
        }
        assert_eq!(number("timestamp_ns"), 1_795_341_600_123_456_000);
        assert!(table.column_by_name("digest").is_none());
        assert_eq!(table.num_columns(), schema().fields().len() + 1);
    }
}
