//! Putting the directory right: exactly the positions of what goes, or behind the head, or nothing.

use super::*;
use crate::store::{Left, LeftFile, Patch, Replaced, Seal, SealedSpan, Segment, SegmentId};

fn segment(id: u64, bytes: u64) -> Segment {
    let name = format!("{id:010}-00c0ffee.parquet");
    Segment { id: SegmentId(id), name, level: 0, rank: id, rows: 9, bytes, made_at: time(id) }
}

fn sealed(id: u64, name: &str, first: u64, rows: u32, offset: u32) -> SealedSpan {
    SealedSpan {
        span: Span { place: Place::Segment(SegmentId(id)), ..span(0, name, first, rows, offset) },
        received_max: time(first + 1000),
        summary: Bytes::from_static(b"s"),
    }
}

fn patch(segments: Vec<Segment>, gone: &[(&str, u64)], spans: Vec<SealedSpan>) -> Commit {
    let gone = gone.iter().map(|(name, first)| (project(name), Position(*first))).collect();
    Commit { patch: Some(Patch { segments, gone, spans }), ..Commit::default() }
}

pub(super) async fn cases(store: Arc<dyn Store>) {
    // A log of `a`: 1 to 4 in a segment, 5 and 6 fresh.
    store.commit(group(1, vec![span(1, "a", 1, 4, 0)])).await.unwrap();
    let seal = Seal { segment: segment(1, 9), spans: vec![sealed(1, "a", 1, 4, 0)], replaces: Replaced::Groups(1..=1) };
    store.commit(Commit { seal: Some(seal), ..Commit::default() }).await.unwrap();
    store.commit(group(2, vec![span(2, "a", 5, 2, 0)])).await.unwrap();
    let gap = || vec![segment(2, 0)];
    for wrong in [
        // A hole behind the head, a position twice, one that nobody gave up, less and more than what goes, fresh events, a span that
        // is not there.
        patch(gap(), &[], vec![sealed(2, "a", 8, 2, 0)]),
        patch(gap(), &[], vec![sealed(2, "a", 7, 2, 0), sealed(2, "a", 8, 2, 0)]),
        patch(gap(), &[], vec![sealed(2, "a", 6, 2, 0)]),
        patch(gap(), &[("a", 1)], vec![sealed(2, "a", 1, 3, 0)]),
        patch(gap(), &[("a", 1)], vec![sealed(2, "a", 1, 5, 0)]),
        patch(gap(), &[("a", 5)], vec![sealed(2, "a", 5, 2, 0)]),
        patch(gap(), &[("a", 2)], vec![sealed(2, "a", 2, 1, 0)]),
        patch(gap(), &[], vec![sealed(2, "b", 3, 2, 0), sealed(2, "b", 6, 2, 0)]),
    ] {
        let told = format!("{wrong:?}");
        let refused = store.commit(wrong).await;
        assert!(matches!(refused, Err(StoreError::Mismatch(_))), "{told}: {refused:?}");
        assert_eq!(store.heads().await.unwrap().0, [head("a", 6)], "{told}");
        assert_eq!(store.segments().await.unwrap().len(), 1, "{told}");
    }
    // Behind the head, and the beginning of another project.
    store.commit(patch(gap(), &[], vec![sealed(2, "a", 7, 4, 0), sealed(2, "b", 3, 2, 0)])).await.unwrap();
    let begun = Head { first: Position(3), ..head("b", 4) };
    assert_eq!(store.heads().await.unwrap().0, [head("a", 10), begun]);
    assert!(store.commit(group(3, vec![span(3, "a", 7, 1, 0)])).await.is_err());
    store.commit(group(3, vec![span(3, "a", 11, 1, 0)])).await.unwrap();
    // In the middle of what goes, with a rest on both sides; the segment that loses its last span goes, its file is not ours to remove.
    let spans =
        vec![sealed(2, "a", 7, 1, 0), sealed(3, "a", 8, 2, 5), sealed(2, "a", 10, 1, 3), sealed(3, "a", 1, 4, 0)];
    store.commit(patch(vec![segment(3, 9)], &[("a", 1), ("a", 7)], spans.clone())).await.unwrap();
    assert_eq!(store.segment(SegmentId(1)).await.unwrap(), None);
    assert_eq!(store.left_files().await.unwrap(), Vec::<LeftFile>::new());
    assert_eq!(store.segment_spans(SegmentId(3)).await.unwrap(), [spans[3].clone(), spans[1].clone()]);
    let rest = [spans[0].clone(), spans[2].clone(), sealed(2, "b", 3, 2, 0)];
    assert_eq!(store.segment_spans(SegmentId(2)).await.unwrap(), rest);
    // A gap that expires leaves no file behind.
    let expire = vec![crate::store::Expire { project: project("b"), through: Position(4) }];
    store.commit(Commit { expire, ..Commit::default() }).await.unwrap();
    assert_eq!(store.left_files().await.unwrap().iter().filter(|file| file.why == Left::Expired).count(), 0);
}
