//! CEF messages, read back by the reader that was written from the specification.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use proptest::sample::select;

use super::any::hostile;
use super::{ENVELOPES, mapped_in_cef, mapped_in_sd, message, renderer, roomy, visible, with_view};
use crate::catalogue;
use crate::connection::{CefEnvelope, Format, Options};
use crate::event::{EventDraft, EventView, Outcome, Pairs};
use crate::wire::{read_cef, read5424};

/// What a reader of the whole event would expect, and whether a dictionary limit cut something.
#[derive(Default)]
struct Expected {
    pairs: BTreeMap<String, String>,
    cut: bool,
}

impl Expected {
    fn text(&mut self, key: &str, chars_max: usize, value: Option<&str>) {
        if let Some(value) = visible(value) {
            let value = self.limited(&mapped_in_cef(value), chars_max);
            self.pairs.insert(key.to_owned(), value);
        }
    }

    fn labelled(&mut self, key: &str, label: &str, chars_max: usize, value: Option<&str>) {
        if visible(value).is_some() {
            self.text(key, chars_max, value);
            self.pairs.insert(format!("{key}Label"), label.to_owned());
        }
    }

    fn limited(&mut self, value: &str, chars_max: usize) -> String {
        if value.chars().count() <= chars_max {
            return value.to_owned();
        }
        self.cut = true;
        value.chars().take(chars_max - 1).chain(['…']).collect()
    }

    fn address(&mut self, v4: &str, v6: &str, label: &str, name: &str, chars_max: usize, value: Option<&str>) {
        let text = value.unwrap_or_default();
        if text.parse::<Ipv4Addr>().is_ok() {
            self.text(v4, 15, value);
        } else if text.parse::<Ipv6Addr>().is_ok() {
            self.labelled(v6, label, 45, value);
        } else {
            self.text(name, chars_max, value);
        }
    }
}

fn expected(event: &EventView<'_>, n: u64) -> Expected {
    let mut e = Expected::default();
    let millis = event.timestamp.as_millis().to_string();
    e.text("rt", 20, Some(&millis));
    e.text("start", 20, Some(&millis));
    e.labelled("deviceCustomDate1", "IngestTime", 20, Some("1795341601000"));
    if event.event_id.chars().count() <= 40 {
        e.text("externalId", 40, Some(event.event_id));
    } else {
        let hash = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, event.event_id.as_bytes()).to_string();
        e.text("externalId", 36, Some(&hash));
        e.text("AuditwireCloudAuditEventId", 4000, Some(event.event_id));
    }
    e.text("cat", 1023, event.source_id);
    e.text("sourceServiceName", 1023, event.source_id);
    e.text("act", 63, Some(event.action).filter(|a| a.chars().count() <= 63));
    e.text("outcome", 63, Some(event.outcome.as_str()).filter(|_| event.outcome != Outcome::Unknown));
    let number = event
        .status_code
        .filter(|c| c.parse::<i64>().is_ok_and(|v| v.to_string() == *c && c.trim_start_matches('-').len() <= 18));
    let word = visible(event.status_code).filter(|_| number.is_none());
    let reason = match (visible(event.status_message), word) {
        (Some(message), Some(word)) => Some(format!("{message} ({word})")),
        (message, word) => message.or(word).map(str::to_owned),
    };
    e.text("reason", 1023, reason.as_deref());
    e.labelled("cn1", "StatusCode", 20, number);
    e.labelled("cn2", "Sequence", 20, Some("1"));
    e.labelled("cn3", "DeliveryNumber", 20, Some(&n.to_string()));
    e.address("dvc", "c6a1", "Device IPv6 Address", "dvchost", 100, event.source_address);
    e.address("src", "c6a2", "Source IPv6 Address", "shost", 1023, event.subject_address);
    e.text("suid", 1023, event.subject_user_id);
    e.labelled("cs1", "ProjectId", 4000, event.subject_project_id);
    e.labelled("cs2", "ResourceId", 4000, event.resource_id);
    e.labelled("cs3", "ResourceType", 4000, event.resource_type);
    e.labelled("cs4", "RequestId", 4000, event.request_id);
    let labels: Vec<_> = event.labels.iter().filter(|l| visible(Some(l)).is_some()).collect();
    e.labelled("flexString1", "Labels", 1023, Some(&labels.join(",")));
    e.labelled("flexString2", "Severity", 1023, Some(event.severity.as_str()));
    let of_resource = |key: &str| visible(event.resource_metadata.get(key));
    e.text("destinationServiceName", 1023, of_resource("service_id"));
    e.text(
        "requestMethod",
        1023,
        of_resource("http_method").or(of_resource("method")).or(catalogue::method(event.action)),
    );
    let of_subject = |key: &'static str| visible(event.subject_metadata.get(key)).map(|v| (key, v));
    let user = of_subject("email").or(of_subject("name"));
    e.text("suser", 1023, user.map(|u| u.1).or(event.subject_user_id));
    let ends = |c: char| c != '\n' && c != '\r' && mapped_in_cef(&c.to_string()) == " ";
    e.text("msg", 1023, event.message.map(|m| m.trim_end_matches(ends)));
    e
}

/// The metadata that no other key carries.
fn rest(pairs: Pairs<'_>, carried: Option<&str>) -> BTreeMap<String, String> {
    pairs.iter().filter(|(k, _)| Some(*k) != carried).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Takes a metadata key out of what was read and compares it.
fn check_metadata(
    found: &mut BTreeMap<String, String>,
    key: &str,
    label: &str,
    wanted: &BTreeMap<String, String>,
    cut: &mut bool,
) {
    let value = found.remove(key);
    assert_eq!(found.remove(&format!("{key}Label")).as_deref(), value.as_ref().map(|_| label));
    let Some(value) = value else { return assert!(wanted.is_empty()) };
    if value.ends_with('…') {
        assert_eq!(value.chars().count(), 4000);
        *cut = true;
    } else {
        assert_eq!(&serde_json::from_str::<BTreeMap<String, String>>(&value).unwrap(), wanted);
    }
}

fn header_field(text: &str, chars_max: usize) -> String {
    let field = if visible(Some(text)).is_none() { "-".to_owned() } else { mapped_in_sd(text).replace('|', "/") };
    let mut e = Expected::default();
    e.limited(&field, chars_max)
}

fn check_envelope(envelope: CefEnvelope, event: &EventView<'_>, found: &str) {
    let time = event.timestamp.to_jiff();
    let pri = 13 * 8 + event.severity.syslog();
    match envelope {
        CefEnvelope::None => assert_eq!(found, ""),
        CefEnvelope::Bsd => {
            let time = time.strftime("%b %e %H:%M:%S");
            assert_eq!(found, format!("<{pri}>{time} audit.example.com "));
        }
        CefEnvelope::Rfc5424 => {
            let read = read5424::parse(found.as_bytes()).unwrap();
            assert_eq!((read.facility * 8 + read.severity, read.hostname), (pri, Some("audit.example.com")));
            assert_eq!((read.app_name, read.proc_id, read.msg_id), (Some("CEF"), None, None));
            assert_eq!((read.elements.len(), read.msg), (0, Some(&b""[..])));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_event_is_read_back(draft in hostile(), n in 0..i64::MAX as u64, envelope in select(&ENVELOPES[..])) {
        with_view(draft, |event| {
            let options = Options { cef_envelope: envelope, ..roomy() };
            let (text, rendered) = message(&renderer(Format::Cef, options), event, n).unwrap();
            let read = read_cef::parse(&text).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            check_envelope(envelope, event, read.envelope);
            assert_eq!((read.version, read.vendor.as_str(), read.product.as_str()), (0, "Auditwire", "Cloud Audit"));
            assert_eq!(read.device_version, "1");
            assert_eq!(read.class_id, header_field(event.action, 1023));
            assert_eq!(read.name, header_field(catalogue::title(event.action).unwrap_or(event.action), 512));
            assert_eq!(read.severity, event.severity.cef().to_string());

            let mut wanted = expected(event, n);
            // A blank action is written as `-`, so nothing of it is cut.
            wanted.cut |= visible(Some(event.action)).is_some_and(|action| action.chars().count() > 512);
            let mut found: BTreeMap<_, _> = read.extension.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
            let user = ["email", "name"].into_iter().find(|k| visible(event.subject_metadata.get(k)).is_some());
            let service = visible(event.resource_metadata.get("service_id")).map(|_| "service_id");
            let (of_resource, of_subject) = (rest(event.resource_metadata, service), rest(event.subject_metadata, user));
            check_metadata(&mut found, "cs5", "ResourceMetadata", &of_resource, &mut wanted.cut);
            check_metadata(&mut found, "cs6", "SubjectMetadata", &of_subject, &mut wanted.cut);
            if wanted.cut {
                wanted.text("AuditwireCloudAuditTruncated", 1, Some("1"));
            }
            assert_eq!(found, wanted.pairs);
            assert_eq!(rendered.truncated, wanted.cut);
        });
    }
}

#[test]
fn names_and_methods_come_from_the_catalogue() {
    let several = catalogue::entries().iter().find(|e| e.http.is_some() && catalogue::method(e.action).is_none());
    let one = catalogue::entries().iter().find(|e| catalogue::method(e.action).is_some()).unwrap();
    let several = several.unwrap().action;
    for (action, name, method) in [
        ("user-signin", "User sign-in", None),
        ("never-heard-of", "never-heard-of", None),
        (several, catalogue::title(several).unwrap_or(several), None),
        (one.action, catalogue::title(one.action).unwrap(), one.method()),
    ] {
        with_view(EventDraft { action: action.to_owned(), ..EventDraft::default() }, |event| {
            let (text, _) = message(&renderer(Format::Cef, roomy()), event, 1).unwrap();
            let read = read_cef::parse(&text).unwrap();
            assert_eq!((read.name.as_str(), read.get("requestMethod")), (name, method), "{action}");
        });
    }
}
