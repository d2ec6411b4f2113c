//! `[server]`: our own listener and its limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use auditwire_server::{Authority, BodyClass, HttpLimits, NotAnAuthority, proxy_network};
use ipnet::IpNet;

use super::raw::Raw;
use super::{is_loopback, network, units};

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerConfig {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Certificate chain and key, both or none.
    pub(crate) tls: Option<TlsFiles>,
    /// Networks of the proxy in front of us.
    pub(crate) behind_proxy: Vec<IpNet>,
    /// Further names a Host header may carry.
    pub(crate) hostnames: Vec<Authority>,
    /// What connections and bodies may take.
    pub(crate) limits: HttpLimits,
}

/// PEM files of our own certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The chain, leaf first.
    pub(crate) cert: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}

/// Reads the section.
pub(super) fn server(raw: &mut Raw) -> Option<ServerConfig> {
    let listen = raw.parsed("server", "listen", |text| {
        text.parse::<SocketAddr>()
            .map_err(|_| "write an IP address and a port, such as 127.0.0.1:8514 or [::1]:0".into())
    });
    let cert = raw.text("server", "tls_cert")?;
    let key = raw.text("server", "tls_key")?;
    let behind_proxy = raw
        .list("server", "behind_proxy", |text| proxy_network(network(text)?).map_err(|too_wide| too_wide.to_string()));
    let hostnames = raw.list("server", "hostnames", |text| {
        text.parse().map_err(|why: NotAnAuthority| format!("\"{text}\" is not a host name; {why}"))
    });
    let limits = limits(raw);
    let tls = match (cert, key) {
        (Some(cert), Some(key)) => Some(TlsFiles { cert: cert.into(), key: key.into() }),
        (None, None) => None,
        (cert, _) => {
            let (have, lack) = if cert.is_some() { ("tls_cert", "tls_key") } else { ("tls_key", "tls_cert") };
            raw.problem("server", lack, &format!("is needed when {have} is set"));
            return None;
        }
    };
    let (listen, behind_proxy) = (listen?, behind_proxy?);
    if !is_loopback(listen.ip()) && tls.is_none() && behind_proxy.is_empty() {
        let why = format!(
            "{listen} is reachable from other machines; set tls_cert and tls_key, or behind_proxy to the network of the \
             proxy that speaks TLS for us"
        );
        raw.problem("server", "listen", &why);
    }
    Some(ServerConfig { listen, tls, behind_proxy, hostnames: hostnames?, limits: limits? })
}

fn limits(raw: &mut Raw) -> Option<HttpLimits> {
    let connections_max = raw.size("server", "connections_max", 16, 1 << 20);
    let newcomers_per_address_max = raw.size("server", "newcomers_per_address_max", 1, 1 << 20);
    let intake = raw.size("server", "intake_bodies_bytes_max", 64 << 20, 64 << 30);
    let first_request_max = time(raw, "first_request_max");
    let newcomer_max = time(raw, "newcomer_max");
    let body_slack = time(raw, "body_slack");
    let anonymous_body_slack = time(raw, "anonymous_body_slack");
    let stalled_max = time(raw, "stalled_max");

    let (usual, slack) = (HttpLimits::default(), body_slack?);
    Some(HttpLimits {
        connections_max: connections_max?,
        newcomers_per_address_max: newcomers_per_address_max?,
        first_request_max: first_request_max?,
        newcomer_max: newcomer_max?,
        intake: BodyClass { in_flight_bytes_max: intake?, slack, ..usual.intake },
        management: BodyClass { slack, ..usual.management },
        anonymous: BodyClass { slack: anonymous_body_slack?, ..usual.anonymous },
        stalled_max: stalled_max?,
        ..usual
    })
}

/// A time that somebody can wait and that somebody can keep.
fn time(raw: &mut Raw, key: &str) -> Option<Duration> {
    let time = raw.parsed("server", key, units::duration)?;
    if !(Duration::from_secs(1)..=Duration::from_secs(3600)).contains(&time) {
        raw.problem("server", key, "\"1 s\" to \"1 h\"");
        return None;
    }
    Some(time)
}
