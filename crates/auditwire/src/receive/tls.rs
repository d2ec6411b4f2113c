//! The receiver's side of TLS: a certificate from files, or one made on the spot.

use std::path::Path;
use std::sync::Arc;

use auditwire_engine::secrets::sha256_hex;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::failure::{Failure, Result};
use crate::pem::{certificates, private_key};

/// A certificate with its key.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// The leaf as PEM, for a connection to trust.
    pub(crate) pem: Option<String>,
}

impl Identity {
    /// From PEM files.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(crate) fn from_files(cert: &Path, key: &Path) -> Result<Self> {
        let chain = certificates(cert)?;
        let key = private_key(key)?;
        Ok(Self { chain, key, pem: None })
    }

    /// A fresh self-signed one for this machine's loopback names.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub(crate) fn self_made() -> Result<Self> {
        let failed = |e: rcgen::Error| Failure::caused_by("no certificate can be made", &e);
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = rcgen::CertificateParams::new(names).map_err(failed)?;
        params.distinguished_name.push(rcgen::DnType::CommonName, "auditwire receive");
        let pair = rcgen::KeyPair::generate().map_err(failed)?;
        let made = params.self_signed(&pair).map_err(failed)?;
        let key = PrivateKeyDer::try_from(pair.serialize_der())
            .map_err(|e| Failure::new(format!("no certificate can be made: {e}")))?;
        Ok(Self { chain: vec![made.der().clone()], key, pem: Some(made.pem()) })
    }

    /// Lower-case hex SHA-256 of the leaf.
    pub(crate) fn fingerprint(&self) -> String {
        self.chain.first().map(|leaf| sha256_hex(leaf)).unwrap_or_default()
    }

    /// What the listener needs. With a client CA, clients without a certificate of it are refused.
    ///
    /// # Errors
    /// When certificate, key and CA do not fit together.
    pub(crate) fn config(self, client_ca: Option<&Path>) -> Result<Arc<ServerConfig>> {
        let unusable = |e: rustls::Error| Failure::caused_by("the certificate and its key cannot be used", &e);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(unusable)?;
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(certificates(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|e| Failure::caused_by(format!("{} is no usable CA", path.display()), &e))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        Ok(Arc::new(builder.with_single_cert(self.chain, self.key).map_err(unusable)?))
    }
}
