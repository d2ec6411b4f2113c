//! The address of a webhook: https only, no user, no fragment.

use auditwire_model::connection::Endpoint;

use crate::error::{Error, Result};

/// Longest address, in bytes.
const MAX_BYTES: usize = 2048;
/// Where https is spoken unless a port is given (RFC 9110 section 4.2.2).
const PORT: u16 = 443;

/// An address in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Where to connect.
    pub(super) endpoint: Endpoint,
    /// The `Host` header: as it was given, in ASCII, without the usual port.
    pub(super) host: String,
    /// Path and query.
    pub(super) path: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// `invalid_url`. The detail never repeats the address: its path may be a secret.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let wrong = |why: &str| Error::invalid("invalid_url", "url", format!("the webhook's address {why}"));
        if url.len() > MAX_BYTES {
            return Err(wrong(&format!("is longer than {MAX_BYTES} bytes")));
        }
        let rest = strip_scheme(url).ok_or_else(|| wrong("must begin with https://"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        // A host may be written in other scripts than Latin; no blank or control character is part of one.
        let of_host = |c: char| c.is_ascii_graphic() || (!c.is_ascii() && !c.is_whitespace() && !c.is_control());
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) || !host.chars().all(of_host) {
            return Err(wrong("has characters that an address cannot have; write them as %XX"));
        }
        if host.contains('@') {
            return Err(wrong("must not name a user; the signature says who calls"));
        }
        if path.contains('#') {
            return Err(wrong("must not have a fragment (#)"));
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let authority = if has_port { host.to_owned() } else { format!("{host}:{PORT}") };
        let endpoint = Endpoint::parse(&authority)
            .map_err(|e| wrong(&format!("needs a host name or an address, and a port from 1 to 65535 if any ({e})")))?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let host = if host.is_ascii() { host.to_owned() } else { in_ascii(&endpoint, has_port) };
        Ok(Self { endpoint, host, path })
    }

    /// What may be shown: where it is, and whether there is more. Path and query are where services keep the key of a webhook.
    pub(super) fn shown(&self) -> String {
        let Self { host, path, .. } = self;
        let path = if path == "/" { "/" } else { "/…" };
        format!("https://{host}{path}")
    }
}

/// The host, and its port if one was given.
fn in_ascii(endpoint: &Endpoint, has_port: bool) -> String {
    let authority = endpoint.to_string();
    if has_port { authority } else { authority.rsplit_once(':').map_or_else(String::new, |(host, _)| host.to_owned()) }
}

/// How people write the host of an address that is [`shown`](Address::shown), where it has A-labels.
pub(super) fn readable(shown: &str) -> Option<String> {
    let host = strip_scheme(shown)?.split('/').next()?;
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let endpoint = Endpoint::parse(&if has_port { host.to_owned() } else { format!("{host}:{PORT}") }).ok()?;
    let readable = endpoint.readable()?;
    Some(if has_port { readable } else { readable.rsplit_once(':')?.0.to_owned() })
}

/// Schemes are read in any case (RFC 3986 section 3.1).
fn strip_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    scheme.eq_ignore_ascii_case("https").then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (url, endpoint, host, path) in [
            ("https://hooks.example.com", "hooks.example.com:443", "hooks.example.com", "/"),
            ("HTTPS://Hooks.example.com:8443/a/b?c=d", "hooks.example.com:8443", "Hooks.example.com:8443", "/a/b?c=d"),
            ("https://h.test?x=1", "h.test:443", "h.test", "/?x=1"),
            ("https://[2001:db8::1]/x", "[2001:db8::1]:443", "[2001:db8::1]", "/x"),
            ("https://[2001:db8::1]:444/x", "[2001:db8::1]:444", "[2001:db8::1]:444", "/x"),
            ("https://10.0.0.1:1", "10.0.0.1:1", "10.0.0.1:1", "/"),
            ("https://Пример.рф/x", "xn--e1afmkfd.xn--p1ai:443", "xn--e1afmkfd.xn--p1ai", "/x"),
            ("https://пример.рф:8443/x", "xn--e1afmkfd.xn--p1ai:8443", "xn--e1afmkfd.xn--p1ai:8443", "/x"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(
                (&*address.endpoint.to_string(), &*address.host, &*address.path),
                (endpoint, host, path),
                "{url}"
            );
            let shown = format!("https://{host}{}", if path == "/" { "/" } else { "/…" });
            assert_eq!(address.shown(), shown, "{url}");
        }
    }

    #[test]
    fn a_host_in_another_script_is_shown_as_it_is_written_too() {
        assert_eq!(readable("https://xn--e1afmkfd.xn--p1ai/…").as_deref(), Some("пример.рф"));
        assert_eq!(readable("https://xn--e1afmkfd.xn--p1ai:8443/").as_deref(), Some("пример.рф:8443"));
        assert_eq!(
            [readable("https://hooks.example.com/…"), readable("https://[2001:db8::1]/"), readable("https://…")],
            [const { None }; 3]
        );
    }

    #[test]
    fn what_is_no_address_of_a_webhook_is_refused_without_repeating_it() {
        let long = format!("https://h.test/{}", "x".repeat(2048));
        for url in [
            "",
            "hooks.example.com",
            "http://hooks.example.com/",
            "ftp://hooks.example.com/",
            "https://",
            "https:///secret",
            "https://user:secret@hooks.example.com/",
            "https://hooks.example.com/#secret",
            "https://hooks.example.com:0/secret",
            "https://hooks.example.com:99999/secret",
            "https://2130706433/secret",
            "https://2001:db8::1/secret",
            "https://hooks.example.com/sec ret",
            "https://hooks.example.com/secret\r\nHost: other",
            "https://пример.рф/секрет/secret",
            "https://при мер.рф/secret",
            "https://при\u{a0}мер.рф/secret",
            "https://-пример.рф/secret",
            &long,
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!((error.code, error.field.as_deref()), ("invalid_url", Some("url")), "{url}");
            assert!(!error.detail.contains("secret"), "{}", error.detail);
        }
    }
}
