//! Events as files for others to read: which formats there are, and a pure writer for each. The engine's `export` decides
//! which events. `docs/formats/export.md` says what a reader may rely on.

mod cells;
pub mod csv;
pub mod flat;
mod formulas;
pub mod jsonl;
pub mod tsv;

pub use cells::COLUMNS;
pub use formulas::Formulas;

/// A format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Tab-separated values.
    Tsv,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// One event per line, as its canonical bytes.
    JsonLines,
    /// Parquet, one flat table.
    Parquet,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Tsv, Self::Csv, Self::JsonLines, Self::Parquet];

    /// Its name in requests and audit events; also what the names of its files end in.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tsv => "tsv",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// The format of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// What HTTP calls it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Tsv => "text/tab-separated-values; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}
