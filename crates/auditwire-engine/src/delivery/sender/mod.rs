//! One task per active connection: makes links, drives them, waits between them, for ever, until it is told to stop or
//! another epoch has begun.

mod connect;
mod drive;
mod feed;
pub(super) mod fresh;
mod ledger;
mod overlap;
mod path;
mod progress;
mod quarantine;
mod replay_book;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::connection::{ConnectionSpec, Transport};
use auditwire_model::event::{Columns, columns};
use auditwire_model::query::{Expr, Field, Op, Value};
use auditwire_model::wire::RenderContext;
use auditwire_model::{Position, ProjectId, Timestamp};
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Context;
use super::backoff::Backoff;
use super::failure::LinkFailure;
use super::live::Live;
use super::message::Messages;
use super::streams::Streams;
use super::window::{Limits, OVERLAP_MIN};
use crate::audit;
use crate::error::Result;
use crate::log::Scan;
use crate::records::{Cursor, Fresh, Replay, StoredConnection, both};
use crate::store::Order;
use connect::Connector;
use drive::{Drive, End};
use feed::{Feed, Part, Selection};
use ledger::{Book, Ledger, Stored};
use progress::Progress;

/// Most messages and runs in flight on one link.
const ENTRIES_MAX: usize = 16 << 10;
/// Most messages without an answer in one RELP session. librelp's own clients keep 128; more keep a long path busy.
const RELP_ENTRIES_MAX: usize = 4096;
/// Most bytes in flight on one link, beyond what the kernel holds: they are counted until they are acknowledged.
const BYTES_MAX: u64 = 4 << 20;
/// Most bytes sent again after a break, unless the connection says otherwise.
pub(crate) const OVERLAP_MAX: u64 = 32 << 20;
/// A link that lived so long ends a row of failures.
const WORKED: Duration = Duration::from_secs(2);
/// How often the end of a replay is sent at most when nothing proves that it was read.
const PASSES: u32 = 2;
/// For the peer's FIN after ours.
const FIN_LIMIT: Duration = Duration::from_secs(5);
/// How long a UDP datagram may still be answered by "port unreachable" before it counts as settled.
const UDP_SETTLE: Duration = Duration::from_secs(1);
/// Pace of UDP without a limit, in events per second.
pub(crate) const UDP_RATE: u32 = 5000;
/// Datagrams at once.
const UDP_BURST: u32 = 32;

/// What a sender sends.
#[derive(Debug)]
pub(crate) enum Course {
    /// Everything behind the connection's cursor: for ever, or until where the second stream begins.
    Live {
        /// Last position.
        until: Option<Position>,
        /// Shared with the second stream.
        streams: Arc<Streams>,
    },
    /// The second stream of a connection that wants fresh events first.
    Fresh(Box<Fresh>, Arc<Streams>),
    /// A part of the log again, to its end; the events in order where they are chosen one by one.
    Replay(Box<Replay>, Option<Vec<Position>>),
}

/// What a sender is made of.
#[derive(Debug)]
pub(crate) struct Job {
    /// Store, log, clock and settings.
    pub(crate) context: Context,
    /// Whose events.
    pub(crate) project: ProjectId,
    /// Where to.
    pub(crate) connection: StoredConnection,
    /// The version of the `ActiveConnection` record that made it active.
    pub(crate) epoch: u64,
    /// Where from.
    pub(crate) cursor: Cursor,
    /// The version of the record that the cursor was read from; 0 when there is none.
    pub(crate) cursor_version: u64,
    /// When the connection's last step was written; long ago when there is none.
    pub(crate) last_step_at: Timestamp,
    /// Where it shows itself.
    pub(crate) live: Arc<Live>,
    /// What it sends.
    pub(crate) course: Course,
}

impl Job {
    /// Events per second; `None` = as fast as the peer takes them.
    fn rate_limit(&self) -> Option<u32> {
        match &self.course {
            Course::Live { until: None, .. } => self.connection.spec.rate_limit,
            // The limit is the connection's: each of two streams has half.
            Course::Live { .. } => self.connection.spec.rate_limit.map(|limit| (limit / 2).max(1)),
            Course::Fresh(..) => self.connection.spec.rate_limit.map(|limit| limit.div_ceil(2)),
            Course::Replay(replay, _) => Some(replay.rate),
        }
    }

    /// Last position that is sent; `None`: it has no end.
    fn last(&self) -> Option<Position> {
        match &self.course {
            Course::Live { until, .. } => *until,
            Course::Fresh(..) => None,
            Course::Replay(replay, _) => Some(replay.last),
        }
    }

    /// It sends again what was sent before.
    fn is_replay(&self) -> bool {
        matches!(self.course, Course::Replay(..))
    }
}

/// Sends until `stop` is true (then gracefully, within about 15 s) or another epoch has begun.
pub(crate) async fn run(job: Job, mut stop: watch::Receiver<bool>) {
    let selection = match selection(&job) {
        Ok(selection) => selection,
        Err(error) => {
            // Nobody may guess which events were meant: nothing is sent or skipped until the next revision.
            tracing::error!(connection = %job.connection.id, code = error.code, "{}", error.detail);
            job.live.link_down(&unusable(error.code, error.detail), job.context.clock.now());
            return stopped(&mut stop).await;
        }
    };
    let mut sender = Sender::new(job, selection);
    if sender.links(&mut stop).await == Over::Fenced {
        return;
    }
    sender.ledger.over();
    let stored = if sender.is_over() {
        sender.ledger.end(&sender.progress.at_end()).await
    } else {
        sender.ledger.store(&sender.progress.to_store()).await
    };
    if stored != Stored::Done {
        tracing::warn!(connection = %sender.job.connection.id, "the last cursor was not stored; a part will be sent again");
    }
}

/// The heartbeats of a connection that asks for them.
fn heartbeat_of(connection: &StoredConnection) -> Option<Expr> {
    connection.spec.options.heartbeat_seconds?;
    let is = |column, text: &str| Expr::Compare(Field::Column(column), Op::Equal, Value::Text(text.to_owned()));
    Some(Expr::And(vec![
        is(columns::SOURCE_ID, audit::SOURCE),
        is(columns::ACTION, audit::action::HEARTBEAT),
        is(columns::RESOURCE_ID, connection.id.as_str()),
    ]))
}

/// One of them must hold.
fn either(filter: Expr, other: Option<Expr>) -> Expr {
    match (filter, other) {
        (Expr::All, _) => Expr::All,
        (filter, None) => filter,
        (filter, Some(other)) => Expr::Or(vec![filter, other]),
    }
}

/// Which events a connection sends. A heartbeat is for it, whatever its filter says.
pub(crate) fn passing(connection: &StoredConnection) -> Result<Expr> {
    Ok(either(connection.filter()?, heartbeat_of(connection)))
}

/// Which events it reads.
fn selection(job: &Job) -> Result<Selection> {
    match &job.course {
        Course::Live { .. } | Course::Fresh(..) => Ok(Selection::Stream(passing(&job.connection)?)),
        Course::Replay(replay, chosen) => {
            let filter = job.connection.filter()?;
            let (time_from, time_to, last) = (replay.time_from, replay.time_to, replay.last);
            // What was set aside had passed the filter, and somebody chose it.
            let predicate = if chosen.is_some() { Expr::All } else { both(filter, replay.wanted()?) };
            Ok(Selection::Part(Part { predicate, time_from, time_to, last, chosen: chosen.clone() }))
        }
    }
}

/// The sender was told to stop, or nobody is left who could tell it.
fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// Waits until [`is_stopped`].
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could tell.
    let _ = stop.wait_for(|stop| *stop).await.is_ok();
}

/// Why a sender ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Told to stop.
    Stopped,
    /// Another epoch has begun.
    Fenced,
}

#[derive(Debug)]
struct Sender {
    job: Job,
    progress: Progress,
    feed: Feed,
    ledger: Ledger,
    connector: Connector,
    /// Passes over the end of what has to be sent that are still to be made; see [`Sender::passed_end`].
    passes: u32,
}

impl Sender {
    fn new(job: Job, selection: Selection) -> Self {
        let spec = &job.connection.spec;
        let limits = limits(spec);
        let context = &job.context;
        let render = RenderContext {
            hostname: context.settings.hostname.clone(),
            instance: context.instance.to_string(),
            project: job.project.to_string(),
        };
        let messages = Messages::new(spec, &render, context.log.tasks());
        let (messages, book) = match &job.course {
            Course::Live { .. } => (messages, Book::Cursor),
            Course::Fresh(fresh, streams) => (messages, Book::Fresh(fresh.clone(), Arc::clone(streams))),
            Course::Replay(replay, chosen) => {
                (messages.for_replay(&replay.id), Book::Replay(replay.id.clone(), chosen.is_some()))
            }
        };
        let filter = match &selection {
            Selection::Stream(filter) => Some(filter.clone()),
            Selection::Part(_) => None,
        };
        let (log, project) = (context.log.clone(), job.project.clone());
        let mut feed = Feed::new(log, project.clone(), selection, messages, spec.framing, spec.transport);
        if let Course::Live { until: Some(until), .. } = &job.course {
            feed.end_at(*until);
        }
        let (connection, stored) = (job.connection.clone(), job.cursor.clone());
        let mut ledger =
            Ledger::new(context.clone(), project.clone(), connection, job.epoch, stored, job.cursor_version, book);
        if let (Some(filter), Course::Live { streams, .. }) = (&filter, &job.course) {
            ledger.keep_steps(filter, Arc::clone(&job.live), Arc::clone(streams), job.last_step_at);
        }
        let connector = Connector::new(context.clone(), project, job.connection.clone());
        Self { progress: Progress::new(job.cursor.clone(), limits), feed, ledger, connector, job, passes: PASSES }
    }

    /// Everything that it has to send was acknowledged on the present link.
    fn is_at_end(&self) -> bool {
        self.job.last().is_some_and(|last| self.progress.next() > last && self.progress.is_idle())
    }

    /// Takes note that a link ended behind the end. Without the proof that all was read its last part is sent once more: the
    /// receiver may have died just then. One that never closes after us gets that part twice and not for ever, and so does
    /// one behind a proxy, whose FIN proves nothing.
    fn passed_end(&mut self, proven: bool) {
        let sure = proven && self.job.connection.spec.options.overlap_seconds.is_none();
        self.passes = if sure { 0 } else { self.passes.saturating_sub(1) };
    }

    /// Nothing has to be sent any more.
    fn is_over(&self) -> bool {
        self.passes == 0
    }

    /// One link after the other.
    async fn links(&mut self, stop: &mut watch::Receiver<bool>) -> Over {
        let mut backoff = Backoff::default();
        let mut had_link = false;
        while !is_stopped(stop) {
            match self.ledger.holds_epoch().await {
                Ok(true) => match self.next_link(stop, &mut had_link, &mut backoff).await {
                    End::Stopped if self.job.last().is_some() && !self.is_over() && !is_stopped(stop) => continue,
                    End::Stopped => break,
                    End::Worn => continue,
                    End::Fenced => return Over::Fenced,
                    End::Broken(failure) => self.report(&failure).await,
                },
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(connection = %self.job.connection.id, %error, "the epoch could not be read");
                }
            }
            let wait = tokio::time::sleep(backoff.next());
            let store = async {
                let stored = self.ledger.store(&self.progress.to_store()).await;
                if stored != Stored::Fenced {
                    wait.await;
                }
                stored
            };
            tokio::select! {
                stored = store => if stored == Stored::Fenced { return Over::Fenced },
                () = stopped(stop) => break,
            }
        }
        Over::Stopped
    }

    /// The next link, with a second stream beside it where that is wanted.
    async fn next_link(&mut self, stop: &mut watch::Receiver<bool>, had_link: &mut bool, backoff: &mut Backoff) -> End {
        if let Err(error) = self.split().await {
            // In their order, then.
            tracing::warn!(connection = %self.job.connection.id, %error, "no second stream could be begun");
        }
        self.link(stop, had_link, backoff).await
    }

    /// One link: made, driven to its end, accounted for. `had_link` tells whether one was up before.
    async fn link(&mut self, stop: &mut watch::Receiver<bool>, had_link: &mut bool, backoff: &mut Backoff) -> End {
        self.job.context.log.tasks().reach("sender", &self.job.connection.spec.name);
        let made = tokio::select! {
            made = self.connector.connect() => made,
            () = stopped(stop) => return End::Stopped,
        };
        let link = match made {
            Ok(link) => link,
            Err(failure) => return End::Broken(failure),
        };
        if std::mem::replace(had_link, true) {
            self.progress.count_reconnect();
        }
        let begun = Instant::now();
        let measure = link.measure();
        if measure.is_blind() || measure.path_watched == Some(false) {
            tracing::warn!(connection = %self.job.connection.id, code = "not_measured", "{}", measure.consequences());
        }
        self.job.live.link_up(self.job.context.clock.now(), link.server_certificate(), measure);
        self.progress.begin_link(measure);
        self.feed.rewind();
        let (end, proven) = Box::pin(Drive::new(self, link).run(stop)).await;
        // Asked before the link is closed in the books, which may put what is next back before the end.
        if self.is_at_end() {
            self.passed_end(proven);
        }
        let ended = self.progress.end_link(proven);
        let connection = &self.job.connection.id;
        tracing::info!(%connection, proven, widest_window = ended.widest, "a link has ended");
        if ended.capped {
            tracing::warn!(%connection, "overlap_bytes keeps the resend after this break shorter than it should be");
            self.job.live.short_resend();
        }
        self.feed.rewind();
        if begun.elapsed() >= WORKED {
            backoff.reset();
        }
        end
    }

    async fn report(&mut self, failure: &LinkFailure) {
        let Job { connection, live, context, .. } = &self.job;
        tracing::info!(connection = %connection.id, code = failure.code, "no link: {}", failure.message);
        live.link_down(failure, context.clock.now());
        self.publish_backlog().await;
    }

    /// Shows how old the oldest waiting event is while there is no link.
    async fn publish_backlog(&mut self) {
        let from = self.progress.cursor().settled.next();
        // The events of a replay are old by nature.
        let oldest = if !self.job.is_replay() { self.received_at(from).await } else { None };
        self.job.live.publish(self.progress.cursor(), oldest, self.job.context.clock.now());
    }

    async fn received_at(&mut self, from: Position) -> Option<Timestamp> {
        let (log, project) = (&self.job.context.log, self.job.project.clone());
        let to = log.head(&project);
        if from > to {
            return None;
        }
        let columns = Columns::of(&[columns::RECEIVED_AT]);
        let scan = Scan { limit: Some(1), columns, ..part(&project, from, to) };
        let found = log.scan(scan).next().await?.ok()?;
        (found.batch.num_rows() > 0).then(|| auditwire_model::event::view(&found.batch, 0).received_at)
    }
}

/// A part of the log, in its order.
fn part(project: &ProjectId, from: Position, to: Position) -> Scan {
    Scan {
        project: project.clone(),
        from,
        to,
        time_from: None,
        time_to: None,
        predicate: Expr::All,
        order: Order::Ascending,
        limit: None,
        columns: Columns::ALL,
        numbered: false,
    }
}

/// What may be in flight to this receiver, and what is sent again after a break.
fn limits(spec: &ConnectionSpec) -> Limits {
    match spec.transport {
        Transport::Tcp | Transport::Tls => Limits {
            entries_max: ENTRIES_MAX,
            bytes_max: BYTES_MAX,
            overlap_min: OVERLAP_MIN,
            overlap_max: Some(spec.options.overlap_bytes.unwrap_or(OVERLAP_MAX)),
            overlap_time: spec.options.overlap_seconds.map(|seconds| Duration::from_secs(seconds.into())),
        },
        // What the receiver's program has answered is not sent again.
        Transport::Relp | Transport::RelpTls => Limits {
            entries_max: RELP_ENTRIES_MAX,
            bytes_max: u64::MAX,
            overlap_min: OVERLAP_MIN,
            overlap_max: None,
            overlap_time: None,
        },
        Transport::Udp => {
            let rate = usize::try_from(spec.rate_limit.unwrap_or(UDP_RATE)).unwrap_or(ENTRIES_MAX);
            // A datagram stays in flight for a second.
            let entries_max = ENTRIES_MAX.max(rate.saturating_mul(2));
            Limits { entries_max, bytes_max: u64::MAX, overlap_min: OVERLAP_MIN, overlap_max: None, overlap_time: None }
        }
    }
}

/// A failure of the own side: the settings or secrets of a connection cannot be used.
fn unusable(code: &'static str, message: impl Into<String>) -> LinkFailure {
    LinkFailure::new(code, message)
}

/// The positions that a connection with these settings would send of the whole log, for tests of other parts.
#[cfg(test)]
pub(crate) async fn selected(
    log: &crate::log::Log,
    project: &ProjectId,
    spec: &auditwire_model::connection::ConnectionSpec,
) -> Vec<Position> {
    let context = RenderContext { hostname: "h".to_owned(), instance: "i".to_owned(), project: project.to_string() };
    let messages = Messages::new(spec, &context, log.tasks());
    let filter = spec.filter.to_expr().expect("a filter that was stored");
    let selection = Selection::Stream(filter);
    let mut feed = Feed::new(log.clone(), project.clone(), selection, messages, spec.framing, spec.transport);
    let limits = Limits {
        entries_max: ENTRIES_MAX,
        bytes_max: BYTES_MAX,
        overlap_min: OVERLAP_MIN,
        overlap_max: None,
        overlap_time: None,
    };
    let mut progress = Progress::new(Cursor::beginning(), limits);
    let mut sent = Vec::new();
    while progress.next() <= log.head(project) {
        if !feed.is_loaded() {
            feed.load(progress.next()).await.expect("the log is readable");
        }
        let entries = &feed.chunk(&mut progress, 7).entries;
        sent.extend(entries.iter().filter(|entry| entry.kind == super::window::Kind::Sent).map(|entry| entry.first));
    }
    sent
}
