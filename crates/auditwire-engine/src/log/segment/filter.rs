//! Which rows of a row group an expression selects, reading as little as can be: terms are decided one by one, cheap ones
//! first, each only where the others leave it open; a term looks at statistics, filters and raw pages before it decodes
//! its column.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_schema::ArrowError;
use auditwire_model::event::columns;
use auditwire_model::query::{Expr, Field, Op, Value, evaluate};

use super::SegmentError;
use super::decode::{Decoding, blank};
use super::layout::{PAGE_ROWS, leaves};
use super::open::{Opened, Tally};
use super::ranges::Ranges;

/// About the most bytes that are decoded at once to decide a term.
const DECODE_BYTES: usize = 8 << 20;

/// Where rows are numbers, so many that need not be decided are decoded with those around them.
const BRIDGED_ROWS: usize = 64;

/// Decides expressions on one row group.
pub(super) struct Filter<'s> {
    pub(super) opened: &'s Opened,
    pub(super) group: usize,
    pub(super) tally: &'s Tally,
    /// Where pages are folded.
    pub(super) scratch: RefCell<Vec<u8>>,
}

impl Filter<'_> {
    /// The rows within `within` that `expr` selects.
    pub(super) fn select(&self, expr: &Expr, within: &Ranges) -> Result<Ranges, SegmentError> {
        if within.is_empty() {
            return Ok(Ranges::NONE);
        }
        match expr {
            Expr::All => Ok(within.clone()),
            Expr::And(terms) => {
                let mut terms: Vec<&Expr> = terms.iter().collect();
                terms.sort_by_key(|term| cost(term));
                // First what statistics, filters and raw pages leave of all terms, then each term exactly.
                let mut left = within.clone();
                for term in &terms {
                    left = self.candidates(term, &left)?;
                }
                terms.into_iter().try_fold(left, |left, term| self.select(term, &left))
            }
            Expr::Or(terms) => {
                let mut terms: Vec<&Expr> = terms.iter().collect();
                terms.sort_by_key(|term| cost(term));
                terms.into_iter().try_fold(Ranges::NONE, |found, term| {
                    let more = self.select(term, &within.without(&found))?;
                    Ok(found.or(&more))
                })
            }
            Expr::Not(term) => Ok(within.without(&self.select(term, within)?)),
            Expr::Word(word) if word.is_empty() => Ok(within.clone()),
            Expr::Word(word) => expr.columns().iter().try_fold(Ranges::NONE, |found, column| {
                let open = self.column_candidates(expr, column, &within.without(&found))?;
                let text = Expr::Compare(Field::Column(column), Op::Contains, Value::Text(word.clone()));
                // Where a column holds several texts the word itself is evaluated; the other columns are blank.
                let term = if is_text(column) { &text } else { expr };
                Ok(found.or(&self.exactly(term, column, &open)?))
            }),
            Expr::Compare(field, ..) | Expr::Exists(field) => {
                self.exactly(expr, column_of(field), &self.candidates(expr, within)?)
            }
        }
    }

    /// Decodes a column where it is open, and decides.
    fn exactly(&self, expr: &Expr, column: usize, open: &Ranges) -> Result<Ranges, SegmentError> {
        if let Some(decided) = self.decided(expr, open) {
            return Ok(decided);
        }
        let numbered = self.is_numbered(column);
        let mut found = Ranges::NONE;
        // Numbers are decoded quicker than they are jumped over.
        let wide = if numbered || is_number(column) { &open.bridged(BRIDGED_ROWS) } else { open };
        for piece in wide.pieces(self.rows_at_once(column), PAGE_ROWS) {
            let batch = self.decode(&piece, vec![column], numbered)?;
            self.tally.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            let selected = match batch.column(column).as_dictionary_opt::<Int32Type>() {
                Some(_) => by_number(expr, column, &batch).map_err(|e| self.damaged(e))?,
                None => evaluate(expr, &batch),
            };
            piece.select(&selected).iter().for_each(|range| found.push(range));
        }
        Ok(found.and(open))
    }

    /// Some columns of some rows, in order.
    pub(super) fn decode(
        &self,
        rows: &Ranges,
        columns: Vec<usize>,
        numbered: bool,
    ) -> Result<RecordBatch, SegmentError> {
        let decoding = Decoding::new(&self.opened.footer, self.group, columns, rows.selection(), numbered)?;
        let read = self.read(&decoding.ranges)?;
        decoding.finish(read)
    }

    pub(super) fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<bytes::Bytes>, SegmentError> {
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        // A job works on one row group.
        self.tally.row_groups.store(1, Ordering::Relaxed);
        self.opened.read(self.group, ranges, self.tally)
    }

    pub(super) fn damaged(&self, detail: impl ToString) -> SegmentError {
        SegmentError::damaged(&self.opened.footer.name, detail)
    }

    /// True if all pages of a text column hold numbers into its dictionary.
    pub(super) fn is_numbered(&self, column: usize) -> bool {
        is_text(column) && leaves(column).next().is_some_and(|leaf| self.opened.footer.is_numbered(self.group, leaf))
    }

    fn rows_at_once(&self, column: usize) -> usize {
        self.opened.footer.rows_in(self.group, &[column], DECODE_BYTES)
    }
}

/// True for columns of one text each (and of numbers, which no word is looked for in).
fn is_text(column: usize) -> bool {
    !matches!(column, columns::SUBJECT_METADATA | columns::RESOURCE_METADATA | columns::LABELS)
}

/// True for columns of numbers.
fn is_number(column: usize) -> bool {
    matches!(
        column,
        columns::SEQ
            | columns::TIMESTAMP
            | columns::RECEIVED_AT
            | columns::SEVERITY
            | columns::PLANE
            | columns::OUTCOME
    )
}

/// The column that a field is in.
pub(super) fn column_of(field: &Field) -> usize {
    match field {
        Field::Column(column) => *column,
        Field::SubjectMetadata(_) => columns::SUBJECT_METADATA,
        Field::ResourceMetadata(_) => columns::RESOURCE_METADATA,
    }
}

/// How dear it is to decide a term: numbers first, then words of few values, then the long texts.
fn cost(expr: &Expr) -> u32 {
    match expr {
        Expr::All => 0,
        Expr::And(terms) | Expr::Or(terms) => terms.iter().map(cost).max().unwrap_or_default(),
        Expr::Not(term) => cost(term),
        Expr::Compare(field, ..) | Expr::Exists(field) => match column_of(field) {
            columns::SEQ | columns::TIMESTAMP | columns::RECEIVED_AT => 1,
            columns::SEVERITY | columns::PLANE | columns::OUTCOME => 2,
            columns::ACTION | columns::SOURCE_ID | columns::RESOURCE_TYPE | columns::STATUS_CODE => 3,
            columns::MESSAGE | columns::SUBJECT_METADATA | columns::RESOURCE_METADATA | columns::LABELS => 5,
            _ => 4,
        },
        Expr::Word(_) => 6,
    }
}

/// Decides a term on a column of numbers into a dictionary: once for each text, and once for none.
fn by_number(expr: &Expr, column: usize, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
    let numbers = batch.column(column).as_dictionary::<Int32Type>();
    let texts = numbers.values().len();
    let padded: ArrayRef = {
        let none = arrow_array::new_null_array(numbers.values().data_type(), 1);
        arrow_select::concat::concat(&[numbers.values().as_ref(), none.as_ref()])?
    };
    let (schema, mut arrays, _) = blank(texts + 1).into_parts();
    let required = !schema.field(column).is_nullable();
    // Not even a required column may refuse the row that stands for none.
    arrays[column] = if required { padded.slice(0, texts) } else { padded };
    if required {
        arrays = arrays.into_iter().map(|array| array.slice(0, texts)).collect();
    }
    let decided = evaluate(expr, &RecordBatch::try_new(schema, arrays)?);
    let none = !required && decided.value(texts);
    let keys = numbers.keys();
    let value = |row: usize| match keys.is_valid(row).then(|| usize::try_from(keys.value(row)).ok()).flatten() {
        Some(key) if key < texts => decided.value(key),
        _ => none,
    };
    Ok(BooleanArray::new(BooleanBuffer::collect_bool(keys.len(), value), None))
}
