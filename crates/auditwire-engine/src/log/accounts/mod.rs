//! Accounts of the files of sealed events: what lies in the folder, held against what the store says of it. A file that the
//! store neither names nor has left there itself may be all that is left of somebody's history (a store of an earlier day was put
//! back): it is never removed without being asked for.

mod adopt;
mod gaps;
mod manifest;
mod plan;
mod settle;
mod start;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use object_store::ObjectStore;

use super::error;
use super::sweep::segment_number;
use crate::error::Result;
use crate::readiness::{Readiness, Trouble};
use crate::store::{SegmentId, Store};
pub use adopt::{Adoption, Verdict};
pub use manifest::{Entry, Holding, Manifest};
pub use settle::{adopted, discard, unwanted};
pub(super) use start::{Found, Start};

/// The folder inside the folder of segments where files lie that somebody has to decide on.
pub const ASIDE: &str = "unaccounted";

/// What lies in the folder, and what the store says of it.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// How many segments the store names whose files are there.
    pub there: usize,
    /// Those whose files are not there: their numbers, and the names of the files.
    pub missing: Vec<(SegmentId, String)>,
    /// Files with a segment's name that the store knows nothing of, and their lengths.
    pub unknown: BTreeMap<String, u64>,
    /// Files that were set aside, by their names without the folder, and their lengths.
    pub aside: BTreeMap<String, u64>,
    /// Files that the store has left there and will remove, and their lengths.
    pub left: BTreeMap<String, u64>,
    /// The highest number that a file has in its name.
    pub last_number: u64,
}

impl Accounts {
    /// Looks.
    ///
    /// # Errors
    /// When the folder or the store cannot be read.
    pub async fn look(store: &dyn Store, objects: &dyn ObjectStore) -> Result<Self> {
        // Files first: one whose commit comes between the two looks must not pass for unknown.
        let listed: Vec<_> = objects.list(None).try_collect().await.map_err(error::segments_not_listed)?;
        let left = store.left_files().await.map_err(error::read)?;
        let segments = store.segments().await.map_err(error::read)?;
        let mut accounts = Self::default();
        let mut there = BTreeSet::new();
        for object in listed {
            let name = object.location.to_string();
            match (segment_number(&name), name.strip_prefix(ASIDE).and_then(|rest| rest.strip_prefix('/'))) {
                (Some(_), _) => drop(accounts.unknown.insert(name.clone(), object.size)),
                (None, Some(aside)) if segment_number(aside).is_some() => {
                    accounts.aside.insert(aside.to_owned(), object.size);
                }
                // Somebody's, and no file of events.
                _ => continue,
            }
            let number = segment_number(name.rsplit('/').next().unwrap_or(&name));
            accounts.last_number = accounts.last_number.max(number.unwrap_or_default());
            there.insert(name);
        }
        for (segment, _) in segments.iter().filter(|(segment, _)| !segment.is_gap()) {
            accounts.unknown.remove(&segment.name);
            if there.contains(&segment.name) {
                accounts.there += 1;
            } else {
                accounts.missing.push((segment.id, segment.name.clone()));
            }
        }
        for file in left {
            accounts.left.extend(accounts.unknown.remove_entry(&file.name));
        }
        Ok(accounts)
    }

    /// Raises or clears the trouble of missing files.
    pub(super) fn tell_missing(&self, readiness: &Readiness) {
        const NAMED_MAX: usize = 4;
        let names: Vec<&str> = self.missing.iter().take(NAMED_MAX).map(|(_, name)| name.as_str()).collect();
        let more = if self.missing.len() > NAMED_MAX { ", …" } else { "" };
        let all = self.there + self.missing.len();
        let detail = || format!("{} of {all} files: {}{more}", self.missing.len(), names.join(", "));
        readiness.set(Trouble::SegmentsMissing, (!names.is_empty()).then(detail));
    }

    /// Every file is named, and every named file is there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.unknown.is_empty() && self.aside.is_empty()
    }
}
