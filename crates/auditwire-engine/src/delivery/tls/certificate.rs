//! One X.509 certificate, read for people and for sorting.

use std::fmt::Write as _;
use std::net::IpAddr;

use auditwire_model::Timestamp;
use auditwire_model::connection::{CertificateInfo, CertificateRole};
use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use crate::delivery::ServerCertificate;

/// What is read from a certificate.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) der: CertificateDer<'static>,
    /// Basic constraints say CA.
    pub(super) is_ca: bool,
    /// Raw names, to follow a chain.
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    /// Public key as in the certificate.
    pub(super) spki: Vec<u8>,
    info: CertificateInfo,
}

impl Certificate {
    /// Reads DER; `None` when it is not a certificate.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (rest, x509) = X509Certificate::from_der(der).ok()?;
        rest.is_empty().then(|| Self {
            is_ca: x509.is_ca(),
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

    pub(super) fn not_before(&self) -> Timestamp {
        self.info.not_before
    }

    pub(super) fn not_after(&self) -> Timestamp {
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
        names: names(x509),
        not_before: time(x509.validity().not_before),
        not_after: time(x509.validity().not_after),
        sha256: fingerprint(der),
    }
}

fn names(x509: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = x509.subject_alternative_name() else { return Vec::new() };
    extension.value.general_names.iter().filter_map(name).collect()
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

/// A certificate's second as our timestamp; what lies outside our years becomes the nearest end.
fn time(time: ASN1Time) -> Timestamp {
    let nanos = time.timestamp().saturating_mul(1_000_000_000).max(0);
    Timestamp::from_nanos(nanos).unwrap_or(Timestamp::EPOCH)
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
                    match attribute.as_str() {
                        Ok(value) => format!("{key}={}", escape(value)),
                        Err(_) => format!("{key}=#{}", hex::encode(attribute.attr_value().data)),
                    }
                })
                .collect();
            pairs.join("+")
        })
        .collect();
    rdns.into_iter().rev().collect::<Vec<_>>().join(",")
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
