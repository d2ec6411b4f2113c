//! What was set aside, as a document beside it: which file holds what. Only a report: the files say it themselves, and a
//! document that is lost is made anew from them.

use auditwire_model::{Position, ProjectId, Timestamp};
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};

use super::ASIDE;
use crate::log::segment::{Run, SegmentError, Survey};

/// The version that is written.
const VERSION: u32 = 1;

/// The document `unaccounted/manifest.json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// Of the document.
    pub version: u32,
    /// What was set aside, by name.
    pub files: Vec<Entry>,
}

/// A file that the store knows nothing of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its name, without a folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// When it was found.
    pub found_at: Timestamp,
    /// The instance whose store wrote it, if it says so.
    pub store: Option<String>,
    /// How many events it holds.
    pub rows: u64,
    /// Whose.
    pub projects: Vec<Holding>,
    /// Why it cannot be read, if it cannot.
    pub unreadable: Option<String>,
}

/// What a file holds of a project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Holding {
    /// Which project.
    pub project: ProjectId,
    /// Its lowest position in the file.
    pub first_seq: Position,
    /// Its highest one; there may be holes in between.
    pub last_seq: Position,
    /// How many events.
    pub rows: u64,
    /// The earliest event time.
    pub first_at: Timestamp,
    /// The latest event time.
    pub last_at: Timestamp,
    /// When the last of them was received.
    pub received_at: Timestamp,
}

impl Manifest {
    /// Reads it; an empty one when there is none, or none that can be read.
    pub(crate) async fn read(objects: &dyn ObjectStore) -> Self {
        let Ok(found) = objects.get(&place()).await else { return Self::default() };
        let bytes = found.bytes().await.unwrap_or_default();
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(manifest) if manifest.version == VERSION => manifest,
            _ => Self::default(),
        }
    }

    /// Writes it; on disk when this returns.
    pub(crate) async fn write(objects: &dyn ObjectStore, files: Vec<Entry>) -> object_store::Result<()> {
        let manifest = Self { version: VERSION, files };
        let text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        objects.put(&place(), text.into()).await.map(drop)
    }
}

fn place() -> object_store::path::Path {
    format!("{ASIDE}/manifest.json").into()
}

impl Entry {
    pub(super) fn new(file: &str, bytes: u64, found_at: Timestamp, read: &Result<Survey, SegmentError>) -> Self {
        let (survey, unreadable) = (read.as_ref().ok(), read.as_ref().err().map(ToString::to_string));
        let (store, rows) = (survey.and_then(|survey| survey.store.clone()), survey.map_or(0, |survey| survey.rows));
        let projects = holdings(survey.map_or(&[], |survey| &survey.runs));
        Self { file: file.to_owned(), bytes, found_at, store, rows, projects, unreadable }
    }

    /// It says that the store of another instance wrote it.
    #[must_use]
    pub fn is_foreign(&self, own: Option<&str>) -> bool {
        matches!((&self.store, own), (Some(store), Some(own)) if store != own)
    }
}

fn holdings(runs: &[Run]) -> Vec<Holding> {
    let mut holdings: Vec<Holding> = Vec::new();
    for run in runs {
        match holdings.last_mut() {
            Some(holding) if holding.project == run.project => {
                holding.last_seq = run.last();
                holding.rows += u64::from(run.rows);
                holding.first_at = holding.first_at.min(run.time_min);
                holding.last_at = holding.last_at.max(run.time_max);
                holding.received_at = run.received_max;
            }
            _ => holdings.push(Holding {
                project: run.project.clone(),
                first_seq: run.first,
                last_seq: run.last(),
                rows: u64::from(run.rows),
                first_at: run.time_min,
                last_at: run.time_max,
                received_at: run.received_max,
            }),
        }
    }
    holdings
}
