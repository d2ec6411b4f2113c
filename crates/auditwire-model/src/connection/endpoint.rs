//! Connection points: `IP:port`, `[IPv6]:port` or `host:port`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::dns_name;

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    /// An address or a name, without brackets.
    pub host: Host,
    /// 1–65535.
    pub port: u16,
}

/// The host part of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal address.
    Address(IpAddr),
    /// A DNS name in lower case, other scripts than Latin as A-labels.
    Name(String),
}

/// Why a text is not an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// No `:port` at the end, or port 0, or above 65535.
    #[error("the port is missing or not between 1 and 65535; write 'host:port', for example siem.example.com:6514")]
    Port,
    /// An IPv6 address without brackets.
    #[error("write an IPv6 address in brackets, for example [2001:db8::5]:6514")]
    Brackets,
    /// Neither an address nor a DNS name (RFC 1123 section 2.1). Spellings of IPv4 other than four decimal numbers
    /// are refused here, because resolvers read them as addresses.
    #[error("the host is neither an IP address nor a DNS name")]
    Host,
}

impl Endpoint {
    /// Reads an endpoint. No scheme, path, user or blank is accepted.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] names the part.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidEndpoint::Port)?;
        let host = parse_host(host)?;
        let digits = !port.is_empty() && port.len() <= 5 && port.bytes().all(|c| c.is_ascii_digit());
        match port.parse::<u16>() {
            Ok(port) if digits && port > 0 => Ok(Self { host, port }),
            _ => Err(InvalidEndpoint::Port),
        }
    }

    /// As people write it, where its name has A-labels: `сервер.рф:514`. `None` when that is the same. Only to be shown beside the
    /// name itself: letters of two scripts may look alike.
    #[must_use]
    pub fn readable(&self) -> Option<String> {
        let Host::Name(name) = &self.host else { return None };
        Some(format!("{}:{}", dns_name::readable(name)?, self.port))
    }

    /// For people: as it is, and where its name has A-labels, as it is written.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.readable() {
            Some(readable) => format!("{self} ({readable})"),
            None => self.to_string(),
        }
    }
}

fn parse_host(host: &str) -> Result<Host, InvalidEndpoint> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(InvalidEndpoint::Brackets)?;
        let address = inner.parse::<Ipv6Addr>().map_err(|_| InvalidEndpoint::Host)?;
        return Ok(Host::Address(address.into()));
    }
    if host.contains(':') {
        return Err(InvalidEndpoint::Brackets);
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    dns_name::normal(host).map(Host::Name).ok_or(InvalidEndpoint::Host)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(a)) => write!(f, "[{a}]:{}", self.port),
            Host::Address(IpAddr::V4(a)) => write!(f, "{a}:{}", self.port),
            Host::Name(n) => write!(f, "{n}:{}", self.port),
        }
    }
}

impl TryFrom<String> for Endpoint {
    type Error = InvalidEndpoint;

    fn try_from(text: String) -> Result<Self, InvalidEndpoint> {
        Self::parse(&text)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        for text in ["10.0.0.5:514", "[2001:db8::5]:6514", "siem.example.com:6514", "siem_1:1", "a.b.:65535"] {
            assert_eq!(Endpoint::parse(text).map(|e| e.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            Endpoint::parse("SIEM.Example.com:514").map(|e| e.to_string()),
            Ok("siem.example.com:514".to_owned())
        );
        let other_script = Endpoint::parse("Сервер.рф:514").unwrap();
        assert_eq!(other_script.to_string(), "xn--b1afb6bcb.xn--p1ai:514");
        assert_eq!(other_script.shown(), "xn--b1afb6bcb.xn--p1ai:514 (сервер.рф:514)");
        assert_eq!(Endpoint::parse("10.0.0.5:514").map(|e| e.shown()), Ok("10.0.0.5:514".to_owned()));
    }

    #[test]
    fn refuses_with_the_part_to_blame() {
        use InvalidEndpoint::{Brackets, Host, Port};
        let cases = [
            ("siem", Port),
            ("siem:", Port),
            ("siem:0", Port),
            ("siem:65536", Port),
            ("siem:+514", Port),
            ("siem: 514", Port),
            ("2001:db8::5:514", Brackets),
            ("[2001:db8::5:514", Brackets),
            ("[10.0.0.5]:514", Host),
            ("[fe80::1%eth0]:514", Host),
            (":514", Host),
            ("http://siem:514", Brackets),
            ("user@siem:514", Host),
            ("-siem:514", Host),
            ("2130706433:514", Host),
            ("127.1:514", Host),
            ("0x7f000001:514", Host),
            ("0x7f.0x1:514", Host),
            ("0X7F.0X1:514", Host),
            ("0x:514", Host),
            ("0177.0.0.1:514", Host),
            ("017700000001:514", Host),
            ("127.1.:514", Host),
            ("１２７.0.0.1:514", Host),
            ("127。0。0。1:514", Host),
            ("①27.0.0.1:514", Host),
            ("127.0.0.256:514", Host),
            ("si em:514", Host),
        ];
        for (text, expected) in cases {
            assert_eq!(Endpoint::parse(text), Err(expected), "{text}");
        }
    }
}
