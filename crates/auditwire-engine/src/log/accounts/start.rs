//! What a start does about files that the store knows nothing of, before anything is written: they are set aside, and positions
//! go on behind everything that is found in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use auditwire_model::access::Caller;
use auditwire_model::{Clock, ProjectId, Severity, Timestamp};
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::gaps::raise;
use super::manifest::{Entry, Manifest};
use super::{ASIDE, Accounts};
use crate::audit::{Audit, action};
use crate::error::Result;
use crate::log::segment::Segments;
use crate::log::{Log, Submission, error};
use crate::readiness::{Readiness, Trouble};
use crate::store::{Commit, FileNote, SegmentId, Store};

/// What a start works with.
pub(in crate::log) struct Start<'s> {
    store: &'s Arc<dyn Store>,
    objects: &'s Arc<dyn ObjectStore>,
    segments: &'s Segments,
    clock: &'s dyn Clock,
    readiness: &'s Readiness,
}

/// What it found.
#[derive(Debug, Default)]
pub(in crate::log) struct Found {
    /// The highest number that any file has in its name, and any segment.
    pub(in crate::log) last_number: u64,
    /// Segments whose files are not there.
    pub(in crate::log) missing: BTreeSet<SegmentId>,
    /// What was set aside now.
    moved: Vec<Entry>,
}

impl<'s> Start<'s> {
    pub(in crate::log) fn new(
        store: &'s Arc<dyn Store>,
        objects: &'s Arc<dyn ObjectStore>,
        segments: &'s Segments,
        clock: &'s dyn Clock,
        readiness: &'s Readiness,
    ) -> Self {
        Self { store, objects, segments, clock, readiness }
    }

    /// Settles the accounts.
    ///
    /// # Errors
    /// `segments_without_store`: the store is empty, and files of events lie beside it. Else when the store or the folder cannot
    /// be read.
    pub(in crate::log) async fn settle(&self) -> Result<Found> {
        let mut accounts = Accounts::look(&**self.store, &**self.objects).await?;
        let (heads, _) = self.store.heads().await.map_err(error::read)?;
        let unaccounted = accounts.unknown.len() + accounts.aside.len();
        if heads.is_empty() && accounts.there == 0 && accounts.missing.is_empty() && unaccounted > 0 {
            return Err(error::segments_without_store(unaccounted));
        }
        let distrusted = self.distrust(&mut accounts);
        let before = Manifest::read(&**self.objects).await.files;
        let (mut entries, mut moved) = (Vec::new(), Vec::new());
        for (name, bytes) in &accounts.aside {
            let known = before.iter().find(|entry| entry.file == *name && entry.bytes == *bytes);
            entries.push(match known {
                Some(entry) => entry.clone(),
                None => self.survey(name, &format!("{ASIDE}/{name}"), *bytes).await,
            });
        }
        for (name, bytes) in &accounts.unknown {
            let entry = self.survey(name, name, *bytes).await;
            if self.set_aside(name).await {
                moved.push(entry.clone());
            }
            entries.push(entry);
        }
        if !moved.is_empty()
            && let Err(error) = Manifest::write(&**self.objects, entries.clone()).await
        {
            tracing::warn!(%error, "what was set aside could not be written down; the next start does it");
        }
        let last_number = raise(&**self.store, &entries, accounts.last_number, self.clock.now()).await?;
        self.forget(distrusted).await?;
        tell_unaccounted(self.readiness, &entries);
        accounts.tell_missing(self.readiness);
        let missing = accounts.missing.iter().map(|(id, _)| *id).collect();
        Ok(Found { last_number, missing, moved })
    }

    /// While a segment's file is missing, what the store has noted as its own leavings is not certain to be that: in the days that it
    /// does not remember a file that was being written may have taken the place of others.
    fn distrust(&self, accounts: &mut Accounts) -> Vec<String> {
        if accounts.missing.is_empty() {
            return Vec::new();
        }
        let left = std::mem::take(&mut accounts.left);
        let names = left.keys().cloned().collect();
        accounts.unknown.extend(left);
        names
    }

    async fn forget(&self, names: Vec<String>) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let files = names.into_iter().map(FileNote::Gone).collect();
        self.store.commit(Commit { files, ..Commit::default() }).await.map_err(error::read)
    }

    async fn survey(&self, name: &str, place: &str, bytes: u64) -> Entry {
        Entry::new(name, bytes, self.clock.now(), &self.segments.survey(place).await)
    }

    /// Moves a file out of the way. One that cannot be moved stays where it is: nobody removes it there, either.
    async fn set_aside(&self, name: &str) -> bool {
        let (from, to) = (name.into(), format!("{ASIDE}/{name}").into());
        // Never over another one.
        let moved = match self.objects.head(&to).await {
            Err(object_store::Error::NotFound { .. }) => self.objects.rename(&from, &to).await,
            Ok(_) => {
                Err(object_store::Error::AlreadyExists { path: to.to_string(), source: "a file of that name".into() })
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &moved {
            tracing::warn!(%error, file = name, "a file that the store knows nothing of could not be set aside; it stays");
        }
        moved.is_ok()
    }
}

impl Found {
    /// Tells in the log, and to whoever reads project `system`, what was set aside.
    pub(in crate::log) async fn tell(&self, log: &Log, now: Timestamp) {
        let mut events = Vec::new();
        for entry in &self.moved {
            let holds = describe(entry);
            tracing::warn!(
                file = entry.file,
                bytes = entry.bytes,
                events = entry.rows,
                holds,
                "the store knows nothing of a file of events; it was set aside in segments/{ASIDE}"
            );
            let event = Audit::new(action::STORE_UNACCOUNTED, &Caller::Service)
                .on("segment", &entry.file)
                .severity(Severity::Warning)
                .with("bytes", entry.bytes)
                .with("events", entry.rows)
                .with("holds", &holds)
                .message(format!(
                    "The store knows nothing of the file {} ({holds}); it was set aside. Look at it with `auditwire store inspect`",
                    entry.file
                ));
            events.push(event.build(now));
        }
        for events in events.chunks(256) {
            let submission =
                Submission { project: Some(ProjectId::system()), events: events.to_vec(), changes: Vec::new() };
            if let Err(error) = log.submit(submission).await {
                tracing::warn!(%error, "what was set aside could not be told in project system");
            }
        }
    }
}

/// Projects named in one text.
const NAMED_MAX: usize = 8;

/// For people: whose events, which, how many.
pub(super) fn describe(entry: &Entry) -> String {
    if let Some(why) = &entry.unreadable {
        return why.clone();
    }
    let mut named: Vec<String> = entry
        .projects
        .iter()
        .take(NAMED_MAX)
        .map(|of| format!("project {}: {} events, seq {} to {}", of.project, of.rows, of.first_seq, of.last_seq))
        .collect();
    if entry.projects.len() > NAMED_MAX {
        named.push(format!("{} more projects", entry.projects.len() - NAMED_MAX));
    }
    named.join("; ")
}

fn tell_unaccounted(readiness: &Readiness, entries: &[Entry]) {
    let events: u64 = entries.iter().map(|entry| entry.rows).sum();
    let detail = (!entries.is_empty()).then(|| format!("{} files with {events} events", entries.len()));
    readiness.set(Trouble::FilesUnaccounted, detail);
}
