//! The rows of groups in the order of a segment's file. Groups are read when they are needed and kept until their last row
//! was handed on: with one project that is one after the other, with many up to all that are sealed together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use auditwire_model::event::schema;
use futures_util::stream::{self, Stream};

use super::seal::{Piece, group_of};
use super::{blob, error};
use crate::error::Result;
use crate::store::{GroupId, Span, Store, StoreError};

/// Rows that are put together before they are handed on: single ones cost the writer more than many.
const PIECE_ROWS: usize = 4096;
/// About the most bytes of groups that are read at once.
const READ_BYTES: u64 = 4 << 20;

/// The rows of the spans, which are sorted by project and position and are all that their groups have; small ones of a
/// project are put together.
pub(super) fn pieces<'s>(store: &'s Arc<dyn Store>, spans: &'s [Span]) -> impl Stream<Item = Result<Piece>> + use<'s> {
    let mut rows: HashMap<GroupId, usize> = HashMap::new();
    for span in spans {
        if let Some(id) = group_of(span) {
            *rows.entry(id).or_default() += span.rows as usize;
        }
    }
    let groups = Groups { store, left: spans, rows, open: HashMap::new() };
    stream::try_unfold(groups, |mut groups| async move { Ok(groups.next().await?.map(|piece| (piece, groups))) })
}

struct Groups<'s> {
    store: &'s Arc<dyn Store>,
    /// Spans not handed on yet.
    left: &'s [Span],
    /// Rows of each group that are not handed on yet.
    rows: HashMap<GroupId, usize>,
    open: HashMap<GroupId, RecordBatch>,
}

impl Groups<'_> {
    async fn next(&mut self) -> Result<Option<Piece>> {
        let Some(first) = self.left.first() else { return Ok(None) };
        let (mut count, mut taken, mut next) = (0, 0, first.first);
        for span in self.left.iter().take_while(|span| span.project == first.project) {
            // On both sides of a gap there may be fresh events.
            if taken > 0 && (count + span.rows as usize > PIECE_ROWS || span.first != next) {
                break;
            }
            count += span.rows as usize;
            taken += 1;
            next = span.last().next();
        }
        let mut batches = Vec::with_capacity(taken);
        for _ in 0..taken {
            batches.extend(self.span().await?);
        }
        let batch = match batches.len() {
            1 => batches.swap_remove(0),
            _ => concat_batches(&schema(), &batches).map_err(error::defect)?,
        };
        Ok(Some((first.project.clone(), batch)))
    }

    /// The rows of the next span.
    async fn span(&mut self) -> Result<Option<RecordBatch>> {
        let Some((span, id)) = self.left.first().and_then(|span| Some((span, group_of(span)?))) else {
            return Ok(None);
        };
        if !self.open.contains_key(&id) {
            self.read().await?;
        }
        self.left = &self.left[1..];
        let length = span.rows as usize;
        let Some(group) = self.open.get(&id) else { return Err(damaged(id, "it is missing")) };
        let batch = group.slice(span.offset as usize, length);
        let rest = self.rows.get(&id).map_or(0, |rows| rows.saturating_sub(length));
        self.rows.insert(id, rest);
        if rest == 0 {
            self.open.remove(&id);
        }
        Ok(Some(batch))
    }

    /// Reads the next groups.
    async fn read(&mut self) -> Result<()> {
        let (mut ids, mut known, mut bytes) = (Vec::new(), HashSet::new(), 0);
        for span in self.left {
            let Some(id) = group_of(span).filter(|id| !self.open.contains_key(id) && known.insert(*id)) else {
                continue;
            };
            bytes += u64::from(span.blob_bytes);
            if !ids.is_empty() && bytes > READ_BYTES {
                break;
            }
            ids.push(id);
        }
        for (id, bytes) in self.store.blobs(&ids).await.map_err(error::read)? {
            let batch = blob::decode(&bytes, None).map_err(|e| damaged(id, &e.to_string()))?;
            // Every row of a group belongs to one of the spans: the blob goes when they are sealed.
            if self.rows.get(&id) != Some(&batch.num_rows()) {
                return Err(damaged(id, &format!("it has {} rows, its spans have not", batch.num_rows())));
            }
            self.open.insert(id, batch);
        }
        Ok(())
    }
}

fn damaged(id: GroupId, what: &str) -> crate::error::Error {
    error::read(StoreError::Damaged(format!("group {}: {what}", id.0)))
}
