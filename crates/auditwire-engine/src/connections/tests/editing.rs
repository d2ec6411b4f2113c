//! Create, change, delete, and who may.

use auditwire_model::connection::{Mapping, MessagePart};

use super::*;
use crate::store::memory::Fault;

#[tokio::test]
async fn a_new_connection_is_inactive_and_told_in_the_log() {
    let world = World::new().await;
    let made = world.create("siem").await;
    assert_eq!((made.stored.revision, made.status), (1, crate::delivery::Status::Inactive));
    assert_eq!((made.verified, made.delivery.backlog), (false, 0));
    assert_eq!(world.told(0).await, [("siem-connection-create".to_owned(), made.stored.id.to_string())]);
    let listed = list(&world.engine, &world.caller, &world.project).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].stored, made.stored);
}

/// Rules in the SIEM go by the mapping: nothing but somebody's word changes it.
#[tokio::test]
async fn a_change_keeps_the_mapping_unless_it_names_one() {
    let world = World::new().await;
    let with = |options: Value| {
        let mut body = body("siem");
        body["options"] = options;
        input(&body)
    };
    let first = with(json!({"mapping": 1}));
    let made = create(&world.engine, &world.caller, &world.project, first, None).await.unwrap().stored;
    let change = |options| update(&world.engine, &world.caller, &world.project, made.id.as_str(), with(options), None);
    let kept = change(json!({"bom": true})).await.unwrap().stored.spec.options;
    assert_eq!((kept.mapping, kept.bom), (Mapping::First, true));
    assert_eq!(code(change(json!({"message": "text"})).await), "needs_mapping_2");
    let named = change(json!({"mapping": 2, "message": "text"})).await.unwrap().stored.spec.options;
    assert_eq!((named.mapping, named.message), (Mapping::Second, MessagePart::Text));
    assert_eq!(change(json!({})).await.unwrap().stored.spec.options.mapping, Mapping::Second);
}

#[tokio::test]
async fn names_are_unique_and_free_again_after_a_rename() {
    let world = World::new().await;
    let first = world.create("siem").await.stored.id;
    let again = create(&world.engine, &world.caller, &world.project, input(&body("siem")), None).await;
    assert_eq!(code(again), "name_taken");
    let renamed = input(&body("other"));
    update(&world.engine, &world.caller, &world.project, first.as_str(), renamed, None).await.unwrap();
    let second = world.create("siem").await.stored.id;
    let taken = input(&body("other"));
    let taken = update(&world.engine, &world.caller, &world.project, second.as_str(), taken, None).await;
    assert_eq!(code(taken), "name_taken");
    delete(&world.engine, &world.caller, &world.project, &[first.to_string()], None).await.unwrap();
    world.create("other").await;
}

#[tokio::test]
async fn two_requests_for_one_name_cannot_both_succeed() {
    let world = World::new().await;
    let body = input(&body("siem"));
    let one = || create(&world.engine, &world.caller, &world.project, body.clone(), None);
    let (a, b) = tokio::join!(one(), one());
    let codes: Vec<_> = [a, b].into_iter().filter_map(|r| r.err().map(|e| e.code)).collect();
    assert_eq!(codes, ["name_taken"]);
}

#[tokio::test]
async fn a_repeated_creation_makes_nothing() {
    let world = World::new().await;
    let make = |name: &str, key: &'static str| {
        let input = input(&body(name));
        let world = &world;
        async move { create(&world.engine, &world.caller, &world.project, input, Some(key)).await }
    };
    let first = make("siem", "k").await.unwrap().stored.id;
    assert_eq!(make("siem", "k").await.unwrap().stored.id, first);
    assert_eq!(world.actions(0).await.len(), 1);
    assert_eq!(code(make("other", "k").await), "idempotency_key_reused");
    assert_eq!(code(make("siem", "k2").await), "name_taken");
    assert_eq!(code(make("x", "").await), "invalid_idempotency_key");
    world.clock.advance(MINUTE * 60 * 25);
    assert_ne!(make("other", "k").await.unwrap().stored.id, first);
}

#[tokio::test]
async fn a_change_makes_a_revision_and_a_stale_copy_is_refused() {
    let world = World::new().await;
    let id = world.create("siem").await.stored.id;
    let change = |expected| {
        let changed = json!({"name": "siem", "endpoint": "127.0.0.1:2", "transport": "udp"});
        update(&world.engine, &world.caller, &world.project, id.as_str(), input(&changed), expected)
    };
    world.clock.advance(MINUTE);
    let changed = change(Some(1)).await.unwrap().stored;
    assert_eq!((changed.revision, changed.spec.endpoint.port), (2, 2));
    assert!(changed.updated_at > changed.created_at);
    assert_eq!(code(change(Some(1)).await), "stale");
    assert_eq!(change(None).await.unwrap().stored.revision, 3);
    let missing = update(&world.engine, &world.caller, &world.project, "c-none", input(&body("a")), None).await;
    assert_eq!(code(missing), "connection_not_found");
    let stale = delete(&world.engine, &world.caller, &world.project, &[id.to_string()], Some(2)).await;
    assert_eq!(code(stale), "stale");
}

#[tokio::test]
async fn a_pem_is_sealed_kept_replaced_and_removed_and_shown_nowhere() {
    let world = World::new().await;
    let signed = rcgen::generate_simple_self_signed(vec!["siem.example.com".to_owned()]).unwrap();
    let key = signed.signing_key.serialize_pem();
    let canary = key.lines().nth(1).unwrap().to_owned();
    let with = |tls: Value| input(&json!({"name": "siem", "endpoint": "a:1", "transport": "tls", "tls": tls}));
    let pem = signed.cert.pem() + &key;
    let made = create(&world.engine, &world.caller, &world.project, with(json!({"pem": pem})), None).await.unwrap();
    let id = made.stored.id.clone();
    let opened = || crate::secrets::connection_pem(&*world.store, &world.engine.keyring, &world.project, id.as_str());
    assert_eq!(opened().await.unwrap().unwrap().expose(), pem.as_bytes());
    for kind in [RecordKind::Connection, RecordKind::ConnectionSecret, RecordKind::IdempotencyKey] {
        for record in world.store.records(kind, None).await.unwrap() {
            assert!(!String::from_utf8_lossy(&record.value).contains(&canary), "{kind:?}");
        }
    }
    assert!(!format!("{made:?}{:?}", world.engine).contains(&canary));
    let put = |tls: Value| update(&world.engine, &world.caller, &world.project, id.as_str(), with(tls), None);
    let kept = put(json!({"verify": "off"})).await.unwrap();
    assert!(!kept.verified && kept.stored.spec.tls.unwrap().client_key);
    assert!(opened().await.unwrap().is_some());
    let removed = put(json!({"pem": null})).await.unwrap();
    assert!(removed.verified && removed.stored.spec.tls.unwrap().certificates.is_empty());
    assert!(opened().await.unwrap().is_none());
    put(json!({"pem": pem})).await.unwrap();
    assert!(opened().await.unwrap().is_some());
    // A keyring without the key may not start on this store, and says which key it wants.
    let store: Arc<dyn Store> = world.store.clone();
    let other = Arc::new(Keyring::new(vec![("k2".to_owned(), Secret::new(vec![7; 32]))]));
    let refused = Engine::open(store, crate::store::memory::objects(), world.clock.clone(), other, Settings::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code, "secrets_unreadable");
    assert!(refused.detail.contains("'k1'") && refused.detail.contains(id.as_str()), "{refused}");
}

#[tokio::test]
async fn deleting_leaves_nothing_behind() {
    let world = World::new().await;
    let (a, b) = (world.create("a").await.stored.id, world.create("b").await.stored.id);
    world.activate(&a, None).await.unwrap();
    let quarantined = format!("{a}/{:020}", 1);
    let entry =
        crate::records::Quarantined { seq: Position(1), reason: String::new(), at: world.clock.now(), replay: None };
    world.write(RecordKind::Quarantine, &quarantined, crate::records::QuarantineRecord::from(entry)).await;
    let before = world.head();
    let ids = [a.to_string(), "c-none".to_owned(), b.to_string(), a.to_string(), "NO".to_owned()];
    let deleted = delete(&world.engine, &world.caller, &world.project, &ids, None).await.unwrap();
    assert_eq!(deleted.deleted.len(), 2);
    assert_eq!(deleted.not_found, ["NO", "c-none"]);
    let told = world.actions(before).await;
    assert_eq!(told, ["siem-connection-stop", "siem-connection-delete", "siem-connection-delete"]);
    for kind in [
        RecordKind::Connection,
        RecordKind::ConnectionName,
        RecordKind::ConnectionSecret,
        RecordKind::Cursor,
        RecordKind::CheckResult,
        RecordKind::Quarantine,
    ] {
        assert_eq!(world.store.records(kind, None).await.unwrap(), [], "{kind:?}");
    }
    let again = delete(&world.engine, &world.caller, &world.project, &[a.to_string()], None).await.unwrap();
    assert_eq!((again.deleted.len(), again.not_found.len()), (0, 1));
}

#[tokio::test]
async fn a_change_that_cannot_be_told_is_not_made() {
    let world = World::new().await;
    world.create("a").await;
    let before = world.head();
    world.store.inject(0, Fault::Full);
    let refused = create(&world.engine, &world.caller, &world.project, input(&body("b")), None).await;
    assert_eq!(code(refused), "storage_full");
    assert_eq!(world.head(), before);
    assert_eq!(world.store.records(RecordKind::Connection, None).await.unwrap().len(), 1);
    assert_eq!(world.store.records(RecordKind::ConnectionName, None).await.unwrap().len(), 1);
    world.create("b").await;
}

#[tokio::test]
async fn rights_are_asked_before_anything_else() {
    let world = World::new().await;
    let id = world.create("a").await.stored.id;
    let (id, engine, own) = (id.as_str(), &world.engine, &world.project);
    let reader = world.token(&[Scope::Read]);
    assert!(get(engine, &reader, own, id).await.is_ok());
    assert_eq!(code(create(engine, &reader, own, input(&body("b")), None).await), "forbidden");
    assert_eq!(code(update(engine, &reader, own, id, input(&body("b")), None).await), "forbidden");
    assert_eq!(code(delete(engine, &reader, own, &[id.to_owned()], None).await), "forbidden");
    assert_eq!(code(stop(engine, &reader, own, id).await), "forbidden");
    assert_eq!(code(check_stored(engine, &reader, own, id, None).await), "forbidden");
    assert_eq!(code(begin_check(engine, &reader, own, id).await), "forbidden");
    assert_eq!(code(check_state(engine, &world.token(&[Scope::Configure]), own, id).await), "forbidden");
    assert_eq!(code(check_candidate(engine, &reader, own, input(&body("b"))).await), "forbidden");
    assert_eq!(activate_code(activate(engine, &reader, own, id, None, true).await), "forbidden");
    let configurer = world.token(&[Scope::Configure]);
    assert_eq!(activate_code(activate(engine, &configurer, own, id, None, true).await), "forbidden");
    assert_eq!(code(get(engine, &configurer, own, id).await), "forbidden");
    for half in [&reader, &configurer] {
        assert_eq!(code(start_choices(engine, half, own, id, None).await), "forbidden");
    }
    assert_eq!(code(list(engine, &world.token(&[Scope::Ingest]), own).await), "forbidden");
    let foreign = ProjectId::system();
    assert_eq!(code(list(engine, &reader, &foreign).await), "project_not_found");
    assert_eq!(code(get(engine, &world.caller, &foreign, id).await), "connection_not_found");
    let unknown = ProjectId::parse("nowhere").unwrap();
    assert_eq!(code(list(engine, &world.caller, &unknown).await), "project_not_found");
    // Nothing was changed; that a token is refused again and again is told.
    assert_eq!(world.actions(0).await, ["siem-connection-create", "access-refused"]);
}
