//! The connection check: stages with time, stable code and remedy.

use std::time::Duration;

/// A stage of the check, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// May we connect there at all?
    Address,
    /// Name resolution.
    Resolve,
    /// TCP connect.
    Connect,
    /// TLS handshake.
    Tls,
    /// Test message sent.
    Send,
    /// 2 s watch for reset or close.
    Watch,
    /// Bytes acknowledged.
    Acknowledge,
}

/// What a stage came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageReport {
    /// Which.
    pub stage: Stage,
    /// Passed?
    pub ok: bool,
    /// Stable (product section 9).
    pub code: &'static str,
    /// What was seen.
    pub message: String,
    /// What to do; empty when it passed.
    pub remedy: String,
    /// How long it took.
    pub took: Duration,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// All stages passed.
    pub ok: bool,
    /// The peer confirmed (never for UDP).
    pub confirmed: bool,
    /// The stored revision that was checked; `None` for a candidate.
    pub revision: Option<u64>,
    /// In order; ends with the first that failed.
    pub stages: Vec<StageReport>,
}
