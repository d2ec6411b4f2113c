use std::sync::Arc;

use auditwire_model::access::{Origin, Principal, Scope};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{EventDraft, rows};
use auditwire_model::query::parse;
use auditwire_model::{Clock as _, Position, TokenId};

use super::*;
use crate::Settings;
use crate::search::tests::{operator, post};
use crate::search::{self, Question, Search};
use crate::secrets::{Keyring, Secret};
use crate::store::Order;
use crate::store::memory::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);

struct World {
    engine: Engine,
    clock: Arc<ManualClock>,
    project: ProjectId,
}

async fn clocked() -> (Engine, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
    let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
    let (store, objects) = (Arc::new(MemoryStore::default()), crate::store::memory::objects());
    (Engine::open(store, objects, clock.clone(), keyring, Settings::default()).await.unwrap(), clock)
}

/// With 30 events, and with looking told.
async fn world() -> World {
    let (engine, clock) = clocked().await;
    let project = ProjectId::default_project();
    post(&engine, &project, &EventDraft { action: "a".to_owned(), ..EventDraft::default() }, 30).await;
    set(&engine, &operator(), &project, true).await.unwrap();
    World { engine, clock, project }
}

fn somebody(id: &str, address: u8) -> Caller {
    Caller::Operator {
        by: Principal::Token(TokenId::parse(id).unwrap()),
        origin: Origin::new([192, 0, 2, address], format!("r-{address}")),
    }
}

fn expr(text: &str) -> Expr {
    parse(text, None).unwrap().expr
}

fn asked(query: &str, limit: usize) -> Search {
    Search {
        query: expr(query),
        time_from: None,
        time_to: None,
        plane: None,
        order: Order::Descending,
        after: None,
        limit,
    }
}

impl World {
    async fn page(&self, caller: &Caller, query: &str, limit: usize) {
        search::page(&self.engine, caller, &self.project, &asked(query, limit)).await.unwrap();
    }

    /// The looks that the log tells of: who, from where, query, events, requests, ways.
    async fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        for at in 1..=self.engine.log.head(&self.project).0 {
            let batch = self.engine.log.event(&self.project, Position(at)).await.unwrap().unwrap();
            told.extend(rows(&batch).filter(tells).map(|event| {
                let parts: Vec<_> = event.resource_metadata.iter().collect();
                let part =
                    |name: &str| parts.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| *value).to_owned();
                let (user, address) = (event.subject_user_id.unwrap_or("-"), event.subject_address.unwrap_or("-"));
                let (query, ways) = (part("query"), part("ways"));
                format!("{user} {address} [{query}] {} in {}: {ways}", part("events"), part("requests"))
            }));
        }
        told.sort();
        told
    }

    async fn next_minute(&self) {
        self.clock.advance(MINUTE);
        tell(&self.engine, false).await;
    }
}

#[tokio::test]
async fn it_is_off_until_it_is_switched_on_and_both_are_told() {
    let (engine, clock) = clocked().await;
    let world = World { engine, clock, project: ProjectId::default_project() };
    assert!(!get(&world.engine, &operator(), &world.project).await.unwrap());
    world.page(&operator(), "seq > 0", 10).await;
    world.next_minute().await;
    assert_eq!(world.told().await, Vec::<String>::new());
    for audited in [true, false] {
        assert_eq!(set(&world.engine, &operator(), &world.project, audited).await.unwrap(), audited);
        assert_eq!(get(&world.engine, &operator(), &world.project).await.unwrap(), audited);
    }
    world.page(&operator(), "seq > 0", 10).await;
    world.next_minute().await;
    assert_eq!(world.told().await, Vec::<String>::new(), "it is off again");
    let head = world.engine.log.head(&world.project).0;
    assert_eq!(head, 2, "two switches and nothing else");
}

#[tokio::test]
async fn what_one_asks_in_a_minute_by_the_same_question_is_one_event() {
    let world = world().await;
    let (ann, bob) = (somebody("t-ann", 1), somebody("t-bob", 2));
    for limit in [10, 5] {
        world.page(&ann, "action = a", limit).await;
    }
    let question = Question { query: expr("action = a"), ..Question::default() };
    search::count(&world.engine, &ann, &world.project, &question).await.unwrap();
    world.page(&ann, "seq = 7", 10).await;
    search::event(&world.engine, &bob, &world.project, Position(3)).await.unwrap();
    assert_eq!(world.told().await, Vec::<String>::new(), "the minute is not over");
    world.next_minute().await;
    let first = [
        "t-ann 192.0.2.1 [action = a] 15 in 3: count page",
        "t-ann 192.0.2.1 [seq = 7] 1 in 1: page",
        "t-bob 192.0.2.2 [seq = 3] 1 in 1: event",
    ];
    assert_eq!(world.told().await, first);
    world.next_minute().await;
    assert_eq!(world.told().await.len(), 3, "a minute without a look");
    search::event(&world.engine, &bob, &world.project, Position(3)).await.unwrap();
    world.engine.close().await;
    assert_eq!(world.told().await.len(), 4, "nothing is lost when it ends");
}

#[tokio::test]
async fn many_questions_of_one_caller_become_one() {
    let world = world().await;
    let ann = somebody("t-ann", 1);
    for n in 1..=30 {
        world.page(&ann, &format!("seq = {n}"), 10).await;
    }
    world.next_minute().await;
    let told = world.told().await;
    assert_eq!(told.len(), desk::QUESTIONS + 1, "{told:?}");
    assert!(told.contains(&"t-ann 192.0.2.1 [(other questions)] 10 in 10: page".to_owned()), "{told:?}");
}

#[tokio::test]
async fn a_tail_tells_what_it_shows_but_not_what_is_told_of_it() {
    use futures_util::StreamExt as _;
    let world = world().await;
    let (ann, all) = (somebody("t-ann", 1), expr("seq > 0"));
    let from = Some(Position::ZERO);
    let mut tail = search::tail(&world.engine, &ann, &world.project, all, None, from).await.unwrap();
    let mut rows = 0;
    while rows < 31 {
        rows += tail.next().await.unwrap().unwrap().num_rows();
    }
    world.next_minute().await;
    assert_eq!(world.told().await, ["t-ann 192.0.2.1 [seq > 0] 31 in 1: tail"]);
    assert_eq!(tail.next().await.unwrap().unwrap().num_rows(), 1, "it shows the event that tells of it");
    world.next_minute().await;
    assert_eq!(world.told().await.len(), 1, "which is no look of its own");
}

#[tokio::test]
async fn a_log_that_cannot_take_it_is_told_later() {
    let world = world().await;
    world.page(&somebody("t-ann", 1), "seq = 7", 10).await;
    let (key, now) = (Asked { address: None, query: Some("x".to_owned()), plane: None }, world.clock.now());
    world.engine.shared.reading.note(&world.project, &somebody("t-bob", 2), &key, Seen::one("page", None, None), now);
    assert_eq!(world.engine.shared.reading.over(now, false).len(), 0);
    let over = world.engine.shared.reading.over(now, true);
    assert_eq!(over.len(), 2);
    for (project, caller, asked, seen) in over {
        world.engine.shared.reading.note(&project, &caller, &asked, seen, now);
    }
    world.next_minute().await;
    assert_eq!(world.told().await.len(), 2);
}

#[tokio::test]
async fn refusals_are_counted_and_told_when_they_repeat() {
    let world = world().await;
    let blind = Caller::Token {
        token: TokenId::parse("t-blind").unwrap(),
        project: world.project.clone(),
        scopes: vec![Scope::Ingest],
        sources: vec![],
        origin: Origin::new([192, 0, 2, 9], "r-9"),
    };
    let system = ProjectId::system();
    let before = world.engine.log.head(&world.project).0;
    for n in 0..25 {
        let project = if n % 5 == 0 { &system } else { &world.project };
        search::event(&world.engine, &blind, project, Position(1)).await.unwrap_err();
    }
    assert_eq!(crate::denied(&world.engine), crate::Denied { forbidden: 20, hidden: 5 });
    let told = world.engine.log.event(&world.project, Position(before + 1)).await.unwrap().unwrap();
    let event = rows(&told).next().unwrap();
    assert_eq!((event.action, event.subject_user_id), (action::ACCESS_REFUSED, Some("t-blind")));
    assert_eq!((event.subject_address, event.request_id), (Some("192.0.2.9"), Some("r-9")));
    assert_eq!(world.engine.log.head(&world.project).0, before + 1, "once a minute");
    world.clock.advance(MINUTE);
    for _ in 0..10 {
        search::event(&world.engine, &blind, &world.project, Position(1)).await.unwrap_err();
    }
    assert_eq!(world.engine.log.head(&world.project).0, before + 2);
}
