//! PEM files that are named on the command line or in the environment: bytes, read by the one reader of the engine.

use std::io::Read as _;
use std::path::Path;

use auditwire_engine::delivery::tls::{PemError, pem};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// The certificates of a file, in its order.
///
/// # Errors
/// When the file cannot be read or holds none.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    pem::certificates(&read(path)?).map_err(|why| unusable(path, &why))
}

/// The private key of a file.
///
/// # Errors
/// When the file cannot be read or holds none.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let key = pem::private_key(&read(path)?).map_err(|why| unusable(path, &why))?;
    Ok(key.clone_key())
}

/// A file's PEM as text, to be sent to the service; `-` is standard input.
///
/// # Errors
/// When the file cannot be read or is no text, such as DER.
pub(crate) fn text(path: &Path) -> Result<String> {
    pem::as_text(&read(path)?).map_err(|why| unusable(path, &why))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    Ok(bytes)
}

fn unusable(path: &Path, why: &PemError) -> Failure {
    Failure::usage(format!("{} cannot be used: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_surrounds_a_block_it_is_read_and_der_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pem");
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let both = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
        for before in [b"".as_slice(), b"\xef\xbb\xbf", b"# caf\xe9\n"] {
            std::fs::write(&path, [before, both.as_bytes()].concat()).unwrap();
            assert_eq!(certificates(&path).unwrap(), std::slice::from_ref(made.cert.der()));
            assert_eq!(private_key(&path).unwrap().secret_der(), made.signing_key.serialize_der());
            assert!(text(&path).unwrap().contains(&made.cert.pem().replace("\r\n", "\n")[..200]));
        }
        std::fs::write(&path, made.cert.der()).unwrap();
        let refused = [certificates(&path).unwrap_err(), private_key(&path).unwrap_err(), text(&path).unwrap_err()];
        for failure in refused {
            assert!(failure.message.contains("openssl x509 -inform der"), "{}", failure.message);
            assert!(!failure.message.contains("UTF-8"), "{}", failure.message);
        }
    }
}
