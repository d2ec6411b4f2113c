use auditwire_model::connection::CertificateRole::{Ca as IsCa, Client, Pinned};
use proptest::prelude::*;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};

use super::*;
use crate::delivery::tls::fixtures::{Ca, Pair, elements, tlv};

/// What a PKCS#8 key wraps: the PKCS#1 or SEC1 key.
fn unwrapped(pkcs8: &[u8]) -> Vec<u8> {
    let outer = elements(pkcs8);
    elements(outer[0].1)[2].1.to_vec()
}

/// SEC1 with the curve inside, as `openssl ecparam -genkey` writes it.
fn sec1(pkcs8: &[u8]) -> Vec<u8> {
    const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let inner = unwrapped(pkcs8);
    let parts = elements(&inner);
    let inside = elements(parts[0].1);
    let public = inside.last().unwrap().1;
    let content = [tlv(0x02, &[1]), tlv(0x04, inside[1].1), tlv(0xa0, P256), tlv(0xa1, public)].concat();
    tlv(0x30, &content)
}

fn block(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut body = String::new();
    for chunk in der.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = ALPHABET[bits >> (18 - 6 * i) & 63] as char;
            body.push(if i <= chunk.len() { digit } else { '=' });
        }
        if body.len() % 65 == 64 {
            body.push('\n');
        }
    }
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn parse(pem: &str) -> Result<PemBundle, PemError> {
    PemBundle::parse(pem.as_bytes())
}

fn roles(bundle: &PemBundle) -> Vec<CertificateRole> {
    bundle.certificates().iter().map(|c| c.role).collect()
}

fn with_key(algorithm: &'static rcgen::SignatureAlgorithm) -> Pair {
    Pair::self_signed_with(KeyPair::generate_for(algorithm).unwrap(), &["client"], |_| {})
}

#[test]
fn every_spelling_of_a_private_key() {
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519, &PKCS_RSA_SHA256] {
        let bundle = parse(&with_key(algorithm).pem()).unwrap();
        assert!(bundle.has_client_key(), "PKCS#8 {algorithm:?}");
    }
    let rsa = with_key(&PKCS_RSA_SHA256);
    let pkcs1 = block("RSA PRIVATE KEY", &unwrapped(&rsa.key.serialize_der()));
    assert!(parse(&format!("{}{pkcs1}", rsa.cert_pem)).unwrap().has_client_key(), "PKCS#1");
    let ec = with_key(&PKCS_ECDSA_P256_SHA256);
    let key = block("EC PRIVATE KEY", &sec1(&ec.key.serialize_der()));
    let parameters = block("EC PARAMETERS", &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    assert!(parse(&format!("{parameters}{key}{}", ec.cert_pem)).unwrap().has_client_key(), "SEC1");
}

#[test]
fn sorts_any_mix_in_any_order() {
    let (ca, server, client) = (Ca::new("CA"), Pair::self_signed(&["siem"], |_| {}), Ca::new("client CA"));
    let client = client.issue(&["auditwire"]);
    let key = client.key.serialize_pem();
    let parts =
        [(&ca.pem, Some(IsCa)), (&server.cert_pem, Some(Pinned)), (&client.cert_pem, Some(Client)), (&key, None)];
    for turn in 0..parts.len() {
        let mut turned = parts.to_vec();
        turned.rotate_left(turn);
        let pem: String = turned.iter().map(|(text, _)| text.as_str()).collect();
        let bundle = parse(&pem).unwrap();
        assert_eq!(roles(&bundle), turned.iter().filter_map(|(_, role)| *role).collect::<Vec<_>>());
        assert!(bundle.has_client_key());
        assert_eq!(bundle.roots().map(|roots| roots.len()), Some(1));
        assert_eq!(bundle.pinned().collect::<Vec<_>>(), [&server.cert]);
    }
    assert_eq!(roles(&parse(&format!("{0}{0}", ca.pem)).unwrap()), [IsCa], "a repeated certificate counts once");
    assert!(parse(&server.cert_pem).unwrap().roots().is_none());
}

#[test]
fn the_clients_chain_is_completed_from_the_pem() {
    let root = Ca::new("root");
    let middle = root.issue_ca("middle");
    let client = middle.issue(&["auditwire"]);
    let bundle = parse(&format!("{}{}{}", root.pem, client.pem(), middle.pem)).unwrap();
    let chain = &bundle.client().unwrap().certified.cert;
    assert_eq!(chain, &[client.cert.clone(), middle.der.clone()], "leaf first, without the root");
}

#[test]
fn tells_certificates_to_people() {
    let info = parse(&Ca::new("Пример, Inc.").issue(&["siem.example", "10.0.0.5"]).cert_pem).unwrap().certificates();
    assert_eq!(info[0].subject, "CN=siem");
    assert_eq!(info[0].issuer, "CN=Пример\\, Inc.");
    assert_eq!(info[0].names, ["siem.example", "10.0.0.5"]);
    assert!(info[0].not_before < info[0].not_after);
    assert_eq!(info[0].sha256.len(), 64);
}

#[test]
fn tolerates_what_people_paste() {
    let pem = Ca::new("CA").issue(&["a"]).pem();
    let subject = "subject=CN = a\nissuer=CN = CA\n";
    for text in [
        pem.replace('\n', "\r\n"),
        format!("\u{feff}{pem}"),
        format!("{subject}{pem}"),
        pem.replace("-----BEGIN", &format!("{subject}-----BEGIN")),
        pem.replace("-----\n", "-----  \n"),
        pem.replace('\n', "\n  "),
        pem.replace("\n-----BEGIN", "\n\n\n-----BEGIN"),
        pem.trim_end().to_owned(),
        pem.replace("-----\n-----BEGIN", "----------BEGIN"),
        pem.replace('\n', " "),
        pem.replace("-----\n-----BEGIN", "-----\n\u{feff}-----BEGIN"),
    ] {
        assert!(parse(&text).is_ok_and(|b| b.has_client_key()), "{text}");
    }
}

#[test]
fn refuses_with_a_clear_code() {
    let (one, other) = (Pair::self_signed(&["a"], |_| {}), Pair::self_signed(&["b"], |_| {}));
    let (cert, key) = (&one.cert_pem, one.key.serialize_pem());
    let foreign = other.key.serialize_pem();
    let headers =
        key.replace("PRIVATE KEY-----\n", "PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n");
    let cases = [
        (String::new(), "pem_empty"),
        ("hello".to_owned(), "pem_empty"),
        (cert.replace("-----", "----"), "pem_damaged"),
        (format!("{cert}{}", cert.replacen("-----", "----", 1)), "pem_damaged"),
        (format!("{cert}{}", cert.replacen("CATE-----", "CATE----", 1)), "pem_damaged"),
        (format!("{cert}{}", cert.replacen("-----BEGIN CERTIFICATE-----", "", 1)), "pem_damaged"),
        (format!("{cert}{}", cert.replace("-----", "\u{2014}\u{2013}")), "pem_damaged"),
        (cert[..cert.len() / 2].to_owned(), "pem_damaged"),
        (cert.replacen("MII", "M*I", 1).replacen("MIIB", "****", 1), "pem_damaged"),
        (block("CERTIFICATE", b"not a certificate"), "pem_damaged"),
        (format!("{cert}{}", key.replace("END PRIVATE", "END PUBLIC")), "pem_damaged"),
        (format!("{cert}{}", key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")), "pem_key_encrypted"),
        (format!("{cert}{headers}"), "pem_key_encrypted"),
        (format!("{cert}{key}{foreign}"), "pem_several_keys"),
        (format!("{cert}{}", block("PRIVATE KEY", b"not a key")), "pem_key_unsupported"),
        (format!("{cert}{}", block("PUBLIC KEY", b"whatever")), "pem_public_key"),
        (format!("{cert}{}", block("CERTIFICATE REQUEST", b"whatever")), "pem_unsupported"),
        (format!("{cert}{foreign}"), "key_mismatch"),
        (key.clone(), "key_mismatch"),
        ("x".repeat(PemBundle::MAX_BYTES + 1), "pem_too_large"),
        (cert.repeat(PemBundle::MAX_BYTES / cert.len()), "pem_too_large"),
    ];
    for (pem, code) in cases {
        let error = parse(&pem).map(|b| roles(&b)).map_err(|e| e.code);
        assert_eq!(error, Err(code), "{}", &pem[..pem.len().min(3000)]);
    }
    let der = PemBundle::parse(&one.cert).map_err(|e| e.code);
    assert!(matches!(der, Err("pem_unsupported")), "DER: {der:?}");
    assert!(parse(&format!("{cert}{key}{key}")).is_ok(), "the same key twice is one key");
}

#[test]
fn prints_no_key() {
    let pair = Pair::self_signed(&["a"], |_| {});
    let bundle = parse(&pair.pem()).unwrap();
    let text = format!("{bundle:?}");
    let key = pair.key.serialize_pem();
    assert!(key.lines().filter(|l| !l.starts_with('-')).all(|line| !text.contains(line)), "{text}");
    assert!(text.len() < 300, "{text}");
}

/// A chain that lost its line end between two certificates, as `cat` makes of files without one at their end.
#[test]
fn markers_that_share_a_line_lose_no_certificate() {
    let middle = Ca::new("root").issue_ca("middle");
    let leaf = middle.issue(&["a"]);
    let text = format!("{}{}", leaf.cert_pem.trim_end(), middle.pem);
    assert!(text.contains("-----END CERTIFICATE----------BEGIN CERTIFICATE-----"));
    assert_eq!(certificates(text.as_bytes()).unwrap(), [leaf.cert.clone(), middle.der.clone()]);
    assert_eq!(parse(&text).unwrap().certificates().len(), 2);
}

#[test]
fn only_the_blocks_must_be_text() {
    let pair = Ca::new("CA").issue(&["a"]);
    let pem = pair.pem();
    let wide = |unit: fn(u16) -> [u8; 2], mark: [u8; 2]| {
        mark.into_iter().chain(pem.encode_utf16().flat_map(unit)).collect::<Vec<_>>()
    };
    for bytes in [
        [b"# caf\xe9\n".as_slice(), pem.as_bytes()].concat(),
        [b"\xef\xbb\xbf".as_slice(), pem.as_bytes()].concat(),
        wide(u16::to_le_bytes, [0xff, 0xfe]),
        wide(u16::to_be_bytes, [0xfe, 0xff]),
    ] {
        assert!(PemBundle::parse(&bytes).is_ok_and(|bundle| bundle.has_client_key()));
        assert_eq!(certificates(&bytes).unwrap(), std::slice::from_ref(&pair.cert));
        assert_eq!(private_key(&bytes).unwrap().secret_der(), pair.key.serialize_der());
        assert!(parse(&as_text(&bytes).unwrap()).is_ok_and(|bundle| bundle.has_client_key()));
    }
    let der = as_text(&pair.cert).unwrap_err();
    assert_eq!(der.code, "pem_unsupported");
    assert!(der.message.contains("openssl x509 -inform der"), "{der}");
    assert_eq!(certificates(&pair.cert).unwrap_err(), der);
    assert_eq!(private_key(&pair.cert).unwrap_err(), der);
    assert_eq!(certificates(pair.key.serialize_pem().as_bytes()).unwrap_err().code, "pem_empty");
    assert_eq!(private_key(pair.cert_pem.as_bytes()).unwrap_err().code, "pem_empty");
}

proptest! {
    /// Foreign bytes never panic, and no message repeats what was pasted.
    #[test]
    fn any_bytes_are_refused_quietly(cut in 0usize..1200, noise in proptest::collection::vec(any::<u8>(), 0..40), at in 0usize..1200) {
        let pair = Pair::fixed();
        let mut bytes = pair.pem().into_bytes();
        let at = at.min(bytes.len());
        bytes.splice(at..at, noise);
        bytes.truncate(bytes.len().saturating_sub(cut));
        if let Err(error) = PemBundle::parse(&bytes) {
            for line in pair.key.serialize_pem().lines().filter(|l| !l.starts_with('-')) {
                prop_assert!(!error.message.contains(line));
            }
        }
    }
}
