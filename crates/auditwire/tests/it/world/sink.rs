//! Receivers of the tests' own: they keep each message's text.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auditwire_model::wire::framing::{FrameMode, FrameReader};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

use super::eventually;
use super::tls::Pki;

/// A receiver on a free port.
pub(crate) struct Sink {
    pub(crate) port: u16,
    messages: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Sink {
    /// TCP, or TLS with these certificates; both framings.
    pub(crate) async fn stream(pki: Option<&Pki>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), pki)
    }

    fn on(listener: TcpListener, pki: Option<&Pki>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let acceptor = pki.map(acceptor);
        let messages = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&messages);
        let task = tokio::spawn(async move {
            let mut links = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, kept) = (acceptor.clone(), Arc::clone(&kept));
                links.spawn(async move {
                    match acceptor {
                        None => keep(stream, &kept).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                keep(stream, &kept).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, messages, task }
    }

    /// Datagrams.
    pub(crate) async fn udp() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let messages = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&messages);
        let task = tokio::spawn(async move {
            let mut buffer = vec![0; 65536];
            while let Ok(n) = socket.recv(&mut buffer).await {
                kept.lock().unwrap().push(String::from_utf8_lossy(&buffer[..n]).into_owned());
            }
        });
        Self { port, messages, task }
    }

    /// Everything so far.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }

    /// Waits until `enough` of what came.
    pub(crate) async fn wait(&self, what: &str, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        eventually(what, Duration::from_secs(60), async || {
            let messages = self.messages();
            enough(&messages).then_some(messages)
        })
        .await
    }
}

/// A port that is taken and refuses everybody, until a receiver wakes up there.
pub(crate) struct Sleeper(TcpSocket);

impl Sleeper {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self(socket)
    }

    /// The connection point, as one types it.
    pub(crate) fn endpoint(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    pub(crate) fn wake(self) -> Sink {
        Sink::on(self.0.listen(128).unwrap(), None)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(mut stream: impl tokio::io::AsyncRead + Unpin, kept: &Mutex<Vec<String>>) {
    let mut frames = FrameReader::new(FrameMode::Auto, 1 << 20);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        frames.push(&buffer[..n]);
        while let Ok(Some(frame)) = frames.next_frame() {
            kept.lock().unwrap().push(String::from_utf8_lossy(frame).into_owned());
        }
    }
}

fn acceptor(pki: &Pki) -> tokio_rustls::TlsAcceptor {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(pki.server.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pki.server_key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config).into()
}
