//! The history while fresh events go first, over a second stream.

use super::*;

impl World {
    async fn state(&self, seq: Position) -> EventState {
        let told = event(&self.engine, &self.caller, &self.project, seq).await.unwrap().deliveries;
        let [one] = told.as_slice() else { panic!("{seq} is told {} times: {told:?}", told.len()) };
        one.state.clone()
    }

    async fn totals(&self, id: &ConnectionId) -> Totals {
        let (engine, caller, project) = (&self.engine, &self.caller, &self.project);
        connection(engine, caller, project, id.as_str(), Range::Day).await.unwrap().totals
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_two_streams_run_both_count_and_each_event_has_the_state_of_its_own() {
    let world = World::new().await;
    let live_first = json!({"options": {"order": "live_first"}, "rate_limit": 800});
    let (id, received) = world.connection("siem", &live_first).await;
    let backlog = world.post("old", 3000).await;
    world.forward(120);
    world.activate(&id, Start::From(Timestamp::EPOCH)).await;
    let second = || async { read::second(&world.engine, &world.project, &id).await.unwrap() };
    while second().await.is_none() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    world.forward(15);
    let came = world.clock.now();
    let fresh = world.post("fresh", 100).await;
    until("the fresh ones", || received.lock().events.contains_key(&fresh.0)).await;
    while second().await.unwrap().settled < fresh {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    world.forward(5);
    let EventState::Acknowledged { after, by, replay: None } = world.state(fresh).await else { panic!() };
    assert_eq!(after, came, "not before it came");
    assert!(came <= by && by <= world.clock.now(), "{by}");
    let EventState::Waiting { before } = world.state(backlog).await else { panic!("the backlog has been sent") };
    assert!(before < backlog.0, "{before} before event {backlog}");
    let (totals, delivered) = (world.totals(&id).await, received.lock().events.len() as u64);
    assert!(totals.sent > 100 && totals.sent <= delivered + 800, "{totals:?} of about {delivered}");
    let last = world.post("fresh", 2000).await;
    let EventState::Waiting { before } = world.state(last).await else { panic!("2000 events in no time") };
    assert!(before < 2000, "the backlog does not stand before a fresh event: {before}");

    world.settled(&id).await;
    assert!(second().await.is_none(), "the two are one again");
    world.stop(&id).await;
    let head = world.engine.log.head(&world.project);
    for seq in [Position(1), backlog, fresh, last] {
        assert_eq!(world.state(seq).await.as_str(), "acknowledged", "{seq}");
    }
    let steps = world.steps(&id).await;
    assert!(steps.iter().any(|step| step.second.is_some()));
    assert!(steps.is_sorted_by_key(|step| (step.totals.sent, step.totals.bytes)), "counters never go back");
    let all = steps.last().unwrap().totals;
    assert_eq!((all.sent, all.acknowledged), (steps.last().unwrap().settled.0, steps.last().unwrap().settled.0));
    assert_eq!(world.totals(&id).await.sent, all.sent, "{head}");
    world.engine.close().await;
}
