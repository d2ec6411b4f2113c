//! The newest events in memory, per project, bounded over all projects. Readers at the end of the log (senders, live
//! tails, the first page of a search) are served from here without reading the store.
//!
//! A batch of one row costs 5–9 KB, so small ones are merged as they come: a new batch absorbs its neighbours that are
//! not larger than itself, so each event is copied a logarithmic number of times until its batch is of full size.

use std::collections::{BTreeSet, HashMap, VecDeque};

use arrow_array::{Array, RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use auditwire_model::event::schema;
use auditwire_model::{Position, ProjectId};

/// From either size on a batch is left as it is.
const FULL_ROWS: usize = 1024;
const FULL_BYTES: usize = 1 << 20;

/// Consecutive events of one project.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// Position of the first row.
    pub(crate) first: Position,
    /// The rows.
    pub(crate) batch: RecordBatch,
    /// What the rows hold in memory.
    pub(crate) bytes: usize,
}

impl Piece {
    /// Position of the last row.
    pub(crate) fn last(&self) -> Position {
        Position(self.first.0 + self.batch.num_rows() as u64 - 1)
    }

    fn is_full(&self) -> bool {
        self.batch.num_rows() >= FULL_ROWS || self.bytes >= FULL_BYTES
    }
}

#[derive(Debug)]
struct Kept {
    piece: Piece,
    /// The commit that wrote its newest row; over all projects the lowest goes first.
    age: u64,
}

/// The tail of all projects.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes_max: usize,
    bytes: usize,
    commits: u64,
    projects: HashMap<ProjectId, VecDeque<Kept>>,
    /// The oldest piece of every project.
    fronts: BTreeSet<(u64, ProjectId)>,
}

impl Tail {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, commits: 0, projects: HashMap::new(), fronts: BTreeSet::new() }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The piece that holds a position.
    pub(crate) fn find(&self, project: &ProjectId, position: Position) -> Option<&Piece> {
        let pieces = self.projects.get(project)?;
        let after = pieces.partition_point(|kept| kept.piece.first <= position);
        let piece = &pieces.get(after.checked_sub(1)?)?.piece;
        (position <= piece.last()).then_some(piece)
    }

    /// Adds the rows of one commit, which follow the project's last position. `shared` says that the batch is a slice
    /// of one that holds other projects' rows, too: it is copied, so that it does not hold those in memory.
    pub(crate) fn push(
        &mut self,
        project: &ProjectId,
        first: Position,
        batch: RecordBatch,
        shared: bool,
    ) -> Result<(), ArrowError> {
        self.commits += 1;
        let pieces = self.projects.entry(project.clone()).or_default();
        if let Some(front) = pieces.front() {
            self.fronts.remove(&(front.age, project.clone()));
        }
        let mut absorbed = Vec::new();
        let mut rows = batch.num_rows();
        while let Some(kept) = pieces.pop_back_if(|k| !k.piece.is_full() && k.piece.batch.num_rows() <= rows) {
            rows += kept.piece.batch.num_rows();
            self.bytes -= kept.piece.bytes;
            absorbed.push(kept.piece);
        }
        let piece = merge(absorbed, first, batch, shared)?;
        self.bytes += piece.bytes;
        pieces.push_back(Kept { piece, age: self.commits });
        if let Some(front) = pieces.front() {
            self.fronts.insert((front.age, project.clone()));
        }
        self.shrink();
        Ok(())
    }

    fn shrink(&mut self) {
        while self.bytes > self.bytes_max {
            let Some((_, project)) = self.fronts.pop_first() else { return };
            let Some(pieces) = self.projects.get_mut(&project) else { continue };
            if let Some(kept) = pieces.pop_front() {
                self.bytes -= kept.piece.bytes;
            }
            match pieces.front() {
                Some(front) => drop(self.fronts.insert((front.age, project))),
                None => drop(self.projects.remove(&project)),
            }
        }
    }
}

/// One piece of the absorbed ones (newest first) and the new batch.
fn merge(absorbed: Vec<Piece>, first: Position, batch: RecordBatch, shared: bool) -> Result<Piece, ArrowError> {
    let first = absorbed.last().map_or(first, |piece| piece.first);
    let batch = if !absorbed.is_empty() {
        let in_order = absorbed.iter().rev().map(|piece| &piece.batch).chain([&batch]);
        concat_batches(&schema(), in_order)?
    } else if shared {
        let all = UInt32Array::from_iter_values(0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX));
        take_record_batch(&batch, &all)?
    } else {
        batch
    };
    let batch = exact(batch)?;
    // Exact because nothing is shared: the size counts whole buffers.
    let bytes = batch.get_array_memory_size();
    Ok(Piece { first, batch, bytes })
}

/// Gives back what the builders reserved beyond what they used.
fn exact(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let (schema, mut columns, _) = batch.into_parts();
    columns.iter_mut().for_each(|column| column.shrink_to_fit());
    RecordBatch::try_new(schema, columns)
}
