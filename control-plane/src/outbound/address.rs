//! Which addresses the control plane may call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::outbound::Reach;

/// Tells whether an address may be connected to.
pub(super) fn is_allowed(address: IpAddr, reach: Reach) -> bool {
    let (never, private) = match address {
        IpAddr::V4(address) => (is_never_v4(address), is_private_v4(address)),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => (is_never_v4(inner), is_private_v4(inner)),
            None => (is_never_v6(address), is_private_v6(address)),
        },
    };
    !never && (!private || reach == Reach::Private)
}

/// Link-local (metadata of most clouds), and what is no host at all.
fn is_never_v4(address: Ipv4Addr) -> bool {
    address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || METADATA_V4.contains(&address)
}

/// Loopback, RFC 1918, shared address space (RFC 6598), and the rest of special use.
fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_documentation()
        || address.octets().starts_with(&[192, 0, 0])
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 198 && (18..20).contains(&second))
}

fn is_never_v6(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local()
        || address.is_unspecified()
        || address.is_multicast()
        || address == METADATA_V6
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Discarded, Teredo's and others of special use, documentation, old site-local ones, and
    // NAT64 prefixes of networks' own.
    let special = matches!(
        segments,
        [0x100, 0, 0, 0, ..] | [0x2001, 0..0x200 | 0xdb8, ..] | [0x64, 0xff9b, 1, ..]
    );
    address.is_loopback()
        || address.is_unique_local()
        || special
        || segments.first().is_some_and(|first| first & 0xffc0 == 0xfec0 || *first == 0x5f00)
}

/// Returns the IPv4 address that an IPv6 address leads to: mapped, compatible, NAT64 or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let mapped = address.to_ipv4_mapped();
    let segments = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    mapped.or(match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(of(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(of(high, low)),
        _ => None,
    })
}

/// Alibaba's, and those of Azure's platform and Oracle's.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// Amazon's.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(address: &str) -> (bool, bool) {
        let address = address.parse().unwrap();
        (is_allowed(address, Reach::Public), is_allowed(address, Reach::Private))
    }

    #[test]
    fn metadata_and_link_local_are_never_called() {
        for address in [
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fe80::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::169.254.169.254",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
        ] {
            assert_eq!(allowed(address), (false, false), "{address}");
        }
    }

    #[test]
    fn private_addresses_are_called_where_that_is_meant() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "192.0.0.8",
            "2001::1",
            "2001:db8::1",
            "fec0::1",
            "64:ff9b:1::a00:1",
            "100::1",
        ] {
            assert_eq!(allowed(address), (false, true), "{address}");
        }
        for address in ["1.1.1.1", "100.128.0.1", "2606:4700::1111"] {
            assert_eq!(allowed(address), (true, true), "{address}");
        }
    }
}
