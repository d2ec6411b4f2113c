//! RFC 5424 messages, read back by the crate `syslog_rfc5424` and by our own reader.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::any::hostile;
use super::{mapped_in_sd, message, renderer, roomy, visible, with_view};
use crate::connection::{Format, Options};
use crate::event::{EventView, write_canonical};
use crate::wire::read5424;

/// Every SD parameter of an event, as `docs/formats/wire.md` says.
pub(super) fn params(event: &EventView<'_>, n: u64) -> BTreeMap<String, String> {
    let seq = event.seq.unwrap().to_string();
    let user = visible(event.subject_metadata.get("email")).or(visible(event.subject_metadata.get("name")));
    let labels: Vec<_> = event.labels.iter().filter_map(|l| visible(Some(l))).collect();
    let labels = labels.join(",");
    [
        ("event_id", Some(event.event_id)),
        ("seq", Some(seq.as_str())),
        ("n", Some(n.to_string().as_str())),
        ("action", Some(event.action)),
        ("request_id", event.request_id),
        ("severity", Some(event.severity.as_str())),
        ("plane", Some(event.plane.as_str())),
        ("source_id", event.source_id),
        ("source_addr", event.source_address),
        ("user_id", event.subject_user_id),
        ("user", user),
        ("user_addr", event.subject_address),
        ("project_id", event.subject_project_id),
        ("res_id", event.resource_id),
        ("res_type", event.resource_type),
        ("status_code", event.status_code),
        ("outcome", Some(event.outcome.as_str())),
        ("labels", Some(labels.as_str())),
        ("ingested", Some("2026-11-22T10:00:01.000Z")),
        ("instance", Some("i-1")),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), mapped_in_sd(visible(value)?))))
    .collect()
}

/// The canonical bytes.
pub(super) fn canonical(event: &EventView<'_>) -> String {
    let mut json = Vec::new();
    write_canonical(event, &mut json);
    String::from_utf8(json).unwrap()
}

fn msg_id(action: &str) -> Option<&str> {
    let legal = action.len() <= 32 && action != "-" && action.bytes().all(|c| c > b' ' && c < 0x7F);
    legal.then_some(action)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_event_is_read_back_by_our_reader(draft in hostile(), n: u64, bom: bool) {
        with_view(draft, |event| {
            let (text, rendered) = message(&renderer(Format::Rfc5424, Options { bom, ..roomy() }), event, n).unwrap();
            assert!(!rendered.truncated);
            let read = read5424::parse(text.as_bytes()).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            assert_eq!((read.facility, read.severity, read.version), (13, event.severity.syslog(), 1));
            let millis = event.timestamp.as_millis() * 1_000_000;
            assert_eq!(crate::Timestamp::parse(read.timestamp.unwrap()).unwrap().as_nanos(), millis);
            assert_eq!((read.hostname, read.app_name), (Some("audit.example.com"), Some("auditwire")));
            assert_eq!((read.proc_id, read.msg_id), (None, msg_id(event.action)));
            let [element] = &read.elements[..] else { panic!("{} SD elements in {text:?}", read.elements.len()) };
            assert_eq!(element.id, "audit@32473");
            let names: std::collections::BTreeSet<_> = element.params.iter().map(|(name, _)| *name).collect();
            assert_eq!(names.len(), element.params.len(), "a parameter stands twice in {text:?}");
            let found: BTreeMap<_, _> =
                element.params.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_owned())).collect();
            assert_eq!(found, params(event, n));
            assert_eq!((read.msg, read.bom), (Some(canonical(event).as_bytes()), bom));
        });
    }

    #[test]
    fn every_event_is_read_back_by_another_reader(draft in hostile(), n: u64) {
        with_view(draft, |event| {
            let (text, _) = message(&renderer(Format::Rfc5424, roomy()), event, n).unwrap();
            let read = syslog_rfc5424::parse_message(&text).unwrap_or_else(|e| panic!("{e}: {text:?}"));
            assert_eq!((read.facility as u8, read.severity as u8), (13, event.severity.syslog()));
            let millis = event.timestamp.as_millis();
            assert_eq!(read.timestamp, Some(millis / 1000));
            assert_eq!(read.timestamp_nanos.map(i64::from), Some(millis % 1000 * 1_000_000));
            assert_eq!(read.hostname.as_deref(), Some("audit.example.com"));
            assert_eq!(read.appname.as_deref(), Some("auditwire"));
            assert_eq!((read.procid, read.msgid.as_deref()), (None, msg_id(event.action)));
            assert_eq!(read.sd.len(), 1);
            assert_eq!(read.sd.find_sdid("audit@32473"), Some(&params(event, n)));
            assert_eq!(read.msg, canonical(event));
        });
    }
}
