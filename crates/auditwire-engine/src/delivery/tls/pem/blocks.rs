//! The blocks of a PEM text (RFC 7468, and what people really paste): text around the markers, CRLF and a byte order
//! mark are tolerated.

use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::PemError;

/// What was found.
pub(super) struct Blocks {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) key: Option<Zeroizing<PrivateKeyDer<'static>>>,
}

/// Most blocks that are read.
const MAX_BLOCKS: usize = 512;

pub(super) fn read(pem: &[u8]) -> Result<Blocks, PemError> {
    let text = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem);
    let mut found = Blocks { certificates: Vec::new(), key: None };
    let mut lines = text.split(|byte| *byte == b'\n' || *byte == b'\r').map(<[u8]>::trim_ascii);
    let mut blocks = 0;
    while let Some(line) = lines.next() {
        let Some(label) = marker(line, b"-----BEGIN ") else { continue };
        let body = body(label, &mut lines)?;
        take(&mut found, label, &body)?;
        blocks += 1;
        if blocks > MAX_BLOCKS {
            return Err(PemError::new("pem_too_large", format!("The PEM has more than {MAX_BLOCKS} blocks.")));
        }
    }
    if found.certificates.is_empty() && found.key.is_none() { Err(nothing(text)) } else { Ok(found) }
}

/// The label of a marker line such as `-----BEGIN CERTIFICATE-----`. Text before the marker on its line is tolerated.
fn marker<'a>(line: &'a [u8], begin: &[u8]) -> Option<&'a [u8]> {
    let at = line.windows(begin.len()).position(|window| window == begin)?;
    line[at + begin.len()..].strip_suffix(b"-----")
}

/// Everything up to the end marker. Old encrypted keys say so in a header (RFC 1421 section 4.6.1.1).
fn body<'a>(label: &[u8], lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let mut body = Zeroizing::new(Vec::new());
    for line in lines {
        if line.starts_with(b"-----END ") {
            return if marker(line, b"-----END ") == Some(label) { Ok(body) } else { Err(unfinished()) };
        }
        if line.starts_with(b"-----BEGIN ") {
            break;
        }
        if line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED") {
            return Err(encrypted());
        }
        body.extend_from_slice(line);
        body.push(b'\n');
    }
    Err(unfinished())
}

fn take(found: &mut Blocks, label: &[u8], body: &[u8]) -> Result<(), PemError> {
    match label {
        b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE" => {
            let (_, der) = decode(b"CERTIFICATE", body)?;
            found.certificates.push(CertificateDer::from(trusted_part(label, der)));
        }
        b"PRIVATE KEY" | b"RSA PRIVATE KEY" | b"EC PRIVATE KEY" => {
            let (kind, der) = decode(label, body)?;
            let key = PrivateKeyDer::from_pem(kind, der).map(Zeroizing::new).ok_or_else(damaged)?;
            match &found.key {
                Some(other) if other.secret_der() != key.secret_der() => return Err(several_keys()),
                _ => found.key = Some(key),
            }
        }
        b"ENCRYPTED PRIVATE KEY" => return Err(encrypted()),
        b"PUBLIC KEY" | b"RSA PUBLIC KEY" => return Err(public_key()),
        // `openssl ecparam` writes these before the key; the key repeats them.
        b"EC PARAMETERS" | b"DH PARAMETERS" => {}
        _ => return Err(unsupported(label)),
    }
    Ok(())
}

/// Decodes one block under a label that the decoder knows.
fn decode(label: &[u8], body: &[u8]) -> Result<(SectionKind, Vec<u8>), PemError> {
    let mut text = Zeroizing::new(Vec::with_capacity(body.len() + 80));
    for part in [b"-----BEGIN ".as_slice(), label, b"-----\n", body, b"-----END ", label, b"-----\n"] {
        text.extend_from_slice(part);
    }
    <(SectionKind, Vec<u8>)>::from_pem_slice(&text).map_err(|_| damaged())
}

/// OpenSSL's `TRUSTED CERTIFICATE` appends its own data to the certificate; only the certificate is kept.
fn trusted_part(label: &[u8], mut der: Vec<u8>) -> Vec<u8> {
    use x509_parser::prelude::{FromDer, X509Certificate};
    if label == b"TRUSTED CERTIFICATE"
        && let Ok((rest, _)) = X509Certificate::from_der(&der)
    {
        let keep = der.len() - rest.len();
        der.truncate(keep);
    }
    der
}

fn nothing(text: &[u8]) -> PemError {
    let binary = text.first() == Some(&0x30) && !text.is_ascii();
    let message = if binary {
        "This is a binary file (DER or PKCS#12). Convert it to PEM first, for example with 'openssl x509 -inform der' or 'openssl pkcs12 -nodes'."
    } else {
        "No PEM block was found. A block begins with '-----BEGIN CERTIFICATE-----' or '-----BEGIN PRIVATE KEY-----' on a line of its own."
    };
    PemError::new(if binary { "pem_unsupported" } else { "pem_empty" }, message)
}

fn unfinished() -> PemError {
    PemError::new("pem_damaged", "A PEM block is cut off: its '-----END …-----' line is missing. Copy the whole file.")
}

fn damaged() -> PemError {
    PemError::new("pem_damaged", "A PEM block cannot be decoded: it is not clean base64. Copy the file again.")
}

fn encrypted() -> PemError {
    let message = "The private key is encrypted. Remove the passphrase first, for example with 'openssl pkey -in key.pem -out plain.pem'; Auditwire stores it encrypted.";
    PemError::new("pem_key_encrypted", message)
}

fn several_keys() -> PemError {
    PemError::new("pem_several_keys", "The PEM holds several private keys. Keep only the client certificate's own key.")
}

fn public_key() -> PemError {
    let message = "The PEM holds a bare public key, which proves nothing. Use the certificate, and for a client certificate also its private key.";
    PemError::new("pem_public_key", message)
}

fn unsupported(label: &[u8]) -> PemError {
    // The label is the sender's own text and may be anything, so only a plain one is repeated.
    let plain =
        label.len() <= 40 && label.iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || b" #".contains(c));
    let label = if plain { String::from_utf8_lossy(label).into_owned() } else { "an unknown kind".to_owned() };
    PemError::new(
        "pem_unsupported",
        format!("The PEM holds a block of a kind that has no use here ({label}); remove it."),
    )
}
