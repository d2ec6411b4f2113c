//! LEEF messages, read back by the reader that was written from IBM's guide.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::*;

use super::any::hostile;
use super::{mapped_in_sd, message, renderer, roomy, visible, with_view};
use crate::catalogue;
use crate::connection::{Format, Options};
use crate::event::{EventDraft, EventView, Outcome, Pairs};
use crate::wire::{read_leef, read5424};

/// The published map, written down a second time: what a text is in a LEEF value.
fn mapped(text: &str) -> String {
    mapped_in_sd(text).replace('^', " ")
}

/// Present, and more than blanks.
fn seen(text: Option<&str>) -> Option<&str> {
    text.filter(|t| mapped(t).chars().any(|c| c != ' '))
}

fn limited(value: &str, chars_max: usize, cut: &mut bool) -> String {
    if value.chars().count() <= chars_max {
        return value.to_owned();
    }
    *cut = true;
    value.chars().take(chars_max - 1).chain(['…']).collect()
}

/// Every attribute but the metadata.
fn expected(event: &EventView<'_>, n: u64, cut: &mut bool) -> BTreeMap<String, String> {
    let user = ["email", "name"].into_iter().find_map(|k| visible(event.subject_metadata.get(k)));
    let user = seen(user).or(event.subject_user_id);
    let address = |text: Option<&str>| text.is_some_and(|t| t.parse::<IpAddr>().is_ok());
    let method = |key: &str| visible(event.resource_metadata.get(key));
    let labels: Vec<_> = event.labels.iter().filter(|l| seen(Some(l)).is_some()).collect();
    let millis = format!("{:013}", event.timestamp.as_millis());
    let [seq, n] = [1, n].map(|number| number.to_string());
    let fields = [
        ("devTime", Some(millis.as_str())),
        ("sev", Some(event.severity.cef().max(1).to_string()).as_deref()),
        ("cat", event.source_id),
        ("eventId", Some(event.event_id)),
        ("seq", Some(seq.as_str())),
        ("n", Some(n.as_str())),
        ("usrName", user),
        ("accountName", event.subject_user_id),
        (if address(event.subject_address) { "src" } else { "userAddress" }, event.subject_address),
        (if address(event.source_address) { "dst" } else { "sourceAddress" }, event.source_address),
        ("projectId", event.subject_project_id),
        ("resource", event.resource_id),
        ("resourceType", event.resource_type),
        ("requestMethod", method("http_method").or(method("method")).or(catalogue::method(event.action))),
        ("requestId", event.request_id),
        ("outcome", Some(event.outcome.as_str()).filter(|_| event.outcome != Outcome::Unknown)),
        ("statusCode", event.status_code),
        ("statusMessage", event.status_message),
        ("labels", Some(labels.join(",")).as_deref()),
        ("severity", Some(event.severity.as_str())),
        ("plane", Some(event.plane.as_str())),
        ("receivedAt", Some("1795341601000")),
        ("instance", Some("i-1")),
        ("msg", event.message.map(|m| &m[..m.trim_end_matches(|c| mapped(&String::from(c)) == " ").len()])),
    ]
    .map(|(key, value)| Some((key, mapped(seen(value)?))));
    let limit = |key: &str| if key == "usrName" { 255 } else { usize::MAX };
    fields.into_iter().flatten().map(|(key, value)| (key.to_owned(), limited(&value, limit(key), cut))).collect()
}

fn check_metadata(found: Option<String>, pairs: Pairs<'_>, carried: Option<&str>) {
    let wanted: BTreeMap<String, String> =
        pairs.iter().filter(|(k, _)| Some(*k) != carried).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let found = found.map(|json| serde_json::from_str::<BTreeMap<String, String>>(&json).unwrap());
    assert_eq!(found.unwrap_or_default(), wanted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_event_is_read_back(draft in hostile(), n: u64, bom: bool) {
        with_view(draft, |event| {
            let (text, rendered) = message(&renderer(Format::Leef, Options { bom, ..roomy() }), event, n).unwrap();
            let read = read_leef::parse(&text).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            let header = read5424::parse(text.as_bytes()).unwrap();
            assert_eq!((header.facility, header.severity, header.bom), (13, event.severity.syslog(), bom));
            assert_eq!((header.hostname, header.app_name), (Some("audit.example.com"), Some("auditwire")));
            assert_eq!((header.proc_id, header.msg_id, header.elements.len()), (None, None, 0));
            assert_eq!(header.msg, Some(&text.as_bytes()[read.envelope.len()..]));
            assert_eq!((read.version, read.vendor, read.product, read.product_version), ("2.0", "Auditwire", "Cloud Audit", "1"));
            assert_eq!(read.delimiter, '^');

            let mut cut = false;
            let action = visible(Some(event.action)).map_or("-".to_owned(), |a| mapped_in_sd(a).replace('|', "/"));
            assert_eq!(read.event_id, limited(&action, 255, &mut cut));
            let mut found: BTreeMap<_, _> = read.attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            let user = ["email", "name"].into_iter().find(|k| visible(event.subject_metadata.get(k)).is_some());
            let carried = user.filter(|k| seen(event.subject_metadata.get(k)).is_some());
            check_metadata(found.remove("resourceMetadata"), event.resource_metadata, None);
            check_metadata(found.remove("subjectMetadata"), event.subject_metadata, carried);
            let mut wanted = expected(event, n, &mut cut);
            if cut {
                wanted.insert("truncated".to_owned(), "1".to_owned());
            }
            assert_eq!(found, wanted);
            assert_eq!(rendered.truncated, cut);
        });
    }
}

/// IBM's guide allows 10 or 13 digits, and 10 would be seconds.
#[test]
fn the_time_has_13_digits_in_every_year() {
    for (time, sent) in [
        ("1970-01-01T00:00:00Z", "0000000000000"),
        ("1970-01-01T00:00:00.001Z", "0000000000001"),
        ("2001-09-09T01:46:39.999Z", "0999999999999"),
        ("2001-09-09T01:46:40Z", "1000000000000"),
        ("2262-04-11T23:47:16.854Z", "9223372036854"),
    ] {
        let timestamp = Some(crate::event::testing::time(time));
        with_view(EventDraft { action: "a".to_owned(), timestamp, ..EventDraft::default() }, |event| {
            let (text, _) = message(&renderer(Format::Leef, roomy()), event, 1).unwrap();
            assert_eq!(read_leef::parse(&text).unwrap().get("devTime"), Some(sent));
        });
    }
}
