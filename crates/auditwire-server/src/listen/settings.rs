//! What the binary tells the listener.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// Where and how we listen.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Present: TLS only.
    pub tls: Option<TlsFiles>,
    /// Networks of the proxies in front of us; only from there are forwarding headers believed.
    pub behind_proxy: Vec<IpNet>,
    /// Names under which clients reach us, beside the address itself and `localhost` on loopback.
    pub hostnames: Vec<String>,
    /// The keys that seal secrets lie beside the data they seal; the console says so.
    pub keys_beside_data: bool,
    /// Limits.
    pub limits: HttpLimits,
}

impl ServerSettings {
    /// Plain HTTP on this address with the product's limits.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            behind_proxy: Vec::new(),
            hostnames: Vec::new(),
            keys_beside_data: false,
            limits: HttpLimits::default(),
        }
    }

    /// Where people reach us, when a name is configured: the first one; behind a proxy with its scheme and usual port, else with
    /// our own (`local` is what we listen on).
    pub(crate) fn public_origin(&self, local: SocketAddr) -> Option<String> {
        let name = self.hostnames.first()?;
        if !self.behind_proxy.is_empty() {
            return Some(format!("https://{name}"));
        }
        let (scheme, usual) = if self.tls.is_some() { ("https", 443) } else { ("http", 80) };
        let port = Some(local.port()).filter(|port| *port != usual).map(|port| format!(":{port}"));
        Some(format!("{scheme}://{name}{}", port.unwrap_or_default()))
    }
}

/// A certificate chain and its private key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Leaf first, then what leads to the root.
    pub cert: PathBuf,
    /// PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: PathBuf,
}

/// Limits of the listener and of one request. Configuration; the defaults are the product's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// Open connections; more wait in the system's queue. Default 2,048.
    pub connections_max: usize,
    /// From the end of a response (or the first byte of a connection) to the end of the next request's head. Also ends
    /// idle connections. Default 60 s.
    pub head_timeout: Duration,
    /// Longest TLS handshake. Default 10 s.
    pub handshake_timeout: Duration,
    /// Longest pause inside a request's body. Default 20 s.
    pub body_pause_max: Duration,
    /// An events body, as sent and again when decompressed, in bytes. Default 16 MiB.
    pub events_body_bytes_max: usize,
    /// Items of one events body. Default 10,000.
    pub events_items_max: usize,
    /// Any other body, in bytes. Default 1 MiB.
    pub body_bytes_max: usize,
    /// All bodies in memory together, in bytes; more answer 503. Default 64 MiB.
    pub bodies_in_flight_bytes_max: usize,
    /// How many bytes one compressed byte may become, once 4 MiB are passed. Default 200.
    pub compression_ratio_max: usize,
    /// Between comments on a quiet live tail, each of which also asks whether its token is still valid. Default 15 s
    /// (product section 9).
    pub tail_heartbeat: Duration,
    /// Longest drain. Default 20 s.
    pub drain_max: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections_max: 2_048,
            head_timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(10),
            body_pause_max: Duration::from_secs(20),
            events_body_bytes_max: 16 << 20,
            events_items_max: 10_000,
            body_bytes_max: 1 << 20,
            bodies_in_flight_bytes_max: 64 << 20,
            compression_ratio_max: 200,
            tail_heartbeat: Duration::from_secs(15),
            drain_max: Duration::from_secs(20),
        }
    }
}
