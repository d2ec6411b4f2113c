//! Replays over HTTP.

use axum::body::Body;
use serde_json::{Value, json};

use crate::service::Service;

const PROJECT: &str = "/api/v1/projects/default";

/// Reads what comes on every connection.
pub(crate) async fn reader() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { tokio::io::copy(&mut stream, &mut tokio::io::sink()).await });
        }
    });
    port
}

#[tokio::test]
async fn a_replay_is_begun_watched_and_ended() {
    let service = Service::start().await;
    service.fill(1, 50).await;
    let body = json!({"name": "main", "endpoint": format!("127.0.0.1:{}", reader().await), "transport": "tcp"});
    let id = service.post(&format!("{PROJECT}/connections"), &body).await.is(201).json()["id"].clone();
    let path = format!("{PROJECT}/connections/{}", id.as_str().expect("an id"));
    service.post(&format!("{path}/replay"), &json!({})).await.is_problem(409, "not_active");
    service.post(&format!("{path}/replay/estimate"), &json!({})).await.is_problem(409, "not_active");
    service.post(&format!("{path}/activate"), &json!({"start": "now"})).await.is(200);
    for (body, code, field) in [
        (json!({"rate": 0}), "invalid_rate", "rate"),
        (json!({"from": "yesterday"}), "invalid_time", "from"),
        (json!({"from": "now", "to": "now-1h"}), "invalid_range", "to"),
        (json!({"q": "colour = red"}), "query_unknown_parameter", "q"),
        (json!({"speed": 1}), "unknown_field", "speed"),
    ] {
        let problem = service.post(&format!("{path}/replay"), &body).await.is_problem(400, code);
        assert_eq!(problem["field"], field, "{problem}");
    }
    let estimate = service.post(&format!("{path}/replay/estimate"), &json!({"q": "seq <= 40", "rate": 20})).await;
    assert_eq!(estimate.is(200).json(), json!({"matched": 40, "exact": true, "seconds": 2}));
    service.post(&format!("{path}/replay/estimate"), &json!({"rate": 0})).await.is_problem(400, "invalid_rate");
    let begun = service.post(&format!("{path}/replay"), &json!({"q": "seq <= 40", "rate": 20})).await;
    let (location, begun) = (begun.is(202).header("location").to_owned(), begun.json());
    assert_eq!((&begun["state"], &begun["matched"], &begun["rate"]), (&json!("running"), &json!(40), &json!(20)));
    assert_eq!((&begun["exact"], &begun["ended_at"]), (&json!(true), &Value::Null), "{begun}");
    service.post(&format!("{path}/replay"), &json!({})).await.is_problem(409, "replay_running");
    let post = async |verb: &str| service.send("POST", &format!("{location}/{verb}"), &[], Body::empty()).await;
    assert_eq!(post("pause").await.is(200).json()["state"], "paused");
    assert_eq!(service.get(&location).await.is(200).json()["state"], "paused");
    assert_eq!(post("resume").await.is(200).json()["state"], "running");
    let ended = post("cancel").await.is(200).json();
    assert!(ended["state"] == "cancelled" && ended["ended_at"].is_string(), "{ended}");
    post("resume").await.is_problem(409, "replay_over");
    let all = service.get(&format!("{PROJECT}/replays")).await.is(200).json();
    assert_eq!(all["replays"].as_array().map(Vec::len), Some(1));
    service.get(&format!("{PROJECT}/replays/r-none")).await.is_problem(404, "replay_not_found");
}
