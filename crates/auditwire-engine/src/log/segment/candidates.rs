//! Rows of a row group that a term may select, told without decoding: by statistics of pages and chunks, filters,
//! dictionaries, and the bytes of raw pages.

use std::ops::Range;
use std::sync::Arc;

use auditwire_model::event::columns;
use auditwire_model::query::{Expr, Field, Op, Value};
use auditwire_model::{Severity, Timestamp};
use bytes::{Buf, Bytes};
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::reader::{ChunkReader, Length, SerializedPageReader};

use super::SegmentError;
use super::filter::Filter;
use super::layout::leaves;
use super::probe::Probe;
use super::ranges::Ranges;

impl Filter<'_> {
    /// A superset, within `within`, of the rows that `expr` selects.
    pub(super) fn candidates(&self, expr: &Expr, within: &Ranges) -> Result<Ranges, SegmentError> {
        if within.is_empty() {
            return Ok(Ranges::NONE);
        }
        match expr {
            Expr::All | Expr::Not(_) => Ok(within.clone()),
            Expr::And(terms) => terms.iter().try_fold(within.clone(), |left, term| self.candidates(term, &left)),
            Expr::Or(terms) => terms.iter().try_fold(Ranges::NONE, |found, term| {
                let more = self.candidates(term, &within.without(&found))?;
                Ok(found.or(&more))
            }),
            Expr::Word(_) => expr.columns().iter().try_fold(Ranges::NONE, |found, column| {
                let more = self.column_candidates(expr, column, &within.without(&found))?;
                Ok(found.or(&more))
            }),
            Expr::Exists(_) => Ok(within.clone()),
            Expr::Compare(field, op, value) => self.compare(field, *op, value, within),
        }
    }

    /// The same for a word in one column.
    pub(super) fn column_candidates(
        &self,
        word: &Expr,
        column: usize,
        within: &Ranges,
    ) -> Result<Ranges, SegmentError> {
        let Expr::Word(word) = word else { return Ok(within.clone()) };
        // Words are looked for in the values of metadata, not in their keys.
        let Some(leaf) = leaves(column).last() else { return Ok(Ranges::NONE) };
        self.probe(leaf, &Probe::folded(word), within)
    }

    /// What is certain without decoding: a range of numbers that every candidate page lies in.
    pub(super) fn decided(&self, expr: &Expr, open: &Ranges) -> Option<Ranges> {
        if open.is_empty() {
            return Some(Ranges::NONE);
        }
        let Expr::Compare(Field::Column(column), op, value) = expr else { return None };
        let wanted = number(*column, value)?;
        let all = |min: i64, max: i64| match op {
            Op::Less => max < wanted,
            Op::LessOrEqual => max <= wanted,
            Op::Greater => min > wanted,
            Op::GreaterOrEqual => min >= wanted,
            Op::Equal => min == wanted && max == wanted,
            Op::NotEqual | Op::Contains => false,
        };
        let certain = self.by_page_numbers(leaves(*column).start, all)?;
        let open_still = open.without(&certain);
        open_still.is_empty().then(|| open.clone())
    }

    fn compare(&self, field: &Field, op: Op, value: &Value, within: &Ranges) -> Result<Ranges, SegmentError> {
        let text = match value {
            Value::Text(text) => text.clone(),
            Value::Time(time) => time.to_string(),
            Value::Severity(severity) => severity.as_str().to_owned(),
        };
        match field {
            Field::Column(column @ (columns::SEQ | columns::TIMESTAMP | columns::RECEIVED_AT)) => {
                let Some(wanted) = number(*column, value) else { return Ok(within.clone()) };
                let may = |min: i64, max: i64| match op {
                    Op::Less => min < wanted,
                    Op::LessOrEqual => min <= wanted,
                    Op::Greater => max > wanted,
                    Op::GreaterOrEqual => max >= wanted,
                    Op::Equal => min <= wanted && wanted <= max,
                    Op::NotEqual | Op::Contains => true,
                };
                Ok(self
                    .by_page_numbers(leaves(*column).start, may)
                    .map_or_else(|| within.clone(), |rows| within.and(&rows)))
            }
            Field::Column(columns::SEVERITY) => Ok(self.by_severity(op, value, within)),
            // `=` on addresses compares what the texts mean, and plane and outcome are stored as numbers.
            Field::Column(
                columns::SOURCE_ADDRESS
                | columns::SUBJECT_ADDRESS
                | columns::PLANE
                | columns::OUTCOME
                | columns::DIGEST,
            ) => Ok(within.clone()),
            Field::Column(columns::LABELS) => {
                let probe = Probe::new(if op == Op::Contains { Op::Equal } else { op }, &text);
                self.probe(leaves(columns::LABELS).start, &probe, within)
            }
            Field::Column(column) => self.probe(leaves(*column).start, &Probe::new(op, &text), within),
            Field::SubjectMetadata(key) => self.pairs(columns::SUBJECT_METADATA, key, op, &text, within),
            Field::ResourceMetadata(key) => self.pairs(columns::RESOURCE_METADATA, key, op, &text, within),
        }
    }

    /// Metadata: the key, exactly, and the value.
    fn pairs(&self, column: usize, key: &str, op: Op, value: &str, within: &Ranges) -> Result<Ranges, SegmentError> {
        if op == Op::NotEqual {
            return Ok(within.clone());
        }
        let (keys, values) = (leaves(column).start, leaves(column).start + 1);
        let left = self.probe(keys, &Probe::new(Op::Equal, key), within)?;
        self.probe(values, &Probe::new(op, value), &left)
    }

    fn by_severity(&self, op: Op, value: &Value, within: &Ranges) -> Ranges {
        let wanted = match value {
            Value::Severity(severity) => Some(*severity),
            Value::Text(text) => Severity::parse(text),
            Value::Time(_) => None,
        };
        let Some(wanted) = wanted else { return within.clone() };
        let holds = |severity: &Severity| match op {
            Op::Equal => *severity == wanted,
            Op::NotEqual => *severity != wanted,
            Op::Less => *severity < wanted,
            Op::LessOrEqual => *severity <= wanted,
            Op::Greater => *severity > wanted,
            Op::GreaterOrEqual => *severity >= wanted,
            Op::Contains => true,
        };
        let ranks: Vec<i64> = Severity::ALL.iter().filter(|s| holds(s)).map(|s| i64::from(s.rank())).collect();
        // An unknown rank, which only a newer program writes, reads as DEFAULT: it is left to the evaluator.
        let may = |min: i64, max: i64| max > 8 || ranks.iter().any(|rank| (min..=max).contains(rank));
        let rows = self.by_page_numbers(leaves(columns::SEVERITY).start, may);
        rows.map_or_else(|| within.clone(), |rows| within.and(&rows))
    }

    /// Rows of the pages whose smallest and largest number pass.
    fn by_page_numbers(&self, leaf: usize, passes: impl Fn(i64, i64) -> bool) -> Option<Ranges> {
        let index = self.opened.footer.metadata.page_index()?;
        let bounds: Vec<(i64, i64)> = match index.column_index(self.group, leaf)? {
            ColumnIndexMetaData::INT64(pages) => (0..usize::try_from(pages.num_pages()).ok()?)
                .map(|page| Some((*pages.min_value(page)?, *pages.max_value(page)?)))
                .collect::<Option<_>>()?,
            ColumnIndexMetaData::INT32(pages) => (0..usize::try_from(pages.num_pages()).ok()?)
                .map(|page| Some((i64::from(*pages.min_value(page)?), i64::from(*pages.max_value(page)?))))
                .collect::<Option<_>>()?,
            _ => return None,
        };
        let locations = self.locations(leaf)?;
        if locations.len() != bounds.len() {
            return None;
        }
        let mut rows = Ranges::NONE;
        for (page, (min, max)) in bounds.into_iter().enumerate() {
            if passes(min, max) {
                rows.push(self.page_rows(locations, page));
            }
        }
        Some(rows)
    }

    fn locations(&self, leaf: usize) -> Option<&[PageLocation]> {
        let index = self.opened.footer.metadata.page_index()?;
        Some(index.offset_index(self.group, leaf)?.page_locations())
    }

    fn page_rows(&self, locations: &[PageLocation], page: usize) -> Range<usize> {
        let start = |location: &PageLocation| usize::try_from(location.first_row_index).unwrap_or(usize::MAX);
        let end = locations.get(page + 1).map_or_else(|| self.opened.footer.group_rows(self.group), start);
        start(&locations[page])..end
    }

    /// Rows whose texts in a leaf column may pass.
    fn probe(&self, leaf: usize, probe: &Probe, within: &Ranges) -> Result<Ranges, SegmentError> {
        if matches!(probe, Probe::Open) || within.is_empty() {
            return Ok(within.clone());
        }
        let footer = &self.opened.footer;
        let notes = footer.notes.get(self.group);
        if let Some(Some(alphabet)) = notes.and_then(|notes| notes.alphabets.get(leaf))
            && !probe.may_be_of(alphabet)
        {
            return Ok(Ranges::NONE);
        }
        if let Probe::Exact(needle) = probe
            && !self.chunk_may_have(leaf, needle.needle())?
        {
            return Ok(Ranges::NONE);
        }
        self.probe_pages(leaf, probe, within)
    }

    /// Whether a chunk's statistics and filter leave it open that it has this value.
    fn chunk_may_have(&self, leaf: usize, value: &[u8]) -> Result<bool, SegmentError> {
        let chunk = self.opened.footer.metadata.row_group(self.group).column(leaf);
        // Elements of lists and maps have statistics over all rows, too.
        if let Some(statistics) = chunk.statistics()
            && let (Some(min), Some(max)) = (statistics.min_bytes_opt(), statistics.max_bytes_opt())
            && (value < min || value > max)
        {
            return Ok(false);
        }
        let place = |offset: i64, length: i32| {
            let (offset, length) = (u64::try_from(offset).ok()?, u64::try_from(length).ok()?);
            Some(offset..offset.checked_add(length)?)
        };
        let filter = chunk.bloom_filter_offset().zip(chunk.bloom_filter_length());
        let Some(range) = filter.and_then(|(offset, length)| place(offset, length)) else { return Ok(true) };
        let bytes = self.read(std::slice::from_ref(&range))?;
        let Some(bytes) = bytes.first() else { return Ok(true) };
        Ok(Sbbf::from_bytes(bytes).map_err(|e| self.damaged(e))?.check(value))
    }

    fn probe_pages(&self, leaf: usize, probe: &Probe, within: &Ranges) -> Result<Ranges, SegmentError> {
        let Some(locations) = self.locations(leaf).filter(|locations| !locations.is_empty()) else {
            return Ok(within.clone());
        };
        let scratch = &mut *self.scratch.borrow_mut();
        let chunk = self.opened.footer.metadata.row_group(self.group).column(leaf);
        let (start, _) = chunk.byte_range();
        let first = u64::try_from(locations[0].offset).unwrap_or(start);
        let mut in_dictionary = true;
        if start < first {
            in_dictionary = false;
            self.pages(leaf, start..first, |_, page| in_dictionary |= probe.may_be_in(page.buffer(), scratch))?;
            let numbered = self.opened.footer.is_numbered(self.group, leaf);
            if numbered {
                return Ok(if in_dictionary { within.clone() } else { Ranges::NONE });
            }
        }
        let mut found = Ranges::NONE;
        for run in self.runs(locations, within) {
            let place = |location: &PageLocation| u64::try_from(location.offset).unwrap_or_default();
            let last = &locations[run.end - 1];
            let end = place(last) + u64::try_from(last.compressed_page_size).unwrap_or_default();
            self.pages(leaf, place(&locations[run.start])..end, |at, page| {
                let may = match page.encoding() {
                    Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => in_dictionary,
                    Encoding::PLAIN | Encoding::DELTA_LENGTH_BYTE_ARRAY => probe.may_be_in(page.buffer(), scratch),
                    // Texts may lie in pieces.
                    _ => true,
                };
                if may && run.start + at < run.end {
                    found.push(self.page_rows(locations, run.start + at));
                }
            })?;
        }
        Ok(within.and(&found))
    }

    /// Runs of neighbouring pages that have rows in `within`.
    fn runs(&self, locations: &[PageLocation], within: &Ranges) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for page in 0..locations.len() {
            if !within.touches(&self.page_rows(locations, page)) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.end == page => run.end = page + 1,
                _ => runs.push(page..page + 1),
            }
        }
        runs
    }

    /// Decompresses the pages that lie in `range` of the file, one after the other.
    fn pages(&self, leaf: usize, range: Range<u64>, mut each: impl FnMut(usize, Page)) -> Result<(), SegmentError> {
        let told = |error: ParquetError| self.damaged(error);
        let bytes = self.read(std::slice::from_ref(&range))?.into_iter().next().unwrap_or_default();
        let length = i64::try_from(range.end - range.start).map_err(|e| self.damaged(e))?;
        let offset = i64::try_from(range.start).map_err(|e| self.damaged(e))?;
        let footer = &self.opened.footer;
        // As if the chunk consisted of these pages only.
        let chunk = footer.metadata.row_group(self.group).column(leaf).clone().into_builder();
        let chunk = chunk.set_dictionary_page_offset(None).set_data_page_offset(offset);
        let chunk = chunk.set_total_compressed_size(length).clear_statistics().build().map_err(told)?;
        let window = Arc::new(Window { start: range.start, bytes });
        let mut reader =
            SerializedPageReader::new(window, &chunk, footer.group_rows(self.group), None).map_err(told)?;
        let mut at = 0;
        while let Some(page) = reader.get_next_page().map_err(told)? {
            each(at, page);
            at += 1;
        }
        Ok(())
    }
}

/// The number that a value is for a column of numbers.
fn number(column: usize, value: &Value) -> Option<i64> {
    match (column, value) {
        // `=` on `seq` is textual: only the usual spelling may be a number.
        (columns::SEQ, Value::Text(text)) => text.parse().ok().filter(|n: &i64| *n >= 0 && n.to_string() == *text),
        (columns::TIMESTAMP | columns::RECEIVED_AT, Value::Time(time)) => Some(time.as_nanos()),
        (columns::TIMESTAMP | columns::RECEIVED_AT, Value::Text(text)) => {
            Timestamp::parse(text).ok().map(Timestamp::as_nanos)
        }
        _ => None,
    }
}

/// A part of a file.
struct Window {
    start: u64,
    bytes: Bytes,
}

impl Window {
    fn at(&self, start: u64) -> Result<usize, ParquetError> {
        let at = start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        at.filter(|at| *at <= self.bytes.len()).ok_or_else(|| ParquetError::EOF("a page lies elsewhere".to_owned()))
    }
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Window {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(self.bytes.slice(self.at(start)?..).reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let at = self.at(start)?;
        let end = at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| ParquetError::EOF("a page is longer than its place".to_owned()))?;
        Ok(self.bytes.slice(at..end))
    }
}
