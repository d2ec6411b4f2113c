//! Secrets never appear in a log, an error, a metric or an answer.

use serde_json::{Value, json};

use crate::world::service::{CONNECTIONS, EVENTS, Service};
use crate::world::tls::Pki;
use crate::world::visitor::Visitor;

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
    let (mut visitor, people) = sign_in_and_out(&service).await;
    let hooked = "the-receiver-of-alerts-knows-this".to_owned();
    let webhook = "/api/v1/projects/default/alerts/webhook";
    let path = "canary-in-the-path-66be".to_owned();
    let url = format!("https://127.0.0.1:9/{path}?key={path}");
    let set = json!({ "url": url, "secret": hooked, "pem": pki.ca });
    let shown = keep(service.put(webhook, &set).await);
    assert_eq!((&shown["pem"], shown["url"].as_str()), (&json!(true), Some("https://127.0.0.1:9/…")));
    keep(service.put(webhook, &json!({ "url": url, "secret": "sh0rt" })).await);
    keep(service.put(webhook, &json!({ "url": format!("{url}#x") })).await);
    // As it was shown: it stays.
    keep(service.put(webhook, &json!({ "url": shown["url"] })).await);
    let page = "/projects/default/settings/alerts";
    let seen = visitor.get(page).await;
    assert!(seen.text.contains("https://127.0.0.1:9/…"), "{}", seen.text);
    let fields = [("do", "save"), ("url", url.as_str()), ("secret", "sh0rt")];
    let pages = [visitor.submit(&seen, page, &fields).await, visitor.get(page).await, seen];
    assert_eq!(pages[0].status, 400, "{}", pages[0].text);
    keep(service.get(webhook).await);
    keep(service.post(&format!("{webhook}/test"), &json!({})).await);
    keep(service.get("/api/v1/projects/system/events?limit=1000").await);
    keep(service.get("/metrics").await);
    keep(service.get("/api/v1/projects/default/tokens").await);
    keep(service.get(&format!("{EVENTS}?limit=1000")).await);
    keep(service.get(&format!("{EVENTS}?token={token}")).await);

    answers.extend(pages.map(|page| page.text));

    let log = service.log();
    let programs = [
        ("the operator's token", &service.token),
        ("a token", &token),
        ("a key", &key_line),
        ("a webhook's secret", &hooked),
        ("the path of a webhook", &path),
    ];
    for (what, secret) in programs.into_iter().chain(people.iter().map(|(what, secret)| (*what, secret))) {
        assert!(!log.contains(secret.as_str()), "{what} is in the log");
        // The wrong bodies carry the key themselves; an answer must not repeat it.
        let seen = answers.iter().find(|a| a.contains(secret.as_str()));
        assert!(seen.is_none(), "{what} is in an answer: {seen:?}");
    }
    let (_, folder) = service.terminate().await;
    let stored = std::fs::read(folder.path().join("data/log.sqlite")).unwrap();
    assert!(stored.windows(16).any(|w| w == b"console-password"), "this is not where it is stored");
    for (what, secret) in people.iter().map(|(what, secret)| (*what, secret)).chain([
        ("a key", &key_line),
        ("a webhook's secret", &hooked),
        ("the path of a webhook", &path),
    ]) {
        let found = stored.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(!found, "{what} lies in the open in the store");
    }
}

/// Both ways in, refused ones too: somebody who is signed in, and what must not be seen of it.
async fn sign_in_and_out(service: &Service) -> (Visitor, Vec<(&'static str, String)>) {
    let link = std::fs::read_to_string(service.folder.path().join("data/sign-in.url")).unwrap().trim().to_owned();
    let key = link.split_once("key=").unwrap().1.to_owned();
    let (password, guess) = ("canary-password-5f0c", "canary-guess-91ab");
    let mut visitor = Visitor::new(&service.url);
    let page = visitor.get(&link).await;
    visitor.submit(&page, "/sign-in/link", &[]).await;
    let first = visitor.session();
    let page = visitor.get("/account/password").await;
    let set = visitor.submit(&page, "/account/password", &[("new", password), ("again", password)]).await;
    assert_eq!(set.status, 303, "{}", set.text);
    let page = visitor.get("/account/password").await;
    let fields = [("current", guess), ("new", guess), ("again", guess)];
    let refused = visitor.submit(&page, "/account/password", &fields).await;
    assert!(refused.status == 422 && !refused.text.contains(guess), "{}", refused.text);
    let page = visitor.get("/account").await;
    visitor.submit(&page, "/sign-out", &[]).await;

    let action = "/sign-in?language=en";
    let page = visitor.get("/sign-in").await;
    let refused = visitor.submit(&page, action, &[("name", "operator"), ("password", guess)]).await;
    assert!(refused.status == 401 && !refused.text.contains(guess), "{}", refused.text);
    let entered = visitor.submit(&refused, action, &[("name", "operator"), ("password", password)]).await;
    assert_eq!(entered.status, 303, "{}", entered.text);
    let made = service.post("/api/v1/sign-in-links", &json!({})).await.expect(201);
    let unused = made["url"].as_str().unwrap().split_once("key=").unwrap().1.to_owned();
    let secrets = vec![
        ("a used link", key),
        ("an unused link", unused),
        ("a session that was signed out", first),
        ("a session", visitor.session()),
        ("a password", password.to_owned()),
        ("a wrong password", guess.to_owned()),
    ];
    (visitor, secrets)
}
