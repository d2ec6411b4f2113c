//! The metrics that are read from the engine when someone asks.

use std::result::Result as StdResult;

use auditwire_engine::Denied;
use auditwire_engine::alerts::webhook::{self, CallCounts};
use auditwire_engine::alerts::{self, AlertKind};
use auditwire_engine::delivery::Status;
use auditwire_engine::log::{COMMIT_BUCKETS, LogStats, QuotaUses};
use auditwire_engine::readiness::{Readiness, Trouble};
use auditwire_engine::tasks::{Fate, Task, Tasks};
use auditwire_engine::{Engine, connections, projects};
use auditwire_model::access::Caller;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::App;
use crate::api::Result;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProjectLabel {
    project: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabels {
    project: String,
    connection: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlertLabels {
    project: String,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabel {
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabel {
    task: &'static str,
}

type Gauges<L> = Family<L, Gauge>;

fn bodies(registry: &mut Registry, app: &App) {
    let in_flight = register::<ClassLabel>(registry, "http_body_bytes_in_flight", "Bytes of request bodies in memory");
    let bodies = app.bodies();
    for (class, budget) in
        [("intake", &bodies.intake), ("management", &bodies.management), ("anonymous", &bodies.anonymous)]
    {
        in_flight.get_or_create(&ClassLabel { class }).set(i64::try_from(budget.used()).unwrap_or(i64::MAX));
    }
}

/// What is read from the engine when asked, rather than counted here all the time. A project's token sees its project only.
pub(super) async fn take(app: &App, caller: &Caller) -> Result<Registry> {
    let engine = app.engine();
    let mut registry = Registry::with_prefix("auditwire");
    // A store that fails must not hide the other metrics: they are needed most then.
    if let Ok(stats) = engine.log.stats().await {
        log(&mut registry, &stats);
    }
    webhooks(&mut registry, webhook::call_counts(engine));
    refusals(&mut registry, auditwire_engine::denied(engine));
    bodies(&mut registry, app);
    super::process::ours(&mut registry, app.log_counts());
    tasks(&mut registry, engine.tasks());
    troubles(&mut registry, engine.readiness());
    let head = register::<ProjectLabel>(&mut registry, "log_head", "Last committed position");
    let quotas = Quotas::register(&mut registry);
    let delivery = Delivery::register(&mut registry);
    let own = if let Caller::Token { project, .. } = caller { Some(project) } else { None };
    for project in projects::list(engine, &Caller::Service).await? {
        if own.is_none_or(|own| *own == project.id) {
            set(&head, ProjectLabel { project: project.id.to_string() }, engine.log.head(&project.id).0);
            quotas.read(engine, &project.id);
            delivery.read(engine, &project.id).await?;
        }
    }
    Ok(registry)
}

/// Requests that were refused, over all projects.
fn refusals(registry: &mut Registry, denied: Denied) {
    let refused = Family::<ResultLabel, Counter>::default();
    for (result, n) in [("forbidden", denied.forbidden), ("hidden", denied.hidden)] {
        refused.get_or_create(&ResultLabel { result }).inc_by(n);
    }
    registry.register(
        "access_refused",
        "Requests with a valid token that were refused: a right was missing, or the project was another one than the token's",
        refused,
    );
}

/// The calls of webhooks, over all projects.
fn webhooks(registry: &mut Registry, counts: CallCounts) {
    let CallCounts { taken, failed } = counts;
    let calls = Family::<ResultLabel, Counter>::default();
    for (result, n) in [("taken", taken), ("failed", failed)] {
        calls.get_or_create(&ResultLabel { result }).inc_by(n);
    }
    registry.register(
        "webhook_calls",
        "Calls of webhooks of alerts by what became of them; each attempt counts",
        calls,
    );
}

/// How the tasks fared that run beside requests; one that panicked met a defect.
fn tasks(registry: &mut Registry, tasks: &Tasks) {
    let (panics, restarts) = (Family::<TaskLabel, Counter>::default(), Family::<TaskLabel, Counter>::default());
    for task in Task::ALL {
        let (panicked, restarted) = tasks.counts(task);
        panics.get_or_create(&TaskLabel { task: task.name() }).inc_by(panicked);
        if task.fate() == Fate::Restarted {
            restarts.get_or_create(&TaskLabel { task: task.name() }).inc_by(restarted);
        }
    }
    registry.register("task_panics", "Panics by the task that they ended, each a defect", panics);
    registry.register("task_restarts", "Times that a task was begun anew after a panic", restarts);
}

/// What is wrong with the service itself.
fn troubles(registry: &mut Registry, readiness: &Readiness) {
    let stand = register::<CodeLabel>(registry, "trouble", "1 while it stands; docs/operations.md says what to do");
    for trouble in Trouble::ALL {
        set(&stand, CodeLabel { code: trouble.code() }, 0);
    }
    for (trouble, _) in readiness.standing() {
        set(&stand, CodeLabel { code: trouble.code() }, 1);
    }
}

/// The log's counters and sizes, over all projects.
fn log(registry: &mut Registry, stats: &LogStats) {
    let counters = [
        ("log_events", "Events committed", stats.events),
        ("log_groups", "Groups committed; each was one sync", stats.groups),
        ("log_syncs", "Times that data was forced to the disk", stats.syncs),
        ("log_duplicates", "Recognised duplicates", stats.duplicates),
        ("log_storage_full", "Submissions that failed because the disk was full", stats.storage_full),
        ("log_overloaded", "Submissions refused because too much was queued", stats.overloaded),
        ("seal_segments_made", "Segments made of fresh events", stats.seal.seals),
        ("seal_events", "Events sealed", stats.seal.sealed_rows),
        ("seal_merges", "Segments made of other segments", stats.seal.merges),
        ("seal_merged_events", "Events in those", stats.seal.merged_rows),
        ("seal_failures", "Attempts to seal, merge or expire that failed", stats.seal.failures),
        ("retention_expired_events", "Events that ended by retention", stats.seal.expired_rows),
        ("log_rows_read", "Rows that searches and senders looked at", stats.scans.rows_read),
        ("log_row_groups_read", "Row groups of segments that something was read of", stats.scans.row_groups_read),
        ("log_pages_read", "Pages, dictionaries and filters read from segments", stats.scans.pages_read),
        ("log_bytes_read", "Bytes read for searches and senders", stats.scans.bytes_read),
    ];
    for (name, help, value) in counters {
        registry.register(name, help, ConstCounter::new(value));
    }
    let gauges = [
        ("log_queue_bytes", "Submitted but not yet committed", stats.queue_bytes),
        ("log_tail_bytes", "Committed events in memory", stats.tail_bytes),
        ("log_duplicate_ids", "Ids in memory", stats.duplicate_ids),
        ("store_wal_bytes", "Size of the write-ahead log", stats.wal_bytes),
        ("store_data_bytes", "Size of the data file", stats.data_bytes),
        ("store_free_bytes", "Part of the data file that holds nothing", stats.free_bytes),
        ("log_fresh_events", "Events that are not sealed", stats.seal.fresh),
        ("segments", "Files of sealed events", stats.seal.segments),
        ("segment_bytes", "Size of those files", stats.seal.bytes),
        ("segment_events", "Kept events in those files", stats.seal.rows),
        ("seal_failing", "1 while the last attempt to seal, merge or expire failed", u64::from(stats.seal.failing)),
        ("disk_total_bytes", "Size of the volume of the data directory", stats.space.total),
        (
            "clock_ahead_seconds",
            "How far the newest event is ahead of the clock; 0 up to a minute",
            stats.clock_ahead.as_secs(),
        ),
        ("disk_free_bytes", "Bytes of it that may still be written", stats.space.free),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
    }
    for (name, help, time) in [
        ("seal_seconds", "Time spent making segments of fresh events", stats.seal.seal_time),
        ("seal_merge_seconds", "Time spent making segments of other segments", stats.seal.merge_time),
    ] {
        registry.register(name, help, ConstCounter::new(time.as_secs_f64()));
    }
    registry.register("log_commit_seconds", "Time of a commit", CommitTimes(*stats));
}

/// The log counts commits in buckets of its own; this only writes them down.
#[derive(Debug)]
struct CommitTimes(LogStats);

impl EncodeMetric for CommitTimes {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> StdResult<(), std::fmt::Error> {
        let Self(stats) = self;
        let (mut buckets, mut before) = (Vec::new(), 0);
        for (end, up_to) in COMMIT_BUCKETS.into_iter().zip(stats.commit_buckets) {
            buckets.push((end, up_to.saturating_sub(before)));
            before = up_to;
        }
        buckets.push((f64::INFINITY, stats.commits.saturating_sub(before)));
        encoder.encode_histogram::<NoLabelSet>(stats.commit_time.as_secs_f64(), stats.commits, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
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

/// What projects use of their quotas; projects without a quota are left out.
struct Quotas {
    day: Gauges<ProjectLabel>,
    stored: Gauges<ProjectLabel>,
    refused: Gauges<ProjectLabel>,
}

impl Quotas {
    fn register(to: &mut Registry) -> Self {
        Self {
            day: register(to, "quota_day_bytes", "Bytes of events sent within a day, while there is a quota of them"),
            stored: register(to, "quota_stored_bytes", "Bytes on disk, while there is a quota of them"),
            refused: register(
                to,
                "quota_refused_batches",
                "Batches refused since the start because a quota was used up",
            ),
        }
    }

    fn read(&self, engine: &Engine, project: &auditwire_model::ProjectId) {
        let QuotaUses { day, stored, refused } = engine.log.quota_uses(project);
        let label = || ProjectLabel { project: project.to_string() };
        for (family, quota) in [(&self.day, day), (&self.stored, stored)] {
            if let Some(quota) = quota {
                set(family, label(), quota.used);
                set(&self.refused, label(), refused);
            }
        }
    }
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
    acknowledged: Gauges<ConnectionLabels>,
    oldest: Gauges<ConnectionLabels>,
    alerts: Gauges<AlertLabels>,
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
            acknowledged: register(to, "delivery_acknowledged", "Last acknowledged position"),
            oldest: register(
                to,
                "delivery_oldest_unacknowledged_seconds",
                "Age of the oldest event that is not settled",
            ),
            alerts: register(to, "delivery_alerts", "Alerts that stand"),
        }
    }

    async fn read(&self, engine: &Engine, project: &auditwire_model::ProjectId) -> Result<()> {
        for kind in AlertKind::all() {
            let labels = AlertLabels { project: project.to_string(), kind: kind.as_str() };
            set(&self.alerts, labels, 0);
        }
        for alert in alerts::list(engine, &Caller::Service, project).await? {
            let labels = AlertLabels { project: project.to_string(), kind: alert.kind.as_str() };
            self.alerts.get_or_create(&labels).inc();
        }
        let now = engine.clock.now();
        for view in connections::list(engine, &Caller::Service, project).await? {
            let labels = ConnectionLabels { project: project.to_string(), connection: view.stored.id.to_string() };
            let status = match view.status {
                Status::Inactive => 0,
                Status::Active => 1,
                Status::Degraded => 2,
                Status::Failing => 3,
            };
            let state = view.delivery;
            let age = state.oldest_unacknowledged_at.map_or(0, |oldest| now.since(oldest).as_secs());
            let values = [
                (&self.status, status),
                (&self.cursor, state.cursor.0),
                (&self.backlog, state.backlog),
                (&self.sent, state.sent),
                (&self.resent, state.resent),
                (&self.filtered, state.filtered),
                (&self.quarantined, state.quarantined),
                (&self.reconnects, state.reconnects),
                (&self.acknowledged, state.acknowledged.0),
                (&self.oldest, age),
            ];
            for (family, value) in values {
                set(family, labels.clone(), value);
            }
        }
        Ok(())
    }
}
