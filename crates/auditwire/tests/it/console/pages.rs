//! Every page of the console, as every kind of visitor sees it: all can use it, it fits, nothing on it is forbidden.
//!
//! `cargo xtask screenshots` runs this suite to renew `docs/console/*.png`.

use serde_json::{Value, json};

use crate::world::browser::{self, Browser, Options};
use crate::world::console::sign_in;
use crate::world::real;
use crate::world::service::{CONNECTIONS, EVENTS, Service};
use crate::world::sink::Sink;

/// Name of the picture, and address.
type Page<'a> = (&'a str, &'a str);

/// For those who are not signed in.
const OUTSIDE: &[Page<'static>] = &[("sign-in", "/sign-in")];
/// Before anything has happened.
const EMPTY: &[Page<'static>] = &[
    ("password", "/account/password"),
    ("event-log-empty", "/projects/default/events"),
    ("siem-empty", "/projects/default/settings/siem"),
];
/// When something has.
const INSIDE: &[Page<'static>] = &[
    ("event-log", "/projects/default/events"),
    ("event-log-wrong", "/projects/default/events?q=sorce.id+%3D+iam"),
    ("event", "/projects/default/events/3"),
    ("account", "/account"),
    ("projects", "/projects"),
    ("connections", "/connections"),
    ("alerts", "/projects/default/settings/alerts"),
    ("retention", "/projects/default/settings/retention"),
    ("siem", "/projects/default/settings/siem"),
    ("siem-new", "/projects/default/settings/siem/new"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn light() {
    walk(Options::default(), async |browser, name| browser.screenshot_page(name).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dark() {
    walk(Options::default().dark(), async |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_telephone_in_russian() {
    walk(Options::default().narrow().language("ru"), async |browser, _| {
        assert_eq!(browser.attribute("html", "lang").await.as_deref(), Some("ru"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_javascript() {
    walk(Options::default().narrow().without_javascript(), async |_, _| {}).await;
}

/// Opens every page and looks at it, also with eyes of the test's own.
async fn walk(options: Options, look: impl AsyncFn(&Browser, &str)) {
    let Some(chromium) = browser::chromium("the walk through the console's pages") else { return };
    let service = Service::start().await;
    let browser = chromium.open(&service.url, options).await;
    let visit = async |(name, path): Page<'_>| {
        browser.goto(path).await;
        assert_eq!(browser.path().await, path, "{name} leads elsewhere");
        browser.assert_accessible(name).await;
        browser.assert_fits(name).await;
        look(&browser, name).await;
        assert!(!browser.tab_stops().await.is_empty(), "{name} can be used by keyboard");
    };
    for page in OUTSIDE {
        visit(*page).await;
    }
    sign_in(&browser, &service).await;
    for page in EMPTY {
        visit(*page).await;
    }
    service.post(EVENTS, &day()).await.expect(200);
    let siem = Sink::stream(None).await;
    let (main, archive) = connections(&service, &siem).await;
    for page in INSIDE {
        visit(*page).await;
    }
    let settings = "/projects/default/settings/siem";
    for (name, path) in [
        ("siem-configure", format!("{settings}/connections/{main}")),
        ("siem-connection", format!("{settings}/connections/{main}/delivery")),
        ("replay", format!("{settings}/connections/{main}/replay")),
        ("quarantine", format!("{settings}/connections/{main}/quarantine")),
        ("siem-check-passed", format!("{settings}/connections/{main}/check")),
        ("siem-check-failed", format!("{settings}/connections/{archive}/check")),
        ("siem-delete", format!("{settings}/delete?id={main}&id={archive}")),
    ] {
        visit((name, &path)).await;
    }
    // A replay that is done, and what a test of the webhook came to.
    let begun = service.post(&format!("{CONNECTIONS}/{main}/replay"), &json!({})).await.expect(202);
    let replay = begun["id"].as_str().expect("an id").to_owned();
    visit(("replay-state", &format!("{settings}/replays/{replay}"))).await;
    let webhook = json!({ "url": format!("https://{}/hook", real::closed_endpoint()) });
    service.put("/api/v1/projects/default/alerts/webhook", &webhook).await.expect(200);
    visit(("alerts-webhook", "/projects/default/settings/alerts")).await;
    // A reduction that waits.
    service.put("/api/v1/projects/default/retention", &json!({ "days": 30 })).await.expect(200);
    visit(("retention-pending", "/projects/default/settings/retention")).await;
    browser.finish().await;
}

/// An active connection and one whose SIEM is not there.
async fn connections(service: &Service, siem: &Sink) -> (String, String) {
    let main = json!({ "name": "Main SIEM", "endpoint": format!("127.0.0.1:{}", siem.port), "transport": "tcp",
        "format": "rfc5424", "framing": "octet_counting" });
    let archive = json!({ "name": "Archive of failures", "endpoint": real::closed_endpoint(), "transport": "tcp",
        "format": "cef", "framing": "lf",
        "filter": { "kind": "general", "status": { "mode": "only", "values": ["failure"] } } });
    let (main, archive) = (service.create(&main).await, service.create(&archive).await);
    service.activate(&main, "now").await;
    service.post(&format!("{CONNECTIONS}/{archive}/check"), &json!({})).await.expect(200);
    (main, archive)
}

/// What a small cloud has to tell.
fn day() -> Value {
    let event = |source: &str, severity: &str, action: &str, who: &str, on: &str, code: &str, message: &str| {
        let (kind, id) = on.split_once(' ').unwrap();
        json!({
            "action": action, "severity": severity, "message": message, "request_id": "req-7c1f02",
            "source": { "id": source, "address": "10.0.4.17" },
            "subject": { "user_id": who, "address": "203.0.113.24", "metadata": { "email": format!("{who}@example.com") } },
            "resource": { "type": kind, "id": id }, "status": { "code": code },
        })
    };
    json!([
        event("iam", "INFO", "user-signin", "ann", "account ann", "200", "Signed in with a password and a code"),
        event("nova", "NOTICE", "create-vm", "ann", "server web-4", "202", "Server web-4 is being built in zone a"),
        event("iam", "WARNING", "user-signin", "petr", "account petr", "401", "The password was wrong, third time"),
        event(
            "databases",
            "INFO",
            "create-backup",
            "backup-robot",
            "cluster orders",
            "200",
            "Backup of 41 GiB finished"
        ),
        event(
            "kubernetes",
            "ERROR",
            "k8s.delete.pods",
            "deployer",
            "pod shop/cart-7d9",
            "403",
            "Not allowed in namespace shop"
        ),
        event(
            "network",
            "NOTICE",
            "update-security-group",
            "olga",
            "group default",
            "200",
            "Port 443 opened to 0.0.0.0/0"
        ),
        event("billing", "INFO", "download-invoice", "olga", "invoice 2026-10", "200", "Invoice downloaded as PDF"),
        event("nova", "CRITICAL", "delete-vm", "petr", "server db-1", "200", "Server db-1 deleted with its volumes"),
    ])
}
