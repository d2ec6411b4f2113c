//! For those who run the service: alive, ready, metrics. The first two tell nothing of projects and ask for no token.

use auditwire_model::access::{Caller, Decision, Right, allows};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use auditwire_engine::delivery::Status;
use auditwire_engine::{Engine, connections, projects};

use crate::App;
use crate::api::{Auth, Problem, ProblemBody, Result};

/// Alive
///
/// 200 as long as the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "alive\n"
}

/// Ready
///
/// 200 when intake and search are served; 503 while draining or when the store fails.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    security(()),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(State(app): State<App>) -> Result<&'static str> {
    let not_ready = |code, detail: &str| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(std::time::Duration::from_secs(5))
    };
    if app.is_draining() {
        return Err(not_ready("closing", "the service is shutting down"));
    }
    match app.engine().store.stats().await {
        Ok(_) => Ok("ready\n"),
        Err(error) => {
            tracing::warn!(%error, "the store does not answer");
            Err(not_ready("store_unavailable", "the store does not answer"))
        }
    }
}

/// Metrics
///
/// OpenMetrics text. Needs a token with scope `metrics`, or the operator's; a project's token sees its own project.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses(
        (status = 200, body = String, content_type = "application/openmetrics-text"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(State(app): State<App>, auth: Auth) -> Result<Response> {
    if allows(&auth.caller, Right::Metrics) != Decision::Allowed {
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "metrics need a token with scope metrics"));
    }
    let live = snapshot(&app, &auth.caller).await?;
    let mut text = String::new();
    let written = encode_registry(&mut text, app.metrics().registry())
        .and_then(|()| encode_registry(&mut text, &live))
        .and_then(|()| encode_eof(&mut text));
    written
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the metrics could not be written"))?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabel {
    part: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProjectLabel {
    project: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabels {
    project: String,
    connection: String,
}

type Gauges<L> = Family<L, Gauge>;

/// What is read from the engine when asked, rather than counted all the time.
async fn snapshot(app: &App, caller: &Caller) -> Result<Registry> {
    let engine = app.engine();
    let mut registry = Registry::with_prefix("auditwire");
    let store = register::<PartLabel>(&mut registry, "store_bytes", "Size of the store's files");
    if let Ok(stats) = engine.store.stats().await {
        set(&store, PartLabel { part: "data" }, stats.data_bytes);
        set(&store, PartLabel { part: "wal" }, stats.wal_bytes);
    }
    let bodies = Gauge::<i64, std::sync::atomic::AtomicI64>::default();
    registry.register("http_body_bytes_in_flight", "Bytes of request bodies in memory", bodies.clone());
    bodies.set(i64::try_from(app.bodies().used()).unwrap_or(i64::MAX));
    let head = register::<ProjectLabel>(&mut registry, "log_head", "Last committed position");
    let delivery = Delivery::register(&mut registry);
    let own = if let Caller::Token { project, .. } = caller { Some(project) } else { None };
    for project in projects::list(engine, &Caller::Service).await? {
        if own.is_none_or(|own| *own == project.id) {
            set(&head, ProjectLabel { project: project.id.to_string() }, engine.log.head(&project.id).0);
            delivery.read(engine, &project.id).await?;
        }
    }
    Ok(registry)
}

fn register<L>(registry: &mut Registry, name: &str, help: &str) -> Gauges<L>
where
    L: std::fmt::Debug + Clone + Eq + std::hash::Hash + EncodeLabelSet + Send + Sync + 'static,
{
    let family = Gauges::<L>::default();
    registry.register(name, help, family.clone());
    family
}

fn set<L: Clone + Eq + std::hash::Hash>(family: &Gauges<L>, labels: L, value: u64) {
    family.get_or_create(&labels).set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// The state of every connection. Counts are gauges here, because they are read and not counted; they never decrease.
struct Delivery {
    status: Gauges<ConnectionLabels>,
    cursor: Gauges<ConnectionLabels>,
    backlog: Gauges<ConnectionLabels>,
    sent: Gauges<ConnectionLabels>,
    resent: Gauges<ConnectionLabels>,
    filtered: Gauges<ConnectionLabels>,
    quarantined: Gauges<ConnectionLabels>,
    reconnects: Gauges<ConnectionLabels>,
}

impl Delivery {
    fn register(to: &mut Registry) -> Self {
        Self {
            status: register(to, "delivery_status", "0 inactive, 1 active, 2 degraded, 3 failing"),
            cursor: register(to, "delivery_cursor", "Every event up to here is settled"),
            backlog: register(to, "delivery_backlog_events", "Events after the cursor, before the filter"),
            sent: register(to, "delivery_sent_events", "First sendings since the connection was created"),
            resent: register(to, "delivery_resent_events", "Repeated sendings"),
            filtered: register(to, "delivery_filtered_events", "Kept back by the filter"),
            quarantined: register(to, "delivery_quarantined_events", "Set aside"),
            reconnects: register(to, "delivery_reconnects", "Times a link was made anew"),
        }
    }

    async fn read(&self, engine: &Engine, project: &auditwire_model::ProjectId) -> Result<()> {
        for view in connections::list(engine, &Caller::Service, project).await? {
            let labels = ConnectionLabels { project: project.to_string(), connection: view.stored.id.to_string() };
            let status = match view.status {
                Status::Inactive => 0,
                Status::Active => 1,
                Status::Degraded => 2,
                Status::Failing => 3,
            };
            let state = view.delivery;
            let values = [
                (&self.status, status),
                (&self.cursor, state.cursor.0),
                (&self.backlog, state.backlog),
                (&self.sent, state.sent),
                (&self.resent, state.resent),
                (&self.filtered, state.filtered),
                (&self.quarantined, state.quarantined),
                (&self.reconnects, state.reconnects),
            ];
            for (family, value) in values {
                set(family, labels.clone(), value);
            }
        }
        Ok(())
    }
}
