//! How the peer's certificate is verified, and what exactly is wrong with it.
//!
//! Whatever the mode, the handshake signature is verified: a peer that shows a certificate without having its key
//! fails. It is verified with the bare public key, so that appliances whose certificates no strict reader takes (X.509
//! version 1, a CA certificate as leaf) can still be pinned.

mod problem;
mod refused;

use std::fmt;
use std::sync::Arc;

use auditwire_model::connection::{TlsSpec, Verify};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::pem::PemBundle;
use super::roots::system_roots;
use crate::delivery::failure::LinkFailure;

pub use problem::CertProblem;

use problem::{Peer, key_missing, read, unusable_key};

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
    store: Arc<RootCertStore>,
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
            Trust::Full { roots: None, pinned } => Err(peer.not_pinned(pinned.iter())),
        }
    }

    fn chain(&self, peer: &Peer<'_>, roots: &Roots) -> Result<(), CertProblem> {
        let parsed = ParsedCertificate::try_from(peer.der).map_err(|e| peer.unreadable(&e))?;
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
        Some(store) => Some(Roots { store: Arc::new(store), ours: true }),
        None if pinned.is_empty() => Some(Roots { store: system_roots(), ours: false }),
        None => None,
    };
    Trust::Full { roots, pinned }
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

#[cfg(test)]
mod tests;
