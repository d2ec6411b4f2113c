//! What the log knows of time: how far the clock is believed ([`trust`]), when each project's last event was received, and what
//! was received by a clock that was wrong ([`corrections`]). Whatever ends by a clock asks here, not the clock.

mod corrections;
pub(super) mod trust;

use std::collections::HashMap;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use auditwire_model::event::{Event, columns};
use auditwire_model::{Position, ProjectId, Timestamp};
use parking_lot::{Mutex, RwLock};
use tokio::sync::OnceCell;

use super::commit::Step;
use super::upkeep::{self, Keeper};
use super::{Log, Shared, Submission, error};
use crate::error::Result;
use crate::readiness::Trouble;
use crate::records::{Correction, Document, ExpiryClock, ExpiryClockRecord};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind, Store};
use corrections::Corrections;
pub use trust::TrustRule;
pub(crate) use trust::Trusted;
use trust::{AHEAD, Trust};
pub(super) use trust::{Moment, later};

/// How often it is stored how far time has come. What is not stored counts as time that has not passed, against the limit of
/// [`TrustRule::beyond`].
const STORE_EVERY: Duration = Duration::from_secs(600);

/// What the log knows of time.
#[derive(Debug)]
pub(crate) struct Times {
    trust: Mutex<Trust>,
    /// When how far time has come was stored last, by the monotonic clock.
    stored: Mutex<Option<Duration>>,
    /// When the last event of each project was received; complete once `known`.
    received: RwLock<HashMap<ProjectId, Timestamp>>,
    known: OnceCell<()>,
    corrections: RwLock<Corrections>,
}

/// What is believed of the clock, for those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockState {
    /// What it shows.
    pub now: Timestamp,
    /// When the newest event of all projects was received; `None`: there is none.
    pub newest: Option<Timestamp>,
    /// By how much that is ahead of the clock, if by more than a minute.
    pub ahead: Option<Duration>,
    /// The time by which things end.
    pub trusted: Timestamp,
    /// By how much the clock is further than is believed; `None`: it is believed.
    pub held: Option<Duration>,
    /// How long clock and monotonic clock have agreed.
    pub agreed: Duration,
    /// Events may end.
    pub may_end: bool,
}

fn come_key() -> RecordKey {
    RecordKey::global(RecordKind::ExpiryClock, "clock")
}

/// The change that stores how far time has come.
fn come(come: Timestamp) -> Result<Change> {
    let effect = Effect::Put(ExpiryClockRecord::from(ExpiryClock { come }).encode()?);
    Ok(Change { key: come_key(), expect: Expect::Any, effect })
}

impl Times {
    /// Reads what is stored.
    pub(super) async fn open(store: &dyn Store, rule: TrustRule, now: Moment) -> Result<Self> {
        let corrections =
            Corrections::read(&store.records(RecordKind::ClockCorrection, None).await.map_err(error::read)?);
        let stored = store.record(&come_key()).await.map_err(error::read)?;
        let come = stored.map(|record| ExpiryClockRecord::decode(&record)).transpose()?;
        let come = come.map(|record| record.into_current().come);
        Ok(Self {
            trust: Mutex::new(Trust::new(rule, come.unwrap_or(now.wall), now)),
            stored: Mutex::new(come.map(|_| now.monotonic)),
            received: RwLock::default(),
            known: OnceCell::new(),
            corrections: RwLock::new(corrections),
        })
    }

    /// When an event counts as received.
    pub(super) fn received(&self, project: &ProjectId, at: Position, received: Timestamp) -> Timestamp {
        self.corrections.read().received(project, at, received)
    }

    fn newest(&self) -> Option<Timestamp> {
        self.received.read().values().max().copied()
    }

    /// Those whose last event is ahead of the clock, with when that was received.
    pub(super) fn ahead(&self, now: Timestamp) -> Vec<(ProjectId, Timestamp)> {
        let received = self.received.read();
        let ahead = received.iter().filter(|(_, last)| last.since(now) > AHEAD);
        ahead.map(|(project, last)| (project.clone(), *last)).collect()
    }
}

impl Shared {
    pub(super) fn moment(&self) -> Moment {
        Moment { wall: self.clock.now(), monotonic: self.clock.monotonic() }
    }

    /// The time by which things end that are not events: of what is believed of the clock, whether or not it has proved itself.
    pub(crate) fn trusted_now(&self) -> Timestamp {
        self.times.trust.lock().seen(self.moment(), Timestamp::EPOCH).now
    }

    /// The last event of a project was received then.
    pub(super) fn last_received(&self, project: &ProjectId, at: Timestamp) {
        self.times.received.write().insert(project.clone(), at);
        let now = self.clock.now();
        if at.since(now) > AHEAD && !self.readiness.stands(Trouble::ClockAhead) {
            self.look_ahead(Some(at), now);
        }
    }

    /// Raises the trouble; it is cleared only by who has looked at all projects.
    fn look_ahead(&self, newest: Option<Timestamp>, now: Timestamp) {
        if let Some(newest) = newest.filter(|newest| newest.since(now) > AHEAD) {
            let detail = format!(
                "the newest event was received at {}, the clock shows {}",
                newest.whole_seconds(),
                now.whole_seconds()
            );
            self.readiness.raise(Trouble::ClockAhead, detail);
        }
    }

    /// Where a store of an older version does not say how far time had come, it had come as far as the newest event.
    pub(super) async fn begin_time(&self) -> Result<()> {
        if self.times.stored.lock().is_some() {
            return Ok(());
        }
        self.know_received().await?;
        let now = self.moment();
        if let Some(newest) = self.times.newest().filter(|newest| *newest < now.wall) {
            *self.times.trust.lock() = Trust::new(self.settings.retention.trust, newest, now);
        }
        Ok(())
    }

    /// Reads when the last event of each project was received, once.
    async fn know_received(&self) -> Result<()> {
        let known = self.times.known.get_or_try_init(|| async {
            let heads: Vec<_> =
                self.heads.read().iter().map(|(project, head)| (project.clone(), *head.borrow())).collect();
            for (project, head) in heads {
                if self.times.received.read().contains_key(&project) {
                    continue;
                }
                let event = match self.event(&project, head).await {
                    Ok(Some(event)) => event,
                    Ok(None) => continue,
                    Err(crate::store::StoreError::Damaged(_)) => continue,
                    Err(error) => return Err(error::read(error)),
                };
                let received = event.column(columns::RECEIVED_AT).as_primitive::<Int64Type>().values().first().copied();
                let Some(received) = received.and_then(Timestamp::from_nanos) else { continue };
                let received = self.times.received(&project, head, received);
                // What was committed meanwhile is newer.
                self.times.received.write().entry(project).or_insert(received);
            }
            Ok(())
        });
        known.await.copied()
    }

    /// Looks at the clock, and tells what is wrong with it.
    async fn look_at_clock(&self) -> Result<Trusted> {
        self.know_received().await?;
        let (now, newest) = (self.moment(), self.times.newest());
        let trusted = self.times.trust.lock().look(now, newest.unwrap_or(Timestamp::EPOCH));
        match trusted.ahead {
            Some(_) => self.look_ahead(newest, now.wall),
            None => self.readiness.clear(Trouble::ClockAhead),
        }
        Ok(trusted)
    }

    /// What is believed of the clock.
    pub(super) async fn clock_state(&self) -> Result<ClockState> {
        self.know_received().await?;
        let (now, newest) = (self.moment(), self.times.newest());
        let trusted = self.times.trust.lock().seen(now, newest.unwrap_or(Timestamp::EPOCH));
        let Trusted { now: time, held, agreed, ahead, may_end } = trusted;
        Ok(ClockState { now: now.wall, newest, ahead, trusted: time, held, agreed, may_end })
    }

    /// An operator's word was committed: the clock is right.
    pub(super) fn accepted(&self, accepted: &Accepted) {
        let mut corrections = self.times.corrections.write();
        let mut received = self.times.received.write();
        for (project, correction) in &accepted.corrections {
            corrections.add(project, *correction);
            received.entry(project.clone()).and_modify(|at| *at = (*at).min(correction.to));
        }
        drop((corrections, received));
        self.times.trust.lock().accept(accepted.at);
        *self.times.stored.lock() = Some(accepted.at.monotonic);
        self.readiness.clear(Trouble::ExpiryHeld);
        if self.times.ahead(self.clock.now()).is_empty() {
            self.readiness.clear(Trouble::ClockAhead);
        }
    }
}

/// What comes of an operator's word that the clock is right.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) at: Moment,
    /// What was received ahead of it counts as received now.
    pub(super) corrections: Vec<(ProjectId, Correction)>,
}

impl Accepted {
    /// When the last event of a project counts as received.
    pub(super) fn received(&self, project: &ProjectId, received: Timestamp) -> Timestamp {
        let correction = self.corrections.iter().find(|(of, _)| of == project);
        correction.map_or(received, |(_, correction)| received.min(correction.to))
    }

    /// What is stored of it.
    pub(super) fn changes(&self) -> Result<Vec<Change>> {
        let corrections = self.corrections.iter().map(|(project, correction)| corrections::put(project, *correction));
        corrections.chain([come(self.at.wall)]).collect()
    }
}

impl Log {
    /// What is believed of the clock.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn clock(&self) -> Result<ClockState> {
        self.shared.clock_state().await
    }

    /// The time by which things end: the clock's, unless it went further than time did.
    #[must_use]
    pub fn trusted_now(&self) -> Timestamp {
        self.shared.trusted_now()
    }

    /// When an event counts as received: that may be before what it says, if it came by a clock that was wrong.
    #[must_use]
    pub fn received(&self, project: &ProjectId, at: Position, received: Timestamp) -> Timestamp {
        self.shared.times.received(project, at, received)
    }

    /// By how much the newest event known is ahead of the clock; zero up to a minute.
    pub(crate) fn clock_ahead(&self) -> Duration {
        let newest = self.shared.times.newest();
        newest.map(|newest| newest.since(self.shared.clock.now())).filter(|ahead| *ahead > AHEAD).unwrap_or_default()
    }

    /// The clock is right: what was received ahead of it counts as received now, and what is held is released. With the event
    /// that tells of it, in project `system`.
    ///
    /// # Errors
    /// As [`Log::submit`].
    pub(crate) async fn accept_clock(&self, event: Event) -> Result<()> {
        self.shared.know_received().await?;
        let step = Step { accept_clock: true, ..Step::default() };
        let submission = Submission { project: Some(ProjectId::system()), events: vec![event], changes: Vec::new() };
        upkeep::commit(&self.queue.downgrade(), Some(step), submission).await
    }
}

impl Keeper {
    /// Looks at the clock before anything ends by it, and stores how far time has come.
    pub(super) async fn time(&self) -> Result<Trusted> {
        let trusted = self.shared.look_at_clock().await?;
        let (monotonic, times) = (self.shared.clock.monotonic(), &self.shared.times);
        let due = times.stored.lock().is_none_or(|at| monotonic.saturating_sub(at) >= STORE_EVERY);
        // Nothing can end where nothing is.
        if due && times.newest().is_some() {
            let change = come(times.trust.lock().come())?;
            let submission = Submission { changes: vec![change], ..Submission::default() };
            self.commit(Step::default(), submission).await?;
            *times.stored.lock() = Some(monotonic);
        }
        Ok(trusted)
    }

    /// The change that goes with events that end: how far time had come when they did.
    pub(super) fn come(&self) -> Result<Change> {
        come(self.shared.times.trust.lock().come())
    }
}
