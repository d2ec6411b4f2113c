//! The quarantine of a connection over HTTP: events that cannot become a message are listed with their reason and cleared.

use serde_json::{Value, json};

use auditwire_engine::records::{Document as _, QuarantineRecord, Quarantined};
use auditwire_engine::store::{Change, Commit, Effect, Expect, RecordKey, RecordKind, Store as _};
use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};

use crate::service::{EVENTS, NOW, Service};

const CONNECTIONS: &str = "/api/v1/projects/default/connections";

/// What a sender writes.
pub(crate) async fn set_aside(service: &Service, id: &str, seqs: &[u64]) {
    let connection = ConnectionId::parse(id).expect("an id");
    let entry = |seq: &u64| {
        let at = Timestamp::parse(NOW).expect("a time");
        let entry = Quarantined { seq: Position(*seq), reason: format!("too large: {seq}"), at, replay: None };
        let id = Quarantined::record_id(&connection, entry.seq);
        Change {
            key: RecordKey::of(RecordKind::Quarantine, &ProjectId::default_project(), id),
            expect: Expect::Absent,
            effect: Effect::Put(QuarantineRecord::from(entry).encode().expect("encodes")),
        }
    };
    let changes = seqs.iter().map(entry).collect();
    service.store.commit(Commit { changes, ..Commit::default() }).await.expect("commits");
}

#[tokio::test]
async fn an_event_that_fits_nowhere_is_listed_and_cleared() {
    let service = Service::start().await;
    let connection = json!({"name": "narrow", "endpoint": "127.0.0.1:9", "transport": "tcp"});
    let id = service.post(CONNECTIONS, &connection).await.is(201).json()["id"].as_str().expect("an id").to_owned();
    service.fill(1, 2).await;
    set_aside(&service, &id, &[1, 2, 77]).await;
    let quarantine = format!("{CONNECTIONS}/{id}/quarantine");
    let listed = service.get(&quarantine).await.is(200).json();
    let event = service.get(&format!("{EVENTS}/2")).await.is(200).json();
    let entries = listed["quarantined"].as_array().expect("entries");
    assert_eq!(
        entries[0],
        json!({"seq": 77, "reason": "too large: 77", "at": NOW, "replay": null, "action": null, "timestamp": null})
    );
    assert_eq!((&entries[1]["action"], &entries[1]["timestamp"]), (&event["action"], &event["timestamp"]));
    let seqs: Vec<u64> = entries.iter().map(|entry| entry["seq"].as_u64().expect("a seq")).collect();
    assert_eq!(seqs, [77, 2, 1]);
    assert_eq!((&listed["next"], &listed["total"], &listed["dropped"]), (&Value::Null, &json!(3), &json!(0)));

    let first = service.get(&format!("{quarantine}?limit=2")).await.is(200).json();
    assert_eq!(first["quarantined"].as_array().map(Vec::len), Some(2));
    let cursor = first["next"].as_str().expect("another page");
    let second = service.get(&format!("{quarantine}?limit=2&cursor={cursor}")).await.is(200).json();
    let elsewhere = json!({"name": "other", "endpoint": "127.0.0.1:9", "transport": "tcp"});
    let other = service.post(CONNECTIONS, &elsewhere).await.is(201).json()["id"].as_str().expect("an id").to_owned();
    let problem = service.get(&format!("{CONNECTIONS}/{other}/quarantine?cursor={cursor}")).await;
    let problem = problem.is_problem(400, "invalid_cursor");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("another")), "{problem}");
    service.get(&format!("{quarantine}?cursor=1000000000000004d")).await.is(200);
    assert_eq!((&second["quarantined"][0]["seq"], &second["next"]), (&json!(seqs[2]), &Value::Null));
    for (query, code) in [
        ("limit=0", "invalid_limit"),
        ("limit=201", "invalid_limit"),
        ("limit=x", "invalid_limit"),
        ("cursor=2", "invalid_cursor"),
        ("cursor=1%2B00000000000000", "invalid_cursor"),
        ("page=2", "unknown_parameter"),
    ] {
        service.get(&format!("{quarantine}?{query}")).await.is_problem(400, code);
    }

    let resend = format!("{quarantine}/resend");
    service.post(&resend, &json!({"seqs": null})).await.is_problem(409, "not_active");
    let many: Vec<u64> = (1..=10_001).collect();
    service.post(&resend, &json!({ "seqs": many })).await.is_problem(400, "too_many_seqs");
    assert_eq!(service.post(&resend, &json!({})).await.status.as_u16(), 400);

    let delete = format!("{quarantine}/delete");
    for body in [json!({}), json!({"seqs": [-1]}), json!({"seqs": null, "all": true}), json!({"seqs": "all"})] {
        assert_eq!(service.post(&delete, &body).await.status.as_u16(), 400, "{body}");
    }
    let cleared = service.post(&delete, &json!({"seqs": [seqs[0], 999_999]})).await.is(200).json();
    assert_eq!(cleared, json!({"deleted": 1}));
    assert_eq!(service.post(&delete, &json!({"seqs": null})).await.is(200).json(), json!({"deleted": 2}));
    assert_eq!(service.get(&quarantine).await.is(200).json()["total"], 0);
    service.get(&format!("{CONNECTIONS}/c-none/quarantine")).await.is_problem(404, "connection_not_found");
    service
        .post(&format!("{CONNECTIONS}/c-none/quarantine/delete"), &json!({"seqs": null}))
        .await
        .is_problem(404, "connection_not_found");
}
