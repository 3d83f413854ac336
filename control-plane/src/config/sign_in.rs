//! How people sign in, and for how long that holds.

use std::time::Duration;

use crate::config::parse::Reader;
use crate::config::raw::RawSignIn;
use crate::config::{BaseUrl, OidcConfig};
use crate::domain::Secret;

/// How people sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInConfig {
    /// Where browsers reach the management API. `None`: nobody said.
    pub public_url: Option<BaseUrl>,
    /// After so long a session that nobody used is over.
    pub idle: Duration,
    /// After so long every session is over.
    pub longest: Duration,
    /// The name of the administrator.
    pub username: String,
    /// The administrator's password. `None`: the master key.
    pub password: Option<Secret>,
    /// Whether the administrator may sign in with a password.
    pub by_password: bool,
    /// The identity provider that people sign in with. `None`: there is none.
    pub oidc: Option<OidcConfig>,
}

impl Default for SignInConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            idle: Duration::from_secs(IDLE_MINUTES * 60),
            longest: Duration::from_secs(HOURS * 3600),
            username: USERNAME.to_owned(),
            password: None,
            by_password: true,
            oidc: None,
        }
    }
}

impl SignInConfig {
    /// Tells whether browsers keep cookies for encrypted connections alone.
    pub fn is_secure(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.tls)
    }

    /// Returns the origin of pages of ours, as browsers write it.
    pub fn origin(&self) -> Option<String> {
        self.public_url
            .as_ref()
            .map(|url| format!("{}://{}", if url.tls { "https" } else { "http" }, url.authority))
    }

    /// Returns the address of our own pages, without a slash at its end. Empty: nobody said.
    pub fn base(&self) -> String {
        let path = self.public_url.as_ref().map_or("", |url| url.path.as_str());
        format!("{}{path}", self.origin().unwrap_or_default())
    }
}

impl Reader<'_> {
    /// Reads how people sign in.
    pub(super) fn sign_in(&mut self, raw: RawSignIn) -> Option<SignInConfig> {
        let public_url = raw.public_url.and_then(|text| {
            let url = BaseUrl::parse(&text);
            url.map_err(|why| self.problem("sign_in.public_url", why)).ok()
        });
        let idle = raw.session_idle_minutes.unwrap_or(IDLE_MINUTES);
        let idle = self.within("sign_in.session_idle_minutes", idle, 1..=MOST_HOURS * 60);
        let hours = raw.session_max_hours.unwrap_or(HOURS);
        let hours = self.within("sign_in.session_max_hours", hours, 1..=MOST_HOURS);
        let username = raw.username.unwrap_or_else(|| USERNAME.to_owned());
        if username.trim().is_empty() {
            self.problem("sign_in.username", "is empty");
        }
        let oidc = match raw.oidc {
            Some(raw) => Some(self.oidc(raw, public_url.as_ref())?),
            None => None,
        };
        Some(SignInConfig {
            public_url,
            idle: Duration::from_secs(idle? * 60),
            longest: Duration::from_secs(hours? * 3600),
            username,
            password: self.secret("sign_in.password", raw.password),
            by_password: raw.by_password.unwrap_or(true),
            oidc,
        })
    }
}

const IDLE_MINUTES: u64 = 60;
const HOURS: u64 = 12;
const MOST_HOURS: u64 = 24 * 90;
/// As in LiteLLM.
const USERNAME: &str = "admin";
