//! New secrets: how long the old one goes on, what stays, and that a lost answer locks nobody out.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

struct Rotated {
    world: World,
    id: TokenId,
    first: String,
}

async fn made(spec: TokenSpec) -> Rotated {
    let world = world().await;
    let project = ProjectId::default_project();
    let (made, secret) = create(&world.engine, &world.operator, &project, spec, None).await.unwrap();
    Rotated { world, id: made.token.id, first: text(secret) }
}

impl Rotated {
    async fn rotate(&self, overlap: Duration) -> Result<(TokenView, Option<Secret>)> {
        let project = ProjectId::default_project();
        rotate(&self.world.engine, &self.world.operator, &project, &self.id, overlap, None).await
    }
}

#[tokio::test]
async fn the_old_secret_goes_on_for_the_overlap() {
    let it = made(spec(&[Scope::Ingest])).await;
    assert_eq!(code(it.rotate(OVERLAP_MAX + Duration::from_secs(1)).await), "invalid_overlap");
    let (view, second) = it.rotate(HOUR).await.unwrap();
    let second = text(second);
    assert_eq!((&view.token.id, view.token.earlier.len()), (&it.id, 1), "it is the same token");
    it.world.clock.advance(HOUR - Duration::from_secs(1));
    for secret in [&it.first, &second] {
        assert!(matches!(it.world.opens(secret).await, Some(Caller::Token { token, .. }) if token == it.id));
    }
    it.world.clock.advance(Duration::from_secs(1));
    assert_eq!(it.world.opens(&it.first).await, None, "although seen a second ago");
    assert!(it.world.opens(&second).await.is_some());
    let (_, third) = it.rotate(Duration::ZERO).await.unwrap();
    assert_eq!(it.world.opens(&second).await, None, "at once");
    assert!(it.world.opens(&text(third)).await.is_some());
    let told = told(&it.world.engine, &ProjectId::default_project()).await;
    assert_eq!(told, ["token-create", "token-rotate", "token-rotate"]);
    revoke(&it.world.engine, &it.world.operator, &ProjectId::default_project(), &it.id, None).await.unwrap();
    assert_eq!(it.world.store.records(RecordKind::TokenSecret, None).await.unwrap(), [], "nothing is left");
}

#[tokio::test]
async fn a_repeated_rotation_answers_without_the_secret() {
    let it = made(spec(&[Scope::Ingest])).await;
    let again = |overlap| {
        let (world, id) = (&it.world, &it.id);
        async move { rotate(&world.engine, &world.operator, &ProjectId::default_project(), id, overlap, Some("k")).await }
    };
    let (first, secret) = again(HOUR).await.unwrap();
    let (repeated, nothing) = again(HOUR).await.unwrap();
    assert!(secret.is_some() && nothing.is_none() && first.token == repeated.token);
    assert_eq!(code(again(Duration::ZERO).await), "idempotency_key_reused");
}

#[tokio::test]
async fn two_requests_with_one_key_make_one_token_and_one_secret() {
    let it = made(spec(&[Scope::Ingest])).await;
    let (world, project) = (&it.world, ProjectId::default_project());
    for n in 0..20 {
        let key = format!("k{n}");
        let again = || create(&world.engine, &world.operator, &project, spec(&[Scope::Read]), Some(&key));
        let (first, second) = tokio::join!(again(), again());
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!((first.0.token.id, first.1.is_some()), (second.0.token.id, second.1.is_none()));
        let again = || rotate(&world.engine, &world.operator, &project, &it.id, Duration::ZERO, Some(&key));
        let (first, second) = tokio::join!(again(), again());
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!((first.0.token, first.1.is_some()), (second.0.token, second.1.is_none()));
    }
}

#[tokio::test]
async fn what_it_made_stays_with_it() {
    let it = made(spec(&[Scope::Ingest, Scope::Configure])).await;
    let project = ProjectId::default_project();
    let by = it.world.opens(&it.first).await.unwrap();
    let (child, secret) = create(&it.world.engine, &by, &project, spec(&[Scope::Ingest]), None).await.unwrap();
    let (view, _) = it.rotate(Duration::ZERO).await.unwrap();
    assert_eq!(view.children, [child.token.id]);
    assert!(it.world.opens(&text(secret)).await.is_some());
}

#[tokio::test]
async fn a_rotation_renews_within_the_rights_of_who_asks() {
    let start = world().await.clock.now();
    let at = |days: i64| Some(start.saturating_add_nanos(days * 24 * 3600 * 1_000_000_000));
    let day = 24 * HOUR;
    let it = made(TokenSpec { expires_at: at(90), ..spec(&[Scope::Ingest, Scope::Configure]) }).await;
    let project = ProjectId::default_project();
    let by = it.world.opens(&it.first).await.unwrap();
    let below = TokenSpec { expires_at: at(60), ..spec(&[Scope::Ingest]) };
    let (below, _) = create(&it.world.engine, &by, &project, below, None).await.unwrap();
    it.world.clock.advance(50 * day);
    let renew = |by: &Caller, id: &TokenId| {
        let (by, id, engine) = (by.clone(), id.clone(), &it.world.engine);
        async move { rotate(engine, &by, &ProjectId::default_project(), &id, 7 * 24 * HOUR, None).await.unwrap().0 }
    };
    assert_eq!(renew(&by, &it.id).await.ends_at, at(90), "nobody makes its own end later");
    assert_eq!(renew(&it.world.operator, &below.token.id).await.ends_at, at(90), "not later than its maker's");
    assert_eq!(renew(&it.world.operator, &it.id).await.ends_at, at(140), "ninety days again");
    assert_eq!(renew(&it.world.operator, &below.token.id).await.ends_at, at(110), "sixty days again");
    it.world.clock.advance(100 * day);
    assert_eq!(it.world.opens(&it.first).await, None);
    assert_eq!(renew(&it.world.operator, &it.id).await.ends_at, at(240), "also when it had ended");
    assert_eq!(it.world.opens(&it.first).await, None, "which brings no old secret back");
}

#[tokio::test]
async fn so_many_secrets_at_once_and_no_more() {
    let it = made(spec(&[Scope::Ingest])).await;
    for _ in 0..4 {
        it.rotate(HOUR).await.unwrap();
    }
    assert_eq!(code(it.rotate(HOUR).await), "too_many_secrets");
    it.rotate(Duration::ZERO).await.unwrap();
    it.world.clock.advance(HOUR);
    it.rotate(HOUR).await.unwrap();
    assert_eq!(it.world.store.records(RecordKind::TokenSecret, None).await.unwrap().len(), 2, "ended ones are gone");
}

#[tokio::test]
async fn a_lost_answer_locks_no_operator_out() {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
    let store = Arc::new(MemoryStore::default());
    let engine = open(&store, &clock).await;
    let mut first = String::new();
    create_operator(&engine, |secret| {
        first = String::from_utf8(secret.expose().to_vec()).unwrap();
        Ok(())
    })
    .await
    .unwrap();
    let system = ProjectId::system();
    let opens = async |secret: &str| authenticate(&engine, secret, &from()).await.unwrap();
    let operator = opens(&first).await.unwrap();
    let id = list(&engine, &operator, &system).await.unwrap().remove(0).token.id;
    let mut lost = Vec::new();
    for _ in 0..6 {
        // The answer does not arrive, so neither does the secret.
        lost.push(text(rotate(&engine, &operator, &system, &id, Duration::ZERO, None).await.unwrap().1));
        clock.advance(30 * 24 * HOUR);
        assert!(opens(&first).await.is_some());
    }
    assert_eq!(opens(&lost[0]).await, None, "a later rotation replaced it");
    let (_, secret) = rotate(&engine, &operator, &system, &id, Duration::ZERO, None).await.unwrap();
    assert!(matches!(opens(&text(secret)).await, Some(Caller::Operator { .. })));
    assert_eq!(opens(&first).await, None, "its successor has arrived");
    assert_eq!(told(&engine, &system).await.iter().filter(|action| *action == "token-rotate").count(), 7);
}

#[tokio::test]
async fn an_operators_overlap_goes_on_after_the_new_secret_was_used() {
    let world = world().await;
    let system = ProjectId::system();
    let id = list(&world.engine, &world.operator, &system).await.unwrap().remove(0).token.id;
    let (_, second) = rotate(&world.engine, &world.operator, &system, &id, HOUR, None).await.unwrap();
    let second = text(second);
    assert!(world.opens(&second).await.is_some());
    let (_, third) = rotate(&world.engine, &world.operator, &system, &id, HOUR, None).await.unwrap();
    assert!(world.opens(&text(third)).await.is_some() && world.opens(&second).await.is_some());
    world.clock.advance(HOUR);
    assert_eq!(world.opens(&second).await, None);
}
