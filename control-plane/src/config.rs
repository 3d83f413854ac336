//! Settings: what was written (`raw`) becomes what we need ([`Config`]), or an error that names
//! the field ([`Source::read`]).

mod admin;
mod aliases;
mod base_url;
mod certificate;
mod combos;
mod diff;
mod error;
pub mod foreign;
mod limits;
mod media;
mod models;
mod oidc;
mod overrides;
mod parse;
mod providers;
mod proxy_url;
mod raw;
mod replay;
mod routing;
mod schema;
mod semantic;
mod settings;
mod sign_in;
mod source;
#[cfg(test)]
mod tests;
pub mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use crate::config::admin::AdminConfig;
pub use crate::config::aliases::{AliasConfig, in_order};
pub use crate::config::base_url::BaseUrl;
pub use crate::config::certificate::CertificatePair;
pub use crate::config::combos::{ComboConfig, Known, Member};
pub use crate::config::error::{ConfigError, Problem};
pub use crate::config::media::MediaFetchConfig;
pub use crate::config::models::{ModelConfig, TargetConfig};
pub use crate::config::oidc::{ClaimMapping, OidcConfig};
pub use crate::config::providers::{AccountConfig, ProviderConfig, ProviderDialect, is_id};
pub use crate::config::proxy_url::ProxyUrl;
pub use crate::config::replay::{CacheConfig, IdempotencyConfig};
pub use crate::config::routing::{ResilienceConfig, RoutingConfig, Strategy};
pub use crate::config::schema::schema;
pub use crate::config::semantic::SemanticConfig;
pub use crate::config::settings::{Members, ModelSettings, Thinking};
pub use crate::config::sign_in::SignInConfig;
pub use crate::config::source::{Loaded, Source};

use crate::domain::{AddressLists, Limits, RateWindow, Scope, Secret};

/// Everything `tollgate serve` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses and limits of the three listeners.
    pub server: ServerConfig,
    /// The filter that Envoy is told to load; absolute.
    pub filter_file: PathBuf,
    /// `sqlite:…` or `postgres://…`.
    pub database_url: Secret,
    /// The key that may do everything. `None`: management refuses everything but health.
    pub master_key: Option<Secret>,
    /// How people sign in.
    pub sign_in: SignInConfig,
    /// Who answers.
    pub providers: Vec<ProviderConfig>,
    /// What clients may ask for, combos included.
    pub models: Vec<ModelConfig>,
    /// What the combos among the models are made of.
    pub combos: Vec<ComboConfig>,
    /// Names that stand for models, in the order in which they are looked at.
    pub aliases: Vec<AliasConfig>,
    /// The model of requests that name none.
    pub default_model: Option<String>,
    /// When accounts go out of rotation.
    pub resilience: ResilienceConfig,
    /// Tags with limits.
    pub tags: Vec<TagConfig>,
    /// How limits are enforced.
    pub limits: LimitsConfig,
    /// What ids of requests mean. `None`: nothing.
    pub idempotency: Option<IdempotencyConfig>,
    /// Which answers are kept. `None`: none.
    pub cache: Option<CacheConfig>,
    /// Which media are fetched for providers that take no addresses. `None`: none.
    pub media_fetch: Option<MediaFetchConfig>,
}

/// How limits are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitsConfig {
    /// A request whose worst case exceeds what is left is refused, instead of having its answer
    /// cut.
    pub refuse_on_low_budget: bool,
    /// Output tokens below which an answer is not cut; the request is refused then.
    pub output_floor_tokens: u32,
    /// How rates are counted.
    pub window: RateWindow,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { refuse_on_low_budget: false, output_floor_tokens: 16, window: RateWindow::default() }
    }
}

/// A tag with limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagConfig {
    /// The tag.
    pub name: String,
    /// What requests that carry it may use, together.
    pub limits: Limits,
}

/// The three listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The listener in Envoy that clients use.
    pub gateway: GatewayConfig,
    /// Where the management API listens.
    pub admin_listen: SocketAddr,
    /// How the management API guards itself.
    pub admin: AdminConfig,
    /// Where filters and Envoy reach the control plane.
    pub control_listen: ControlListen,
}

/// The listener in Envoy that clients use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Its address.
    pub listen: SocketAddr,
    /// TLS towards clients. `None`: plain text.
    pub tls: Option<TlsFiles>,
    /// Tells clients in a header which of their fields were left out.
    pub debug_headers: bool,
    /// Provider of objects (files, threads, …) whose request names none. `None`: the first of
    /// OpenAI's dialect.
    pub resources_provider: Option<String>,
    /// How refusals look on OpenAI-form paths.
    pub error_profile: ErrorProfile,
    /// Serves the management API there as well.
    pub management: bool,
    /// Largest request body; over it clients get a 413.
    pub max_body_bytes: u32,
    /// Time a client may take to send its request.
    pub request_timeout: std::time::Duration,
    /// Prefixes under which the OpenAI API is served besides the standard ones; each begins with
    /// a slash and does not end with one.
    pub base_paths: Vec<BasePath>,
    /// Where Envoy logs requests, for reconciliation; absolute. `None`: nowhere.
    pub access_log: Option<PathBuf>,
    /// Where clients may call from.
    pub addresses: AddressLists,
    /// Proxies in front of Envoy whose word about a client's address is taken.
    pub trusted_hops: u32,
}

/// How refusals look on OpenAI-form paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorProfile {
    /// As OpenAI's API.
    #[default]
    OpenAi,
    /// As `LiteLLM`'s proxy.
    LiteLlm,
    /// As `LiteLLM`'s proxy up to 1.83.
    LiteLlm183,
}

impl ErrorProfile {
    const ALL: [Self; 3] = [Self::OpenAi, Self::LiteLlm, Self::LiteLlm183];

    /// Returns its name, which the filter knows as well.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::LiteLlm => "litellm",
            Self::LiteLlm183 => "litellm-1.83",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// A prefix under which the OpenAI API is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePath {
    /// The prefix.
    pub path: String,
    /// Model of requests under it that name none. `None`: the one of all requests.
    pub default_model: Option<String>,
}

/// A certificate and its key, PEM, absolute paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub private_key: PathBuf,
    /// What the files hold. `None`: they were not looked at.
    pub pair: Option<CertificatePair>,
}

/// Where filters and Envoy reach the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlListen {
    /// A socket file.
    Unix(PathBuf),
    /// A loopback address.
    Tcp(SocketAddr),
}

impl Config {
    /// Returns every limit that stands in the configuration.
    pub fn limited(&self) -> Vec<(Scope, String, Limits)> {
        let of = |scope, name: &str, limits: &Limits| (scope, name.to_owned(), limits.clone());
        let providers = self.providers.iter().map(|it| of(Scope::Provider, &it.id, &it.limits));
        let accounts = self.providers.iter().flat_map(|provider| {
            let named = provider.accounts.iter().filter(|account| !account.id.is_empty());
            named.map(move |account| {
                let name = format!("{}/{}", provider.id, account.id);
                of(Scope::Provider, &name, &account.limits)
            })
        });
        let models = self.models.iter().map(|it| of(Scope::Model, &it.name, &it.limits));
        let tags = self.tags.iter().map(|it| of(Scope::Tag, &it.name, &it.limits));
        providers.chain(accounts).chain(models).chain(tags).collect()
    }

    /// Returns what applies after the file changed to `new`: listeners, the database and the
    /// master key stay until the next start, which is logged.
    #[must_use]
    pub fn successor(&self, mut new: Self) -> Self {
        let mut kept = Vec::new();
        keep(
            "server.gateway.listen",
            &self.server.gateway.listen,
            &mut new.server.gateway.listen,
            &mut kept,
        );
        keep(
            "server.admin.listen",
            &self.server.admin_listen,
            &mut new.server.admin_listen,
            &mut kept,
        );
        keep(
            "server.control.listen",
            &self.server.control_listen,
            &mut new.server.control_listen,
            &mut kept,
        );
        keep("database.url", &self.database_url, &mut new.database_url, &mut kept);
        keep("master_key", &self.master_key, &mut new.master_key, &mut kept);
        for field in kept {
            tracing::warn!(field, "changed, and applies after a restart");
        }
        new
    }
}

fn keep<T: Clone + PartialEq>(
    field: &'static str,
    old: &T,
    new: &mut T,
    kept: &mut Vec<&'static str>,
) {
    if old != new {
        new.clone_from(old);
        kept.push(field);
    }
}
