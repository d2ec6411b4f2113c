//! The reader of certificates that a peer shows, as plain functions for the fuzz targets (`crates/auditwire-fuzz`), which must
//! reach it from outside. No part of the interface: nothing else may use it.

use auditwire_model::connection::{TlsSpec, Verify};
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::pem::PemBundle;
use super::verify::PeerVerifier;

/// What people are told about a certificate; nothing when it cannot be read.
#[must_use]
pub fn describe(der: &[u8]) -> Option<String> {
    let der = CertificateDer::from(der);
    super::server_certificate(&der).map(|_| super::describe(&der))
}

/// Verifies a chain as a handshake does, against the CA certificates and pinned ones of a PEM.
///
/// # Errors
/// Why the peer is refused.
pub fn verify(chain: &[&[u8]], trusted: &PemBundle, verify: Verify) -> Result<(), String> {
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(*der)).collect();
    let (leaf, intermediates) = chain.split_first().ok_or("no certificate")?;
    let tls = TlsSpec { verify, fingerprint: Some("00".repeat(32)), ..TlsSpec::default() };
    let algorithms = default_provider().signature_verification_algorithms;
    let verifier = PeerVerifier::new(&tls, Some(trusted), algorithms).map_err(|failure| format!("{failure:?}"))?;
    let name = ServerName::try_from("siem.example.com").map_err(|error| error.to_string())?;
    // 2026-11-22, as in the seeds.
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_795_305_600));
    let judged = verifier.verify_server_cert(leaf, intermediates, &name, &[], now);
    judged.map(drop).map_err(|error| error.to_string())
}
