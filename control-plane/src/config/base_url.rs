//! Base URLs of providers.

use url::{Host, Url};

/// The parts of a provider's base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// `https`.
    pub tls: bool,
    /// Name or IP address; IPv6 without brackets.
    pub host: String,
    /// The port, the scheme's own when none was written.
    pub port: u16,
    /// `host` or `host:port` (the latter when the port is not the scheme's own), IPv6 in brackets.
    pub authority: String,
    /// Without trailing slash; empty for the root.
    pub path: String,
}

impl BaseUrl {
    /// Reads a base URL, or says why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| {
            format!("{text:?} is not a URL ({error}); write something like https://host/v1")
        })?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(format!("scheme {other:?} is not supported; use http or https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user or password; put the secret in `credential`".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("holds a query or fragment; a base URL ends with its path".into());
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err("names no host".into()),
        };
        let bracketed = url.host_str().unwrap_or_default();
        let authority = match url.port() {
            Some(port) => format!("{bracketed}:{port}"),
            None => bracketed.to_owned(),
        };
        let port = url.port_or_known_default().unwrap_or(if tls { 443 } else { 80 });
        let path = url.path().trim_end_matches('/').to_owned();
        if path.contains("//") || ends_with_a_colon(text) {
            // `http://http://host` is a URL, of the host `http`.
            return Err(format!("{text:?} names the host {host:?}; is the scheme there twice?"));
        }
        Ok(Self { tls, host, port, authority, path })
    }
}

/// Tells whether the port is announced and left out.
fn ends_with_a_colon(text: &str) -> bool {
    let after_scheme = text.split_once("//").map_or(text, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '\\']).next().unwrap_or_default();
    authority.ends_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_url_apart() {
        let url = BaseUrl::parse("https://api.openai.com/v1/").unwrap();

        assert_eq!((url.tls, url.port), (true, 443));
        assert_eq!(
            (url.host.as_str(), url.authority.as_str()),
            ("api.openai.com", "api.openai.com")
        );
        assert_eq!(url.path, "/v1");
    }

    #[test]
    fn keeps_a_port_and_brackets_in_the_authority() {
        let url = BaseUrl::parse("http://[::1]:9000").unwrap();

        assert_eq!((url.tls, url.port, url.path.as_str()), (false, 9000, ""));
        assert_eq!((url.host.as_str(), url.authority.as_str()), ("::1", "[::1]:9000"));
    }

    #[test]
    fn refuses_what_is_not_a_base_url() {
        for (text, why) in [
            ("api.openai.com/v1", "is not a URL"),
            ("ftp://host", "not supported"),
            ("https://user:pw@host/", "credential"),
            ("https://host/v1?key=1", "query"),
            ("http://http://host/v1", "twice"),
            ("https://HTTPS:/host", "twice"),
            ("https://http//host/v1", "twice"),
            ("https://host/http://other", "twice"),
        ] {
            let message = BaseUrl::parse(text).unwrap_err();
            assert!(message.contains(why), "{text}: {message}");
        }
    }
}
