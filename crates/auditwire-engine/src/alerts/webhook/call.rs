//! One call, stage by stage: the address is judged, the name resolved, the very address of the connect judged again, TLS, then the
//! request. No redirect is followed. All of it within ten seconds.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auditwire_model::connection::{Host, TlsSpec};
use auditwire_model::{Clock, ConnectionId, ProjectId, Timestamp};
use aws_lc_rs::hmac;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::remedy::at_webhook;
use crate::delivery::failure::LinkFailure;
use crate::delivery::guard::AddressGuard;
use crate::delivery::resolve::resolve;
use crate::delivery::tls::{PemBundle, TlsTarget};
use crate::secrets::Secret;
use crate::tasks::{Task, Tasks};

/// The whole call (product section 10).
const LIMIT: Duration = Duration::from_secs(10);
/// The stages in order.
const STAGES: [&str; 5] = ["address", "resolve", "connect", "tls", "answer"];
/// Codes beside those of links.
pub const CODES: [&str; 4] = ["webhook_redirected", "webhook_refused", "webhook_timeout", "webhook_broken"];

/// A connection on which HTTP is spoken.
pub trait Line: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

/// Speaks HTTP/1.1, which the engine does not.
pub trait Post: fmt::Debug + Send + Sync {
    /// Sends one request over a connection that is made and encrypted already. The answer's status, or why there is none. The caller
    /// limits the time; redirects are answers like any other.
    fn post(&self, line: Box<dyn Line>, request: PostRequest) -> BoxFuture<'static, Result<u16, String>>;

    /// Where people see a connection; `None` when it is not known under which name they reach us.
    fn connection_page(&self, project: &ProjectId, connection: &ConnectionId) -> Option<String>;
}

/// A request to be sent as it is.
#[derive(Debug, Clone)]
pub struct PostRequest {
    /// The `Host` header.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallReport {
    /// The receiver took it.
    pub ok: bool,
    /// In order; ends with the first that failed.
    pub stages: Vec<CallStage>,
}

/// What a stage came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallStage {
    /// `address`, `resolve`, `connect`, `tls` or `answer`.
    pub stage: &'static str,
    /// Passed?
    pub ok: bool,
    /// `ok`, a check code, or one of [`CODES`].
    pub code: &'static str,
    /// What was seen.
    pub message: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
    /// How long it took.
    pub took: Duration,
}

impl CallReport {
    /// The stage that decided.
    #[must_use]
    pub fn last(&self) -> (&'static str, &str) {
        self.stages.last().map_or(("ok", ""), |stage| (stage.code, stage.message.as_str()))
    }
}

/// What a call needs to know.
pub(super) struct Call<'a> {
    pub(super) address: Address,
    pub(super) pem: Option<PemBundle>,
    pub(super) secret: &'a Secret,
    pub(super) guard: AddressGuard,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) http: Arc<dyn Post>,
    pub(super) tasks: &'a Tasks,
}

impl Call<'_> {
    /// Makes the call.
    pub(super) async fn make(&self, id: &str, body: &str) -> CallReport {
        let mut course = Course { stages: Vec::new(), began: Instant::now() };
        let run = self.tasks.caught(Task::Webhooks, Box::pin(self.run(&mut course, id, body)));
        let failure = match timeout(LIMIT, run).await {
            Ok(Ok(Ok(()))) => return CallReport { ok: true, stages: course.stages },
            Ok(Ok(Err(failure))) => failure,
            // An attempt like any other: what is called again at once would meet it again at once.
            Ok(Err(panicked)) => LinkFailure::of_defect(panicked),
            Err(_) => own(
                "webhook_timeout",
                "There was no answer within 10 s.",
                "Answer at once, and do the work afterwards.",
            ),
        };
        course.failed(at_webhook(failure));
        CallReport { ok: false, stages: course.stages }
    }

    async fn run(&self, course: &mut Course, id: &str, body: &str) -> Result<(), LinkFailure> {
        let endpoint = &self.address.endpoint;
        self.tasks.reach("webhook", body);
        if let Host::Address(ip) = &endpoint.host {
            self.guard.demand(SocketAddr::new(*ip, endpoint.port))?;
        }
        course.passed("It may be called from here.");
        let addresses = resolve(endpoint, &self.guard).await?;
        course.passed("The name is known.");
        let tcp = self.connect(&addresses).await?;
        course.passed("The host accepts connections on this port.");
        let tls = TlsSpec::default();
        let target = TlsTarget::to(&endpoint.host, &tls, self.pem.as_ref(), self.clock)?;
        let secured = TlsConnector::from(Arc::clone(&target.config)).connect(target.server_name.clone(), tcp).await;
        let secured = secured.map_err(|error| LinkFailure::from_io(&error))?;
        course.passed("The certificate was verified.");
        let request = self.request(id, body);
        let status = self.http.post(Box::new(secured), request).await.map_err(|why| {
            own(
                "webhook_broken",
                format!("There was no answer: {why}."),
                "See whether this is an HTTP/1.1 server, and its log.",
            )
        })?;
        judge(status)?;
        course.passed(format!("The receiver answered {status}."));
        Ok(())
    }

    /// Connects to the first address that answers; each is judged right before.
    async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, LinkFailure> {
        let share = LIMIT / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut failure = LinkFailure::from_connect(&std::io::ErrorKind::TimedOut.into());
        for &address in addresses {
            self.guard.demand(address)?;
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = LinkFailure::from_connect(&error),
                Err(_) => {}
            }
        }
        Err(failure)
    }

    fn request(&self, id: &str, body: &str) -> PostRequest {
        let Address { host, path, .. } = &self.address;
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", concat!("auditwire/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("auditwire-delivery", id.to_owned()),
            ("auditwire-signature", signature(self.secret, self.clock.now(), body)),
        ];
        PostRequest { host: host.clone(), path: path.clone(), headers, body: body.to_owned() }
    }
}

/// `t=<seconds since 1970>,v1=<hex of HMAC-SHA-256 over "t.body">`: the time is signed, too, so that a receiver can refuse what was
/// recorded and is played again.
fn signature(secret: &Secret, now: Timestamp, body: &str) -> String {
    let t = now.as_nanos() / 1_000_000_000;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    let tag = hmac::sign(&key, format!("{t}.{body}").as_bytes());
    format!("t={t},v1={}", hex::encode(tag.as_ref()))
}

fn judge(status: u16) -> Result<(), LinkFailure> {
    match status {
        200..=299 => Ok(()),
        300..=399 => Err(own(
            "webhook_redirected",
            format!("The receiver answered {status} and points elsewhere."),
            "Redirects are not followed: set the webhook's address to where they lead.",
        )),
        _ => Err(own(
            "webhook_refused",
            format!("The receiver answered {status}."),
            "See the receiver's log. It must answer 200 to 299; does it verify the signature with the present secret?",
        )),
    }
}

fn own(code: &'static str, message: impl Into<String>, remedy: &str) -> LinkFailure {
    LinkFailure { code, message: message.into(), remedy: remedy.to_owned() }
}

/// The stages so far.
struct Course {
    stages: Vec<CallStage>,
    began: Instant,
}

impl Course {
    fn passed(&mut self, message: impl Into<String>) {
        self.end(true, LinkFailure { code: "ok", message: message.into(), remedy: String::new() });
    }

    fn failed(&mut self, failure: LinkFailure) {
        self.end(false, failure);
    }

    fn end(&mut self, ok: bool, told: LinkFailure) {
        let stage = STAGES.get(self.stages.len()).copied().unwrap_or("answer");
        let LinkFailure { code, message, remedy } = told;
        let took = self.began.elapsed();
        self.began = Instant::now();
        self.stages.push(CallStage { stage, ok, code, message, remedy, took });
    }
}

/// What a call to this address comes to, for the test of the guard.
#[cfg(test)]
pub(crate) async fn called(guard: AddressGuard, address: SocketAddr) -> &'static str {
    /// Never gets as far as HTTP.
    #[derive(Debug)]
    struct Mute;
    impl Post for Mute {
        fn post(&self, _: Box<dyn Line>, _: PostRequest) -> BoxFuture<'static, Result<u16, String>> {
            Box::pin(async { Err("mute".to_owned()) })
        }

        fn connection_page(&self, _: &ProjectId, _: &ConnectionId) -> Option<String> {
            None
        }
    }
    let now = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    let clock: Arc<dyn Clock> = Arc::new(auditwire_model::clock::ManualClock::new(now));
    let address = Address::parse(&format!("https://{address}/")).unwrap();
    let secret = Secret::new(b"signs".to_vec());
    let (http, tasks) = (Arc::new(Mute), Tasks::default());
    let call = Call { address, pem: None, secret: &secret, guard, clock: &clock, http, tasks: &tasks };
    call.make("w-1", "{}").await.last().0
}
