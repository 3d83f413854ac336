//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use tollgate_core::address::Network;

use crate::config::ServerConfig;

/// Returns the address that a request comes from, as far as it can be believed. `None`: nobody
/// knows.
///
/// A proxy is believed about who called it; whoever calls us otherwise can write what they like.
pub(crate) fn of(
    extensions: &Extensions,
    headers: &HeaderMap,
    server: &ServerConfig,
) -> Option<IpAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let trusted = &server.admin.trusted_proxies;
    let said = headers.get_all(FORWARDED).iter();
    let said = said.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",");
    Some(client(peer, &said, trusted, server.gateway.trusted_hops))
}

/// Follows what proxies say, from the last one on: as long as one is trusted, and past the
/// proxies that stand in front of Envoy.
fn client(peer: IpAddr, said: &str, trusted: &[Network], hops: u32) -> IpAddr {
    let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
    let (mut client, mut hops) = (peer, hops);
    let mut chain = said.rsplit(',').map(str::trim).filter(|said| !said.is_empty());
    let mut believes = is_trusted(peer);
    while believes {
        let next = chain.next().and_then(|said| tollgate_core::address::client(said.as_bytes()));
        let Some(next) = next else { break };
        client = next.to_canonical();
        believes = is_trusted(client);
        if !believes && hops > 0 {
            hops -= 1;
            believes = true;
        }
    }
    client
}

/// Names whom an address stands for: of IPv6 a whole network, since everybody has one.
pub(crate) fn name(address: Option<IpAddr>) -> String {
    match address {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
    }
}

const FORWARDED: &str = "x-forwarded-for";

#[cfg(test)]
mod tests {
    use super::*;

    // proves: config.server.admin.trusted_proxies
    #[test]
    fn only_trusted_proxies_are_believed() {
        let own = [Network::parse("127.0.0.0/8").unwrap(), Network::parse("10.0.0.0/8").unwrap()];
        let cases = [
            ("203.0.113.9", "198.51.100.1", 0, "203.0.113.9"),
            ("127.0.0.1", "", 0, "127.0.0.1"),
            ("127.0.0.1", "198.51.100.1", 0, "198.51.100.1"),
            ("127.0.0.1", "6.6.6.6, 198.51.100.1", 0, "198.51.100.1"),
            ("127.0.0.1", "6.6.6.6, 198.51.100.1, 10.1.1.1", 0, "198.51.100.1"),
            ("127.0.0.1", "6.6.6.6, 198.51.100.1, 203.0.113.5", 1, "198.51.100.1"),
            ("127.0.0.1", "198.51.100.1, not-an-address", 0, "127.0.0.1"),
            ("127.0.0.1", "2001:db8::1", 0, "2001:db8::1"),
        ];
        for (peer, said, hops, expected) in cases {
            let found = client(peer.parse().unwrap(), said, &own, hops);
            assert_eq!(found.to_string(), expected, "{peer} says {said:?}");
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let name = |text: &str| name(Some(text.parse().unwrap()));
        assert_eq!(name("2001:db8:1:2:3::4"), name("2001:db8:1:2:ffff::1"));
        assert_ne!(name("2001:db8:1:2::1"), name("2001:db8:1:3::1"));
        assert_eq!(name("192.0.2.1"), "192.0.2.1");
    }
}
