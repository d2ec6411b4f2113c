//! The form of a connection: what it shows, what it refuses and how it says so, what it stores.

use auditwire_engine::connections::check_state;
use auditwire_model::ProjectId;
use auditwire_model::TokenId;
use auditwire_model::access::{Caller, Origin, Principal};
use serde_json::{Value, json};

use super::Browser;
use crate::service::{Answer, Service};

pub(super) const LIST: &str = "/projects/default/settings/siem";
pub(super) const NEW: &str = "/projects/default/settings/siem/new";
const PEM: &str = "/projects/default/settings/siem/pem";
pub(super) const FILTER: &str = "/projects/default/settings/siem/filter";
pub(super) const CONNECTIONS: &str = "/api/v1/projects/default/connections";

/// What a browser sends of an untouched form with these changes.
pub(super) fn fields<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("name", "Main SIEM"),
        ("receiver", ""),
        ("endpoint", "siem.example.com:514"),
        ("transport", "tcp"),
        ("pem", ""),
        ("verify", "full"),
        ("fingerprint", ""),
        ("server_name", ""),
        ("min_version", "1.2"),
        ("format", "rfc5424"),
        ("framing", ""),
        ("cef_envelope", "rfc5424"),
        ("facility", "13"),
        ("hostname", ""),
        ("app_name", ""),
        ("max_bytes", ""),
        ("pen", ""),
        ("overlap_bytes", ""),
        ("overlap_seconds", ""),
        ("heartbeat_seconds", ""),
        ("order", "strict"),
        ("mapping", "2"),
        ("leef_cat", "outcome"),
        ("metadata_keys", ""),
        ("structured_data", "full"),
        ("message", "json"),
        ("filter", "none"),
        ("status_mode", "off"),
        ("status_more", ""),
        ("source_mode", "off"),
        ("source_more", ""),
        ("rate_limit", ""),
        ("save", "check"),
    ];
    for (name, value) in changes {
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some(field) if *name != "status" => field.1 = value,
            _ => fields.push((name, value)),
        }
    }
    fields
}

/// A certificate for this name with its key, in PEM; and a line that stands in the key only.
fn pem(name: &str) -> (String, String) {
    let signed = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("signs");
    let key = signed.signing_key.serialize_pem();
    let canary = key.lines().nth(1).expect("a line").to_owned();
    (signed.cert.pem() + &key, canary)
}

fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.local_addr().expect("an address").port()
}

pub(super) async fn stored(service: &Service) -> Vec<Value> {
    let list = service.get(CONNECTIONS).await;
    list.is(200).json()["connections"].as_array().expect("a list").clone()
}

/// Creates a connection by the API and gives its object and the address of its form.
pub(super) async fn existing(service: &Service, body: &Value) -> (Value, String) {
    let made = service.post(CONNECTIONS, body).await.is(201).json();
    let address = format!("{LIST}/connections/{}", made["id"].as_str().expect("an id"));
    (made, address)
}

#[track_caller]
pub(super) fn has(answer: &Answer, texts: &[&str]) {
    let page = answer.text();
    for text in texts {
        assert!(page.contains(text), "{text:?} is not in {page}");
    }
}

#[tokio::test]
async fn a_name_and_a_connection_point_are_enough() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(NEW).await;
    has(page.is(200), &["Create and check", "13 audit", "placeholder=\"8,192\"", "placeholder=\"32 MiB\""]);
    let made = browser.submit(&page, NEW, &fields(&[])).await;
    let connections = stored(&service).await;
    let [only] = connections.as_slice() else { panic!("{connections:?}") };
    let id = only["id"].as_str().expect("an id");
    assert_eq!(made.is(303).header("location"), format!("{LIST}/connections/{id}/check"));
    assert_eq!(
        (&only["name"], &only["status"], &only["framing"]),
        (&json!("Main SIEM"), &json!("inactive"), &json!("lf"))
    );
    let caller = Caller::Operator {
        by: Principal::Token(TokenId::parse("t-1").expect("an id")),
        origin: Origin::new([127, 0, 0, 1], "r-1"),
    };
    let check = check_state(&service.engine, &caller, &ProjectId::default_project(), id).await.expect("answers");
    assert!(check.is_some(), "its check has begun");

    // The same form again, as a double click sends it, makes nothing more.
    let twice = browser.submit(&page, NEW, &fields(&[])).await;
    assert_eq!(twice.is(303).header("location"), made.header("location"));
    // Come back to by the browser and changed, it makes another one, but only when it is sent again.
    let changed = fields(&[("name", "Second")]);
    let told = browser.submit(&page, NEW, &changed).await;
    has(told.is(422), &["A connection was created from this form before"]);
    assert_eq!(stored(&service).await.len(), 1);
    browser.submit(&told, NEW, &changed).await.is(303);
    assert_eq!(stored(&service).await.len(), 2);
}

#[tokio::test]
async fn everything_wrong_is_told_at_once_and_nothing_entered_is_lost() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(NEW).await;
    let (pem, canary) = pem("a");
    let wrong = fields(&[
        ("name", ""),
        ("endpoint", "siem.example.com"),
        ("transport", "tls"),
        ("pem", &pem),
        ("verify", "off"),
        ("server_name", "no name"),
        ("hostname", "a b"),
        ("app_name", "<b>"),
        ("max_bytes", "12"),
        ("pen", "x"),
        ("overlap_bytes", "1 KiB"),
        ("filter", "general"),
        ("status_mode", "only"),
        ("source_mode", "except"),
        ("source", "nova"),
        ("source_more", "iam"),
        ("rate_limit", "0"),
    ]);
    let told = browser.submit(&page, NEW, &wrong).await;
    let ids = ["f-name", "f-endpoint", "f-server_name", "f-hostname", "f-max_bytes", "f-pen", "f-overlap_bytes"];
    for id in ids.iter().chain(&["f-rate_limit", "f-verify_off_confirmed", "g-status"]) {
        has(told.is(422), &[&format!("id=\"{id}-error\"")]);
    }
    has(&told, &["Must be a whole number from 480 to 1048576.", "<details class=\"more\" id=\"format-options\" open>"]);
    has(
        &told,
        &["value=\"no name\"", "value=\"&#60;b&#62;\"", "value=\"1 KiB\"", "value=\"iam\"", "value=\"nova\" checked"],
    );
    assert!(!told.text().contains("id=\"g-source-error\""), "its value is there");
    // The PEM was right; its certificate is shown, and that it has to be pasted again. The key is not.
    has(&told, &["CN=rcgen self signed cert", "Paste the TLS key again", "</textarea>"]);
    assert!(!told.text().contains(&canary) && !told.text().contains("BEGIN PRIVATE KEY"));
    assert_eq!(stored(&service).await, Vec::<Value>::new());

    // It is not forgotten silently: going on without it takes a second time.
    let right = fields(&[("transport", "tls")]);
    let told = browser.submit(&told, NEW, &right).await;
    has(told.is(422), &["The TLS key was not pasted again."]);
    browser.submit(&told, NEW, &right).await.is(303);
    let page = browser.get(NEW).await;

    browser.language = "ru";
    let told = browser.submit(&page, NEW, &wrong).await;
    has(
        told.is(422),
        &["Нужен хост и порт от 1 до 65535", "Нужно целое число от 480 до 1", "Нужно DNS-имя или IP-адрес."],
    );
    assert!(!told.text().contains("Must be"), "{}", told.text());
}

#[tokio::test]
async fn a_pem_is_read_on_the_spot() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(NEW).await;
    let (good, canary) = pem("<b>siem</b>.example.com");
    let csrf = super::hidden_fields(&page.text(), NEW).into_iter().find(|(name, _)| name == "csrf").expect("a token");
    let ask = |pem: &str| vec![csrf.clone(), ("pem".to_owned(), pem.to_owned())];
    let shown = browser.post(PEM, &ask(&good)).await;
    has(
        shown.is(200),
        &["Private key: present, never shown again", "&#60;b&#62;siem&#60;/b&#62;.example.com", "SHA-256"],
    );
    assert!(!shown.text().contains(&canary) && !shown.text().contains("<html"), "{}", shown.text());
    let cut = browser.post(PEM, &ask(&good[..good.len() - 40])).await;
    has(cut.is(200), &["class=\"error\"", "is cut off"]);
    assert!(!cut.text().contains(&canary));
    browser.post(PEM, &ask(&good)[1..]).await.is(403);
    assert_eq!(stored(&service).await, Vec::<Value>::new());
}

#[tokio::test]
async fn filters_are_shown_as_an_expression() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    service.post("/api/v1/projects/default/events", &json!({"action": "a", "source": {"id": "<i>nova"}})).await.is(200);
    let page = browser.get(NEW).await;
    has(&page, &["<bdi>&#60;i&#62;nova</bdi>"]);
    let csrf = super::hidden_fields(&page.text(), NEW).into_iter().find(|(name, _)| name == "csrf").expect("a token");
    let ask = |more: &[(&str, &str)]| {
        let fields = fields(&[("filter", "general")]).into_iter().chain(more.iter().copied());
        let mut fields: Vec<_> = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        fields.reverse();
        fields.push(csrf.clone());
        fields
    };
    let told = browser.post(FILTER, &ask(&[])).await;
    has(told.is(200), &["All events are sent."]);
    let told =
        browser.post(FILTER, &ask(&[("status_mode", "only"), ("status", "failure"), ("status_more", "4xx")])).await;
    has(told.is(200), &["outcome = failure OR (status.code &#62;= 400 AND"]);
    let told = browser.post(FILTER, &ask(&[("source_mode", "except"), ("source", "<i>\u{202e}")])).await;
    has(told.is(200), &["NOT source.id = &#34;&#60;i&#62;⟨U+202E⟩&#34;"]);
    let told = browser.post(FILTER, &ask(&[("source_mode", "except")])).await;
    has(told.is(200), &["Choose at least one value."]);
}

#[tokio::test]
async fn a_stored_connection_is_shown_changed_and_its_key_kept() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let (pem, canary) = pem("one.example.com");
    let filter = json!({"kind": "general", "status": {"mode": "only", "values": ["failure", "a, b"]}});
    let body = json!({"name": "<b>Main</b>", "endpoint": "[2001:db8::5]:6514", "transport": "tls", "format": "cef",
                      "tls": {"pem": pem, "server_name": "siem.example.com"}, "filter": filter});
    let (_, address) = existing(&service, &body).await;
    let page = browser.get(&address).await;
    has(page.is(200), &["&#60;b&#62;Main&#60;/b&#62;", "[2001:db8::5]:6514", "one.example.com", "Stored TLS key"]);
    has(&page, &["value=\"a, b\" checked", "outcome = failure OR status.code = &#34;a, b&#34;", "Save and check"]);
    assert!(!page.text().contains("<b>Main") && !page.text().contains(&canary), "{}", page.text());

    let kept = fields(&[
        ("name", "Main"),
        ("endpoint", "[2001:db8::5]:6514"),
        ("transport", "tls"),
        ("format", "cef"),
        ("server_name", "siem.example.com"),
        ("filter", "general"),
        ("status_mode", "only"),
        ("status", "failure"),
        ("status", "a, b"),
        ("save", "only"),
    ]);
    let saved = browser.submit(&page, &address, &kept).await;
    assert_eq!(saved.is(303).header("location"), LIST);
    let now = &stored(&service).await[0];
    assert_eq!((&now["name"], &now["tls"]["client_key"]), (&json!("Main"), &json!(true)));
    assert_eq!(now["filter"]["status"]["values"], json!(["failure", "a, b"]));

    let page = browser.get(&address).await;
    let removed: Vec<_> = kept.iter().copied().chain([("pem_remove", "on")]).collect();
    browser.submit(&page, &address, &removed).await.is(303);
    let now = &stored(&service).await[0];
    assert_eq!((&now["tls"]["client_key"], &now["tls"]["certificates"]), (&json!(false), &json!([])));
    browser.get(&format!("{LIST}/connections/c-none")).await.is(404);
}

#[tokio::test]
async fn without_verification_only_when_it_is_said_twice() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(NEW).await;
    let mut off = fields(&[("transport", "tls"), ("verify", "off")]);
    let told = browser.submit(&page, NEW, &off).await;
    has(told.is(422), &["Confirm this, or choose another verification.", "id=\"f-verify_off_confirmed-error\""]);
    off.push(("verify_off_confirmed", "on"));
    browser.submit(&told, NEW, &off).await.is(303);
    assert_eq!(stored(&service).await[0]["verified"], false);
    let page = browser.get(NEW).await;
    let unused =
        fields(&[("name", "Plain"), ("verify", "off"), ("fingerprint", "garbage"), ("server_name", "no name")]);
    browser.submit(&page, NEW, &unused).await.is(303);
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_shown_beside_what_was_entered() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let (mut object, address) =
        existing(&service, &json!({"name": "Main", "endpoint": "10.0.0.5:514", "transport": "tcp"})).await;
    let page = browser.get(&address).await;
    object["endpoint"] = json!("10.0.0.6:514");
    let path = format!("{CONNECTIONS}/{}", object["id"].as_str().expect("an id"));
    service.send("PUT", &path, &[("content-type", "application/json")], object.to_string()).await.is(200);

    let mine = fields(&[("name", "Mine"), ("endpoint", "10.0.0.5:514"), ("save", "only")]);
    let told = browser.submit(&page, &address, &mine).await;
    has(
        told.is(409),
        &["Somebody else changed this connection", "10.0.0.6:514", "value=\"10.0.0.5:514\"", "value=\"Mine\""],
    );
    assert_eq!(stored(&service).await[0]["name"], "Main");
    browser.submit(&told, &address, &mine).await.is(303);
    assert_eq!(stored(&service).await[0]["endpoint"], "10.0.0.5:514");
}

#[tokio::test]
async fn an_active_connection_is_kept_active_or_stopped_first() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let endpoint = format!("127.0.0.1:{}", closed_port());
    let (object, address) =
        existing(&service, &json!({"name": "Main", "endpoint": endpoint, "transport": "tcp"})).await;
    existing(&service, &json!({"name": "Other", "endpoint": endpoint, "transport": "tcp"})).await;
    let activate = format!("{CONNECTIONS}/{}/activate", object["id"].as_str().expect("an id"));
    service.post(&activate, &json!({"despite_failed_check": true})).await.is(200);

    let page = browser.get(&address).await;
    has(page.is(200), &["Save and keep active", "Save as inactive"]);
    let kept = fields(&[("name", "Kept"), ("endpoint", &endpoint), ("save", "keep")]);
    let saved = browser.submit(&page, &address, &kept).await;
    assert_eq!(saved.is(303).header("location"), format!("{address}/check"));
    let now = stored(&service).await;
    assert!(now[0]["name"] == "Kept" && now[0]["status"] != "inactive", "{}", now[0]);

    // A form that is wrong stops nothing; one that only the store can refuse says that it did.
    let page = browser.get(&address).await;
    let wrong = fields(&[("name", "Kept"), ("endpoint", "nowhere"), ("save", "inactive")]);
    has(browser.submit(&page, &address, &wrong).await.is(422), &["Save and keep active"]);
    let taken = fields(&[("name", "Other"), ("endpoint", &endpoint), ("save", "inactive")]);
    let told = browser.submit(&page, &address, &taken).await;
    has(
        told.is(422),
        &["Another connection of this project has this name", "The connection was stopped, but", "Save and check"],
    );
    assert_eq!(stored(&service).await[0]["status"], "inactive");

    service.post(&activate, &json!({"despite_failed_check": true})).await.is(200);
    let page = browser.get(&address).await;
    let stopped = fields(&[("name", "Stopped"), ("endpoint", &endpoint), ("save", "inactive")]);
    assert_eq!(browser.submit(&page, &address, &stopped).await.is(303).header("location"), LIST);
    let now = stored(&service).await;
    let stopped = now.iter().find(|c| c["id"] == object["id"]).expect("is there");
    assert_eq!((&stopped["name"], &stopped["status"]), (&json!("Stopped"), &json!("inactive")));
}

#[tokio::test]
async fn what_cannot_be_checked_just_now_is_saved_all_the_same() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    // A receiver whose checks take their two seconds.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = listener.local_addr().expect("an address").to_string();
    let accepting = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok(accepted) = listener.accept().await {
            kept.push(accepted);
        }
    });
    for name in ["one", "two", "three"] {
        let page = browser.get(NEW).await;
        browser.submit(&page, NEW, &fields(&[("name", name), ("endpoint", &endpoint)])).await.is(303);
    }
    assert_eq!(stored(&service).await.len(), 3);
    let told = browser.get(NEW).await;
    has(&told, &["Connection three is saved. Its check could not begin just now", "notice warn"]);
    accepting.abort();
}

#[tokio::test]
async fn only_somebody_signed_in_and_only_from_its_own_page() {
    let service = Service::start().await;
    let mut stranger = Browser::new(&service);
    assert!(stranger.get(NEW).await.is(303).header("location").starts_with("/sign-in"));
    let mut browser = Browser::signed_in(&service).await;
    let all: Vec<_> = fields(&[]).iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    browser.post(NEW, &all).await.is(403);
    browser.get("/projects/none/settings/siem/new").await.is(404);
    assert_eq!(stored(&service).await, Vec::<Value>::new());
}

/// Without script a button sets what the receiver wants; nothing is stored by it.
#[tokio::test]
async fn a_receiver_sets_its_fields_and_warns_of_others() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(NEW).await;
    has(
        page.is(200),
        &["What is at the other end?", ">IBM QRadar</option>", "value=\"receiver\" formnovalidate>Set what it wants"],
    );
    assert!(!page.text().contains("id=\"receiver-setup\""), "nothing is chosen yet");
    let chosen =
        [("receiver", "wazuh"), ("endpoint", "siem.example.com:1514"), ("transport", "relp"), ("save", "receiver")];
    let shown = browser.submit(&page, NEW, &fields(&chosen)).await;
    has(shown.is(200), &["&#60;port&#62;1514&#60;/port&#62;", "contrib/siem/wazuh/tcp.xml", "value=\"6144\""]);
    has(&shown, &["id=\"f-format-json\" name=\"format\" value=\"json\" checked", "value=\"tcp\" checked"]);
    assert_eq!(stored(&service).await, Vec::<Value>::new());

    // The same by the fragment that the script asks for, in the reader's language.
    let csrf = super::hidden_fields(&page.text(), NEW).into_iter().find(|(name, _)| name == "csrf").expect("a token");
    let graylog = fields(&[("receiver", "graylog"), ("format", "cef"), ("cef_envelope", "bsd")]);
    let mut ask: Vec<_> = graylog.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ask.push(csrf);
    let told = browser.post(&format!("{LIST}/receiver"), &ask).await;
    has(told.is(200), &["data-for=\"receiver-warnings\"", "can forge a user or an outcome", "Input: CEF TCP"]);
    browser.language = "ru";
    has(&browser.post(&format!("{LIST}/receiver"), &ask).await, &["может подделать там пользователя"]);
    browser.post(&format!("{LIST}/receiver"), &ask[..ask.len() - 1]).await.is(403);
    browser.language = "en";

    // It stops nobody.
    let page = browser.get(NEW).await;
    browser.submit(&page, NEW, &graylog).await.is(303);
    let only = &stored(&service).await[0];
    assert_eq!((&only["receiver"], &only["format"]), (&json!("graylog"), &json!("cef")));
    assert_eq!(only["warnings"][0]["code"], "receiver_forgery");
}

/// What an old connection sends stands beside what it would send; a new one has nothing to compare.
#[tokio::test]
async fn both_mappings_stand_beside_each_other_for_an_old_connection() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    service.post("/api/v1/projects/default/events", &json!({"action": "a", "source": {"id": "iam"}})).await.is(200);
    let old = json!({"name": "Old", "endpoint": "10.0.0.5:514", "transport": "tcp", "format": "cef", "options": {"mapping": 1}});
    let (_, address) = existing(&service, &old).await;
    let page = browser.get(&address).await;
    has(page.is(200), &["Mapping 1, as until now", "id=\"f-mapping-1\" name=\"mapping\" value=\"1\" checked"]);
    let changes = [("name", "Old"), ("endpoint", "10.0.0.5:514"), ("format", "cef")];
    let with = |more: &[(&'static str, &'static str)]| fields(&[&changes[..], more].concat());
    for chosen in ["1", "2"] {
        let shown = browser.submit(&page, &address, &with(&[("mapping", chosen), ("save", "compare")])).await;
        let text = shown.is(200).text();
        let first = text.find("<strong>Mapping 1</strong>").expect("the first mapping");
        let second = text.find("<strong>Mapping 2</strong>").expect("the second mapping");
        assert!(first < second && text.contains("CEF:0|Auditwire"), "{text}");
    }
    // An option of the second mapping is refused with the first one, under its field.
    let wrong = with(&[("mapping", "1"), ("ipv6_in_src", "on"), ("save", "only")]);
    let told = browser.submit(&page, &address, &wrong).await;
    has(told.is(422), &["Mapping 1 does not have this.", "id=\"f-ipv6_in_src-error\""]);
    let (_, address) =
        existing(&service, &json!({"name": "New", "endpoint": "10.0.0.6:514", "transport": "tcp"})).await;
    let page = browser.get(&address).await;
    assert!(!page.text().contains("Mapping 1, as until now"), "{}", page.text());
    has(&page, &["id=\"f-mapping\""]);
}
