//! Sealing, merging and expiring: all of it or nothing, and never other rows than those that are there.

use super::*;
use crate::store::{Expire, FileNote, Left, LeftFile, ProjectSize, Replaced, Seal, SealedSpan, Segment, SegmentId};

fn segment(id: u64, rows: u32) -> Segment {
    Segment {
        id: SegmentId(id),
        name: format!("{id:010}-00c0ffee.parquet"),
        level: u8::try_from(id).unwrap(),
        rank: 100 - id,
        rows,
        bytes: 1000 * id,
        made_at: time(id),
    }
}

fn sealed(id: u64, name: &str, first: u64, rows: u32, offset: u32) -> SealedSpan {
    SealedSpan {
        span: Span { place: Place::Segment(SegmentId(id)), ..span(0, name, first, rows, offset) },
        received_max: time(first + 1000),
        summary: Bytes::from(vec![0, 255, u8::try_from(first).unwrap()]),
    }
}

fn seal(id: u64, spans: Vec<SealedSpan>, replaces: Replaced) -> Commit {
    let rows = spans.iter().map(|sealed| sealed.span.rows).sum();
    Commit { seal: Some(Seal { segment: segment(id, rows), spans, replaces }), ..Commit::default() }
}

/// Three groups: 1 and 2 hold events of `a` and `b`, 3 of `a`.
async fn filled(store: &Arc<dyn Store>) {
    store.commit(group(1, vec![span(1, "a", 1, 3, 0), span(1, "b", 1, 2, 3)])).await.unwrap();
    store.commit(group(2, vec![span(2, "a", 4, 1, 0), span(2, "b", 3, 4, 1)])).await.unwrap();
    store.commit(group(3, vec![span(3, "a", 5, 2, 0)])).await.unwrap();
}

/// Seals the first two groups into segment 1.
fn first_two() -> Commit {
    seal(1, vec![sealed(1, "a", 1, 4, 0), sealed(1, "b", 1, 6, 4)], Replaced::Groups(1..=2))
}

async fn all_spans(store: &Arc<dyn Store>, name: &str) -> Vec<Span> {
    store.spans(&project(name), Position(1), Position(99), Order::Ascending, 99).await.unwrap()
}

pub(super) async fn groups(store: Arc<dyn Store>) {
    filled(&store).await;
    let fresh = store.fresh(99).await.unwrap();
    assert_eq!(
        fresh.iter().map(|span| span.place).collect::<Vec<_>>(),
        [1, 1, 2, 2, 3].map(|n| Place::Group(GroupId(n)))
    );
    assert_eq!(store.fresh(2).await.unwrap(), fresh[..2]);
    assert_eq!(store.segments().await.unwrap(), []);

    store.commit(first_two()).await.unwrap();
    let (a, b) = (sealed(1, "a", 1, 4, 0), sealed(1, "b", 1, 6, 4));
    assert_eq!(all_spans(&store, "a").await, [a.span.clone(), span(3, "a", 5, 2, 0)]);
    assert_eq!(all_spans(&store, "b").await, std::slice::from_ref(&b.span));
    assert_eq!(store.fresh(99).await.unwrap(), [span(3, "a", 5, 2, 0)]);
    assert_eq!(store.segment(SegmentId(1)).await.unwrap(), Some(segment(1, 10)));
    assert_eq!(store.segment(SegmentId(2)).await.unwrap(), None);
    assert_eq!(store.segments().await.unwrap(), [(segment(1, 10), 10)]);
    assert_eq!(store.segment_spans(SegmentId(1)).await.unwrap(), [a.clone(), b.clone()]);
    assert_eq!(store.sealed(&project("a"), Position(2), Position(99), 9).await.unwrap(), [a]);
    assert_eq!(store.sealed(&project("a"), Position(5), Position(99), 9).await.unwrap(), []);
    let size = |name: &str, rows| ProjectSize { project: project(name), rows, bytes: 7 };
    assert_eq!(store.sizes().await.unwrap(), [size("a", 4), size("b", 6)]);
    // The blobs are still there, and the heads where they were.
    assert_eq!(store.blobs(&[GroupId(1), GroupId(2)]).await.unwrap().len(), 2);
    assert_eq!(store.heads().await.unwrap(), (vec![head("a", 6), head("b", 6)], Some(GroupId(3))));
    store.commit(group(4, vec![span(4, "a", 7, 1, 0)])).await.unwrap();
}

pub(super) async fn mismatch(store: Arc<dyn Store>) {
    filled(&store).await;
    let before = (all_spans(&store, "a").await, all_spans(&store, "b").await);
    let b = || sealed(1, "b", 1, 6, 4);
    for wrong in [
        // Too few rows, too many, another beginning, a middle, rows of a group that is not named, rows nobody has.
        seal(1, vec![sealed(1, "a", 1, 2, 0)], Replaced::Groups(1..=2)),
        seal(1, vec![sealed(1, "a", 1, 5, 0)], Replaced::Groups(1..=3)),
        seal(1, vec![sealed(1, "a", 2, 3, 0)], Replaced::Groups(1..=2)),
        seal(1, vec![sealed(1, "b", 2, 5, 0)], Replaced::Groups(1..=2)),
        seal(1, vec![b(), sealed(1, "a", 1, 6, 0)], Replaced::Groups(1..=2)),
        seal(1, vec![b(), sealed(1, "a", 1, 4, 0)], Replaced::Segments(vec![SegmentId(1)])),
        seal(1, vec![sealed(1, "c", 1, 4, 0)], Replaced::Groups(1..=2)),
        seal(1, vec![sealed(1, "a", 7, 1, 0)], Replaced::Groups(1..=3)),
    ] {
        let told = format!("{wrong:?}");
        let refused = store.commit(wrong).await;
        assert!(matches!(refused, Err(StoreError::Mismatch(_))), "{told}: {refused:?}");
        assert_eq!((all_spans(&store, "a").await, all_spans(&store, "b").await), before, "{told}");
        assert_eq!(store.segments().await.unwrap(), [], "{told}");
    }
    store.commit(first_two()).await.unwrap();
    // A second one of the same rows comes too late.
    let twice = seal(2, vec![sealed(2, "a", 1, 4, 0)], Replaced::Groups(1..=2));
    assert!(matches!(store.commit(twice).await, Err(StoreError::Mismatch(_))));
}

pub(super) async fn merge(store: Arc<dyn Store>) {
    filled(&store).await;
    store.commit(first_two()).await.unwrap();
    store.commit(seal(2, vec![sealed(2, "a", 5, 2, 0)], Replaced::Groups(3..=3))).await.unwrap();
    let ranks: Vec<u64> = store.segments().await.unwrap().iter().map(|(segment, _)| segment.id.0).collect();
    assert_eq!(ranks, [2, 1]);
    // Only `a` moves: `b` keeps the first segment alive.
    let merged = |id| seal(id, vec![sealed(id, "a", 1, 6, 0)], Replaced::Segments(vec![SegmentId(1), SegmentId(2)]));
    store.commit(merged(3)).await.unwrap();
    assert_eq!(store.segments().await.unwrap(), [(segment(3, 6), 6), (segment(1, 10), 6)]);
    assert_eq!(store.segment_spans(SegmentId(1)).await.unwrap(), [sealed(1, "b", 1, 6, 4)]);
    assert_eq!(store.sealed(&project("a"), Position(1), Position(9), 9).await.unwrap(), [sealed(3, "a", 1, 6, 0)]);
    assert!(matches!(store.commit(merged(4)).await, Err(StoreError::Mismatch(_))));
    // A used number is refused.
    let again = seal(1, vec![sealed(1, "a", 1, 6, 0)], Replaced::Segments(vec![SegmentId(3)]));
    assert!(store.commit(again).await.is_err());
    assert_eq!(all_spans(&store, "a").await, [sealed(3, "a", 1, 6, 0).span]);
}

pub(super) async fn drop_groups(store: Arc<dyn Store>) {
    filled(&store).await;
    let drop = |through| Commit { drop_groups: Some(GroupId(through)), ..Commit::default() };
    assert!(matches!(store.commit(drop(1)).await, Err(StoreError::Mismatch(_))));
    store.commit(first_two()).await.unwrap();
    assert!(matches!(store.commit(drop(3)).await, Err(StoreError::Mismatch(_))));
    let left = async || store.blobs(&[GroupId(1), GroupId(2), GroupId(3)]).await.unwrap().len();
    assert_eq!(left().await, 3);
    let oldest = async |through, limit| store.oldest_groups(GroupId(through), limit).await.unwrap();
    assert_eq!(oldest(9, 9).await, [(GroupId(1), 6), (GroupId(2), 6)]);
    assert_eq!((oldest(1, 9).await.len(), oldest(9, 1).await.len(), oldest(0, 9).await.len()), (1, 1, 0));
    store.commit(drop(1)).await.unwrap();
    assert_eq!(left().await, 2);
    store.commit(seal(2, vec![sealed(2, "a", 5, 2, 0)], Replaced::Groups(3..=3))).await.unwrap();
    store.commit(drop(3)).await.unwrap();
    assert_eq!(left().await, 1);
    assert_eq!(store.heads().await.unwrap().1, Some(GroupId(3)));
    assert!(store.commit(group(3, vec![span(3, "a", 7, 1, 0)])).await.is_err());
    store.commit(group(4, vec![span(4, "a", 7, 1, 0)])).await.unwrap();
}

pub(super) async fn expire(store: Arc<dyn Store>) {
    filled(&store).await;
    let through = |name: &str, through| Commit {
        expire: vec![Expire { project: project(name), through: Position(through) }],
        ..Commit::default()
    };
    store.commit(first_two()).await.unwrap();
    for (name, wrong) in [("a", 3), ("a", 5), ("a", 6), ("b", 7), ("c", 1)] {
        let refused = store.commit(through(name, wrong)).await;
        assert!(matches!(refused, Err(StoreError::Mismatch(_))), "{name} {wrong}: {refused:?}");
    }
    store.commit(through("a", 4)).await.unwrap();
    assert_eq!(all_spans(&store, "a").await, [span(3, "a", 5, 2, 0)]);
    assert_eq!(store.sealed(&project("a"), Position(1), Position(9), 9).await.unwrap(), []);
    let (heads, _) = store.heads().await.unwrap();
    assert_eq!(heads, [Head { first: Position(5), ..head("a", 6) }, head("b", 6)]);
    assert_eq!(store.segments().await.unwrap(), [(segment(1, 10), 6)]);
    store.commit(through("b", 6)).await.unwrap();
    assert_eq!(store.segments().await.unwrap(), []);
    // The next position is what it would have been.
    store.commit(group(4, vec![span(4, "b", 7, 1, 0)])).await.unwrap();
    assert_eq!(store.heads().await.unwrap().0[1], Head { first: Position(7), ..head("b", 7) });
}

pub(super) async fn files(store: Arc<dyn Store>) {
    let name = |id| segment(id, 1).name;
    let left = |id, why| LeftFile { name: name(id), why };
    let note = |files| Commit { files, ..Commit::default() };
    let all = async || store.left_files().await.unwrap();
    filled(&store).await;
    store.commit(note(vec![FileNote::Writing(name(1)), FileNote::Writing(name(9))])).await.unwrap();
    assert_eq!(all().await, [left(1, Left::Writing), left(9, Left::Writing)]);
    // A seal that fails leaves the note: its file may be there.
    assert!(store.commit(seal(1, vec![sealed(1, "a", 1, 2, 0)], Replaced::Groups(1..=2))).await.is_err());
    assert_eq!(all().await.len(), 2);
    store.commit(first_two()).await.unwrap();
    store.commit(seal(2, vec![sealed(2, "a", 5, 2, 0)], Replaced::Groups(3..=3))).await.unwrap();
    assert_eq!(all().await, [left(9, Left::Writing)]);
    store.commit(note(vec![FileNote::Gone(name(9)), FileNote::Gone(name(8))])).await.unwrap();
    assert_eq!(all().await, []);
    // `b` keeps the first segment.
    let both = Replaced::Segments(vec![SegmentId(1), SegmentId(2)]);
    store.commit(seal(3, vec![sealed(3, "a", 1, 6, 0)], both)).await.unwrap();
    assert_eq!(all().await, [left(2, Left::Replaced)]);
    let expire = vec![Expire { project: project("b"), through: Position(6) }];
    store.commit(Commit { expire, ..Commit::default() }).await.unwrap();
    assert_eq!(all().await, [left(1, Left::Expired), left(2, Left::Replaced)]);
}

pub(super) async fn shrink(store: Arc<dyn Store>) {
    for n in 1..=40 {
        let mut commit = group(n, vec![span(n, "a", n, 1, 0)]);
        commit.group.as_mut().unwrap().blob = Bytes::from(vec![7; 50_000]);
        store.commit(commit).await.unwrap();
    }
    store.commit(seal(1, vec![sealed(1, "a", 1, 40, 0)], Replaced::Groups(1..=40))).await.unwrap();
    store.commit(Commit { drop_groups: Some(GroupId(40)), ..Commit::default() }).await.unwrap();
    for _ in 0..100 {
        if !store.shrink(100_000, 200_000).await.unwrap() {
            break;
        }
    }
    assert!(!store.shrink(100_000, 200_000).await.unwrap());
    assert!(store.stats().await.unwrap().free_bytes <= 110_000);
    assert_eq!(all_spans(&store, "a").await, [sealed(1, "a", 1, 40, 0).span]);
    assert_eq!(store.blobs(&[GroupId(40)]).await.unwrap(), [(GroupId(40), Bytes::from(vec![7; 50_000]))]);
}
