//! What was looked at and is not told yet. Bounded: a caller has at most [`QUESTIONS`] questions in a minute; what else it asks
//! becomes one.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use auditwire_model::access::Caller;
use auditwire_model::event::Plane;
use auditwire_model::{ProjectId, Timestamp};
use parking_lot::{Mutex, RwLock};

/// Different questions of one caller that are told one by one in a minute.
pub(super) const QUESTIONS: usize = 20;
const MINUTE: i64 = 60_000_000_000;

/// Which projects want to be told, and what there is to tell.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    audited: RwLock<HashMap<ProjectId, bool>>,
    looks: Mutex<HashMap<(ProjectId, String), Minute>>,
}

/// What is one event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) address: Option<IpAddr>,
    /// None: several, more than are told one by one.
    pub(super) query: Option<String>,
    pub(super) plane: Option<Plane>,
}

/// What was seen by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// How it was looked at.
    pub(super) ways: BTreeSet<&'static str>,
    /// The earliest and the latest time asked for; none is no bound.
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    pub(super) requests: u64,
    /// Handed out.
    pub(super) events: u64,
    /// When it was noted.
    pub(super) first_at: Option<Timestamp>,
    pub(super) last_at: Option<Timestamp>,
}

/// A caller's.
#[derive(Debug)]
struct Minute {
    number: i64,
    looks: HashMap<Asked, (Caller, Seen)>,
}

/// A look of one caller at one project.
pub(super) type Told = (ProjectId, Caller, Asked, Seen);

impl Seen {
    /// One request.
    pub(super) fn one(way: &'static str, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        Self { ways: BTreeSet::from([way]), from, to, requests: 1, ..Self::default() }
    }

    /// What was counted so far; what follows belongs to the same request.
    pub(super) fn take(&mut self) -> Self {
        let taken = self.clone();
        (self.requests, self.events) = (0, 0);
        taken
    }

    fn merge(&mut self, other: Self) {
        self.ways.extend(other.ways);
        self.from = self.from.zip(other.from).map(|(one, other)| one.min(other));
        self.to = self.to.zip(other.to).map(|(one, other)| one.max(other));
        self.requests += other.requests;
        self.events += other.events;
        self.first_at = self.first_at.or(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
    }
}

impl Desk {
    pub(super) fn is_audited(&self, project: &ProjectId) -> Option<bool> {
        self.audited.read().get(project).copied()
    }

    /// What was read of the store, unless somebody switched it meanwhile.
    pub(super) fn learned(&self, project: &ProjectId, audited: bool) -> bool {
        *self.audited.write().entry(project.clone()).or_insert(audited)
    }

    pub(super) fn switched(&self, project: &ProjectId, audited: bool) {
        self.audited.write().insert(project.clone(), audited);
    }

    /// Adds a look. What its caller asked in the same way is one with it.
    pub(super) fn note(&self, project: &ProjectId, caller: &Caller, asked: &Asked, mut seen: Seen, now: Timestamp) {
        seen.first_at = seen.first_at.or(Some(now));
        seen.last_at = seen.last_at.or(Some(now));
        let mut looks = self.looks.lock();
        let minute = looks
            .entry((project.clone(), caller.id().to_owned()))
            .or_insert_with(|| Minute { number: now.as_nanos().div_euclid(MINUTE), looks: HashMap::new() });
        let asked = if minute.looks.len() < QUESTIONS || minute.looks.contains_key(asked) {
            asked.clone()
        } else {
            Asked { address: None, query: None, plane: None }
        };
        match minute.looks.get_mut(&asked) {
            Some((_, all)) => all.merge(seen),
            None => {
                minute.looks.insert(asked, (caller.clone(), seen));
            }
        }
    }

    /// Takes what belongs to other minutes than the present one (they are over, or the clock was set back), or all.
    pub(super) fn over(&self, now: Timestamp, all: bool) -> Vec<Told> {
        let present = now.as_nanos().div_euclid(MINUTE);
        let over = self.looks.lock().extract_if(|_, minute| all || minute.number != present).collect::<Vec<_>>();
        let looks = over.into_iter().flat_map(|((project, _), minute)| {
            let looks = minute.looks.into_iter();
            looks.map(move |(asked, (caller, seen))| (project.clone(), caller, asked, seen))
        });
        looks.collect()
    }
}
