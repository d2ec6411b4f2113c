//! Quotas: how much a project may send in a day and have stored, so that no project fills the volume for the others, whatever the
//! floor of retention keeps. Only intake asks ([`Log::take_quota`]); what the service writes itself does not, and neither does one
//! project's quota concern another.
//!
//! What was sent is counted by clock hours as it is handed over ([`Day`]), noted once a minute and when the log closes, and read
//! again at the start: a process that is killed forgets at most that minute. What is stored is looked up once a round of upkeep
//! and at the start; in between, what is sent is added ([`Stored`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use auditwire_model::event::Event;
use auditwire_model::{ProjectId, Timestamp};
use parking_lot::Mutex;

use super::retention::keeping;
use super::seal::SPANS_READ;
use super::times::later;
use super::upkeep::Keeper;
use super::{Log, Shared, Submission, error, event_weight};
use crate::error::Result;
use crate::log::commit::Step;
use crate::records::{Document, HourOfBytes, Usage, UsageRecord};
use crate::store::{Change, Effect, Expect, Place, RecordKey, RecordKind, SealedSpan, Span};

/// Hours of a day.
const HOURS: u64 = 24;
/// What was sent is noted this often.
const NOTE_EVERY: Duration = Duration::from_secs(60);
/// When nothing tells when something ends.
const WAIT: Duration = Duration::from_secs(3600);
/// Shorter than a round of upkeep, longer than a day: neither would help.
const WAITS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(24 * 3600));

/// What each project may use. `None`: any number of bytes, which is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaSettings {
    /// Bytes of events sent within a day, counted by clock hours; those of an event are its texts and 64 more.
    pub bytes_per_day: Option<u64>,
    /// Bytes on disk: sealed events as in the retention, fresh ones as they lie in the store.
    pub stored_bytes: Option<u64>,
}

/// How much of one quota is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// Bytes that are used.
    pub used: u64,
    /// Bytes that may be used.
    pub limit: u64,
    /// It was reached, and less than a tenth of it is free again.
    pub reached: bool,
    /// When there is room again, as far as that is known; only when there is none.
    pub frees_at: Option<Timestamp>,
}

/// How much of its quotas a project uses; `None` where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaUses {
    /// Of [`QuotaSettings::bytes_per_day`].
    pub day: Option<QuotaUse>,
    /// Of [`QuotaSettings::stored_bytes`].
    pub stored: Option<QuotaUse>,
    /// Batches refused since the start.
    pub refused: u64,
}

/// What all projects use.
#[derive(Debug, Default)]
pub(crate) struct Quotas(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    projects: HashMap<ProjectId, Used>,
    noted_at: Option<Timestamp>,
}

/// What one project uses.
#[derive(Debug, Default)]
struct Used {
    day: Day,
    day_reached: bool,
    stored: Stored,
    stored_reached: bool,
    refused: u64,
    /// The day has changed since it was noted.
    changed: bool,
}

/// Bytes by clock hour, oldest first: the present hour and the 23 before it are a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Day(Vec<HourOfBytes>);

/// Bytes on disk, and what may not have been among them.
#[derive(Debug, Clone, Copy, Default)]
struct Stored {
    looked_up: u64,
    /// Sent since the last look, and in the round before it: that may have been on its way to the disk.
    since: [u64; 2],
    /// When the oldest end.
    frees_at: Option<Timestamp>,
}

/// Bytes taken of a quota by what is being stored.
#[derive(Debug)]
pub(crate) struct Taken {
    shared: Arc<Shared>,
    project: ProjectId,
    hour: u64,
    bytes: u64,
}

impl Log {
    /// Takes what these events need of the quotas of their project. The batch that reaches a quota is still taken.
    ///
    /// # Errors
    /// `project_quota`, with when there is room again; nothing was taken.
    pub(crate) fn take_quota(&self, project: &ProjectId, events: &[Event]) -> Result<Option<Taken>> {
        let settings = self.shared.settings.quota;
        if settings == QuotaSettings::default() {
            return Ok(None);
        }
        let (now, mut known) = (self.shared.clock.now(), self.shared.quotas.0.lock());
        let used = known.projects.entry(project.clone()).or_default();
        let uses = used.uses(settings, now);
        let full = [("bytes a day", uses.day), ("stored bytes", uses.stored)];
        let full = full.into_iter().find_map(|(what, quota)| Some((what, quota.filter(|q| q.used >= q.limit)?)));
        if let Some((what, QuotaUse { limit, frees_at, .. })) = full {
            used.refused += 1;
            let wait = frees_at.map_or(WAIT, |at| at.since(now)).clamp(WAITS.0, WAITS.1);
            return Err(error::project_quota(project, limit, what, wait));
        }
        let bytes = events.iter().map(|event| (event_weight(event) - size_of::<Event>()) as u64).sum();
        let hour = hour_of(now);
        used.day.add(hour, bytes);
        used.stored.since[0] += bytes;
        used.changed = true;
        Ok(Some(Taken { shared: Arc::clone(&self.shared), project: project.clone(), hour, bytes }))
    }

    /// How much of its quotas a project uses.
    #[must_use]
    pub fn quota_uses(&self, project: &ProjectId) -> QuotaUses {
        let (settings, now) = (self.shared.settings.quota, self.shared.clock.now());
        let mut known = self.shared.quotas.0.lock();
        match known.projects.get_mut(project) {
            Some(used) => used.uses(settings, now),
            None => Used::default().uses(settings, now),
        }
    }

    /// Notes what was sent, before the log closes.
    pub(super) async fn note_usage(&self) {
        let changes = self.shared.quotas.to_note();
        if !changes.is_empty()
            && let Err(error) = self.submit(Submission { changes, ..Submission::default() }).await
        {
            tracing::warn!(%error, "what projects have sent could not be noted; the next start knows a minute less");
        }
    }
}

impl Taken {
    /// Gives back what was not stored: so many of so many events.
    pub(crate) fn give_back(self, events: u64, of: u64) {
        let bytes = u128::from(self.bytes) * u128::from(events) / u128::from(of.max(1));
        let bytes = u64::try_from(bytes).unwrap_or(self.bytes);
        let mut known = self.shared.quotas.0.lock();
        let Some(used) = known.projects.get_mut(&self.project).filter(|_| bytes > 0) else { return };
        used.day.remove(self.hour, bytes);
        used.stored.since[0] = used.stored.since[0].saturating_sub(bytes);
        used.changed = true;
    }
}

impl Used {
    /// Also remembers what is reached, so that a quota that is used to the last does not begin and end again all the time.
    fn uses(&mut self, settings: QuotaSettings, now: Timestamp) -> QuotaUses {
        let QuotaSettings { bytes_per_day, stored_bytes } = settings;
        self.day.be_at(hour_of(now));
        let day = bytes_per_day.map(|limit| {
            let used = self.day.used(hour_of(now));
            let frees_at = (used >= limit).then(|| self.day.frees_at(hour_of(now), limit));
            QuotaUse { used, limit, reached: reached(&mut self.day_reached, used, limit), frees_at }
        });
        let stored = stored_bytes.map(|limit| {
            let used = self.stored.bytes();
            let frees_at = self.stored.frees_at.filter(|_| used >= limit);
            QuotaUse { used, limit, reached: reached(&mut self.stored_reached, used, limit), frees_at }
        });
        QuotaUses { day, stored, refused: self.refused }
    }
}

fn reached(before: &mut bool, used: u64, limit: u64) -> bool {
    *before = used >= limit || (*before && used >= limit - limit / 10);
    *before
}

impl Day {
    fn add(&mut self, hour: u64, bytes: u64) {
        self.be_at(hour);
        self.0.retain(|known| known.hour + HOURS > hour);
        match self.0.last_mut() {
            Some(last) if last.hour >= hour => last.bytes = last.bytes.saturating_add(bytes),
            _ => self.0.push(HourOfBytes { hour, bytes }),
        }
    }

    /// A clock that was set back does not make a day longer: what was sent in hours that have not come counts as sent now.
    fn be_at(&mut self, hour: u64) {
        let come = self.0.partition_point(|known| known.hour <= hour);
        let bytes = self.0.drain(come..).fold(0_u64, |sum, known| sum.saturating_add(known.bytes));
        match self.0.last_mut() {
            _ if bytes == 0 => {}
            Some(last) if last.hour == hour => last.bytes = last.bytes.saturating_add(bytes),
            _ => self.0.push(HourOfBytes { hour, bytes }),
        }
    }

    fn remove(&mut self, hour: u64, bytes: u64) {
        // What was taken in an hour that had not come was moved to the last one.
        let at = self.0.iter().rposition(|known| known.hour >= hour).or(self.0.len().checked_sub(1));
        if let Some(known) = at.and_then(|at| self.0.get_mut(at)) {
            known.bytes = known.bytes.saturating_sub(bytes);
        }
    }

    fn used(&self, hour: u64) -> u64 {
        let within = self.0.iter().filter(|known| known.hour + HOURS > hour);
        within.fold(0, |sum, known| sum.saturating_add(known.bytes))
    }

    /// When less than `limit` are used, if nothing more is sent: at the end of a day of one of the hours.
    fn frees_at(&self, hour: u64, limit: u64) -> Timestamp {
        let mut ends = self.0.iter().map(|known| known.hour + HOURS).filter(|end| *end > hour);
        let end = ends.clone().find(|end| self.used(*end) < limit).or_else(|| ends.next_back()).unwrap_or(hour + 1);
        later(Timestamp::EPOCH, Duration::from_secs(end.saturating_mul(3600)))
    }
}

impl Stored {
    fn bytes(&self) -> u64 {
        self.looked_up.saturating_add(self.since[0]).saturating_add(self.since[1])
    }
}

fn hour_of(now: Timestamp) -> u64 {
    now.since(Timestamp::EPOCH).as_secs() / 3600
}

impl Quotas {
    /// What is to be noted now; it counts as noted.
    fn to_note(&self) -> Vec<Change> {
        let mut known = self.0.lock();
        let change = |(project, used): (&ProjectId, &mut Used)| {
            if !std::mem::take(&mut used.changed) {
                return None;
            }
            let value = UsageRecord::from(Usage { hours: used.day.0.clone() }).encode().ok()?;
            let key = RecordKey::of(RecordKind::Usage, project, "usage");
            Some(Change { key, expect: Expect::Any, effect: Effect::Put(value) })
        };
        known.projects.iter_mut().filter_map(change).collect()
    }

    /// What counts as noted may not be.
    fn note_again(&self) {
        self.0.lock().projects.values_mut().for_each(|used| used.changed = true);
    }

    /// Whether it is time to note what was sent.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut known = self.0.lock();
        let due = known.noted_at.is_none_or(|at| now.since(at) >= NOTE_EVERY || now < at);
        if due {
            known.noted_at = Some(now);
        }
        due
    }
}

impl Shared {
    /// Reads what was noted before, and looks at what is stored.
    pub(super) async fn load_quotas(&self) -> Result<()> {
        if self.settings.quota.bytes_per_day.is_some() {
            for record in self.store.records(RecordKind::Usage, None).await.map_err(error::read)? {
                let Usage { hours } = UsageRecord::decode(&record)?.into_current();
                if let Some(project) = record.key.project {
                    self.quotas.0.lock().projects.entry(project).or_default().day = Day(hours);
                }
            }
        }
        self.look_at_stored().await
    }

    /// Looks up how many bytes of each project are stored, and when the oldest of a project that has none left end.
    pub(super) async fn look_at_stored(&self) -> Result<()> {
        let Some(limit) = self.settings.quota.stored_bytes else { return Ok(()) };
        let mut bytes = fresh_bytes(&self.store.fresh(SPANS_READ).await.map_err(error::read)?);
        for size in self.store.sizes().await.map_err(error::read)? {
            *bytes.entry(size.project).or_default() += size.bytes;
        }
        let mut looked_up = HashMap::new();
        for (project, bytes) in bytes {
            let frees_at = if bytes >= limit { self.oldest_end(&project, bytes).await? } else { None };
            looked_up.insert(project, (bytes, frees_at));
        }
        let mut known = self.quotas.0.lock();
        for project in looked_up.keys() {
            known.projects.entry(project.clone()).or_default();
        }
        for (project, used) in &mut known.projects {
            let (bytes, frees_at) = looked_up.remove(project).unwrap_or_default();
            used.stored = Stored { looked_up: bytes, since: [0, used.stored.since[0]], frees_at };
        }
        Ok(())
    }

    /// When the oldest events of a project end by what holds.
    async fn oldest_end(&self, project: &ProjectId, stored: u64) -> Result<Option<Timestamp>> {
        let (from, to) = (self.first_kept(project), auditwire_model::Position(u64::MAX));
        let oldest = self.store.sealed(project, from, to, 1).await.map_err(error::read)?;
        let rule = self.settings.retention;
        let holds = rule.holds(keeping(&*self.store, project).await?.0.set);
        let by_size = holds.bytes.filter(|most| stored > *most).map(|_| rule.floor.age);
        let age = holds.age.into_iter().chain(by_size).min();
        let received = |oldest: &SealedSpan| self.times.received(project, oldest.span.last(), oldest.received_max);
        Ok(oldest.first().zip(age).map(|(oldest, age)| later(received(oldest), age)))
    }
}

/// The bytes of fresh events by project: of each group the share of its rows.
fn fresh_bytes(spans: &[Span]) -> HashMap<ProjectId, u64> {
    let mut rows: HashMap<Place, u64> = HashMap::new();
    for span in spans {
        *rows.entry(span.place).or_default() += u64::from(span.rows);
    }
    let mut bytes: HashMap<ProjectId, u64> = HashMap::new();
    for span in spans {
        let all = rows.get(&span.place).copied().unwrap_or_default().max(1);
        *bytes.entry(span.project.clone()).or_default() += u64::from(span.blob_bytes) * u64::from(span.rows) / all;
    }
    bytes
}

impl Keeper {
    /// Looks at what is stored, and notes once a minute what was sent.
    pub(super) async fn quotas(&self) -> Result<()> {
        self.shared.look_at_stored().await?;
        if !self.shared.quotas.is_due(self.shared.clock.now()) {
            return Ok(());
        }
        let changes = self.shared.quotas.to_note();
        if changes.is_empty() {
            return Ok(());
        }
        let done = self.commit(Step::default(), Submission { changes, ..Submission::default() }).await;
        if done.is_err() {
            self.shared.quotas.note_again();
        }
        done
    }
}

#[cfg(test)]
mod tests;
