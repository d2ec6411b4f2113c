//! One X.509 certificate, read for people and for sorting.

use std::fmt::Write as _;
use std::net::IpAddr;

use auditwire_model::connection::{CertificateInfo, CertificateRole, CertificateTime};
use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::{AlgorithmIdentifier, AttributeTypeAndValue, X509Name};

use crate::delivery::ServerCertificate;

/// What is read from a certificate.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) der: CertificateDer<'static>,
    /// Basic constraints say CA.
    pub(super) is_ca: bool,
    /// One of the names is an address, as an address.
    pub(super) has_address: bool,
    /// Numbers of the extensions that are marked as critical and that no verifier here knows.
    pub(super) unknown_critical: Vec<String>,
    /// How it was signed.
    pub(super) signature: Signature,
    /// Raw names, to follow a chain.
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    /// Public key as in the certificate.
    pub(super) spki: Vec<u8>,
    info: CertificateInfo,
}

/// The method of a signature.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    /// The OID's bytes.
    pub(super) id: Vec<u8>,
    /// For people.
    pub(super) name: String,
}

impl Certificate {
    /// Reads DER; `None` when it is not a certificate.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (rest, x509) = X509Certificate::from_der(der).ok()?;
        rest.is_empty().then(|| Self {
            is_ca: x509.is_ca(),
            has_address: general_names(&x509).iter().any(|name| matches!(name, GeneralName::IPAddress(_))),
            unknown_critical: unknown_critical(&x509),
            signature: signature(&x509.signature_algorithm),
            subject: x509.subject().as_raw().to_vec(),
            issuer: x509.issuer().as_raw().to_vec(),
            spki: x509.public_key().raw.to_vec(),
            info: info(&x509, der),
            der: der.clone().into_owned(),
        })
    }

    /// For people, in its role.
    pub(super) fn info(&self, role: CertificateRole) -> CertificateInfo {
        CertificateInfo { role, ..self.info.clone() }
    }

    /// RFC 4514 text.
    pub(super) fn subject_text(&self) -> &str {
        &self.info.subject
    }

    /// RFC 4514 text.
    pub(super) fn issuer_text(&self) -> &str {
        &self.info.issuer
    }

    pub(super) fn names(&self) -> &[String] {
        &self.info.names
    }

    pub(super) fn not_before(&self) -> CertificateTime {
        self.info.not_before
    }

    pub(super) fn not_after(&self) -> CertificateTime {
        self.info.not_after
    }

    /// Names itself as its issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// What matters of a server's leaf later; `None` when it cannot be read.
pub(crate) fn server_certificate(der: &CertificateDer<'_>) -> Option<ServerCertificate> {
    let read = Certificate::read(der)?;
    Some(ServerCertificate { subject: read.subject_text().to_owned(), not_after: read.not_after() })
}

/// Lower-case hex SHA-256 of the DER.
pub(super) fn fingerprint(der: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, der))
}

/// One sentence about a peer's certificate: whom it is for, who issued it, until when, its fingerprint.
pub(crate) fn describe(der: &CertificateDer<'_>) -> String {
    let Some(read) = Certificate::read(der) else { return String::new() };
    let names = if read.names().is_empty() { "no names".to_owned() } else { read.names().join(", ") };
    format!(
        "Certificate '{}' for {names}, issued by '{}', valid until {}, SHA-256 {}.",
        read.subject_text(),
        read.issuer_text(),
        read.not_after(),
        fingerprint(der)
    )
}

fn info(x509: &X509Certificate<'_>, der: &[u8]) -> CertificateInfo {
    CertificateInfo {
        role: CertificateRole::Pinned,
        subject: rfc4514(x509.subject()),
        issuer: rfc4514(x509.issuer()),
        names: general_names(x509).iter().filter_map(name).collect(),
        not_before: CertificateTime::from_seconds(x509.validity().not_before.timestamp()),
        not_after: CertificateTime::from_seconds(x509.validity().not_after.timestamp()),
        sha256: fingerprint(der),
    }
}

/// The subject alternative names.
fn general_names<'x>(x509: &'x X509Certificate<'_>) -> &'x [GeneralName<'x>] {
    match x509.subject_alternative_name() {
        Ok(Some(extension)) => &extension.value.general_names,
        _ => &[],
    }
}

/// Critical extensions beside those that webpki reads: key usage, alternative names, basic and name constraints, CRL distribution
/// points, extended key usage (RFC 5280 section 4.2.1).
fn unknown_critical(x509: &X509Certificate<'_>) -> Vec<String> {
    const KNOWN: [&str; 6] = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37"];
    let critical = x509.extensions().iter().filter(|extension| extension.critical);
    critical.map(|extension| extension.oid.to_id_string()).filter(|id| !KNOWN.contains(&id.as_str())).collect()
}

fn signature(algorithm: &AlgorithmIdentifier<'_>) -> Signature {
    let name = |oid: &Oid<'_>| match oid_registry().get(oid) {
        Some(entry) => entry.sn().to_owned(),
        None => oid.to_id_string(),
    };
    let text = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(pss)) => {
            format!("RSA-PSS with {} and a salt of {} bytes", name(pss.hash_algorithm_oid()), pss.salt_length())
        }
        _ => name(&algorithm.algorithm),
    };
    Signature { id: algorithm.algorithm.as_bytes().to_vec(), name: text }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some(dns.chars().fold(String::new(), readable)),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).ok().map(IpAddr::from);
            v4.or_else(|| <[u8; 16]>::try_from(*bytes).ok().map(IpAddr::from)).map(|ip| ip.to_string())
        }
        _ => None,
    }
}

/// RFC 4514 section 2: the last RDN first, `+` inside a multi-valued RDN, special characters escaped.
fn rfc4514(name: &X509Name<'_>) -> String {
    let rdns: Vec<String> = name
        .iter_rdn()
        .map(|rdn| {
            let pairs: Vec<String> = rdn
                .iter()
                .map(|attribute| {
                    let oid = attribute.attr_type();
                    let key = oid2abbrev(oid, oid_registry()).map_or_else(|_| oid.to_id_string(), str::to_owned);
                    match text(attribute) {
                        Some(value) => format!("{key}={}", escape(&value)),
                        None => format!("{key}=#{}", hex::encode(attribute.attr_value().data)),
                    }
                })
                .collect();
            pairs.join("+")
        })
        .collect();
    rdns.into_iter().rev().collect::<Vec<_>>().join(",")
}

/// The text of a name's part, in whichever of the DirectoryString types it is (RFC 5280 section 4.1.2.4).
fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    match value.header.tag() {
        Tag::BmpString => {
            let units = value.data.chunks(2).map(|unit| Some(u16::from_be_bytes(unit.try_into().ok()?)));
            String::from_utf16(&units.collect::<Option<Vec<_>>>()?).ok()
        }
        Tag::UniversalString => {
            let units = value.data.chunks(4).map(|unit| char::from_u32(u32::from_be_bytes(unit.try_into().ok()?)));
            units.collect()
        }
        // Nobody writes T.61; those who use its type write Latin-1.
        Tag::TeletexString => Some(value.data.iter().map(|byte| char::from(*byte)).collect()),
        _ => attribute.as_str().ok().map(str::to_owned),
    }
}

/// Appends a character; control characters, which people cannot read and terminals act on, as hex pairs (RFC 4514 section 2.4).
fn readable(mut out: String, c: char) -> String {
    if c.is_control() {
        for byte in c.to_string().bytes() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\{byte:02x}");
        }
    } else {
        out.push(c);
    }
    out
}

/// RFC 4514 section 2.4.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (i, c) in value.chars().enumerate() {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\')
            || (i == 0 && matches!(c, ' ' | '#'))
            || (i == last && c == ' ');
        if special {
            out.push('\\');
            out.push(c);
        } else {
            out = readable(out, c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc4514_escapes() {
        let cases = [
            ("Example, Inc.", "Example\\, Inc."),
            (" a ", "\\ a\\ "),
            ("#1", "\\#1"),
            ("a\"b\\c", "a\\\"b\\\\c"),
            ("a\nb", "a\\0ab"),
            ("Почта", "Почта"),
        ];
        for (given, expected) in cases {
            assert_eq!(escape(given), expected);
        }
    }

    #[test]
    fn a_name_brings_no_control_characters() {
        assert_eq!(name(&GeneralName::DNSName("a\0.\u{1b}[2J.b")).as_deref(), Some("a\\00.\\1b[2J.b"));
    }
}
