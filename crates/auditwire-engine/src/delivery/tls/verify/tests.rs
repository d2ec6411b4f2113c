//! What is said about chains that are refused: in words, with the certificate that it is about.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnValue, GeneralSubtree, IsCa, NameConstraints, SanType,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::UnixTime;

use super::*;
use crate::delivery::failure::{Case, LinkFailure};
use crate::delivery::tls::ClientAuth;
use crate::delivery::tls::fixtures::{Ca, Pair, elements, ended, for_clients_only, is_ca, not_begun, tlv};

const NAME: &str = "siem.example.com";

/// What is said of a server that shows these certificates to one who trusts `trusted`.
fn said(shown: &[&CertificateDer<'_>], trusted: &str, name: &str) -> LinkFailure {
    let bundle = PemBundle::parse(trusted.as_bytes()).unwrap();
    let algorithms = default_provider().signature_verification_algorithms;
    let verifier = PeerVerifier::new(&TlsSpec::default(), Some(&bundle), algorithms).unwrap();
    let intermediates: Vec<_> = shown[1..].iter().map(|der| (*der).clone()).collect();
    let name = ServerName::try_from(name).unwrap();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_795_305_600));
    let error = verifier.verify_server_cert(shown[0], &intermediates, &name, &[], now).unwrap_err();
    LinkFailure::from_tls(&error, ClientAuth::default())
}

#[track_caller]
fn assert_said(failure: &LinkFailure, code: &str, message: &str, case: Option<Case>) {
    assert_eq!((failure.code, failure.message.as_str()), (code, message));
    let remedy = case.map_or_else(|| LinkFailure::new(failure.code, "").remedy, |case| case.remedy().to_owned());
    assert_eq!(failure.remedy, remedy);
}

fn issued(change: impl FnOnce(&mut CertificateParams)) -> LinkFailure {
    let ca = Ca::new("root");
    said(&[&ca.issue_with(&[NAME], change).cert], &ca.pem, NAME)
}

#[test]
fn an_address_that_stands_there_as_a_name_is_told() {
    let ca = Ca::new("root");
    let as_name =
        |p: &mut CertificateParams| p.subject_alt_names = vec![SanType::DnsName("127.0.0.1".try_into().unwrap())];
    let failure = said(&[&ca.issue_with(&[], as_name).cert], &ca.pem, "127.0.0.1");
    let message = "The connection point is the address 127.0.0.1, and the certificate carries no address; it carries 127.0.0.1 as a DNS name, which does not count.";
    assert_said(&failure, "cert_no_ip_san", message, None);
    let failure = said(&[&ca.issue(&["127.0.0.2"]).cert], &ca.pem, "127.0.0.1");
    assert_said(&failure, "cert_wrong_name", "The certificate is not for 127.0.0.1; it is for 127.0.0.2.", None);
}

#[test]
fn a_ca_that_is_not_marked_as_one_is_told() {
    let unmarked = Ca::unmarked("old CA");
    let failure = said(&[&unmarked.issue(&[NAME]).cert], &unmarked.pem, NAME);
    let message = "The TLS key holds the certificate of 'CN=old CA', which issued the server's, but that one is not marked as a CA (basic constraints), so it vouches for nobody.";
    assert_said(&failure, "cert_unknown_ca", message, Some(Case::CaNotMarked));

    let root = Ca::new("root");
    let between = root.issue_unmarked("between");
    let failure = said(&[&between.issue(&[NAME]).cert, &between.der], &root.pem, NAME);
    let message =
        "A certificate between the server's and its CA ('CN=between') is not marked as a CA (basic constraints).";
    assert_said(&failure, "cert_unknown_ca", message, Some(Case::CaNotMarked));

    // Another server's certificate that is pinned is still a matter of fingerprints.
    let failure = said(&[&root.issue(&[NAME]).cert], &Pair::fixed().cert_pem, NAME);
    assert_eq!(failure.code, "cert_fingerprint_mismatch");
}

#[test]
fn an_unknown_critical_extension_is_named() {
    let critical = |p: &mut CertificateParams| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 1], vec![5, 0]);
        extension.set_criticality(true);
        p.custom_extensions = vec![extension];
    };
    let message = "The certificate of 'CN=siem' has the extension 1.3.6.1.4.1.32473.1, marked as critical, which Auditwire does not know.";
    assert_said(&issued(critical), "cert_unsupported", message, Some(Case::Extension));
}

#[test]
fn a_method_of_signing_that_is_not_accepted_is_named() {
    let ca = Ca::new("root");
    let leaf = ca.issue(&[NAME]);
    let sha256 = tlv(0x30, &[0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0]);
    let mgf1 = tlv(0x30, &[&[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8][..], &sha256].concat());
    let salt = tlv(0xa2, &[2, 1, 20]);
    let pss = tlv(0x30, &[tlv(0xa0, &sha256), tlv(0xa1, &mgf1), salt].concat());
    let pss = [&[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10][..], &pss].concat();
    let sha1 = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5, 5, 0];
    for (method, name) in
        [(pss.as_slice(), "RSA-PSS with sha256 and a salt of 20 bytes"), (&sha1, "sha1WithRSAEncryption")]
    {
        let failure = said(&[&signed_with(&leaf.cert, method)], &ca.pem, NAME);
        let message = format!("The certificate of 'CN=siem' is signed with {name}, which is not accepted.");
        assert_said(&failure, "cert_unsupported", &message, Some(Case::Signature));
    }
}

/// The certificate with another method of signing named in both places.
fn signed_with(cert: &CertificateDer<'_>, method: &[u8]) -> CertificateDer<'static> {
    let outer = elements(cert)[0].1.to_vec();
    let [body, _, signature] = elements(&outer)[..] else { unreachable!("a certificate has three parts") };
    let mut parts = elements(body.1);
    parts[2].1 = method;
    let body: Vec<u8> = parts.into_iter().flat_map(|(tag, content)| tlv(tag, content)).collect();
    let whole = [tlv(0x30, &body), tlv(0x30, method), tlv(signature.0, signature.1)].concat();
    CertificateDer::from(tlv(0x30, &whole))
}

#[test]
fn what_a_certificate_or_its_ca_may_not_do_is_told() {
    let message = "The server's certificate is not for servers: its extended key usage lists other purposes only.";
    assert_said(&issued(for_clients_only), "cert_unsupported", message, Some(Case::Purpose));

    let root = Ca::new("root");
    let narrow = root.issue_ca_with("narrow", |p| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName("example.org".to_owned())];
        p.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    });
    let failure = said(&[&narrow.issue(&[NAME]).cert, &narrow.der], &root.pem, NAME);
    let message = "A CA of the server's chain may not issue certificates for these names (name constraints).";
    assert_said(&failure, "cert_unsupported", message, Some(Case::Constraints));

    let last = root.issue_ca_with("last", |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let below = last.issue_ca("below");
    let failure = said(&[&below.issue(&[NAME]).cert, &below.der, &last.der], &root.pem, NAME);
    let message = "A CA of the server's chain may not have so many CAs below it (path length constraint).";
    assert_said(&failure, "cert_unsupported", message, Some(Case::Constraints));
}

#[test]
fn a_certificate_between_that_is_not_valid_now_is_named_with_its_day() {
    let root = Ca::new("root");
    for (change, code, said_of_it) in [
        (ended as fn(&mut CertificateParams), "cert_expired", "expired on 2001-01-01T00:00:00Z"),
        (not_begun, "cert_not_yet_valid", "is valid only from 2050-01-01T00:00:00Z"),
    ] {
        let between = root.issue_ca_with("between", change);
        let failure = said(&[&between.issue(&[NAME]).cert, &between.der], &root.pem, NAME);
        let message = format!("The certificate of 'CN=between', between the server's and its CA, {said_of_it}.");
        assert_said(&failure, code, &message, None);
    }
}

#[test]
fn names_in_every_type_of_text_are_text_and_the_last_second_is_no_other() {
    let pair = Pair::self_signed(&[NAME], |p| {
        is_ca(p);
        p.not_after = rcgen::date_time_ymd(9999, 12, 31) + std::time::Duration::from_secs(86_399);
        p.distinguished_name = rcgen::DistinguishedName::new();
        p.distinguished_name.push(rcgen::DnType::CommonName, DnValue::BmpString("Почта".try_into().unwrap()));
        p.distinguished_name.push(rcgen::DnType::OrganizationName, DnValue::UniversalString("Ünî".try_into().unwrap()));
    });
    let info = &PemBundle::parse(pair.cert_pem.as_bytes()).unwrap().certificates()[0];
    assert_eq!(info.subject, "O=Ünî,CN=Почта");
    assert_eq!(info.not_after.to_string(), "9999-12-31T23:59:59Z");
}
