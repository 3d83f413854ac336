//! Which media are fetched from addresses that clients write.

use std::time::Duration;

use crate::config::parse::Reader;
use crate::config::raw::RawMediaFetch;
use crate::domain::file_type;

/// What is fetched for providers that take no addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFetchConfig {
    /// All that is fetched for one request, together.
    pub max_bytes: usize,
    /// Types, such as `image/png`.
    pub types: Vec<&'static str>,
    /// How long all that is fetched for one request may take.
    pub timeout: Duration,
    /// Addresses without TLS, too.
    pub allow_http: bool,
    /// Addresses of this machine and its networks, too.
    pub allow_private: bool,
    /// Names, or `*.` and the end of names. Empty: any.
    pub hosts: Vec<String>,
}

impl MediaFetchConfig {
    /// Tells whether something may be fetched from a host.
    pub fn serves(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let is = |pattern: &String| match pattern.strip_prefix('*') {
            Some(end) => host.len() > end.len() && host.ends_with(end),
            None => host == *pattern,
        };
        self.hosts.is_empty() || self.hosts.iter().any(is)
    }
}

impl Reader<'_> {
    /// Reads which media are fetched. `None`: none.
    pub(super) fn media_fetch(&mut self, raw: RawMediaFetch) -> Option<MediaFetchConfig> {
        let bytes = raw.max_bytes.unwrap_or(10 << 20);
        let bytes = self.within("media_fetch.max_bytes", bytes, 1..=MOST_BYTES);
        let seconds = raw.timeout_seconds.unwrap_or(5);
        let seconds = self.within("media_fetch.timeout_seconds", seconds, 1..=30);
        let mut types = Vec::new();
        for name in raw.types.unwrap_or_else(|| TYPES.map(str::to_owned).to_vec()) {
            match file_type::named(&name) {
                Some(known) => types.push(known),
                None => self.problem("media_fetch.types", format!("{name:?} is not known here")),
            }
        }
        let hosts: Vec<String> = raw.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        for host in &hosts {
            let name = host.strip_prefix("*.").unwrap_or(host);
            if name.is_empty() || name.contains(['*', '/', '@']) {
                let message = format!("{host:?} is neither a name nor \"*.\" and the end of names");
                self.problem("media_fetch.hosts", message);
            }
        }
        let config = MediaFetchConfig {
            max_bytes: usize::try_from(bytes?).ok()?,
            types,
            timeout: Duration::from_secs(seconds?),
            allow_http: raw.allow_http,
            allow_private: raw.allow_private,
            hosts,
        };
        raw.enabled.then_some(config)
    }
}

/// What providers take.
const TYPES: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"];
/// Filters hold it in memory, a third longer.
const MOST_BYTES: u64 = 64 << 20;
