use super::*;
use proptest::prelude::*;

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
        ];
        if !guard.permits(SocketAddr::new(v4.into(), 514)) {
            for v6 in disguises {
                prop_assert!(!guard.permits(SocketAddr::new(v6.into(), 514)), "{v4} as {v6}");
            }
        }
    }
}
