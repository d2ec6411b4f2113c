//! The duplicate window of one project: which ids it had lately, and where.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use auditwire_model::event::columns;
use auditwire_model::{Position, ProjectId, Timestamp};
use aws_lc_rs::digest::{SHA256, digest};
use hashbrown::HashTable;

use super::Shared;
use crate::store::{Order, StoreError};

/// First 8 bytes of the SHA-256 of an id, big-endian. Foreign ids cannot be chosen so that many of them meet.
pub(crate) fn hash_id(id: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest(&SHA256, id.as_bytes()).as_ref()[..8]);
    u64::from_be_bytes(first)
}

/// The recent ids of one project.
#[derive(Debug, Default)]
pub(crate) struct Window {
    recent: HashTable<(u64, u64)>,
}

impl Window {
    /// Positions whose ids have this hash.
    pub(crate) fn candidates(&self, hash: u64) -> Vec<Position> {
        self.recent.iter_hash(hash).filter(|(h, _)| *h == hash).map(|(_, p)| Position(*p)).collect()
    }

    /// Remembers an id.
    pub(crate) fn insert(&mut self, hash: u64, position: Position) {
        self.recent.insert_unique(hash, (hash, position.0), |(h, _)| *h);
    }

    /// Forgets an id whose commit failed.
    pub(crate) fn forget(&mut self, hash: u64, position: Position) {
        if let Ok(entry) = self.recent.find_entry(hash, |e| *e == (hash, position.0)) {
            entry.remove();
        }
    }
}

impl Window {
    /// Reads the window of a project back from its log; also says when its last event was received.
    pub(super) async fn load(
        shared: &Shared,
        project: &ProjectId,
        head: Position,
    ) -> Result<(Self, Timestamp), StoreError> {
        let mut window = Self::default();
        let mut received_at = Timestamp::EPOCH;
        let mut from = Position(head.0.saturating_sub(shared.settings.duplicate_events).max(1));
        while from <= head {
            let spans = shared.store.spans(project, from, head, Order::Ascending, 64).await?;
            let Some(last) = spans.last() else { break };
            from = last.last().next();
            for span in &spans {
                for batch in shared.reader.rows([span]).await? {
                    let seqs = batch.column(columns::SEQ).as_primitive::<UInt64Type>().values();
                    let ids = batch.column(columns::EVENT_ID).as_string::<i32>();
                    for (seq, id) in seqs.iter().zip(ids.iter().flatten()) {
                        window.insert(hash_id(id), Position(*seq));
                    }
                    let times = batch.column(columns::RECEIVED_AT).as_primitive::<Int64Type>().values();
                    received_at = times.last().and_then(|n| Timestamp::from_nanos(*n)).unwrap_or(received_at);
                }
            }
        }
        Ok((window, received_at))
    }
}
