//! Certificates of every defect, and servers that show them.

mod limits;

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::PemBundle;

pub(super) use limits::worn_soon;
pub(crate) use limits::{keys_make, provider};

/// A certificate authority.
pub(crate) struct Ca {
    pub(crate) pem: String,
    pub(crate) der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub(crate) struct Pair {
    pub(crate) cert: CertificateDer<'static>,
    pub(crate) cert_pem: String,
    pub(crate) key: KeyPair,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, is_ca)
    }

    /// One that issues certificates and is not marked as a CA.
    pub(crate) fn unmarked(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params(&[], name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        Self { pem: cert.pem(), der: cert.der().clone(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Pair {
        self.issue_with(names, |_| {})
    }

    pub(crate) fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = params(names, "siem");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Pair { cert: cert.der().clone(), cert_pem: cert.pem(), key }
    }

    /// A CA below this one.
    pub(crate) fn issue_ca(&self, name: &str) -> Self {
        self.issue_ca_with(name, |_| {})
    }

    pub(crate) fn issue_ca_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        self.below(name, |params| {
            is_ca(params);
            change(params);
        })
    }

    /// One below this one that is not marked as a CA.
    pub(crate) fn issue_unmarked(&self, name: &str) -> Self {
        self.below(name, |_| {})
    }

    fn below(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params(&[], name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Self { pem: cert.pem(), der: cert.der().clone(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn bundle(&self) -> PemBundle {
        PemBundle::parse(self.pem.as_bytes()).unwrap()
    }
}

impl Pair {
    pub(crate) fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        Self::self_signed_with(KeyPair::generate().unwrap(), names, change)
    }

    /// With a given key.
    pub(crate) fn self_signed_with(key: KeyPair, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params(names, "self");
        change(&mut params);
        let cert = params.self_signed(&key).unwrap();
        Self { cert: cert.der().clone(), cert_pem: cert.pem(), key }
    }

    /// One and the same in the whole process, for tests that need many.
    pub(crate) fn fixed() -> &'static Self {
        static FIXED: std::sync::OnceLock<Pair> = std::sync::OnceLock::new();
        FIXED.get_or_init(|| Self::self_signed(&["a"], |_| {}))
    }

    /// As X.509 version 1 has it: without a version and extensions. Its signature does not fit any more.
    pub(crate) fn version_1(mut self) -> Self {
        let outer = elements(&self.cert)[0].1.to_vec();
        let [body, algorithm, signature] = elements(&outer)[..] else { unreachable!("a certificate has three parts") };
        let kept = elements(body.1).into_iter().filter(|(tag, _)| !matches!(tag, 0xa0 | 0xa3));
        let body: Vec<u8> = kept.flat_map(|(tag, content)| tlv(tag, content)).collect();
        let parts = [tlv(0x30, &body), tlv(algorithm.0, algorithm.1), tlv(signature.0, signature.1)].concat();
        self.cert = CertificateDer::from(tlv(0x30, &parts));
        self
    }

    pub(crate) fn pem(&self) -> String {
        format!("{}{}", self.cert_pem, self.key.serialize_pem())
    }

    pub(crate) fn sha256(&self) -> String {
        super::certificate::fingerprint(&self.cert)
    }
}

pub(crate) fn ended(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2001, 1, 1);
}

pub(crate) fn not_begun(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2050, 1, 1);
    params.not_after = date_time_ymd(2051, 1, 1);
}

pub(crate) fn for_clients_only(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

pub(crate) fn is_ca(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

/// A server that shows `pair` and asks for nothing.
pub(crate) fn server(pair: &Pair) -> ServerConfig {
    server_with(pair, &[&rustls::version::TLS13, &rustls::version::TLS12], None)
}

pub(crate) fn server_with(
    pair: &Pair,
    versions: &[&'static SupportedProtocolVersion],
    clients: Option<&Ca>,
) -> ServerConfig {
    with_key(pair, &pair.key, versions, clients)
}

/// A server that shows `pair`'s certificate but signs with `key`.
pub(crate) fn with_key(
    pair: &Pair,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
    clients: Option<&Ca>,
) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let signing = aws_lc_rs::sign::any_supported_type(&der).unwrap();
    let shown = Arc::new(CertifiedKey::new(vec![pair.cert.clone()], signing));
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            roots.add(ca.der.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_cert_resolver(Arc::new(Shows(shown)))
}

/// A server that asks for a certificate of `clients` and does without one.
pub(crate) fn asking(pair: &Pair, clients: &Ca) -> ServerConfig {
    asking_with(pair, &[&rustls::version::TLS13, &rustls::version::TLS12], clients)
}

/// The same with these versions.
pub(crate) fn asking_with(pair: &Pair, versions: &[&'static SupportedProtocolVersion], clients: &Ca) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(clients.der.clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![pair.cert.clone()], PrivateKeyDer::try_from(pair.key.serialize_der()).unwrap())
        .unwrap()
}

#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn params(names: &[&str], common_name: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// DER of a tag, a length and what follows; for what no tool at hand writes.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 128 => out.push(short),
        Ok(short) => out.extend([0x81, short]),
        _ => out.extend([0x82, u8::try_from(content.len() >> 8).unwrap(), (content.len() & 0xff) as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// The elements of a DER sequence's content, as `(tag, content)`.
pub(crate) fn elements(mut der: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let [tag, first, rest @ ..] = der {
        let extra = usize::from(first.checked_sub(0x80).unwrap_or(0));
        let length = match extra {
            0 => usize::from(*first),
            _ => rest[..extra].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        };
        found.push((*tag, &rest[extra..extra + length]));
        der = &rest[extra + length..];
    }
    found
}
