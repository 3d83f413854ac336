//! What Envoy is told over ADS: its listener with its certificate, its routes, one cluster for each
//! provider.
//!
//! [`render`] turns a [`Config`] into [`Resources`] and is pure; [`stream`] is the conversation
//! with one Envoy. Envoy's config dump shows all of it but the key of the certificate, so
//! credentials travel to the filter alone.

pub mod access_log;
pub mod certificate;
pub mod cluster;
pub mod fallback;
pub mod filter;
pub mod listener;
pub mod local_reply;
pub mod route;
pub mod stream;

use std::fmt;

use envoy_types::pb::envoy::config::core::v3::{
    AggregatedConfigSource, ApiVersion, ConfigSource, config_source::ConfigSourceSpecifier,
};
use envoy_types::pb::google::protobuf::{Any, BoolValue, Duration, UInt32Value};
use prost::Message;
use sha2::{Digest, Sha256};

use self::filter::FilterCode;
use crate::config::Config;

/// Everything that one Envoy is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// One for each provider.
    pub clusters: ResourceSet,
    /// The listener's certificate.
    pub secrets: ResourceSet,
    /// The listener that clients use.
    pub listeners: ResourceSet,
    /// Its routes.
    pub routes: ResourceSet,
}

impl Resources {
    /// Returns the resources of a type.
    pub fn of(&self, kind: ResourceKind) -> &ResourceSet {
        match kind {
            ResourceKind::Cluster => &self.clusters,
            ResourceKind::Secret => &self.secrets,
            ResourceKind::Listener => &self.listeners,
            ResourceKind::Route => &self.routes,
        }
    }
}

/// All resources of one type.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResourceSet {
    /// Digest of the content: the same content has the same version in every replica and after
    /// every restart.
    pub version: String,
    /// The resources, each with its name.
    pub items: Vec<Resource>,
}

impl ResourceSet {
    /// Takes resources and gives them their version.
    pub fn new(mut items: Vec<Resource>) -> Self {
        // The order in which a file happens to list them means nothing.
        items.sort_by(|a, b| a.name.cmp(&b.name));
        let mut digest = Sha256::new();
        for item in &items {
            digest.update((item.body.value.len() as u64).to_be_bytes());
            digest.update(&item.body.value);
        }
        let digest = digest.finalize();
        let start = digest.first_chunk().copied().unwrap_or_default();
        Self { version: format!("{:016x}", u64::from_be_bytes(start)), items }
    }
}

/// One resource. `Debug` does not show it: it may be a key.
#[derive(Clone, PartialEq)]
pub struct Resource {
    /// What subscriptions call it.
    pub name: String,
    /// The resource itself.
    pub body: Any,
}

impl Resource {
    /// Packs a message under a name.
    pub fn new<M: Message + prost::Name>(name: &str, body: &M) -> Self {
        Self { name: name.to_owned(), body: any(body) }
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The types that are served. In the order in which changes must arrive: a listener may need a
/// new cluster, a route may need both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// CDS.
    Cluster,
    /// SDS.
    Secret,
    /// LDS.
    Listener,
    /// RDS.
    Route,
}

impl ResourceKind {
    /// Every type, in the order of delivery.
    pub const ALL: [Self; 4] = [Self::Cluster, Self::Secret, Self::Listener, Self::Route];

    /// Returns the name by which the protocol knows the type.
    pub fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        }
    }

    /// Reads the protocol's name. `None`: a type that is not served here.
    pub fn from_type_url(type_url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_url() == type_url)
    }
}

/// Renders everything that Envoy is told.
pub fn render(config: &Config) -> Resources {
    render_with(config, &FilterCode::in_file(&config.filter_file))
}

/// Renders the same for an Envoy that finds the filter elsewhere.
pub fn render_with(config: &Config, code: &FilterCode) -> Resources {
    let clusters = config
        .providers
        .iter()
        .flat_map(|provider| cluster::render(provider, code))
        .map(|cluster| Resource::new(&cluster.name, &cluster))
        .collect();
    let listener = listener::render(&config.server.gateway, code);
    let pair = config.server.gateway.tls.as_ref().and_then(|tls| tls.pair.as_ref());
    let certificate = pair.map(certificate::render);
    let clusters = ResourceSet::new(clusters);
    Resources {
        routes: routes(config, &clusters),
        clusters,
        secrets: ResourceSet::new(
            certificate.iter().map(|secret| Resource::new(&secret.name, secret)).collect(),
        ),
        listeners: ResourceSet::new(vec![Resource::new(&listener.name, &listener)]),
    }
}

/// Renders the routes to clusters, those of providers that are about to leave included.
pub fn routes(config: &Config, clusters: &ResourceSet) -> ResourceSet {
    let names = clusters.items.iter().map(|cluster| cluster.name.as_str());
    let routes = route::render(&config.server.gateway, names);
    ResourceSet::new(vec![Resource::new(&routes.name, &routes)])
}

/// Envoy's name of the control listener; stands in the bootstrap.
pub const CONTROL_CLUSTER: &str = "tollgate_control";

/// Envoy's name of the management API; stands in the bootstrap.
pub const MANAGEMENT_CLUSTER: &str = "tollgate_admin";

/// Says that a resource comes over ADS, too.
fn over_ads() -> ConfigSource {
    ConfigSource {
        resource_api_version: ApiVersion::V3.into(),
        config_source_specifier: Some(
            ConfigSourceSpecifier::Ads(AggregatedConfigSource::default()),
        ),
        ..ConfigSource::default()
    }
}

/// Packs a message.
pub fn any<M: Message + prost::Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

fn seconds(seconds: u64) -> Duration {
    Duration { seconds: i64::try_from(seconds).unwrap_or(i64::MAX), nanos: 0 }
}

fn number(value: u32) -> UInt32Value {
    UInt32Value { value }
}

fn yes() -> BoolValue {
    BoolValue { value: true }
}

#[cfg(test)]
pub(crate) mod tests;
