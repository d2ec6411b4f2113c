//! The download beside a list; [`streams`] has full exports.

mod streams;

use std::sync::Arc;

use auditwire_model::TokenId;
use auditwire_model::access::{Caller, Origin, Scope};
use auditwire_model::event::{EventDraft, Plane, view};
use auditwire_model::query::{Expr, Field, Op, Value};
use auditwire_model::{Severity, Timestamp};

use super::*;
use crate::search::Search;
use crate::search::tests::{engine_with, operator, post};
use crate::store::memory::{Fault, MemoryStore};
use crate::{Engine, Settings};

struct World {
    engine: Engine,
    store: Arc<MemoryStore>,
    caller: Caller,
    project: ProjectId,
}

impl World {
    async fn new() -> Self {
        Self::with(ExportSettings::default()).await
    }

    async fn with(export: ExportSettings) -> Self {
        let (engine, store) = engine_with(Settings { export, ..Settings::default() }).await;
        Self { engine, store, caller: operator(), project: ProjectId::default_project() }
    }

    async fn post(&self, count: usize, draft: EventDraft) {
        post(&self.engine, &self.project, &draft, count).await;
    }

    async fn lines(&self, search: &Search) -> Vec<String> {
        let bytes = tsv(&self.engine, &self.caller, &self.project, search).await.unwrap();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn head(&self) -> Position {
        self.engine.log.head(&self.project)
    }

    /// What the newest event says of the export: `resource.metadata` as it is stored.
    async fn told(&self) -> Vec<(String, String)> {
        let batch = self.engine.log.event(&self.project, self.head()).await.unwrap().unwrap();
        let event = view(&batch, 0);
        assert_eq!((event.action, event.source_id), ("export", Some("auditwire")));
        assert_eq!((event.subject_user_id, event.resource_id), (Some("t-1"), Some("default")));
        event.resource_metadata.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }
}

fn event(message: &str) -> EventDraft {
    EventDraft { action: "create-vm".to_owned(), message: Some(message.to_owned()), ..EventDraft::default() }
}

fn search(order: Order, limit: usize) -> Search {
    Search { query: Expr::All, time_from: None, time_to: None, plane: None, order, after: None, limit }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[tokio::test]
async fn rows_are_those_of_the_search_in_its_order_and_the_export_is_told() {
    let world = World::new().await;
    for message in ["one", "two", "three"] {
        world.post(1, event(message)).await;
    }
    world.post(1, EventDraft { severity: Severity::Error, plane: Some(Plane::Data), ..event("=four\n") }).await;
    let lines = world.lines(&search(Order::Descending, 1000)).await;
    assert_eq!(lines[0], "timestamp\tseverity\taction\tmessage\tsource\tuser\tresource\tstatus");
    assert_eq!(lines[1], "2026-11-22T10:00:00Z\tERROR\tcreate-vm\t'=four\\n\t\t\t\tunknown");
    assert_eq!(lines[2..].iter().map(|l| l.split('\t').nth(3).unwrap()).collect::<Vec<_>>(), ["three", "two", "one"]);
    let expected =
        [("filter", ""), ("first_seq", "1"), ("format", "tsv"), ("last_seq", "4"), ("order", "desc"), ("rows", "4")];
    assert_eq!(world.told().await, pairs(&expected));
    let is_three = Expr::Compare(
        Field::Column(auditwire_model::event::columns::MESSAGE),
        Op::Equal,
        Value::Text("three".to_owned()),
    );
    let (from, to) =
        (Timestamp::parse("2026-01-01T00:00:00Z").unwrap(), Timestamp::parse("2027-01-01T00:00:00Z").unwrap());
    let narrow = Search {
        query: is_three,
        time_from: Some(from),
        time_to: Some(to),
        plane: Some(Plane::Control),
        ..search(Order::Ascending, 0)
    };
    assert_eq!(world.lines(&narrow).await.len(), 2, "a limit of nothing is one row");
    let expected = [
        ("filter", "message = three AND plane = control"),
        ("first_seq", "3"),
        ("format", "tsv"),
        ("from", "2026-01-01T00:00:00Z"),
        ("last_seq", "3"),
        ("order", "asc"),
        ("rows", "1"),
        ("to", "2027-01-01T00:00:00Z"),
    ];
    assert_eq!(world.told().await, pairs(&expected));
    let nothing = Search { time_to: Some(Timestamp::EPOCH), ..search(Order::Ascending, 1000) };
    assert_eq!(world.lines(&nothing).await.len(), 1);
    assert!(world.told().await.contains(&("rows".to_owned(), "0".to_owned())));
}

#[tokio::test]
async fn a_thousand_rows_are_the_most() {
    let world = World::new().await;
    world.post(1200, event("m")).await;
    assert_eq!(world.lines(&search(Order::Ascending, 5000)).await.len(), 1001);
    let told = world.told().await;
    assert!(told.contains(&("last_seq".to_owned(), "1000".to_owned())), "{told:?}");
    let second = Search { after: Some(Position(1000)), ..search(Order::Ascending, 1000) };
    // The other 200 events, and the first export.
    assert_eq!(world.lines(&second).await.len(), 202);
    assert_eq!(world.lines(&search(Order::Ascending, 10)).await.len(), 11);
}

#[tokio::test]
async fn what_cannot_be_told_is_not_handed_out() {
    let world = World::new().await;
    world.post(3, event("m")).await;
    let before = world.head();
    world.store.inject(0, Fault::Full);
    let all = search(Order::Ascending, 1000);
    let refused = tsv(&world.engine, &world.caller, &world.project, &all).await.unwrap_err();
    assert_eq!((refused.code, world.head()), ("storage_full", before));
    let blind = Caller::Token {
        token: TokenId::parse("t-2").unwrap(),
        project: world.project.clone(),
        scopes: vec![Scope::Ingest, Scope::Configure],
        sources: vec![],
        origin: Origin::new([127, 0, 0, 1], "r-1"),
    };
    assert_eq!(tsv(&world.engine, &blind, &world.project, &all).await.unwrap_err().code, "forbidden");
    assert_eq!(world.head(), before, "and nothing is told of it");
}
