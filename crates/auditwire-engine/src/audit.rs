//! Audit events of the service itself: who changed what, written in the transaction of the change. Every verb that
//! changes something, and delivery when it skips or sets aside events, builds one here.

use auditwire_model::access::{Caller, Origin, Principal};
use auditwire_model::event::{Event, EventDraft, Metadata, Outcome, Plane, content_bytes};
use auditwire_model::{Position, ProjectId, Severity, Timestamp};

use crate::records::StoredConnection;

/// The `source.id` that no other source may use.
pub use auditwire_model::reserved::SOURCE;

/// Names of the service's own actions (product section 4).
#[expect(missing_docs, reason = "each constant is the action of that name")]
pub mod action {
    pub const CONNECTION_CREATE: &str = "siem-connection-create";
    pub const CONNECTION_UPDATE: &str = "siem-connection-update";
    pub const CONNECTION_ACTIVATE: &str = "siem-connection-activate";
    pub const CONNECTION_STOP: &str = "siem-connection-stop";
    pub const CONNECTION_DELETE: &str = "siem-connection-delete";
    pub const CONNECTION_CHECK: &str = "siem-connection-check";
    pub const CONNECTION_TEST: &str = "siem-connection-test";
    pub const REPLAY_START: &str = "siem-replay-start";
    pub const REPLAY_PAUSE: &str = "siem-replay-pause";
    pub const REPLAY_RESUME: &str = "siem-replay-resume";
    pub const REPLAY_CANCEL: &str = "siem-replay-cancel";
    pub const REPLAY_END: &str = "siem-replay-end";
    pub const ALERT: &str = "siem-alert";
    pub const ALERT_OVER: &str = "siem-alert-over";
    pub const WEBHOOK_SET: &str = "alert-webhook-set";
    pub const WEBHOOK_DELETE: &str = "alert-webhook-delete";
    pub const WEBHOOK_TEST: &str = "alert-webhook-test";
    pub const WEBHOOK_FAILED: &str = "alert-webhook-failed";
    pub const HEARTBEAT: &str = "siem-heartbeat";
    pub const GAP: &str = "siem-gap";
    pub const QUARANTINE: &str = "siem-quarantine";
    pub const QUARANTINE_DELETE: &str = "siem-quarantine-delete";
    pub const EXPORT: &str = "export";
    pub const EXPORT_END: &str = "export-end";
    pub const TOKEN_CREATE: &str = "token-create";
    pub const TOKEN_ROTATE: &str = "token-rotate";
    pub const TOKEN_ADOPT: &str = "token-adopt";
    pub const TOKEN_REVOKE: &str = "token-revoke";
    pub const KEYS_REWRAP: &str = "keys-rewrap";
    pub const TOKEN_REFUSED: &str = "token-refused";
    pub const READ: &str = "event-log-read";
    pub const READING_UPDATE: &str = "reading-update";
    pub const ACCESS_REFUSED: &str = "access-refused";
    pub const RETENTION_UPDATE: &str = "retention-update";
    pub const RETENTION_CANCEL: &str = "retention-cancel";
    pub const RETENTION_APPLY: &str = "retention-apply";
    pub const RETENTION_EXPIRE: &str = "retention-expire";
    pub const STORE_UNACCOUNTED: &str = "store-unaccounted";
    pub const STORE_ADOPT: &str = "store-adopt";
    pub const STORE_DISCARD: &str = "store-discard";
    pub const STORAGE_WARNING: &str = "storage-warning";
    pub const STORAGE_FULL: &str = "storage-full";
    pub const STORAGE_OK: &str = "storage-ok";
    pub const PROJECT_CREATE: &str = "project-create";
    pub const ACCOUNT_CREATE: &str = "account-create";
    pub const CONSOLE_SIGN_IN_LINK: &str = "console-sign-in-link";
    pub const CONSOLE_SIGN_IN: &str = "console-sign-in";
    pub const CONSOLE_SIGN_IN_REFUSED: &str = "console-sign-in-refused";
    pub const CONSOLE_SIGN_OUT: &str = "console-sign-out";
    pub const CONSOLE_PASSWORD: &str = "console-password";
    pub const CLOCK_ACCEPT: &str = "clock-accept";
    pub const ID_CONFLICT: &str = "id-conflict";
}

/// An audit event under construction.
#[derive(Debug, Clone)]
pub struct Audit {
    draft: EventDraft,
}

impl Audit {
    /// A successful `action` of `caller`. Outcome, severity and the rest can be changed before [`build`](Self::build).
    #[must_use]
    pub fn new(action: &'static str, caller: &Caller) -> Self {
        let (kind, user, project) = match caller {
            Caller::Operator { by, .. } => ("operator", Some(by.id().to_owned()), None),
            Caller::Token { token, project, .. } => ("token", Some(token.to_string()), Some(project.to_string())),
            Caller::Service => ("service", None, None),
        };
        let mut metadata = Metadata::from([("kind", kind)]);
        if let Caller::Operator { by: Principal::Account { name, .. }, .. } = caller {
            metadata.push("name", name);
        }
        let mut audit = Self::begun(action, caller.origin(), metadata);
        audit.draft.subject_user_id = user;
        audit.draft.subject_project_id = project;
        audit
    }

    /// An `action` that somebody tried of whom nothing is known but the request: who they are was not proved.
    #[must_use]
    pub fn of_stranger(action: &'static str, origin: &Origin) -> Self {
        Self::begun(action, Some(origin), Metadata::from([("kind", "stranger")]))
    }

    /// What several people did whom nobody knows, from more than one address.
    #[must_use]
    pub fn of_strangers(action: &'static str) -> Self {
        Self::begun(action, None, Metadata::from([("kind", "stranger")]))
    }

    fn begun(action: &'static str, origin: Option<&Origin>, subject: Metadata) -> Self {
        Self {
            draft: EventDraft {
                action: action.to_owned(),
                severity: Severity::Notice,
                source_id: Some(SOURCE.to_owned()),
                subject_address: origin.map(|o| o.address().to_string()),
                subject_metadata: subject,
                request_id: origin.map(|o| o.request_id().to_owned()),
                outcome: Some(Outcome::Success),
                ..EventDraft::default()
            },
        }
    }

    /// On what. What is not stored has an empty id, and the event none.
    #[must_use]
    pub fn on(mut self, resource_type: &str, id: impl ToString) -> Self {
        self.draft.resource_type = Some(resource_type.to_owned());
        self.draft.resource_id = Some(id.to_string()).filter(|id| !id.is_empty());
        self
    }

    /// On a SIEM connection: its id and what names it to people.
    #[must_use]
    pub fn on_connection(self, connection: &StoredConnection) -> Self {
        self.on("siem-connection", &connection.id)
            .with("name", &connection.spec.name)
            .with("endpoint", &connection.spec.endpoint)
            .with("revision", connection.revision)
    }

    /// Adds `resource.metadata.<key>`; a repeated key keeps the last value. Never a secret.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        let others = self.draft.resource_metadata.iter().filter(|(other, _)| *other != key);
        let mut pairs: Metadata = others.chain([(key, value.as_str())]).collect();
        pairs.sort();
        self.draft.resource_metadata = pairs;
        self
    }

    /// For people.
    #[must_use]
    pub fn message(mut self, text: impl Into<String>) -> Self {
        self.draft.message = Some(text.into());
        self
    }

    /// Instead of NOTICE.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.draft.severity = severity;
        self
    }

    /// It did not work: `status.code` and `status.message` say why.
    #[must_use]
    pub fn failed(mut self, code: &str, message: impl Into<String>) -> Self {
        self.draft.outcome = Some(Outcome::Failure);
        self.draft.severity = Severity::Warning;
        self.draft.status_code = Some(code.to_owned());
        self.draft.status_message = Some(message.into());
        self
    }

    /// The completed event, ready for a [`Submission`](crate::log::Submission).
    #[must_use]
    pub fn build(self, now: Timestamp) -> Event {
        let digest = digest(&self.draft);
        self.draft.complete(|| event_id(now), Plane::Control, now, digest)
    }
}

/// The event that tells a SIEM of a range it will not get (product section 4).
#[must_use]
pub fn gap(caller: &Caller, connection: &StoredConnection, first: Position, last: Position, reason: &str) -> Audit {
    let count = last.0.saturating_sub(first.0).saturating_add(1);
    Audit::new(action::GAP, caller)
        .severity(Severity::Warning)
        .on_connection(connection)
        .with("first_seq", first)
        .with("last_seq", last)
        .with("count", count)
        .with("reason", reason)
        .message(format!("Events {first} to {last} will not be sent to {}: {reason}", connection.spec.name))
}

/// A new UUIDv7 for the time `now`.
#[must_use]
pub fn event_id(now: Timestamp) -> String {
    let nanos = u64::try_from(now.as_nanos()).unwrap_or_default();
    let subsecond = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, nanos / 1_000_000_000, subsecond)).to_string()
}

/// Actions of which `system` keeps no copy: there may be one for each event that a project sends, or one every few seconds, and
/// they tell of delivery, not of what somebody did.
const NOT_COPIED: [&str; 2] = [action::HEARTBEAT, action::QUARANTINE];

/// In copies: `resource.metadata.project`, the project whose event it is.
pub const COPY_OF: &str = "project";

/// The copies that `system` keeps, to its own term, of the service's own events of another project; written in the commit of the
/// events, so that there is never one without the other. A copy has the event's id (ids are a project's own, so a repeated
/// one is recognised there as here) and all it says, and names its project as [`COPY_OF`].
pub(crate) fn copies(project: Option<&ProjectId>, events: &[Event]) -> Vec<Event> {
    let Some(project) = project.filter(|project| **project != ProjectId::system()) else { return Vec::new() };
    let own = |event: &&Event| {
        let draft = &event.draft;
        draft.source_id.as_deref() == Some(SOURCE) && !NOT_COPIED.contains(&draft.action.as_str())
    };
    let copy = |event: &Event| {
        let Audit { draft } = Audit { draft: event.draft.clone() }.with(COPY_OF, project);
        Event { digest: digest(&draft), draft, ..event.clone() }
    };
    events.iter().filter(own).map(copy).collect()
}

fn digest(draft: &EventDraft) -> [u8; 16] {
    let mut content = Vec::with_capacity(512);
    content_bytes(draft, &mut content);
    crate::intake::content_digest(&content)
}

/// Where an audit event of a token or project belongs: the operator's own go to `system`.
#[must_use]
pub fn home(project: Option<&ProjectId>) -> ProjectId {
    project.cloned().unwrap_or_else(ProjectId::system)
}

#[cfg(test)]
mod tests {
    use super::*;
    use auditwire_model::TokenId;

    #[test]
    fn names_who_what_and_where() {
        let caller = Caller::Token {
            token: TokenId::parse("t-1").unwrap(),
            project: ProjectId::default_project(),
            scopes: vec![],
            sources: vec![],
            origin: Origin::new([192, 0, 2, 7], "r-1"),
        };
        let at = Timestamp::parse("2026-11-22T10:00:00.5Z").unwrap();
        let event = Audit::new(action::TOKEN_CREATE, &caller)
            .on("token", "t-2")
            .with("b", 1)
            .with("a", 2)
            .with("b", 3)
            .build(at);
        assert_eq!((event.timestamp, event.received_at, event.plane), (at, at, Plane::Control));
        assert_eq!(event.outcome, Outcome::Success);
        assert_eq!(event.draft.subject_user_id.as_deref(), Some("t-1"));
        assert_eq!(event.draft.subject_project_id.as_deref(), Some("default"));
        assert_eq!(event.draft.subject_address.as_deref(), Some("192.0.2.7"));
        assert_eq!(event.draft.request_id.as_deref(), Some("r-1"));
        assert_eq!(event.draft.source_id.as_deref(), Some("auditwire"));
        assert_eq!(event.draft.resource_id.as_deref(), Some("t-2"));
        let pairs: Vec<_> = event.draft.resource_metadata.iter().collect();
        assert_eq!(pairs, [("a", "2"), ("b", "3")]);
        let id = uuid::Uuid::parse_str(&event.event_id).unwrap();
        assert_eq!(id.get_version_num(), 7);
        assert_ne!(event_id(at), event_id(at));
    }

    /// Words that other services use for their own doings; the source tells who speaks.
    const COMMON: [&str; 4] = ["export", "export-end", "project-create", "account-create"];

    #[test]
    fn our_actions_are_reserved_but_for_common_words() {
        let source = include_str!("audit.rs").split("pub mod action {").nth(1).unwrap();
        let (source, _) = source.split_once("\n}").unwrap();
        let lines = source.lines().filter_map(|line| line.trim().strip_prefix("pub const "));
        let actions: Vec<&str> = lines.filter_map(|line| line.split('"').nth(1)).collect();
        assert!(actions.len() > 30, "{actions:?}");
        for action in actions {
            let reserved = auditwire_model::reserved::is_our_action(action);
            assert_ne!(reserved, COMMON.contains(&action), "{action}: a name in `reserved`, or a common word");
        }
    }

    #[test]
    fn a_person_is_named() {
        let id = auditwire_model::AccountId::parse("u-1").unwrap();
        let mapped: std::net::IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        let origin = Origin::new(mapped, "r-1");
        let caller = Caller::Operator { by: Principal::Account { id, name: "operator".to_owned() }, origin };
        let event = Audit::new(action::PROJECT_CREATE, &caller).build(Timestamp::EPOCH);
        assert_eq!(event.draft.subject_user_id.as_deref(), Some("u-1"));
        assert_eq!(event.draft.subject_address.as_deref(), Some("192.0.2.7"));
        let pairs: Vec<_> = event.draft.subject_metadata.iter().collect();
        assert_eq!(pairs, [("kind", "operator"), ("name", "operator")]);
    }

    #[test]
    fn the_operator_has_copies_of_what_was_done_in_a_project() {
        let (home, system) = (ProjectId::default_project(), ProjectId::system());
        let event = |action| Audit::new(action, &Caller::Service).with("a", 1).with("z", 2).build(Timestamp::EPOCH);
        let mut foreign = event(action::EXPORT);
        foreign.draft.source_id = Some("nova".to_owned());
        let events = [event(action::EXPORT), event(action::HEARTBEAT), foreign, event(action::RETENTION_UPDATE)];
        let copies = copies(Some(&home), &events);
        let named: Vec<_> = copies.iter().map(|copy| (&copy.event_id, copy.draft.action.as_str())).collect();
        assert_eq!(named, [(&events[0].event_id, "export"), (&events[3].event_id, "retention-update")]);
        let pairs: Vec<_> = copies[0].draft.resource_metadata.iter().collect();
        assert_eq!(pairs, [("a", "1"), ("project", "default"), ("z", "2")]);
        assert_ne!(copies[0].digest, events[0].digest);
        assert_eq!(super::copies(Some(&system), &events).len() + super::copies(None, &events).len(), 0);
    }

    #[test]
    fn a_failure_says_why() {
        let event = Audit::new(action::CONNECTION_CHECK, &Caller::Service)
            .failed("connect_refused", "nobody listens")
            .build(Timestamp::EPOCH);
        assert_eq!(event.outcome, Outcome::Failure);
        assert_eq!(event.draft.status_code.as_deref(), Some("connect_refused"));
        assert_eq!(event.draft.subject_user_id, None);
        assert_eq!((event.draft.subject_address, event.draft.request_id), (None, None), "no request caused it");
    }

    #[test]
    fn of_a_stranger_only_the_request_is_known() {
        let origin = Origin::new([192, 0, 2, 7], "r-1");
        let event = Audit::of_stranger(action::TOKEN_REFUSED, &origin).build(Timestamp::EPOCH);
        assert_eq!(event.draft.subject_user_id, None);
        assert_eq!(event.draft.subject_address.as_deref(), Some("192.0.2.7"));
        assert_eq!(event.draft.request_id.as_deref(), Some("r-1"));
        assert_eq!(event.draft.subject_metadata.iter().collect::<Vec<_>>(), [("kind", "stranger")]);
    }
}
