//! What exactly is wrong with a peer's certificate, in the words of the check's codes.

use std::sync::Arc;

use auditwire_model::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, OtherError};

use crate::delivery::tls::certificate::{Certificate, fingerprint};

/// What is wrong with a peer's certificate; travels through rustls as its "other" error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct CertProblem {
    /// A check code.
    pub code: &'static str,
    /// What was seen.
    pub message: String,
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
        Self::new("cert_unsupported", format!("The server's certificate cannot be used: {error}."))
    }

    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
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
        let now = i64::try_from(self.now.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        if self.leaf.not_after().as_nanos() < now {
            return Err(expired(&self.leaf));
        }
        if self.leaf.not_before().as_nanos() > now { Err(not_yet_valid(&self.leaf)) } else { Ok(()) }
    }

    /// The first problem of a chain. Ours are asked in the order in which a person would repair them: a certificate that
    /// nobody vouches for is that first, whatever else is odd about it.
    pub(super) fn chain_problem(&self, error: &rustls::Error, ours: bool) -> CertProblem {
        use CertificateError as C;
        let rustls::Error::InvalidCertificate(error) = error else {
            return self.unsupported(error);
        };
        match error {
            C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. } => {
                // The leaf's own dates name the culprit; else it is a certificate between it and the root.
                self.in_time().err().unwrap_or_else(|| between(error))
            }
            C::UnknownIssuer => self.unknown_issuer(ours),
            C::BadSignature => CertProblem::new(
                "cert_unknown_ca",
                format!("The certificate names the issuer '{}', but that CA did not sign it.", self.leaf.issuer_text()),
            ),
            _ if self.leaf.is_ca => self.ca_as_leaf(ours),
            other => CertProblem::new("cert_unsupported", format!("The server's certificate cannot be used: {other}.")),
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
        let has_ip = names.iter().any(|name| name.parse::<std::net::IpAddr>().is_ok());
        if matches!(self.name, ServerName::IpAddress(_)) && !has_ip {
            let message = format!(
                "The connection point is the address {wanted}, and the certificate carries no address{}.",
                list(names)
            );
            return CertProblem::new("cert_no_ip_san", message);
        }
        CertProblem::new("cert_wrong_name", format!("The certificate is not for {wanted}{}.", list(names)))
    }

    pub(super) fn unsupported(&self, error: &rustls::Error) -> CertProblem {
        CertProblem::new("cert_unsupported", format!("The server's certificate cannot be used: {error}."))
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

fn between(error: &CertificateError) -> CertProblem {
    let code = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "cert_expired",
        _ => "cert_not_yet_valid",
    };
    CertProblem::new(code, format!("A certificate between the server's and its CA is not valid now: {error}."))
}

fn expired(leaf: &Certificate) -> CertProblem {
    CertProblem::new("cert_expired", format!("The server's certificate expired on {}.", day(leaf.not_after())))
}

fn not_yet_valid(leaf: &Certificate) -> CertProblem {
    CertProblem::new(
        "cert_not_yet_valid",
        format!("The server's certificate is valid only from {}.", day(leaf.not_before())),
    )
}

fn day(time: Timestamp) -> String {
    time.to_string()
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        ", and has no alternative names at all (its CN does not count)".to_owned()
    } else {
        format!("; it is for {}", names.join(", "))
    }
}
