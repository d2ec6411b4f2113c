//! What our own writers write, to begin with, and the pieces that mean something to the readers.
//!
//! Everything here is the same in every run, so that a seed and a number of runs give the same inputs again.

use std::io::Write as _;
use std::sync::OnceLock;

use arrow_array::RecordBatch;
use auditwire_engine::log::foreign;
use auditwire_model::connection::{CefEnvelope, ConnectionSpec, Endpoint, Filter, Format, Framing, Options, Transport};
use auditwire_model::event::{BatchBuilder, DraftReader, EventDraft, Plane, rows};
use auditwire_model::wire::relp::write_frame;
use auditwire_model::wire::{RenderContext, Renderer, framing};
use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// A server's certificate and its CA.
pub(crate) const CHAIN: &str = include_str!("../seeds/pem/chain.pem");

const EVENTS: [&str; 4] = [
    r#"{"action":"a"}"#,
    r#"{"event_id":"0b6f4a1e-6f0c-4f0e-9a55-2f1b7f6d3c11","timestamp":"2026-11-22T10:00:00.123456Z","plane":"data","action":"user-signin","severity":"WARN","message":"denied: \"x\"\nattempt=3 \u2028 \ud83d\ude00","source":{"id":"iam","address":"10.0.0.7"},"subject":{"user_id":"d7bec06f","address":"2001:db8::5","project_id":"a759","metadata":{"email":"u@example.com","geo.lat":"56.8600","roles":["admin",7]}},"resource":{"id":"acc-1","type":"account","metadata":{"service_id":"IAM","http_method":"GET","empty":""}},"status":{"code":"401","message":"Unauthorized"},"outcome":"failure","request_id":"req-214d","labels":["pci","mfa"]}"#,
    r#"{"action":"x\u0000|=]\\^","message":"\"] [x@1 a=\"b","source":{"id":"nova"},"status":{"code":500},"seq":7,"received_at":"2026-11-22T10:00:01Z","odd":{"deep":[[{}]]},"n":1e3,"labels":["]}\","]}"#,
    r#"{"action":"delete","timestamp":1795341600.5,"severity":3,"outcome":"success","resource":{"metadata":{"k":null,"b":true}}}"#,
];

pub(crate) const JSON_WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "-0",
    "1e999",
    "0.1e-7",
    "\\u0000",
    "\\ud800",
    "\\\\",
    "\\\"",
    "\u{feff}",
    "\u{2028}",
    "\r\n",
    "\"action\":",
    "\"event_id\":",
    "\"timestamp\":",
    "\"message\":",
    "\"subject\":{",
    "\"metadata\":{",
    "\"labels\":[",
    "\"status\":{\"code\":",
    "\"v\":\"1\"",
    "\"2026-11-22T10:00:00Z\"",
    "18446744073709551616",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":{\"a\":",
];
pub(crate) const QUERY_WORDS: &[&str] = &[
    "AND ",
    "OR ",
    "NOT ",
    "(",
    ")",
    "\"",
    "'",
    "\\",
    "=",
    "!=",
    ">=",
    "<",
    ":",
    "CONTAINS ",
    "EXIST",
    "action",
    "timestamp",
    "severity",
    "labels",
    "subject.metadata.",
    "resource.metadata.\"a.b\"",
    "seq",
    "now-1h",
    "-7d",
    "10.0.0.0/8",
    "2026-11-22T10:00:00Z",
    "ERROR",
    "4xx",
    "\u{a0}",
    "ſ",
    "İ",
    "((((((((((((((((",
    "NOT NOT NOT NOT ",
];
pub(crate) const MESSAGE_WORDS: &[&str] = &[
    "<13>1 ",
    "<191>",
    "-",
    " ",
    "[",
    "]",
    "\"",
    "\\",
    "=",
    "|",
    "\\|",
    "\\=",
    "\\n",
    "^",
    "\t",
    "\u{feff}",
    "CEF:0|",
    "CEF:1|",
    "LEEF:1.0|",
    "LEEF:2.0|",
    "x5e|",
    "0x436|",
    "2026-11-22T10:00:00.123456+03:00",
    "2016-12-31T23:59:60Z",
    "audit@32473",
    " cs1=",
    " cs1Label=",
    " rt=",
    " src=",
    "devTime=",
    "Very-High",
];
pub(crate) const FRAME_WORDS: &[&str] = &[
    "\n",
    "1 ",
    "5 hello",
    "512 ",
    "513 ",
    "4294967296 ",
    "9999999999 ",
    "0",
    " ",
    "1 open 0\n",
    " syslog ",
    " rsp ",
    "200 OK",
    "999999999 ",
];
pub(crate) const PEM_WORDS: &[&str] = &[
    "-----BEGIN CERTIFICATE-----\n",
    "-----END CERTIFICATE-----\n",
    "-----BEGIN PRIVATE KEY-----\n",
    "-----END PRIVATE KEY-----\n",
    "-----BEGIN EC PRIVATE KEY-----\n",
    "-----BEGIN TRUSTED CERTIFICATE-----\n",
    "Proc-Type: 4,ENCRYPTED\n",
    "\r\n",
    "\u{feff}",
    "=",
    "AAAA",
    "-----",
];
pub(crate) const CONNECTION_WORDS: &[&str] = &[
    "\"name\":",
    "\"endpoint\":",
    "\"transport\":\"tls\"",
    "\"tls\":{",
    "\"pem\":",
    "\"verify\":\"fingerprint\"",
    "\"fingerprint\":",
    "\"filter\":{\"kind\":\"query\",\"query\":",
    "\"options\":{",
    "\"max_bytes\":",
    "\"rate_limit\":",
    "null",
    "-1",
    "4294967296",
    "1.5",
    "[]",
    "{}",
    "\"\"",
    "\"127.0.0.1:1\"",
];
pub(crate) const ADDRESS_WORDS: &[&str] = &[
    ":",
    "[",
    "]",
    "::",
    "::ffff:",
    "127.0.0.1",
    "0x7f",
    "https://",
    "@",
    "/",
    "?",
    "#",
    "%00",
    ":0",
    ":65535",
    ":65536",
    ".",
    "-",
    "xn--",
    "localhost",
    "\n",
    "。",
];
pub(crate) const TIME_WORDS: &[&str] = &[
    "T",
    "Z",
    "+00:00",
    "-23:59",
    ".",
    "1969-12-31T23:59:59.999999999Z",
    "2262-04-11T23:47:16.854775807Z",
    "60",
    "24:00:00",
    "now",
    "-1d",
    "now-1h",
    "02-29",
    "\n",
    "0000",
];

/// Bodies: each event, and all in an array.
pub(crate) fn bodies() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = EVENTS.iter().map(|event| event.as_bytes().to_vec()).collect();
    all.push(format!("\u{feff}[{}]", EVENTS.join(" ,\n")).into_bytes());
    all
}

/// The same, one a line.
pub(crate) fn lines() -> Vec<Vec<u8>> {
    vec![EVENTS.join("\n").into_bytes(), format!("{}\r\n\n \nnot json\n", EVENTS.join("\r\n")).into_bytes()]
}

pub(crate) fn gzip() -> Vec<Vec<u8>> {
    let packed = |plain: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).and_then(|()| encoder.finish()).expect("memory takes all")
    };
    let one = packed(EVENTS.join("\n").as_bytes());
    vec![one.repeat(3), one, packed(b""), packed(&vec![b'a'; 100_000])]
}

pub(crate) fn zstd() -> Vec<Vec<u8>> {
    let packed = |plain: &[u8]| zstd::bulk::compress(plain, 3).expect("zstd compresses");
    let one = packed(EVENTS.join("\n").as_bytes());
    vec![one.repeat(3), one, packed(b""), packed(&vec![b'a'; 100_000])]
}

pub(crate) fn hosts() -> Vec<Vec<u8>> {
    vec![
        b"audit.example.com\nAUDIT.Example.com.:443\nlocalhost:1\n127.0.0.1:8514\n[::1]\n[::ffff:127.0.0.1]:80"
            .to_vec(),
        b"localhost:1@evil.example\n[127.0.0.1]evil.example\n127.0.0.1:evil\n127.1\na..b\n[::1]:".to_vec(),
    ]
}

/// A batch of events at the positions from 1.
pub(crate) fn batch(drafts: impl IntoIterator<Item = EventDraft>) -> RecordBatch {
    let received = Timestamp::parse("2026-11-22T10:00:01Z").expect("a time");
    let mut builder = BatchBuilder::default();
    for (position, draft) in (1..).zip(drafts) {
        builder.push(Position(position), &draft.complete(|| "made-here".to_owned(), Plane::Control, received, [7; 16]));
    }
    builder.finish().expect("a batch")
}

/// The events of [`bodies`].
pub(crate) fn events() -> &'static RecordBatch {
    static BATCH: OnceLock<RecordBatch> = OnceLock::new();
    BATCH.get_or_init(|| {
        let read = EVENTS.iter().map(|event| DraftReader::default().read_object_or_array(event.as_bytes()));
        batch(read.flat_map(|items| items.expect("our own events are JSON")).flatten())
    })
}

/// What renders events for a connection with these options.
pub(crate) fn renderer(format: Format, transport: Transport, options: Options) -> Renderer {
    let endpoint = Endpoint::parse("siem.example.com:6514").expect("an endpoint");
    let (name, filter, framing) = ("siem".to_owned(), Filter::default(), Framing::Lf);
    let spec = ConnectionSpec {
        name,
        receiver: None,
        endpoint,
        transport,
        tls: None,
        format,
        framing,
        options,
        filter,
        rate_limit: None,
    };
    Renderer::new(
        &spec,
        &RenderContext {
            hostname: "audit-1".to_owned(),
            instance: "0011aabb".to_owned(),
            project: "default".to_owned(),
        },
    )
}

fn rendered(format: Format, envelope: CefEnvelope) -> Vec<Vec<u8>> {
    let renderer = renderer(format, Transport::Tcp, Options { cef_envelope: envelope, ..Options::default() });
    let message = |event| {
        let mut message = Vec::new();
        renderer.render(&event, 7, &mut message).ok().map(|_| message)
    };
    rows(events()).filter_map(message).collect()
}

pub(crate) fn rfc5424() -> Vec<Vec<u8>> {
    let mut all = rendered(Format::Rfc5424, CefEnvelope::Rfc5424);
    all.push(b"<85>1 2026-11-22T10:00:00.25+03:00 vm-7 sshd 812 AUTH [o@32473 ip=\"10.0.0.1\" ip=\"::1\"][a b=\"x\\\"y\"] \xEF\xBB\xBFok".to_vec());
    all.push(b"<13>Oct 11 22:14:15 old su: failed \xFF".to_vec());
    all
}

pub(crate) fn cef() -> Vec<Vec<u8>> {
    let mut all = rendered(Format::Cef, CefEnvelope::Bsd);
    all.extend(rendered(Format::Cef, CefEnvelope::None));
    all
}

pub(crate) fn leef() -> Vec<Vec<u8>> {
    let mut all = rendered(Format::Leef, CefEnvelope::Rfc5424);
    all.push(b"LEEF:1.0|V|P|1|id|src=10.0.0.1\tmsg=x".to_vec());
    all
}

pub(crate) fn json() -> Vec<Vec<u8>> {
    rendered(Format::Json, CefEnvelope::Rfc5424)
}

pub(crate) fn frames() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (mode, framings) in
        [(0, [Framing::Lf; 2]), (1, [Framing::OctetCounting; 2]), (2, [Framing::Lf, Framing::OctetCounting])]
    {
        let mut stream = vec![mode, 3];
        for framing in framings {
            for message in [&b"<13>1 - - - - - - a"[..], b"x", &[b'y'; 400], &[b'z'; 600]] {
                framing::write_frame(framing, message, &mut stream);
            }
        }
        all.push(stream);
    }
    all
}

pub(crate) fn relp() -> Vec<Vec<u8>> {
    let mut stream = vec![5];
    for (number, command, data) in [
        (1, "open", &b"relp_version=0\nrelp_software=x\ncommands=syslog"[..]),
        (2, "syslog", b"<13>1 - - - - - - a"),
        (3, "close", b""),
        (0, "serverclose", b""),
        (999_999_999, "rsp", b"500 no"),
    ] {
        write_frame(number, command, data, &mut stream);
    }
    vec![stream]
}

pub(crate) fn queries() -> Vec<Vec<u8>> {
    [
        r#"action = user-signin AND (status.code >= 400 OR NOT outcome = success)"#,
        r#"subject.metadata.email : "@example.com" resource.metadata."a.b" EXIST"#,
        "timestamp > now-1h severity >= WARN labels = pci source.address = 10.0.0.0/8",
        "'it\\'s' \"two words\" NOT word",
        "",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub(crate) fn pem() -> Vec<Vec<u8>> {
    [CHAIN, include_str!("../seeds/pem/client.pem"), include_str!("../seeds/pem/client-pkcs8.pem")]
        .map(|text| text.as_bytes().to_vec())
        .into()
}

pub(crate) fn der() -> Vec<Vec<u8>> {
    CertificateDer::pem_slice_iter(CHAIN.as_bytes()).flatten().map(|der| der.to_vec()).collect()
}

pub(crate) fn connections() -> Vec<Vec<u8>> {
    let leaf = serde_json::Value::from(CHAIN);
    [
        r#"{"name":"siem","endpoint":"siem.example.com:6514"}"#.to_owned(),
        format!(
            r#"{{"name":"s","endpoint":"[2001:db8::5]:6514","transport":"tls","tls":{{"verify":"full","server_name":"siem.example.com","min_version":"1.3","pem":{leaf}}},"format":"cef","framing":"octet_counting","options":{{"facility":13,"hostname":"h","app_name":"a","bom":true,"max_bytes":8192,"cef_envelope":"bsd","pen":32473,"overlap_bytes":1048576,"overlap_seconds":5,"heartbeat_seconds":60,"order":"live_first","mapping":2,"leef_cat":"source","ipv6_in_src":true,"metadata_keys":["resource.metadata.a"],"structured_data":"ids","message":"text"}},"filter":{{"kind":"query","query":"action = a"}},"rate_limit":100}}"#
        ),
        r#"{"name":"s","endpoint":"10.0.0.5:514","transport":"udp","filter":{"kind":"general","status":{"mode":"only","values":["failure","4xx"]},"source":{"mode":"except","values":["iam"]}}}"#.to_owned(),
    ]
    .map(String::into_bytes)
    .into()
}

pub(crate) fn addresses() -> Vec<Vec<u8>> {
    vec![
        b"10.0.0.5:514\n[2001:db8::5]:6514\nSIEM.example.com.:6514\nsiem_1:1".to_vec(),
        b"https://hooks.example.com:8443/a/b?c=d\nHTTPS://[2001:db8::1]/x\nhttps://h.test?x=1".to_vec(),
        b"default\nc-1\nAA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99".to_vec(),
    ]
}

pub(crate) fn times() -> Vec<Vec<u8>> {
    vec![
        b"2026-11-22T10:00:00Z\n2026-11-22t10:00:00.123456789+03:00\n2024-02-29 23:59:60z".to_vec(),
        b"now-1h\n-7d\nnow\n2026-11-22".to_vec(),
    ]
}

pub(crate) fn records() -> Vec<Vec<u8>> {
    let texts = [
        (0, r#"{"v":"1","id":"00ff","created_at":"2026-11-22T10:00:00Z","operator_token_made":true}"#),
        (1, r#"{"v":"1","id":"default","name":"Default","created_at":"2026-11-22T10:00:00.5Z"}"#),
        (
            7,
            r#"{"v":"1","settled":9,"next_n":4,"acknowledged":8,"acknowledged_at":"2026-11-22T10:00:00Z","delivered":2,"bytes":700,"sent":3,"resent":2,"filtered":1,"quarantined":1,"reconnects":5,"resend_from":6,"resend_n":2}"#,
        ),
        (
            8,
            r#"{"v":"1","revision":2,"ok":false,"confirmed":false,"at":"2026-11-22T10:00:00Z","stages":[{"stage":"tls","ok":false,"code":"cert_expired","message":"m","remedy":"r","ms":12}]}"#,
        ),
        (
            16,
            r#"{"v":"1","account":"u-1","generation":2,"sha256":"aa","method":"link","created_at":"2026-11-22T10:00:00Z","last_seen":"2026-11-22T10:05:00Z","expires_at":"2026-11-29T10:00:00Z","new_password_until":"2026-11-22T10:30:00Z"}"#,
        ),
        (20, r#"{"v":"1","days":30,"bytes":null}"#),
    ];
    texts.map(|(which, text)| [&[which], text.as_bytes()].concat()).into()
}

pub(crate) fn groups() -> Vec<Vec<u8>> {
    let one = events().slice(0, 1);
    [events(), &one].map(|batch| foreign::write_group(batch).expect("a group is written").to_vec()).into()
}

pub(crate) fn segments() -> Vec<Vec<u8>> {
    vec![foreign::write_segment(&ProjectId::system(), events()).expect("a segment is written")]
}

/// Version 2 with one source and a count in each table, and version 1 with its one table.
pub(crate) fn summaries() -> Vec<Vec<u8>> {
    let count = |source: u32| {
        let mut bytes = 1_u32.to_le_bytes().to_vec();
        bytes.extend_from_slice(&29_921_760_i64.to_le_bytes());
        bytes.extend_from_slice(&[0, 3]);
        bytes.extend_from_slice(&source.to_le_bytes());
        bytes.extend_from_slice(&9_u64.to_le_bytes());
        bytes
    };
    let source = [&1_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"iam"].concat();
    vec![[&[2][..], &source, &count(0), &count(1)].concat(), [&[1][..], &source, &count(1)].concat()]
}

pub(crate) fn id_runs() -> Vec<Vec<u8>> {
    let hashes: Vec<u64> = (1..40_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let (parts, filter) = foreign::write_id_run(&hashes).expect("a run is made");
    let known = hashes.first().copied().unwrap_or_default().to_le_bytes();
    parts.iter().chain([&filter]).map(|bytes: &Bytes| [&known[..], bytes].concat()).collect()
}
