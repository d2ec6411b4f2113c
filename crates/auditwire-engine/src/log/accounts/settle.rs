//! The last word on files that were not accounted for: what an adoption leaves to be written by a log that runs again, and
//! files that somebody does not want.

use std::sync::Arc;

use auditwire_model::access::Caller;
use auditwire_model::{Clock, ProjectId, Severity};
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::adopt::Verdict;
use super::manifest::{Entry, Manifest};
use super::start::describe;
use super::{ASIDE, Accounts};
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::segment::Segments;
use crate::log::{Log, Submission, error};
use crate::records::Instance;
use crate::store::{RecordKey, RecordKind, Store};
use crate::{engine, projects as records};

/// Writes what goes with an adoption: the instance's identity where the store is new, a record for each project whose events came
/// back, so that it can be seen, and the event that tells of it.
///
/// # Errors
/// When the store fails; it may be repeated.
pub async fn adopted(store: &dyn Store, log: &Log, clock: &dyn Clock, verdicts: &[Verdict]) -> Result<Instance> {
    let was = verdicts.iter().filter(|verdict| verdict.taken > 0).find_map(|verdict| verdict.entry.store.clone());
    let instance = engine::identity(store, log, clock, was).await?;
    let now = clock.now();
    let mut changes = Vec::new();
    // Those of an adoption that was not told to its end, too.
    for project in store.heads().await?.0.into_iter().map(|head| head.project) {
        if store.record(&RecordKey::global(RecordKind::Project, project.as_str())).await?.is_none() {
            changes.push(records::put(&project, project.as_str(), now)?);
        }
    }
    let event = |verdict: &Verdict| {
        Audit::new(action::STORE_ADOPT, &Caller::Service)
            .on("segment", &verdict.entry.file)
            .with("events", verdict.taken)
            .with("holds", describe(&verdict.entry))
            .message(format!("The file {} was taken into the store: {} events", verdict.entry.file, verdict.taken))
            .build(now)
    };
    let events = verdicts.iter().filter(|verdict| verdict.taken > 0).map(event).collect();
    log.submit(Submission { project: Some(ProjectId::system()), events, changes }).await?;
    Ok(instance)
}

/// What would go: the files of these names that are not accounted for.
///
/// # Errors
/// `file_not_found`; else when the folder cannot be read.
pub async fn unwanted(
    store: &dyn Store,
    objects: &Arc<dyn ObjectStore>,
    clock: &dyn Clock,
    names: &[String],
) -> Result<Vec<Entry>> {
    let accounts = Accounts::look(store, &**objects).await?;
    let segments = Segments::new(Arc::clone(objects));
    let mut entries = Vec::new();
    for name in names {
        let name = name.rsplit('/').next().unwrap_or(name);
        let Some(bytes) = accounts.aside.get(name) else {
            let detail =
                format!("there is no file {name} that was set aside; `auditwire store inspect` lists what there is");
            return Err(Error::new(Kind::NotFound, "file_not_found", detail));
        };
        entries.push(Entry::new(name, *bytes, clock.now(), &segments.survey(&format!("{ASIDE}/{name}")).await));
    }
    Ok(entries)
}

/// Removes files that were set aside. The event that says what was in them is on disk before they go.
///
/// # Errors
/// When the store or the folder fails; it may be repeated.
pub async fn discard(log: &Log, objects: &dyn ObjectStore, clock: &dyn Clock, entries: &[Entry]) -> Result<()> {
    let event = |entry: &Entry| {
        Audit::new(action::STORE_DISCARD, &Caller::Service)
            .on("segment", &entry.file)
            .severity(Severity::Warning)
            .with("bytes", entry.bytes)
            .with("events", entry.rows)
            .with("holds", describe(entry))
            .message(format!(
                "The file {} was removed, which the store knew nothing of ({})",
                entry.file,
                describe(entry)
            ))
            .build(clock.now())
    };
    let events = entries.iter().map(event).collect();
    log.submit(Submission { project: Some(ProjectId::system()), events, changes: Vec::new() }).await?;
    for entry in entries {
        match objects.delete(&format!("{ASIDE}/{}", entry.file).into()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(source) => return Err(error::segment_not_removed(&entry.file, source)),
        }
    }
    let mut left = Manifest::read(objects).await.files;
    left.retain(|entry| !entries.iter().any(|gone| gone.file == entry.file));
    if let Err(error) = Manifest::write(objects, left).await {
        tracing::warn!(%error, "the manifest of what is set aside could not be written; the next start does without");
    }
    Ok(())
}
