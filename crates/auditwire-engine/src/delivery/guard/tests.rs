use std::net::{Ipv4Addr, Ipv6Addr};

use super::table::{EMBEDDINGS, Embedding, LOCAL_NAT64_LAYOUTS, LOOPBACK, REFUSED};
use super::*;
use proptest::prelude::*;

mod namespace;

fn guard(change: impl FnOnce(&mut DeliverySettings)) -> AddressGuard {
    let mut settings = DeliverySettings::default();
    change(&mut settings);
    AddressGuard::new(&settings)
}

fn at(ip: &str) -> SocketAddr {
    SocketAddr::new(ip.parse().expect(ip), 514)
}

#[test]
fn classes() {
    let guard = guard(|_| {});
    let refused = [
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "127.0.0.1",
        "127.255.0.9",
        "::1",
        "169.254.0.1",
        "169.254.169.254",
        "fe80::1",
        "febf::1",
        "224.0.0.1",
        "239.1.1.1",
        "ff02::1",
        "255.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fd00:42::42",
        // IPv4-mapped and -compatible
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::ffff:0.0.0.0",
        "::169.254.169.254",
        // NAT64, well known and local use with each prefix length
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fe:a9fe::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
        "64:ff9b:1::",
        // 6to4, Teredo (server; client is inverted)
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:7f00:1::",
        "2001:0:c000:201::5601:5601",
    ];
    for ip in refused {
        assert!(!guard.permits(at(ip)), "{ip} must be refused");
    }
    let permitted = [
        "10.0.0.5",
        "172.16.0.1",
        "192.168.1.1",
        "203.0.113.9",
        "100.63.255.255",
        "100.128.0.0",
        "2001:db8::5",
        "fd00::5",
        "::ffff:10.0.0.5",
        "64:ff9b::10.0.0.5",
        "64:ff9b:1::192.0.2.1",
        "2002:c000:201::1",
        "2001:0:c000:201::f5ff:fffa",
    ];
    for ip in permitted {
        assert!(guard.permits(at(ip)), "{ip} must be permitted");
    }
}

#[test]
fn reserved_networks_and_further_forms() {
    let guard = guard(|_| {});
    let refused = [
        // further metadata services
        "fd00:ec2::23",
        "fd00:ec2:ffff::1",
        "fd00:c1::a9fe:a9fe",
        "fd00:a9fe:a9fe::1",
        // SIIT, and ISATAP with its bits "universal" and "group" in each way
        "::ffff:0:127.0.0.1",
        "::ffff:0:169.254.169.254",
        "2001:db8::5efe:169.254.169.254",
        "2001:db8::200:5efe:127.0.0.1",
        "fd00::100:5efe:127.0.0.1",
        "fd00::300:5efe:169.254.169.254",
        // withdrawn, reserved, for benchmarks, for one's own network
        "fec0::1",
        "feff::1",
        "240.0.0.1",
        "255.255.255.254",
        "192.0.0.1",
        "192.0.0.255",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.255",
        "2002:c612:1::1",
        "2001:1::1",
        "2001:2::1",
        "2001:10::1",
        "2001:2f:ffff::1",
        "100::1",
        "100:0:0:1::1",
        "5f00::1",
    ];
    for ip in refused {
        assert!(!guard.permits(at(ip)), "{ip} must be refused");
    }
    let permitted = [
        // beside the rows
        "1.0.0.1",
        "192.0.1.1",
        "192.0.2.1",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255",
        "fd00:ec1::254",
        "fd00:c1::a9fe:a9ff",
        "2001:3::1",
        "2001:30::1",
        "100:0:0:2::1",
        // ISATAP and SIIT that lead to private networks, where SIEMs live
        "fd00::5efe:10.0.0.5",
        "::ffff:0:10.0.0.5",
        // resembles ISATAP, but the form's own bits differ
        "fd00::400:5efe:127.0.0.1",
        "fd00::5eff:127.0.0.1",
    ];
    for ip in permitted {
        assert!(guard.permits(at(ip)), "{ip} must be permitted");
    }
}

/// Each row from its first to its last address, with a word and a source; nothing private is among them.
#[test]
fn rows_are_refused_to_their_ends() {
    let guard = guard(|_| {});
    for row in LOOPBACK.iter().chain(&REFUSED) {
        for ip in [row.network.network(), row.network.broadcast()] {
            assert!(!guard.permits(SocketAddr::new(ip, 514)), "{ip}: {}", row.what);
        }
        assert!(!row.what.is_empty() && !row.source.is_empty(), "{}", row.network);
    }
    for private in ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] {
        let private: IpNet = private.parse().unwrap();
        assert!(guard.permits(SocketAddr::new(private.network(), 514)), "{private}");
        assert!(guard.permits(SocketAddr::new(private.broadcast(), 514)), "{private}");
    }
}

#[test]
fn the_manual_has_the_same_rows() {
    let manual = include_str!("../../../../../docs/connection-check.md");
    let told: Vec<&str> =
        manual.lines().filter_map(|line| line.strip_prefix("| `")).filter(|l| l.contains('/')).collect();
    let rows = LOOPBACK.iter().chain(&REFUSED);
    let rows: Vec<_> = rows.map(|row| format!("{}` | {} | {} |", row.network, row.what, row.source)).collect();
    let told: Vec<_> = told.into_iter().filter(|line| rows.iter().any(|row| row == line)).collect();
    assert_eq!(told, rows);
}

/// An address of this form that leads to `v4`.
fn disguised(form: &Embedding, v4: Ipv4Addr) -> Ipv6Addr {
    let mut octets = form.pattern.to_be_bytes();
    for (at, octet) in form.at.into_iter().zip(v4.octets()) {
        octets[at] = if form.inverted { !octet } else { octet };
    }
    if form.what == "ISATAP" {
        octets[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    }
    octets.into()
}

#[test]
fn every_form_is_seen_through() {
    let guard = guard(|_| {});
    for form in EMBEDDINGS.iter().chain(&LOCAL_NAT64_LAYOUTS) {
        for v4 in ["127.0.0.1", "169.254.169.254", "100.64.0.1", "240.0.0.1"] {
            let v6 = disguised(form, v4.parse().unwrap());
            assert!(!guard.permits(SocketAddr::new(v6.into(), 514)), "{v4} as {v6}: {} ({})", form.what, form.source);
        }
    }
}

#[test]
fn loopback_by_setting_or_allow_list() {
    let open = guard(|s| s.allow_loopback = true);
    let listed = guard(|s| s.allow = vec!["127.0.0.0/8".parse().expect("net"), "::1/128".parse().expect("net")]);
    for ip in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        assert!(open.permits(at(ip)), "{ip}");
        assert!(listed.permits(at(ip)), "{ip}");
    }
    assert!(!open.permits(at("169.254.169.254")));
}

#[test]
fn allow_beats_classes_and_deny_beats_allow() {
    let net = |text: &str| text.parse().expect("net");
    let guard = guard(|s| {
        s.allow = vec![net("100.64.0.0/10"), net("10.0.0.0/8")];
        s.deny = vec![net("10.9.0.0/16"), net("192.168.0.0/16")];
    });
    for ip in ["100.64.0.1", "10.1.0.1", "64:ff9b::100.64.0.1"] {
        assert!(guard.permits(at(ip)), "{ip}");
    }
    for ip in ["10.9.0.1", "192.168.1.1", "::ffff:192.168.1.1", "2002:c0a8:101::"] {
        assert!(!guard.permits(at(ip)), "{ip}");
    }
}

#[test]
fn own_listeners_always() {
    let everywhere = guard(|s| {
        s.allow_loopback = true;
        s.allow = vec!["0.0.0.0/0".parse().expect("net"), "::/0".parse().expect("net")];
        s.own_listeners = vec!["0.0.0.0:514".parse().expect("address"), "[::]:515".parse().expect("address")];
    });
    for ip in ["127.0.0.1", "127.8.8.8", "::ffff:127.0.0.1", "0.0.0.0"] {
        assert!(!everywhere.permits(at(ip)), "{ip}");
    }
    assert!(!everywhere.permits("[::1]:515".parse().expect("address")));
    assert!(everywhere.permits("127.0.0.1:516".parse().expect("address")), "another port");
    // A foreign machine may use the port that we use. 192.0.2.0/24 is for documentation, so it is never ours.
    assert!(everywhere.permits(at("192.0.2.1")));

    let one = guard(|s| {
        s.allow_loopback = true;
        s.own_listeners = vec!["127.0.0.1:514".parse().expect("address")];
    });
    assert!(!one.permits(at("127.0.0.1")));
    assert!(!one.permits(at("::ffff:127.0.0.1")));
    assert!(one.permits(at("127.0.0.2")));
}

proptest! {
    /// Whatever is refused as IPv4 is refused in every IPv6 disguise.
    #[test]
    fn no_disguise_helps(bits in any::<u32>(), pick in 0usize..6, loopback in any::<bool>()) {
        // Random addresses are mostly permitted; five in six draws are moved into a refused range.
        let bits = match pick {
            0 => bits,
            1 => 0x7f00_0000 | bits >> 8,
            2 => 0xa9fe_0000 | bits >> 16,
            3 => 0x6440_0000 | bits >> 10,
            4 => 0xe000_0000 | bits >> 4,
            _ => bits >> 8,
        };
        let v4 = Ipv4Addr::from_bits(bits);
        let guard = guard(|s| s.allow_loopback = loopback);
        let [a, b, c, d] = v4.octets().map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        let disguises = [
            v4.to_ipv6_mapped(),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0x3fff, 0xfdd2),
            Ipv6Addr::new(0x2001, 0, 0xc000, 0x201, 0, 0, !high, !low),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
            Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0x5efe, high, low),
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0x200, 0x5efe, high, low),
        ];
        if !guard.permits(SocketAddr::new(v4.into(), 514)) {
            for v6 in disguises {
                prop_assert!(!guard.permits(SocketAddr::new(v6.into(), 514)), "{v4} as {v6}");
            }
        }
    }
}
