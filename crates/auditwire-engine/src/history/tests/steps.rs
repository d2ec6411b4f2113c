//! What senders and activations write, what restarts and fences leave, and what is merged.

use super::*;
use crate::records::{ActiveConnectionRecord, Document};
use crate::store::RecordKind;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_writes_a_step_when_it_begins_and_when_it_ends_and_none_for_nothing() {
    let world = World::new().await;
    let (id, _) = world.connection("siem", &json!({})).await;
    world.post("create-vm", 5).await;
    world.activate(&id, Start::Now).await;
    world.settled(&id).await;
    let written = || async { world.steps(&id).await };
    while written().await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let begun = written().await;
    let [moved, first] = begun.as_slice() else { panic!("{begun:?}") };
    assert_eq!((moved.moved.unwrap().from, moved.state), (None, Status::Inactive));
    assert!(moved.moved.unwrap().to >= Position(5), "{moved:?}");
    let beginning = first.beginning.as_ref().unwrap();
    assert_eq!((beginning.name.as_str(), beginning.settled), ("siem", moved.settled));
    assert_eq!((first.state, first.changes.len()), (Status::Active, 1));

    world.forward(30);
    world.post("create-vm", 100).await;
    world.settled(&id).await;
    world.stop(&id).await;
    let steps = written().await;
    let last = steps.last().unwrap();
    assert_eq!((last.state, last.changes.last().unwrap().state), (Status::Inactive, Status::Inactive));
    assert_eq!((last.totals.acknowledged, last.totals.sent), (last.totals.sent, last.settled.0 - moved.settled.0));
    assert!(last.totals.bytes > 100 * 50, "{last:?}");
    assert!(steps.is_sorted_by_key(|step| (step.at, step.settled)));
    world.engine.close().await;
    assert_eq!(written().await, steps, "a sender that does not run writes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_and_their_causes_are_written_when_they_change() {
    let world = World::new().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (id, _) = world.connection("siem", &json!({"endpoint": nobody.to_string()})).await;
    world.activate(&id, Start::Now).await;
    let states = || async { world.steps(&id).await.iter().flat_map(|step| step.changes.clone()).collect::<Vec<_>>() };
    while !states().await.iter().any(|change| change.state == Status::Degraded) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.forward(61);
    while !states().await.iter().any(|change| change.state == Status::Failing) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let states = states().await;
    assert_eq!(states.last().unwrap().cause.as_deref(), Some("connect_refused"));
    let history = connection(&world.engine, &world.caller, &world.project, id.as_str(), Range::Day).await.unwrap();
    assert_eq!(history.changes.iter().rev().cloned().collect::<Vec<_>>(), states, "newest first");
    let now = history.points.last().unwrap();
    assert!(now.known && now.backlog >= Some(1) && now.age_ms >= Some(61_000), "{now:?}");
    assert!(!history.points[0].known && history.points[0].backlog.is_none(), "nothing is known of yesterday");
    world.engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_lost_the_epoch_writes_no_step() {
    let world = World::new().await;
    let (id, received) = world.connection("siem", &json!({})).await;
    world.activate(&id, Start::Now).await;
    world.settled(&id).await;
    while world.steps(&id).await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let before = world.steps(&id).await;
    // Another process begins two epochs, and nobody tells this sender.
    let key = RecordKey::of(RecordKind::ActiveConnection, &world.project, "active");
    for _ in 0..2 {
        let mut active = ActiveConnectionRecord::decode(&world.engine.store.record(&key).await.unwrap().unwrap())
            .unwrap()
            .into_current();
        active.connection = None;
        let effect = Effect::Put(ActiveConnectionRecord::from(active).encode().unwrap());
        let changes = vec![Change { key: key.clone(), expect: Expect::Any, effect }];
        world.engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
    }
    world.post("create-vm", 10).await;
    until("the sender noticed and ended", || received.lock().ended > 0).await;
    world.engine.close().await;
    assert_eq!(world.steps(&id).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_are_merged_and_end_with_the_retention_and_the_name_stays() {
    let world = World::new().await;
    let (id, _) = world.connection("siem", &json!({})).await;
    world.activate(&id, Start::Now).await;
    world.settled(&id).await;
    world.stop(&id).await;
    let template = world.steps(&id).await.last().unwrap().clone();
    let begun = world.clock.now();
    // As a sender that is busy for two hours would write them.
    let mut changes = Vec::new();
    for i in 1..720_u64 {
        let at = begun.saturating_add_nanos(i64::try_from(i).unwrap() * 10_000_000_000);
        let totals = Totals { acknowledged: template.totals.acknowledged + i, ..template.totals };
        let settled = Position(template.settled.0 + i);
        let step = DeliveryStep { at, totals, settled, changes: Vec::new(), state: Status::Active, ..template.clone() };
        changes.push(put(&world.project, DeliveryStep::record_id(&id, at), Expect::Absent, step).unwrap());
    }
    world.engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
    world.forward(7200);
    round(&world.engine).await.unwrap();
    let merged = world.steps(&id).await;
    assert!((400..440).contains(&merged.len()), "an hour of minutes and an hour as written: {}", merged.len());
    assert_eq!(merged.last().unwrap().totals.acknowledged, template.totals.acknowledged + 719);
    let ids = [id.to_string()];
    connections::delete(&world.engine, &world.caller, &world.project, &ids, None).await.unwrap();
    assert_eq!(world.steps(&id).await, merged, "what was delivered may be asked later");
    world.forward(40 * 24 * 3600);
    round(&world.engine).await.unwrap();
    let merged = world.steps(&id).await;
    assert!(merged.len() <= 3, "{merged:?}");
    assert_eq!(merged.last().unwrap().totals.acknowledged, template.totals.acknowledged + 719);
    let told = connection(&world.engine, &world.caller, &world.project, id.as_str(), Range::Month).await.unwrap();
    assert_eq!(told.totals, Totals::default(), "all of it was before");
    world.forward(400 * 24 * 3600);
    round(&world.engine).await.unwrap();
    assert_eq!(world.steps(&id).await, []);
    let gone = connection(&world.engine, &world.caller, &world.project, id.as_str(), Range::Day).await;
    assert_eq!(gone.unwrap_err().code, "connection_not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_without_a_word_nothing_is_lost_but_the_time_between() {
    let world = World::new().await;
    let (id, _) = world.connection("siem", &json!({})).await;
    world.activate(&id, Start::Now).await;
    world.settled(&id).await;
    world.stop(&id).await;
    let template = world.steps(&id).await.last().unwrap().clone();
    // A sender that died 20 minutes ago, and one that begins now behind where its cursor had come.
    let at = |minutes: i64| template.at.saturating_add_nanos(minutes * 60_000_000_000);
    let step = |minutes, more: u64, beginning: Option<crate::records::Beginning>| DeliveryStep {
        at: at(minutes),
        settled: Position(template.settled.0 + more),
        totals: Totals { acknowledged: template.totals.acknowledged + more, ..template.totals },
        state: Status::Active,
        changes: Vec::new(),
        beginning,
        ..template.clone()
    };
    let began = world.steps(&id).await.iter().find_map(|step| step.beginning.clone()).unwrap();
    let again = crate::records::Beginning { at: at(60), settled: Position(template.settled.0 + 15), ..began.clone() };
    let first = crate::records::Beginning { at: at(10), settled: template.settled, ..began };
    let steps =
        [template.clone(), step(10, 0, Some(first)), step(40, 10, None), step(60, 15, Some(again)), step(61, 20, None)];
    let width = 10 * 60 * 1_000_000_000;
    let begin = (at(61).as_nanos() / width + 1) * width - 144 * width;
    let history = chart::counted(&steps, Range::Day, begin);
    assert_eq!(history.totals.acknowledged, 20, "what was settled before it died is counted");
    let known: Vec<bool> = history.points.iter().rev().take(8).map(|point| point.known).collect();
    assert_eq!(known, [true, false, true, true, true, true, false, false], "newest first");
}

#[test]
fn an_age_grows_while_nothing_moves_and_is_not_guessed_while_something_does() {
    let minute = 60_000_000_000;
    let begin = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    let at = |seconds: i64| begin.saturating_add_nanos(seconds * 1_000_000_000);
    let step = |seconds: i64, settled: u64, oldest: Option<i64>| DeliveryStep {
        at: at(seconds),
        revision: 1,
        settled: Position(settled),
        totals: Totals { acknowledged: settled, ..Totals::default() },
        second: None,
        backlog: u64::from(oldest.is_some()),
        backlog_max: u64::from(oldest.is_some()),
        oldest_at: oldest.map(at),
        age_ms: oldest.map_or(0, |oldest| u64::try_from(seconds - oldest).unwrap() * 1000),
        state: Status::Active,
        cause: None,
        changes: Vec::new(),
        more_changes: 0,
        beginning: None,
        moved: None,
    };
    // Busy: something is always on its way. From 30:00 on nothing moves, until 55:00.
    let busy = (0..30).map(|i| step(i * 60, u64::try_from(i).unwrap() * 10, Some(i * 60 - 1).filter(|_| i > 0)));
    let stuck = [step(1800, 300, Some(1799)), step(3300, 300, Some(1799)), step(3310, 400, None)];
    let steps: Vec<_> = busy.chain(stuck).collect();
    let width = 10 * minute;
    let first = (at(3310).as_nanos() / width + 1) * width - 144 * width;
    let history = chart::counted(&steps, Range::Day, first);
    let ages: Vec<_> = history.points.iter().rev().take(6).map(|point| point.age_ms.unwrap() / 1000).collect();
    assert_eq!(ages, [1501, 1201, 601, 1, 1, 1], "newest first");
}
