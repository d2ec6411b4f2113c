//! How many records one key may make. Each cipher suite has a limit (`CipherSuiteCommon::confidentiality_limit` of rustls: 2^24 for
//! AES-GCM, none for ChaCha20). TLS 1.3 changes its keys by itself when it is reached; TLS 1.2 cannot, and past the limit rustls takes
//! what it is given and throws it away. So a connection of TLS 1.2 ends before, whoever made it.

use rustls::SupportedCipherSuite;

/// Counts the records that one side of a connection makes.
#[derive(Debug, Clone, Copy)]
pub struct RecordLimit {
    records: u64,
    /// `u64::MAX`: none.
    limit: u64,
}

impl Default for RecordLimit {
    fn default() -> Self {
        Self { records: 0, limit: u64::MAX }
    }
}

impl RecordLimit {
    /// Of a connection that has just negotiated `suite`: `Finished` was the first record.
    #[must_use]
    pub fn of(suite: Option<SupportedCipherSuite>) -> Self {
        let limit = match suite {
            Some(SupportedCipherSuite::Tls12(suite)) => suite.common.confidentiality_limit,
            Some(SupportedCipherSuite::Tls13(_)) | None => u64::MAX,
        };
        Self { records: 1, limit }
    }

    /// Seven eighths are used: another connection should be made while what is in flight can be finished.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.records >= self.limit - self.limit / 8
    }

    /// So many more may be made. The last sixteenth is for alerts.
    #[must_use]
    pub fn has_room(&self, records: u64) -> bool {
        self.records.saturating_add(records) <= self.limit - self.limit / 16
    }

    /// So many more are made.
    pub fn count(&mut self, records: u64) {
        self.records = self.records.saturating_add(records);
    }

    /// Looks away, so that a test sees what rustls does at its limit.
    #[cfg(test)]
    pub(crate) fn forget(&mut self) {
        self.limit = u64::MAX;
    }
}
