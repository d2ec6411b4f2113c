//! Secrets never appear in a log, an error, a metric or an answer.

use serde_json::{Value, json};

use crate::world::service::{CONNECTIONS, EVENTS, Service};
use crate::world::tls::Pki;

#[tokio::test]
async fn no_secret_appears_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    let service =
        Service::start_in(tempfile::tempdir().unwrap(), &[("AUDITWIRE_TELEMETRY__LEVEL", "trace")], &[]).await;
    let token = service.post("/api/v1/projects/default/tokens", &json!({ "name": "t", "scopes": ["ingest"] })).await;
    let token = token.expect(201)["token"].as_str().unwrap().to_owned();
    let key_line = pki.client_key.lines().nth(1).unwrap().to_owned();
    let pem = format!("{}{}{}", pki.ca, pki.client, pki.client_key);

    let mut answers: Vec<String> = Vec::new();
    let mut keep = |answer: crate::world::service::Answer| {
        answers.push(format!("{:?} {}", answer.headers, answer.body));
        answer.body
    };
    let connection = json!({
        "name": "siem", "endpoint": "127.0.0.1:9", "transport": "tls", "format": "cef", "tls": { "pem": pem },
    });
    let created = keep(service.post(CONNECTIONS, &connection).await);
    let id = created["id"].as_str().unwrap().to_owned();
    assert_eq!(created["tls"]["client_key"], true, "{created}");
    let one = format!("{CONNECTIONS}/{id}");
    keep(service.get(&one).await);
    keep(service.post(&format!("{one}/check"), &json!({})).await);
    keep(service.post(&format!("{one}/activate"), &json!({ "despite_failed_check": true })).await);
    let mut wrong = connection.clone();
    wrong["tls"]["pem"] = Value::String(format!("{}\n{}", pki.server, pki.client_key));
    keep(service.put(&one, &wrong).await);
    wrong["tls"]["pem"] = Value::String(pem.replace("-----END PRIVATE KEY-----", "-----END"));
    keep(service.put(&one, &wrong).await);
    wrong["name"] = json!(pem);
    keep(service.put(&one, &wrong).await);
    keep(service.get("/metrics").await);
    keep(service.get("/api/v1/projects/default/tokens").await);
    keep(service.get(&format!("{EVENTS}?limit=1000")).await);
    keep(service.get(&format!("{EVENTS}?token={token}")).await);

    let log = service.log();
    for (what, secret) in [("the operator's token", &service.token), ("a token", &token), ("a key", &key_line)] {
        assert!(!log.contains(secret.as_str()), "{what} is in the log");
        // The wrong bodies carry the key themselves; an answer must not repeat it.
        let seen = answers.iter().find(|a| a.contains(secret.as_str()));
        assert!(seen.is_none(), "{what} is in an answer: {seen:?}");
    }
    let (_, folder) = service.terminate().await;
    for file in ["auditwire.db", "auditwire.db-wal"] {
        let bytes = std::fs::read(folder.path().join("data").join(file)).unwrap_or_default();
        let found = bytes.windows(key_line.len()).any(|w| w == key_line.as_bytes());
        assert!(!found, "the key lies in the open in {file}");
    }
}
