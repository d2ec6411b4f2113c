use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CipherSuiteCommon, ClientConfig, RootCertStore, ServerConfig, SupportedCipherSuite, Tls12CipherSuite};
use rustls_pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector, client};

use super::*;

const LIMIT: u64 = 40;

/// Keys that make few records.
fn limited() -> CryptoProvider {
    let suite = |suite: &SupportedCipherSuite| match suite {
        SupportedCipherSuite::Tls12(s) if s.common.confidentiality_limit < u64::MAX => {
            let CipherSuiteCommon { suite, hash_provider, .. } = s.common;
            let common = CipherSuiteCommon { suite, hash_provider, confidentiality_limit: LIMIT };
            let Tls12CipherSuite { prf_provider, kx, sign, aead_alg, .. } = **s;
            let made = Tls12CipherSuite { common, prf_provider, kx, sign, aead_alg };
            Some(SupportedCipherSuite::Tls12(Box::leak(Box::new(made))))
        }
        _ => None,
    };
    let cipher_suites = aws_lc_rs::DEFAULT_CIPHER_SUITES.iter().filter_map(suite).collect();
    CryptoProvider { cipher_suites, ..aws_lc_rs::default_provider() }
}

async fn pair() -> (TlsStream<DuplexStream>, client::TlsStream<DuplexStream>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(limited()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (ours, theirs) = duplex(1 << 20);
    let name = ServerName::try_from("localhost").unwrap();
    let (ours, theirs) = tokio::join!(
        TlsAcceptor::from(Arc::new(server)).accept(ours),
        TlsConnector::from(Arc::new(client)).connect(name, theirs)
    );
    (ours.unwrap(), theirs.unwrap())
}

#[tokio::test]
async fn what_was_written_came_also_at_the_end_of_a_key() {
    let (ours, mut theirs) = pair().await;
    let retire = CancellationToken::new();
    let mut ours = Worn::new(ours, retire.clone());
    let (mut written, mut retired_at) = (0, None);
    while written < 10 * LIMIT && ours.write_all(b"x").await.is_ok() {
        ours.flush().await.unwrap();
        written += 1;
        if retire.is_cancelled() {
            retired_at.get_or_insert(written);
        }
    }
    drop(ours);
    let mut got = Vec::new();
    // Without close_notify: the client knows that something may be missing.
    assert!(theirs.read_to_end(&mut got).await.is_err());
    assert_eq!(got.len() as u64, written, "nothing that was taken was thrown away");
    assert_eq!((retired_at, written), (Some(34), 37));
}
