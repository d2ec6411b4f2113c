//! What a PEM holds, told before anything is stored.

use auditwire_model::connection::CertificateInfo;

use crate::delivery::tls::PemBundle;
use crate::error::{Error, Result};

/// What may be shown of a PEM; never the key itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PemContents {
    /// Its certificates in its order, each with its role.
    pub certificates: Vec<CertificateInfo>,
    /// It holds a client certificate with its private key.
    pub client_key: bool,
}

/// Reads a PEM as [`create`](super::create) would. Stores nothing, so it asks for no rights.
///
/// # Errors
/// The codes of [`PemBundle::parse`], with the field `tls.pem`. The detail never repeats what was given.
pub fn inspect_pem(pem: &[u8]) -> Result<PemContents> {
    let bundle = PemBundle::parse(pem).map_err(|e| Error::invalid(e.code, "tls.pem", e.message))?;
    Ok(PemContents { certificates: bundle.certificates(), client_key: bundle.has_client_key() })
}
