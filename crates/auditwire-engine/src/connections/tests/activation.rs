//! Which one is active, where it begins, and what the check has to do with it.

use super::*;
use crate::delivery::Status;

#[tokio::test]
async fn activating_one_stops_the_other_in_one_commit() {
    let world = World::new().await;
    let (a, b) = (world.create("a").await.stored.id, world.create("b").await.stored.id);
    let first = world.activate(&a, None).await.unwrap();
    assert_eq!((first.stopped, world.epoch().await), (None, 1));
    assert_ne!(first.connection.status, Status::Inactive);
    let before = world.head();
    let second = world.activate(&b, None).await.unwrap();
    assert_eq!((second.stopped, world.epoch().await), (Some(a.clone()), 2));
    assert_eq!(world.get(&a).await.status, Status::Inactive);
    let told = world.told(before).await;
    let of = |action: &str, id: &ConnectionId| (action.to_owned(), id.to_string());
    assert_eq!(told, [of("siem-connection-stop", &a), of("siem-connection-activate", &b)]);
}

#[tokio::test]
async fn activating_the_active_one_changes_nothing_unless_a_start_is_given() {
    let world = World::new().await;
    let a = world.create("a").await.stored.id;
    world.activate(&a, None).await.unwrap();
    world.post(10).await;
    let (before, epoch) = (world.head(), world.epoch().await);
    let again = world.activate(&a, None).await.unwrap();
    assert_eq!((world.head(), world.epoch().await), (before, epoch));
    assert_eq!(again.start_at, world.cursor(&a).await.settled.next());
    assert_eq!(again.will_send, before - world.cursor(&a).await.settled.0);
    let moved = world.activate(&a, Some(Start::Now)).await.unwrap();
    assert_eq!((moved.start_at.0, world.epoch().await), (before + 1, epoch + 1));
    assert_eq!(world.cursor(&a).await.settled.0, before);
}

#[tokio::test]
async fn stopping_is_told_once_and_repeating_it_is_no_error() {
    let world = World::new().await;
    let a = world.create("a").await.stored.id;
    let stop_it = || stop(&world.engine, &world.caller, &world.project, a.as_str());
    assert_eq!(stop_it().await.unwrap().status, Status::Inactive);
    world.activate(&a, None).await.unwrap();
    let before = world.head();
    assert_eq!(stop_it().await.unwrap().status, Status::Inactive);
    assert_eq!(stop_it().await.unwrap().status, Status::Inactive);
    assert_eq!(world.actions(before).await, ["siem-connection-stop"]);
    assert_eq!(world.epoch().await, 2);
}

#[tokio::test]
async fn a_stopped_connection_tells_when_it_was_acknowledged_last() {
    let world = World::new().await;
    let a = world.create("a").await.stored.id;
    assert_eq!(world.get(&a).await.delivery.acknowledged_at, None);
    let at = Some(world.clock.now());
    let cursor = Cursor { acknowledged_at: at, ..Cursor::beginning() };
    world.write(RecordKind::Cursor, a.as_str(), CursorRecord::from(cursor)).await;
    let shown = world.get(&a).await.delivery;
    assert_eq!((shown.acknowledged_at, shown.rate), (at, 0.0));
}

#[tokio::test]
async fn the_default_start_is_take_over_else_continue_else_now() {
    let world = World::new().await;
    let (a, b) = (world.create("a").await.stored.id, world.create("b").await.stored.id);
    world.post(10).await;
    let head = world.head();
    assert_eq!(world.activate(&a, None).await.unwrap().start_at.0, head + 1, "now");
    world.post(10).await;
    world.settle(&a, head + 3, None).await;
    assert_eq!(world.activate(&b, None).await.unwrap().start_at.0, head + 4, "take over");
    world.settle(&b, head + 8, None).await;
    stop(&world.engine, &world.caller, &world.project, b.as_str()).await.unwrap();
    let back = world.activate(&a, None).await.unwrap();
    assert_eq!(back.start_at.0, head + 4, "continue");
    assert_eq!(back.will_send, world.head() - head - 3);
}

#[tokio::test]
async fn taking_over_begins_before_the_overlap_and_keeps_own_numbers() {
    let world = World::new().await;
    let (a, b) = (world.create("a").await.stored.id, world.create("b").await.stored.id);
    assert_eq!(activate_code(world.activate(&a, Some(Start::TakeOver)).await), "nothing_to_take_over");
    assert_eq!(activate_code(world.activate(&a, Some(Start::Continue)).await), "nothing_to_continue");
    world.activate(&a, None).await.unwrap();
    world.post(50).await;
    let settled = world.head() - 10;
    world.settle(&a, settled, Some(settled - 4)).await;
    let over = world.activate(&b, Some(Start::TakeOver)).await.unwrap();
    assert_eq!(over.start_at.0, settled - 4);
    let cursor = world.cursor(&b).await;
    assert_eq!((cursor.settled.0, cursor.resend_from, cursor.next_n), (settled - 5, None, 1));
    // The one that stopped keeps its own overlap and numbers for its own continuation.
    let back = world.activate(&a, Some(Start::Continue)).await.unwrap();
    assert_eq!(back.start_at.0, settled - 4);
    assert_eq!((world.cursor(&a).await.resend_from, world.cursor(&a).await.next_n), (Some(Position(settled - 4)), 6));
}

#[tokio::test]
async fn where_the_last_one_stopped_survives_its_deletion() {
    let world = World::new().await;
    let (a, b) = (world.create("a").await.stored.id, world.create("b").await.stored.id);
    world.activate(&a, None).await.unwrap();
    world.post(20).await;
    let settled = world.head() - 7;
    world.settle(&a, settled, None).await;
    delete(&world.engine, &world.caller, &world.project, &[a.to_string()], None).await.unwrap();
    let over = world.activate(&b, Some(Start::TakeOver)).await.unwrap();
    assert_eq!(over.start_at.0, settled + 1);
}

#[tokio::test]
async fn a_start_by_time_is_the_first_event_received_then() {
    let world = World::new().await;
    let a = world.create("a").await.stored.id;
    let mut begins = Vec::new();
    for count in [3, 1, 40, 7] {
        world.clock.advance(MINUTE);
        begins.push((world.clock.now(), world.head() + 1));
        world.post(count).await;
    }
    world.clock.advance(MINUTE);
    let head = world.head();
    for (time, position) in begins {
        assert_eq!(world.activate(&a, Some(Start::From(time))).await.unwrap().start_at.0, position);
        let earlier = time.saturating_add_nanos(-1);
        assert_eq!(world.activate(&a, Some(Start::From(earlier))).await.unwrap().start_at.0, position);
    }
    let first = world.activate(&a, Some(Start::From(Timestamp::EPOCH))).await.unwrap();
    assert_eq!(first.start_at.0, 1);
    assert!(first.will_send > head);
    let end = world.head() + 1;
    let future = world.clock.now().saturating_add_nanos(1);
    assert_eq!(world.activate(&a, Some(Start::From(future))).await.unwrap().start_at.0, end);
}

#[tokio::test]
async fn what_is_left_out_is_told_as_a_gap() {
    let world = World::new().await;
    let (a, b) = (world.create("a").await.stored.id, world.create("b").await.stored.id);
    world.post(10).await;
    let before = world.head();
    world.activate(&a, None).await.unwrap();
    assert_eq!(world.actions(before).await, ["siem-connection-activate", "siem-gap"]);
    world.post(10).await;
    let settled = world.head() - 5;
    world.settle(&a, settled, None).await;
    let before = world.head();
    world.activate(&b, Some(Start::TakeOver)).await.unwrap();
    assert_eq!(world.actions(before).await, ["siem-connection-stop", "siem-connection-activate"]);
    let before = world.head();
    world.activate(&b, Some(Start::Now)).await.unwrap();
    assert_eq!(world.actions(before).await, ["siem-connection-activate", "siem-gap"]);
    let gap = world.engine.log.event(&world.project, Position(before + 2)).await.unwrap().unwrap();
    let gap = auditwire_model::event::view(&gap, 0);
    assert_eq!(gap.resource_metadata.get("first_seq"), Some((settled + 1).to_string().as_str()));
    assert_eq!(gap.resource_metadata.get("last_seq"), Some(before.to_string().as_str()));
    assert_eq!(gap.resource_metadata.get("count"), Some((before - settled).to_string().as_str()));
}

#[tokio::test]
async fn only_what_passes_the_filter_is_counted() {
    let world = World::new().await;
    let filter = json!({"kind": "general", "source": {"mode": "except", "values": ["auditwire"]}});
    let mut body = body("a");
    body["filter"] = filter;
    let made = create(&world.engine, &world.caller, &world.project, input(&body), None).await.unwrap();
    world.post(10).await;
    let from = Start::From(Timestamp::EPOCH);
    assert_eq!(world.activate(&made.stored.id, Some(from)).await.unwrap().will_send, 10);
}

#[tokio::test]
async fn a_failed_check_changes_nothing_and_can_be_overruled() {
    let world = World::new().await;
    let a = world.create("a").await.stored.id;
    let activate_it = |despite| activate(&world.engine, &world.caller, &world.project, a.as_str(), None, despite);
    let before = world.head();
    let Err(ActivateError::CheckFailed(report)) = activate_it(false).await else { panic!("the address is forbidden") };
    assert_eq!((report.ok, report.revision), (false, Some(1)));
    assert_eq!(report.code(), "address_forbidden");
    assert_eq!((world.epoch().await, world.get(&a).await.status), (0, Status::Inactive));
    assert_eq!(world.actions(before).await, ["siem-connection-check"]);
    let before = world.head();
    let overruled = activate_it(true).await.unwrap();
    assert!(overruled.check.is_none(), "the check that failed a moment ago is not repeated");
    assert_eq!(world.actions(before).await[0], "siem-connection-activate");
}

#[tokio::test]
async fn a_passed_check_counts_ten_minutes_and_for_its_revision() {
    let world = World::new().await;
    let a = world.create("a").await.stored.id;
    let restart = || activate(&world.engine, &world.caller, &world.project, a.as_str(), Some(Start::Now), false);
    world.pass_check(&a).await;
    world.clock.advance(MINUTE * 10);
    assert!(restart().await.unwrap().check.is_none());
    world.clock.advance(Duration::from_nanos(1));
    assert_eq!(activate_code(restart().await), "check_failed");
    world.pass_check(&a).await;
    update(&world.engine, &world.caller, &world.project, a.as_str(), input(&body("a")), None).await.unwrap();
    assert_eq!(activate_code(restart().await), "check_failed");
}

#[tokio::test]
async fn checks_are_limited_and_told() {
    let world = World::new().await;
    let a = world.create("a").await.stored.id;
    let before = world.head();
    let candidate = check_stored(&world.engine, &world.caller, &world.project, a.as_str(), Some(input(&body("b"))));
    assert_eq!(candidate.await.unwrap().revision, None);
    for _ in 0..9 {
        check_candidate(&world.engine, &world.caller, &world.project, input(&body("c"))).await.unwrap();
    }
    let refused = check_stored(&world.engine, &world.caller, &world.project, a.as_str(), None).await.unwrap_err();
    assert_eq!(refused.code, "too_many_checks");
    assert!(refused.retry_after.is_some());
    assert_eq!(world.actions(before).await, ["siem-connection-check"; 10]);
    assert_eq!(world.store.records(RecordKind::CheckResult, None).await.unwrap(), []);
    world.clock.advance(MINUTE);
    let checked = check_stored(&world.engine, &world.caller, &world.project, a.as_str(), None).await.unwrap();
    assert_eq!(checked.revision, Some(1));
    assert_eq!(world.store.records(RecordKind::CheckResult, None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn activations_at_the_same_time_follow_each_other() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let id = world.create(name).await.stored.id;
        world.pass_check(&id).await;
        ids.push(id);
    }
    let before = world.head();
    let all = ids.iter().map(|id| activate(&world.engine, &world.caller, &world.project, id.as_str(), None, false));
    let answers = futures_util::future::join_all(all).await;
    let stopped = answers.into_iter().filter_map(|a| a.unwrap().stopped).count();
    assert_eq!((stopped, world.epoch().await), (3, 4));
    let views = list(&world.engine, &world.caller, &world.project).await.unwrap();
    assert_eq!(views.iter().filter(|v| v.status != Status::Inactive).count(), 1);
    let told = world.actions(before).await;
    assert_eq!(told.iter().filter(|a| *a == "siem-connection-activate").count(), 4);
    assert_eq!(told.iter().filter(|a| *a == "siem-connection-stop").count(), 3);
}

#[tokio::test]
async fn one_whose_stored_query_cannot_be_read_is_shown_and_not_activated() {
    let world = World::new().await;
    let stored = world.create("a").await.stored;
    let (id, mut broken) = (stored.id.clone(), stored);
    broken.spec.filter = auditwire_model::connection::Filter {
        kind: auditwire_model::connection::FilterKind::Query,
        query: Some("sorce.id = nova".to_owned()),
        ..Default::default()
    };
    world.write(RecordKind::Connection, id.as_str(), crate::records::ConnectionRecord::from(broken.clone())).await;
    let before = world.head();
    assert_eq!(activate_code(world.activate(&id, None).await), "filter_unusable");
    assert_eq!((world.head(), world.epoch().await), (before, 0));
    let choices = start_choices(&world.engine, &world.caller, &world.project, id.as_str(), None).await;
    let refused = choices.unwrap_err();
    assert_eq!((refused.code, refused.query.unwrap().suggestion.as_deref()), ("filter_unusable", Some("source.id")));
    assert_eq!(world.get(&id).await.stored, broken);
    let mut mended = body("a");
    mended["filter"] = json!({"kind": "query", "query": "source.id = nova"});
    update(&world.engine, &world.caller, &world.project, id.as_str(), input(&mended), None).await.unwrap();
    assert_eq!(activate_code(world.activate(&id, None).await), "activated");
}
