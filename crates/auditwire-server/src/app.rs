//! What handlers share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auditwire_engine::Engine;
use tokio_util::sync::CancellationToken;

use crate::answer::Answers;
use crate::api::Bodies;
use crate::client::{ClientRules, Places};
use crate::listen::{HttpLimits, ServerSettings};
use crate::metrics::Metrics;
use crate::operations::LogCounts;
use crate::transport::AccessLog;

/// The HTTP service without its socket. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Engine,
    limits: HttpLimits,
    local: SocketAddr,
    clients: ClientRules,
    bodies: Bodies,
    places: Places,
    answers: Answers,
    metrics: Metrics,
    keys_beside_data: bool,
    access: AccessLog,
    log_counts: Option<Arc<dyn LogCounts>>,
    draining: AtomicBool,
    streams_end: CancellationToken,
}

impl App {
    /// Answers with this engine; `local` is the address we listen on.
    #[must_use]
    pub fn new(engine: Engine, settings: &ServerSettings, local: SocketAddr) -> Self {
        engine.speak_http(Arc::new(crate::webhook::Http { origin: settings.public_origin(local) }));
        Self(Arc::new(Shared {
            engine,
            local,
            clients: ClientRules::new(settings, local),
            bodies: Bodies::new(&settings.limits),
            places: Places::new(&settings.limits),
            answers: Answers::default(),
            metrics: Metrics::new(),
            limits: settings.limits.clone(),
            keys_beside_data: settings.keys_beside_data,
            access: AccessLog::new(settings.access),
            log_counts: settings.log_counts.clone(),
            draining: AtomicBool::new(false),
            streams_end: CancellationToken::new(),
        }))
    }

    /// From now on intake answers 503 `closing`, `/readyz` 503, and live streams end.
    pub fn begin_drain(&self) {
        self.0.draining.store(true, Ordering::Release);
        self.0.streams_end.cancel();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Cancelled when live streams shall end.
    pub(crate) fn streams_end(&self) -> &CancellationToken {
        &self.0.streams_end
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn limits(&self) -> &HttpLimits {
        &self.0.limits
    }

    /// True when the keys lie beside the data, which the console says (product section 10).
    pub(crate) fn keys_beside_data(&self) -> bool {
        self.0.keys_beside_data
    }

    /// Which requests have a line in the log.
    pub(crate) fn access(&self) -> &AccessLog {
        &self.0.access
    }

    /// What the log lost, if somebody counts.
    pub(crate) fn log_counts(&self) -> Option<&dyn LogCounts> {
        self.0.log_counts.as_deref()
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.0.local
    }

    pub(crate) fn clients(&self) -> &ClientRules {
        &self.0.clients
    }

    pub(crate) fn bodies(&self) -> &Bodies {
        &self.0.bodies
    }

    /// Requests under way.
    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }

    /// Long answers under way.
    pub(crate) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}
