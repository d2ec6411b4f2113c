//! Which addresses no customer's settings may lead to, each with the document that gives it its meaning. The guard judges by
//! these rows, and its test puts a listener behind each of them.
//!
//! The rows follow the registries of special-purpose addresses (RFC 6890; iana.org/assignments/iana-ipv4-special-registry and
//! iana-ipv6-special-registry) and, for metadata services, the vendors' own pages. Not refused, although listed there:
//! private networks (10/8, 172.16/12, 192.168/16, fc00::/7 outside the rows below), because that is where SIEMs live; addresses
//! for documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20), which lead nowhere; and
//! the globally reachable ones (AS112, AMT, 2001:30::/28), which are strangers like any other.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A network that is refused unless the operator allows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    /// Its addresses.
    pub(crate) network: IpNet,
    /// What they are.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table, and for its tests"))]
    pub(crate) what: &'static str,
    /// Who says so.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table, and for its tests"))]
    pub(crate) source: &'static str,
}

const fn v4(network: [u8; 4], length: u8, what: &'static str, source: &'static str) -> Refused {
    let [a, b, c, d] = network;
    Refused { network: IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)), what, source }
}

const fn v6(network: [u16; 8], length: u8, what: &'static str, source: &'static str) -> Refused {
    let [a, b, c, d, e, f, g, h] = network;
    Refused { network: IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)), what, source }
}

/// Loopback is opened by a setting of its own; see [`super::AddressGuard`].
pub(crate) const LOOPBACK: [Refused; 2] = [
    v4([127, 0, 0, 0], 8, "loopback", "RFC 1122 section 3.2.1.3"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback", "RFC 4291 section 2.5.3"),
];

/// All other rows.
pub(crate) const REFUSED: [Refused; 25] = [
    v4([0, 0, 0, 0], 8, "this host, this network", "RFC 1122 section 3.2.1.3"),
    v4([100, 64, 0, 0], 10, "shared address space; holds Alibaba's metadata service 100.100.100.200", "RFC 6598"),
    v4([168, 63, 129, 16], 32, "Azure's platform service", "learn.microsoft.com, What is IP address 168.63.129.16"),
    v4([169, 254, 0, 0], 16, "link-local; holds most metadata services", "RFC 3927"),
    v4([192, 0, 0, 0], 24, "protocol assignments; holds Oracle's 192.0.0.192", "RFC 6890 section 2.2.2"),
    v4([192, 88, 99, 0], 24, "6to4 relays, withdrawn", "RFC 7526"),
    v4([198, 18, 0, 0], 15, "benchmarks of network devices", "RFC 2544, RFC 6815"),
    v4([224, 0, 0, 0], 4, "multicast", "RFC 5771"),
    v4([240, 0, 0, 0], 4, "reserved; ends with the limited broadcast", "RFC 1112 section 4, RFC 919 section 7"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified", "RFC 4291 section 2.5.2"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard-only", "RFC 6666"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy prefix", "RFC 9780"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 0], 32, "anycast of one's own gateways (PCP, TURN)", "RFC 7723, RFC 8155, RFC 9665"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarks of network devices", "RFC 5180, RFC 6815"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "ORCHID, identifiers and not places", "RFC 4843"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2, identifiers and not places", "RFC 7343"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment identifiers of a network's own routers", "RFC 9602"),
    v6(
        [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42],
        128,
        "Scaleway's metadata service",
        "scaleway.com/en/docs, Instance metadata",
    ),
    v6(
        [0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe],
        128,
        "Oracle's metadata service",
        "docs.oracle.com, Getting Instance Metadata",
    ),
    v6(
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0],
        32,
        "Amazon's metadata, time and name services",
        "docs.aws.amazon.com, Instance Metadata Service",
    ),
    v6(
        [0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1],
        128,
        "Akamai's (Linode's) metadata service",
        "techdocs.akamai.com, Metadata service API",
    ),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, "Google's metadata service", "cloud.google.com, About VM metadata"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local; holds metadata services, too", "RFC 4291 section 2.5.6"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local, withdrawn", "RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast", "RFC 4291 section 2.7"),
];

/// A form of IPv6 addresses that lead to the IPv4 address within.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Embedding {
    /// What such an address has where [`Self::mask`] has ones.
    pub(crate) pattern: u128,
    /// Which bits tell the form.
    pub(crate) mask: u128,
    /// The bytes of the IPv6 address that hold the IPv4 address.
    pub(crate) at: [usize; 4],
    /// The bits are turned over.
    pub(crate) inverted: bool,
    /// What the form is called.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table, and for its tests"))]
    pub(crate) what: &'static str,
    /// Who says so.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table, and for its tests"))]
    pub(crate) source: &'static str,
}

const fn embedding(
    prefix: [u16; 8],
    length: u32,
    at: [usize; 4],
    what: &'static str,
    source: &'static str,
) -> Embedding {
    let [a, b, c, d, e, f, g, h] = prefix;
    let pattern = Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits();
    Embedding { pattern, mask: u128::MAX << (128 - length), at, inverted: false, what, source }
}

/// Where most forms have the IPv4 address: at the end.
const END: [usize; 4] = [12, 13, 14, 15];
/// NAT64 of RFC 8215 within 64:ff9b:1::/48, where the operator chooses the length of the prefix.
const LOCAL_NAT64: [u16; 8] = [0x64, 0xff9b, 1, 0, 0, 0, 0, 0];

/// Forms with a prefix of their own. What cannot be seen from an address is not here: 6rd (RFC 5969), MAP (RFC 7597) and
/// NAT64 with a network-specific prefix (RFC 6052 section 2.2) look like any other address of their operator, who must deny
/// them (`delivery.deny`). IPv4-mapped addresses are IPv4 addresses to the system, and are made so before.
pub(crate) const EMBEDDINGS: [Embedding; 7] = [
    embedding([0; 8], 96, END, "IPv4-compatible", "RFC 4291 section 2.5.5.1"),
    embedding([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, END, "IPv4-translated (SIIT)", "RFC 2765 section 2.1, RFC 7915"),
    embedding([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, END, "NAT64", "RFC 6052 section 2.1"),
    embedding([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, [2, 3, 4, 5], "6to4", "RFC 3056 section 2"),
    embedding([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, [4, 5, 6, 7], "Teredo, the server", "RFC 4380 section 4"),
    Embedding {
        inverted: true,
        ..embedding([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, END, "Teredo, the client", "RFC 4380 section 4")
    },
    // Any prefix; the bits "universal" and "group" of the identifier may be set or not.
    Embedding {
        pattern: 0x5efe << 32,
        mask: 0xfcff_ffff << 32,
        ..embedding([0; 8], 96, END, "ISATAP", "RFC 5214 section 6.1")
    },
];

/// The layouts of local NAT64. One address fits all of them; see `embedded.rs`.
pub(crate) const LOCAL_NAT64_LAYOUTS: [Embedding; 4] = [
    embedding(LOCAL_NAT64, 48, [6, 7, 9, 10], "local NAT64, /48", "RFC 8215, RFC 6052 section 2.2"),
    embedding(LOCAL_NAT64, 48, [7, 9, 10, 11], "local NAT64, /56", "RFC 8215, RFC 6052 section 2.2"),
    embedding(LOCAL_NAT64, 48, [9, 10, 11, 12], "local NAT64, /64", "RFC 8215, RFC 6052 section 2.2"),
    embedding(LOCAL_NAT64, 48, END, "local NAT64, /96", "RFC 8215, RFC 6052 section 2.2"),
];
