//! The quarantine: paged newest first, with what is left of the events, and cleared.

use super::*;
use crate::connections::{PAGE_MAX, QuarantinePage, delete_quarantined, quarantine};
use crate::records::{QuarantineDropped, QuarantineDroppedRecord, QuarantineRecord, Quarantined};

impl World {
    async fn set_aside(&self, id: &ConnectionId, seqs: impl IntoIterator<Item = u64>) {
        for seq in seqs {
            let seq = Position(seq);
            let entry = Quarantined { seq, reason: format!("too large: {seq}"), at: self.clock.now(), replay: None };
            let record = QuarantineRecord::from(entry);
            self.write(RecordKind::Quarantine, &Quarantined::record_id(id, seq), record).await;
        }
    }

    async fn quarantine(&self, id: &ConnectionId, before: Option<u64>, limit: usize) -> QuarantinePage {
        let before = before.map(Position);
        quarantine(&self.engine, &self.caller, &self.project, id.as_str(), before, limit).await.unwrap()
    }

    async fn clear(&self, id: &ConnectionId, seqs: Option<&[u64]>) -> usize {
        let seqs: Option<Vec<_>> = seqs.map(|seqs| seqs.iter().copied().map(Position).collect());
        delete_quarantined(&self.engine, &self.caller, &self.project, id.as_str(), seqs.as_deref()).await.unwrap()
    }
}

fn seqs(page: &QuarantinePage) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.quarantined.seq.0).collect()
}

#[tokio::test]
async fn entries_are_paged_newest_first_with_their_events() {
    let world = World::new().await;
    let (one, other) = (world.create("one").await.stored.id, world.create("other").await.stored.id);
    world.post(5).await;
    world.set_aside(&one, [3, 4, 5, 1_000_000]).await;
    world.set_aside(&other, [4]).await;

    let first = world.quarantine(&one, None, 3).await;
    assert_eq!(
        (seqs(&first), first.next, first.total, first.dropped),
        (vec![1_000_000, 5, 4], Some(Position(4)), 4, 0)
    );
    assert_eq!(first.entries[0].event, None, "the log has no such event");
    let (action, _) = first.entries[1].event.clone().unwrap();
    assert_eq!((action.as_str(), first.entries[1].quarantined.reason.as_str()), ("create-vm", "too large: 5"));
    let second = world.quarantine(&one, Some(4), 3).await;
    assert_eq!((seqs(&second), second.next, second.total), (vec![3], None, 4));
    let exactly = world.quarantine(&one, None, 4).await;
    assert_eq!((exactly.entries.len(), exactly.next), (4, None));
    assert_eq!(seqs(&world.quarantine(&other, None, PAGE_MAX).await), [4]);

    world
        .write(
            RecordKind::QuarantineDropped,
            one.as_str(),
            QuarantineDroppedRecord::from(QuarantineDropped { count: 7 }),
        )
        .await;
    assert_eq!(world.quarantine(&one, None, 1).await.dropped, 7);
    for (limit, code) in [(0, "invalid_limit"), (PAGE_MAX + 1, "invalid_limit")] {
        let refused = quarantine(&world.engine, &world.caller, &world.project, one.as_str(), None, limit).await;
        assert_eq!(refused.unwrap_err().code, code);
    }
    let unknown = quarantine(&world.engine, &world.caller, &world.project, "c-unknown", None, 1).await;
    assert_eq!(unknown.unwrap_err().code, "connection_not_found");
}

#[tokio::test]
async fn entries_are_cleared_by_name_or_all_at_once_and_it_is_told() {
    let world = World::new().await;
    let (one, other) = (world.create("one").await.stored.id, world.create("other").await.stored.id);
    world.set_aside(&one, 1..=5).await;
    world.set_aside(&other, 1..=2).await;
    let before = world.head();
    assert_eq!(world.clear(&one, Some(&[2, 4, 99])).await, 2);
    assert_eq!(seqs(&world.quarantine(&one, None, 10).await), [5, 3, 1]);
    assert_eq!(world.clear(&one, Some(&[])).await, 0);
    assert_eq!(world.head(), before + 1, "what changes nothing is not told");
    assert_eq!(world.clear(&one, None).await, 3);
    assert_eq!(world.quarantine(&one, None, 10).await.total, 0);
    assert_eq!(world.quarantine(&other, None, 10).await.total, 2);
    let told = world.engine.log.event(&world.project, Position(world.head())).await.unwrap().unwrap();
    assert_eq!(auditwire_model::event::view(&told, 0).action, "siem-quarantine-delete");

    let reader = world.token(&[Scope::Read]);
    let refused = delete_quarantined(&world.engine, &reader, &world.project, other.as_str(), None).await.unwrap_err();
    assert_eq!(refused.code, "forbidden");
    let ids = [other.to_string()];
    super::super::delete(&world.engine, &world.caller, &world.project, &ids, None).await.unwrap();
    let range = Quarantined::record_ids(&other);
    let left = world.engine.store.record_ids(RecordKind::Quarantine, &world.project, [&range[0], &range[1]]).await;
    assert_eq!(left.unwrap(), Vec::<String>::new(), "it goes with its connection");
}
