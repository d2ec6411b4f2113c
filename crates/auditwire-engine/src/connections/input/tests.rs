use super::*;
use auditwire_model::connection::{
    CefEnvelope, Framing, LeefCategory, Mapping, MessagePart, Options, Receiver, StructuredData, TlsVersion,
};
use serde_json::{Value, json};

fn read(value: &Value) -> Result<ConnectionInput> {
    ConnectionInput::from_json(&serde_json::to_vec(value).unwrap())
}

fn minimal() -> Value {
    json!({"name": "siem", "endpoint": "10.0.0.5:514", "transport": "tcp"})
}

/// `minimal()` with a value put at a dotted path.
fn with(path: &str, value: Value) -> Value {
    let mut body = minimal();
    if path.starts_with("tls") {
        body["transport"] = json!("tls");
    }
    let pointer = format!("/{}", path.replace('.', "/"));
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut at = &mut body;
    for step in parent.split('/').filter(|s| !s.is_empty()) {
        if at[step].is_null() {
            at[step] = json!({});
        }
        at = &mut at[step];
    }
    at[name] = value;
    body
}

fn spec(value: &Value) -> ConnectionSpec {
    read(value).unwrap().into_parts(None).unwrap().0
}

#[test]
fn fills_in_the_published_defaults() {
    let read = spec(&minimal());
    assert_eq!((read.format, read.framing, read.rate_limit), (Format::Rfc5424, Framing::Lf, None));
    assert_eq!((read.options, read.filter, read.tls), (Options::default(), Filter::default(), None));
    let framing = |transport: &str, format: &str| {
        spec(&json!({"name": "a", "endpoint": "a:1", "transport": transport, "format": format})).framing
    };
    assert_eq!(framing("tls", "rfc5424"), Framing::OctetCounting);
    for format in ["cef", "leef", "json"] {
        assert_eq!(framing("tls", format), Framing::Lf);
    }
    assert_eq!(framing("tcp", "cef"), Framing::Lf);
    let tls = spec(&json!({"name": "a", "endpoint": "a:1", "transport": "tls"})).tls.unwrap();
    assert_eq!(tls, TlsSpec { min_version: TlsVersion::V1_2, verify: Verify::Full, ..TlsSpec::default() });
}

#[test]
fn takes_every_field() {
    let print = "AA:".repeat(31) + "AA";
    let body = json!({
        "name": "  Главный SIEM ", "endpoint": "[2001:db8::5]:6514", "transport": "tls",
        "tls": {"server_name": "SIEM.example.com", "verify": "fingerprint", "fingerprint": format!("SHA-256:{print}"),
                "min_version": "1.3"},
        "format": "cef", "framing": "octet_counting",
        "options": {"facility": 16, "hostname": "h-1", "app_name": "app", "bom": true, "max_bytes": 1_048_576,
                    "cef_envelope": "bsd", "pen": 1, "overlap_bytes": 65536},
        "filter": {"kind": "general", "status": {"mode": "only", "values": ["Failure", "4XX", "E.1"]},
                   "source": {"mode": "except", "values": ["nova"]}, "query": null},
        "rate_limit": 100
    });
    let read = spec(&body);
    assert_eq!(read.name, "Главный SIEM");
    let tls = read.tls.unwrap();
    assert_eq!(tls.server_name.as_deref(), Some("siem.example.com"));
    assert_eq!(tls.fingerprint, Some("aa".repeat(32)));
    assert_eq!((read.options.facility, read.options.max_bytes, read.options.bom), (16, Some(1 << 20), true));
    assert_eq!(read.filter.status.values, ["failure", "4xx", "E.1"]);
    assert_eq!((read.framing, read.rate_limit), (Framing::OctetCounting, Some(100)));
}

#[test]
fn every_mistake_has_its_code_and_field() {
    let cases = [
        ("name", json!(""), "invalid_name"),
        ("name", json!("a\nb"), "invalid_name"),
        ("name", json!("x".repeat(129)), "invalid_name"),
        ("name", json!(5), "invalid_type"),
        ("name", json!(null), "missing_field"),
        ("endpoint", json!("siem"), "invalid_endpoint"),
        ("transport", json!("TCP"), "invalid_transport"),
        ("format", json!("xml"), "invalid_format"),
        ("format", json!("JSON"), "invalid_format"),
        ("framing", json!("crlf"), "invalid_framing"),
        ("rate_limit", json!(0), "invalid_rate_limit"),
        ("rate_limit", json!(1.5), "invalid_rate_limit"),
        ("rate_limit", json!("5"), "invalid_type"),
        ("options.facility", json!(24), "invalid_facility"),
        ("options.facility", json!(-1), "invalid_facility"),
        ("options.hostname", json!("a b"), "invalid_hostname"),
        ("options.hostname", json!("я"), "invalid_hostname"),
        ("options.hostname", json!(""), "invalid_hostname"),
        ("options.app_name", json!("a".repeat(49)), "invalid_app_name"),
        ("options.max_bytes", json!(479), "invalid_max_bytes"),
        ("options.max_bytes", json!(1_048_577), "invalid_max_bytes"),
        ("options.cef_envelope", json!("rfc3164"), "invalid_cef_envelope"),
        ("options.pen", json!(0), "invalid_pen"),
        ("options.overlap_bytes", json!(1), "invalid_overlap"),
        ("options.heartbeat_seconds", json!(29), "invalid_heartbeat"),
        ("options.overlap_seconds", json!(0), "invalid_overlap_seconds"),
        ("options.overlap_seconds", json!(86_401), "invalid_overlap_seconds"),
        ("options.order", json!("newest"), "invalid_order"),
        ("options.bom", json!("on"), "invalid_type"),
        ("options.mapping", json!(3), "invalid_mapping"),
        ("options.mapping", json!("2"), "invalid_type"),
        ("options.leef_cat", json!("severity"), "invalid_leef_cat"),
        ("options.ipv6_in_src", json!(1), "invalid_type"),
        ("options.structured_data", json!("some"), "invalid_structured_data"),
        ("options.message", json!("xml"), "invalid_message_part"),
        ("options.metadata_keys", json!("resource.metadata.a"), "invalid_type"),
        ("options.metadata_keys", json!(["resource.metadata.a", "status.code"]), "invalid_metadata_keys"),
        ("options.metadata_keys", json!(["resource.metadata.type"]), "invalid_metadata_keys"),
        ("options.metadata_keys", json!(vec!["resource.metadata.a"; 17]), "invalid_metadata_keys"),
        ("options.metadata_keys", json!(["resource.metadata.a_b", "resource.metadata.aB"]), "duplicate_metadata_keys"),
        ("options.tab", json!(1), "unknown_field"),
        ("color", json!(1), "unknown_field"),
        ("filter.query", json!("a=b"), "query_unknown_parameter"),
        ("filter.query", json!("timestamp > now-1h"), "query_relative_time"),
        ("filter.kind", json!("all"), "invalid_filter"),
        ("filter.query", json!(1), "invalid_type"),
        ("filter.status.mode", json!("none"), "invalid_filter"),
        ("filter.status.values", json!("failure"), "invalid_type"),
        ("filter.status.values", json!([""]), "invalid_filter"),
        ("filter.source.values", json!([1]), "invalid_type"),
        ("tls.verify", json!("maybe"), "invalid_verify"),
        ("tls.fingerprint", json!("aa"), "invalid_fingerprint"),
        ("tls.server_name", json!("a b"), "invalid_server_name"),
        ("tls.min_version", json!("1.1"), "invalid_min_version"),
        ("tls.min_version", json!(1.2), "invalid_type"),
        ("tls.pem", json!("garbage"), "pem_empty"),
        ("tls.pem", json!(["a"]), "invalid_type"),
        ("tls.key", json!(1), "unknown_field"),
    ];
    for (path, value, code) in cases {
        let error = read(&with(path, value.clone())).expect_err(path);
        assert_eq!((error.code, error.field.as_deref()), (code, Some(path)), "{path} = {value}: {}", error.detail);
    }
    let empty = read(&with("filter.source.mode", json!("only"))).unwrap_err();
    assert_eq!((empty.code, empty.field.as_deref()), ("invalid_filter", Some("filter.source.values")));
    let print = read(&with("tls.verify", json!("fingerprint"))).unwrap_err();
    assert_eq!((print.code, print.field.as_deref()), ("fingerprint_required", Some("tls.fingerprint")));
    let tcp = read(&json!({"name": "a", "endpoint": "a:1", "transport": "tcp", "tls": {}})).unwrap_err();
    assert_eq!((tcp.code, tcp.field.as_deref()), ("tls_not_allowed", Some("tls")));
    let udp = json!({"name": "a", "endpoint": "a:1", "transport": "udp", "options": {"max_bytes": 65508}});
    assert_eq!(read(&udp).unwrap_err().code, "invalid_max_bytes");
    for (body, code) in [("{", "invalid_json"), ("[]", "invalid_type"), ("", "invalid_json"), ("{}", "missing_field")] {
        assert_eq!(ConnectionInput::from_json(body.as_bytes()).unwrap_err().code, code, "{body}");
    }
}

fn mistakes(body: &Value) -> Vec<(&'static str, String)> {
    let wrong = ConnectionInput::from_json_all(&serde_json::to_vec(body).unwrap()).unwrap_err();
    wrong.into_iter().map(|e| (e.code, e.field.unwrap_or_default())).collect()
}

#[test]
fn a_form_is_told_of_every_wrong_field_in_its_order_and_the_api_of_the_first() {
    let body = json!({
        "rate_limit": 0, "name": "", "endpoint": "siem", "transport": "tls", "format": "xml", "framing": "crlf",
        "tls": {"verify": "fingerprint", "pem": "garbage", "server_name": "a b", "min_version": "1.1", "key": 1},
        "options": {"facility": 24, "hostname": "a b", "app_name": "", "bom": 1, "max_bytes": 1, "pen": 0,
                    "cef_envelope": "x", "overlap_bytes": 1, "tab": 1, "cr": 2},
        "filter": {"kind": "all", "status": {"mode": "only"}, "source": {"mode": "x", "values": [1]}, "query": "a=b"},
        "color": 1,
    });
    let told = mistakes(&body);
    let expected = [
        ("unknown_field", "color"),
        ("invalid_name", "name"),
        ("invalid_endpoint", "endpoint"),
        ("unknown_field", "tls.key"),
        ("pem_empty", "tls.pem"),
        ("invalid_server_name", "tls.server_name"),
        ("fingerprint_required", "tls.fingerprint"),
        ("invalid_min_version", "tls.min_version"),
        ("invalid_format", "format"),
        ("invalid_framing", "framing"),
        ("unknown_field", "options.cr"),
        ("unknown_field", "options.tab"),
        ("invalid_facility", "options.facility"),
        ("invalid_hostname", "options.hostname"),
        ("invalid_app_name", "options.app_name"),
        ("invalid_type", "options.bom"),
        ("invalid_max_bytes", "options.max_bytes"),
        ("invalid_cef_envelope", "options.cef_envelope"),
        ("invalid_pen", "options.pen"),
        ("invalid_overlap", "options.overlap_bytes"),
        ("invalid_filter", "filter.kind"),
        ("invalid_filter", "filter.status.values"),
        ("invalid_filter", "filter.source.mode"),
        ("invalid_type", "filter.source.values"),
        ("query_unknown_parameter", "filter.query"),
        ("invalid_rate_limit", "rate_limit"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(code, field)| (code, field.to_owned())).collect();
    assert_eq!(told, expected);
    let first = read(&body).unwrap_err();
    assert_eq!((first.code, first.field.as_deref()), ("unknown_field", Some("color")));
}

#[test]
fn what_depends_on_a_wrong_transport_is_not_blamed() {
    let mut body = with("options.max_bytes", json!(65_508));
    body["transport"] = json!("sctp");
    body["tls"] = json!({"verify": "maybe"});
    let blamed = [("invalid_transport", "transport".to_owned()), ("invalid_verify", "tls.verify".to_owned())];
    assert_eq!(mistakes(&body), blamed);
    assert_eq!(mistakes(&json!({})), ["name", "endpoint", "transport"].map(|f| ("missing_field", f.to_owned())));
    assert_eq!(mistakes(&json!([])), [("invalid_type", String::new())]);
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let body: serde_json::Map<_, _> = (0..10_000).map(|i| (format!("f{i}"), json!(1))).collect();
    assert_eq!(mistakes(&Value::Object(body)).len(), 32);
}

#[test]
fn a_pem_is_inspected_as_it_would_be_stored() {
    let signed = rcgen::generate_simple_self_signed(vec!["siem.example.com".to_owned()]).unwrap();
    let pem = signed.cert.pem() + &signed.signing_key.serialize_pem();
    let stored = spec(&with("tls.pem", json!(pem))).tls.unwrap();
    let seen = inspect_pem(pem.as_bytes()).unwrap();
    assert_eq!((seen.certificates, seen.client_key), (stored.certificates, true));
    let other = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap();
    for wrong in [
        String::new(),
        "garbage".to_owned(),
        pem[..600].to_owned(),
        other.cert.pem() + &signed.signing_key.serialize_pem(),
    ] {
        let refused = read(&with("tls.pem", json!(wrong))).unwrap_err();
        let seen = inspect_pem(wrong.as_bytes()).unwrap_err();
        let facts = |e: Error| (e.code, e.field, e.detail);
        assert_eq!(facts(seen), facts(refused));
    }
}

#[test]
fn a_filter_is_inspected_as_it_would_be_stored() {
    let filter = json!({"kind": "general", "status": {"mode": "only", "values": [" Failure ", "4XX"]}});
    let seen = inspect_filter(filter.clone()).unwrap();
    assert_eq!(seen, spec(&with("filter", filter)).filter);
    assert_eq!(seen.status.values, ["failure", "4xx"]);
    let refused = inspect_filter(json!({"kind": "general", "source": {"mode": "except"}})).unwrap_err();
    assert_eq!(refused[0].field.as_deref(), Some("filter.source.values"));
    assert_eq!(inspect_filter(Value::Null).unwrap(), Filter::default());
}

#[test]
fn a_query_is_kept_as_written_and_refused_with_its_place() {
    let text = " severity>=warn  user-signin ";
    for kind in ["none", "general", "query"] {
        assert_eq!(spec(&with("filter", json!({"kind": kind, "query": text}))).filter.query.as_deref(), Some(text));
    }
    for empty in [json!(null), json!(""), json!(" ")] {
        assert_eq!(
            mistakes(&with("filter", json!({"kind": "query", "query": empty}))),
            [("missing_field", "filter.query".to_owned())]
        );
    }
    let refused = read(&with("filter", json!({"kind": "query", "query": "user_id = x"}))).unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), ("query_unknown_parameter", Some("filter.query")));
    let place = refused.query.unwrap();
    assert_eq!((place.position, place.length, place.suggestion.as_deref()), (0, 7, Some("subject.user_id")));
}

#[test]
fn what_is_said_to_be_the_default_is() {
    for (transport, format) in
        ["tcp", "udp", "tls"].into_iter().flat_map(|t| ["rfc5424", "cef", "leef", "json"].map(|f| (t, f)))
    {
        let body = json!({"name": "a", "endpoint": "a:1", "transport": transport, "format": format});
        let stored = spec(&body);
        let said = super::super::defaults(stored.transport, stored.format);
        assert_eq!(said.framing, stored.framing);
        for max_bytes in [*said.max_bytes_range.start(), said.max_bytes, *said.max_bytes_range.end()] {
            let mut body = body.clone();
            body["options"] = json!({"max_bytes": max_bytes, "overlap_bytes": said.overlap_bytes});
            assert!(read(&body).is_ok());
        }
    }
}

#[test]
fn an_answer_can_be_sent_back() {
    let mut body = with("tls.certificates", json!([{"role": "ca"}]));
    body["tls"]["client_key"] = json!(true);
    for name in SHOWN {
        body[name] = json!({"any": "thing"});
    }
    body["options"] = serde_json::to_value(Options::default()).unwrap();
    body["filter"] = serde_json::to_value(Filter::default()).unwrap();
    let (read, pem) = read(&body).unwrap().into_parts(None).unwrap();
    assert!(matches!(pem, PemInput::Keep));
    assert_eq!(read.tls, Some(TlsSpec::default()));
}

#[test]
fn the_pem_is_kept_removed_or_replaced() {
    let stored = ConnectionSpec {
        tls: Some(TlsSpec { client_key: true, ..TlsSpec::default() }),
        ..spec(&with("tls.verify", json!("full")))
    };
    let pem = |body: &Value| {
        let (spec, pem) = read(body).unwrap().into_parts(Some(&stored)).unwrap();
        (spec.tls.is_some_and(|t| t.client_key), pem)
    };
    assert!(matches!(pem(&with("tls.verify", json!("off"))), (true, PemInput::Keep)));
    assert!(matches!(pem(&with("tls.pem", json!(null))), (false, PemInput::Remove)));
    assert!(matches!(pem(&minimal()), (false, PemInput::Remove)));
}

#[test]
fn a_new_pem_is_described_and_its_key_never_printed() {
    let signed = rcgen::generate_simple_self_signed(vec!["siem.example.com".to_owned()]).unwrap();
    let key = signed.signing_key.serialize_pem();
    let canary = key.lines().nth(1).unwrap().to_owned();
    let input = read(&with("tls.pem", json!(signed.cert.pem() + &key))).unwrap();
    let printed = format!("{input:?}");
    assert!(!printed.contains(&canary), "{printed}");
    let (spec, pem) = input.into_parts(None).unwrap();
    let tls = spec.tls.clone().unwrap();
    assert!(tls.client_key && tls.certificates.len() == 1);
    assert!(!serde_json::to_string(&spec).unwrap().contains(&canary));
    assert!(matches!(pem, PemInput::Replace(secret) if secret.expose().ends_with(key.as_bytes())));
    let damaged = read(&with("tls.pem", json!(key.replace("PRIVATE KEY", "PRIVATE KEX")))).unwrap_err();
    assert!(!format!("{damaged:?}{damaged}").contains(&canary));
}

#[test]
fn takes_the_options_of_the_second_mapping() {
    let options = json!({"mapping": 2, "leef_cat": "source", "ipv6_in_src": true, "structured_data": "ids", "message": "text",
                         "metadata_keys": ["resource.metadata.vm.id", "subject.metadata.role"]});
    let read = spec(&with("options", options.clone())).options;
    assert_eq!((read.mapping, read.leef_cat, read.ipv6_in_src), (Mapping::Second, LeefCategory::Source, true));
    assert_eq!((read.structured_data, read.message), (StructuredData::Ids, MessagePart::Text));
    let shown = serde_json::to_value(&read).unwrap();
    for (name, value) in options.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
}

/// New connections get the second mapping, changed ones keep theirs, and both can be told.
#[test]
fn the_mapping_is_new_kept_or_named() {
    let old = ConnectionSpec { options: Options { mapping: Mapping::First, ..Options::default() }, ..spec(&minimal()) };
    let new = spec(&minimal());
    assert_eq!(new.options.mapping, Mapping::Second);
    let mapping = |body: &Value, stored| read(body).unwrap().into_parts(stored).unwrap().0.options.mapping;
    let (silent, other) = (with("options.bom", json!(true)), minimal());
    for body in [&silent, &other] {
        assert_eq!(mapping(body, Some(&old)), Mapping::First);
        assert_eq!(mapping(body, Some(&new)), Mapping::Second);
        assert_eq!(mapping(body, None), Mapping::Second);
    }
    for (number, named) in [(1, Mapping::First), (2, Mapping::Second)] {
        for stored in [None, Some(&old), Some(&new)] {
            assert_eq!(mapping(&with("options.mapping", json!(number)), stored), named);
        }
    }
}

#[test]
fn options_of_the_second_mapping_are_refused_with_the_first() {
    let old = ConnectionSpec { options: Options { mapping: Mapping::First, ..Options::default() }, ..spec(&minimal()) };
    let options = [
        ("leef_cat", json!("source")),
        ("ipv6_in_src", json!(true)),
        ("metadata_keys", json!(["subject.metadata.a"])),
        ("structured_data", json!("none")),
        ("message", json!("text")),
    ];
    for (name, value) in options {
        let path = format!("options.{name}");
        let silent = with(&path, value);
        let mut named = silent.clone();
        named["options"]["mapping"] = json!(1);
        for wrong in [read(&named).unwrap_err(), read(&silent).unwrap().into_parts(Some(&old)).unwrap_err()] {
            assert_eq!((wrong.code, wrong.field.as_deref()), ("needs_mapping_2", Some(path.as_str())));
            assert!(wrong.detail.contains("set 'mapping' to 2"), "{}", wrong.detail);
        }
        named["options"]["mapping"] = json!(2);
        assert!(read(&named).is_ok() && read(&silent).unwrap().into_parts(None).is_ok());
    }
    let both = json!(["resource.metadata.a", "resource.metadata.b", "resource.metadata.A"]);
    let wrong = read(&with("options.metadata_keys", both)).unwrap_err();
    assert!(wrong.detail.contains("at place 1 and") && wrong.detail.contains("at place 3"), "{}", wrong.detail);
}

fn received_by(receiver: &str, more: &Value) -> Value {
    let mut body = json!({"name": "a", "endpoint": "siem.example.com:514", "receiver": receiver});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// Format, framing, envelope, size, and what needs the second mapping.
fn wanted(body: &Value) -> (Transport, Format, Framing, Option<u32>, StructuredData, bool) {
    let ConnectionSpec { transport, format, framing, options, .. } = spec(body);
    (transport, format, framing, options.max_bytes, options.structured_data, options.ipv6_in_src)
}

#[test]
fn a_receiver_gives_what_the_request_does_not_name() {
    use Framing::{Lf, OctetCounting};
    let (full, ids) = (StructuredData::Full, StructuredData::Ids);
    let cases = [
        (received_by("qradar", &json!({})), (Transport::Tcp, Format::Leef, Lf, Some(4096), full, false)),
        (
            received_by("qradar", &json!({"transport": "udp"})),
            (Transport::Udp, Format::Leef, Lf, Some(1024), full, false),
        ),
        (
            received_by("qradar", &json!({"format": "cef", "options": {"max_bytes": 9000}})),
            (Transport::Tcp, Format::Cef, Lf, Some(9000), full, false),
        ),
        // A null is a name: as without a receiver.
        (
            received_by("qradar", &json!({"framing": null, "options": {"max_bytes": null}})),
            (Transport::Tcp, Format::Leef, Lf, None, full, false),
        ),
        (received_by("syslog_ng", &json!({})), (Transport::Tcp, Format::Rfc5424, OctetCounting, None, full, false)),
        (received_by("syslog_ng", &json!({"format": "json"})), (Transport::Tcp, Format::Json, Lf, None, full, false)),
        (received_by("splunk", &json!({"transport": "tls"})), (Transport::Tls, Format::Rfc5424, Lf, None, ids, false)),
        (received_by("splunk", &json!({"format": "cef"})), (Transport::Tcp, Format::Cef, Lf, None, full, true)),
        (received_by("other", &json!({})), (Transport::Tcp, Format::Rfc5424, Lf, None, full, false)),
        // With TLS, RAW is counted where the receiver takes both.
        (
            received_by("rsyslog", &json!({"transport": "tls"})),
            (Transport::Tls, Format::Rfc5424, OctetCounting, None, full, false),
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(wanted(&body), expected, "{body}");
    }
    assert_eq!(spec(&received_by("arcsight", &json!({}))).options.cef_envelope, CefEnvelope::Bsd);
    assert_eq!(spec(&minimal()).receiver, None);
    let wrong = read(&received_by("siem", &json!({"transport": "tcp"}))).unwrap_err();
    assert_eq!((wrong.code, wrong.field.as_deref()), ("invalid_receiver", Some("receiver")));
    // Without a receiver somebody must say how.
    let silent = json!({"name": "a", "endpoint": "a:1"});
    assert_eq!(read(&silent).unwrap_err().field.as_deref(), Some("transport"));
}

/// Nobody is refused for what he did not ask for.
#[test]
fn what_a_receiver_wants_of_the_second_mapping_is_left_out_with_the_first() {
    let old = ConnectionSpec { options: Options { mapping: Mapping::First, ..Options::default() }, ..spec(&minimal()) };
    for silent in [received_by("splunk", &json!({})), received_by("elastic", &json!({"format": "cef"}))] {
        let kept = read(&silent).unwrap().into_parts(Some(&old)).unwrap().0.options;
        assert_eq!(kept, Options { mapping: Mapping::First, ..Options::default() }, "{silent}");
        let mut named = silent.clone();
        named["options"] = json!({"mapping": 1});
        assert_eq!(spec(&named).options, kept, "{silent}");
    }
    let asked = received_by("splunk", &json!({"options": {"structured_data": "none"}}));
    assert_eq!(read(&asked).unwrap().into_parts(Some(&old)).unwrap_err().code, "needs_mapping_2");
}

#[test]
fn a_connection_with_a_receiver_can_be_sent_back() {
    for receiver in Receiver::WORDS {
        for transport in ["tcp", "udp"] {
            let stored = spec(&received_by(receiver, &json!({"transport": transport})));
            let shown = serde_json::to_value(&stored).unwrap();
            let mut body = shown.clone();
            body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            assert_eq!(spec(&body), stored, "{receiver}");
            // Also after somebody has chosen otherwise than the receiver wants.
            body["options"]["max_bytes"] = Value::Null;
            body["options"]["structured_data"] = json!("full");
            let otherwise = spec(&body);
            assert_eq!((otherwise.options.max_bytes, otherwise.options.structured_data), (None, StructuredData::Full));
        }
    }
}
