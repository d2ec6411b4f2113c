//! Stored documents stay readable for ever: each version's text is held here as it was first written.

use super::*;
use crate::store::{RecordKey, RecordKind};

/// The stored text reads, and the newest version writes the very same text.
fn holds<D: Document + std::fmt::Debug>(text: &str) {
    let key = RecordKey::global(RecordKind::Instance, "golden");
    let record = Record { key, version: 1, value: text.as_bytes().to_vec() };
    let document = D::decode(&record).unwrap();
    assert_eq!(String::from_utf8(document.encode().unwrap()).unwrap(), text, "{document:?}");
}

#[test]
fn version_1_of_every_document() {
    holds::<InstanceRecord>(r#"{"v":"1","id":"00ff","created_at":"2026-11-22T10:00:00Z","operator_token_made":true}"#);
    holds::<ProjectRecord>(r#"{"v":"1","id":"default","name":"Default","created_at":"2026-11-22T10:00:00.5Z"}"#);
    holds::<ConnectionNameRecord>(r#"{"v":"1","connection":"c-1"}"#);
    holds::<SecretRecord>(r#"{"v":"1","key_id":"k1","data_key":"00","ciphertext":"ff"}"#);
    holds::<ActiveConnectionRecord>(
        r#"{"v":"1","connection":"c-1","previous":null,"previous_settled":7,"since":"2026-11-22T10:00:00Z"}"#,
    );
    holds::<CursorRecord>(
        r#"{"v":"1","settled":9,"next_n":4,"acknowledged":8,"acknowledged_at":"2026-11-22T10:00:00Z","delivered":2,"bytes":700,"sent":3,"resent":2,"filtered":1,"quarantined":1,"reconnects":5,"resend_from":6,"resend_n":2}"#,
    );
    holds::<CheckResultRecord>(
        r#"{"v":"1","revision":2,"ok":false,"confirmed":false,"at":"2026-11-22T10:00:00Z","stages":[{"stage":"address","ok":true,"code":"ok","message":"m","remedy":"","ms":0},{"stage":"tls","ok":false,"code":"cert_expired","message":"m","remedy":"r","ms":12}]}"#,
    );
    holds::<IdempotencyRecord>(r#"{"v":"1","request_sha256":"aa","created":"c-1","at":"2026-11-22T10:00:00Z"}"#);
    holds::<RetentionRecord>(r#"{"v":"1","days":30,"bytes":null}"#);
    holds::<UsageRecord>(r#"{"v":"1","hours":[{"hour":498922,"bytes":7}]}"#);
    holds::<ExpiredRecord>(r#"{"v":"1","through":70,"events":60,"at":"2026-11-22T10:00:00Z"}"#);
    holds::<ExpiryClockRecord>(r#"{"v":"1","come":"2026-11-22T10:00:00Z"}"#);
    holds::<CorrectionRecord>(r#"{"v":"1","through":70,"from":"2029-01-31T10:00:00Z","to":"2026-11-22T10:00:00Z"}"#);
    holds::<QuarantineRecord>(r#"{"v":"1","seq":5,"reason":"too large","at":"2026-11-22T10:00:00Z"}"#);
}

#[test]
fn versions_1_and_2_of_a_token() {
    let first = concat!(
        r#"{"v":"1","id":"t-1","name":"n","project":null,"scopes":["ingest","read","configure","metrics"],"#,
        r#""sources":["nova"],"sha256":"aa","created_at":"2026-11-22T10:00:00Z","expires_at":null}"#,
    );
    holds::<TokenRecord>(first);
    let token = serde_json::from_str::<TokenRecord>(first).unwrap().into_current();
    assert_eq!((&token.parent, token.lasts_from, token.earlier.len()), (&None, token.created_at, 0), "it is a root");
    holds::<TokenRecord>(concat!(
        r#"{"v":"2","id":"t-1","name":"n","project":"bank","scopes":["ingest"],"sources":[],"sha256":"aa","#,
        r#""created_at":"2026-11-22T10:00:00Z","expires_at":"2026-12-22T10:00:00Z","parent":"t-0","made_by":"t-0","#,
        r#""lasts_from":"2026-11-23T10:00:00Z","#,
        r#""earlier":[{"sha256":"bb","until":"2026-11-24T10:00:00Z","until_used":true}]}"#,
    ));
    holds::<TokenSecretRecord>(r#"{"v":"1","token":"t-1"}"#);
    holds::<TokenUseRecord>(r#"{"v":"1","at":"2026-11-22T10:00:00Z"}"#);
    holds::<TokenTreeRecord>(r#"{"v":"1","changes":3}"#);
    holds::<RetiringRecord>(r#"{"v":"1","since":"2026-11-22T10:00:00Z","retired_at":"2026-11-22T10:00:01Z"}"#);
}

#[test]
fn version_2_of_the_retention() {
    holds::<RetentionRecord>(r#"{"v":"2","set":{"days":30,"bytes":null},"pending":null}"#);
    holds::<RetentionRecord>(concat!(
        r#"{"v":"2","set":{"days":null,"bytes":0},"#,
        r#""pending":{"to":{"days":7,"bytes":1048576},"at":"2026-11-25T10:00:00Z"}}"#,
    ));
}

#[test]
fn both_versions_of_a_webhook() {
    let rest = concat!(
        r#""secret":{"key_id":"k1","data_key":"00","ciphertext":"ff"},"pem":null,"#,
        r#""created_at":"2026-11-22T10:00:00Z","updated_at":"2026-11-22T10:00:01Z"}"#,
    );
    holds::<WebhookRecord>(&format!(r#"{{"v":"1","url":"https://hooks.example.com/a?key=1",{rest}"#));
    holds::<WebhookRecord>(&format!(
        r#"{{"v":"2","url":{{"key_id":"k1","data_key":"01","ciphertext":"fe"}},"shown":"https://hooks.example.com/…",{rest}"#
    ));
}

#[test]
fn version_1_of_the_documents_of_people() {
    holds::<AccountRecord>(concat!(
        r#"{"v":"1","id":"u-1","name":"operator","operator":true,"password":"$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA","#,
        r#""generation":2,"preferences":{"language":"ru","zone":"Europe/Moscow","theme":"dark"},"#,
        r#""created_at":"2026-11-22T10:00:00Z"}"#,
    ));
    holds::<AccountRecord>(concat!(
        r#"{"v":"1","id":"u-1","name":"operator","operator":true,"password":null,"generation":0,"#,
        r#""preferences":{"language":null,"zone":null,"theme":"system"},"created_at":"2026-11-22T10:00:00Z"}"#,
    ));
    holds::<AccountNameRecord>(r#"{"v":"1","account":"u-1"}"#);
    holds::<SessionRecord>(concat!(
        r#"{"v":"1","account":"u-1","generation":2,"sha256":"aa","method":"link","created_at":"2026-11-22T10:00:00Z","#,
        r#""last_seen":"2026-11-22T10:05:00Z","expires_at":"2026-11-29T10:00:00Z","#,
        r#""new_password_until":"2026-11-22T10:30:00Z"}"#,
    ));
    holds::<SignInLinkRecord>(r#"{"v":"1","account":"u-1","sha256":"aa","expires_at":"2026-11-22T10:30:00Z"}"#);
}

#[test]
fn version_1_of_a_connection() {
    holds::<ConnectionRecord>(concat!(
        r#"{"v":"1","id":"c-1","revision":3,"spec":{"name":"siem","endpoint":"[2001:db8::5]:6514","transport":"tls","#,
        r#""tls":{"server_name":"siem.example.com","verify":"fingerprint","fingerprint":"aa","min_version":"1.2","#,
        r#""certificates":[{"role":"pinned","subject":"CN=a","issuer":"CN=b","names":["a"],"#,
        r#""not_before":"2026-01-01T00:00:00Z","not_after":"2027-01-01T00:00:00Z","sha256":"bb"}],"client_key":true},"#,
        r#""format":"cef","framing":"octet_counting","options":{"facility":13,"hostname":null,"app_name":"app","#,
        r#""bom":false,"max_bytes":8192,"cef_envelope":"bsd","pen":32473,"overlap_bytes":null,"overlap_seconds":null,"heartbeat_seconds":null,"order":"strict","#,
        r#""mapping":1,"leef_cat":"outcome","ipv6_in_src":false,"metadata_keys":["resource.metadata.vm.id"],"structured_data":"full","message":"json"},"#,
        r#""filter":{"kind":"general","status":{"mode":"only","values":["4xx"]},"#,
        r#""source":{"mode":"off","values":[]},"query":null},"rate_limit":100},"#,
        r#""created_at":"2026-11-22T10:00:00Z","updated_at":"2026-11-22T10:00:01Z"}"#,
    ));
}

#[test]
fn options_without_a_later_one_still_open() {
    let options = r#"{"facility":16,"hostname":null,"app_name":null,"bom":false,"max_bytes":null,"cef_envelope":"none","pen":1,"overlap_bytes":65536}"#;
    let read: auditwire_model::connection::Options = serde_json::from_str(options).unwrap();
    assert_eq!((read.facility, read.overlap_bytes, read.overlap_seconds), (16, Some(65_536), None));
    // Rules in a SIEM are written against what this connection sends.
    assert_eq!(read.mapping, auditwire_model::connection::Mapping::First);
    assert!(read.metadata_keys.is_empty());
}

#[test]
fn a_check_result_without_stages_still_opens() {
    let key = RecordKey::global(RecordKind::CheckResult, "c-1");
    let value = br#"{"v":"1","revision":2,"ok":true,"confirmed":false,"at":"2026-11-22T10:00:00Z"}"#.to_vec();
    let result = CheckResultRecord::decode(&Record { key, version: 1, value }).unwrap().into_current();
    let at = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    assert_eq!(result, CheckResult { revision: 2, ok: true, confirmed: false, at, stages: vec![] });
}

#[test]
fn a_cursor_without_the_later_counters_still_opens() {
    let key = RecordKey::global(RecordKind::Cursor, "c-1");
    let value = br#"{"v":"1","settled":9,"next_n":4,"acknowledged":8,"acknowledged_at":null,"sent":3,"resent":2,"filtered":1,"quarantined":1,"reconnects":5,"resend_from":6,"resend_n":2}"#.to_vec();
    let cursor = CursorRecord::decode(&Record { key, version: 1, value }).unwrap().into_current();
    assert_eq!((cursor.settled, cursor.sent, cursor.delivered, cursor.bytes), (Position(9), 3, 0, 0));
}

#[test]
fn version_1_of_a_delivery_step() {
    holds::<DeliveryStepRecord>(
        r#"{"v":"1","at":"2026-11-22T10:00:00Z","revision":1,"settled":5,"totals":{},"state":"active"}"#,
    );
    holds::<DeliveryStepRecord>(concat!(
        r#"{"v":"1","at":"2026-11-22T10:00:00Z","revision":3,"settled":900,"totals":{"acknowledged":1,"sent":2,"#,
        r#""bytes":3,"filtered":4,"resent":5,"reconnects":6,"quarantined":7},"backlog":8,"backlog_max":9,"#,
        r#""oldest_at":"2026-11-22T09:59:00Z","age_ms":60000,"state":"failing","cause":"connect_refused","#,
        r#""changes":[{"at":"2026-11-22T09:59:30Z","state":"inactive"},"#,
        r#"{"at":"2026-11-22T09:59:31Z","state":"degraded","cause":"connect_refused"}],"more_changes":2,"#,
        r#""beginning":{"at":"2026-11-22T09:59:31Z","name":"siem","filter":"source.id = nova","transport":"relp_tls","settled":800},"#,
        r#""moved":{"from":300,"to":500}}"#,
    ));
}

#[test]
fn every_stage_of_a_check_keeps_its_stored_name() {
    for (stage, name) in Stage::all_of(auditwire_model::connection::Transport::Tls).into_iter().zip([
        "address",
        "resolve",
        "connect",
        "tls",
        "send",
        "watch",
        "acknowledge",
    ]) {
        assert_eq!((stage.as_str(), serde_json::to_value(stage).unwrap()), (name, name.into()));
    }
}

#[test]
fn a_damaged_record_is_named() {
    let key = RecordKey::global(RecordKind::Token, "t-1");
    let error = TokenRecord::decode(&Record { key, version: 1, value: b"{\"v\":\"9\"}".to_vec() }).unwrap_err();
    assert_eq!(error.code, "damaged_record");
    assert!(error.detail.contains("t-1"), "{error}");
}
