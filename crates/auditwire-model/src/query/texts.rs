//! Comparisons over whole columns of texts, which may be dictionaries: then each value is decided once.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};

use super::compare::TextTest;

/// The rows whose answer is asked for; all without it. What is answered for others does not count.
pub(super) type Within<'w> = Option<&'w BooleanBuffer>;

/// Below one row in so many, rows are looked at one by one.
const SPARSE: usize = 8;

/// True if looking at the asked rows one by one is cheaper than at all of them at once.
fn is_sparse(within: Within<'_>) -> bool {
    within.is_some_and(|rows| rows.count_set_bits() * SPARSE < rows.len())
}

/// True if the answer of `row` is asked for.
pub(super) fn asked(within: Within<'_>, row: usize) -> bool {
    within.is_none_or(|rows| rows.value(row))
}

/// A column of texts, each spelled out or as a number in a dictionary.
#[derive(Debug, Clone, Copy)]
pub(super) enum TextColumn<'b> {
    Plain(&'b StringArray),
    Dictionary(&'b PrimitiveArray<Int32Type>, &'b StringArray),
}

impl<'b> TextColumn<'b> {
    pub(super) fn of(array: &'b dyn Array) -> Self {
        match array.as_dictionary_opt::<Int32Type>() {
            Some(dictionary) => Self::Dictionary(dictionary.keys(), dictionary.values().as_string()),
            None => Self::Plain(array.as_string()),
        }
    }

    /// The text of a row; `None` when it has none.
    pub(super) fn get(&self, row: usize) -> Option<&'b str> {
        match self {
            Self::Plain(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Dictionary(keys, values) => {
                let key = keys.is_valid(row).then(|| usize::try_from(keys.value(row)).ok())??;
                (key < values.len() && values.is_valid(key)).then(|| values.value(key))
            }
        }
    }

    /// The rows whose text passes. A missing text does not.
    pub(super) fn select(&self, test: &TextTest<'_>, within: Within<'_>) -> BooleanBuffer {
        match self {
            Self::Plain(array) if is_sparse(within) => self.each(array.len(), test, within),
            Self::Plain(array) => plain(array, test),
            // A dictionary of a larger whole: most of its values are of other rows.
            Self::Dictionary(keys, values) if values.len() > keys.len() => self.each(keys.len(), test, within),
            Self::Dictionary(keys, values) => mapped(keys, &plain(values, test)),
        }
    }

    /// The rows that have a text.
    pub(super) fn present(&self) -> BooleanBuffer {
        match self {
            Self::Plain(array) => present(*array),
            Self::Dictionary(keys, values) => mapped(keys, &present(*values)),
        }
    }

    fn each(&self, rows: usize, test: &TextTest<'_>, within: Within<'_>) -> BooleanBuffer {
        let mut buffer = String::new();
        BooleanBuffer::collect_bool(rows, |row| {
            asked(within, row) && self.get(row).is_some_and(|text| test.passes(text, &mut buffer))
        })
    }
}

fn present(array: &dyn Array) -> BooleanBuffer {
    array.nulls().map_or_else(|| BooleanBuffer::new_set(array.len()), |nulls| nulls.inner().clone())
}

/// From an answer per value of a dictionary to one per row.
fn mapped(keys: &PrimitiveArray<Int32Type>, decided: &BooleanBuffer) -> BooleanBuffer {
    if decided.count_set_bits() == 0 {
        return BooleanBuffer::new_unset(keys.len());
    }
    let of_key = |key: i32| usize::try_from(key).is_ok_and(|key| key < decided.len() && decided.value(key));
    let numbers = keys.values();
    let rows = BooleanBuffer::collect_bool(keys.len(), |row| of_key(numbers[row]));
    valid(keys, rows)
}

/// Without the rows that have no value: their slots may hold anything.
fn valid(array: &dyn Array, rows: BooleanBuffer) -> BooleanBuffer {
    array.nulls().map_or(rows.clone(), |nulls| &rows & nulls.inner())
}

fn plain(array: &StringArray, test: &TextTest<'_>) -> BooleanBuffer {
    let (bytes, offsets) = (array.values().as_slice(), array.value_offsets());
    let rows = match test {
        TextTest::Contains(needle) => {
            let mut found = unset(array.len());
            needle.find_each(bytes, offsets, |row| found.set_bit(row, true));
            found.finish()
        }
        TextTest::Equal(value) => BooleanBuffer::collect_bool(array.len(), |row| array.value(row) == *value),
        _ => {
            let mut buffer = String::new();
            BooleanBuffer::collect_bool(array.len(), |row| test.passes(array.value(row), &mut buffer))
        }
    };
    valid(array, rows)
}

/// The rows of a list of which an element passes; row `n` has the elements from `offsets[n]` to `offsets[n + 1]`.
pub(super) fn any_element(elements: &dyn Array, offsets: &[i32], test: &TextTest<'_>) -> BooleanBuffer {
    let place = |at: usize| offsets.get(at).map_or(0, |offset| usize::try_from(*offset).unwrap_or(0));
    let rows = offsets.len().saturating_sub(1);
    let (base, end) = (place(0), place(rows));
    // A slice of a batch has the elements of the whole.
    let elements = elements.slice(base, end - base);
    let passed = TextColumn::of(&elements).select(test, None);
    let mut found = unset(rows);
    let mut row = 0;
    for element in passed.set_indices() {
        let ended = |offset: &i32| usize::try_from(*offset).unwrap_or(0) <= base + element;
        row += offsets.get(row + 1..).map_or(0, |ends| ends.partition_point(ended));
        found.set_bit(row, true);
    }
    found.finish()
}

fn unset(rows: usize) -> BooleanBufferBuilder {
    let mut builder = BooleanBufferBuilder::new(rows);
    builder.append_n(rows, false);
    builder
}
