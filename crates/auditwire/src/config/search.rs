//! `[search]`: limits of searches and exports.

use std::time::Duration;

use auditwire_engine::export::ExportSettings;
use auditwire_engine::search::SearchSettings;

use super::raw::Raw;
use super::units;

/// `[search]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SearchConfig {
    /// See [`SearchSettings::time_max`].
    pub(crate) time_max: Duration,
    /// See [`SearchSettings::searches_max`].
    pub(crate) searches_max: usize,
    /// See [`ExportSettings::exports_max`].
    pub(crate) exports_max: usize,
}

impl SearchConfig {
    /// What the engine takes.
    pub(crate) fn settings(self) -> (SearchSettings, ExportSettings) {
        let search =
            SearchSettings { time_max: self.time_max, searches_max: self.searches_max, ..SearchSettings::default() };
        (search, ExportSettings { exports_max: self.exports_max, ..ExportSettings::default() })
    }
}

/// Reads the section.
pub(super) fn search(raw: &mut Raw) -> Option<SearchConfig> {
    let time_max = raw.parsed("search", "time_max", units::duration);
    let searches_max = raw.size("search", "searches_max", 1, 4096);
    let exports_max = raw.size("search", "exports_max", 1, 1024);
    if time_max.is_some_and(|time| !(Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&time)) {
        raw.problem("search", "time_max", "\"1 s\" to \"1 h\"");
    }
    Some(SearchConfig { time_max: time_max?, searches_max: searches_max?, exports_max: exports_max? })
}
