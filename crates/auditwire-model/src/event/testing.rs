//! Drafts for tests: three fixed ones behind the golden files, and any draft at all.

use arrow_array::RecordBatch;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::{BatchBuilder, Event, EventDraft, Metadata, Outcome, Plane, content_bytes};
use crate::{Position, Severity, Timestamp};

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn pairs(pairs: &[(&str, &str)]) -> Metadata {
    pairs.iter().copied().collect()
}

/// Every field has a value.
pub(crate) fn full() -> EventDraft {
    EventDraft {
        event_id: some("0b6f4a1e-6f0c-4f0e-9a55-2f1b7f6d3c11"),
        timestamp: Some(time("2026-11-22T10:00:00.123456Z")),
        plane: Some(Plane::Data),
        action: "user-signin".to_owned(),
        request_id: some("req-214d0f85"),
        severity: Severity::Warning,
        message: some("Вход отклонён: пароль \"x\"\nattempt=3"),
        source_id: some("iam"),
        source_address: some("10.0.0.7"),
        subject_user_id: some("d7bec06f"),
        subject_address: some("2001:db8::5"),
        subject_project_id: some("a759dcc2"),
        subject_metadata: pairs(&[("email", "u@example.ru"), ("geo.city", "Тверь"), ("geo.lat", "56.8600")]),
        resource_id: some("acc-1"),
        resource_type: some("account"),
        resource_metadata: pairs(&[("empty", ""), ("roles", r#"["admin",7]"#), ("service_id", "IAM")]),
        status_code: some("401"),
        status_message: some("Unauthorized"),
        outcome: Some(Outcome::Failure),
        labels: vec!["pci".to_owned(), "mfa".to_owned()],
        digest: None,
    }
}

/// Only what a source must say.
pub(crate) fn minimal() -> EventDraft {
    EventDraft { action: "a".to_owned(), ..EventDraft::default() }
}

/// Texts that would break a careless writer.
pub(crate) fn hostile() -> EventDraft {
    EventDraft {
        event_id: some("id\"\\"),
        timestamp: Some(time("1970-01-01T00:00:00.000000001Z")),
        action: "a\u{0}\u{7f}\u{85}\u{2028}\u{2029}\u{feff}\u{202e}".to_owned(),
        severity: Severity::Emergency,
        message: some("\u{8}\u{c}\n\r\t\u{b}\u{1f}/</script>😀"),
        source_id: some(""),
        subject_metadata: pairs(&[("", ""), ("\n", "\u{0}"), ("a.b", "1"), ("é", "{}")]),
        labels: vec![String::new(), "]}\",".to_owned()],
        ..EventDraft::default()
    }
}

/// Any draft that a reader could make.
pub(crate) fn any_draft() -> impl Strategy<Value = EventDraft> {
    let text = || option::of(any_text());
    let metadata = || btree_map(any_text(), any_text(), 0..4).prop_map(|map| map.into_iter().collect::<Metadata>());
    let when = (0..=i64::MAX).prop_map(|nanos| Timestamp::from_nanos(nanos).unwrap());
    let head =
        (option::of("[a-z~é]{1,16}"), option::of(when), any_plane(), "\\PC{1,12}", text(), any_severity(), text());
    let who = (text(), text(), text(), text(), text(), metadata());
    let what = (text(), text(), metadata(), option::of("[0-9]{1,4}|[A-Z0-9]{5}"), text(), any_outcome());
    (head, who, what, vec(any_text(), 0..3)).prop_map(|(head, who, what, labels)| EventDraft {
        event_id: head.0,
        timestamp: head.1,
        plane: head.2,
        action: head.3,
        request_id: head.4,
        severity: head.5,
        message: head.6,
        source_id: who.0,
        source_address: who.1,
        subject_user_id: who.2,
        subject_address: who.3,
        subject_project_id: who.4,
        subject_metadata: who.5,
        resource_id: what.0,
        resource_type: what.1,
        resource_metadata: what.2,
        status_code: what.3,
        status_message: what.4,
        outcome: what.5,
        labels,
        digest: None,
    })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z.]{0,6}", 1 => any::<String>(), 1 => "[\u{0}-\u{7f}é\u{2028}😀]{0,40}"]
}

fn any_plane() -> impl Strategy<Value = Option<Plane>> {
    option::of(prop_oneof![Just(Plane::Control), Just(Plane::Data)])
}

fn any_outcome() -> impl Strategy<Value = Option<Outcome>> {
    option::of(prop_oneof![Just(Outcome::Unknown), Just(Outcome::Success), Just(Outcome::Failure)])
}

fn any_severity() -> impl Strategy<Value = Severity> {
    (0_u8..9).prop_map(|rank| Severity::from_rank(rank).unwrap())
}

/// As intake completes it, received on a fixed day.
pub(crate) fn completed(draft: EventDraft) -> Event {
    let mut content = Vec::new();
    content_bytes(&draft, &mut content);
    let digest = std::array::from_fn(|at| content.get(at).copied().unwrap_or_default());
    draft.complete(|| "made-here".to_owned(), Plane::Control, time("2026-11-22T10:00:01Z"), digest)
}

/// One batch of these drafts, positions from 1.
pub(crate) fn batch(drafts: impl IntoIterator<Item = EventDraft>) -> RecordBatch {
    let mut builder = BatchBuilder::default();
    for (at, draft) in (1..).zip(drafts) {
        builder.push(Position(at), &completed(draft));
    }
    builder.finish().unwrap()
}
