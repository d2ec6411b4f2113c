//! What things are called: ids and categories, who and where, keys of their own.

use super::{cef, get, json, json_of, leef, pairs, sd, some, text};
use crate::connection::{Format, LeefCategory, MetadataKey, Options};
use crate::event::testing::{full, minimal};
use crate::event::{EventDraft, Outcome, Plane};
use crate::wire::{read_cef, read_leef};

/// A request to Manila.
fn share(method: Option<&str>) -> EventDraft {
    EventDraft {
        action: "/v2/shares/{share_id}".to_owned(),
        source_id: some("manila"),
        resource_metadata: method.map(|method| pairs(&[("http_method", method)])).unwrap_or_default(),
        ..minimal()
    }
}

#[test]
fn the_method_is_part_of_the_id_where_it_decides() {
    for (method, id, title) in [
        (Some("DELETE"), "DELETE /v2/shares/{share_id}", "Share deleted"),
        (Some("put"), "PUT /v2/shares/{share_id}", "Share updated"),
        (None, "/v2/shares/{share_id}", "Share updated / Share deleted"),
    ] {
        let options = Options::default();
        let message = text(Format::Cef, &options, share(method));
        let read = read_cef::parse(&message).unwrap();
        assert_eq!((read.class_id.as_str(), read.name.as_str()), (id, title));
        assert_eq!(read.get("act"), Some(id));
        let message = text(Format::Leef, &options, share(method));
        assert_eq!(read_leef::parse(&message).unwrap().event_id, id);
    }
    // An id of more than 63 characters has no place in `act`.
    let action = "/v2/quota-sets/{project_id_quota_request_path}?user_id={user_id}".to_owned();
    let draft = EventDraft { action, ..share(Some("DELETE")) };
    let read = cef(&Options::default(), draft);
    assert_eq!(get(&read, "act"), None);
}

#[test]
fn the_source_decides_the_title_where_nothing_else_does() {
    let title = |source: &str| {
        let draft = EventDraft { action: "create-flavor".to_owned(), source_id: some(source), ..minimal() };
        read_cef::parse(&text(Format::Cef, &Options::default(), draft)).unwrap().name
    };
    assert_eq!(title("octavia"), "Load balancer flavor created");
    assert_eq!(title("network"), "Network service flavor created");
}

#[test]
fn qradars_category_tells_the_outcome() {
    let category = |leef_cat, source: Option<&str>, outcome| {
        let draft =
            EventDraft { source_id: source.map(str::to_owned), outcome: Some(outcome), status_code: None, ..full() };
        leef(&Options { leef_cat, ..Options::default() }, draft).remove("cat")
    };
    let by_outcome = |source, outcome| category(LeefCategory::Outcome, source, outcome);
    assert_eq!(by_outcome(Some("iam"), Outcome::Failure), some("iam.failure"));
    assert_eq!(by_outcome(Some("iam"), Outcome::Success), some("iam.success"));
    assert_eq!(by_outcome(Some("iam"), Outcome::Unknown), some("iam"));
    assert_eq!((by_outcome(None, Outcome::Failure), by_outcome(None, Outcome::Unknown)), (some("failure"), None));
    assert_eq!(category(LeefCategory::Source, Some("iam"), Outcome::Failure), some("iam"));
    let long = leef(&super::limited(700), EventDraft { source_id: some(&"x".repeat(4000)), ..full() });
    assert!(get(&long, "cat").unwrap().ends_with("….failure"), "the outcome is not cut off");
}

#[test]
fn an_ipv4_address_in_ipv6_is_ipv4() {
    let draft =
        || EventDraft { subject_address: some("::ffff:10.1.2.3"), source_address: some("::FFFF:a00:9"), ..full() };
    let options = Options::default();
    let read = cef(&options, draft());
    assert_eq!((get(&read, "src"), get(&read, "dvc"), get(&read, "c6a2")), (Some("10.1.2.3"), Some("10.0.0.9"), None));
    let read = leef(&options, draft());
    assert_eq!((get(&read, "src"), get(&read, "sourceAddress")), (Some("10.1.2.3"), Some("10.0.0.9")));
    let read = sd(&options, draft());
    assert_eq!((get(&read, "user_addr"), get(&read, "source_addr")), (Some("10.1.2.3"), Some("10.0.0.9")));
    assert_eq!(json(&options, draft()).subject.address, some("::ffff:10.1.2.3"), "JSON is exact");
}

#[test]
fn src_takes_ipv6_where_the_receiver_does() {
    let draft = || EventDraft { source_address: some("2001:db8::7"), ..full() };
    let read = cef(&Options { ipv6_in_src: true, ..Options::default() }, draft());
    let found = (get(&read, "src"), get(&read, "dvc"), get(&read, "c6a1"), get(&read, "c6a2"));
    assert_eq!(found, (Some("2001:db8::5"), Some("2001:db8::7"), None, None));
    let read = cef(&Options::default(), draft());
    let found = (get(&read, "src"), get(&read, "dvc"), get(&read, "c6a1"), get(&read, "c6a2"));
    assert_eq!(found, (None, None, Some("2001:db8::7"), Some("2001:db8::5")));
}

#[test]
fn who_is_acted_on_has_keys() {
    let account = |kind: &str, metadata: &[(&str, &str)]| EventDraft {
        resource_id: some("acc-1"),
        resource_type: some(kind),
        resource_metadata: pairs(metadata),
        ..full()
    };
    let options = Options::default();
    let named = cef(&options, account("User", &[("email", "v@example.ru"), ("name", "V"), ("roles", "a")]));
    assert_eq!((get(&named, "duid"), get(&named, "duser")), (Some("acc-1"), Some("v@example.ru")));
    assert_eq!(get(&named, "cs5"), Some(r#"{"name":"V","roles":"a"}"#), "what has a key leaves the JSON");
    let bare = cef(&options, account("account", &[]));
    assert_eq!((get(&bare, "duid"), get(&bare, "duser")), (Some("acc-1"), Some("acc-1")));
    let server = cef(&options, account("server", &[("name", "vm-7")]));
    assert_eq!((get(&server, "duid"), get(&server, "duser")), (None, None));
    assert_eq!(get(&server, "cs5"), Some(r#"{"name":"vm-7"}"#));
    assert_eq!(get(&leef(&options, account("account", &[("name", "V")])), "targetUser"), Some("V"));
}

#[test]
fn tenant_instance_and_plane_have_keys() {
    let options = Options::default();
    let read = cef(&options, full());
    assert_eq!(get(&read, "AuditwireCloudAuditProject"), Some("default"));
    assert_eq!((get(&read, "deviceExternalId"), get(&read, "AuditwireCloudAuditPlane")), (Some("i-1"), Some("data")));
    let control = cef(&options, EventDraft { plane: Some(Plane::Control), ..full() });
    assert_eq!(get(&control, "AuditwireCloudAuditPlane"), Some("control"));
    assert_eq!(get(&leef(&options, full()), "project"), Some("default"));
    assert_eq!(get(&sd(&options, full()), "project"), Some("default"));
    assert_eq!(json(&options, full()).project, some("default"));
}

#[test]
fn what_the_request_was_has_keys() {
    let draft = || EventDraft {
        subject_metadata: pairs(&[("email", "u@example.ru"), ("user_agent", "curl/8.5"), ("x", "1")]),
        resource_metadata: pairs(&[("http_method", "POST"), ("method", "y"), ("url", "https://a/b?c=d"), ("z", "2")]),
        ..full()
    };
    let options = Options::default();
    let read = cef(&options, draft());
    assert_eq!(get(&read, "requestMethod"), Some("POST"));
    assert_eq!(
        (get(&read, "request"), get(&read, "requestClientApplication")),
        (Some("https://a/b?c=d"), Some("curl/8.5"))
    );
    assert_eq!((get(&read, "cs5"), get(&read, "cs6")), (Some(r#"{"method":"y","z":"2"}"#), Some(r#"{"x":"1"}"#)));
    let read = leef(&options, draft());
    assert_eq!(get(&read, "requestMethod"), Some("POST"));
    assert_eq!((get(&read, "url"), get(&read, "userAgent")), (Some("https://a/b?c=d"), Some("curl/8.5")));
    assert_eq!(get(&read, "resourceMetadata"), Some(r#"{"method":"y","z":"2"}"#));
    // An agent that both tell: the subject's has the key, the resource's stays.
    let both = EventDraft { resource_metadata: pairs(&[("uri", "/v3"), ("url", "u"), ("user_agent", "b")]), ..draft() };
    let read = cef(&options, both);
    assert_eq!((get(&read, "request"), get(&read, "cs5")), (Some("/v3"), Some(r#"{"url":"u","user_agent":"b"}"#)));
}

#[test]
fn chosen_metadata_has_keys() {
    let keys =
        ["subject.metadata.geo.city", "resource.metadata.roles", "resource.metadata.absent", "resource.metadata.empty"];
    let options = Options {
        metadata_keys: keys.iter().map(|path| MetadataKey::parse(path).unwrap()).collect(),
        ..Options::default()
    };
    let read = cef(&options, full());
    assert_eq!(get(&read, "AuditwireCloudAuditSubjectGeoCity"), Some("Тверь"));
    assert_eq!(get(&read, "AuditwireCloudAuditResourceRoles"), Some(r#"["admin",7]"#));
    assert_eq!(json_of(&read["cs6"]).into_keys().collect::<Vec<_>>(), ["geo.lat"]);
    assert_eq!(
        json_of(&read["cs5"]).into_keys().collect::<Vec<_>>(),
        ["empty"],
        "nothing of it would be seen elsewhere"
    );
    let read = leef(&options, full());
    assert_eq!((get(&read, "subjectGeoCity"), get(&read, "resourceRoles")), (Some("Тверь"), Some(r#"["admin",7]"#)));
    assert!(!read["subjectMetadata"].contains("geo.city") && !read["resourceMetadata"].contains("roles"));
    let read = sd(&options, full());
    assert_eq!((get(&read, "subjectGeoCity"), get(&read, "resourceRoles")), (Some("Тверь"), Some(r#"["admin",7]"#)));
    assert_eq!(json(&options, full()).subject.metadata.len(), 3, "JSON is exact");
}

#[test]
fn only_codes_of_http_and_grpc_are_numbers() {
    let found = |code: &str, message: Option<&str>| {
        let draft = EventDraft { status_code: some(code), status_message: message.map(str::to_owned), ..full() };
        let mut read = cef(&Options::default(), draft);
        (read.remove("cn1"), read.remove("reason"))
    };
    for code in ["0", "7", "16", "100", "404", "599"] {
        assert_eq!(found(code, Some("m")), (some(code), some("m")));
    }
    for code in ["-1", "17", "99", "600", "42501", "007", "0404", "1e2", "E.1", "123456789012345678901"] {
        assert_eq!(found(code, Some("m")), (None, Some(format!("m ({code})"))));
        assert_eq!(found(code, None), (None, some(code)));
    }
}

#[test]
fn dst_is_the_target_and_never_the_source() {
    let read = leef(&Options::default(), full());
    assert_eq!((get(&read, "dst"), get(&read, "sourceAddress")), (None, Some("10.0.0.7")));
    let draft = |address: &str| EventDraft { resource_metadata: pairs(&[("address", address)]), ..full() };
    assert_eq!(get(&leef(&Options::default(), draft("::ffff:10.9.8.7")), "dst"), Some("10.9.8.7"));
    assert_eq!(get(&leef(&Options::default(), draft("2001:db8::9")), "dst"), Some("2001:db8::9"));
    assert_eq!(get(&leef(&Options::default(), draft("somewhere")), "dst"), None);
    let read = cef(&Options::default(), draft("2001:db8::9"));
    assert_eq!((get(&read, "dst"), get(&read, "c6a3")), (None, Some("2001:db8::9")));
    assert_eq!(get(&read, "cs5"), Some(r#"{"address":"2001:db8::9"}"#), "it stays where it was, too");
}
