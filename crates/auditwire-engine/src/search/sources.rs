//! Which sources send events at present: what a filter by source offers.

use std::collections::BTreeSet;
use std::time::Duration;

use arrow_array::cast::AsArray;
use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::{Columns, columns};
use auditwire_model::query::Expr;
use auditwire_model::{Position, ProjectId};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::{Instant, timeout_at};

use crate::Engine;
use crate::error::Result;
use crate::log::{Scan, Scanned};
use crate::reading::{self, Looked};
use crate::store::Order;

/// So many of the newest events are looked at.
const EVENTS: u64 = 10_000;
/// A page waits for this: after so long what was found is the answer.
const TIME_MAX: Duration = Duration::from_millis(300);
/// Longer ones are no names of services; no filter takes them either. In bytes.
const LENGTH_MAX: usize = 256;
/// Most sources in an answer.
const SOURCES_MAX: usize = 1000;

/// The distinct `source.id` among the newest 10,000 events, sorted. A help for choosing, not a census: it takes at most
/// 300 ms and answers with what it has found by then.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn sources(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<Vec<String>> {
    let _look = reading::begin(engine, caller, project, Verb::EventsFacets, Looked::default()).await?;
    let to = engine.log.head(project);
    let scan = Scan {
        project: project.clone(),
        from: Position(to.0.saturating_sub(EVENTS - 1)),
        to,
        time_from: None,
        time_to: None,
        predicate: Expr::All,
        order: Order::Descending,
        limit: None,
        columns: Columns::of(&[columns::SOURCE_ID]),
        numbered: false,
    };
    distinct(engine.log.scan(scan), Instant::now() + TIME_MAX).await
}

async fn distinct(mut scan: BoxStream<'static, Result<Scanned>>, deadline: Instant) -> Result<Vec<String>> {
    let mut found = BTreeSet::new();
    // Anything else than a piece means that the end was reached, or that the time is over.
    while let Ok(Some(scanned)) = timeout_at(deadline, scan.next()).await {
        let batch = scanned?.batch;
        let ids = batch.column(columns::SOURCE_ID).as_string::<i32>();
        for id in ids.iter().flatten().filter(|id| (1..=LENGTH_MAX).contains(&id.len())) {
            if found.len() < SOURCES_MAX && !found.contains(id) {
                found.insert(id.to_owned());
            }
        }
    }
    Ok(found.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use auditwire_model::TokenId;
    use auditwire_model::event::EventDraft;
    use futures_util::stream;

    use super::*;
    use crate::search::tests::{engine, operator};

    async fn post(engine: &Engine, project: &ProjectId, source: Option<&str>, count: usize) {
        let source_id = source.map(str::to_owned);
        let draft = EventDraft { action: "a".to_owned(), source_id, ..EventDraft::default() };
        crate::search::tests::post(engine, project, &draft, count).await;
    }

    #[tokio::test]
    async fn the_newest_events_name_their_sources_once_and_sorted() {
        let ((engine, _), project) = (engine().await, ProjectId::default_project());
        let found = async || sources(&engine, &operator(), &project).await.unwrap();
        assert!(found().await.is_empty());
        post(&engine, &project, Some("old"), 2).await;
        for source in [Some("nova"), None, Some("iam"), Some("база"), Some("nova"), Some("")] {
            post(&engine, &project, source, 3).await;
        }
        post(&engine, &project, Some(&"x".repeat(LENGTH_MAX + 1)), 1).await;
        assert_eq!(found().await, ["iam", "nova", "old", "база"]);
        let newest = usize::try_from(EVENTS).unwrap();
        post(&engine, &project, Some("iam"), newest - 20).await;
        assert_eq!(found().await, ["iam", "nova", "old", "база"], "the 10,000th event from the end is one of them");
        post(&engine, &project, Some("iam"), 1).await;
        assert_eq!(found().await, ["iam", "nova", "база"]);
        let other = Caller::Token {
            token: TokenId::parse("t-2").unwrap(),
            project: project.clone(),
            scopes: vec![],
            sources: vec![],
            origin: auditwire_model::access::Origin::new([127, 0, 0, 1], "r-1"),
        };
        assert_eq!(sources(&engine, &other, &project).await.unwrap_err().code, "forbidden");
    }

    #[tokio::test]
    async fn out_of_time_it_answers_with_what_it_has() {
        let ((engine, _), project) = (engine().await, ProjectId::default_project());
        post(&engine, &project, Some("iam"), 1).await;
        let scan = Scan { project, ..crate::log::tests::whole(&crate::log::tests::project(0)) };
        let endless = engine.log.scan(scan).chain(stream::pending()).boxed();
        let found = distinct(endless, Instant::now() + Duration::from_millis(20)).await.unwrap();
        assert_eq!(found, ["iam"]);
    }
}
