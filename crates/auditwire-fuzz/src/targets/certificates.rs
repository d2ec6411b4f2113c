//! PEM texts and certificates.

use std::sync::OnceLock;

use auditwire_engine::delivery::tls::pem::{as_text, certificates, private_key};
use auditwire_engine::delivery::tls::{PemBundle, foreign};
use auditwire_model::connection::Verify;

use crate::samples;

pub(crate) fn pem(bytes: &[u8]) {
    match PemBundle::parse(bytes) {
        Ok(bundle) => {
            let all = bundle.certificates();
            let distinct =
                all.iter().enumerate().all(|(at, one)| !all.iter().take(at).any(|other| other.sha256 == one.sha256));
            assert!(distinct, "a certificate stands twice");
            assert!(!bundle.has_client_key() || !all.is_empty(), "a key without a certificate");
            assert!(!format!("{bundle:?}").contains("PRIVATE"), "a key is printed");
        }
        Err(refused) => assert!(!refused.message.is_empty() && refused.message.len() < 1024, "{refused}"),
    }
    let whole = certificates(bytes);
    let _ = private_key(bytes);
    // What the command line sends in place of the bytes is the same PEM.
    if let Ok(text) = as_text(bytes) {
        assert_eq!(certificates(text.as_bytes()), whole, "the text is another PEM");
    }
}

pub(crate) fn der(bytes: &[u8]) {
    static TRUSTED: OnceLock<PemBundle> = OnceLock::new();
    let trusted = TRUSTED.get_or_init(|| PemBundle::parse(samples::CHAIN.as_bytes()).expect("our own PEM"));
    if let Some(told) = foreign::describe(bytes) {
        assert!(!told.chars().any(char::is_control), "control characters are told: {told:?}");
    }
    for verify in [Verify::Full, Verify::Fingerprint, Verify::Off] {
        let judged = foreign::verify(&[bytes, bytes], trusted, verify);
        assert!(judged.is_err() || verify != Verify::Fingerprint, "nothing has this fingerprint");
    }
}
