//! Prepares a group: drops duplicates, gives positions, and builds the one batch and its directory of spans.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use auditwire_model::event::{BatchBuilder, BatchRoom, Event, EventLimits, columns};
use auditwire_model::{Position, ProjectId, Timestamp};

use super::commit::{Committer, Pending, Step};
use super::conflicts::{Conflict, Senders, cut};
use super::duplicates::{Window, hash_id};
use super::error;
use super::same::same_content;
use super::times::Accepted;
use crate::error::Result;
use crate::records::Correction;
use crate::store::{Commit, Expire, Group, GroupId, Place, Span, StoreError};

/// What tells an event that another one's id was changed because the two differ.
pub(super) const CONFLICT_LABEL: &str = "id-conflict";
/// A renamed id can itself be taken by a third content; after so many names the event is stored under the last one.
const NAMES_MAX: usize = 4;

/// What the committer knows of a project.
#[derive(Debug)]
pub(super) struct ProjectState {
    pub(super) head: Position,
    /// `received_at` of the last event; it never decreases.
    pub(super) received_at: Timestamp,
    pub(super) window: Window,
    /// The committer's count of groups when it was last used.
    pub(super) used: u64,
}

/// A group that is ready to be written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) group: Option<GroupId>,
    pub(super) batch: Option<RecordBatch>,
    pub(super) blob_bytes: usize,
    pub(super) spans: Vec<Span>,
    /// Per submission, in the group's order.
    pub(super) positions: Vec<Vec<Option<Position>>>,
    pub(super) duplicates: u64,
    /// Ids that belonged to other events.
    pub(super) conflicts: Vec<(Senders, Conflict)>,
    /// Ids that this group added to the windows: their hashes and positions.
    pub(super) remembered: Vec<(ProjectId, Vec<(u64, Position)>)>,
    /// How many id runs ride along, and which end with it.
    pub(super) runs: usize,
    pub(super) expired: Vec<(ProjectId, Position)>,
    /// Events that end with it.
    pub(super) expire: Vec<Expire>,
    /// An operator's word on the clock.
    pub(super) accepted: Option<Accepted>,
    received_at: HashMap<ProjectId, Timestamp>,
    commit: Commit,
}

impl Plan {
    pub(super) fn take_commit(&mut self) -> Commit {
        self.runs = self.commit.id_runs.len();
        self.expired.clone_from(&self.commit.expired_id_runs);
        std::mem::take(&mut self.commit)
    }

    pub(super) fn rows(&self) -> usize {
        self.batch.as_ref().map_or(0, RecordBatch::num_rows)
    }

    /// What a project's new rows are in the directory; their times and place are known when the batch is built.
    fn add_span(&mut self, project: &ProjectId, rows: &NewRows) {
        let Ok(count) = u32::try_from(rows.digests.len()) else { return };
        if count > 0 {
            self.spans.push(Span {
                place: Place::Group(GroupId(0)),
                project: project.clone(),
                first: rows.first,
                rows: count,
                offset: u32::try_from(rows.offset).unwrap_or(u32::MAX),
                time_min: Timestamp::EPOCH,
                time_max: Timestamp::EPOCH,
                blob_bytes: 0,
            });
        }
    }

    pub(super) fn received_at(&self, project: &ProjectId) -> Option<Timestamp> {
        self.received_at.get(project).copied()
    }
}

/// The rows of one project that this group adds, so that a repetition inside the group is seen, too. Their ids are in the
/// builder.
struct NewRows {
    /// Position of the first.
    first: Position,
    /// Row of the first.
    offset: usize,
    digests: Vec<[u8; 16]>,
}

impl NewRows {
    /// Answers as [`Committer::compare`].
    fn compare(&self, row: usize, event: &Event, builder: &BatchBuilder) -> Option<Option<bool>> {
        let digest = self.digests.get(row)?;
        let same_id = builder.event_id(self.offset + row) == Some(event.event_id.as_str());
        Some(same_id.then_some(*digest == event.digest))
    }
}

/// What a window says about an event.
enum Verdict {
    New,
    Duplicate,
    /// Its id belongs to another content: of the event there.
    Taken(Position),
}

/// The name under which an event is stored.
struct Named {
    /// Of its id.
    hash: u64,
    /// The event under another id, because its own belongs to the event at that position.
    renamed: Option<(Box<Event>, Position)>,
}

impl Committer {
    /// Prepares the group. What it remembers in the windows is forgotten again if the commit fails.
    pub(super) async fn plan(&mut self, group: &mut [Pending]) -> Result<Plan> {
        let mut plan = Plan { positions: vec![Vec::new(); group.len()], ..Plan::default() };
        let mut builder = BatchBuilder::with_room(&room(group));
        let steps: Vec<Step> = group.iter_mut().filter_map(|pending| pending.upkeep.take()).collect();
        if steps.iter().any(|step| step.accept_clock) {
            plan.accepted = Some(self.accept_clock());
        }
        for project in projects_of(group) {
            self.load(&project).await.map_err(error::read)?;
            if let Some((accepted, state)) = plan.accepted.as_ref().zip(self.projects.get_mut(&project)) {
                state.received_at = accepted.received(&project, state.received_at);
            }
            self.plan_project(&project, group, &mut builder, &mut plan).await;
        }
        plan.commit.changes = group.iter().flat_map(|pending| pending.submission.changes.iter().cloned()).collect();
        if let Some(accepted) = &plan.accepted {
            plan.commit.changes.extend(accepted.changes()?);
        }
        for Step { seal, expire, drop_groups, files, shrink: _, accept_clock: _ } in steps {
            plan.expire.clone_from(&expire);
            (plan.commit.seal, plan.commit.expire) = (seal, expire);
            (plan.commit.drop_groups, plan.commit.files) = (drop_groups, files);
        }
        self.add_runs(&mut plan.commit);
        if builder.is_empty() {
            return Ok(plan);
        }
        let id = self.next_group();
        let batch = builder.finish().map_err(error::defect)?;
        let blob = self.encoder.encode(&batch).map_err(error::defect)?;
        let blob_bytes = u32::try_from(blob.len()).map_err(error::defect)?;
        let times = batch.column(columns::TIMESTAMP).as_primitive::<Int64Type>().values();
        for span in &mut plan.spans {
            let times = &times[span.offset as usize..][..span.rows as usize];
            let time = |nanos: Option<&i64>| nanos.and_then(|n| Timestamp::from_nanos(*n)).unwrap_or(Timestamp::EPOCH);
            (span.time_min, span.time_max) = (time(times.iter().min()), time(times.iter().max()));
            (span.place, span.blob_bytes) = (Place::Group(id), blob_bytes);
        }
        plan.blob_bytes = blob.len();
        plan.commit.group = Some(Group { id, blob, spans: plan.spans.clone() });
        plan.group = Some(id);
        plan.batch = Some(batch);
        Ok(plan)
    }

    /// From now on the times of receipt go on from what the clock shows, whatever they were before.
    fn accept_clock(&mut self) -> Accepted {
        let at = self.shared.moment();
        let corrections = self.shared.times.ahead(at.wall).into_iter().map(|(project, from)| {
            let through = self.shared.head(&project);
            (project, Correction { through, from, to: at.wall })
        });
        let accepted = Accepted { at, corrections: corrections.collect() };
        for (project, state) in &mut self.projects {
            state.received_at = accepted.received(project, state.received_at);
        }
        accepted
    }

    /// It was not committed.
    pub(super) fn take_back(&mut self, accepted: &Accepted) {
        for (project, Correction { from, .. }) in &accepted.corrections {
            if let Some(state) = self.projects.get_mut(project) {
                state.received_at = *from;
            }
        }
    }

    /// Finished id runs ride along, and with them the end of those that lie outside the window.
    fn add_runs(&mut self, commit: &mut Commit) {
        for project in self.work.collect() {
            if let Some(state) = self.projects.get_mut(&project) {
                state.window.failed();
            }
        }
        for run in self.work.ready() {
            commit.id_runs.push(run.clone());
            let Some(state) = self.projects.get(&run.project) else { continue };
            // By a clock that went too far the window would lose what it still has to recognise.
            let expired = state.window.expired(state.head, self.shared.trusted_now(), &self.shared.settings);
            commit.expired_id_runs.extend(expired.into_iter().map(|first| (run.project.clone(), first)));
        }
    }

    async fn plan_project(
        &mut self,
        project: &ProjectId,
        group: &mut [Pending],
        builder: &mut BatchBuilder,
        plan: &mut Plan,
    ) {
        // Taken out, so that it need not be looked up for every event.
        let Some(mut state) = self.projects.remove(project) else { return };
        let mut rows = NewRows { first: state.head.next(), offset: builder.len(), digests: Vec::new() };
        let (mut next, mut received_at) = (rows.first, state.received_at);
        let mut remembered = Vec::new();
        for (index, pending) in group.iter_mut().enumerate() {
            let Some((events, told)) = pending.part_of(project) else { continue };
            for event in events {
                received_at = received_at.max(event.received_at);
                event.received_at = received_at;
                if event.timestamp_from_receipt {
                    event.timestamp = received_at;
                }
                let Some(Named { hash, renamed }) = self.name(project, &state.window, event, &rows, builder).await
                else {
                    if told {
                        plan.duplicates += 1;
                        plan.positions[index].push(None);
                    }
                    continue;
                };
                if let Some((stored, first)) = &renamed {
                    let of_first = self.source_of_any(project, *first, &rows, builder).await;
                    plan.conflicts.push(conflict(project, of_first, *first, event, next, stored));
                }
                let stored = renamed.as_ref().map_or(&*event, |(stored, _)| stored);
                builder.push(next, stored);
                rows.digests.push(stored.digest);
                state.window.insert(hash, next);
                remembered.push((hash, next));
                if told {
                    plan.positions[index].push(Some(next));
                }
                next = next.next();
            }
        }
        self.projects.insert(project.clone(), state);
        plan.remembered.push((project.clone(), remembered));
        plan.received_at.insert(project.clone(), received_at);
        plan.add_span(project, &rows);
    }

    /// The source of an event that is committed, or in this very group.
    async fn source_of_any(&self, project: &ProjectId, at: Position, rows: &NewRows, builder: &BatchBuilder) -> String {
        match at.0.checked_sub(rows.first.0).and_then(|row| usize::try_from(row).ok()) {
            Some(row) => cut(builder.source_id(rows.offset + row)),
            None => self.source_of(project, at).await,
        }
    }

    /// The name under which an event is stored. `None`: it is there already.
    async fn name(
        &self,
        project: &ProjectId,
        window: &Window,
        event: &Event,
        rows: &NewRows,
        builder: &BatchBuilder,
    ) -> Option<Named> {
        let mut hash = hash_id(&event.event_id);
        let mut renamed: Option<(Box<Event>, Position)> = None;
        for _ in 0..NAMES_MAX {
            let asked = renamed.as_ref().map_or(event, |(other, _)| other);
            match self.verdict(project, window, hash, asked, rows, builder).await {
                Verdict::New => break,
                Verdict::Duplicate => return None,
                Verdict::Taken(by) => {
                    let other = under_other_name(asked, &self.shared.settings.event);
                    hash = hash_id(&other.event_id);
                    let first = renamed.map_or(by, |(_, first)| first);
                    renamed = Some((Box::new(other), first));
                }
            }
        }
        Some(Named { hash, renamed })
    }

    async fn verdict(
        &self,
        project: &ProjectId,
        window: &Window,
        hash: u64,
        event: &Event,
        rows: &NewRows,
        builder: &BatchBuilder,
    ) -> Verdict {
        let mut candidates = window.candidates(hash);
        if candidates.is_empty() {
            return Verdict::New;
        }
        let in_runs = self.shared.parts.look_up(project, &candidates, hash).await;
        candidates.positions.extend(in_runs);
        for at in candidates.positions {
            let found = match at.0.checked_sub(rows.first.0) {
                Some(row) => rows.compare(usize::try_from(row).unwrap_or(usize::MAX), event, builder),
                None => self.compare(project, at, event).await,
            };
            match found.flatten() {
                Some(true) => return Verdict::Duplicate,
                Some(false) => return Verdict::Taken(at),
                None => {}
            }
        }
        Verdict::New
    }

    /// Compares with a committed event. `Some(None)`: another id; `Some(Some(same content))`. What cannot be read counts
    /// as another event: storing one twice is better than losing one.
    async fn compare(&self, project: &ProjectId, at: Position, event: &Event) -> Option<Option<bool>> {
        let row = match self.shared.event(project, at).await {
            Ok(row) => row?,
            Err(error) => {
                tracing::error!(%error, %project, seq = at.0, "an event could not be compared with a new one of the same id");
                return None;
            }
        };
        let same_id = row.column(columns::EVENT_ID).as_string::<i32>().value(0) == event.event_id;
        Some(same_id.then(|| same_content(event, &row)))
    }

    async fn load(&mut self, project: &ProjectId) -> std::result::Result<(), StoreError> {
        if self.projects.contains_key(project) {
            return Ok(());
        }
        let head = self.head(project);
        let (window, received_at) = Window::load(&self.shared, project, head).await?;
        let received_at = self.shared.times.received(project, head, received_at);
        self.projects.insert(project.clone(), ProjectState { head, received_at, window, used: 0 });
        Ok(())
    }
}

/// Two events with one id, to be told when both are on disk.
fn conflict(
    project: &ProjectId,
    of_first: String,
    first: Position,
    event: &Event,
    second: Position,
    stored: &Event,
) -> (Senders, Conflict) {
    let of_second = cut(event.draft.source_id.as_deref());
    let senders = Senders { project: project.clone(), first: of_first, second: of_second };
    let (id, stored_as) = (event.event_id.clone(), stored.event_id.clone());
    (senders, Conflict { id, first, second, stored_as })
}

fn projects_of(group: &[Pending]) -> Vec<ProjectId> {
    let mut projects: Vec<ProjectId> = Vec::new();
    let mut add = |project: &ProjectId| {
        if !projects.contains(project) {
            projects.push(project.clone());
        }
    };
    for pending in group {
        pending.submission.project.iter().filter(|_| !pending.submission.events.is_empty()).for_each(&mut add);
        if !pending.copies.is_empty() {
            add(&ProjectId::system());
        }
    }
    projects
}

/// What the batch of a group needs at most.
fn room(group: &[Pending]) -> BatchRoom {
    let mut room = BatchRoom::default();
    group.iter().flat_map(|p| p.submission.events.iter().chain(&p.copies)).for_each(|event| room.add(event));
    room
}

/// The same event as `<id>~<8 hex digits of its digest>`, labelled as far as there is room: what is stored must be taken again
/// when somebody posts it back.
fn under_other_name(event: &Event, limits: &EventLimits) -> Event {
    let mut other = event.clone();
    other.event_id = other_name(event, limits.event_id_bytes_max);
    let labels = &mut other.draft.labels;
    if labels.len() < limits.labels_max && !labels.iter().any(|label| label == CONFLICT_LABEL) {
        labels.push(CONFLICT_LABEL.to_owned());
    }
    other
}

/// An id with no room for the digest is cut, and the hash of the whole of it stands behind: two long ids with the same
/// beginning must not become one.
fn other_name(event: &Event, bytes_max: usize) -> String {
    let digest = hex::encode(&event.digest[..4]);
    let name = format!("{}~{digest}", event.event_id);
    if name.len() <= bytes_max {
        return name;
    }
    let behind = format!("~{digest}{:016x}", hash_id(&event.event_id));
    let kept = event.event_id.floor_char_boundary(bytes_max.saturating_sub(behind.len()));
    format!("{}{behind}", &event.event_id[..kept])
}
