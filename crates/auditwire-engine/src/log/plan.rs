//! Prepares a group: drops duplicates, gives positions, and builds the one batch and its directory of spans.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use auditwire_model::event::{BatchBuilder, Event, columns};
use auditwire_model::{Position, ProjectId, Timestamp};

use super::blob;
use super::commit::{Committer, Pending, Step};
use super::duplicates::{Window, hash_id};
use super::error;
use super::same::same_content;
use crate::error::Result;
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
    /// Ids that this group added to the windows.
    pub(super) remembered: Vec<(ProjectId, u64, Position)>,
    /// How many id runs ride along, and which end with it.
    pub(super) runs: usize,
    pub(super) expired: Vec<(ProjectId, Position)>,
    /// Events that end with it.
    pub(super) expire: Vec<Expire>,
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

    pub(super) fn received_at(&self, project: &ProjectId) -> Option<Timestamp> {
        self.received_at.get(project).copied()
    }
}

/// What a window says about an event.
enum Verdict {
    New,
    Duplicate,
    /// Its id belongs to another content.
    Taken,
}

impl Committer {
    /// Prepares the group. What it remembers in the windows is forgotten again if the commit fails.
    pub(super) async fn plan(&mut self, group: &mut [Pending]) -> Result<Plan> {
        let mut plan = Plan { positions: vec![Vec::new(); group.len()], ..Plan::default() };
        let mut builder = BatchBuilder::default();
        for project in projects_of(group) {
            self.load(&project).await.map_err(error::read)?;
            self.plan_project(&project, group, &mut builder, &mut plan).await;
        }
        plan.commit.changes = group.iter().flat_map(|pending| pending.submission.changes.iter().cloned()).collect();
        for Step { seal, expire, drop_groups, shrink: _ } in
            group.iter_mut().filter_map(|pending| pending.upkeep.take())
        {
            plan.expire.clone_from(&expire);
            (plan.commit.seal, plan.commit.expire, plan.commit.drop_groups) = (seal, expire, drop_groups);
        }
        self.add_runs(&mut plan.commit);
        if builder.is_empty() {
            return Ok(plan);
        }
        let id = self.next_group();
        let batch = builder.finish().map_err(error::defect)?;
        let blob = blob::encode(&batch).map_err(error::defect)?;
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
            let expired = state.window.expired(state.head, self.shared.clock.now(), &self.shared.settings);
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
        let Some(state) = self.projects.get(project) else { return };
        let (first, offset, mut received_at) = (state.head.next(), builder.len(), state.received_at);
        let mut next = first;
        // The new rows, so that a repetition inside the group is seen, too.
        let mut rows: Vec<(String, [u8; 16])> = Vec::new();
        for (index, pending) in group.iter_mut().enumerate() {
            if pending.submission.project.as_ref() != Some(project) {
                continue;
            }
            for event in &mut pending.submission.events {
                received_at = received_at.max(event.received_at);
                event.received_at = received_at;
                if event.timestamp_from_receipt {
                    event.timestamp = received_at;
                }
                let mut hash = hash_id(&event.event_id);
                let mut renamed: Option<Event> = None;
                let mut duplicate = false;
                for _ in 0..NAMES_MAX {
                    let asked = renamed.as_ref().unwrap_or(event);
                    match self.verdict(project, hash, asked, first, &rows).await {
                        Verdict::New => break,
                        Verdict::Duplicate => {
                            duplicate = true;
                            break;
                        }
                        Verdict::Taken => {
                            let other = under_other_name(asked);
                            hash = hash_id(&other.event_id);
                            renamed = Some(other);
                        }
                    }
                }
                if duplicate {
                    plan.duplicates += 1;
                    plan.positions[index].push(None);
                    continue;
                }
                let stored = renamed.as_ref().unwrap_or(event);
                builder.push(next, stored);
                rows.push((stored.event_id.clone(), stored.digest));
                if let Some(state) = self.projects.get_mut(project) {
                    state.window.insert(hash, next);
                }
                plan.remembered.push((project.clone(), hash, next));
                plan.positions[index].push(Some(next));
                next = next.next();
            }
        }
        let Ok(rows) = u32::try_from(builder.len() - offset) else { return };
        if rows > 0 {
            let (place, offset) = (Place::Group(GroupId(0)), u32::try_from(offset).unwrap_or(u32::MAX));
            let time = Timestamp::EPOCH;
            let project = project.clone();
            plan.received_at.insert(project.clone(), received_at);
            plan.spans.push(Span {
                place,
                project,
                first,
                rows,
                offset,
                time_min: time,
                time_max: time,
                blob_bytes: 0,
            });
        }
    }

    async fn verdict(
        &self,
        project: &ProjectId,
        hash: u64,
        event: &Event,
        first: Position,
        rows: &[(String, [u8; 16])],
    ) -> Verdict {
        let Some(state) = self.projects.get(project) else { return Verdict::New };
        let mut candidates = state.window.candidates(hash);
        if candidates.is_empty() {
            return Verdict::New;
        }
        let in_runs = self.shared.parts.look_up(project, &candidates, hash).await;
        candidates.positions.extend(in_runs);
        for at in candidates.positions {
            let found = match at.0.checked_sub(first.0) {
                Some(row) => rows
                    .get(usize::try_from(row).unwrap_or(usize::MAX))
                    .map(|(id, digest)| (*id == event.event_id).then_some(*digest == event.digest)),
                None => self.compare(project, at, event).await,
            };
            match found.flatten() {
                Some(true) => return Verdict::Duplicate,
                Some(false) => return Verdict::Taken,
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
        self.projects.insert(project.clone(), ProjectState { head, received_at, window, used: 0 });
        Ok(())
    }
}

fn projects_of(group: &[Pending]) -> Vec<ProjectId> {
    let mut projects: Vec<ProjectId> = Vec::new();
    for pending in group {
        if let Some(project) = &pending.submission.project
            && !pending.submission.events.is_empty()
            && !projects.contains(project)
        {
            projects.push(project.clone());
        }
    }
    projects
}

/// The same event as `<id>~<8 hex digits of its digest>`, labelled.
fn under_other_name(event: &Event) -> Event {
    let mut other = event.clone();
    other.event_id = format!("{}~{}", event.event_id, hex::encode(&event.digest[..4]));
    if !other.draft.labels.iter().any(|label| label == CONFLICT_LABEL) {
        other.draft.labels.push(CONFLICT_LABEL.to_owned());
    }
    other
}
