//! How the peer's certificate is verified, and what exactly is wrong with it.
//!
//! Whatever the mode, the handshake signature is verified: a peer that shows a certificate without having its key
//! fails. It is verified with the bare public key, so that appliances whose certificates no strict reader takes (X.509
//! version 1, a CA certificate as leaf) can still be pinned.

use std::fmt;
use std::sync::Arc;

use auditwire_model::Timestamp;
use auditwire_model::connection::{TlsSpec, Verify};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use super::certificate::{Certificate, fingerprint};
use super::pem::PemBundle;
use crate::delivery::failure::LinkFailure;

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

/// The constant form of a SHA-256 fingerprint: 64 lower-case hex digits. Colons, blanks and capitals, which other tools
/// print, are taken; `None` for anything else.
#[must_use]
pub fn normalise_fingerprint(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_ascii_lowercase();
    (digits.len() == 64 && digits.bytes().all(|c| c.is_ascii_hexdigit())).then_some(digits)
}

/// Whom a connection trusts.
pub(super) struct PeerVerifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

enum Trust {
    /// An exact leaf, or a chain to one of the roots (`None`: no roots, only pinned leaves) with the right name.
    Full { roots: Option<Roots>, pinned: Vec<CertificateDer<'static>> },
    /// SHA-256 of the leaf.
    Fingerprint(String),
    /// Anyone who has the key of the certificate shown.
    Off,
}

struct Roots {
    store: RootCertStore,
    /// For the message: the PEM's or the system's.
    ours: bool,
}

impl PeerVerifier {
    pub(super) fn new(
        tls: &TlsSpec,
        pem: Option<&PemBundle>,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Result<Self, LinkFailure> {
        let trust = match tls.verify {
            Verify::Off => Trust::Off,
            Verify::Fingerprint => {
                let wanted = tls.fingerprint.as_deref().and_then(normalise_fingerprint);
                Trust::Fingerprint(wanted.ok_or_else(|| {
                    LinkFailure::new(
                        "cert_fingerprint_mismatch",
                        "This connection has no SHA-256 fingerprint to compare with.",
                    )
                })?)
            }
            Verify::Full => full(pem),
        };
        Ok(Self { trust, algorithms })
    }

    fn judge(&self, peer: &Peer<'_>) -> Result<(), CertProblem> {
        match &self.trust {
            Trust::Off => Ok(()),
            Trust::Fingerprint(wanted) if peer.leaf.sha256() == *wanted => Ok(()),
            Trust::Fingerprint(wanted) => Err(peer.leaf.mismatch(wanted)),
            Trust::Full { pinned, .. } if pinned.contains(peer.der) => peer.in_time(),
            Trust::Full { roots: Some(roots), .. } => self.chain(peer, roots),
            Trust::Full { roots: None, pinned } => {
                Err(peer.leaf.mismatch(&pinned.iter().map(|der| fingerprint(der)).collect::<Vec<_>>().join(", ")))
            }
        }
    }

    fn chain(&self, peer: &Peer<'_>, roots: &Roots) -> Result<(), CertProblem> {
        let parsed = ParsedCertificate::try_from(peer.der).map_err(|e| peer.unsupported(&e))?;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &roots.store,
            peer.intermediates,
            peer.now,
            self.algorithms.all,
        )
        .map_err(|e| peer.chain_problem(&e, roots.ours))?;
        verify_server_name(&parsed, peer.name).map_err(|_| peer.wrong_name())
    }
}

fn full(pem: Option<&PemBundle>) -> Trust {
    let pinned: Vec<_> = pem.map(|pem| pem.pinned().cloned().collect()).unwrap_or_default();
    let roots = match pem.and_then(PemBundle::roots) {
        Some(store) => Some(Roots { store, ours: true }),
        None if pinned.is_empty() => Some(Roots { store: system_roots(), ours: false }),
        None => None,
    };
    Trust::Full { roots, pinned }
}

/// The system's roots; those that cannot be read are left out, and without any every chain is unknown.
fn system_roots() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let leaf = read(end_entity)?;
        self.judge(&Peer { leaf, der: end_entity, intermediates, name: server_name, now })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = SubjectPublicKeyInfoDer::from(read(cert)?.spki);
        let entity = webpki::RawPublicKeyEntity::try_from(&key).map_err(|_| unusable_key())?;
        let candidates = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == dss.scheme);
        // A scheme of TLS 1.2 fixes the hash but not the curve, so there are several candidates.
        for algorithm in candidates.map(|(_, algorithms)| *algorithms).unwrap_or_default() {
            match entity.verify_signature(*algorithm, message, dss.signature()) {
                Ok(()) => return Ok(HandshakeSignatureValid::assertion()),
                Err(webpki::Error::InvalidSignatureForPublicKey) => return Err(key_missing().into()),
                Err(_) => {}
            }
        }
        Err(unusable_key().into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = SubjectPublicKeyInfoDer::from(read(cert)?.spki);
        verify_tls13_signature_with_raw_key(message, &key, dss, &self.algorithms).map_err(|error| match error {
            rustls::Error::InvalidCertificate(CertificateError::BadSignature) => key_missing().into(),
            rustls::Error::InvalidCertificate(_) => unusable_key().into(),
            other => other,
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for PeerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerVerifier")
    }
}

fn read(der: &CertificateDer<'_>) -> Result<Certificate, CertProblem> {
    Certificate::read(der)
        .ok_or_else(|| CertProblem::new("cert_unsupported", "What the server sent as its certificate cannot be read."))
}

fn key_missing() -> CertProblem {
    CertProblem::new("key_mismatch", "The server shows a certificate but does not have its private key.")
}

fn unusable_key() -> CertProblem {
    CertProblem::new("cert_unsupported", "The server's certificate holds a key of a kind or size that is not accepted.")
}

/// What a peer presented, to whom it should belong, and when.
struct Peer<'a> {
    leaf: Certificate,
    der: &'a CertificateDer<'a>,
    intermediates: &'a [CertificateDer<'a>],
    name: &'a ServerName<'a>,
    now: UnixTime,
}

impl Peer<'_> {
    fn in_time(&self) -> Result<(), CertProblem> {
        let now = i64::try_from(self.now.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        if self.leaf.not_after().as_nanos() < now {
            return Err(expired(&self.leaf));
        }
        if self.leaf.not_before().as_nanos() > now { Err(not_yet_valid(&self.leaf)) } else { Ok(()) }
    }

    /// The first problem of a chain. Ours are asked in the order in which a person would repair them: a certificate that
    /// nobody vouches for is that first, whatever else is odd about it.
    fn chain_problem(&self, error: &rustls::Error, ours: bool) -> CertProblem {
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

    fn wrong_name(&self) -> CertProblem {
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

    fn unsupported(&self, error: &rustls::Error) -> CertProblem {
        CertProblem::new("cert_unsupported", format!("The server's certificate cannot be used: {error}."))
    }
}

impl Certificate {
    fn sha256(&self) -> String {
        fingerprint(&self.der)
    }

    fn mismatch(&self, wanted: &str) -> CertProblem {
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
