//! Makes record batches of the event schema from the pages of a row group.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType};
use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, Int64Array, ListArray, MapArray, RecordBatch, StringArray, StructArray,
    UInt8Array, UInt64Array, new_null_array,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};
use auditwire_model::event::{columns, schema};
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;

use super::SegmentError;
use super::fetch::check;
use super::footer::Footer;
use super::layout::{EVENT_COLUMNS, GROUP_ROWS, leaves};

/// Rows of the kept blank batch, and so the zeros that are kept (2 MiB); longer ones are made anew.
const BLANK_ROWS: usize = GROUP_ROWS;

/// A row group, some of its columns, some of its rows: made ready to be read.
pub(super) struct Decoding {
    footer: Arc<Footer>,
    group: usize,
    columns: Vec<usize>,
    decoder: ParquetPushDecoder,
    /// What has to be read.
    pub(super) ranges: Vec<Range<u64>>,
    rows: usize,
}

impl Decoding {
    /// `selection` is over the row group's rows; `columns` are of the event schema, ascending. With `numbered`, texts come
    /// as numbers into a dictionary.
    pub(super) fn new(
        footer: &Arc<Footer>,
        group: usize,
        columns: Vec<usize>,
        selection: RowSelection,
        numbered: bool,
    ) -> Result<Self, SegmentError> {
        let metadata = if numbered { &footer.numbered } else { &footer.plain };
        let rows = selection.row_count();
        let told = |error: ParquetError| SegmentError::damaged(&footer.name, error);
        let mut decoder = decoder(metadata, group, &columns, selection, rows).map_err(told)?;
        let ranges = if rows == 0 || columns.iter().all(|column| leaves(*column).is_empty()) {
            Vec::new()
        } else {
            match decoder.try_decode().map_err(told)? {
                DecodeResult::NeedsData(ranges) => ranges,
                _ => Vec::new(),
            }
        };
        Ok(Self { footer: Arc::clone(footer), group, columns, decoder, ranges, rows })
    }

    /// Decodes what was read at [`ranges`](Self::ranges); columns that were not asked for are blank. Takes time.
    pub(super) fn finish(mut self, read: Vec<Bytes>) -> Result<RecordBatch, SegmentError> {
        if self.ranges.is_empty() {
            return Ok(blank(self.rows));
        }
        for (range, bytes) in self.ranges.iter().zip(&read) {
            check(&self.footer, self.group, range, bytes)?;
        }
        let told = |error: ParquetError| SegmentError::damaged(&self.footer.name, error);
        self.decoder.push_ranges(self.ranges, read).map_err(told)?;
        let short = || SegmentError::damaged(&self.footer.name, "it has fewer rows than it says");
        let batch = match self.decoder.try_decode().map_err(told)? {
            DecodeResult::Data(batch) if batch.num_rows() == self.rows => batch,
            _ => return Err(short()),
        };
        in_event_schema(&self.columns, &batch).ok_or_else(short)
    }
}

fn decoder(
    metadata: &ArrowReaderMetadata,
    group: usize,
    columns: &[usize],
    selection: RowSelection,
    rows: usize,
) -> Result<ParquetPushDecoder, ParquetError> {
    let leaves = columns.iter().flat_map(|column| leaves(*column));
    ParquetPushDecoderBuilder::new_with_metadata(metadata.clone())
        .with_projection(ProjectionMask::leaves(metadata.parquet_schema(), leaves))
        .with_row_groups(vec![group])
        .with_row_selection(selection)
        .with_batch_size(rows.max(1))
        .build()
}

/// The read columns in their places, blanks in the others.
fn in_event_schema(read: &[usize], batch: &RecordBatch) -> Option<RecordBatch> {
    let (event, mut arrays, _) = blank(batch.num_rows()).into_parts();
    let mut found = batch.columns().iter();
    for column in read.iter().filter(|column| **column < EVENT_COLUMNS) {
        arrays[*column] = from_file(event.field(*column), found.next()?)?;
    }
    let dictionaries = arrays.iter().any(|array| matches!(array.data_type(), DataType::Dictionary(..)));
    if !dictionaries {
        return RecordBatch::try_new(event, arrays).ok();
    }
    let fields = event.fields().iter().zip(&arrays);
    let fields: Vec<Field> =
        fields.map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone())).collect();
    RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(fields)), arrays).ok()
}

/// A column as events have it: times are numbers, and lists and maps have the event schema's names inside.
fn from_file(field: &Field, array: &ArrayRef) -> Option<ArrayRef> {
    Some(match field.data_type() {
        DataType::Int64 => {
            Arc::new(array.as_primitive_opt::<TimestampNanosecondType>()?.reinterpret_cast::<Int64Type>())
        }
        DataType::Map(entries, sorted) => {
            let DataType::Struct(fields) = entries.data_type() else { return None };
            let map = array.as_map_opt()?;
            let pairs = vec![Arc::clone(map.keys()), Arc::clone(map.values())];
            let pairs = StructArray::try_new(fields.clone(), pairs, None).ok()?;
            let offsets = map.offsets().clone();
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, None, *sorted).ok()?)
        }
        DataType::List(item) => {
            let list = array.as_list_opt::<i32>()?;
            let (offsets, values) = (list.offsets().clone(), Arc::clone(list.values()));
            Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, None).ok()?)
        }
        _ => Arc::clone(array),
    })
}

/// Rows without any value: null or empty texts, zeros, no metadata and labels. They cost nothing: all their columns share
/// one piece of zeros.
pub(crate) fn blank(rows: usize) -> RecordBatch {
    static BLANK: OnceLock<RecordBatch> = OnceLock::new();
    if rows <= BLANK_ROWS { BLANK.get_or_init(|| blank_rows(BLANK_ROWS)).slice(0, rows) } else { blank_rows(rows) }
}

fn blank_rows(rows: usize) -> RecordBatch {
    // The widest is the digest.
    let zeros = Buffer::from(vec![0_u8; (rows + 1) * 16]);
    let none = || OffsetBuffer::<i32>::new(ScalarBuffer::new(zeros.clone(), 0, rows + 1));
    let array = |field: &Field| -> ArrayRef {
        match field.data_type() {
            DataType::Utf8 => {
                let nulls = NullBuffer::new(BooleanBuffer::new(zeros.clone(), 0, rows));
                Arc::new(StringArray::new(none(), Buffer::default(), field.is_nullable().then_some(nulls)))
            }
            DataType::Int64 => Arc::new(Int64Array::new(ScalarBuffer::new(zeros.clone(), 0, rows), None)),
            DataType::UInt64 => Arc::new(UInt64Array::new(ScalarBuffer::new(zeros.clone(), 0, rows), None)),
            DataType::UInt8 => Arc::new(UInt8Array::new(ScalarBuffer::new(zeros.clone(), 0, rows), None)),
            DataType::FixedSizeBinary(width @ 0..=16) => {
                let length = rows * usize::try_from(*width).unwrap_or_default();
                Arc::new(FixedSizeBinaryArray::new(*width, zeros.slice_with_length(0, length), None))
            }
            DataType::Map(entries, sorted) => {
                let DataType::Struct(fields) = entries.data_type() else {
                    return new_null_array(field.data_type(), rows);
                };
                let pairs = StructArray::from(arrow_array::RecordBatch::new_empty(Arc::new(
                    arrow_schema::Schema::new(fields.clone()),
                )));
                Arc::new(MapArray::new(Arc::clone(entries), none(), pairs, None, *sorted))
            }
            DataType::List(item) => {
                let texts = Arc::new(StringArray::from(Vec::<&str>::new()));
                Arc::new(ListArray::new(Arc::clone(item), none(), texts, None))
            }
            other => new_null_array(other, rows),
        }
    };
    let schema = schema();
    let arrays: Vec<ArrayRef> = schema.fields().iter().map(|field| array(field)).collect();
    match RecordBatch::try_new(Arc::clone(&schema), arrays) {
        Ok(batch) => batch,
        Err(_) => RecordBatch::new_empty(schema),
    }
}

/// The columns that hold everything a segment knows of an event.
pub(super) fn all_columns() -> Vec<usize> {
    (columns::SEQ..EVENT_COLUMNS).collect()
}
