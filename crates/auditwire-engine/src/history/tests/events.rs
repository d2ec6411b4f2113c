//! What is told of an event.

use super::*;
use crate::connections::delete_quarantined;
use crate::records::{ConnectionRecord, Cursor, Fresh, FreshRecord};
use crate::replays::{self, NewReplay};

fn only(action: &str) -> serde_json::Value {
    json!({"filter": {"kind": "query", "query": format!("action = {action}")}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_for_each_connection_what_became_of_an_event() {
    let world = World::new().await;
    let (all, _) = world.connection("all", &json!({})).await;
    let (some, _) = world.connection("some", &only("kept")).await;
    let early = world.post("early", 1).await;
    world.forward(5);
    world.activate(&all, Start::Now).await;
    let first = world.post("kept", 1).await;
    let second = world.post("other", 1).await;
    world.settled(&all).await;
    world.forward(5);
    assert_eq!(world.told(early).await, [("all".to_owned(), "skipped", None)]);
    let acknowledged = || ("all".to_owned(), "acknowledged", Some(1));
    assert_eq!(world.told(first).await, [acknowledged()]);

    // Another takes over; what comes then goes to it alone.
    world.activate(&some, Start::TakeOver).await;
    let (third, fourth) = (world.post("kept", 1).await, world.post("other", 1).await);
    world.settled(&some).await;
    world.forward(5);
    let stopped = || ("all".to_owned(), "stopped", None);
    assert_eq!(world.told(third).await, [("some".to_owned(), "acknowledged", Some(1)), stopped()]);
    assert_eq!(world.told(fourth).await, [("some".to_owned(), "filtered", Some(1)), stopped()]);
    assert_eq!(world.told(second).await, [("some".to_owned(), "skipped", None), acknowledged()]);
    world.stop(&some).await;
    let fifth = world.post("kept", 1).await;
    assert_eq!(world.told(fifth).await, [stopped(), ("some".to_owned(), "stopped", None)]);

    // Again from the beginning: the filter decides on what it had left out before.
    world.activate(&some, Start::From(Timestamp::EPOCH)).await;
    world.settled(&some).await;
    world.stop(&some).await;
    let again = world.told(third).await;
    let twice = ("some".to_owned(), "acknowledged", Some(1));
    assert_eq!(again, [stopped(), twice.clone(), twice], "sent twice, told twice");
    assert_eq!(
        world.told(early).await,
        [("all".to_owned(), "skipped", None), ("some".to_owned(), "filtered", Some(1))]
    );

    let ids = [some.to_string(), all.to_string()];
    connections::delete(&world.engine, &world.caller, &world.project, &ids, None).await.unwrap();
    let told = event(&world.engine, &world.caller, &world.project, first).await.unwrap();
    let names: Vec<_> =
        told.deliveries.iter().map(|one| (one.name.as_str(), one.deleted, one.state.as_str())).collect();
    assert_eq!(names, [("all", true, "acknowledged"), ("some", true, "acknowledged")], "the names they had");
    world.engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_filter_of_an_earlier_revision_decides_on_what_it_let_through() {
    let world = World::new().await;
    let (id, received) = world.connection("siem", &only("kept")).await;
    world.activate(&id, Start::Now).await;
    let kept = world.post("kept", 1).await;
    let other = world.post("other", 1).await;
    world.settled(&id).await;
    world.forward(60);
    let view = connections::get(&world.engine, &world.caller, &world.project, id.as_str()).await.unwrap();
    let endpoint = view.stored.spec.endpoint.to_string();
    let mut body = json!({"name": "renamed", "endpoint": endpoint, "transport": "tcp", "framing": "lf"});
    body.as_object_mut().unwrap().extend(only("other").as_object().unwrap().clone());
    let input = ConnectionInput::from_json(&serde_json::to_vec(&body).unwrap()).unwrap();
    let (engine, caller, project) = (&world.engine, &world.caller, &world.project);
    connections::update(engine, caller, project, id.as_str(), input, Some(1)).await.unwrap();
    engine.delivery.settled(project).await;
    world.forward(60);
    let later = world.post("other", 1).await;
    world.settled(&id).await;
    world.forward(60);
    let name = || "renamed".to_owned();
    assert_eq!(world.told(kept).await, [(name(), "acknowledged", Some(1))]);
    assert_eq!(world.told(other).await, [(name(), "filtered", Some(1))]);
    assert_eq!(world.told(later).await, [(name(), "acknowledged", Some(2))]);
    world.stop(&id).await;
    // The last message is shown as it was sent; those of another revision are not taken for it.
    let sent = connections::latest_sent(engine, caller, project, id.as_str()).await.unwrap();
    let shown: Vec<_> = sent.iter().map(|one| (one.message.seq, one.as_sent)).collect();
    assert_eq!(shown, [(later, true), (other, false)]);
    let texts = sent.iter().map(|one| String::from_utf8(one.message.message.clone().unwrap()).unwrap());
    let numbers: Vec<_> =
        texts.map(|text| text.split(" n=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()).collect();
    assert_eq!(numbers, [received.lock().events[&later.0][0].to_string(), "0".to_owned()]);
    world.engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_are_no_more_exact_than_what_is_known() {
    let world = World::new().await;
    let (id, _) = world.connection("siem", &json!({})).await;
    world.activate(&id, Start::Now).await;
    world.settled(&id).await;
    world.forward(3600);
    let received = world.clock.now();
    let seq = world.post("create-vm", 1).await;
    world.settled(&id).await;
    world.forward(2);
    world.stop(&id).await;
    world.forward(100);
    let told = event(&world.engine, &world.caller, &world.project, seq).await.unwrap();
    let EventState::Acknowledged { after, by, replay: None } = &told.deliveries[0].state else { panic!("{told:?}") };
    assert_eq!(*after, received, "not before it was received, an hour after the step before");
    assert!(*by >= received && by.since(received) <= Duration::from_secs(3), "{by}");
    assert_eq!((told.received_at, told.seq), (received, seq));
    world.engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_aside_is_told_with_its_reason_and_what_was_cleared_is_not_guessed() {
    let world = World::new().await;
    let (id, _) = world.connection("siem", &json!({})).await;
    // Narrower than may be asked for, so that nothing fits.
    let mut stored = connections::get(&world.engine, &world.caller, &world.project, id.as_str()).await.unwrap().stored;
    stored.spec.options.max_bytes = Some(100);
    let effect = Effect::Put(ConnectionRecord::from(stored).encode().unwrap());
    let key = RecordKey::of(RecordKind::Connection, &world.project, id.as_str());
    let changes = vec![Change { key, expect: Expect::Any, effect }];
    world.engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
    world.activate(&id, Start::Now).await;
    let large = world.post("large", 1).await;
    world.settled(&id).await;
    world.stop(&id).await;
    let told = event(&world.engine, &world.caller, &world.project, large).await.unwrap();
    assert!(
        matches!(&told.deliveries[0].state, EventState::Quarantined { reason, .. } if !reason.is_empty()),
        "{told:?}"
    );
    delete_quarantined(&world.engine, &world.caller, &world.project, id.as_str(), None).await.unwrap();
    let told = event(&world.engine, &world.caller, &world.project, large).await.unwrap();
    assert!(
        matches!(told.deliveries[0].state, EventState::Unknown { why: Unknown::QuarantineCleared, .. }),
        "{told:?}"
    );
    world.engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_and_what_waits_are_told() {
    let world = World::new().await;
    let (id, received) = world.connection("siem", &json!({})).await;
    world.activate(&id, Start::Now).await;
    let seq = world.post("create-vm", 1).await;
    world.settled(&id).await;
    world.forward(10);
    let new = NewReplay { query: Some("action = create-vm".to_owned()), ..NewReplay::default() };
    let (engine, caller, project) = (&world.engine, &world.caller, &world.project);
    replays::begin(engine, caller, project, id.as_str(), &new, None).await.unwrap();
    until("it was sent twice", || received.lock().events.get(&seq.0).is_some_and(|n| n.len() == 2)).await;
    let told = || async { event(engine, caller, project, seq).await.unwrap().deliveries };
    while told().await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let states: Vec<_> = told().await.into_iter().map(|one| one.state).collect();
    assert!(matches!(&states[0], EventState::Acknowledged { replay: None, .. }), "{states:?}");
    assert!(matches!(&states[1], EventState::Acknowledged { replay: Some(_), .. }), "{states:?}");

    // A replay of what was set aside names nothing else.
    let key = RecordKey::of(RecordKind::Replay, project, "r-aside");
    let replays = engine.store.records(RecordKind::Replay, Some(project)).await.unwrap();
    let replay = crate::records::ReplayRecord::decode(&replays[0]).unwrap().into_current();
    let aside = crate::records::Replay { id: "r-aside".to_owned(), query: None, quarantined: true, ..replay };
    let effect = Effect::Put(crate::records::ReplayRecord::from(aside).encode().unwrap());
    let changes = vec![Change { key, expect: Expect::Any, effect }];
    engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
    assert_eq!(told().await.len(), 2);

    let (stuck, _) = world.connection("stuck", &json!({"endpoint": "127.0.0.1:9"})).await;
    world.activate(&stuck, Start::TakeOver).await;
    let first = world.post("create-vm", 1).await;
    let second = world.post("create-vm", 1).await;
    let waiting = |told: Vec<Delivered>| match told[0].state {
        EventState::Waiting { before } => before,
        _ => panic!("{told:?}"),
    };
    let before = waiting(event(engine, caller, project, first).await.unwrap().deliveries);
    assert_eq!(waiting(event(engine, caller, project, second).await.unwrap().deliveries), before + 1);
    // Fresh events go first: the second stream has come past the second of them.
    let cursor = Cursor { settled: second, delivered: 1, sent: 1, ..Cursor::beginning() };
    let fresh = Fresh { from: second, filter: auditwire_model::connection::Filter::default(), cursor };
    let effect = Effect::Put(FreshRecord::from(fresh).encode().unwrap());
    let key = RecordKey::of(RecordKind::Fresh, project, stuck.as_str());
    let changes = vec![Change { key, expect: Expect::Any, effect }];
    engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
    assert_eq!(event(engine, caller, project, second).await.unwrap().deliveries[0].state.as_str(), "acknowledged");
    assert_eq!(waiting(event(engine, caller, project, first).await.unwrap().deliveries), before);

    let unknown = event(engine, caller, project, Position(1_000_000)).await.unwrap_err();
    assert_eq!(unknown.code, "event_not_found");
    engine.close().await;
}
