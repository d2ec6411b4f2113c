//! The duplicate window: runs are written, merged, found again, and end.

use std::time::Duration;

use auditwire_model::event::EventLimits;
use proptest::prelude::*;

use super::*;

/// Lets the runs that are being built finish: each commit carries those that are ready.
async fn fill(log: &Log, project: &ProjectId, from: u64, to: u64) {
    for n in from..to {
        positions(log, project, vec![event(&format!("id-{n}"), 1, 1)]).await;
    }
}

/// Adds events until the store has as many runs as `wanted` says.
async fn fill_until(log: &Log, store: &MemoryStore, mut next: u64, wanted: impl Fn(&[(u64, u64, u8)]) -> bool) -> u64 {
    for _ in 0..20_000 {
        if wanted(&runs(store).await) {
            return next;
        }
        fill(log, &project(0), next, next + 1).await;
        next += 1;
    }
    panic!("the runs never came: {:?}", runs(store).await);
}

async fn runs(store: &MemoryStore) -> Vec<(u64, u64, u8)> {
    let heads = store.id_run_heads(&project(0)).await.unwrap();
    heads.iter().map(|run| (run.first.0, run.last.0, run.level)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_merged_and_every_id_is_known_before_and_after_a_restart() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    let next = fill_until(&log, &store, 0, |runs| runs.iter().any(|(.., level)| *level == 1)).await;
    let next = fill_until(&log, &store, next, |runs| runs.len() >= 3).await;
    let covered = runs(&store).await;
    assert_eq!(covered[0].0, 1);
    assert!(covered.windows(2).all(|two| two[0].1 < two[1].0), "runs overlap: {covered:?}");

    let again = async |log: &Log| {
        for n in 0..next {
            assert_eq!(positions(log, &project(0), vec![event(&format!("id-{n}"), 1, 1)]).await, [None], "id-{n}");
        }
        assert_eq!(log.head(&project(0)), Position(next));
    };
    again(&log).await;
    let store = Arc::new(store.crash());
    let log = open(&store, tiny()).await;
    again(&log).await;
    let other = positions(&log, &project(0), vec![event("id-0", 2, 1), event("id-0", 2, 1)]).await;
    assert_eq!(other, [Some(next + 1), None]);
    assert_eq!(positions(&log, &project(0), vec![event("id-0", 3, 1)]).await, [Some(next + 2)]);
    let rows = read(&log, Scan { from: Position(next + 1), ..whole(&project(0)) }).await;
    assert_eq!([rows[0].1.as_str(), rows[1].1.as_str()], ["id-0~02020202", "id-0~03030303"]);
    let stored = log.event(&project(0), Position(next + 1)).await.unwrap().unwrap();
    let labels: Vec<String> = auditwire_model::event::view(&stored, 0).labels.iter().map(str::to_owned).collect();
    assert_eq!(labels, ["id-conflict"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_only_outside_both_ends_of_the_window() {
    let settings = LogSettings { duplicate_events: 20, duplicate_window: Duration::from_secs(60), ..tiny() };
    let store = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    let log = Log::open(Arc::clone(&store) as _, crate::store::memory::objects(), Arc::clone(&clock) as _, settings)
        .await
        .unwrap();
    // Far more than the number of events, but not yet the time.
    let next = fill_until(&log, &store, 0, |runs| runs.len() > 12).await;
    assert_eq!(positions(&log, &project(0), vec![event("id-0", 1, 1)]).await, [None]);
    clock.advance(Duration::from_secs(61));
    let next = fill_until(&log, &store, next, |runs| runs.first().is_some_and(|run| run.0 > 1)).await;
    let first_kept = runs(&store).await[0].0;
    assert!(log.head(&project(0)).0 - first_kept >= 20, "an id of the last 20 events is forgotten");
    for n in next - 20..next {
        assert_eq!(positions(&log, &project(0), vec![event(&format!("id-{n}"), 1, 1)]).await, [None], "id-{n}");
    }
    assert_eq!(positions(&log, &project(0), vec![event("id-0", 1, 1)]).await, [Some(next + 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_projects_stay_within_the_memory_of_all_windows() {
    let settings =
        LogSettings { duplicate_map_ids: 1000, duplicate_map_ids_total: 50, duplicate_filter_bytes_max: 100, ..tiny() };
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, settings).await;
    for round in 0..60 {
        for n in 0..5 {
            positions(&log, &project(n), vec![event(&format!("id-{round}"), 1, 1)]).await;
        }
    }
    let held = log.stats().await.unwrap().duplicate_ids;
    assert!(held < 200, "{held} ids are still in maps");
    for n in 0..5 {
        let all: Vec<Event> = (0..60).map(|round| event(&format!("id-{round}"), 1, 1)).collect();
        assert_eq!(positions(&log, &project(n), all).await, [None; 60]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn nothing_in_the_window_is_taken_twice(ids in prop::collection::vec((0..60u8, 0..2u8), 1..400), map in 1..30usize) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut store = Arc::new(MemoryStore::default());
            let settings = LogSettings { duplicate_map_ids: map, ..tiny() };
            let mut log = open(&store, settings.clone()).await;
            let mut seen = std::collections::HashSet::new();
            for (n, (id, content)) in ids.into_iter().enumerate() {
                let known = !seen.insert((id, content));
                let given = positions(&log, &project(0), vec![event(&format!("id-{id}"), content, 1)]).await;
                assert_eq!(given[0].is_none(), known, "event {n}: id {id}, content {content}");
                if n % 97 == 96 {
                    store = Arc::new(store.crash());
                    log = open(&store, settings.clone()).await;
                }
            }
        });
    }
}

/// What is stored can be posted back: an id with no room behind it is cut, and long ids that begin alike stay apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_is_made_of_another_one_stays_within_the_limits() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    let limits = EventLimits::default();
    let (one, other) = (format!("{}1", "é".repeat(63)), format!("{}2", "é".repeat(63)));
    assert_eq!(one.len(), limits.event_id_bytes_max - 1);
    let full = |id: &str, content| {
        let mut event = event(id, content, 1);
        event.draft.labels = (0..limits.labels_max).map(|n| format!("l{n}")).collect();
        event
    };
    let first = vec![full(&one, 1), full(&other, 1), full(&one, 2), full(&other, 2), full(&one, 3)];
    let stored: Vec<_> = (1..=5).map(Some).collect();
    assert_eq!(positions(&log, &project(0), first.clone()).await, stored);
    assert_eq!(positions(&log, &project(0), first).await, [None; 5], "and a repeated batch adds nothing");
    for seq in 3..=5 {
        let row = log.event(&project(0), Position(seq)).await.unwrap().unwrap();
        let event = auditwire_model::event::view(&row, 0);
        assert!(event.event_id.len() <= limits.event_id_bytes_max, "{}", event.event_id);
        assert!(event.event_id.starts_with("éééé"), "{}", event.event_id);
        assert_eq!(event.labels.iter().count(), limits.labels_max);
    }
}
