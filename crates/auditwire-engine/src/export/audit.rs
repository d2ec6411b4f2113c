//! What the audit events of exports say.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use auditwire_model::event::columns;
use auditwire_model::query::Expr;
use auditwire_model::{Position, Timestamp};

use crate::audit::Audit;
use crate::store::Order;

/// What was handed out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    pub(super) rows: u64,
    /// Lowest and highest position.
    pub(super) range: Option<(Position, Position)>,
}

impl Taken {
    /// The events of a batch, in either order.
    pub(super) fn of(batch: &RecordBatch) -> Self {
        let seqs = batch.column(columns::SEQ).as_primitive::<UInt64Type>().values();
        let ends = seqs.first().zip(seqs.last());
        let range = ends.map(|(one, other)| (Position(*one.min(other)), Position(*one.max(other))));
        Self { rows: seqs.len() as u64, range }
    }

    /// More events.
    pub(super) fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.range = match (self.range, other.range) {
            (Some((first, last)), Some((low, high))) => Some((first.min(low), last.max(high))),
            (mine, others) => mine.or(others),
        };
    }

    /// Says how much it was, and from where to where.
    pub(super) fn told(self, event: Audit) -> Audit {
        let event = event.with("rows", self.rows);
        match self.range {
            Some((first, last)) => event.with("first_seq", first).with("last_seq", last),
            None => event,
        }
    }
}

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) format: &'a str,
    pub(super) order: Order,
    pub(super) filter: Expr,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
}

impl Asked<'_> {
    /// Says which question it was.
    pub(super) fn told(self, event: Audit) -> Audit {
        let order = match self.order {
            Order::Ascending => "asc",
            Order::Descending => "desc",
        };
        let event = event.with("format", self.format).with("order", order).with("filter", self.filter);
        [("from", self.from), ("to", self.to)]
            .into_iter()
            .filter_map(|(name, time)| Some((name, time?)))
            .fold(event, |event, (name, time)| event.with(name, time))
    }
}

/// `1 event`, `2 events`.
pub(super) fn events(number: u64) -> String {
    if number == 1 { "1 event".to_owned() } else { format!("{number} events") }
}
