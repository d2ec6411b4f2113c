//! What exactly is wrong with a peer's certificate, in the words of the check's codes.

use std::sync::Arc;

use auditwire_model::connection::CertificateTime;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, OtherError};

use super::refused;
use crate::delivery::failure::Case;
use crate::delivery::tls::certificate::{Certificate, fingerprint};

/// What is wrong with a peer's certificate; travels through rustls as its "other" error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct CertProblem {
    /// A check code.
    pub code: &'static str,
    /// What was seen.
    pub message: String,
    /// Where the code's own remedy would lead astray.
    pub case: Option<Case>,
}

impl CertProblem {
    /// Reads the problem back out of rustls' error.
    #[must_use]
    pub fn of(error: &CertificateError) -> Self {
        if let CertificateError::Other(OtherError(inner)) = error
            && let Some(problem) = inner.downcast_ref::<Self>()
        {
            return problem.clone();
        }
        refused::problem(error, &[])
    }

    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), case: None }
    }

    /// One with a remedy of its own.
    pub(super) fn in_case(case: Case, message: impl Into<String>) -> Self {
        Self { code: case.code(), message: message.into(), case: Some(case) }
    }
}

impl From<CertProblem> for rustls::Error {
    fn from(problem: CertProblem) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(problem))))
    }
}

pub(super) fn read(der: &CertificateDer<'_>) -> Result<Certificate, CertProblem> {
    Certificate::read(der)
        .ok_or_else(|| CertProblem::new("cert_unsupported", "What the server sent as its certificate cannot be read."))
}

pub(super) fn key_missing() -> CertProblem {
    CertProblem::new("key_mismatch", "The server shows a certificate but does not have its private key.")
}

pub(super) fn unusable_key() -> CertProblem {
    CertProblem::new("cert_unsupported", "The server's certificate holds a key of a kind or size that is not accepted.")
}

/// What a peer presented, to whom it should belong, and when.
pub(super) struct Peer<'a> {
    pub(super) leaf: Certificate,
    pub(super) der: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) name: &'a ServerName<'a>,
    pub(super) now: UnixTime,
}

impl Peer<'_> {
    pub(super) fn in_time(&self) -> Result<(), CertProblem> {
        let now = second(self.now);
        if self.leaf.not_after() < now {
            return Err(expired(&self.leaf));
        }
        if self.leaf.not_before() > now { Err(not_yet_valid(&self.leaf)) } else { Ok(()) }
    }

    /// The first problem of a chain. Ours are asked in the order in which a person would repair them: a certificate that
    /// nobody vouches for is that first, whatever else is odd about it.
    pub(super) fn chain_problem(&self, error: &rustls::Error, ours: bool) -> CertProblem {
        use CertificateError as C;
        let rustls::Error::InvalidCertificate(error) = error else { return refused::unnamed() };
        match error {
            C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. } => {
                // The leaf's own dates name the culprit; else it is a certificate between it and the root.
                self.in_time().err().unwrap_or_else(|| self.between(error))
            }
            C::UnknownIssuer => self.unknown_issuer(ours),
            C::BadSignature => CertProblem::new(
                "cert_unknown_ca",
                format!("The certificate names the issuer '{}', but that CA did not sign it.", self.leaf.issuer_text()),
            ),
            _ if self.leaf.is_ca => self.ca_as_leaf(ours),
            other => self.refused(other),
        }
    }

    /// Why the leaf alone cannot be read as strictly as a chain asks.
    pub(super) fn unreadable(&self, error: &rustls::Error) -> CertProblem {
        match error {
            rustls::Error::InvalidCertificate(error) => self.refused(error),
            _ => refused::unnamed(),
        }
    }

    fn refused(&self, error: &CertificateError) -> CertProblem {
        refused::problem(error, &self.shown())
    }

    /// Everything that the server sent and that can be read, its own certificate first.
    fn shown(&self) -> Vec<Certificate> {
        let intermediates = self.intermediates.iter().filter_map(Certificate::read);
        std::iter::once(self.leaf.clone()).chain(intermediates).collect()
    }

    /// A certificate between the server's and its CA is not valid now.
    fn between(&self, error: &CertificateError) -> CertProblem {
        let now = second(self.now);
        let expired = matches!(error, CertificateError::Expired | CertificateError::ExpiredContext { .. });
        let code = if expired { "cert_expired" } else { "cert_not_yet_valid" };
        let off = |c: &&Certificate| if expired { c.not_after() < now } else { c.not_before() > now };
        let message = match self.shown().iter().skip(1).find(off) {
            Some(found) if expired => {
                format!(
                    "The certificate of '{}', between the server's and its CA, expired on {}.",
                    found.subject_text(),
                    found.not_after()
                )
            }
            Some(found) => {
                format!(
                    "The certificate of '{}', between the server's and its CA, is valid only from {}.",
                    found.subject_text(),
                    found.not_before()
                )
            }
            None => "A certificate between the server's and its CA is not valid now.".to_owned(),
        };
        CertProblem::new(code, message)
    }

    /// The pinned certificates do not hold the leaf. When one of them issued it, it was meant as its CA.
    pub(super) fn not_pinned<'p>(
        &self,
        pinned: impl Iterator<Item = &'p CertificateDer<'static>> + Clone,
    ) -> CertProblem {
        let issuers: Vec<_> = self.shown().into_iter().map(|c| c.issuer).collect();
        let meant = pinned.clone().filter_map(Certificate::read).find(|c| issuers.contains(&c.subject));
        match meant {
            Some(ca) if !self.leaf.is_self_issued() => CertProblem::in_case(
                Case::CaNotMarked,
                format!(
                    "The TLS key holds the certificate of '{}', which issued the server's, but that one is not marked as a CA (basic constraints), so it vouches for nobody.",
                    ca.subject_text()
                ),
            ),
            _ => self.leaf.mismatch(&pinned.map(|der| fingerprint(der)).collect::<Vec<_>>().join(", ")),
        }
    }

    fn unknown_issuer(&self, ours: bool) -> CertProblem {
        if self.leaf.is_self_issued() {
            let message = format!(
                "The server's certificate is self-signed ('{}', SHA-256 {}) and not trusted.",
                self.leaf.subject_text(),
                self.leaf.sha256()
            );
            return CertProblem::new("cert_self_signed", message);
        }
        let trusted = if ours { "none of the CA certificates in the TLS key" } else { "none of the system's CAs" };
        let message = format!(
            "The server's certificate was issued by '{}', which {trusted} vouches for.",
            self.leaf.issuer_text()
        );
        CertProblem::new("cert_unknown_ca", message)
    }

    fn ca_as_leaf(&self, ours: bool) -> CertProblem {
        if self.leaf.is_self_issued() && !ours {
            return self.unknown_issuer(ours);
        }
        let message = format!(
            "The server presents a CA certificate as its own ('{}', SHA-256 {}).",
            self.leaf.subject_text(),
            self.leaf.sha256()
        );
        CertProblem::new("cert_ca_as_leaf", message)
    }

    pub(super) fn wrong_name(&self) -> CertProblem {
        let wanted = self.name.to_str();
        let names = self.leaf.names();
        if matches!(self.name, ServerName::IpAddress(_)) && !self.leaf.has_address {
            // One that carries the address as if it were a name reads as if it were right.
            let as_name = names.iter().any(|name| *name == *wanted);
            let names = if as_name {
                format!("; it carries {wanted} as a DNS name, which does not count")
            } else {
                list(names)
            };
            let message =
                format!("The connection point is the address {wanted}, and the certificate carries no address{names}.");
            return CertProblem::new("cert_no_ip_san", message);
        }
        CertProblem::new("cert_wrong_name", format!("The certificate is not for {wanted}{}.", list(names)))
    }
}

impl Certificate {
    pub(super) fn sha256(&self) -> String {
        fingerprint(&self.der)
    }

    pub(super) fn mismatch(&self, wanted: &str) -> CertProblem {
        let message =
            format!("The server's certificate has the SHA-256 fingerprint {}; expected was {wanted}.", self.sha256());
        CertProblem::new("cert_fingerprint_mismatch", message)
    }
}

fn second(time: UnixTime) -> CertificateTime {
    CertificateTime::from_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

fn expired(leaf: &Certificate) -> CertProblem {
    CertProblem::new("cert_expired", format!("The server's certificate expired on {}.", leaf.not_after()))
}

fn not_yet_valid(leaf: &Certificate) -> CertProblem {
    CertProblem::new(
        "cert_not_yet_valid",
        format!("The server's certificate is valid only from {}.", leaf.not_before()),
    )
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        ", and has no alternative names at all (its CN does not count)".to_owned()
    } else {
        format!("; it is for {}", names.join(", "))
    }
}
