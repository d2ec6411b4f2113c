//! Who is at the other end, and under which name they call us: forwarding headers and the Host header.
//!
//! The Host header is checked so that a page in someone's browser cannot reach us under a name of its own (DNS rebinding).
//! Forwarding headers are believed only from the proxies that configuration names (product section 10). What a header says is
//! compared with what is configured; it never becomes part of a link ([`ClientRules::origin`]).

mod asker;
mod authority;
mod proxies;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, Uri, Version, header};
use ipnet::IpNet;

use crate::App;
use crate::listen::ServerSettings;

pub(crate) use asker::{Asker, Holder, Places, network};
pub use authority::{Authority, Host, NotAnAuthority};
pub use proxies::{NotAProxy, proxy_network};

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The two ends of the connection a request came over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

impl Link {
    /// Of a request; one that came over no socket of ours (a test's) is as if from this machine.
    pub(crate) fn of(extensions: &Extensions, app: &App) -> Self {
        extensions.get().copied().unwrap_or(Self { peer: app.local(), local: app.local() })
    }
}

/// The request as if it had come over a connection from `peer`, for whoever drives the router without a socket.
#[must_use]
pub fn from_peer(mut request: Request, peer: SocketAddr) -> Request {
    let local = SocketAddr::from(([127, 0, 0, 1], 8080));
    request.extensions_mut().insert(Link { peer, local });
    request
}

impl FromRequestParts<App> for Link {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions, app))
    }
}

/// The name or address of ours that the client asked for; an extension of every request that is let in.
#[derive(Debug, Clone)]
pub(crate) struct CalledBy(pub(crate) Authority);

/// Why a request is not answered under the name that it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostRefused {
    /// None, two, or something else than a host and a port.
    Invalid,
    /// It is somebody else's.
    NotOurs,
}

/// Which proxies and names are known.
#[derive(Debug)]
pub(crate) struct ClientRules {
    proxies: Vec<IpNet>,
    hostnames: Vec<Authority>,
    tls: bool,
    configured_origin: Option<String>,
}

impl ClientRules {
    /// `local` is what we listen on.
    pub(crate) fn new(settings: &ServerSettings, local: SocketAddr) -> Self {
        Self {
            proxies: settings.behind_proxy.clone(),
            hostnames: settings.hostnames.clone(),
            tls: settings.tls.is_some(),
            configured_origin: settings.public_origin(local),
        }
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

    /// Whether requests may come from there at all. Where a proxy is named they come through it; this machine itself may
    /// always ask (the command line, a local probe), and no other machine can have a loopback address.
    pub(crate) fn lets_in(&self, peer: SocketAddr) -> bool {
        let peer = peer.ip().to_canonical();
        self.proxies.is_empty() || self.is_proxy(peer) || peer.is_loopback()
    }

    fn is_through_proxy(&self, link: Link) -> bool {
        self.is_proxy(link.peer.ip().to_canonical())
    }

    /// Whether the client speaks TLS, with us or with the proxy in front of us.
    pub(crate) fn is_secure(&self, link: Link, headers: &HeaderMap) -> bool {
        let forwarded = headers.get("x-forwarded-proto").filter(|_| self.is_through_proxy(link));
        self.tls || forwarded.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
    }

    /// The name that the client asks for, when it is ours: the Host header (RFC 9112 section 3.2: exactly one, in HTTP/1.1 also
    /// beside a name in the request target) and the request target's, which must agree (RFC 9113 section 8.3.1); from a proxy of
    /// ours what it says in their place, which must be configured.
    pub(crate) fn called_by(
        &self,
        link: Link,
        version: Version,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<CalledBy, HostRefused> {
        let hosts = list(headers, &header::HOST)?;
        let target = uri.authority().map(|target| parse(target.as_str())).transpose()?;
        let own = match (hosts.as_slice(), target) {
            ([], Some(target)) if version != Version::HTTP_11 => target,
            ([host], None) => host.clone(),
            ([host], Some(target)) if *host == target => target,
            _ => return Err(HostRefused::Invalid),
        };
        let forwarded = if self.is_through_proxy(link) { list(headers, &FORWARDED_HOST)? } else { Vec::new() };
        if !forwarded.iter().all(|name| self.is_configured(&name.host)) {
            return Err(HostRefused::NotOurs);
        }
        match forwarded.into_iter().next() {
            Some(name) => Ok(CalledBy(name)),
            None if self.is_ours(link, &own.host) => Ok(CalledBy(own)),
            None => Err(HostRefused::NotOurs),
        }
    }

    /// Scheme, host and port for links to us, as in `https://audit.example`: the first configured name; without one, the
    /// address of ours that this connection came to. No header has a part in it.
    pub(crate) fn origin(&self, link: Link) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        self.configured_origin.clone().unwrap_or_else(|| format!("{scheme}://{}", link.local))
    }

    /// Whether browsers shall come back to this name over TLS only (RFC 6797). Only where we speak it ourselves: what a proxy
    /// promises for its names is the proxy's to say. Addresses cannot promise it (section 8.3), `localhost` is not ours alone.
    pub(crate) fn promises_tls(&self, name: &CalledBy) -> bool {
        self.tls && matches!(name.0.host, Host::Name(_)) && self.is_configured(&name.0.host)
    }

    fn is_ours(&self, link: Link, host: &Host) -> bool {
        let local = link.local.ip().to_canonical();
        let itself = match host {
            Host::Address(address) => *address == local,
            Host::Name(name) => name == "localhost" && local.is_loopback(),
        };
        itself || self.is_configured(host)
    }

    fn is_configured(&self, host: &Host) -> bool {
        self.hostnames.iter().any(|name| name.host == *host)
    }

    /// Whether this is the address of a proxy that configuration names.
    pub(crate) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|net| net.contains(&address))
    }
}

fn parse(text: &str) -> Result<Authority, HostRefused> {
    text.parse().map_err(|_| HostRefused::Invalid)
}

/// All values of a header, each of which may be a list: a second Host is as wrong as two in one.
fn list(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<Authority>, HostRefused> {
    let mut all = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| HostRefused::Invalid)?;
        for item in text.split(',') {
            all.push(parse(item.trim())?);
        }
    }
    Ok(all)
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
        settings.hostnames = vec!["Audit.Example.com".parse().expect("a name")];
        let local = settings.listen;
        ClientRules::new(&settings, local)
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

    fn called(peer: &str, target: &str, pairs: &[(&'static str, &str)]) -> Result<String, HostRefused> {
        let uri: Uri = target.parse().expect("a target");
        rules().called_by(link(peer), Version::HTTP_11, &uri, &headers(pairs)).map(|name| name.0.to_string())
    }

    #[test]
    fn names_that_are_ours_and_names_that_are_not() {
        let host = |host: &str| called("127.0.0.1", "/readyz", &[("host", host)]);
        for ours in
            ["127.0.0.1:8080", "127.0.0.1", "localhost:1", "localhost.", "audit.example.com", "AUDIT.example.com.:443"]
        {
            assert!(host(ours).is_ok(), "{ours}");
        }
        for other in ["evil.example", "audit.example.com.evil.example", "10.0.0.1", "[::1]:8080", "[::ffff:10.0.0.1]"] {
            assert_eq!(host(other), Err(HostRefused::NotOurs), "{other}");
        }
        for odd in ["localhost:1@evil.example", "[127.0.0.1]evil.example", "127.0.0.1:evil", "", "localhost, localhost"]
        {
            assert_eq!(host(odd), Err(HostRefused::Invalid), "{odd}");
        }
        assert_eq!(host("[::ffff:127.0.0.1]:8080").as_deref(), Ok("127.0.0.1:8080"));
    }

    #[test]
    fn a_request_names_one_host() {
        let invalid = Err(HostRefused::Invalid);
        assert_eq!(called("127.0.0.1", "/", &[]), invalid);
        assert_eq!(called("127.0.0.1", "/", &[("host", "localhost"), ("host", "localhost")]), invalid);
        assert_eq!(called("127.0.0.1", "/", &[("host", "localhost"), ("host", "evil.example")]), invalid);
        let absolute = "https://audit.example.com/";
        assert_eq!(called("127.0.0.1", absolute, &[]), invalid, "HTTP/1.1 has Host beside it");
        let uri: Uri = absolute.parse().expect("a target");
        for version in [Version::HTTP_10, Version::HTTP_2] {
            assert!(rules().called_by(link("127.0.0.1"), version, &uri, &headers(&[])).is_ok(), "{version:?}");
        }
        assert!(called("127.0.0.1", absolute, &[("host", "audit.example.com")]).is_ok());
        assert_eq!(called("127.0.0.1", absolute, &[("host", "localhost")]), invalid);
        assert_eq!(called("127.0.0.1", "http://u@localhost/", &[("host", "localhost")]), invalid);
    }

    #[test]
    fn a_proxy_names_one_of_ours_or_nothing() {
        let forwarded = |peer: &str, said: &str| called(peer, "/", &[("host", "internal"), ("x-forwarded-host", said)]);
        assert_eq!(forwarded("10.0.0.1", "audit.example.com").as_deref(), Ok("audit.example.com"));
        assert_eq!(
            forwarded("10.0.0.1", "audit.example.com, audit.example.com:443").as_deref(),
            Ok("audit.example.com")
        );
        for other in ["evil.example", "127.0.0.1", "localhost", "audit.example.com, evil.example"] {
            assert_eq!(forwarded("10.0.0.1", other), Err(HostRefused::NotOurs), "{other}");
        }
        assert_eq!(forwarded("10.0.0.1", "audit.example.com@evil.example"), Err(HostRefused::Invalid));
        assert_eq!(forwarded("127.0.0.1", "audit.example.com"), Err(HostRefused::NotOurs), "no proxy of ours says so");
    }

    #[test]
    fn links_to_us_are_made_of_what_is_configured() {
        assert_eq!(rules().origin(link("10.0.0.1")), "https://audit.example.com");
        let settings = ServerSettings::new(SocketAddr::from(([0, 0, 0, 0], 8080)));
        let rules = ClientRules::new(&settings, settings.listen);
        assert_eq!(rules.origin(link("10.0.0.1")), "http://127.0.0.1:8080");
    }

    #[test]
    fn behind_a_proxy_nobody_else_is_let_in() {
        let asks = |rules: &ClientRules, peer: &str| rules.lets_in(link(peer).peer);
        let behind = rules();
        for (peer, let_in) in [("10.9.9.9", true), ("203.0.113.9", false), ("127.0.0.1", true), ("192.168.0.1", false)]
        {
            assert_eq!(asks(&behind, peer), let_in, "{peer}");
        }
        let mapped = SocketAddr::new("::ffff:10.1.1.1".parse().expect("an address"), 1);
        assert!(behind.lets_in(mapped));
        let settings = ServerSettings::new(SocketAddr::from(([0, 0, 0, 0], 0)));
        assert!(asks(&ClientRules::new(&settings, settings.listen), "203.0.113.9"));
    }
}
