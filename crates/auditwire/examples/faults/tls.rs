//! A certificate for the receivers, made for one run.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::Result;

/// Writes `receiver.pem` and `receiver-key.pem` into `folder`; gives the certificate for the connection to trust.
pub(crate) fn make(folder: &Path) -> Result<String> {
    let names = ["localhost", "127.0.0.1", "10.77.0.2"].map(str::to_owned);
    let pair = rcgen::KeyPair::generate()?;
    let pem = rcgen::CertificateParams::new(names)?.self_signed(&pair)?.pem();
    std::fs::write(folder.join("receiver.pem"), &pem)?;
    std::fs::write(folder.join("receiver-key.pem"), pair.serialize_pem())?;
    Ok(pem)
}

/// The receiver's side.
pub(crate) fn config(folder: &Path) -> Result<Arc<ServerConfig>> {
    let chain = vec![CertificateDer::from_pem_file(folder.join("receiver.pem"))?];
    let key = PrivateKeyDer::from_pem_file(folder.join("receiver-key.pem"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_no_client_auth().with_single_cert(chain, key)?))
}
