//! What every store must do, as one suite. Each implementation runs [`CASES`], every case on a fresh store.
#![expect(clippy::unwrap_used, reason = "a case ends where something unexpected happens")]

mod patch;
mod seal;

use std::sync::Arc;

use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{
    Change, Checkpoint, Commit, Effect, Expect, Group, GroupId, Head, IdRun, Order, Place, RecordKey, RecordKind, Span,
    Store, StoreError,
};

/// A case: panics where the store breaks the contract.
pub type Case = fn(Arc<dyn Store>) -> BoxFuture<'static, ()>;

/// All cases by name.
pub const CASES: &[(&str, Case)] = &[
    ("groups come back as they were given", |s| Box::pin(groups(s))),
    ("spans are found by range, both ways, and no further", |s| Box::pin(spans(s))),
    ("a position or a group is never given twice", |s| Box::pin(never_twice(s))),
    ("records have versions and expectations", |s| Box::pin(records(s))),
    ("a failed expectation undoes the whole commit", |s| Box::pin(all_or_nothing(s))),
    ("records are listed by kind and project", |s| Box::pin(lists(s))),
    ("ids of records are listed in a range", |s| Box::pin(lists_ids(s))),
    ("a new id run replaces those it covers", |s| Box::pin(id_runs(s))),
    ("a checkpoint changes nothing that is read", |s| Box::pin(checkpoint(s))),
    ("many projects in one group", |s| Box::pin(many_projects(s))),
    ("a reader beside commits sees whole commits", |s| Box::pin(readers_beside(s))),
    ("a seal replaces exactly the rows of groups", |s| Box::pin(seal::groups(s))),
    ("a seal of other rows changes nothing", |s| Box::pin(seal::mismatch(s))),
    ("a segment made of others takes their place", |s| Box::pin(seal::merge(s))),
    ("blobs go once no span names them, the newest never", |s| Box::pin(seal::drop_groups(s))),
    ("expired events end whole spans, and segments with them", |s| Box::pin(seal::expire(s))),
    ("a file is noted before it is written, and when no segment names it", |s| Box::pin(seal::files(s))),
    ("a patch covers what it replaces and nothing else", |s| Box::pin(patch::cases(s))),
    ("what holds nothing is given back and changes nothing", |s| Box::pin(seal::shrink(s))),
];

fn project(name: &str) -> ProjectId {
    ProjectId::parse(name).unwrap()
}

fn time(n: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(n).unwrap()).unwrap()
}

fn span(group: u64, name: &str, first: u64, rows: u32, offset: u32) -> Span {
    Span {
        place: Place::Group(GroupId(group)),
        project: project(name),
        first: Position(first),
        rows,
        offset,
        time_min: time(first),
        time_max: time(first + 100),
        blob_bytes: 7,
    }
}

fn head(name: &str, last: u64) -> Head {
    Head { project: project(name), first: Position(1), last: Position(last) }
}

fn group(id: u64, spans: Vec<Span>) -> Commit {
    let blob = Bytes::from(format!("blob {id}"));
    Commit { group: Some(Group { id: GroupId(id), blob, spans }), ..Commit::default() }
}

fn key(name: &str, id: &str) -> RecordKey {
    RecordKey::of(RecordKind::Connection, &project(name), id)
}

fn put(key: RecordKey, expect: Expect, value: &str) -> Change {
    Change { key, expect, effect: Effect::Put(value.as_bytes().to_vec()) }
}

fn changes(changes: Vec<Change>) -> Commit {
    Commit { changes, ..Commit::default() }
}

async fn groups(store: Arc<dyn Store>) {
    assert_eq!(store.heads().await.unwrap(), (Vec::new(), None));
    store.commit(Commit::default()).await.unwrap();
    store.commit(group(1, vec![span(1, "a", 1, 3, 0)])).await.unwrap();
    store.commit(group(5, vec![span(5, "a", 4, 1, 0), span(5, "b", 1, 2, 1)])).await.unwrap();
    let heads = vec![head("a", 4), head("b", 2)];
    assert_eq!(store.heads().await.unwrap(), (heads, Some(GroupId(5))));
    let mut blobs = store.blobs(&[GroupId(5), GroupId(3), GroupId(1)]).await.unwrap();
    blobs.sort();
    assert_eq!(blobs, [(GroupId(1), Bytes::from("blob 1")), (GroupId(5), Bytes::from("blob 5"))]);
    assert_eq!(store.blobs(&[]).await.unwrap(), []);
}

async fn spans(store: Arc<dyn Store>) {
    let all: Vec<Span> = (0..6).map(|n| span(n + 1, "a", n * 10 + 1, 10, 0)).collect();
    for (n, span) in all.iter().enumerate() {
        store.commit(group(n as u64 + 1, vec![span.clone()])).await.unwrap();
    }
    let find = |from, to, order, limit| {
        let store = Arc::clone(&store);
        async move { store.spans(&project("a"), Position(from), Position(to), order, limit).await.unwrap() }
    };
    assert_eq!(find(1, 60, Order::Ascending, 99).await, all);
    assert_eq!(find(10, 11, Order::Ascending, 99).await, all[0..2]);
    assert_eq!(find(15, 38, Order::Ascending, 2).await, all[1..3]);
    assert_eq!(find(11, 11, Order::Ascending, 99).await, all[1..2]);
    let newest_first = |n: &[Span]| n.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(find(15, 38, Order::Descending, 99).await, newest_first(&all[1..4]));
    assert_eq!(find(1, 60, Order::Descending, 2).await, newest_first(&all[4..6]));
    assert_eq!(find(61, 99, Order::Ascending, 99).await, []);
    assert_eq!(find(20, 10, Order::Descending, 99).await, []);
    let other = store.spans(&project("b"), Position(1), Position(60), Order::Ascending, 9).await.unwrap();
    assert_eq!(other, []);
}

async fn never_twice(store: Arc<dyn Store>) {
    store.commit(group(1, vec![span(1, "a", 1, 3, 0)])).await.unwrap();
    for wrong in [
        group(2, vec![span(2, "a", 3, 2, 0)]),
        group(2, vec![span(2, "a", 5, 1, 0)]),
        group(2, vec![span(2, "b", 2, 1, 0)]),
        group(1, vec![span(1, "a", 4, 1, 0)]),
        group(2, vec![span(2, "b", 1, 1, 0), span(2, "a", 3, 1, 1)]),
    ] {
        let told = format!("{wrong:?}");
        assert!(store.commit(wrong).await.is_err(), "accepted: {told}");
        assert_eq!(store.heads().await.unwrap(), (vec![head("a", 3)], Some(GroupId(1))), "{told}");
    }
    store.commit(group(2, vec![span(2, "a", 4, 1, 0), span(2, "b", 1, 1, 1)])).await.unwrap();
}

async fn records(store: Arc<dyn Store>) {
    let at = key("a", "x");
    assert_eq!(store.record(&at).await.unwrap(), None);
    store.commit(changes(vec![put(at.clone(), Expect::Absent, "one")])).await.unwrap();
    store.commit(changes(vec![put(at.clone(), Expect::Version(1), "two")])).await.unwrap();
    store.commit(changes(vec![put(at.clone(), Expect::Any, "three")])).await.unwrap();
    let found = store.record(&at).await.unwrap().unwrap();
    assert_eq!((found.version, found.value.as_slice(), &found.key), (3, b"three".as_slice(), &at));
    for expect in [Expect::Absent, Expect::Version(2), Expect::Version(4)] {
        for effect in [Effect::Put(Vec::new()), Effect::Delete, Effect::None] {
            let change = Change { key: at.clone(), expect, effect };
            match store.commit(changes(vec![change])).await {
                Err(StoreError::Conflict { key }) => assert_eq!(key, at),
                other => assert!(other.is_err_and(|_| false), "no conflict for {expect:?}"),
            }
        }
    }
    let fence = Change { key: at.clone(), expect: Expect::Version(3), effect: Effect::None };
    store.commit(changes(vec![fence])).await.unwrap();
    assert_eq!(store.record(&at).await.unwrap().unwrap().version, 3);
    let delete = Change { key: at.clone(), expect: Expect::Version(3), effect: Effect::Delete };
    store.commit(changes(vec![delete.clone()])).await.unwrap();
    assert_eq!(store.record(&at).await.unwrap(), None);
    store.commit(changes(vec![Change { expect: Expect::Any, ..delete }])).await.unwrap();
    store.commit(changes(vec![put(at.clone(), Expect::Absent, "again")])).await.unwrap();
    assert_eq!(store.record(&at).await.unwrap().unwrap().version, 1);
}

async fn all_or_nothing(store: Arc<dyn Store>) {
    let mut commit = group(1, vec![span(1, "a", 1, 1, 0)]);
    let (first, second) = (key("a", "first"), key("a", "second"));
    commit.changes = vec![
        put(first.clone(), Expect::Absent, "1"),
        put(second.clone(), Expect::Version(1), "2"),
        put(first.clone(), Expect::Version(1), "3"),
    ];
    commit.id_runs = vec![run(1, 1, 0)];
    match store.commit(commit.clone()).await {
        Err(StoreError::Conflict { key }) => assert_eq!(key, second),
        other => assert!(other.is_err_and(|_| false), "no conflict"),
    }
    assert_eq!(store.heads().await.unwrap(), (Vec::new(), None));
    assert_eq!(store.record(&first).await.unwrap(), None);
    assert_eq!(store.id_run_heads(&project("a")).await.unwrap(), []);
    // Later steps see earlier ones of the same commit.
    commit.changes.remove(1);
    store.commit(commit).await.unwrap();
    assert_eq!(store.record(&first).await.unwrap().unwrap().version, 2);
}

async fn lists_ids(store: Arc<dyn Store>) {
    let ids = ["a/", "a/00", "a/01", "a/1", "a0", "a1", "é"];
    let mut keys: Vec<_> = ids.iter().rev().map(|id| key("a", id)).collect();
    keys.extend([key("b", "a/00"), RecordKey::of(RecordKind::Cursor, &project("a"), "a/00")]);
    store.commit(changes(keys.iter().map(|k| put(k.clone(), Expect::Absent, "v")).collect())).await.unwrap();
    for (range, expected) in [
        (["a/", "a0"], &ids[..4]),
        (["a/0", "a/1"], &ids[1..3]),
        (["", "\u{10FFFF}"], &ids[..]),
        (["a/01", "a/01"], &[]),
        (["b", "a"], &[]),
    ] {
        let found = store.record_ids(RecordKind::Connection, &project("a"), range).await.unwrap();
        assert_eq!(found, expected, "{range:?}");
        for (order, limit) in
            [(Order::Ascending, 9), (Order::Descending, 9), (Order::Ascending, 2), (Order::Descending, 1)]
        {
            let found =
                store.records_between(RecordKind::Connection, &project("a"), range, order, limit).await.unwrap();
            let mut ids: Vec<_> = expected.iter().map(|id| key("a", id)).collect();
            if order == Order::Descending {
                ids.reverse();
            }
            ids.truncate(limit as usize);
            assert_eq!(found.iter().map(|record| record.key.clone()).collect::<Vec<_>>(), ids, "{range:?} {order:?}");
            assert!(found.iter().all(|record| record.version == 1 && record.value == b"v"));
        }
    }
}

async fn lists(store: Arc<dyn Store>) {
    let keys = [
        RecordKey::global(RecordKind::Connection, "g"),
        key("a", "x"),
        key("a", "y"),
        key("b", "x"),
        RecordKey::of(RecordKind::Cursor, &project("a"), "x"),
    ];
    let puts = keys.iter().rev().map(|k| put(k.clone(), Expect::Absent, "v")).collect();
    store.commit(changes(puts)).await.unwrap();
    let listed = |kind, of: Option<&'static str>| {
        let store = Arc::clone(&store);
        async move {
            let found = store.records(kind, of.map(project).as_ref()).await.unwrap();
            found.into_iter().map(|record| record.key).collect::<Vec<_>>()
        }
    };
    assert_eq!(listed(RecordKind::Connection, None).await, keys[..4]);
    assert_eq!(listed(RecordKind::Connection, Some("a")).await, keys[1..3]);
    assert_eq!(listed(RecordKind::Cursor, None).await, keys[4..]);
    assert_eq!(listed(RecordKind::Token, None).await, []);
}

fn run(first: u64, last: u64, level: u8) -> IdRun {
    IdRun {
        project: project("a"),
        first: Position(first),
        last: Position(last),
        newest: time(last),
        level,
        parts: vec![Bytes::from(format!("low {first}")), Bytes::from(format!("high {first}"))],
        filter: Bytes::from(format!("filter {first}")),
    }
}

async fn id_runs(store: Arc<dyn Store>) {
    let runs = |id_runs| Commit { id_runs, ..Commit::default() };
    store.commit(runs(vec![run(1, 10, 0), run(11, 20, 0)])).await.unwrap();
    store.commit(runs(vec![run(21, 30, 0), IdRun { project: project("b"), ..run(11, 20, 0) }])).await.unwrap();
    let merged = IdRun { parts: vec![Bytes::from("all")], ..run(1, 20, 1) };
    store.commit(runs(vec![merged])).await.unwrap();
    let heads = store.id_run_heads(&project("a")).await.unwrap();
    let told: Vec<_> = heads.iter().map(|h| (h.first.0, h.last.0, h.level, h.parts, h.newest)).collect();
    assert_eq!(told, [(1, 20, 1, 1, time(20)), (21, 30, 0, 2, time(30))]);
    assert_eq!(heads[0].filter, "filter 1");
    let part = async |of, first, part| store.id_run_part(&project(of), Position(first), part).await.unwrap();
    assert_eq!(part("a", 1, 0).await, Some(Bytes::from("all")));
    assert_eq!(part("a", 1, 1).await, None);
    assert_eq!(part("a", 11, 0).await, None);
    assert_eq!(part("a", 21, 1).await, Some(Bytes::from("high 21")));
    assert_eq!(part("b", 11, 0).await, Some(Bytes::from("low 11")));
    let ended = Commit { expired_id_runs: vec![(project("a"), Position(1))], ..Commit::default() };
    store.commit(ended).await.unwrap();
    assert_eq!(store.id_run_heads(&project("a")).await.unwrap().len(), 1);
    assert_eq!(part("a", 1, 0).await, None);
}

async fn checkpoint(store: Arc<dyn Store>) {
    store.commit(group(1, vec![span(1, "a", 1, 2, 0)])).await.unwrap();
    store.checkpoint(Checkpoint::Copy).await.unwrap();
    store.commit(group(2, vec![span(2, "a", 3, 1, 0)])).await.unwrap();
    assert!(store.checkpoint(Checkpoint::Restart).await.unwrap());
    store.commit(group(3, vec![span(3, "a", 4, 1, 0)])).await.unwrap();
    assert_eq!(store.heads().await.unwrap(), (vec![head("a", 4)], Some(GroupId(3))));
    assert_eq!(store.blobs(&[GroupId(1), GroupId(2), GroupId(3)]).await.unwrap().len(), 3);
    let stats = store.stats().await.unwrap();
    assert!(stats.data_bytes > 0 && stats.syncs >= 3, "{stats:?}");
}

async fn many_projects(store: Arc<dyn Store>) {
    let spans: Vec<Span> = (0..500).map(|n| span(1, &format!("p{n:03}"), 1, 1, n)).collect();
    store.commit(group(1, spans.clone())).await.unwrap();
    let (heads, _) = store.heads().await.unwrap();
    assert_eq!(heads.len(), 500);
    let found = store.spans(&project("p123"), Position(1), Position(9), Order::Ascending, 9).await.unwrap();
    assert_eq!(found, spans[123..124]);
}

async fn readers_beside(store: Arc<dyn Store>) {
    let reader = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            loop {
                let (heads, last) = store.heads().await.unwrap();
                let (Some(last), Some(head)) = (last, heads.first()) else {
                    tokio::task::yield_now().await;
                    continue;
                };
                // Every group has two events, so a torn view would show.
                assert_eq!(head.last.0, last.0 * 2);
                assert_eq!(store.blobs(&[last]).await.unwrap().len(), 1);
                if last.0 == 100 {
                    return;
                }
            }
        }
    });
    for n in 1..=100 {
        store.commit(group(n, vec![span(n, "a", n * 2 - 1, 2, 0)])).await.unwrap();
        if n % 10 == 0 {
            store.checkpoint(Checkpoint::Copy).await.unwrap();
            store.checkpoint(Checkpoint::Restart).await.unwrap();
        }
    }
    reader.await.unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    #[tokio::test]
    async fn the_store_in_memory_keeps_the_contract() {
        for (name, case) in CASES {
            eprintln!("{name}");
            case(Arc::new(MemoryStore::default())).await;
        }
    }
}
