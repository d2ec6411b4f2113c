//! Tokens that tokens made: what is left of them when a maker ends, and what its end asks.

use super::*;

impl World {
    async fn make(&self, by: &Caller, spec: TokenSpec) -> (TokenId, String, Caller) {
        let project = ProjectId::default_project();
        // Lists are in the order of time.
        self.clock.advance(Duration::from_nanos(1));
        let (made, secret) = create(&self.engine, by, &project, spec, None).await.unwrap();
        let secret = text(secret);
        let caller = self.opens(&secret).await.unwrap();
        (made.token.id, secret, caller)
    }

    pub(super) async fn opens(&self, secret: &str) -> Option<Caller> {
        authenticate(&self.engine, secret, &from()).await.unwrap()
    }

    async fn revoke(&self, by: &Caller, id: &TokenId, descendants: Option<Descendants>) -> Result<(), RevokeError> {
        revoke(&self.engine, by, &ProjectId::default_project(), id, descendants).await
    }

    async fn views(&self) -> Vec<TokenView> {
        list(&self.engine, &self.operator, &ProjectId::default_project()).await.unwrap()
    }
}

fn maker() -> TokenSpec {
    spec(&[Scope::Ingest, Scope::Read, Scope::Configure])
}

fn after(world: &World, seconds: i64) -> Timestamp {
    world.clock.now().saturating_add_nanos(seconds * 1_000_000_000)
}

#[tokio::test]
async fn a_revocation_names_what_comes_from_it_and_asks() {
    let world = world().await;
    let (root, _, by_root) = world.make(&world.operator, maker()).await;
    let (child, _, by_child) = world.make(&by_root, maker()).await;
    let (grandchild, secret, _) = world.make(&by_child, spec(&[Scope::Ingest])).await;
    world.clock.advance(Duration::from_secs(60));
    let used = world.clock.now();
    assert!(world.opens(&secret).await.is_some());
    let Err(RevokeError::HasDescendants(left)) = world.revoke(&world.operator, &root, None).await else {
        panic!("it asks")
    };
    let named: Vec<_> = left.iter().map(|view| (&view.token.id, view.token.parent.as_ref())).collect();
    assert_eq!(named, [(&child, Some(&root)), (&grandchild, Some(&child))]);
    assert_eq!(left[1].last_used_at, Some(used));
    assert!(world.opens(&secret).await.is_some(), "nothing has happened");
    let views = world.views().await;
    assert_eq!(views[0].children, std::slice::from_ref(&child));
    assert_eq!(views[0].token.made_by.as_deref(), Some(world.operator.id()));
    assert_eq!(views[1].token.made_by.as_deref(), Some(root.as_str()));

    world.revoke(&world.operator, &root, Some(Descendants::Revoke)).await.unwrap();
    assert_eq!(world.opens(&secret).await, None, "although just seen");
    assert_eq!(world.views().await, []);
    let told = told(&world.engine, &ProjectId::default_project()).await;
    assert_eq!(told[3..], ["token-revoke", "token-revoke", "token-revoke"], "an event each");
    for kind in [RecordKind::Token, RecordKind::TokenSecret, RecordKind::TokenUse] {
        let left = world.store.records(kind, None).await.unwrap();
        assert_eq!(left.len(), usize::from(kind == RecordKind::Token), "only the operator's: {kind:?}");
    }
}

#[tokio::test]
async fn what_a_revoked_token_made_can_be_adopted() {
    let world = world().await;
    let (root, _, by_root) = world.make(&world.operator, maker()).await;
    let (middle, _, by_middle) = world.make(&by_root, maker()).await;
    let (child, secret, _) = world.make(&by_middle, spec(&[Scope::Ingest])).await;
    world.revoke(&world.operator, &middle, Some(Descendants::Adopt)).await.unwrap();
    let views = world.views().await;
    let parents: Vec<_> = views.iter().map(|view| (&view.token.id, view.token.parent.as_ref())).collect();
    assert_eq!(parents, [(&root, None), (&child, Some(&root))]);
    world.revoke(&world.operator, &root, Some(Descendants::Adopt)).await.unwrap();
    assert_eq!(world.views().await[0].token.parent, None, "an operator takes over what a root made");
    assert!(world.opens(&secret).await.is_some());
    let told = told(&world.engine, &ProjectId::default_project()).await;
    assert_eq!(told[3..], ["token-adopt", "token-revoke", "token-adopt", "token-revoke"]);
}

#[tokio::test]
async fn a_token_ends_with_what_it_comes_from() {
    let world = world().await;
    let end = after(&world, 100);
    let until = |spec: TokenSpec| TokenSpec { expires_at: Some(end), ..spec };
    let (_, _, by_root) = world.make(&world.operator, until(maker())).await;
    let (_, secret, _) = world.make(&by_root, until(spec(&[Scope::Ingest]))).await;
    // As if the child's own end were later: its maker's counts.
    let key = token_key(&world.views().await[1].token.id);
    let record = world.store.record(&key).await.unwrap().unwrap();
    let child = Token { expires_at: None, ..TokenRecord::decode(&record).unwrap().into_current() };
    let changes = vec![Change { key, expect: Expect::Any, effect: put(&child).unwrap().effect }];
    world.engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
    assert_eq!(world.views().await[1].ends_at, Some(end));
    world.clock.advance(Duration::from_secs(99));
    assert!(world.opens(&secret).await.is_some());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.opens(&secret).await, None, "although it was seen a second ago");
}

#[tokio::test]
async fn a_token_reaches_only_what_comes_from_it() {
    let world = world().await;
    let project = ProjectId::default_project();
    let (root, _, by_root) = world.make(&world.operator, maker()).await;
    let (child, _, by_child) = world.make(&by_root, maker()).await;
    let (other, _, by_other) = world.make(&by_root, maker()).await;
    let (below, _, _) = world.make(&by_child, spec(&[Scope::Ingest])).await;
    let none = Duration::ZERO;
    let rotate = |by: &Caller, id: &TokenId| {
        let (by, id) = (by.clone(), id.clone());
        let (engine, project) = (&world.engine, &project);
        async move { rotate(engine, &by, project, &id, none, None).await }
    };
    // The secret of another one would outlive its own end.
    for id in [&root, &other] {
        assert_eq!(code(rotate(&by_child, id).await), "forbidden");
    }
    assert_eq!(refused(world.revoke(&by_child, &root, Some(Descendants::Revoke)).await), "forbidden", "its own maker");
    // Its own child would come to stand beside it.
    assert_eq!(refused(world.revoke(&by_child, &child, Some(Descendants::Adopt)).await), "forbidden");
    assert_eq!(refused(world.revoke(&by_other, &child, Some(Descendants::Adopt)).await), "forbidden");
    world.revoke(&by_root, &child, Some(Descendants::Adopt)).await.unwrap();
    assert!(rotate(&by_root, &below).await.is_ok());
    world.revoke(&by_other, &below, None).await.unwrap();
    assert!(rotate(&by_root, &root).await.is_ok(), "itself");
}

#[tokio::test]
async fn a_tree_is_eight_tokens_tall() {
    let world = world().await;
    let mut by = world.operator.clone();
    for _ in 0..8 {
        by = world.make(&by, maker()).await.2;
    }
    let made = create(&world.engine, &by, &ProjectId::default_project(), maker(), None).await;
    assert_eq!(code(made), "token_tree_too_deep");
}

#[tokio::test]
async fn tokens_that_come_from_each_other_open_nothing_and_hold_nobody_up() {
    let world = world().await;
    let (root, secret, by_root) = world.make(&world.operator, maker()).await;
    let (child, _, _) = world.make(&by_root, maker()).await;
    // No verb does this; a damaged store might.
    let token = world.views().await.swap_remove(0).token;
    let change = put_changed(&Token { parent: Some(child.clone()), ..token }).unwrap();
    world.engine.log.submit(Submission { changes: vec![change], ..Submission::default() }).await.unwrap();
    world.engine.shared.tokens.forget();
    assert_eq!(world.opens(&secret).await, None);
    let Err(RevokeError::HasDescendants(left)) = world.revoke(&world.operator, &child, None).await else {
        panic!("it asks")
    };
    assert!(left.iter().any(|view| view.token.id == root));
    world.revoke(&world.operator, &child, Some(Descendants::Revoke)).await.unwrap();
    assert_eq!(world.views().await, []);
}

#[tokio::test]
async fn a_token_from_before_has_no_parent_and_works_on() {
    let world = world().await;
    let (_, secret) = fresh_secret().map(|(secret, sha256)| (sha256, secret)).unwrap();
    let sha256 = sha256_hex(secret.expose());
    let id = token_id(&sha256).unwrap();
    let old = format!(
        r#"{{"v":"1","id":"{id}","name":"old","project":"default","scopes":["configure"],"sources":[],"sha256":"{sha256}","created_at":"2026-11-01T10:00:00Z","expires_at":null}}"#
    );
    let put = Change { key: token_key(&id), expect: Expect::Absent, effect: Effect::Put(old.into_bytes()) };
    world.engine.log.submit(Submission { changes: vec![put], ..Submission::default() }).await.unwrap();
    let by = world.opens(&text(Some(secret))).await.unwrap();
    let (child, _, _) = world.make(&by, spec(&[Scope::Configure])).await;
    let views = world.views().await;
    assert_eq!((&views[0].token.parent, &views[0].token.made_by), (&None, &None));
    assert_eq!((&views[0].children[..], views[1].token.parent.as_ref()), (&[child][..], Some(&id)));
}

#[tokio::test]
async fn a_maker_that_is_revoked_at_the_same_time_leaves_no_orphan() {
    let world = world().await;
    let project = ProjectId::default_project();
    for _ in 0..20 {
        let (root, _, by_root) = world.make(&world.operator, maker()).await;
        let making = create(&world.engine, &by_root, &project, maker(), None);
        let (made, revoked) = tokio::join!(making, world.revoke(&world.operator, &root, None));
        let left: Vec<_> = world.views().await.into_iter().map(|view| view.token).collect();
        for token in &left {
            let parent = token.parent.as_ref();
            assert!(parent.is_none_or(|id| left.iter().any(|other| other.id == *id)), "{made:?} {revoked:?}");
        }
        if revoked.is_err() {
            world.revoke(&world.operator, &root, Some(Descendants::Revoke)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_last_use_survives_a_restart_and_costs_few_writes() {
    let world = world().await;
    let (id, secret, _) = world.make(&world.operator, spec(&[Scope::Read])).await;
    for _ in 0..100 {
        world.clock.advance(Duration::from_secs(1));
        assert!(world.opens(&secret).await.is_some());
    }
    let used = world.clock.now();
    assert_eq!(world.store.records(RecordKind::TokenUse, None).await.unwrap().len(), 0, "using writes nothing");
    world.engine.close().await;
    let again = open(&Arc::new(world.store.crash()), &world.clock).await;
    let views = list(&again, &world.operator, &ProjectId::default_project()).await.unwrap();
    assert_eq!((&views[0].token.id, views[0].last_used_at), (&id, Some(used)));
}
