//! Two events with one id and different contents: the first keeps the id, the second is stored under another one, and both senders are
//! told by an event of the project (ADR 8).

use auditwire_model::Severity;
use auditwire_model::access::Caller;

use crate::Engine;
use crate::audit::{Audit, action};
use crate::log::{Conflict, Senders, Submission};
use crate::repeats::Gathered;

/// Writes one event for each pair of senders.
pub(crate) async fn tell(engine: &Engine, gathered: Vec<(Senders, Gathered<Option<Conflict>>)>) {
    for (senders, Gathered { count, what }) in gathered {
        let Some(conflict) = what else { continue };
        let events = vec![told(&senders, &conflict, count).build(engine.clock.now())];
        let submission = Submission { project: Some(senders.project.clone()), events, changes: Vec::new() };
        if let Err(error) = engine.log.submit(submission).await {
            tracing::warn!(%error, project = %senders.project, "that two events have one id could not be told");
        }
    }
}

fn told(senders: &Senders, conflict: &Conflict, count: u64) -> Audit {
    let Conflict { id, first, second, stored_as } = conflict;
    let named = |source: &str| if source.is_empty() { "a sender without a name".to_owned() } else { source.to_owned() };
    let more = if count > 1 { format!(" It is one of {count} such events within a minute.") } else { String::new() };
    Audit::new(action::ID_CONFLICT, &Caller::Service)
        .on("event", id)
        .with("first_source", &senders.first)
        .with("first_seq", first)
        .with("first_id", id)
        .with("second_source", &senders.second)
        .with("second_seq", second)
        .with("second_id", stored_as)
        .with("count", count)
        .failed("id_conflict", "the id belongs to another event already")
        .severity(Severity::Warning)
        .message(format!(
            "{} and {} sent different events with the id {id}: event {first} keeps it, event {second} is stored as {stored_as}.{more}",
            named(&senders.first),
            named(&senders.second),
        ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use auditwire_model::clock::ManualClock;
    use auditwire_model::event::{EventDraft, Plane, view};
    use auditwire_model::{Position, ProjectId, Timestamp};

    use super::*;
    use crate::intake::{Intake, accept};
    use crate::secrets::Keyring;
    use crate::store::memory::MemoryStore;
    use crate::{Settings, repeats};

    struct World {
        engine: Engine,
        clock: Arc<ManualClock>,
        project: ProjectId,
    }

    impl World {
        async fn new() -> Self {
            let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
            let (store, objects) = (Arc::new(MemoryStore::default()), crate::store::memory::objects());
            let keyring = Arc::new(Keyring::new(vec![Keyring::generate().unwrap()]));
            let engine = Engine::open(store, objects, clock.clone(), keyring, Settings::default()).await.unwrap();
            Self { engine, clock, project: ProjectId::default_project() }
        }

        /// Sends events with the id `claimed`, each with its own text.
        async fn send(&self, source: &str, texts: &[&str]) {
            let draft = |text: &&str| {
                Ok(EventDraft {
                    event_id: Some("claimed".to_owned()),
                    action: "user-signin".to_owned(),
                    source_id: Some(source.to_owned()),
                    message: Some((*text).to_owned()),
                    ..EventDraft::default()
                })
            };
            let items = texts.iter().map(draft).collect();
            let intake = Intake::<Vec<_>> { items, door: Plane::Control, idempotency_key: None };
            let report = accept(&self.engine, &Caller::Service, &self.project, intake).await.unwrap();
            assert_eq!(report.accepted, texts.len() as u64);
        }

        /// What the project was told, in order, as its message and what it was told with.
        async fn told(&self) -> Vec<(String, Vec<String>)> {
            repeats::round(&self.engine).await;
            let mut told = Vec::new();
            for at in 1..=self.engine.log.head(&self.project).0 {
                let row = self.engine.log.event(&self.project, Position(at)).await.unwrap().unwrap();
                let event = view(&row, 0);
                if event.action == action::ID_CONFLICT {
                    assert_eq!((event.source_id, event.severity), (Some("auditwire"), Severity::Warning));
                    let pairs = event.resource_metadata.iter().map(|(key, value)| format!("{key}={value}"));
                    told.push((event.message.unwrap_or_default().to_owned(), pairs.collect()));
                }
            }
            told
        }
    }

    #[tokio::test]
    async fn both_senders_are_told_who_keeps_the_id() {
        let world = World::new().await;
        world.send("intruder", &["nothing happened"]).await;
        world.send("iam", &["the real one"]).await;
        let told = world.told().await;
        let [(message, pairs)] = &*told else { panic!("{told:?}") };
        let stored = world.engine.log.event(&world.project, Position(2)).await.unwrap().unwrap();
        let stored = view(&stored, 0).event_id.to_owned();
        assert!(stored.starts_with("claimed~") && message.contains(&stored), "{message}");
        let expected = [
            "count=1".to_owned(),
            "first_id=claimed".to_owned(),
            "first_seq=1".to_owned(),
            "first_source=intruder".to_owned(),
            format!("second_id={stored}"),
            "second_seq=2".to_owned(),
            "second_source=iam".to_owned(),
        ];
        assert_eq!(*pairs, expected);
        // The same event again is no conflict.
        let again = world.engine.log.head(&world.project);
        let intake = Intake {
            items: vec![Ok(EventDraft {
                event_id: Some("claimed".to_owned()),
                action: "user-signin".to_owned(),
                source_id: Some("iam".to_owned()),
                message: Some("the real one".to_owned()),
                ..EventDraft::default()
            })],
            door: Plane::Control,
            idempotency_key: None,
        };
        assert_eq!(accept(&world.engine, &Caller::Service, &world.project, intake).await.unwrap().duplicates, 1);
        assert_eq!((world.told().await.len(), world.engine.log.head(&world.project)), (1, again));
    }

    #[tokio::test]
    async fn of_one_pair_the_first_is_told_at_once_and_the_rest_once_a_minute() {
        let world = World::new().await;
        let texts: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        // All in one group, so that the first event is not committed yet when the others are compared with it.
        world.send("one", &texts).await;
        let told = world.told().await;
        assert_eq!((told.len(), told[0].1[0].as_str()), (1, "count=199"));
        world.send("two", &["another"]).await;
        world.send("two", &["and another"]).await;
        assert_eq!(world.told().await.len(), 2, "another pair");
        world.send("two", &["one more"]).await;
        assert_eq!(world.told().await.len(), 2);
        // A clock that is set back does not keep it for years.
        world.clock.set(Timestamp::parse("2024-11-22T10:00:00Z").unwrap());
        world.clock.advance(Duration::from_secs(60));
        let told = world.told().await;
        assert_eq!((told.len(), told[2].1[0].as_str()), (3, "count=1"));
    }
}
