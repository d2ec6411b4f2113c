//! RFC 5424 messages as events. Nothing of a message is left out: what has no field of its own is metadata of the resource,
//! and a text that is no RFC 5424 message is the event's message as it came.

use crate::event::{EventDraft, Metadata};
use crate::wire::read5424::{self, Message};
use crate::{Severity, Timestamp};

/// The action of a message that names neither MSGID nor APP-NAME.
pub const ACTION: &str = "syslog";

/// Reads one message without its frame. Bytes that are not UTF-8 become U+FFFD.
///
/// APP-NAME is `source.id`, HOSTNAME `source.address`, MSGID (else APP-NAME, else `syslog`) the action; the facility, PROCID
/// and the structured data (`SD-ID.PARAM-NAME`; of a name that repeats, the values with a comma between) are metadata of the
/// resource. The event's id is the door's to make.
#[must_use]
pub fn draft(bytes: &[u8]) -> EventDraft {
    match read5424::parse(bytes) {
        Ok(message) => of(&message),
        Err(_) => EventDraft { action: ACTION.to_owned(), message: Some(text(bytes)), ..EventDraft::default() },
    }
}

fn of(message: &Message<'_>) -> EventDraft {
    let owned = |name: Option<&str>| name.map(str::to_owned);
    EventDraft {
        timestamp: message.timestamp.and_then(|written| Timestamp::parse(written).ok()),
        action: message.msg_id.or(message.app_name).unwrap_or(ACTION).to_owned(),
        severity: severity(message.severity),
        message: message.msg.map(text),
        source_id: owned(message.app_name),
        source_address: owned(message.hostname),
        resource_metadata: metadata(message),
        ..EventDraft::default()
    }
}

/// RFC 5424 section 6.2.1, table 2.
fn severity(code: u8) -> Severity {
    match code {
        0 => Severity::Emergency,
        1 => Severity::Alert,
        2 => Severity::Critical,
        3 => Severity::Error,
        4 => Severity::Warning,
        5 => Severity::Notice,
        6 => Severity::Info,
        _ => Severity::Debug,
    }
}

/// Sorted by key, keys unique.
fn metadata(message: &Message<'_>) -> Metadata {
    let params: usize = message.elements.iter().map(|element| element.params.len()).sum();
    let mut given = Metadata::with_capacity(params + 2, 32 * (params + 2));
    given.push("facility", &message.facility.to_string());
    if let Some(id) = message.proc_id {
        given.push("proc_id", id);
    }
    for element in &message.elements {
        element.params.iter().for_each(|(name, value)| given.push_parts(&[element.id, ".", name], value));
    }
    let mut pairs: Vec<(&str, &str)> = given.iter().collect();
    // Stable: the values of a name stay in their order.
    pairs.sort_by_key(|(key, _)| *key);
    let mut metadata = Metadata::with_capacity(pairs.len(), given.bytes());
    let mut last = None;
    for (key, value) in pairs {
        if last == Some(key) {
            metadata.extend_last(&[",", value]);
        } else {
            metadata.push(key, value);
        }
        last = Some(key);
    }
    metadata
}

fn text(bytes: &[u8]) -> String {
    // Checked as a whole first: looking for what has to be replaced goes byte by byte.
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_part_of_a_message_has_its_place() {
        let draft = draft(
            b"<85>1 2026-11-22T10:00:00.25+03:00 vm-7.example sshd 812 AUTH [origin@32473 ip=\"10.0.0.1\" ip=\"::1\"][a b=\"x\\\"y\"] \xEF\xBB\xBFaccepted \xD1\x8F",
        );
        assert_eq!((draft.action.as_str(), draft.source_id.as_deref()), ("AUTH", Some("sshd")));
        assert_eq!(draft.source_address.as_deref(), Some("vm-7.example"));
        assert_eq!(draft.timestamp, Timestamp::parse("2026-11-22T07:00:00.25Z").ok());
        assert_eq!((draft.severity, draft.message.as_deref()), (Severity::Notice, Some("accepted я")));
        let expected = [("a.b", "x\"y"), ("facility", "10"), ("origin@32473.ip", "10.0.0.1,::1"), ("proc_id", "812")];
        assert_eq!(draft.resource_metadata, expected.into());
    }

    #[test]
    fn names_that_meet_with_their_dots_are_one() {
        let draft = draft(b"<13>1 - - - - - [a b.c=\"1\"][a.b c=\"2\"]");
        assert_eq!(draft.resource_metadata, [("a.b.c", "1,2"), ("facility", "1")].into());
    }

    #[test]
    fn what_is_missing_stays_empty_and_the_action_is_never() {
        let named = draft(b"<0>1 - - cron - - -");
        assert_eq!((named.action.as_str(), named.severity, named.message), ("cron", Severity::Emergency, None));
        let bare = draft(b"<191>1 - - - - - - x");
        assert_eq!((bare.action.as_str(), bare.severity, bare.source_id), (ACTION, Severity::Debug, None));
    }

    #[test]
    fn what_is_no_message_is_kept_as_it_came() {
        let draft = draft(b"<13>Oct 11 22:14:15 old su: failed \xFF");
        assert_eq!(draft.message.as_deref(), Some("<13>Oct 11 22:14:15 old su: failed \u{FFFD}"));
        assert_eq!((draft.action.as_str(), draft.severity), (ACTION, Severity::Default));
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let draft = draft(&bytes);
            prop_assert!(!draft.action.is_empty());
            prop_assert!(draft.resource_metadata.iter().is_sorted_by(|a, b| a.0 < b.0));
        }
    }
}
