//! Proxies through which providers are reached.

use url::{Host, Url};

use crate::config::BaseUrl;

/// An HTTP proxy that makes tunnels (`CONNECT`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    /// Its IP address: Envoy does not look up names of proxies.
    pub address: std::net::IpAddr,
    /// Its port.
    pub port: u16,
}

impl ProxyUrl {
    /// Reads the URL of a proxy for a provider, or says why it cannot be used.
    pub fn tunnel(text: &str, provider: &BaseUrl) -> Result<Self, String> {
        let proxy = Self::parse(text)?;
        if !provider.tls {
            return Err("needs a provider with https://: Envoy makes tunnels for TLS alone".into());
        }
        Ok(proxy)
    }

    /// Reads the URL of a proxy, or says why it cannot be used.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| {
            format!("{} is not a URL ({error}); write http://ADDRESS:PORT", "the value")
        })?;
        match url.scheme() {
            "http" => {}
            scheme if scheme.starts_with("socks") => {
                return Err("SOCKS proxies are not supported: Envoy has no SOCKS client; use a \
                            proxy that knows HTTP CONNECT"
                    .into());
            }
            other => return Err(format!("scheme {other:?} is not supported; write http://…")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a proxy with a password is not supported: Envoy sends none".into());
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("a proxy has no path; write http://ADDRESS:PORT".into());
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => {
                return Err("must be an IP address: Envoy does not look up names of proxies".into());
            }
        };
        Ok(Self { address, port: url.port_or_known_default().unwrap_or(80) })
    }
}
