//! Event severity: one ordered scale, and its place on the scales of syslog, CEF and LEEF.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much an event matters, lowest first. The order is the one the search language uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum Severity {
    /// The source said nothing.
    #[default]
    Default = 0,
    /// For developers.
    Debug = 1,
    /// Normal operation.
    Info = 2,
    /// Normal, but worth a look.
    Notice = 3,
    /// May become a problem.
    Warning = 4,
    /// An operation failed.
    Error = 5,
    /// A component failed.
    Critical = 6,
    /// Someone must act at once.
    Alert = 7,
    /// The system is unusable.
    Emergency = 8,
}

impl Severity {
    /// All of them, lowest first.
    pub const ALL: [Self; 9] = [
        Self::Default,
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// The stored rank, 0 to 8.
    #[must_use]
    pub fn rank(self) -> u8 {
        self as u8
    }

    /// The severity of a stored rank.
    #[must_use]
    pub fn from_rank(rank: u8) -> Option<Self> {
        Self::ALL.get(usize::from(rank)).copied()
    }

    /// Reads a name in any case, with the usual short forms (WARN, ERR, CRIT, FATAL, EMERG, TRACE).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const NAMES: [(&str, Severity); 15] = [
            ("DEFAULT", Severity::Default),
            ("DEBUG", Severity::Debug),
            ("TRACE", Severity::Debug),
            ("INFO", Severity::Info),
            ("NOTICE", Severity::Notice),
            ("WARNING", Severity::Warning),
            ("WARN", Severity::Warning),
            ("ERROR", Severity::Error),
            ("ERR", Severity::Error),
            ("CRITICAL", Severity::Critical),
            ("CRIT", Severity::Critical),
            ("FATAL", Severity::Critical),
            ("ALERT", Severity::Alert),
            ("EMERGENCY", Severity::Emergency),
            ("EMERG", Severity::Emergency),
        ];
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, s)| *s)
    }

    /// The name in answers and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
            Self::Alert => "ALERT",
            Self::Emergency => "EMERGENCY",
        }
    }

    /// RFC 5424 section 6.2.1, table 2. DEFAULT counts as informational.
    #[must_use]
    pub fn syslog(self) -> u8 {
        match self {
            Self::Default | Self::Info => 6,
            Self::Debug => 7,
            Self::Notice => 5,
            Self::Warning => 4,
            Self::Error => 3,
            Self::Critical => 2,
            Self::Alert => 1,
            Self::Emergency => 0,
        }
    }

    /// CEF's 0 to 10 (CEF Implementation Standard, chapter 1); monotonic, and all four of its bands occur.
    #[must_use]
    pub fn cef(self) -> u8 {
        match self {
            Self::Debug => 0,
            Self::Default => 1,
            Self::Info => 2,
            Self::Notice => 3,
            Self::Warning => 5,
            Self::Error => 7,
            Self::Critical => 8,
            Self::Alert => 9,
            Self::Emergency => 10,
        }
    }

    /// LEEF's 1 to 10 (IBM's table of predefined attributes): CEF's number, as nothing is below 1.
    #[must_use]
    pub fn leef(self) -> u8 {
        self.cef().max(1)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ranks_come_back() {
        for (rank, severity) in (0..).zip(Severity::ALL) {
            assert_eq!((severity.rank(), Severity::from_rank(rank)), (rank, Some(severity)));
            assert_eq!(Severity::parse(&severity.as_str().to_lowercase()), Some(severity));
            assert_eq!(serde_json::to_string(&severity).unwrap(), format!("\"{severity}\""));
        }
        assert_eq!(Severity::from_rank(9), None);
        for (short, severity) in [
            ("warn", Severity::Warning),
            ("Err", Severity::Error),
            ("CRIT", Severity::Critical),
            ("fatal", Severity::Critical),
            ("emerg", Severity::Emergency),
            ("trace", Severity::Debug),
        ] {
            assert_eq!(Severity::parse(short), Some(severity));
        }
        for wrong in ["", "WARNINGS", " INFO", "3"] {
            assert_eq!(Severity::parse(wrong), None);
        }
    }

    /// A receiver that sorts by its own scale must sort as we do, but for DEFAULT, which says nothing.
    #[test]
    fn other_scales_keep_the_order() {
        assert!(Severity::ALL[1..].is_sorted_by(|low, high| low.syslog() > high.syslog()));
        assert!(Severity::ALL[1..].is_sorted_by(|low, high| low.cef() < high.cef()));
        let bands = |severity: &Severity| match severity.cef() {
            0..=3 => 0,
            4..=6 => 1,
            7..=8 => 2,
            _ => 3,
        };
        let all: std::collections::BTreeSet<_> = Severity::ALL.iter().map(bands).collect();
        assert_eq!(all.len(), 4);
    }
}
