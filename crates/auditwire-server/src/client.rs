//! Who is at the other end, and under which name they call us: forwarding headers and the Host header.
//!
//! The Host header is checked so that a page in someone's browser cannot reach us under a name of its own (DNS rebinding).
//! Forwarding headers are believed only from the proxies that configuration names (product section 10).

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, Uri, header};
use ipnet::IpNet;

use crate::listen::ServerSettings;

/// The two ends of the connection a request came over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// Which proxies and names are known.
#[derive(Debug)]
pub(crate) struct ClientRules {
    proxies: Vec<IpNet>,
    hostnames: Vec<String>,
    tls: bool,
}

impl ClientRules {
    pub(crate) fn new(settings: &ServerSettings) -> Self {
        let hostnames = settings.hostnames.iter().map(|h| h.trim_end_matches('.').to_ascii_lowercase()).collect();
        Self { proxies: settings.behind_proxy.clone(), hostnames, tls: settings.tls.is_some() }
    }

    /// The client's address: the peer's, or what the nearest believed proxies say, read from the right, because what a
    /// client puts there itself stands on the left.
    pub(crate) fn address(&self, link: Link, headers: &HeaderMap) -> IpAddr {
        let mut address = link.peer.ip().to_canonical();
        let said = headers.get_all("x-forwarded-for");
        let said: Vec<&str> = said.iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).collect();
        for hop in said.into_iter().rev() {
            if !self.is_proxy(address) {
                break;
            }
            match parse_hop(hop.trim()) {
                Some(next) => address = next.to_canonical(),
                None => break,
            }
        }
        address
    }

    /// Whether the client speaks TLS, with us or with the proxy in front of us.
    pub(crate) fn is_secure(&self, link: Link, headers: &HeaderMap) -> bool {
        let forwarded = headers.get("x-forwarded-proto").filter(|_| self.is_proxy(link.peer.ip().to_canonical()));
        self.tls || forwarded.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
    }

    /// The host and port that the client calls us by: what a proxy of ours says, else the request's own.
    pub(crate) fn authority<'a>(&self, link: Link, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        let forwarded = headers.get("x-forwarded-host").filter(|_| self.is_proxy(link.peer.ip().to_canonical()));
        let header = || headers.get(header::HOST).and_then(|v| v.to_str().ok());
        forwarded.and_then(|v| v.to_str().ok()).or(uri.authority().map(|a| a.as_str())).or_else(header)
    }

    /// Whether the request names us by a name or address that is ours.
    pub(crate) fn host_allowed(&self, link: Link, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(authority) = self.authority(link, uri, headers) else { return false };
        let host = host_of(authority).trim_end_matches('.').to_ascii_lowercase();
        let local = link.local.ip().to_canonical();
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return address.to_canonical() == local || self.hostnames.contains(&host);
        }
        (host == "localhost" && local.is_loopback()) || self.hostnames.contains(&host)
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|net| net.contains(&address))
    }
}

/// The host part of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_of(authority: &str) -> &str {
    if let Some(end) = authority.find(']') {
        return authority.get(..=end).unwrap_or(authority);
    }
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    hop.parse::<IpAddr>()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|a| a.ip()))
        .or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> ClientRules {
        let mut settings = ServerSettings::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        settings.behind_proxy = vec!["10.0.0.0/8".parse().expect("a network")];
        settings.hostnames = vec!["Audit.Example.com".to_owned()];
        ClientRules::new(&settings)
    }

    fn link(peer: &str) -> Link {
        Link {
            peer: format!("{peer}:4000").parse().expect("an address"),
            local: "127.0.0.1:8080".parse().expect("an address"),
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().expect("a value"));
        }
        map
    }

    #[test]
    fn only_a_named_proxy_may_say_who_the_client_is() {
        let cases = [
            ("127.0.0.1", "203.0.113.9", "127.0.0.1"),
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9, 10.2.3.4", "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9:5555", "203.0.113.9"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
        ];
        for (peer, said, expected) in cases {
            let address = rules().address(link(peer), &headers(&[("x-forwarded-for", said)]));
            assert_eq!(address.to_string(), expected, "{peer} says {said}");
        }
    }

    #[test]
    fn hosts() {
        let plain = Uri::from_static("/readyz");
        let allowed = |host: &str| rules().host_allowed(link("127.0.0.1"), &plain, &headers(&[("host", host)]));
        for host in ["127.0.0.1:8080", "127.0.0.1", "localhost:1", "audit.example.com", "AUDIT.example.com.:443"] {
            assert!(allowed(host), "{host}");
        }
        for host in ["evil.example", "audit.example.com.evil.example", "10.0.0.1", "[::1]:8080", ""] {
            assert!(!allowed(host), "{host}");
        }
        assert!(!rules().host_allowed(link("127.0.0.1"), &plain, &HeaderMap::new()));
        let forwarded = headers(&[("host", "internal"), ("x-forwarded-host", "audit.example.com")]);
        assert!(rules().host_allowed(link("10.0.0.1"), &plain, &forwarded));
        assert!(!rules().host_allowed(link("127.0.0.1"), &plain, &forwarded));
    }
}
