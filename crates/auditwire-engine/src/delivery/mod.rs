//! Delivery: from the log to the SIEM, at least once (`docs/delivery.md`).

#[cfg_attr(not(test), expect(dead_code, reason = "the sender, which follows, uses it"))]
mod backoff;
pub mod check;
pub mod failure;
pub mod guard;
#[expect(dead_code, reason = "the sender, which follows, uses it")]
pub(crate) mod link;
#[cfg_attr(not(test), expect(dead_code, reason = "the sender, which follows, uses it"))]
mod pace;
pub mod resolve;
#[expect(dead_code, reason = "the sender, which follows, uses it")]
mod sockets;
pub mod tls;
#[expect(dead_code, reason = "the sender, which follows, uses it")]
mod window;

use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};

/// Limits of delivery and the rules of the address guard. Configuration.
#[derive(Debug, Clone, Default)]
pub struct DeliverySettings {
    /// This host's name, for HOSTNAME.
    pub hostname: String,
    /// True while our own listener is bound to loopback: then loopback endpoints are allowed.
    pub allow_loopback: bool,
    /// Networks that the operator allows although they would be refused.
    pub allow: Vec<ipnet::IpNet>,
    /// Networks that the operator refuses.
    pub deny: Vec<ipnet::IpNet>,
    /// What this process listens on; never allowed.
    pub own_listeners: Vec<std::net::SocketAddr>,
}

/// The state of a connection (product section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not sending.
    Inactive,
    /// Link up and no matching event unsettled for over 10 s.
    Active,
    /// Link up but older than that, or reconnecting for less than 60 s, or an event quarantined within 1 h.
    Degraded,
    /// No working link for 60 s.
    Failing,
}

/// Counters and positions of a connection, stored and live together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryState {
    /// Every event up to here is settled.
    pub cursor: Position,
    /// Last acknowledged position.
    pub acknowledged: Position,
    /// First sendings.
    pub sent: u64,
    /// Repeated sendings.
    pub resent: u64,
    /// Kept back by the filter.
    pub filtered: u64,
    /// Set aside.
    pub quarantined: u64,
    /// Events after the cursor, before the filter.
    pub backlog: u64,
    /// `received_at` of the oldest event not yet settled.
    pub oldest_unacknowledged_at: Option<Timestamp>,
    /// Times a link was made anew.
    pub reconnects: u64,
    /// The last error, also when it is over.
    pub last_error: Option<LastError>,
}

/// An error of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// A check code.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// The live state of a sender, kept by the supervisor.
#[derive(Debug, Clone)]
pub struct LiveState {
    /// Active, degraded or failing.
    pub status: Status,
    /// Since when.
    pub since: Timestamp,
    /// A check code.
    pub cause: Option<&'static str>,
    /// Counters and positions.
    pub delivery: DeliveryState,
}

/// Handle on all senders. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Delivery {}

impl Delivery {
    /// Tells the supervisor that a project's active connection, or its revision, has changed.
    pub fn changed(&self, project: &ProjectId) {
        let _ = project;
    }

    /// The live state of a connection; `None` when no sender runs for it.
    #[must_use]
    pub fn live(&self, connection: &ConnectionId) -> Option<LiveState> {
        let _ = connection;
        None
    }

    /// Waits until no sender of an older epoch than the stored one runs for the project (graceful stop, at most 10 s).
    pub async fn settled(&self, project: &ProjectId) {
        let _ = project;
    }

    /// Stops all senders gracefully (half-close, cursor stored).
    pub async fn close(&self) {}
}
