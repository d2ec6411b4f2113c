//! Every project's connections, a page at a time, for the operator: those that are not well first.
//!
//! All connections are ordered by what is known without reading how far each has come; that is read for the page alone. So a
//! page costs three reads of all records of a kind and two for each row that it shows.

use std::collections::HashMap;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ProjectId, Timestamp};

use super::view::{Standing, complete, standing};
use super::{ConnectionView, stored};
use crate::Engine;
use crate::delivery::Status;
use crate::error::{Error, Result};
use crate::projects::authorize_above;
use crate::records::{ActiveConnectionRecord, ConnectionRecord, Document, Project, ProjectRecord, StoredConnection};
use crate::store::RecordKind;

/// Rows of one page at most.
pub const OVERVIEW_MAX: usize = 200;
/// Characters of the text that is looked for, at most: those of a project's or connection's name.
const TEXT_MAX: usize = 256;

/// Which connections are asked for.
#[derive(Debug, Clone, Default)]
pub struct OverviewAsked {
    /// Only those with one of these; none: all.
    pub statuses: Vec<Status>,
    /// Only those that have this text in their name, their connection point, or the id or name of their project; upper and
    /// lower case are the same.
    pub text: String,
    /// Only those after this place.
    pub after: Option<OverviewPlace>,
    /// 1 to [`OVERVIEW_MAX`].
    pub limit: usize,
}

/// A page of the overview.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Of all projects, whatever was asked for.
    pub totals: OverviewTotals,
    /// How many connections there are of those that were asked for, on all pages.
    pub matched: usize,
    /// Failing, degraded, active, inactive; those that are not well by how long they have not been, the others by project and
    /// name.
    pub rows: Vec<OverviewRow>,
    /// The place of the last row, when there are more.
    pub next: Option<OverviewPlace>,
}

/// A connection and whose it is.
#[derive(Debug, Clone)]
pub struct OverviewRow {
    /// Whose.
    pub project: Project,
    /// The connection.
    pub connection: ConnectionView,
}

/// How many connections have each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OverviewTotals {
    /// `failing`.
    pub failing: usize,
    /// `degraded`.
    pub degraded: usize,
    /// `active` and well.
    pub active: usize,
    /// `inactive`.
    pub inactive: usize,
}

impl OverviewTotals {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> usize {
        self.failing + self.degraded + self.active + self.inactive
    }

    fn count(&mut self, status: Status) {
        *match status {
            Status::Failing => &mut self.failing,
            Status::Degraded => &mut self.degraded,
            Status::Active => &mut self.active,
            Status::Inactive => &mut self.inactive,
        } += 1;
    }
}

/// Where a row stands in the order. As text it is a cursor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OverviewPlace {
    pub(super) rank: u8,
    /// Of one that is not well; the others are not ordered by time.
    pub(super) since: Option<Timestamp>,
    pub(super) project: ProjectId,
    pub(super) name: String,
}

impl OverviewPlace {
    fn of(project: &ProjectId, connection: &StoredConnection, standing: &Standing) -> Self {
        let (rank, since) = match standing.status {
            Status::Failing => (0, Some(standing.since)),
            Status::Degraded => (1, Some(standing.since)),
            Status::Active => (2, None),
            Status::Inactive => (3, None),
        };
        Self { rank, since, project: project.clone(), name: connection.spec.name.clone() }
    }

    /// Reads what [`Display`](std::fmt::Display) writes.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Error::invalid("invalid_cursor", "cursor", "this is no cursor; use the text of `next` as it is")
        })
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('1')?.split('.');
        let (rank, since, project, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let since = if since.is_empty() { None } else { Some(Timestamp::from_nanos(since.parse().ok()?)?) };
        let name = String::from_utf8(hex::decode(name).ok()?).ok()?;
        let (rank, project) = (rank.parse().ok()?, ProjectId::parse(project).ok()?);
        parts.next().is_none().then_some(Self { rank, since, project, name })
    }
}

/// Version 1: `1`, then the parts with dots between them.
impl std::fmt::Display for OverviewPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let since = self.since.map(|since| since.as_nanos().to_string()).unwrap_or_default();
        write!(f, "1{}.{since}.{}.{}", self.rank, self.project, hex::encode(&self.name))
    }
}

/// A connection before its page is known.
struct Found<'a> {
    place: OverviewPlace,
    project: &'a Project,
    connection: StoredConnection,
    standing: Standing,
}

/// The connections of all projects. Operator only.
///
/// # Errors
/// `forbidden`, `invalid_limit`, `invalid_text`.
pub async fn overview(engine: &Engine, caller: &Caller, asked: &OverviewAsked) -> Result<Overview> {
    authorize_above(engine, caller, Verb::ConnectionsOverview).await?;
    let OverviewAsked { statuses, text, after, limit } = asked;
    if !(1..=OVERVIEW_MAX).contains(limit) {
        return Err(Error::invalid("invalid_limit", "limit", format!("a page has 1 to {OVERVIEW_MAX} connections")));
    }
    if text.chars().count() > TEXT_MAX {
        return Err(Error::invalid("invalid_text", "text", format!("the text has at most {TEXT_MAX} characters")));
    }
    let wanted = text.trim().to_lowercase();
    let projects = projects(engine).await?;
    let mut totals = OverviewTotals::default();
    let mut found = Vec::new();
    for one in connections(engine, &projects).await? {
        totals.count(one.standing.status);
        let has_status = statuses.is_empty() || statuses.contains(&one.standing.status);
        if has_status && one.has(&wanted) {
            found.push(one);
        }
    }
    let matched = found.len();
    found.retain(|one| after.as_ref().is_none_or(|after| one.place > *after));
    found.sort_by(|a, b| a.place.cmp(&b.place));
    let more = found.len() > *limit;
    found.truncate(*limit);
    let next = found.last().filter(|_| more).map(|last| last.place.clone());
    let mut rows = Vec::with_capacity(found.len());
    for Found { project, connection, standing, .. } in found {
        let connection = complete(engine, &project.id, connection, standing).await?;
        rows.push(OverviewRow { project: project.clone(), connection });
    }
    Ok(Overview { totals, matched, rows, next })
}

impl Found<'_> {
    /// `wanted` is in lower case.
    fn has(&self, wanted: &str) -> bool {
        let Found { project, connection, .. } = self;
        let endpoint = connection.spec.endpoint.to_string();
        let texts = [connection.spec.name.as_str(), endpoint.as_str(), project.name.as_str(), project.id.as_str()];
        wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(wanted))
    }
}

async fn projects(engine: &Engine) -> Result<HashMap<ProjectId, Project>> {
    let mut projects = HashMap::new();
    for record in engine.store.records(RecordKind::Project, None).await? {
        let project = ProjectRecord::decode(&record)?.into_current();
        projects.insert(project.id.clone(), project);
    }
    Ok(projects)
}

async fn connections<'a>(engine: &Engine, projects: &'a HashMap<ProjectId, Project>) -> Result<Vec<Found<'a>>> {
    let mut active = HashMap::new();
    for record in engine.store.records(RecordKind::ActiveConnection, None).await? {
        if let Some(project) = record.key.project.clone() {
            active.insert(project, ActiveConnectionRecord::decode(&record)?.into_current());
        }
    }
    let never = stored::never_active(engine);
    let mut found = Vec::new();
    for record in engine.store.records(RecordKind::Connection, None).await? {
        let Some(project) = record.key.project.as_ref().and_then(|id| projects.get(id)) else { continue };
        let connection = ConnectionRecord::decode(&record)?.into_current();
        let standing = standing(engine, &connection, active.get(&project.id).unwrap_or(&never));
        let place = OverviewPlace::of(&project.id, &connection, &standing);
        found.push(Found { place, project, connection, standing });
    }
    Ok(found)
}
