use std::sync::Arc;

use auditwire_engine::connections::{self, ConnectionInput};
use auditwire_engine::secrets::Keyring;
use auditwire_engine::store::memory::MemoryStore;
use auditwire_engine::{Engine, Settings};
use auditwire_model::access::{Caller, Origin, Principal};
use auditwire_model::clock::ManualClock;
use auditwire_model::{ProjectId, Timestamp, TokenId};

use super::*;

/// One connection in a service of its own.
struct World {
    engine: Engine,
    id: String,
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").expect("a time"));
        let keyring = Arc::new(Keyring::new(vec![Keyring::generate().expect("a key")]));
        let opened = Engine::open(
            Arc::new(MemoryStore::default()),
            auditwire_engine::store::memory::objects(),
            Arc::new(clock),
            keyring,
            Settings::default(),
        )
        .await;
        let engine = opened.expect("opens");
        let input = input(&json!({"name": "a", "endpoint": "a:1", "transport": "tcp"}));
        let made = connections::create(&engine, &operator(), &ProjectId::default_project(), input, None).await;
        let id = made.expect("is stored").stored.id.to_string();
        Self { engine, id }
    }

    /// Stores it and gives it back as it is stored.
    async fn store(&self, body: &Value) -> ConnectionSpec {
        let project = ProjectId::default_project();
        let stored = connections::update(&self.engine, &operator(), &project, &self.id, input(body), None).await;
        stored.expect("is stored").stored.spec
    }
}

fn operator() -> Caller {
    Caller::Operator {
        by: Principal::Token(TokenId::parse("t-1").expect("an id")),
        origin: Origin::new([127, 0, 0, 1], "r-1"),
    }
}

#[track_caller]
fn input(body: &Value) -> ConnectionInput {
    let read = ConnectionInput::from_json_all(body.to_string().as_bytes());
    read.unwrap_or_else(|mistakes| panic!("{body}: {mistakes:?}"))
}

fn form(fields: &[(&str, &str)]) -> Form {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Form::parse(body.as_bytes())
}

/// All combinations of what the API takes, as far as the form shows it.
fn connections() -> Vec<Value> {
    let plain = json!({"name": "Основной SIEM", "endpoint": "[2001:db8::5]:6514", "transport": "tcp"});
    let mut all = Vec::new();
    for (transport, format) in
        ["tcp", "udp", "tls", "relp", "relp_tls"].into_iter().flat_map(|t| ["rfc5424", "cef"].map(|f| (t, f)))
    {
        for framing in ["lf", "octet_counting"] {
            let mut body = plain.clone();
            body["transport"] = json!(transport);
            body["format"] = json!(format);
            body["framing"] = json!(framing);
            all.push(body);
        }
    }
    let with = |field: &str, value: Value| {
        let mut body = plain.clone();
        body["transport"] = json!(if field == "tls" { "tls" } else { "udp" });
        body[field] = value;
        body
    };
    let fingerprint = "0123456789abcdef".repeat(4);
    all.extend([
        with("rate_limit", json!(1)),
        with("options", json!({"facility": 0, "hostname": "h", "app_name": "a", "bom": true, "max_bytes": 480})),
        with("options", json!({"cef_envelope": "bsd", "pen": 4_294_967_295_u32, "overlap_bytes": 65_536})),
        with(
            "options",
            json!({"cef_envelope": "none", "pen": 1, "overlap_bytes": 1_073_741_823, "overlap_seconds": 60, "heartbeat_seconds": 30, "order": "live_first"}),
        ),
        with("receiver", json!("qradar")),
        with("options", json!({"mapping": 1})),
        with("options", json!({"mapping": 2, "leef_cat": "source", "ipv6_in_src": true, "structured_data": "ids", "message": "text"})),
        with("options", json!({"structured_data": "none", "metadata_keys": ["resource.metadata.vm.id", "subject.metadata.role"]})),
        with("tls", json!({"server_name": "2001:db8::1", "verify": "off", "min_version": "1.3"})),
        with("tls", json!({"server_name": "siem.example.com", "verify": "fingerprint", "fingerprint": fingerprint})),
        with("tls", json!({"verify": "full", "fingerprint": fingerprint})),
        with("filter", json!({"kind": "none", "status": {"mode": "only", "values": ["failure", "4xx"]}})),
        with("filter", json!({"kind": "general"})),
        with(
            "filter",
            json!({"kind": "general", "status": {"mode": "except", "values": ["a, b c", "unknown", "unknown", "5xx"]},
                   "source": {"mode": "only", "values": ["nova", "iam, too", "iam"]}}),
        ),
        with("filter", json!({"kind": "general", "status": {"mode": "off", "values": ["success"]}})),
    ]);
    all
}

#[tokio::test]
async fn a_stored_connection_shown_and_sent_back_is_the_same() {
    let world = World::new().await;
    for body in connections() {
        let stored = world.store(&body).await;
        let shown = Values::of(&stored);
        let again = world.store(&shown.to_json(&PemChange::Keep)).await;
        assert_eq!(again, stored, "{body}");
        assert_eq!(Values::of(&again), shown, "{body}");
    }
}

#[tokio::test]
async fn a_stored_pem_is_kept_replaced_and_removed() {
    let world = World::new().await;
    let [one, two] = ["one", "two"].map(|name| {
        let signed = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("signs");
        signed.cert.pem() + &signed.signing_key.serialize_pem()
    });
    let values =
        Values { name: "a".to_owned(), endpoint: "a:1".to_owned(), transport: "tls".to_owned(), ..Values::new() };
    let names = |spec: ConnectionSpec| -> Vec<String> {
        spec.tls.expect("TLS").certificates.into_iter().flat_map(|c| c.names).collect()
    };
    assert_eq!(names(world.store(&values.to_json(&PemChange::Replace(&one))).await), ["one"]);
    assert_eq!(names(world.store(&values.to_json(&PemChange::of(&form(&[("pem", " \r\n")])))).await), ["one"]);
    let replaced = form(&[("pem", &two), ("pem_remove", "on")]);
    assert_eq!(names(world.store(&values.to_json(&PemChange::of(&replaced))).await), ["two"]);
    assert_eq!(names(world.store(&values.to_json(&PemChange::of(&form(&[("pem_remove", "on")])))).await), [""; 0]);
}

#[test]
fn a_new_form_needs_a_name_and_a_connection_point_only() {
    let new = Values::new();
    let mistakes = ConnectionInput::from_json_all(new.to_json(&PemChange::Keep).to_string().as_bytes());
    let mistakes: Vec<_> = mistakes.expect_err("is not enough").into_iter().map(|m| m.field).collect();
    assert_eq!(mistakes, [Some("name".to_owned()), Some("endpoint".to_owned())]);
    input(&Values { name: "a".to_owned(), endpoint: "a:1".to_owned(), ..new }.to_json(&PemChange::Keep));
}

#[test]
fn what_a_browser_sends_becomes_the_request() {
    let values = Values::read(&form(&[
        ("name", " Main "),
        ("endpoint", "siem:514"),
        ("transport", "tls"),
        ("verify", "fingerprint"),
        ("fingerprint", "AA:BB"),
        ("min_version", "1.3"),
        ("format", "cef"),
        ("framing", ""),
        ("facility", "16"),
        ("bom", "on"),
        ("max_bytes", "1\u{a0}048 576"),
        ("overlap_bytes", "64 МиБ"),
        ("filter", "general"),
        ("status_mode", "only"),
        ("status", "failure"),
        ("status", "a, b"),
        ("status_more", "403, 5xx failure"),
        ("source_mode", "except"),
        ("source", "nova"),
        ("source_more", "my service,, iam "),
        ("rate_limit", "5,000"),
    ]));
    let body = values.to_json(&PemChange::Keep);
    assert_eq!(body["name"], "Main");
    assert_eq!(
        body["tls"],
        json!({"server_name": null, "verify": "fingerprint", "fingerprint": "AA:BB", "min_version": "1.3"})
    );
    assert_eq!((&body["framing"], &body["rate_limit"]), (&Value::Null, &json!(5000)));
    let options = json!({"facility": 16, "hostname": null, "app_name": null, "bom": true, "max_bytes": 1_048_576,
                         "cef_envelope": null, "pen": null, "overlap_bytes": 67_108_864, "overlap_seconds": null,
                         "heartbeat_seconds": null, "order": null, "mapping": null, "leef_cat": null,
                         "ipv6_in_src": false, "metadata_keys": [], "structured_data": null, "message": null});
    assert_eq!(body["options"], options);
    let filter = json!({"kind": "general",
                        "status": {"mode": "only", "values": ["failure", "a, b", "403", "5xx"]},
                        "source": {"mode": "except", "values": ["nova", "my service", "iam"]}});
    assert_eq!(body["filter"], filter);
}

#[test]
fn nobody_is_blamed_for_what_does_not_apply() {
    let ready = Values { name: "a".to_owned(), endpoint: "a:1".to_owned(), ..Values::new() };
    let tls = Values {
        server_name: "not a name".to_owned(),
        verify: "maybe".to_owned(),
        min_version: String::new(),
        ..ready.clone()
    };
    assert_eq!(tls.to_json(&PemChange::Replace("no PEM")).get("tls"), None);
    let fingerprint = Values { transport: "tls".to_owned(), fingerprint: "garbage".to_owned(), ..ready.clone() };
    let udp = Values { transport: "udp".to_owned(), overlap_bytes: "much".to_owned(), ..ready.clone() };
    let mut disabled = ready.clone();
    disabled.source.mode = "only".to_owned();
    for values in [tls, fingerprint.clone(), udp.clone(), disabled.clone()] {
        input(&values.to_json(&PemChange::Keep));
    }
    let applies = [
        Values { verify: "fingerprint".to_owned(), ..fingerprint },
        Values { transport: "tcp".to_owned(), ..udp },
        Values { filter: "general".to_owned(), ..disabled },
    ];
    for values in applies {
        let body = values.to_json(&PemChange::Keep).to_string();
        assert_eq!(ConnectionInput::from_json_all(body.as_bytes()).expect_err(&body).len(), 1, "{body}");
    }
}

#[test]
fn numbers_are_read_as_people_write_them() {
    let cases = [("", Value::Null), ("8192", json!(8192)), (" 1 048 576 ", json!(1_048_576)), ("5'000", json!(5000))];
    for (text, expected) in cases {
        assert_eq!(number(text), expected, "{text:?}");
    }
    for wrong in ["many", "-5", "1.5", "1e3", "99999999999999999999", "+1x"] {
        assert_eq!(number(wrong), json!(-1), "{wrong:?}");
    }
    let sizes = [("64k", 65_536), ("64 KiB", 65_536), ("32 мб", 32 << 20), ("1G", 1 << 30), ("65537", 65_537)];
    for (text, expected) in sizes {
        assert_eq!(size(text), json!(expected), "{text:?}");
    }
    for wrong in ["big", "MiB", "1 TiB", "1.5 MiB", "99999999999999999 G"] {
        assert_eq!(size(wrong), json!(-1), "{wrong:?}");
    }
    for bytes in [0, 1, 65_536, 65_537, 32 << 20, 1 << 30, (1 << 30) + 1024] {
        assert_eq!(size(&size_text(bytes)), json!(bytes));
    }
    assert_eq!(size_text(32 << 20), "32 MiB");
}

#[test]
fn choosing_a_receiver_sets_what_it_wants_and_nothing_else() {
    let entered = Values {
        name: "a".to_owned(),
        endpoint: "a:1".to_owned(),
        transport: "relp".to_owned(),
        hostname: "h".to_owned(),
        rate_limit: "5".to_owned(),
        ..Values::new()
    };
    let wanted = |receiver: &str| Values { receiver: receiver.to_owned(), ..entered.clone() }.wanted_by_receiver();
    let qradar = wanted("qradar");
    assert_eq!((qradar.transport.as_str(), qradar.format.as_str(), qradar.max_bytes.as_str()), ("tcp", "leef", "4096"));
    assert_eq!((qradar.framing.as_str(), qradar.hostname.as_str(), qradar.rate_limit.as_str()), ("", "h", "5"));
    // What is taken stays.
    assert_eq!(wanted("rsyslog").transport, "relp");
    let counted = wanted("syslog_ng");
    assert_eq!((counted.transport.as_str(), counted.framing.as_str()), ("tcp", "octet_counting"));
    // Another choice takes back what the one before set.
    let arcsight = Values { receiver: "arcsight".to_owned(), ..qradar }.wanted_by_receiver();
    assert_eq!(
        (arcsight.format.as_str(), arcsight.max_bytes.as_str(), arcsight.cef_envelope.as_str()),
        ("cef", "", "bsd")
    );
    assert_eq!(wanted("splunk").structured_data, "ids");
    let first =
        Values { mapping: "1".to_owned(), receiver: "splunk".to_owned(), ..entered.clone() }.wanted_by_receiver();
    assert_eq!((first.structured_data.as_str(), first.mapping.as_str()), ("full", "1"));
    for receiver in ["", "other", "nonsense"] {
        assert_eq!(wanted(receiver), Values { receiver: receiver.to_owned(), ..entered.clone() });
    }
    // What was set is what is warned of nowhere, and can be stored.
    for receiver in auditwire_model::connection::Receiver::WORDS {
        input(&wanted(receiver).to_json(&PemChange::Keep));
    }
}
