//! What a text that should be an address is, for the second mapping. An IPv4 address that is written as IPv6 is IPv4
//! (RFC 4291 section 2.5.5.2): no rule of a SIEM looks for `::ffff:10.0.0.1`.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    V4,
    /// IPv4, written as IPv6.
    Mapped(Ipv4Addr),
    V6,
    /// A host's name, or anything else.
    Name,
}

impl Address {
    pub(super) fn of(text: &str) -> Self {
        match text.parse() {
            Ok(IpAddr::V4(_)) => Self::V4,
            Ok(IpAddr::V6(address)) => address.to_ipv4_mapped().map_or(Self::V6, Self::Mapped),
            Err(_) => Self::Name,
        }
    }
}

/// Digits and dots; nothing of them needs an escape anywhere.
pub(super) fn write_v4(address: Ipv4Addr, out: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = write!(out, "{address}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_what_they_map() {
        let mapped = Address::of("::FFFF:10.0.0.1");
        assert_eq!((mapped, Address::of("::ffff:a00:1")), (Address::Mapped(Ipv4Addr::new(10, 0, 0, 1)), mapped));
        assert_eq!(Address::of("10.0.0.1"), Address::V4);
        assert_eq!((Address::of("2001:db8::5"), Address::of("::10.0.0.1")), (Address::V6, Address::V6));
        for text in ["vm-7", "", "10.0.0.1:80", "fe80::1%eth0", "010.0.0.1", " 10.0.0.1"] {
            assert_eq!(Address::of(text), Address::Name, "{text:?}");
        }
        let mut out = Vec::new();
        write_v4(Ipv4Addr::new(255, 0, 0, 1), &mut out);
        assert_eq!(out, b"255.0.0.1");
    }
}
