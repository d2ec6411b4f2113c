//! A set of columns: what a reader needs, so that the others need not be decoded.

use super::schema::columns;

/// A set of column numbers of [`schema`](super::schema).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Columns(u32);

const COUNT: usize = columns::DIGEST + 1;

impl Columns {
    /// No column.
    pub const NONE: Self = Self(0);

    /// Every column of the schema.
    pub const ALL: Self = Self((1 << COUNT) - 1);

    /// These columns; a number that is no column counts for nothing.
    #[must_use]
    pub const fn of(columns: &[usize]) -> Self {
        let mut set = Self::NONE;
        let mut at = 0;
        while at < columns.len() {
            set = set.with(columns[at]);
            at += 1;
        }
        set
    }

    /// These and `column`.
    #[must_use]
    pub const fn with(self, column: usize) -> Self {
        if column < COUNT { Self(self.0 | 1 << column) } else { self }
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if `column` is among them.
    #[must_use]
    pub const fn contains(self, column: usize) -> bool {
        column < COUNT && self.0 & (1 << column) != 0
    }

    /// Their numbers, rising.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..COUNT).filter(move |column| self.contains(*column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given() {
        assert_eq!(Columns::ALL.iter().count(), super::super::schema().fields().len());
        assert_eq!(Columns::NONE.iter().next(), None);
        let two = Columns::of(&[columns::SEQ, columns::DIGEST, 99]);
        assert_eq!(two.iter().collect::<Vec<_>>(), [columns::SEQ, columns::DIGEST]);
        let three = two.union(Columns::NONE.with(columns::MESSAGE));
        assert!(three.contains(columns::MESSAGE) && !three.contains(columns::ACTION) && !three.contains(99));
    }
}
