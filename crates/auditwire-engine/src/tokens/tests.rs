use std::sync::Arc;
use std::time::Duration;

use auditwire_model::Clock;
use auditwire_model::access::Origin;
use auditwire_model::clock::ManualClock;
use auditwire_model::event::rows;

use super::*;
use crate::secrets::Keyring;
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::{Settings, projects};

mod model;
mod rotation;
mod tree;

struct World {
    engine: Engine,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    operator: Caller,
}

async fn open(store: &Arc<MemoryStore>, clock: &Arc<ManualClock>) -> Engine {
    let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
    Engine::open(store.clone(), crate::store::memory::objects(), clock.clone(), keyring, Settings::default())
        .await
        .unwrap()
}

async fn world() -> World {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
    let store = Arc::new(MemoryStore::default());
    let engine = open(&store, &clock).await;
    let mut text = String::new();
    let made = create_operator(&engine, |secret| {
        text = String::from_utf8(secret.expose().to_vec()).unwrap();
        Ok(())
    });
    assert!(made.await.unwrap());
    let operator = authenticate(&engine, &text, &from()).await.unwrap().unwrap();
    World { engine, clock, store, operator }
}

fn from() -> Origin {
    Origin::new([192, 0, 2, 7], "r-1")
}

fn spec(scopes: &[Scope]) -> TokenSpec {
    TokenSpec { name: "t".to_owned(), scopes: scopes.to_vec(), sources: vec![], expires_at: None }
}

fn text(secret: Option<Secret>) -> String {
    String::from_utf8(secret.unwrap().expose().to_vec()).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.expect_err("an error").code
}

fn refused(result: Result<(), RevokeError>) -> &'static str {
    match result.expect_err("an error") {
        RevokeError::HasDescendants(_) => "token_has_descendants",
        RevokeError::Other(error) => error.code,
    }
}

async fn told(engine: &Engine, project: &ProjectId) -> Vec<String> {
    let mut told = Vec::new();
    for at in 1..=engine.log.head(project).0 {
        let event = engine.log.event(project, auditwire_model::Position(at)).await.unwrap().unwrap();
        told.extend(rows(&event).map(|e| e.action.to_owned()));
    }
    told
}

#[tokio::test]
async fn the_first_token_is_the_operators_and_is_made_once() {
    let world = world().await;
    assert!(matches!(world.operator, Caller::Operator { .. }));
    assert!(!create_operator(&world.engine, |_| panic!("it was made already")).await.unwrap());
    assert_eq!(told(&world.engine, &ProjectId::system()).await, ["token-create"]);
    // Also after a restart.
    let again = open(&Arc::new(world.store.crash()), &world.clock).await;
    assert!(!create_operator(&again, |_| panic!("it was made already")).await.unwrap());
    assert_eq!(again.instance.id, world.engine.instance.id);
}

#[tokio::test]
async fn a_token_that_could_not_be_handed_over_was_never_valid() {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
    let engine = open(&Arc::new(MemoryStore::default()), &clock).await;
    let mut lost = String::new();
    let failed = create_operator(&engine, |secret| {
        lost = String::from_utf8(secret.expose().to_vec()).unwrap();
        Err(std::io::Error::other("read-only"))
    });
    assert_eq!(code(failed.await), "operator_token_not_written");
    assert_eq!(authenticate(&engine, &lost, &from()).await.unwrap(), None);
    assert!(create_operator(&engine, |_| Ok(())).await.unwrap());
}

#[tokio::test]
async fn a_token_is_known_until_it_is_revoked_or_expires() {
    let world = world().await;
    let (engine, project) = (&world.engine, ProjectId::default_project());
    let end = world.clock.now().saturating_add_nanos(60_000_000_000);
    let wanted = TokenSpec { expires_at: Some(end), ..spec(&[Scope::Read, Scope::Ingest, Scope::Read]) };
    let (made, secret) = create(engine, &world.operator, &project, wanted, None).await.unwrap();
    let (token, secret) = (made.token, text(secret));
    assert!(secret.len() == 67 && secret.starts_with("aw_"));
    assert_eq!(token.scopes, [Scope::Ingest, Scope::Read]);
    let caller = authenticate(engine, &secret, &from()).await.unwrap().unwrap();
    assert!(matches!(&caller, Caller::Token { token: id, project: of, .. } if *id == token.id && *of == project));
    for wrong in [secret.to_uppercase(), secret[1..].to_owned(), format!("{secret}0"), format!("aw_{}", "0".repeat(64))]
    {
        assert_eq!(authenticate(engine, &wrong, &from()).await.unwrap(), None, "{wrong}");
    }
    // Nothing that is stored or printed lets one in.
    for record in world.store.records(RecordKind::Token, None).await.unwrap() {
        assert!(!String::from_utf8_lossy(&record.value).contains(&secret[3..]));
    }
    assert!(!format!("{token:?}{engine:?}").contains(&secret[3..]));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(authenticate(engine, &secret, &from()).await.unwrap(), None, "it has expired");
    let (made, secret) = create(engine, &world.operator, &project, spec(&[Scope::Read]), None).await.unwrap();
    let (token, secret) = (made.token, text(secret));
    assert!(authenticate(engine, &secret, &from()).await.unwrap().is_some());
    revoke(engine, &world.operator, &project, &token.id, None).await.unwrap();
    assert_eq!(authenticate(engine, &secret, &from()).await.unwrap(), None, "it was revoked, although just seen");
    assert_eq!(refused(revoke(engine, &world.operator, &project, &token.id, None).await), "token_not_found");
    assert_eq!(told(engine, &project).await, ["token-create", "token-create", "token-revoke"]);
}

#[tokio::test]
async fn a_token_never_exceeds_its_maker() {
    let world = world().await;
    let (engine, project) = (&world.engine, ProjectId::default_project());
    let end = world.clock.now().saturating_add_nanos(1_000_000_000);
    let maker = TokenSpec {
        sources: vec!["nova".to_owned(), "iam".to_owned()],
        expires_at: Some(end),
        ..spec(&[Scope::Ingest, Scope::Configure])
    };
    let (_, secret) = create(engine, &world.operator, &project, maker, None).await.unwrap();
    let maker = authenticate(engine, &text(secret), &from()).await.unwrap().unwrap();
    let make = |spec| create(engine, &maker, &project, spec, None);
    let narrow = TokenSpec { sources: vec!["nova".to_owned()], expires_at: Some(end), ..spec(&[Scope::Ingest]) };
    assert!(make(narrow.clone()).await.is_ok());
    assert_eq!(code(make(TokenSpec { scopes: vec![Scope::Read], ..narrow.clone() }).await), "forbidden");
    assert_eq!(code(make(TokenSpec { sources: vec![], ..narrow.clone() }).await), "forbidden");
    assert_eq!(code(make(TokenSpec { sources: vec!["dns".to_owned()], ..narrow.clone() }).await), "forbidden");
    assert_eq!(code(make(TokenSpec { expires_at: None, ..narrow.clone() }).await), "invalid_expiry");
    assert_eq!(code(create(engine, &maker, &ProjectId::system(), narrow, None).await), "project_not_found");
    let (_, secret) = create(engine, &world.operator, &project, spec(&[Scope::Read]), None).await.unwrap();
    let reader = authenticate(engine, &text(secret), &from()).await.unwrap().unwrap();
    assert_eq!(code(create(engine, &reader, &project, spec(&[Scope::Read]), None).await), "forbidden");
    assert_eq!(code(list(engine, &reader, &project).await), "forbidden");
}

#[tokio::test]
async fn wrong_tokens_are_refused_with_their_field() {
    let world = world().await;
    let project = ProjectId::default_project();
    let wrong = [
        (TokenSpec { name: " ".to_owned(), ..spec(&[Scope::Read]) }, "invalid_name"),
        (spec(&[]), "invalid_scopes"),
        (TokenSpec { sources: vec!["auditwire".to_owned()], ..spec(&[Scope::Read]) }, "invalid_sources"),
        (TokenSpec { expires_at: Some(world.clock.now()), ..spec(&[Scope::Read]) }, "invalid_expiry"),
    ];
    for (spec, expected) in wrong {
        assert_eq!(code(create(&world.engine, &world.operator, &project, spec, None).await), expected);
    }
}

#[tokio::test]
async fn a_repeated_creation_gives_the_token_without_its_secret() {
    let world = world().await;
    let project = ProjectId::default_project();
    let make = |spec| create(&world.engine, &world.operator, &project, spec, Some("key"));
    let (first, secret) = make(spec(&[Scope::Read])).await.unwrap();
    let (again, nothing) = make(spec(&[Scope::Read])).await.unwrap();
    assert!(first == again && secret.is_some() && nothing.is_none());
    assert_eq!(code(make(spec(&[Scope::Ingest])).await), "idempotency_key_reused");
    assert_eq!(list(&world.engine, &world.operator, &project).await.unwrap(), [first]);
}

#[tokio::test]
async fn the_operators_token_is_rotated_and_the_last_one_stays() {
    let world = world().await;
    let (engine, system) = (&world.engine, ProjectId::system());
    let first = list(engine, &world.operator, &system).await.unwrap().remove(0).token.id;
    assert_eq!(refused(revoke(engine, &world.operator, &system, &first, None).await), "last_operator_token");
    assert_eq!(code(create(engine, &world.operator, &system, spec(&[Scope::Read]), None).await), "forbidden");
    let (_, secret) = create(engine, &world.operator, &system, spec(&ALL_SCOPES), None).await.unwrap();
    let second = authenticate(engine, &text(secret), &from()).await.unwrap().unwrap();
    assert!(matches!(second, Caller::Operator { .. }));
    revoke(engine, &second, &system, &first, None).await.unwrap();
    assert_eq!(list(engine, &second, &system).await.unwrap().len(), 1);
}

#[tokio::test]
async fn refusals_are_told_once_a_minute_and_limited() {
    let world = world().await;
    let wrong = format!("aw_{}", "0".repeat(64));
    for _ in 0..30 {
        assert_eq!(authenticate_from(&world.engine, Some(&wrong), &from()).await.unwrap(), None);
    }
    let refused = authenticate_from(&world.engine, Some(&wrong), &from()).await.unwrap_err();
    assert_eq!((refused.code, refused.retry_after), ("too_many_refusals", Some(Duration::from_secs(60))));
    assert_eq!(told(&world.engine, &ProjectId::system()).await, ["token-create", "token-refused"]);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(authenticate_from(&world.engine, Some(&wrong), &from()).await.unwrap(), None);
}

#[tokio::test]
async fn projects_are_made_by_the_operator_and_hidden_from_other_tokens() {
    let world = world().await;
    let engine = &world.engine;
    let make = |id: Option<&str>, name: &str| {
        projects::create(engine, &world.operator, id.map(str::to_owned), name.to_owned(), None)
    };
    let ids =
        |projects: Vec<crate::records::Project>| projects.into_iter().map(|p| p.id.to_string()).collect::<Vec<_>>();
    assert_eq!(make(Some("bank"), " The bank ").await.unwrap().name, "The bank");
    assert_eq!(code(make(Some("bank"), "again").await), "project_exists");
    assert_eq!(code(make(Some("Bank"), "again").await), "invalid_id");
    assert_eq!(code(make(None, "").await), "invalid_name");
    assert!(make(None, "without an id").await.unwrap().id.as_str().starts_with("p-"));
    assert_eq!(projects::list(engine, &world.operator).await.unwrap().len(), 4);
    let bank = ProjectId::parse("bank").unwrap();
    let (_, secret) = create(engine, &world.operator, &bank, spec(&[Scope::Ingest]), None).await.unwrap();
    let sender = authenticate(engine, &text(secret), &from()).await.unwrap().unwrap();
    assert_eq!(ids(projects::list(engine, &sender).await.unwrap()), ["bank"]);
    assert_eq!(code(projects::create(engine, &sender, None, "x".to_owned(), None).await), "forbidden");
    let told = told(engine, &ProjectId::system()).await;
    assert_eq!(told, ["token-create", "project-create", "project-create", "token-create"], "the last is a copy");
}

/// Requests with one key side by side: each gets what the fastest made, whatever it was that the others ran into.
#[tokio::test]
async fn raced_requests_with_one_key_answer_with_what_the_winner_made() {
    let world = world().await;
    let engine = &world.engine;
    let project = |id: Option<&str>, key: &'static str| {
        projects::create(engine, &world.operator, id.map(str::to_owned), "Raced".to_owned(), Some(key))
    };
    for id in [Some("raced"), None] {
        let made = futures_util::future::join_all((0..8).map(|_| project(id, id.unwrap_or("none")))).await;
        let ids: Vec<_> = made.into_iter().map(|made| made.unwrap().id).collect();
        assert!(ids.iter().all(|made| *made == ids[0] && id.is_none_or(|id| made.as_str() == id)), "{ids:?}");
    }
    assert_eq!(code(project(Some("raced"), "another").await), "project_exists");

    let home = ProjectId::default_project();
    let token = || create(engine, &world.operator, &home, spec(&[Scope::Read]), Some("key"));
    let made: Vec<_> = futures_util::future::join_all((0..8).map(|_| token())).await;
    let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
    assert!(made.iter().all(|(made_too, _)| made_too.token.id == made[0].0.token.id), "{made:?}");
    assert_eq!(made.iter().filter(|(_, secret)| secret.is_some()).count(), 1);
}

#[tokio::test]
async fn a_flood_of_unknown_tokens_from_many_addresses_is_a_few_events() {
    let world = world().await;
    let wrong = format!("aw_{}", "0".repeat(64));
    for n in 0..500_u32 {
        let from = Origin::new(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n), "r-2");
        assert_eq!(authenticate_from(&world.engine, Some(&wrong), &from).await.unwrap(), None);
    }
    world.clock.advance(Duration::from_secs(60));
    crate::repeats::round(&world.engine).await;
    assert_eq!(told(&world.engine, &ProjectId::system()).await, ["token-create", "token-refused", "token-refused"]);
}

#[tokio::test]
async fn a_closed_engine_takes_nothing() {
    let world = world().await;
    assert!(world.engine.accepting().is_ok());
    world.engine.close().await;
    world.engine.close().await;
    assert_eq!(code(world.engine.accepting()), "closing");
    let project = ProjectId::default_project();
    assert_eq!(code(create(&world.engine, &world.operator, &project, spec(&[Scope::Read]), None).await), "closing");
}
