//! How the management API guards itself.

use tollgate_core::address::Network;

use crate::config::parse::Reader;
use crate::config::raw::RawAdmin;

/// How the management API guards itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// How often each caller may ask, a minute. `None`: as often as they like.
    pub requests_per_minute: Option<u32>,
    /// How many keys that are good for nothing an address may try, a minute. `None`: any number.
    pub bad_keys_per_minute: Option<u32>,
    /// Networks of the proxies whose word about a client's address is taken.
    pub trusted_proxies: Vec<Network>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            requests_per_minute: Some(REQUESTS),
            bad_keys_per_minute: Some(BAD_KEYS),
            trusted_proxies: OWN_MACHINE.into_iter().filter_map(Network::parse).collect(),
        }
    }
}

impl Reader<'_> {
    /// Reads how the management API guards itself.
    pub(super) fn admin(&mut self, raw: RawAdmin) -> Option<AdminConfig> {
        let mut rate = |name: &str, written: Option<u64>, usual: u32| {
            let place = format!("server.admin.{name}");
            let rate = self.within(&place, written.unwrap_or(usual.into()), 0..=MOST)?;
            Some(u32::try_from(rate).ok().filter(|rate| *rate > 0))
        };
        let requests = rate("requests_per_minute", raw.requests_per_minute, REQUESTS);
        let bad_keys = rate("bad_keys_per_minute", raw.bad_keys_per_minute, BAD_KEYS);
        let proxies = raw.trusted_proxies;
        let proxies = proxies.unwrap_or_else(|| OWN_MACHINE.map(str::to_owned).to_vec());
        let proxies = self.networks("server.admin.trusted_proxies", proxies);
        Some(AdminConfig {
            requests_per_minute: requests?,
            bad_keys_per_minute: bad_keys?,
            trusted_proxies: proxies.iter().filter_map(|it| Network::parse(it)).collect(),
        })
    }
}

/// A hundred a second is more than a script needs, and less than the database can take.
const REQUESTS: u32 = 6_000;
const BAD_KEYS: u32 = 60;
const MOST: u64 = 10_000_000;
/// Envoy, mostly.
const OWN_MACHINE: [&str; 2] = ["127.0.0.0/8", "::1"];
