//! The shared configuration that decisions read: providers, models and prices. Immutable; a new
//! one replaces it whole.

use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_proto::v1::Endpoint;
pub use tollgate_proto::v1::{ModelKind, ProviderDialect};

use crate::address::AddressLists;
use crate::meter::Meter;
use crate::price::Price;
use crate::snapshot::names::Names;
use crate::snapshot::replay::{CacheSettings, Idempotency};
use crate::snapshot::routing::{Resilience, Routing};
use crate::snapshot::settings::ModelSettings;
use crate::tokens::Family;

mod glob;
mod meters;
pub mod names;
pub mod proto;
pub mod replay;
pub mod routing;
pub mod settings;

/// One state of the configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Which state; grows.
    pub revision: u64,
    /// Who serves, account by account, as configured.
    pub providers: Vec<Rc<Provider>>,
    /// By public name.
    pub models: BTreeMap<String, Rc<Model>>,
    /// Limits of tags, by tag.
    pub tag_meters: BTreeMap<String, Vec<Rc<Meter>>>,
    /// Some customer has a policy, so each request's customer is asked for.
    pub customers: bool,
    /// Tell clients which of their fields were left out.
    pub debug_headers: bool,
    /// What a request does when little is left of a limit.
    pub low_budget: LowBudget,
    /// What else models are called.
    pub names: Names,
    /// Model of requests that name none. Empty: there is none.
    pub default_model: String,
    /// Id of the provider that keeps objects whose request names none. Empty: the first of
    /// OpenAI's dialect.
    pub resources_provider: String,
    /// When accounts go out of rotation.
    pub resilience: Resilience,
    /// Where clients may call from. `None`: from anywhere.
    pub addresses: Option<AddressLists>,
    /// What ids mean that clients give their requests. `None`: nothing.
    pub idempotency: Option<Idempotency>,
    /// Media that requests name by address are fetched for providers that need their content.
    pub media_fetch: bool,
    /// What becomes of answers. `None`: none is kept.
    pub cache: Option<Rc<CacheSettings>>,
}

/// What becomes of a request whose worst case exceeds what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowBudget {
    /// It is refused, rather than its output capped lower.
    pub refuse: bool,
    /// Output tokens below which no cap is lowered.
    pub floor_tokens: u64,
}

impl Default for LowBudget {
    fn default() -> Self {
        Self { refuse: false, floor_tokens: 16 }
    }
}

/// A model as clients know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Public name; may contain slashes.
    pub name: String,
    /// In order of preference.
    pub targets: Vec<Rc<Target>>,
    /// Unix seconds, for listings.
    pub created: i64,
    /// For listings.
    pub owned_by: String,
    /// Refuse what the provider's dialect cannot carry.
    pub strict: bool,
    /// What is changed in every request for it.
    pub settings: Option<ModelSettings>,
    /// How its targets are tried.
    pub routing: Routing,
    /// Access groups it belongs to.
    pub groups: Vec<String>,
    /// What it is for, as far as known.
    pub kind: ModelKind,
    /// Limits of the model, whoever asks for it.
    pub meters: Vec<Rc<Meter>>,
}

/// One provider's offer of a model.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// What clients are told of it: stable, and says nothing about who it is.
    pub id: String,
    /// Who serves it.
    pub provider: Rc<Provider>,
    /// The provider's name of the model.
    pub model: String,
    /// How its tokens are counted.
    pub family: Family,
    /// `None`: not known; requests cost nothing and are marked.
    pub price: Option<Price>,
    /// Longest answer, in tokens. `None`: not known.
    pub max_output_tokens: Option<u64>,
    /// Longest prompt, in tokens. `None`: not known.
    pub max_input_tokens: Option<u64>,
    /// Declared free of charge: served without a price under a money budget too.
    pub free: bool,
    /// Its share where weights count.
    pub weight: u32,
    /// Targets of one entry are accounts of one configured target. They stand together.
    pub entry: u32,
    /// Whether it can be given tools. `None`: not known.
    pub tools: Option<bool>,
    /// Whether it can be given images. `None`: not known.
    pub vision: Option<bool>,
}

/// How to reach a provider.
#[derive(PartialEq, Eq)]
pub struct Provider {
    /// Its id in the configuration.
    pub id: String,
    /// Which of its accounts this is. Empty: it has only one.
    pub account: String,
    /// Envoy's cluster.
    pub cluster: String,
    /// Host, with port when it is not the scheme's own.
    pub authority: String,
    /// Path of the base URL, without trailing slash.
    pub base_path: String,
    /// What it speaks.
    pub dialect: ProviderDialect,
    /// It serves Responses besides chat completions.
    pub responses: bool,
    /// Azure's `api-version`; may be empty.
    pub api_version: String,
    /// Other names of it, where a client writes it before a model's.
    pub aliases: Vec<String>,
    /// What proves who we are. Never shown.
    pub credential: Option<Credential>,
    /// Whether it understands `stream_options.include_usage`.
    pub stream_usage: bool,
    /// It knows `max_completion_tokens`; else caps are written as `max_tokens`.
    pub completion_tokens_cap: bool,
    /// Envoy's cluster for WebSocket sessions. Empty: it has none.
    pub realtime_cluster: String,
    /// It makes images at a path for each model, as Fireworks does.
    pub image_workflows: bool,
    /// Limits of the account.
    pub meters: Vec<Rc<Meter>>,
}

impl Provider {
    /// Returns Envoy's cluster for requests to an endpoint.
    pub fn cluster_for(&self, endpoint: Endpoint) -> &str {
        if endpoint == Endpoint::Realtime { &self.realtime_cluster } else { &self.cluster }
    }
}

/// What proves to a provider who we are.
#[derive(PartialEq, Eq)]
pub enum Credential {
    /// A header, and its whole value.
    Header(Rc<str>, String),
    /// The end of each path's query, encoded: `key=…`.
    Query(String),
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("cluster", &self.cluster)
            .field("authority", &self.authority)
            .field("base_path", &self.base_path)
            .finish_non_exhaustive()
    }
}
