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

/// Each event in the mapping that was asked for, and beside it in the other one; what only the second has is left out of the first.
#[tokio::test]
async fn both_mappings_are_shown_when_they_are_asked_for() {
    let world = World::new().await;
    post(&world, draft("a", 0, &world)).await;
    let alone = preview(&world, json!({"format": "cef"})).await.unwrap();
    assert!(alone.messages.iter().all(|message| message.other.is_none()));
    let of = |mapping: u8, more: Value| {
        let mut options = json!({"mapping": mapping});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"format": "cef", "options": options, "compare_mappings": true})
    };
    let first = preview(&world, of(1, json!({}))).await.unwrap().messages.remove(0);
    let second = preview(&world, of(2, json!({"ipv6_in_src": true}))).await.unwrap().messages.remove(0);
    let (beside_first, beside_second) = (first.other.unwrap(), second.other.unwrap());
    assert_eq!((u8::from(beside_first.mapping), u8::from(beside_second.mapping)), (2, 1));
    assert_eq!(beside_second.message, first.message);
    for wrong in [json!({"compare_mappings": 1}), json!({"compare_mappings": "yes"})] {
        let error = preview(&world, wrong).await.unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), ("invalid_type", Some("compare_mappings")));
    }
}

#[tokio::test]
async fn a_preview_says_what_the_receiver_reads_wrongly() {
    let world = World::new().await;
    let seen = preview(&world, json!({"receiver": "graylog", "format": "cef"})).await.unwrap();
    assert_eq!(seen.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), ["receiver_forgery"]);
    assert_eq!(preview(&world, json!({"receiver": "qradar"})).await.unwrap().warnings, []);
    let body = serde_json::to_vec(&json!({"receiver": "qradar", "endpoint": "siem:514"})).unwrap();
    let (spec, warnings) = crate::connections::inspect(&world.engine, &body).unwrap();
    assert_eq!((spec.options.max_bytes, warnings.len()), (Some(4096), 0));
}
