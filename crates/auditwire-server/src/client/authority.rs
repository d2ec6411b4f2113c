//! Host and port as a client writes them (RFC 9110 section 7.2), read strictly: what a request calls us by decides whether a
//! page of another site may speak to us, so nothing is guessed and nothing is left over.
//!
//! Stricter than RFC 3986 section 3.2: no user information, brackets around an IPv6 address and around nothing else, a port
//! of digits from 1 to 65535 or none at all, names of letters, digits, `-`, `_` and `.` only.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Longest name in bytes, and longest part of one (RFC 1035 section 2.3.4).
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// A name or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// In lower case, without a dot at the end.
    Name(String),
    /// An IPv4 address in its IPv6-mapped form is the IPv4 address.
    Address(IpAddr),
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    /// Who.
    pub host: Host,
    /// Where; `None` is the scheme's usual port.
    pub port: Option<u16>,
}

/// It is not a host, or something else stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a name or an address, and a port from 1 to 65535 if there is one: audit.example.com, 10.0.0.7:8514, [::1]:8514"
)]
pub struct NotAnAuthority;

impl Authority {
    /// With this port where it names none.
    #[must_use]
    pub fn or_port(&self, port: Option<u16>) -> Self {
        Self { host: self.host.clone(), port: self.port.or(port) }
    }
}

impl FromStr for Authority {
    type Err = NotAnAuthority;

    fn from_str(text: &str) -> Result<Self, NotAnAuthority> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(inner) => {
                let (address, rest) = inner.split_once(']').ok_or(NotAnAuthority)?;
                let address: Ipv6Addr = address.parse().map_err(|_| NotAnAuthority)?;
                (Host::Address(IpAddr::V6(address).to_canonical()), rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (host, rest) = text.split_at(end);
                (name_or_v4(host)?, rest)
            }
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None if rest.is_empty() => None,
            None => return Err(NotAnAuthority),
        };
        Ok(Self { host, port })
    }
}

fn name_or_v4(text: &str) -> Result<Host, NotAnAuthority> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(plain)
    };
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(label) {
        return Err(NotAnAuthority);
    }
    // `127.1` and `0x7f.0.0.1` are addresses to some programs (WHATWG URL, section 3.5): what ends in a number is no name.
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|c| c.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X") {
        return Err(NotAnAuthority);
    }
    Ok(Host::Name(name.to_ascii_lowercase()))
}

fn port(digits: &str) -> Result<u16, NotAnAuthority> {
    let plain = digits.bytes().all(|c| c.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain).ok_or(NotAnAuthority)
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => f.write_str(name)?,
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        text.parse::<Authority>().ok().map(|authority| authority.to_string())
    }

    #[test]
    fn what_it_is_and_what_it_is_not() {
        let good = [
            ("audit.example.com", "audit.example.com"),
            ("AUDIT.Example.com.:443", "audit.example.com:443"),
            ("localhost:1", "localhost:1"),
            ("my_host-1:65535", "my_host-1:65535"),
            ("127.0.0.1:8514", "127.0.0.1:8514"),
            ("[::1]", "[::1]"),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
        ];
        for (text, expected) in good {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        let bad = [
            "localhost:1@evil.example",
            "[127.0.0.1]evil.example",
            "127.0.0.1:evil",
            "127.0.0.1:80 80",
            "user@localhost",
            "[127.0.0.1]",
            "[localhost]",
            "[::1]x",
            "[::1]:",
            "[::1",
            "[fe80::1%eth0]",
            "::1",
            "localhost:",
            "localhost:0",
            "localhost:080",
            "localhost:65536",
            "localhost:+1",
            "localhost:1:2",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "a..b",
            ".",
            "",
            ":80",
            "a/b",
            "a%2e",
            "bücher.example",
            " localhost",
        ];
        for text in bad {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("{}.example", "a".repeat(64))), None);
        assert_eq!(read(&vec!["a"; 128].join(".")), None);
    }

    /// Another reading of the same rules: by the standard library's addresses, and from the right.
    fn reference(text: &str) -> Option<String> {
        if let Ok(socket) = text.parse::<SocketAddr>() {
            let digits = text.rsplit(':').next()?;
            let plain = digits == socket.port().to_string() && socket.port() != 0 && !text.contains('%');
            return plain.then(|| SocketAddr::new(socket.ip().to_canonical(), socket.port()).to_string());
        }
        if text.parse::<Ipv4Addr>().is_ok() {
            return Some(text.to_owned());
        }
        if let Some(v6) = text.strip_suffix(']').and_then(|t| t.strip_prefix('[')) {
            return match v6.parse::<IpAddr>().ok()? {
                IpAddr::V4(_) => None,
                v6 => match v6.to_canonical() {
                    IpAddr::V4(v4) => Some(v4.to_string()),
                    IpAddr::V6(v6) => Some(format!("[{v6}]")),
                },
            };
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, format!(":{}", port.parse::<u16>().ok().filter(|p| p.to_string() == port)?)),
            None => (text, String::new()),
        };
        if port == ":0" {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        let labels: Vec<&str> = host.split('.').collect();
        let last = labels.last()?;
        let number = last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x");
        let fits = labels.iter().all(|l| !l.is_empty() && l.len() < 64) && host.len() < 254;
        (host.chars().all(known) && fits && !number).then(|| format!("{host}{port}"))
    }

    fn piece() -> impl Strategy<Value = String> {
        let fixed = [
            "localhost",
            "127.0.0.1",
            "[",
            "]",
            "::1",
            "[::1]",
            "::ffff:127.0.0.1",
            ":",
            "@",
            ".",
            "evil.example",
            "80",
            "0",
            "65536",
            "-",
            "_",
            "0x7f",
            "%",
            "/",
            "\\",
            "A",
            "é",
            " ",
        ];
        prop_oneof![4 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
    }

    proptest! {
        #[test]
        fn both_readings_agree(pieces in proptest::collection::vec(piece(), 0..7)) {
            let text = pieces.concat();
            prop_assert_eq!(read(&text), reference(&text), "{}", text);
        }

        /// What was read is all that was there: printed, it is read as the same again, by us and by the `http` crate.
        #[test]
        fn nothing_is_left_over(pieces in proptest::collection::vec(piece(), 1..5)) {
            if let Ok(authority) = pieces.concat().parse::<Authority>() {
                let printed = authority.to_string();
                prop_assert_eq!(printed.parse::<Authority>(), Ok(authority.clone()));
                let theirs: axum::http::uri::Authority = printed.parse().expect("an authority");
                prop_assert_eq!(theirs.port_u16(), authority.port);
                let host = Authority { port: None, ..authority };
                prop_assert_eq!(theirs.host(), host.to_string());
            }
        }
    }
}
