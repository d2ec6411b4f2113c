//! The connection check: stages with time, stable code and remedy.

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::Clock;
use auditwire_model::connection::ConnectionSpec;
use auditwire_model::wire::RenderContext;
use tokio::time::Instant;

use super::DeliverySettings;
use super::failure::LinkFailure;
use super::guard::AddressGuard;
use super::resolve::resolve;
use super::tls::{PemBundle, PemError};

/// What a check needs to know beside the connection. Cheap to make.
#[derive(Debug, Clone)]
pub struct CheckContext {
    /// Where may be connected to.
    pub guard: AddressGuard,
    /// For the test message.
    pub render: RenderContext,
    /// For the test message and the validity of certificates.
    pub clock: Arc<dyn Clock>,
}

impl CheckContext {
    /// The product's rules.
    #[must_use]
    pub fn new(settings: &DeliverySettings, render: RenderContext, clock: Arc<dyn Clock>) -> Self {
        Self { guard: AddressGuard::new(settings), render, clock }
    }
}

/// Runs the check; never takes longer than 20 s. The report's `revision` is for the caller to fill in.
pub async fn run(context: &CheckContext, spec: &ConnectionSpec, pem: Option<&PemBundle>) -> CheckReport {
    let started = Instant::now();
    let _ = pem;
    let stage = match resolve(&spec.endpoint, &context.guard).await {
        Ok(_) => StageReport::passed(Stage::Address, started.elapsed(), "The address is allowed."),
        Err(failure) => StageReport::failed(Stage::Address, started.elapsed(), failure),
    };
    CheckReport { ok: stage.ok, confirmed: false, revision: None, stages: vec![stage] }
}

impl CheckReport {
    /// The report for a connection whose TLS key cannot be read: the check ends before it begins.
    #[must_use]
    pub fn of_pem_error(error: &PemError) -> Self {
        let mut failure = LinkFailure::new(error.code, error.message.clone());
        if failure.remedy.is_empty() {
            "Paste the TLS key again.".clone_into(&mut failure.remedy);
        }
        let stages = vec![StageReport::failed(Stage::Tls, Duration::ZERO, failure)];
        Self { ok: false, confirmed: false, revision: None, stages }
    }
}

impl StageReport {
    fn passed(stage: Stage, took: Duration, message: impl Into<String>) -> Self {
        Self { stage, ok: true, code: "ok", message: message.into(), remedy: String::new(), took }
    }

    fn failed(stage: Stage, took: Duration, failure: LinkFailure) -> Self {
        let LinkFailure { code, message, remedy } = failure;
        Self { stage, ok: false, code, message, remedy, took }
    }
}

impl Stage {
    /// The name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Watch => "watch",
            Self::Acknowledge => "acknowledge",
        }
    }
}

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
