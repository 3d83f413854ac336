//! Where an Envoy reaches the control plane.

use std::net::IpAddr;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::config::ControlListen;

/// Where an Envoy reaches a listener of the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket file.
    Unix(String),
    /// A host and a port.
    Tcp {
        /// A name or an IP address; IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Address {
    /// Whether only this machine (or pod) can be behind it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        }
    }

    /// Writes it into a cluster as its only endpoint.
    pub(super) fn put_into(&self, cluster: &mut Value) {
        let address = match self {
            Self::Unix(path) => json!({ "pipe": { "path": path } }),
            Self::Tcp { host, port } => {
                json!({ "socket_address": { "address": host, "port_value": port } })
            }
        };
        if let Some(place) = cluster.pointer_mut(ENDPOINT_ADDRESS) {
            *place = address;
        }
        if let (Self::Tcp { host, .. }, Some(cluster)) = (self, cluster.as_object_mut())
            && host.parse::<IpAddr>().is_err()
        {
            cluster.insert("type".to_owned(), json!("STRICT_DNS"));
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let absolute = path.starts_with('/');
            return if absolute { Ok(Self::Unix(path.to_owned())) } else { Err(FORM.to_owned()) };
        }
        let (host, port) = text.rsplit_once(':').ok_or(FORM)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(FORM)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let named =
            !host.is_empty() && host.chars().all(|it| it.is_alphanumeric() || "-._".contains(it));
        if !named && host.parse::<IpAddr>().is_err() {
            return Err(FORM.to_owned());
        }
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

impl From<&ControlListen> for Address {
    fn from(listen: &ControlListen) -> Self {
        match listen {
            ControlListen::Unix(path) => Self::Unix(path.to_string_lossy().into_owned()),
            ControlListen::Tcp(address) => Self::from(*address),
        }
    }
}

/// Where to connect to: a listener on every address is reached on the loopback one.
impl From<std::net::SocketAddr> for Address {
    fn from(address: std::net::SocketAddr) -> Self {
        let host = match address.ip() {
            ip if !ip.is_unspecified() => ip.to_string(),
            IpAddr::V4(_) => "127.0.0.1".to_owned(),
            IpAddr::V6(_) => "::1".to_owned(),
        };
        Self::Tcp { host, port: address.port() }
    }
}

const FORM: &str = "is neither host:port nor unix:/path";
const ENDPOINT_ADDRESS: &str = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sockets_hosts_and_addresses() {
        let tcp = |host: &str, port| Ok(Address::Tcp { host: host.to_owned(), port });

        assert_eq!("unix:/run/c.sock".parse(), Ok(Address::Unix("/run/c.sock".to_owned())));
        assert_eq!("tollgate.llm.svc:4000".parse(), tcp("tollgate.llm.svc", 4000));
        assert_eq!("[::1]:4001".parse(), tcp("::1", 4001));
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in ["", "host", "host:", "host:0", ":1", "unix:run", "a b:1", "http://a:1"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_sockets_and_loopback_are_local() {
        for (text, local) in [
            ("unix:/a", true),
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("10.0.0.1:1", false),
            ("a:1", false),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().is_local(), local, "{text}");
        }
    }

    #[test]
    fn a_listener_on_every_address_is_reached_on_loopback() {
        let all: std::net::SocketAddr = "0.0.0.0:4000".parse().unwrap();

        assert_eq!(Address::from(all), "127.0.0.1:4000".parse().unwrap());
    }
}
