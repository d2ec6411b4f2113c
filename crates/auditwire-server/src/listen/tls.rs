//! The listener's certificate, read again when its files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use auditwire_engine::delivery::tls::PemError;
use auditwire_engine::delivery::tls::pem::{certificates, private_key};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::settings::TlsFiles;

/// How often the files' times are looked at.
const POLL: Duration = Duration::from_secs(5);

/// Why a certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFilesError {
    /// A file cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// The file is no PEM, or has not in it what it is for.
    #[error("cannot use {}: {why}", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: PemError,
    },
    /// Certificate and key do not fit each other, or use an algorithm that is not supported.
    #[error("the certificate and its key cannot be used together: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The configuration of now.
#[derive(Debug)]
pub(super) struct ReloadingTls {
    files: TlsFiles,
    current: RwLock<Loaded>,
}

/// Reads the listener's certificate again when asked, beside the look at the files' times.
#[derive(Debug, Clone)]
pub struct Certificates(Arc<ReloadingTls>);

impl Certificates {
    pub(super) fn new(tls: Arc<ReloadingTls>) -> Self {
        Self(tls)
    }

    /// Reads both files again.
    ///
    /// # Errors
    /// [`TlsFilesError`]; the former certificate stays in use then.
    pub fn reload(&self) -> Result<(), TlsFilesError> {
        self.0.reload()
    }
}

#[derive(Debug, Clone)]
struct Loaded {
    config: Arc<ServerConfig>,
    changed: (Option<SystemTime>, Option<SystemTime>),
}

impl ReloadingTls {
    pub(super) fn load(files: TlsFiles) -> Result<Self, TlsFilesError> {
        let loaded = load(&files)?;
        Ok(Self { files, current: RwLock::new(loaded) })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    /// Looks at the files until `stop`. A pair that cannot be used is logged and the one in use stays.
    pub(super) async fn watch(&self, stop: &CancellationToken) {
        let mut refused = None;
        while stop.run_until_cancelled(tokio::time::sleep(POLL)).await.is_some() {
            let now = times(&self.files);
            let known = self.current.read().unwrap_or_else(PoisonError::into_inner).changed;
            if now == known || refused == Some(now) {
                continue;
            }
            match self.reload() {
                Ok(()) => {
                    tracing::info!(certificate = %self.files.cert.display(), "the listener's certificate was reloaded")
                }
                Err(error) => {
                    refused = Some(now);
                    tracing::warn!(%error, "the changed certificate is not usable; the former one stays in use");
                }
            }
        }
    }

    /// Reads both files again.
    pub(super) fn reload(&self) -> Result<(), TlsFilesError> {
        let loaded = load(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }
}

fn times(files: &TlsFiles) -> (Option<SystemTime>, Option<SystemTime>) {
    let of = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    (of(&files.cert), of(&files.key))
}

fn load(files: &TlsFiles) -> Result<Loaded, TlsFilesError> {
    // Taken first: a change while we read is then seen at the next look.
    let changed = times(files);
    let chain = certificates(&read(&files.cert)?).map_err(|why| unusable(&files.cert, why))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair(files, chain)?)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Loaded { config: Arc::new(config), changed })
}

/// The certificate with its key. What was read of the key is wiped; from here on it is only in the provider, which wipes what
/// it frees (AWS-LC's `OPENSSL_free`).
fn pair(files: &TlsFiles, chain: Vec<CertificateDer<'static>>) -> Result<CertifiedKey, TlsFilesError> {
    let der = private_key(&read(&files.key)?).map_err(|why| unusable(&files.key, why))?;
    let key = any_supported_type(&der)
        .map_err(|_| rustls::Error::General("the private key is of no kind that is supported".to_owned()))?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        // A key that cannot be compared is tried, as rustls does.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(pair),
        Err(error) => Err(error.into()),
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsFilesError> {
    let bytes = std::fs::read(path).map(Zeroizing::new);
    bytes.map_err(|why| TlsFilesError::Read { path: path.to_owned(), why })
}

fn unusable(path: &Path, why: PemError) -> TlsFilesError {
    TlsFilesError::Pem { path: path.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(files: &TlsFiles, name: &str) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        std::fs::write(&files.cert, made.cert.pem()).expect("writes");
        std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("writes");
    }

    #[test]
    fn a_changed_pair_is_used_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = TlsFiles { cert: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
        write(&files, "one.example");
        let tls = ReloadingTls::load(files.clone()).expect("loads");
        let first = tls.config();
        write(&files, "two.example");
        tls.reload().expect("reloads");
        let second = tls.config();
        assert!(!Arc::ptr_eq(&first, &second));

        std::fs::write(&files.cert, "nothing").expect("writes");
        assert!(matches!(tls.reload(), Err(TlsFilesError::Pem { .. })));
        assert!(Arc::ptr_eq(&second, &tls.config()));
        write(&files, "three.example");
        for file in [&files.cert, &files.key] {
            let pem = std::fs::read(file).expect("reads");
            std::fs::write(file, [b"\xef\xbb\xbf# caf\xe9\n".as_slice(), &pem].concat()).expect("writes");
        }
        tls.reload().expect("takes a byte order mark and a comment in any encoding");
        let other = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        std::fs::write(&files.key, other).expect("writes");
        assert!(matches!(tls.reload(), Err(TlsFilesError::Unusable(_))));
    }
}
