//! What a door makes of foreign bytes, and what intake makes of that.

use serde::{Deserialize, Serialize};

use super::Metadata;
use crate::{Severity, Timestamp};

/// Control plane (the cloud's API) or data plane (inside virtual machines, clusters, databases).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Plane {
    /// The cloud's API.
    Control = 0,
    /// Inside the customer's machines.
    Data = 1,
}

impl Plane {
    /// The stored number.
    #[must_use]
    pub fn rank(self) -> u8 {
        self as u8
    }

    /// The plane of a stored number; unknown numbers read as control.
    #[must_use]
    pub fn from_rank(rank: u8) -> Self {
        if rank == 1 { Self::Data } else { Self::Control }
    }

    /// Reads `control` or `data`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "control" => Some(Self::Control),
            "data" => Some(Self::Data),
            _ => None,
        }
    }

    /// The name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Data => "data",
        }
    }
}

/// How the action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Outcome {
    /// Nobody said.
    #[default]
    Unknown = 0,
    /// It was done.
    Success = 1,
    /// It was refused or failed.
    Failure = 2,
}

impl Outcome {
    /// The stored number.
    #[must_use]
    pub fn rank(self) -> u8 {
        self as u8
    }

    /// The outcome of a stored number; unknown numbers read as unknown.
    #[must_use]
    pub fn from_rank(rank: u8) -> Self {
        match rank {
            1 => Self::Success,
            2 => Self::Failure,
            _ => Self::Unknown,
        }
    }

    /// Reads `success`, `failure` or `unknown`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "success" => Some(Self::Success),
            "failure" => Some(Self::Failure),
            "unknown" => Some(Self::Unknown),
            _ => None,
        }
    }

    /// The name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }

    /// From a status code: 100–599 are HTTP (400 and above failed), 0–16 gRPC (all but 0 failed),
    /// anything else says nothing, other spellings of these numbers included.
    #[must_use]
    pub fn from_status_code(code: &str) -> Self {
        if !code.bytes().all(|byte| byte.is_ascii_digit()) || (code.len() > 1 && code.starts_with('0')) {
            return Self::Unknown;
        }
        match code.parse::<u16>() {
            Ok(0 | 100..=399) => Self::Success,
            Ok(1..=16 | 400..=599) => Self::Failure,
            _ => Self::Unknown,
        }
    }
}

/// An event as a source gave it, read and within limits but not yet accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventDraft {
    /// The idempotency key, at most 128 characters; made by intake when absent.
    pub event_id: Option<String>,
    /// When it happened; absent means "when received".
    pub timestamp: Option<Timestamp>,
    /// As given; absent means "by the door".
    pub plane: Option<Plane>,
    /// The event type. The only required field.
    pub action: String,
    /// Correlates with other logs.
    pub request_id: Option<String>,
    /// Absent means DEFAULT.
    pub severity: Severity,
    /// For people.
    pub message: Option<String>,
    /// The service that reports.
    pub source_id: Option<String>,
    /// Where it runs.
    pub source_address: Option<String>,
    /// Who acted.
    pub subject_user_id: Option<String>,
    /// From where.
    pub subject_address: Option<String>,
    /// In which project of the cloud.
    pub subject_project_id: Option<String>,
    /// Flat, sorted by key, keys unique.
    pub subject_metadata: Metadata,
    /// On what.
    pub resource_id: Option<String>,
    /// Of which kind.
    pub resource_type: Option<String>,
    /// Flat, sorted by key, keys unique.
    pub resource_metadata: Metadata,
    /// HTTP or gRPC code, or the source's own.
    pub status_code: Option<String>,
    /// What the source says about the outcome.
    pub status_message: Option<String>,
    /// As given; absent means "from the code".
    pub outcome: Option<Outcome>,
    /// Tags, in the given order.
    pub labels: Vec<String>,
    /// Of the bytes that the draft was made of, by a door that hashes them anyway. No two texts that differ may have the same;
    /// absent means "of the [content bytes](super::content_bytes)".
    pub digest: Option<[u8; 16]>,
}

/// A completed draft: everything but the position is fixed. Made by intake, stored by the committer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unique in the duplicate window.
    pub event_id: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// When intake accepted it. The committer raises it so that it never decreases with `seq`.
    pub received_at: Timestamp,
    /// Control or data.
    pub plane: Plane,
    /// How it ended.
    pub outcome: Outcome,
    /// The draft's, or the first 16 bytes of SHA-256 over its [`content_bytes`](super::content_bytes).
    pub digest: [u8; 16],
    /// True when the source gave no timestamp: then `timestamp` follows a raised `received_at`.
    pub timestamp_from_receipt: bool,
    /// All other fields; its `event_id`, `timestamp`, `plane` and `outcome` are not used any more.
    pub draft: EventDraft,
}

impl EventDraft {
    /// Fixes everything but the position. `event_id` is used when the draft has none; `door` is the
    /// plane of the door it came through; `digest` is that of [`Event::digest`].
    #[must_use]
    pub fn complete(
        mut self,
        event_id: impl FnOnce() -> String,
        door: Plane,
        received_at: Timestamp,
        digest: [u8; 16],
    ) -> Event {
        let outcome = self
            .outcome
            .unwrap_or_else(|| self.status_code.as_deref().map_or(Outcome::Unknown, Outcome::from_status_code));
        Event {
            event_id: self.event_id.take().unwrap_or_else(event_id),
            timestamp: self.timestamp.unwrap_or(received_at),
            timestamp_from_receipt: self.timestamp.is_none(),
            received_at,
            plane: self.plane.unwrap_or(door),
            outcome,
            digest,
            draft: self,
        }
    }

    /// A lower bound of the memory this draft holds, in bytes; what group limits count.
    #[must_use]
    pub fn weight(&self) -> usize {
        let text = |t: &Option<String>| t.as_ref().map_or(0, String::len);
        self.action.len()
            + [
                &self.event_id,
                &self.request_id,
                &self.message,
                &self.source_id,
                &self.source_address,
                &self.subject_user_id,
                &self.subject_address,
                &self.subject_project_id,
                &self.resource_id,
                &self.resource_type,
                &self.status_code,
                &self.status_message,
            ]
            .into_iter()
            .map(text)
            .sum::<usize>()
            + self.subject_metadata.bytes()
            + self.resource_metadata.bytes()
            + self.labels.iter().map(String::len).sum::<usize>()
            + 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::{full, minimal, time};

    fn complete(draft: EventDraft) -> Event {
        draft.complete(|| "made".to_owned(), Plane::Data, time("2026-11-22T10:00:00Z"), [7; 16])
    }

    #[test]
    fn what_the_source_gave_stays() {
        let event = complete(EventDraft { status_code: Some("200".to_owned()), ..full() });
        assert_eq!(event.event_id, full().event_id.unwrap());
        assert_eq!((Some(event.timestamp), event.timestamp_from_receipt), (full().timestamp, false));
        assert_eq!((event.plane, event.outcome, event.digest), (Plane::Data, Outcome::Failure, [7; 16]));
    }

    #[test]
    fn what_it_left_out_is_made() {
        let event = complete(minimal());
        assert_eq!(event.event_id, "made");
        assert_eq!((event.timestamp, event.timestamp_from_receipt), (event.received_at, true));
        assert_eq!((event.plane, event.outcome), (Plane::Data, Outcome::Unknown));
        let with_code = complete(EventDraft { status_code: Some("403".to_owned()), ..minimal() });
        assert_eq!(with_code.outcome, Outcome::Failure);
    }

    #[test]
    fn codes_tell_the_outcome() {
        for code in ["0", "100", "200", "399"] {
            assert_eq!(Outcome::from_status_code(code), Outcome::Success, "{code}");
        }
        for code in ["1", "16", "400", "599"] {
            assert_eq!(Outcome::from_status_code(code), Outcome::Failure, "{code}");
        }
        for code in ["", "17", "99", "600", "-1", "+200", "0200", "42501", "42P01", "OK", "200.0", "99999999"] {
            assert_eq!(Outcome::from_status_code(code), Outcome::Unknown, "{code}");
        }
    }

    #[test]
    fn stored_numbers_and_names_come_back() {
        for plane in [Plane::Control, Plane::Data] {
            assert_eq!((Plane::from_rank(plane.rank()), Plane::parse(plane.as_str())), (plane, Some(plane)));
        }
        for outcome in [Outcome::Unknown, Outcome::Success, Outcome::Failure] {
            assert_eq!(
                (Outcome::from_rank(outcome.rank()), Outcome::parse(outcome.as_str())),
                (outcome, Some(outcome))
            );
        }
    }

    #[test]
    fn every_text_weighs() {
        let mut heavier = full();
        let before = heavier.weight();
        heavier.resource_metadata.push("key", "value");
        heavier.labels.push("label".to_owned());
        heavier.status_message = Some("Unauthorized!".to_owned());
        assert_eq!(heavier.weight(), before + 8 + 5 + 1);
    }
}
