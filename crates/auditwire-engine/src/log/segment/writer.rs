//! Writes a segment. Completed row groups leave memory through [`SegmentWriter::take_bytes`], so a segment of any length
//! is written in bounded memory.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::SchemaRef;
use auditwire_model::event::columns;
use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::layout::{GROUP_BYTES, STORE_KEY, Sizes, file_schema, leaves, parquet_schema, properties};
use super::notes::{self, Alphabet};
use super::summary::SummaryBuilder;
use super::{Finished, SealedSpan, SegmentError};

/// Writes one segment. Takes time: not for the runtime's threads.
pub(crate) struct SegmentWriter {
    sizes: Sizes,
    file: SerializedFileWriter<Vec<u8>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// Writers of the columns of the row group under way.
    columns: Vec<ArrowColumnWriter>,
    alphabets: Vec<Alphabet>,
    group_rows: usize,
    groups: usize,
    rows: u64,
    /// Bytes that have been taken.
    taken: u64,
    spans: Vec<SealedSpan>,
    /// The span under way: its counts and times.
    open: Option<OpenSpan>,
}

struct OpenSpan {
    span: SealedSpan,
    summary: SummaryBuilder,
}

impl std::fmt::Debug for SegmentWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentWriter").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl SegmentWriter {
    /// Begins a segment.
    ///
    /// # Errors
    /// `Unwritable`; a defect of the program.
    pub(crate) fn new() -> Result<Self, SegmentError> {
        Self::sized(Sizes::default())
    }

    /// The same with other sizes.
    pub(super) fn sized(sizes: Sizes) -> Result<Self, SegmentError> {
        let parquet = parquet_schema()?;
        let properties = Arc::new(properties(&parquet, sizes)?);
        let file = SerializedFileWriter::new(Vec::new(), parquet.root_schema_ptr(), properties)?;
        let factory = ArrowRowGroupWriterFactory::new(&file, file_schema());
        let alphabets = vec![Alphabet::default(); parquet.num_columns()];
        Ok(Self {
            sizes,
            file,
            factory,
            schema: file_schema(),
            columns: Vec::new(),
            alphabets,
            group_rows: 0,
            groups: 0,
            rows: 0,
            taken: 0,
            spans: Vec::new(),
            open: None,
        })
    }

    /// The file says which store wrote it.
    pub(crate) fn of_store(mut self, id: Option<&str>) -> Self {
        if let Some(id) = id {
            self.file.append_key_value_metadata(KeyValue::new(STORE_KEY.to_owned(), id.to_owned()));
        }
        self
    }

    /// Appends rows of a project. Projects come in ascending order, the positions of each in ascending order. A batch has
    /// the event schema; its positions have no gaps.
    ///
    /// # Errors
    /// `Unwritable`, also when the rows come in another order; the segment is of no use then.
    pub(crate) fn push(&mut self, project: &ProjectId, batch: &RecordBatch) -> Result<(), SegmentError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.count(project, batch)?;
        let mut done = 0;
        while done < batch.num_rows() {
            let to_page = self.sizes.page_rows - self.group_rows % self.sizes.page_rows;
            let rows = (batch.num_rows() - done).min(to_page);
            self.write(project, &batch.slice(done, rows))?;
            done += rows;
            if self.group_rows >= self.sizes.group_rows || self.group_bytes() >= GROUP_BYTES {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// The bytes that are complete; the caller stores them in this order.
    ///
    /// # Errors
    /// `Unwritable`.
    pub(crate) fn take_bytes(&mut self) -> Result<Bytes, SegmentError> {
        self.file.flush().map_err(SegmentError::unwritable)?;
        let bytes = std::mem::take(self.file.inner_mut());
        self.taken += bytes.len() as u64;
        Ok(bytes.into())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// `Unwritable`.
    pub(crate) fn finish(mut self) -> Result<Finished, SegmentError> {
        self.end_group()?;
        self.end_span()?;
        self.file.flush().map_err(SegmentError::unwritable)?;
        let end_from = self.taken + self.file.inner().len() as u64;
        self.file.append_key_value_metadata(notes::blank_end());
        self.file.finish()?;
        let mut bytes = std::mem::take(self.file.inner_mut());
        let total_bytes = self.taken + bytes.len() as u64;
        let end = usize::try_from(end_from - self.taken).ok().and_then(|at| bytes.get_mut(at..));
        end.and_then(|end| notes::stamp(end, end_from))
            .ok_or_else(|| SegmentError::unwritable("no place for a checksum"))?;
        Ok(Finished { bytes: bytes.into(), spans: self.spans, rows: self.rows, total_bytes })
    }

    /// Extends the span of the project, or begins one.
    fn count(&mut self, project: &ProjectId, batch: &RecordBatch) -> Result<(), SegmentError> {
        let seqs = batch.column(columns::SEQ).as_primitive::<UInt64Type>().values();
        let first = Position(seqs[0]);
        if seqs.windows(2).any(|pair| pair[0].checked_add(1) != Some(pair[1])) {
            return Err(SegmentError::unwritable(format!("rows of {project} after {first} are out of order")));
        }
        let continues = self.open.as_ref().is_some_and(|open| {
            let span = &open.span;
            span.project == *project && span.first.0 + u64::from(span.rows) == first.0
        });
        if !continues {
            let out_of_order =
                self.open.as_ref().is_some_and(|open| (&open.span.project, open.span.first) >= (project, first));
            if out_of_order {
                return Err(SegmentError::unwritable(format!("{project} {first} comes too late")));
            }
            self.end_span()?;
            let offset = u32::try_from(self.rows).map_err(SegmentError::unwritable)?;
            let (time_min, time_max) = (latest(), Timestamp::EPOCH);
            let (project, summary) = (project.clone(), Bytes::new());
            let span = SealedSpan { project, first, rows: 0, offset, time_min, time_max, summary };
            self.open = Some(OpenSpan { span, summary: SummaryBuilder::default() });
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let times = batch.column(columns::TIMESTAMP).as_primitive::<Int64Type>().values();
        for time in [times.iter().min(), times.iter().max()].into_iter().flatten() {
            let time = Timestamp::from_nanos(*time).unwrap_or(Timestamp::EPOCH);
            open.span.time_min = open.span.time_min.min(time);
            open.span.time_max = open.span.time_max.max(time);
        }
        let rows = u32::try_from(batch.num_rows()).ok().and_then(|rows| open.span.rows.checked_add(rows));
        open.span.rows = rows.ok_or_else(|| SegmentError::unwritable("more rows than a segment may have"))?;
        open.summary.add(batch);
        Ok(())
    }

    fn end_span(&mut self) -> Result<(), SegmentError> {
        if let Some(OpenSpan { mut span, summary }) = self.open.take() {
            span.summary = summary.finish()?;
            self.spans.push(span);
        }
        Ok(())
    }

    /// Appends rows to the row group under way.
    fn write(&mut self, project: &ProjectId, batch: &RecordBatch) -> Result<(), SegmentError> {
        if self.columns.is_empty() {
            self.columns = self.factory.create_column_writers(self.groups)?;
        }
        let rows = batch.num_rows();
        let projects: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(project.as_str(), rows)));
        let mut writers = self.columns.iter_mut();
        for (at, field) in self.schema.fields().iter().enumerate() {
            let array = match at.checked_sub(1) {
                None => Arc::clone(&projects),
                Some(column) => {
                    add_alphabets(&mut self.alphabets, column, batch.column(column));
                    in_file(column, batch.column(column))
                }
            };
            for (leaf, writer) in compute_leaves(field, &array)?.iter().zip(&mut writers) {
                writer.write(leaf)?;
            }
        }
        self.group_rows += rows;
        self.rows += rows as u64;
        Ok(())
    }

    fn group_bytes(&self) -> usize {
        self.columns.iter().map(ArrowColumnWriter::memory_size).sum()
    }

    /// Ends the row group under way and notes the checksums of its pages.
    fn end_group(&mut self) -> Result<(), SegmentError> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        let mut pages = Vec::with_capacity(self.columns.len());
        for writer in self.columns.drain(..) {
            let chunk = writer.close()?;
            pages.push(chunk.close().offset_index.clone());
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.group_rows = 0;
        let locations = pages.iter().map(|index| index.as_ref().map_or(&[][..], |index| index.page_locations()));
        let data_pages = notes::data_pages(locations).ok_or_else(|| SegmentError::unwritable("a page is too long"))?;
        self.note(&data_pages)
    }

    fn note(&mut self, data_pages: &[Vec<u32>]) -> Result<(), SegmentError> {
        self.file.flush().map_err(SegmentError::unwritable)?;
        let (written, taken) = (self.file.inner(), self.taken);
        let bytes = |offset: u64, length: u32| {
            let from = usize::try_from(offset.checked_sub(taken)?).ok()?;
            written.get(from..from.checked_add(length as usize)?)
        };
        let group = self.file.flushed_row_groups().last();
        let alphabets = std::mem::replace(&mut self.alphabets, vec![Alphabet::default(); data_pages.len()]);
        let note = group.and_then(|group| notes::write(self.groups, group, data_pages, &alphabets, bytes));
        let note = note.ok_or_else(|| SegmentError::unwritable("a row group does not lie where it should"))?;
        self.file.append_key_value_metadata(note);
        self.groups += 1;
        Ok(())
    }
}

/// A column as the file has it: times are told as such.
fn in_file(column: usize, array: &ArrayRef) -> ArrayRef {
    match column {
        columns::TIMESTAMP | columns::RECEIVED_AT => {
            let times = array.as_primitive::<Int64Type>().reinterpret_cast::<TimestampNanosecondType>();
            Arc::new(times.with_timezone("UTC"))
        }
        _ => Arc::clone(array),
    }
}

/// Adds the bytes of a column's texts to the alphabets of its leaves.
fn add_alphabets(alphabets: &mut [Alphabet], column: usize, array: &ArrayRef) {
    let Some(alphabets) = alphabets.get_mut(leaves(column)) else { return };
    let texts: Vec<(&StringArray, Range<i32>)> = match column {
        columns::SUBJECT_METADATA | columns::RESOURCE_METADATA => {
            let map = array.as_map();
            let elements = || map.offsets()[0]..map.offsets()[map.len()];
            vec![(map.keys().as_string(), elements()), (map.values().as_string(), elements())]
        }
        columns::LABELS => {
            let list = array.as_list::<i32>();
            vec![(list.values().as_string(), list.offsets()[0]..list.offsets()[list.len()])]
        }
        _ => {
            let all = 0..i32::try_from(array.len()).unwrap_or_default();
            array.as_string_opt::<i32>().map(|texts| (texts, all)).into_iter().collect()
        }
    };
    let index = |n: i32| usize::try_from(n).unwrap_or_default();
    for (alphabet, (texts, elements)) in alphabets.iter_mut().zip(texts) {
        let (from, to) = (texts.offsets()[index(elements.start)], texts.offsets()[index(elements.end)]);
        alphabet.add(&texts.values()[index(from)..index(to)]);
    }
}

/// The latest time there is.
fn latest() -> Timestamp {
    Timestamp::from_nanos(i64::MAX).unwrap_or(Timestamp::EPOCH)
}
