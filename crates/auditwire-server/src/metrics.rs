//! Counters of this crate. Labels are few and bounded: routes, methods, statuses, codes; never what a client chose.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// All of them. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabel, Histogram, fn() -> Histogram>,
    connections: Gauge,
    connections_closed: Family<ReasonLabel, Counter>,
    events: Family<ResultLabel, Counter>,
    body_bytes: Counter,
    refused_tokens: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// Counts one open connection until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0])
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("auditwire");
        let requests = Family::default();
        registry.register("http_requests", "Answered requests", Clone::clone(&requests));
        let seconds: Family<RouteLabel, Histogram, fn() -> Histogram> = Family::new_with_constructor(seconds);
        registry.register("http_request_seconds", "Time from a request's head to its answer's head", seconds.clone());
        let connections = Gauge::<i64, AtomicI64>::default();
        registry.register("http_connections", "Open connections to our listener", connections.clone());
        let connections_closed = Family::default();
        let help = "Connections that a limit ended: no_request, handshake, newcomer (time is over), crowded_out (for another one)";
        registry.register("http_connections_closed", help, Clone::clone(&connections_closed));
        let events = Family::default();
        registry.register("intake_events", "Events by what became of them", Clone::clone(&events));
        let body_bytes = Counter::<u64, AtomicU64>::default();
        registry.register("intake_body_bytes", "Bytes of events bodies after decompression", body_bytes.clone());
        let refused_tokens = Counter::<u64, AtomicU64>::default();
        registry.register("refused_tokens", "Requests with a token that is not valid", refused_tokens.clone());
        Self {
            registry: Arc::new(registry),
            requests,
            seconds,
            connections,
            connections_closed,
            events,
            body_bytes,
            refused_tokens,
        }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    /// A limit ended a connection.
    pub(crate) fn closed(&self, reason: &'static str) {
        self.connections_closed.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn answered(&self, route: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let route = route.unwrap_or("other").to_owned();
        let labels = RequestLabels { route: route.clone(), method: method_label(method), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&RouteLabel { route }).observe(took.as_secs_f64());
    }

    pub(crate) fn taken(&self, accepted: u64, duplicates: u64, rejected: u64, body_bytes: u64) {
        for (result, n) in [("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)] {
            self.events.get_or_create(&ResultLabel { result }).inc_by(n);
        }
        self.body_bytes.inc_by(body_bytes);
    }

    pub(crate) fn refused_token(&self) {
        self.refused_tokens.inc();
    }
}

/// A client may invent methods; labels may not grow by that.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "other",
    }
}
