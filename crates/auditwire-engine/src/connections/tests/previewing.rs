//! A preview says what would be sent, and sends and changes nothing.

use auditwire_model::wire::{RenderContext, Renderer};

use super::*;

async fn preview(world: &World, body: Value) -> Result<Preview> {
    super::super::preview(&world.engine, &world.caller, &world.project, &serde_json::to_vec(&body).unwrap()).await
}

async fn post(world: &World, draft: EventDraft) {
    let batch = Intake { items: vec![Ok(draft)], door: Plane::Control, idempotency_key: None };
    intake::accept(&world.engine, &world.caller, &world.project, batch).await.unwrap();
}

fn draft(action: &str, hours_ago: i64, world: &World) -> EventDraft {
    let timestamp = world.clock.now().saturating_add_nanos(-hours_ago * 3_600_000_000_000);
    EventDraft { action: action.to_owned(), timestamp: Some(timestamp), ..EventDraft::default() }
}

#[tokio::test]
async fn tells_the_effect_of_a_day_and_shows_the_latest_messages() {
    let world = World::new().await;
    for (action, hours_ago) in [("a", 30), ("b", 24), ("a", 23), ("c", 1), ("a", 0)] {
        post(&world, draft(action, hours_ago, &world)).await;
    }
    let everything = preview(&world, json!({})).await.unwrap();
    assert_eq!((everything.matched, everything.total, everything.exact), (4, 4, true));
    assert_eq!((everything.filter.as_str(), everything.messages.len()), ("", 5));

    let body = json!({"format": "cef", "options": {"hostname": "h"}, "filter": {"kind": "query", "query": "action=a"}});
    let seen = preview(&world, body.clone()).await.unwrap();
    assert_eq!((seen.matched, seen.total, seen.exact, seen.filter.as_str()), (2, 4, true, "action = a"));
    assert_eq!(seen.from.to_string(), "2026-11-21T10:00:00Z");
    assert_eq!(seen.messages.iter().map(|message| message.seq.0).collect::<Vec<_>>(), [5, 3, 1]);

    // The very bytes that a connection with these settings would send.
    let mut whole = super::body("x");
    for field in ["format", "options", "filter"] {
        whole[field] = body[field].clone();
    }
    let (spec, _) = input(&whole).into_parts(None).unwrap();
    let context = RenderContext {
        hostname: world.engine.settings.delivery.hostname.clone(),
        instance: world.engine.instance.id.clone(),
        project: world.project.to_string(),
    };
    for message in seen.messages {
        let batch = world.engine.log.event(&world.project, message.seq).await.unwrap().unwrap();
        let event = rows(&batch).next().unwrap();
        let mut expected = Vec::new();
        Renderer::new(&spec, &context).render(&event, 0, &mut expected).unwrap();
        assert_eq!((message.message, message.truncated), (Ok(expected), false));
    }
    assert_eq!(world.head(), 5, "a preview leaves no trace");
}

#[tokio::test]
async fn refuses_what_a_connection_refuses_and_who_may_not() {
    let world = World::new().await;
    post(&world, draft("a", 0, &world)).await;
    for (body, expected) in [
        (json!({"filter": {"kind": "query", "query": "actoin = a"}}), "query_unknown_parameter"),
        (json!({"filter": {"kind": "query"}}), "missing_field"),
        (json!({"format": "xml"}), "invalid_format"),
        (json!({"colour": 1}), "unknown_field"),
        (json!([]), "invalid_type"),
    ] {
        assert_eq!(code(preview(&world, body).await), expected);
    }
    let broken = super::super::preview(&world.engine, &world.caller, &world.project, b"{").await;
    assert_eq!(code(broken), "invalid_json");
    for scopes in [&[Scope::Read][..], &[Scope::Configure], &[]] {
        let caller = world.token(scopes);
        assert_eq!(code(super::super::preview(&world.engine, &caller, &world.project, b"{}").await), "forbidden");
    }
    let both = world.token(&[Scope::Read, Scope::Configure]);
    assert!(super::super::preview(&world.engine, &both, &world.project, b"{}").await.is_ok());
}

#[tokio::test]
async fn an_event_that_is_too_large_for_a_message_says_so() {
    let world = World::new().await;
    post(&world, draft(&"я".repeat(3000), 0, &world)).await;
    let small = json!({"transport": "udp", "options": {"max_bytes": 480}});
    let seen = preview(&world, small).await.unwrap();
    let message = &seen.messages[0];
    assert!(message.truncated || message.message.is_err(), "{message:?}");
}
