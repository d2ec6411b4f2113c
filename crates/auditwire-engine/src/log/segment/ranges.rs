//! Sets of rows of a row group, as ranges.

use std::ops::Range;

use arrow_array::BooleanArray;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

/// Rows of a row group: ranges that rise, do not touch each other, and are not empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ranges(Vec<Range<usize>>);

impl Ranges {
    /// No row.
    pub(super) const NONE: Self = Self(Vec::new());

    /// These rows.
    pub(super) fn one(range: Range<usize>) -> Self {
        Self(if range.is_empty() { Vec::new() } else { vec![range] })
    }

    /// True without any row.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many rows.
    pub(super) fn rows(&self) -> usize {
        self.0.iter().map(Range::len).sum()
    }

    /// The ranges, rising.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Range<usize>> {
        self.0.iter().cloned()
    }

    /// Appends a range that begins at or behind the end of the last one.
    pub(super) fn push(&mut self, range: Range<usize>) {
        match self.0.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => self.0.push(range),
        }
    }

    /// Rows in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let (mut both, mut at) = (Self::NONE, 0);
        for range in &self.0 {
            while other.0.get(at).is_some_and(|o| o.end <= range.start) {
                at += 1;
            }
            for o in other.0[at..].iter().take_while(|o| o.start < range.end) {
                both.push(range.start.max(o.start)..range.end.min(o.end));
            }
        }
        both
    }

    /// Rows in either.
    pub(super) fn or(&self, other: &Self) -> Self {
        let mut all: Vec<&Range<usize>> = self.0.iter().chain(&other.0).collect();
        all.sort_unstable_by_key(|range| range.start);
        let mut either = Self::NONE;
        all.into_iter().for_each(|range| either.push(range.clone()));
        either
    }

    /// Rows of these that are not in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut rest = Self::NONE;
        for range in &self.0 {
            let mut from = range.start;
            for o in other.0.iter().skip_while(|o| o.end <= range.start).take_while(|o| o.start < range.end) {
                rest.push(from..o.start.max(from));
                from = from.max(o.end);
            }
            rest.push(from..range.end.max(from));
        }
        rest
    }

    /// These rows, and those between two of them that are not more than `gap` rows apart.
    pub(super) fn bridged(&self, gap: usize) -> Self {
        let mut bridged: Vec<Range<usize>> = Vec::new();
        for range in &self.0 {
            match bridged.last_mut() {
                Some(last) if range.start - last.end <= gap => last.end = range.end,
                _ => bridged.push(range.clone()),
            }
        }
        Self(bridged)
    }

    /// True if one of the rows is in `range`.
    pub(super) fn touches(&self, range: &Range<usize>) -> bool {
        let next = self.0.partition_point(|r| r.end <= range.start);
        self.0.get(next).is_some_and(|r| r.start < range.end)
    }

    /// Those of these rows that `selected` selects; it has one value for each of them.
    pub(super) fn select(&self, selected: &BooleanArray) -> Self {
        let (mut found, mut ranges, mut before) = (Self::NONE, self.0.iter(), 0);
        let mut range = ranges.next();
        for (mut from, to) in selected.values().set_slices() {
            while let Some(r) = range.filter(|_| from < to) {
                if from >= before + r.len() {
                    before += r.len();
                    range = ranges.next();
                    continue;
                }
                let end = to.min(before + r.len());
                found.push(r.start + from - before..r.start + end - before);
                from = end;
            }
        }
        found
    }

    /// The first `rows` of them, or the last.
    pub(super) fn take(&self, rows: usize, last: bool) -> Self {
        let (mut taken, mut left) = (Vec::new(), rows);
        let mut take = |range: Range<usize>| {
            let length = range.len().min(left);
            left -= length;
            if length > 0 {
                taken.push(if last { range.end - length..range.end } else { range.start..range.start + length });
            }
            left > 0
        };
        if last {
            self.iter().rev().all(&mut take);
            taken.reverse();
        } else {
            self.iter().all(&mut take);
        }
        Self(taken)
    }

    /// Cuts them into pieces of at most `rows` rows, in order. Pieces end where pages do, as far as that leaves half of
    /// one, so that few pages are decoded twice.
    pub(super) fn pieces(&self, rows: usize, page: usize) -> Vec<Self> {
        let (mut pieces, mut piece, mut left) = (Vec::new(), Self::NONE, rows);
        for range in &self.0 {
            let mut from = range.start;
            while from < range.end {
                let page_end = (from / page + 1) * page;
                let to = range.end.min(from + left).min(page_end);
                piece.push(from..to);
                left -= to - from;
                if left == 0 || to == page_end && left * 2 <= rows {
                    pieces.push(std::mem::take(&mut piece));
                    left = rows;
                }
                from = to;
            }
        }
        if !piece.is_empty() {
            pieces.push(piece);
        }
        pieces
    }

    /// The first and the last row.
    pub(super) fn ends(&self) -> Option<(usize, usize)> {
        Some((self.0.first()?.start, self.0.last()?.end - 1))
    }

    /// In Parquet's words.
    pub(super) fn selection(&self) -> RowSelection {
        let (mut selectors, mut at) = (Vec::with_capacity(self.0.len() * 2), 0);
        for range in &self.0 {
            if range.start > at {
                selectors.push(RowSelector::skip(range.start - at));
            }
            selectors.push(RowSelector::select(range.len()));
            at = range.end;
        }
        selectors.into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ranges() -> impl Strategy<Value = Ranges> {
        prop::collection::btree_set(0..60_usize, 0..40).prop_map(|rows| {
            let mut ranges = Ranges::NONE;
            rows.into_iter().for_each(|row| ranges.push(row..row + 1));
            ranges
        })
    }

    fn set(ranges: &Ranges) -> BTreeSet<usize> {
        assert!(ranges.0.windows(2).all(|pair| pair[0].end < pair[1].start), "{ranges:?}");
        assert!(ranges.0.iter().all(|range| !range.is_empty()), "{ranges:?}");
        ranges.iter().flatten().collect()
    }

    proptest! {
        #[test]
        fn they_are_sets(a in ranges(), b in ranges(), n in 0..70_usize, last in any::<bool>(), probe in 0..60_usize) {
            let (x, y) = (set(&a), set(&b));
            prop_assert_eq!(set(&a.and(&b)), x.intersection(&y).copied().collect());
            prop_assert_eq!(set(&a.or(&b)), x.union(&y).copied().collect());
            prop_assert_eq!(set(&a.without(&b)), x.difference(&y).copied().collect());
            prop_assert_eq!(a.rows(), x.len());
            prop_assert_eq!(a.touches(&(probe..probe + 3)), (probe..probe + 3).any(|row| x.contains(&row)));
            let taken: BTreeSet<usize> =
                if last { x.iter().rev().take(n).copied().collect() } else { x.iter().take(n).copied().collect() };
            prop_assert_eq!(set(&a.take(n, last)), taken);
            let selected = BooleanArray::from(x.iter().map(|row| y.contains(row)).collect::<Vec<_>>());
            prop_assert_eq!(set(&a.select(&selected)), x.intersection(&y).copied().collect());
            let between = |row: &usize| {
                let (before, behind) = (x.range(..=*row).next_back(), x.range(*row..).next());
                before.zip(behind).is_some_and(|(before, behind)| behind - before <= 4)
            };
            prop_assert_eq!(set(&a.bridged(3)), (0..60).filter(between).collect());
            let pieces = a.pieces(7, 4);
            prop_assert!(pieces.iter().all(|piece| (1..=7).contains(&piece.rows())));
            prop_assert_eq!(pieces.iter().flat_map(Ranges::iter).flatten().collect::<Vec<_>>(), x.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(a.selection().row_count(), a.rows());
        }
    }
}
