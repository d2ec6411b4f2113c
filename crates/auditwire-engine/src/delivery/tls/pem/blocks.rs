//! The blocks of a PEM (RFC 7468, and what people really have): bytes, of which only the blocks must be text. Comments in any
//! encoding, CRLF, byte order marks, UTF-16 and markers that share a line are taken; what looks like a marker and is none is
//! refused, because a block that is passed over in silence is a certificate that is missing later.

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
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

pub(super) fn read(pem: &[u8]) -> Result<Blocks, PemError> {
    let text = Zeroizing::new(narrow(pem).unwrap_or_else(|| pem.to_vec()));
    let mut found = Blocks { certificates: Vec::new(), key: None };
    let (mut rest, mut blocks) = (text.as_slice(), 0);
    while let Some((between, behind)) = split(rest, BEGIN) {
        refuse_marker(between)?;
        let (label, behind) = label(behind)?;
        let (body, behind) = body(label, behind)?;
        take(&mut found, label, &body)?;
        rest = behind;
        blocks += 1;
        if blocks > MAX_BLOCKS {
            return Err(PemError::new("pem_too_large", format!("The PEM has more than {MAX_BLOCKS} blocks.")));
        }
    }
    refuse_marker(rest)?;
    if found.certificates.is_empty() && found.key.is_none() { Err(nothing(&text)) } else { Ok(found) }
}

/// UTF-16 with its mark, as Windows' "Unicode" is, in UTF-8; `None` for everything else.
pub(super) fn narrow(bytes: &[u8]) -> Option<Vec<u8>> {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2)? {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, _) = bytes.get(2..)?.as_chunks();
    let characters = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    Some(characters.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into_bytes())
}

/// What stands before and behind the first `wanted`.
fn split<'a>(text: &'a [u8], wanted: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(wanted.len()).position(|window| window == wanted)?;
    Some((text.get(..at)?, text.get(at + wanted.len()..)?))
}

/// The label of a marker whose beginning was taken, and what stands behind the marker, be it on the same line.
fn label(text: &[u8]) -> Result<(&[u8], &[u8]), PemError> {
    let label = split(text, b"-----").filter(|(label, _)| !label.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
    label.ok_or_else(damaged_marker)
}

/// Everything up to the end marker, and what stands behind that. Old encrypted keys say so in a header (RFC 1421 section 4.6.1.1).
fn body<'a>(begun: &[u8], text: &'a [u8]) -> Result<(Zeroizing<Vec<u8>>, &'a [u8]), PemError> {
    let (inside, behind) = split(text, END).ok_or_else(unfinished)?;
    let (ended, behind) = label(behind)?;
    if ended != begun || split(inside, BEGIN).is_some() {
        return Err(unfinished());
    }
    let mut body = Zeroizing::new(Vec::with_capacity(inside.len() + 1));
    for line in inside.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii) {
        if line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED") {
            return Err(encrypted());
        }
        // Where line ends became blanks, the whole body is one line of them.
        body.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        body.push(b'\n');
    }
    Ok((body, behind))
}

/// Refuses text outside of blocks that was meant to be a marker: an end without a beginning, a hyphen too few, dashes that a word
/// processor made.
fn refuse_marker(text: &[u8]) -> Result<(), PemError> {
    const HYPHENS: [&[u8]; 3] = [b"--", "\u{2013}".as_bytes(), "\u{2014}".as_bytes()];
    for word in [b"BEGIN ".as_slice(), b"END "] {
        let mut rest = text;
        let mut before = 0;
        while let Some((head, behind)) = split(rest, word) {
            let head = text.get(..before + head.len()).unwrap_or_default().trim_ascii_end();
            if HYPHENS.iter().any(|hyphens| head.ends_with(hyphens)) {
                return Err(damaged_marker());
            }
            before = text.len() - behind.len();
            rest = behind;
        }
    }
    Ok(())
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
        "No PEM block was found. A block begins with '-----BEGIN CERTIFICATE-----' or '-----BEGIN PRIVATE KEY-----'."
    };
    PemError::new(if binary { "pem_unsupported" } else { "pem_empty" }, message)
}

fn unfinished() -> PemError {
    PemError::new("pem_damaged", "A PEM block is cut off: its '-----END …-----' line is missing. Copy the whole file.")
}

fn damaged_marker() -> PemError {
    let message = "A '-----BEGIN …-----' or '-----END …-----' line is damaged or stands alone: each has five hyphens before and behind its words, and the two come in pairs. Copy the whole file.";
    PemError::new("pem_damaged", message)
}

fn damaged() -> PemError {
    PemError::new("pem_damaged", "A PEM block cannot be decoded: it is not clean base64. Copy the file again.")
}

fn encrypted() -> PemError {
    let message = "The private key is encrypted. Remove the passphrase first, for example with 'openssl pkey -in key.pem -out plain.pem'.";
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
