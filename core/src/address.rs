//! Who may call, by address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use tollgate_proto::v1 as proto;

/// A range of addresses: one address, or what an address and the length of its prefix say (CIDR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address. `None`: it is none of these.
    ///
    /// ```
    /// use tollgate_core::address::Network;
    ///
    /// let office = Network::parse("192.0.2.0/24").unwrap();
    /// assert!(office.contains("192.0.2.7".parse().unwrap()));
    /// assert!(office.contains("::ffff:192.0.2.7".parse().unwrap()));
    /// assert!(!office.contains("192.0.3.7".parse().unwrap()));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let written: IpAddr = address.parse().ok()?;
        let width: u32 = if written.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= width)?
            }
            Some(_) => return None,
        };
        let base = written.to_canonical();
        if base.is_ipv4() && width == 128 {
            // An IPv4 network in IPv6 clothes; a shorter prefix reaches beyond those.
            return Some(match prefix.checked_sub(MAPPED_PREFIX) {
                Some(prefix) => Self { base, prefix },
                None => Self { base: written, prefix },
            });
        }
        Some(Self { base, prefix })
    }

    /// Tells whether an address is in it. An IPv4 address in IPv6 clothes counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                (base.to_bits() ^ address.to_bits()).leading_zeros()
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                (base.to_bits() ^ address.to_bits()).leading_zeros()
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        differing >= self.prefix
    }
}

/// Who may call and who may not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressLists {
    /// Empty: everybody who is not denied.
    allowed: Vec<Network>,
    /// Wins over `allowed`.
    denied: Vec<Network>,
    /// Something in them cannot be read: nobody is admitted.
    unreadable: bool,
}

impl AddressLists {
    /// Tells whether a client may call. `None`: nobody knows where it calls from.
    pub fn admit(&self, client: Option<IpAddr>) -> bool {
        let Some(client) = client.filter(|_| !self.unreadable) else { return false };
        let is_in = |list: &[Network]| list.iter().any(|network| network.contains(client));
        !is_in(&self.denied) && (self.allowed.is_empty() || is_in(&self.allowed))
    }
}

impl From<proto::AddressLists> for AddressLists {
    fn from(wire: proto::AddressLists) -> Self {
        let mut unreadable = false;
        let mut read = |list: Vec<String>| {
            let networks: Vec<_> = list.iter().map(|entry| Network::parse(entry)).collect();
            unreadable |= networks.contains(&None);
            networks.into_iter().flatten().collect()
        };
        let (allowed, denied) = (read(wire.allowed), read(wire.denied));
        Self { allowed, denied, unreadable }
    }
}

/// Reads an address as Envoy writes it, with its port.
pub fn client(written: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(written).ok()?;
    let with_port = text.parse::<SocketAddr>().map(|address| address.ip());
    with_port.or_else(|_| text.parse()).ok()
}

/// `::ffff:0:0/96`, where IPv6 writes IPv4 addresses.
const MAPPED_PREFIX: u32 = Ipv6Addr::BITS - 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_their_prefix_says() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("10.1.2.3", &["10.1.2.3", "::ffff:10.1.2.3"], &["10.1.2.4", "::10.1.2.3"]),
            ("10.1.2.3/8", &["10.0.0.0", "10.255.255.255"], &["11.0.0.0", "9.255.255.255"]),
            ("10.0.0.0/9", &["10.127.9.9"], &["10.128.0.0"]),
            ("0.0.0.0/0", &["1.2.3.4", "::ffff:9.9.9.9"], &["::1"]),
            ("2001:db8::/32", &["2001:db8:ffff::1"], &["2001:db9::", "10.0.0.1"]),
            ("::1", &["::1"], &["::2", "127.0.0.1"]),
            ("::/0", &["::1", "2001::"], &["127.0.0.1", "::ffff:127.0.0.1"]),
            ("::ffff:192.0.2.0/120", &["192.0.2.255"], &["192.0.3.0"]),
            ("::ffff:192.0.2.9", &["192.0.2.9", "::ffff:192.0.2.9"], &["192.0.2.8"]),
        ];
        for (network, inside, outside) in cases {
            let read = Network::parse(network).unwrap();
            for address in *inside {
                assert!(read.contains(address.parse().unwrap()), "{address} in {network}");
            }
            for address in *outside {
                assert!(!read.contains(address.parse().unwrap()), "{address} not in {network}");
            }
        }
    }

    #[test]
    fn what_is_no_network_is_not_read() {
        let wrong = ["", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/+1", "x/8"];
        for text in wrong.iter().chain(&["10.0.0.0/", "10.0.0.*", "010.0.0.1", "10.0.0.1:80"]) {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn denied_wins_and_an_empty_list_allows_everybody() {
        let lists = |allowed: &[&str], denied: &[&str]| {
            let own = |list: &[&str]| list.iter().map(|&entry| entry.to_owned()).collect();
            AddressLists::from(proto::AddressLists { allowed: own(allowed), denied: own(denied) })
        };
        let here = Some(IpAddr::from([10, 0, 0, 1]));

        assert!(lists(&[], &[]).admit(here));
        assert!(lists(&["10.0.0.0/8"], &[]).admit(here));
        assert!(!lists(&["11.0.0.0/8"], &[]).admit(here));
        assert!(!lists(&["10.0.0.0/8"], &["10.0.0.1"]).admit(here));
        assert!(lists(&[], &["10.0.0.2"]).admit(here));
        assert!(!lists(&[], &["10.0.0.2"]).admit(None), "an unknown address is not admitted");
        assert!(!lists(&["10.0.0.0/8"], &["nonsense"]).admit(here));
    }

    #[test]
    fn addresses_are_read_as_envoy_writes_them() {
        assert_eq!(client(b"10.0.0.1:4711"), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(client(b"[::1]:80"), Some(IpAddr::from(Ipv6Addr::LOCALHOST)));
        assert_eq!(client(b"10.0.0.1"), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(client(b"/run/socket"), None);
        assert_eq!(client(b"\xff"), None);
    }
}
