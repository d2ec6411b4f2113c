//! What a connection's "TLS key" holds: any mix of CA certificates, a client certificate chain with its private key,
//! and pinned server certificates (product section 4).

mod blocks;

use std::fmt;
use std::sync::Arc;

use auditwire_model::connection::{CertificateInfo, CertificateRole, CertificateTime};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use zeroize::Zeroizing;

use super::certificate::Certificate;

/// A PEM, read and sorted. Prints no key.
#[derive(Clone)]
pub struct PemBundle {
    roots: Vec<Certificate>,
    client: Option<ClientIdentity>,
    pinned: Vec<Certificate>,
    certificates: Vec<CertificateInfo>,
}

/// Why a PEM was not taken. The message never repeats its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct PemError {
    /// `pem_too_large`, `pem_empty`, `pem_damaged`, `pem_key_encrypted`, `pem_several_keys`, `pem_public_key`,
    /// `pem_unsupported`, `pem_key_unsupported` or `key_mismatch`.
    pub code: &'static str,
    /// For people; says what to do.
    pub message: String,
}

/// The client certificate chain with its key.
#[derive(Clone)]
pub(super) struct ClientIdentity {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) not_after: CertificateTime,
}

impl PemBundle {
    /// Largest PEM that is read, in bytes: room for a whole system's CA bundle.
    pub const MAX_BYTES: usize = 256 * 1024;

    /// Reads and sorts a PEM.
    ///
    /// # Errors
    /// [`PemError`] with the first problem.
    pub fn parse(pem: &[u8]) -> Result<Self, PemError> {
        if pem.len() > Self::MAX_BYTES {
            let message =
                format!("The PEM is larger than {} KiB; keep only what this connection needs.", Self::MAX_BYTES / 1024);
            return Err(PemError::new("pem_too_large", message));
        }
        let blocks = blocks::read(pem)?;
        let mut certificates = Vec::new();
        for certificate in read_all(&blocks.certificates)? {
            if !certificates.iter().any(|c: &Certificate| c.der == certificate.der) {
                certificates.push(certificate);
            }
        }
        Self::sort(certificates, blocks.key)
    }

    /// What the PEM holds, to show: in its order, with roles. Never the key.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateInfo> {
        self.certificates.clone()
    }

    /// True when it holds a client certificate and its key.
    #[must_use]
    pub fn has_client_key(&self) -> bool {
        self.client.is_some()
    }

    pub(super) fn client(&self) -> Option<&ClientIdentity> {
        self.client.as_ref()
    }

    pub(super) fn pinned(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.pinned.iter().map(|c| &c.der)
    }

    /// The CA certificates of the PEM; `None` without any.
    pub(super) fn roots(&self) -> Option<RootCertStore> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.roots.iter().map(|c| c.der.clone()));
        (!self.roots.is_empty()).then_some(store)
    }

    fn sort(certificates: Vec<Certificate>, key: Option<Zeroizing<PrivateKeyDer<'static>>>) -> Result<Self, PemError> {
        let key = key.map(|key| any_supported_type(&key)).transpose().map_err(|_| {
            let message = "The private key is damaged or of a kind that is not supported; use RSA (2048 to 8192 bits), ECDSA P-256, P-384, P-521 or Ed25519.";
            PemError::new("pem_key_unsupported", message)
        })?;
        let leaf = key.as_ref().map(|key| position_of(key, &certificates)).transpose()?;
        let role = |i: usize, c: &Certificate| match leaf {
            Some(at) if at == i => CertificateRole::Client,
            _ if c.is_ca => CertificateRole::Ca,
            _ => CertificateRole::Pinned,
        };
        let with = |wanted| {
            let chosen = certificates.iter().enumerate().filter(move |(i, c)| role(*i, c) == wanted);
            chosen.map(|(_, c)| c.clone()).collect::<Vec<_>>()
        };
        Ok(Self {
            roots: with(CertificateRole::Ca),
            pinned: with(CertificateRole::Pinned),
            client: key.zip(leaf).map(|(key, at)| identity(key, &certificates, at)),
            certificates: certificates.iter().enumerate().map(|(i, c)| c.info(role(i, c))).collect(),
        })
    }
}

impl fmt::Debug for PemBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sums: Vec<_> = self.certificates.iter().map(|c| (c.role, &c.sha256)).collect();
        f.debug_struct("PemBundle").field("certificates", &sums).field("client_key", &self.client.is_some()).finish()
    }
}

/// The certificates of a PEM in its order: of a listener of ours, or CAs. A private key beside them is none of them.
///
/// # Errors
/// [`PemError`] with the first problem; `pem_empty` when there is no certificate.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let certificates = blocks::read(pem)?.certificates;
    if certificates.is_empty() {
        return Err(PemError::new("pem_empty", "The PEM holds no certificate, only a private key."));
    }
    read_all(&certificates)?;
    Ok(certificates)
}

/// The one private key of a PEM, which may stand beside certificates.
///
/// # Errors
/// [`PemError`] with the first problem; `pem_empty` when there is no key.
pub fn private_key(pem: &[u8]) -> Result<Zeroizing<PrivateKeyDer<'static>>, PemError> {
    let key = blocks::read(pem)?.key;
    key.ok_or_else(|| PemError::new("pem_empty", "The PEM holds no private key, only certificates."))
}

/// A PEM as text for JSON, whatever encoding its comments have; what is no text in them is lost, and nothing else.
///
/// # Errors
/// [`PemError`] when the bytes are no text and hold no PEM either, such as DER.
pub fn as_text(pem: &[u8]) -> Result<String, PemError> {
    if let Ok(text) = std::str::from_utf8(pem) {
        return Ok(text.to_owned());
    }
    blocks::read(pem)?;
    let narrow = Zeroizing::new(blocks::narrow(pem).unwrap_or_else(|| pem.to_vec()));
    Ok(String::from_utf8_lossy(&narrow).into_owned())
}

fn read_all(certificates: &[CertificateDer<'static>]) -> Result<Vec<Certificate>, PemError> {
    let read = |der| {
        Certificate::read(der).ok_or_else(|| {
            PemError::new("pem_damaged", "One of the CERTIFICATE blocks does not hold an X.509 certificate.")
        })
    };
    certificates.iter().map(read).collect()
}

impl PemError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The certificate that the key belongs to.
fn position_of(key: &Arc<dyn SigningKey>, certificates: &[Certificate]) -> Result<usize, PemError> {
    let public = key.public_key();
    let matches = |c: &Certificate| public.as_ref().is_some_and(|p| p.as_ref() == c.spki);
    certificates.iter().position(matches).ok_or_else(|| {
        let message = if certificates.is_empty() {
            "The PEM holds a private key but no certificate; add the client certificate that the key belongs to."
        } else {
            "The private key belongs to none of the certificates in the PEM; use the key that the client certificate was issued for."
        };
        PemError::new("key_mismatch", message)
    })
}

/// The client's chain: its certificate, then the issuers found in the PEM, without a root (the server has it).
fn identity(key: Arc<dyn SigningKey>, certificates: &[Certificate], at: usize) -> ClientIdentity {
    let leaf = &certificates[at];
    let mut chain = vec![leaf.der.clone()];
    let mut last = leaf;
    while !last.is_self_issued() && chain.len() <= certificates.len() {
        let Some(issuer) = certificates.iter().find(|c| c.subject == last.issuer && !c.is_self_issued()) else { break };
        chain.push(issuer.der.clone());
        last = issuer;
    }
    ClientIdentity { certified: Arc::new(CertifiedKey::new(chain, key)), not_after: leaf.not_after() }
}

#[cfg(test)]
mod tests;
