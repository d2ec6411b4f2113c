//! Delivery: from the log to the SIEM, at least once (`docs/delivery.md`).

mod backoff;
pub mod check;
pub mod failure;
pub mod guard;
mod health;
pub(crate) mod link;
mod live;
mod measure;
pub(crate) mod message;
mod pace;
mod rate;
pub mod resolve;
mod sender;
mod sockets;
mod streams;
mod supervisor;
pub mod tls;
mod window;

#[cfg(test)]
pub(crate) use sender::selected;

use std::sync::Arc;

use auditwire_model::connection::CertificateTime;
use auditwire_model::{Clock, ConnectionId, Position, ProjectId, Timestamp};

use crate::log::Log;
use crate::secrets::Keyring;
use crate::store::Store;
use guard::AddressGuard;
use supervisor::Supervisor;

pub(crate) use backoff::Backoff;
pub use measure::{AcknowledgedBy, Measure};
pub(crate) use sender::{OVERLAP_MAX, UDP_RATE, passing};

/// Limits of delivery and the rules of the address guard. Configuration.
#[derive(Debug, Clone, Default)]
pub struct DeliverySettings {
    /// This host's name, for HOSTNAME.
    pub hostname: String,
    /// True while our own listener is bound to loopback and no proxy is named, so that only this machine's own people can set
    /// connections: then loopback endpoints are allowed.
    pub allow_loopback: bool,
    /// Networks that the operator allows although they would be refused.
    pub allow: Vec<ipnet::IpNet>,
    /// Networks that the operator refuses.
    pub deny: Vec<ipnet::IpNet>,
    /// What this process listens on; never allowed.
    pub own_listeners: Vec<std::net::SocketAddr>,
}

/// The state of a connection (product section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
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

impl Status {
    /// All of them, those first that need somebody.
    pub const ALL: [Self; 4] = [Self::Failing, Self::Degraded, Self::Active, Self::Inactive];

    /// Reads the word of answers.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Active => "active",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// Counters and positions of a connection, stored and live together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeliveryState {
    /// Every event up to here is settled.
    pub cursor: Position,
    /// Last acknowledged position.
    pub acknowledged: Position,
    /// When that was.
    pub acknowledged_at: Option<Timestamp>,
    /// Events acknowledged.
    pub delivered: u64,
    /// Bytes of all messages handed to the peer, with their frames and before TLS.
    pub bytes: u64,
    /// Events settled per second (filtered ones are, too), averaged over the last 10 s; 0 when no sender runs.
    pub rate: f64,
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
    /// What can be learned on the present or last link; `None` before the first one, and when no sender runs.
    pub measure: Option<Measure>,
    /// The last error, also when it is over.
    pub last_error: Option<LastError>,
    /// The second stream, while fresh events go first: then `cursor` and `acknowledged` are the backlog's, the counters
    /// count both.
    pub fresh: Option<FreshState>,
}

/// How far the second stream of a connection has come.
#[derive(Debug, Clone, PartialEq)]
pub struct FreshState {
    /// Its first position.
    pub from: Position,
    /// Every event from there up to here is settled.
    pub cursor: Position,
    /// Last acknowledged position.
    pub acknowledged: Position,
    /// When that was.
    pub acknowledged_at: Option<Timestamp>,
    /// `received_at` of the oldest event in flight.
    pub oldest_unacknowledged_at: Option<Timestamp>,
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

/// What a SIEM showed in the TLS handshake, as far as it matters later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCertificate {
    /// RFC 4514 text.
    pub subject: String,
    /// Valid until.
    pub not_after: CertificateTime,
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
    /// Breaks after which less was sent again than the rule asks, because of `overlap_bytes`; since the sender began.
    pub short_resends: u64,
    /// What the SIEM showed on the present or last link; `None` without TLS.
    pub server_certificate: Option<ServerCertificate>,
}

/// What every sender works with. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) log: Log,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) settings: Arc<DeliverySettings>,
    pub(crate) guard: Arc<AddressGuard>,
    /// This installation's id.
    pub(crate) instance: Arc<str>,
}

/// Handle on all senders. Cheap to clone. The default one has none and starts none.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    supervisor: Option<Arc<Supervisor>>,
}

impl Delivery {
    /// Starts a sender for every active connection. Must be called inside a Tokio runtime; returns at once.
    #[must_use]
    pub fn start(
        store: Arc<dyn Store>,
        log: Log,
        clock: Arc<dyn Clock>,
        keyring: Arc<Keyring>,
        settings: DeliverySettings,
        instance: &str,
    ) -> Self {
        tls::roots::prepare();
        let guard = Arc::new(AddressGuard::new(&settings));
        let (settings, instance) = (Arc::new(settings), Arc::from(instance));
        let context = Context { store, log, clock, keyring, settings, guard, instance };
        Self { supervisor: Some(Supervisor::start(context)) }
    }

    /// Tells the supervisor that a project's active connection, or its revision, has changed.
    pub fn changed(&self, project: &ProjectId) {
        if let Some(supervisor) = &self.supervisor {
            supervisor.changed(project);
        }
    }

    /// The live state of a connection; `None` when no sender runs for it.
    #[must_use]
    pub fn live(&self, connection: &ConnectionId) -> Option<LiveState> {
        self.supervisor.as_ref()?.live(connection)
    }

    /// The live state of the sender of a connection's second stream; `None` when none runs.
    #[must_use]
    pub fn live_fresh(&self, connection: &ConnectionId) -> Option<LiveState> {
        self.supervisor.as_ref()?.live_fresh(connection)
    }

    /// The live state of a replay's sender; `None` when none runs for it.
    #[must_use]
    pub fn live_replay(&self, id: &str) -> Option<LiveState> {
        self.supervisor.as_ref()?.live_replay(id)
    }

    /// Waits until no sender of an older epoch or revision than the stored one runs for the project (graceful stop, at
    /// most 10 s).
    pub async fn settled(&self, project: &ProjectId) {
        if let Some(supervisor) = &self.supervisor {
            supervisor.settled(project).await;
        }
    }

    /// Lets the project's sender end gracefully and starts none until the answer is dropped, so that the stored cursor is
    /// exact: whoever moves it meanwhile gives no delivery number twice. Waits at most 10 s; a receiver that takes nothing
    /// for so long keeps its sender a little longer, and the epoch fences that one.
    #[must_use = "sending goes on when the pause is dropped"]
    pub async fn pause(&self, project: &ProjectId) -> Pause {
        // Made first: a caller that goes away while it waits ends the pause, too.
        let pause = Pause { supervisor: self.supervisor.clone(), project: project.clone() };
        if let Some(supervisor) = &self.supervisor {
            supervisor.pause(project).await;
        }
        pause
    }

    /// Stops all senders gracefully (half-close, cursor stored), within about 15 s. Starts none any more.
    pub async fn close(&self) {
        if let Some(supervisor) = &self.supervisor {
            supervisor.close().await;
        }
    }
}

/// While it lives no sender of the project runs.
#[derive(Debug)]
pub struct Pause {
    supervisor: Option<Arc<Supervisor>>,
    project: ProjectId,
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(supervisor) = &self.supervisor {
            supervisor.resume(&self.project);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
