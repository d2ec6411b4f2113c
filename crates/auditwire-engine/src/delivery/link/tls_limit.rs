//! How many records one key may make. Each cipher suite has a limit (`CipherSuiteCommon::confidentiality_limit` of rustls: 2^24 for
//! AES-GCM, none for ChaCha20). TLS 1.3 changes its keys by itself when it is reached; TLS 1.2 cannot, so that a link of it
//! ends before and another one is made.

use rustls::SupportedCipherSuite;

use super::LinkError;

/// Counts the records of a TLS link.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordLimit {
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
    /// Of a link that has just negotiated `suite`: `Finished` was the first record.
    pub(super) fn of(suite: Option<SupportedCipherSuite>) -> Self {
        let limit = match suite {
            Some(SupportedCipherSuite::Tls12(suite)) => suite.common.confidentiality_limit,
            Some(SupportedCipherSuite::Tls13(_)) | None => u64::MAX,
        };
        Self { records: 1, limit }
    }

    /// Seven eighths are used: another link should be made while what is in flight can be finished.
    pub(super) fn is_near(&self) -> bool {
        self.records >= self.limit - self.limit / 8
    }

    /// One more record.
    ///
    /// # Errors
    /// [`LinkError::Worn`] when only the last sixteenth is left: it is for alerts.
    pub(super) fn count(&mut self) -> Result<(), LinkError> {
        if self.records >= self.limit - self.limit / 16 {
            return Err(LinkError::Worn);
        }
        self.records = self.records.saturating_add(1);
        Ok(())
    }

    /// Looks away, so that a test sees what rustls does at its limit.
    #[cfg(test)]
    pub(super) fn forget(&mut self) {
        self.limit = u64::MAX;
    }
}
