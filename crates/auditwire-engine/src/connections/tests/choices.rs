//! The offered beginnings are those that an activation takes, with the numbers that it tells.

use super::super::choices::{Limits, counted};
use super::*;

impl World {
    async fn choices(&self, id: &ConnectionId, from: Option<Timestamp>) -> StartChoices {
        start_choices(&self.engine, &self.caller, &self.project, id.as_str(), from).await.unwrap()
    }

    /// A connection that gets no events of the service itself, so that an activation adds nothing to its own count.
    async fn create_filtered(&self, name: &str) -> ConnectionId {
        let mut body = body(name);
        body["filter"] = json!({"kind": "general", "source": {"mode": "except", "values": ["auditwire"]}});
        create(&self.engine, &self.caller, &self.project, input(&body), None).await.unwrap().stored.id
    }
}

fn starts(choices: &StartChoices) -> Vec<Start> {
    choices.choices.iter().map(|c| c.start).collect()
}

fn numbers(choices: &StartChoices) -> Vec<(u64, u64, bool)> {
    choices.choices.iter().map(|c| (c.start_at.0, c.will_send, c.exact)).collect()
}

#[tokio::test]
async fn only_what_is_possible_is_offered() {
    let world = World::new().await;
    let (a, b) = (world.create("a").await.stored.id, world.create("b").await.stored.id);
    let offered = world.choices(&a, None).await;
    assert_eq!((starts(&offered), offered.default, offered.take_over_from), (vec![Start::Now], Start::Now, None));
    world.activate(&a, None).await.unwrap();
    let own = world.choices(&a, None).await;
    assert_eq!((starts(&own), own.default), (vec![Start::Continue, Start::Now], Start::Continue));
    let other = world.choices(&b, Some(world.clock.now())).await;
    assert_eq!(starts(&other), [Start::TakeOver, Start::Now, Start::From(world.clock.now())]);
    assert_eq!((other.default, &other.take_over_from), (Start::TakeOver, &Some(a.clone())));
    stop(&world.engine, &world.caller, &world.project, a.as_str()).await.unwrap();
    let stopped = world.choices(&b, None).await;
    assert_eq!((starts(&stopped), stopped.default), (vec![Start::TakeOver, Start::Now], Start::Now));
    world.activate(&b, None).await.unwrap();
    let both = world.choices(&a, None).await;
    assert_eq!(starts(&both), [Start::Continue, Start::TakeOver, Start::Now]);
    assert_eq!((both.default, both.take_over_from), (Start::TakeOver, Some(b.clone())));
    delete(&world.engine, &world.caller, &world.project, &[b.to_string()], None).await.unwrap();
    let gone = world.choices(&a, None).await;
    assert_eq!(starts(&gone), [Start::Continue, Start::TakeOver, Start::Now]);
    assert_eq!((gone.default, gone.take_over_from), (Start::Continue, None));
}

#[tokio::test]
async fn without_a_filter_the_numbers_are_arithmetic() {
    let world = World::new().await;
    let (a, b) = (world.create("a").await.stored.id, world.create("b").await.stored.id);
    world.activate(&a, None).await.unwrap();
    world.post(50).await;
    let head = world.head();
    world.settle(&a, head - 10, Some(head - 14)).await;
    let offered = world.choices(&b, Some(Timestamp::EPOCH)).await;
    assert_eq!(starts(&offered), [Start::TakeOver, Start::Now, Start::From(Timestamp::EPOCH)]);
    assert_eq!(numbers(&offered), [(head - 14, 15, true), (head + 1, 0, true), (1, head, true)]);
}

#[tokio::test]
async fn an_activation_does_what_was_offered() {
    let world = World::new().await;
    let (a, b) = (world.create_filtered("a").await, world.create_filtered("b").await);
    for id in [&a, &b] {
        world.activate(id, Some(Start::Now)).await.unwrap();
        world.clock.advance(MINUTE);
        world.post(20).await;
    }
    let (from, head) = (world.clock.now(), world.head());
    world.settle(&a, head - 33, None).await;
    world.settle(&b, head - 7, None).await;
    for start in [Start::Continue, Start::TakeOver, Start::Now, Start::From(from)] {
        // Back to where it was: `b` is active, `a` has stopped.
        world.activate(&b, Some(Start::Now)).await.unwrap();
        world.settle(&a, head - 33, None).await;
        world.settle(&b, head - 7, None).await;
        let offered = world.choices(&a, Some(from)).await;
        let choice = offered.choices.iter().find(|c| c.start == start).unwrap();
        let done = world.activate(&a, Some(start)).await.unwrap();
        assert!(choice.exact);
        assert_eq!((done.will_send, done.start_at), (choice.will_send, choice.start_at), "{start:?}");
    }
    let offered = world.choices(&a, Some(from)).await;
    assert!(offered.choices.iter().any(|c| c.will_send == 20), "{offered:?}");
}

/// The answer to an activation does not wait until a long log is counted.
#[tokio::test]
async fn an_activation_counts_no_further_than_its_limit_and_says_so() {
    let world = World::new().await;
    let a = world.create_filtered("a").await;
    for _ in 0..40 {
        world.post(100).await;
    }
    let from_the_beginning = Some(Start::From(Timestamp::EPOCH));
    let done = world.activate(&a, from_the_beginning).await.unwrap();
    assert!(!done.exact && (2000..4000).contains(&done.will_send), "{} {}", done.will_send, done.exact);
    let again = super::super::activate(&world.engine, &world.caller, &world.project, a.as_str(), None, false);
    let again = again.await.unwrap();
    assert!(!again.exact && (2000..4000).contains(&again.will_send), "the active one is counted in the same way");
    let short = world.activate(&a, Some(Start::Now)).await.unwrap();
    assert_eq!((short.will_send, short.exact), (0, true));
}

#[tokio::test]
async fn counting_stops_at_a_limit_and_says_so() {
    let world = World::new().await;
    let a = world.create_filtered("a").await;
    for _ in 0..40 {
        world.post(10).await;
    }
    let filter = world.get(&a).await.stored.spec.filter.to_expr().unwrap();
    let head = world.head();
    let begins: Vec<_> = [1, head - 99, head + 1].map(|at| (Start::Now, Position(at))).into();
    let limited = async |rows, time| {
        let limits = Limits { rows, time };
        let counted = counted(&world.engine, &world.project, filter.clone(), &begins, limits).await.unwrap();
        counted.iter().map(|c| (c.will_send, c.exact)).collect::<Vec<_>>()
    };
    assert_eq!(limited(1_000_000, MINUTE).await, [(400, true), (100, true), (0, true)]);
    let few = limited(100, MINUTE).await;
    assert_eq!((few[1], few[2]), ((100, true), (0, true)), "what was counted before the limit is exact");
    assert!(!few[0].1 && (100..400).contains(&few[0].0), "{few:?}");
    assert_eq!(limited(1_000_000, Duration::ZERO).await, [(0, false), (0, false), (0, true)]);
}
