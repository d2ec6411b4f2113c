//! The IPv4 addresses that an IPv6 address leads to behind a translator or tunnel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every IPv4 address that `ip` may lead to: IPv4-compatible, NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo
/// (RFC 4380: server and client). IPv4-mapped ones are IPv4 addresses already.
pub(super) fn addresses(ip: IpAddr) -> impl Iterator<Item = IpAddr> {
    let found = match ip {
        IpAddr::V4(_) => [None; 4],
        IpAddr::V6(v6) => of_v6(v6),
    };
    found.into_iter().flatten().map(IpAddr::V4)
}

fn of_v6(ip: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    let o = ip.octets();
    let at = |a: usize, b: usize, c: usize, d: usize| Some(Ipv4Addr::new(o[a], o[b], o[c], o[d]));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => [at(12, 13, 14, 15), None, None, None],
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => [at(12, 13, 14, 15), None, None, None],
        [0x64, 0xff9b, 1, ..] => {
            local_nat64([at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), at(12, 13, 14, 15)])
        }
        [0x2002, ..] => [at(2, 3, 4, 5), None, None, None],
        [0x2001, 0, ..] => [at(4, 5, 6, 7), Some(Ipv4Addr::new(!o[12], !o[13], !o[14], !o[15])), None, None],
        _ => [None; 4],
    }
}

/// In 64:ff9b:1::/48 the operator chooses the prefix length (48, 56, 64 or 96), so every layout is looked at. A layout
/// that reads as 0.0.0.0/8 is another length's padding, unless it is all there is.
fn local_nat64(layouts: [Option<Ipv4Addr>; 4]) -> [Option<Ipv4Addr>; 4] {
    let real = layouts.map(|l| l.filter(|v4| v4.octets()[0] != 0));
    if real.iter().all(Option::is_none) { layouts } else { real }
}
