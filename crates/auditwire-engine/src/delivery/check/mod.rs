//! The connection check: it does what a sender would do, once, and says stage by stage what happened, with a stable code
//! and a remedy (`docs/connection-check.md`).
//!
//! It uses the sender's own links, so a connection that passes can be sent to. What one link cannot tell (does this
//! port speak TLS? does the input want the other framing? does anybody read?) is asked on a second one ([`doubt`]).

mod course;
mod datagram;
mod doubt;
mod message;
mod stream;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use auditwire_model::Clock;
use auditwire_model::connection::{ConnectionSpec, Transport, Warning};
use auditwire_model::wire::RenderContext;
use serde::{Deserialize, Serialize};

use super::DeliverySettings;
use super::failure::LinkFailure;
use super::guard::AddressGuard;
use super::tls::{PemBundle, PemError};
use crate::tasks::{Task, Tasks};

use course::Course;

/// Longest message of a stage in bytes: what a peer says of itself (its certificate's names) is part of it.
const MESSAGE_MAX: usize = 4096;

/// Is told of each stage when it has ended; nothing is changed afterwards.
pub type Observer<'a> = &'a (dyn Fn(&StageReport) + Send + Sync);

/// Runs the check; never takes longer than 20 s. The report's `revision` is for the caller to fill in.
pub async fn run(
    context: &CheckContext,
    spec: &ConnectionSpec,
    pem: Option<&PemBundle>,
    observer: Observer<'_>,
) -> CheckReport {
    let subject = Subject { context, spec, pem };
    let mut course = Course::new(context.limits.total, observer);
    let stages = async {
        context.tasks.reach("check", &spec.name);
        // A stage that fails ends the course, which has recorded why.
        let _ = match spec.transport {
            Transport::Udp => Box::pin(datagram::run(subject, &mut course)).await,
            _ => Box::pin(stream::run(subject, &mut course)).await,
        };
    };
    if let Err(panicked) = context.tasks.caught(Task::Check, stages).await {
        course.broken_off(spec.transport, panicked);
    }
    course.report()
}

/// What is checked.
#[derive(Clone, Copy)]
struct Subject<'a> {
    context: &'a CheckContext,
    spec: &'a ConnectionSpec,
    pem: Option<&'a PemBundle>,
}

/// What a check needs to know beside the connection.
#[derive(Debug, Clone)]
pub struct CheckContext {
    /// Where may be connected to.
    pub guard: AddressGuard,
    /// For the test message.
    pub render: RenderContext,
    /// For the test message and the validity of certificates.
    pub clock: Arc<dyn Clock>,
    /// How long each stage may take.
    pub limits: CheckLimits,
    /// Under whose eyes it runs.
    pub tasks: Tasks,
}

impl CheckContext {
    /// The product's rules.
    #[must_use]
    pub fn new(settings: &DeliverySettings, render: RenderContext, clock: Arc<dyn Clock>) -> Self {
        let (limits, tasks) = (CheckLimits::default(), Tasks::default());
        Self { guard: AddressGuard::new(settings), render, clock, limits, tasks }
    }
}

/// How long each stage may take. The defaults are the product's; tests are in a hurry.
#[derive(Debug, Clone, Copy)]
pub struct CheckLimits {
    /// The whole check. Default 20 s.
    pub total: Duration,
    /// TCP connect, all addresses together. Default 5 s.
    pub connect: Duration,
    /// TLS handshake. Default 5 s.
    pub handshake: Duration,
    /// How long a new link is watched for an immediate end before the test message is sent. Default 250 ms.
    pub settle: Duration,
    /// How long the link is watched after the test message. Default 2 s.
    pub watch: Duration,
    /// How long the peer's kernel may take to acknowledge, and its input to take notice of our end. Default 2 s.
    pub acknowledge: Duration,
}

impl Default for CheckLimits {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(20),
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            settle: Duration::from_millis(250),
            watch: Duration::from_secs(2),
            acknowledge: Duration::from_secs(2),
        }
    }
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
    /// What the connection's receiver is known to read wrongly; no stage can see that.
    pub warnings: Vec<Warning>,
}

impl CheckReport {
    /// The report for a connection whose TLS key does not fit together (`key_mismatch`) or cannot be read: the check ends
    /// before it begins.
    #[must_use]
    pub fn of_pem_error(error: &PemError) -> Self {
        let mut failure = LinkFailure::new(error.code, error.message.clone());
        if failure.remedy.is_empty() {
            // A PEM that cannot be read has codes of its own, whose messages say what to do.
            "Correct the TLS key of this connection and save it again.".clone_into(&mut failure.remedy);
        }
        let stages = vec![StageReport::failed(Stage::Tls, Duration::ZERO, failure)];
        Self { ok: false, confirmed: false, revision: None, stages, warnings: Vec::new() }
    }

    /// The code of the stage that decided: the first that failed, else the last.
    #[must_use]
    pub fn code(&self) -> &str {
        self.stages.last().map_or("ok", |stage| &stage.code)
    }
}

/// What a stage came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageReport {
    /// Which.
    pub stage: Stage,
    /// Passed?
    pub ok: bool,
    /// Stable (product section 9). Owned only when it was read from what is stored.
    pub code: Cow<'static, str>,
    /// What was seen.
    pub message: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
    /// How long it took.
    pub took: Duration,
}

impl StageReport {
    fn passed(stage: Stage, took: Duration, message: String) -> Self {
        Self { stage, ok: true, code: "ok".into(), message: bounded(message), remedy: String::new(), took }
    }

    fn failed(stage: Stage, took: Duration, failure: LinkFailure) -> Self {
        let LinkFailure { code, message, remedy } = failure;
        Self { stage, ok: false, code: code.into(), message: bounded(message), remedy, took }
    }

    /// Passed, but with a code that says what could not be found out.
    fn doubtful(stage: Stage, took: Duration, doubt: LinkFailure) -> Self {
        Self { ok: true, ..Self::failed(stage, took, doubt) }
    }
}

fn bounded(mut message: String) -> String {
    if message.len() > MESSAGE_MAX {
        message.truncate(message.floor_char_boundary(MESSAGE_MAX));
        message.push('…');
    }
    message
}

/// A stage of the check, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    /// Watch for reset or close.
    Watch,
    /// Bytes acknowledged, and read.
    Acknowledge,
}

impl Stage {
    /// All stages that the check of such a connection goes through when none fails, in order.
    #[must_use]
    pub fn all_of(transport: Transport) -> Vec<Self> {
        let tls = matches!(transport, Transport::Tls | Transport::RelpTls);
        let all = [Self::Address, Self::Resolve, Self::Connect, Self::Tls, Self::Send, Self::Watch, Self::Acknowledge];
        all.into_iter().filter(|stage| tls || *stage != Self::Tls).collect()
    }

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

#[cfg(test)]
mod tests;
