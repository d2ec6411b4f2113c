//! The IPv4 addresses that an IPv6 address leads to behind a translator or tunnel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::table::{EMBEDDINGS, Embedding, LOCAL_NAT64_LAYOUTS};

/// Every IPv4 address that `ip` may lead to in one of the forms of the table. IPv4-mapped ones are IPv4 addresses already.
pub(super) fn addresses(ip: IpAddr) -> impl Iterator<Item = IpAddr> {
    let v6 = match ip {
        // `::` and `::1` are not IPv4-compatible addresses (RFC 4291 section 2.5.5.1); they have rows of their own.
        IpAddr::V6(v6) if v6.to_bits() > 1 => Some(v6),
        _ => None,
    };
    v6.into_iter().flat_map(|v6| plain(v6).chain(local_nat64(v6))).map(IpAddr::V4)
}

fn plain(ip: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    EMBEDDINGS.iter().filter_map(move |form| read(form, ip))
}

/// Each length of the prefix is looked at. A layout that reads as 0.0.0.0/8 is another length's padding, unless it is all
/// there is.
fn local_nat64(ip: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let layouts = LOCAL_NAT64_LAYOUTS.map(|form| read(&form, ip));
    let padding = |found: &Ipv4Addr| found.octets()[0] == 0;
    let some_real = layouts.iter().flatten().any(|found| !padding(found));
    layouts.into_iter().flatten().filter(move |found| !some_real || !padding(found))
}

fn read(form: &Embedding, ip: Ipv6Addr) -> Option<Ipv4Addr> {
    if ip.to_bits() & form.mask != form.pattern {
        return None;
    }
    let octets = ip.octets();
    let bits = u32::from_be_bytes(form.at.map(|at| octets.get(at).copied().unwrap_or_default()));
    Some(Ipv4Addr::from_bits(if form.inverted { !bits } else { bits }))
}
