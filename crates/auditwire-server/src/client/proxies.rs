//! The networks of the proxies in front of us. Whoever stands there may say who the client is, so a network that anybody can
//! be in names no proxy.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Widest network of IPv4: `10.0.0.0/8` is somebody's own, `0.0.0.0/0` and its halves are everybody's.
const V4_PREFIX_MIN: u8 = 8;
/// Widest network of IPv6 outside the addresses that are nobody's in public.
const V6_PREFIX_MIN: u8 = 16;
/// Unique local addresses (RFC 4193): any part of them is fine.
const V6_LOCAL: (Ipv6Addr, u8) = (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7);

/// Why a network cannot be a proxy's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAProxy {
    /// It holds too much of the internet.
    #[error(
        "{network} is too wide to be a proxy's: everybody in it could say who the client is; name the proxy's own address \
         or network (at widest /{V4_PREFIX_MIN} for IPv4, /{V6_PREFIX_MIN} for public IPv6)"
    )]
    TooWide {
        /// As it was written.
        network: IpNet,
    },
}

/// The network as peers are compared with it: IPv4 in its IPv6-mapped form is IPv4.
///
/// # Errors
/// [`NotAProxy::TooWide`].
pub fn proxy_network(network: IpNet) -> Result<IpNet, NotAProxy> {
    let too_wide = || NotAProxy::TooWide { network };
    let known = match network {
        IpNet::V4(_) => network,
        IpNet::V6(v6) => unmapped(v6).ok_or_else(too_wide)?,
    };
    let narrow = match known {
        IpNet::V4(v4) => v4.prefix_len() >= V4_PREFIX_MIN,
        IpNet::V6(v6) => v6.prefix_len() >= V6_PREFIX_MIN || local().is_some_and(|local| local.contains(&v6)),
    };
    if narrow { Ok(known) } else { Err(too_wide()) }
}

fn local() -> Option<Ipv6Net> {
    Ipv6Net::new(V6_LOCAL.0, V6_LOCAL.1).ok()
}

/// `None` when it holds all of IPv4 and more.
fn unmapped(network: Ipv6Net) -> Option<IpNet> {
    let mapped = Ipv6Net::new(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96).ok()?;
    if network.contains(&mapped) && network != mapped {
        return None;
    }
    match IpAddr::V6(network.network()).to_canonical() {
        IpAddr::V4(v4) => Ipv4Net::new(v4, network.prefix_len().checked_sub(96)?).ok().map(IpNet::V4),
        IpAddr::V6(_) => Some(IpNet::V6(network)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybodys_network_is_no_proxys() {
        let judged = |text: &str| proxy_network(text.parse().expect("a network")).map(|known| known.to_string());
        for wide in [
            "0.0.0.0/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "8.0.0.0/7",
            "::/0",
            "::/1",
            "2000::/3",
            "2a00::/12",
            "fc00::/6",
            "::ffff:0.0.0.0/96",
            "::ffff:0.0.0.0/97",
            "::/80",
        ] {
            let refused = judged(wide).expect_err(wide).to_string();
            assert!(refused.contains(wide) || wide.starts_with("::ffff"), "{refused}");
            assert!(refused.contains("too wide"), "{refused}");
        }
        let fine = [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("104.16.0.0/13", "104.16.0.0/13"),
            ("127.0.0.1/32", "127.0.0.1/32"),
            ("fc00::/7", "fc00::/7"),
            ("fd00::/8", "fd00::/8"),
            ("2606:4700::/32", "2606:4700::/32"),
            ("::1/128", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ];
        for (text, known) in fine {
            assert_eq!(judged(text).as_deref(), Ok(known), "{text}");
        }
    }
}
