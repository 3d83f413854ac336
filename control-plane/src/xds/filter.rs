//! The wasm filter, as Envoy is told to load it.

use std::path::Path;

use envoy_types::pb::envoy::config::core::v3::data_source::Specifier as Source;
use envoy_types::pb::envoy::config::core::v3::{
    AsyncDataSource, DataSource, HttpUri, RemoteDataSource, async_data_source,
    http_uri::HttpUpstreamType,
};
use envoy_types::pb::envoy::extensions::filters::http::wasm::v3::Wasm;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpFilter, http_filter::ConfigType,
};
use envoy_types::pb::envoy::extensions::wasm::v3::plugin_config::Vm;
use envoy_types::pb::envoy::extensions::wasm::v3::{FailurePolicy, PluginConfig, VmConfig};
use envoy_types::pb::google::protobuf::StringValue;
use serde::Serialize;

use super::{CONTROL_CLUSTER, MANAGEMENT_CLUSTER, any, seconds, yes};
use crate::config::{BasePath, GatewayConfig};

/// Where Envoy finds the filter.
#[derive(Debug, Clone)]
pub enum FilterCode {
    /// In a file that it can read; absolute.
    File(String),
    /// At a URL, which it asks through [`CODE_CLUSTER`].
    Url {
        /// The URL.
        url: String,
        /// What the code must hash to, in hex.
        sha256: String,
    },
}

impl FilterCode {
    /// Takes an absolute path.
    pub fn in_file(path: &Path) -> Self {
        Self::File(path.to_string_lossy().into_owned())
    }
}

/// Envoy's name of where it fetches the filter from.
pub const CODE_CLUSTER: &str = "tollgate_filter";

/// What the filter does at one place. Serialised as its plugin configuration.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role<'a> {
    /// In the listener: decides.
    Gateway(Gateway<'a>),
    /// In the listener, alone: decides, and speaks to the provider.
    Standalone(Gateway<'a>),
    /// In a provider's cluster: speaks to the provider.
    Upstream,
}

/// What the filter in a listener is told.
#[derive(Debug, Clone, Serialize)]
pub struct Gateway<'a> {
    /// Cluster of the control plane.
    control_cluster: &'a str,
    /// Cluster of the management API. `None`: not served here.
    #[serde(skip_serializing_if = "Option::is_none")]
    management_cluster: Option<&'a str>,
    /// Largest request body.
    max_body_bytes: u32,
    /// Extra prefixes of the OpenAI API.
    base_paths: Vec<BasePathForm<'a>>,
    /// How refusals look.
    error_profile: &'static str,
    /// Envoy makes no ids of requests.
    client_request_id: bool,
}

impl Gateway<'_> {
    /// Says that this Envoy makes no ids of requests: those there are, clients sent.
    #[must_use]
    pub fn with_ids_of_clients(mut self) -> Self {
        self.client_request_id = true;
        self
    }
}

impl<'a> From<&'a GatewayConfig> for Gateway<'a> {
    fn from(gateway: &'a GatewayConfig) -> Self {
        Self {
            control_cluster: CONTROL_CLUSTER,
            management_cluster: gateway.management.then_some(MANAGEMENT_CLUSTER),
            max_body_bytes: gateway.max_body_bytes,
            base_paths: gateway.base_paths.iter().map(BasePathForm::from).collect(),
            error_profile: gateway.error_profile.name(),
            client_request_id: false,
        }
    }
}

/// A prefix as the filter reads it: plain where it is nothing but a path.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum BasePathForm<'a> {
    /// The path.
    Plain(&'a str),
    /// The path and the model of requests under it that name none.
    Whole {
        /// The path.
        path: &'a str,
        /// The model.
        default_model: &'a str,
    },
}

impl<'a> From<&'a BasePath> for BasePathForm<'a> {
    fn from(base: &'a BasePath) -> Self {
        match &base.default_model {
            None => Self::Plain(&base.path),
            Some(default_model) => Self::Whole { path: &base.path, default_model },
        }
    }
}

impl Role<'_> {
    fn root_id(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "gateway",
            Self::Standalone(_) => "standalone",
            Self::Upstream => "upstream",
        }
    }
}

/// Renders the filter for one place.
pub fn render(role: &Role<'_>, code: &FilterCode) -> HttpFilter {
    let configuration = serde_json::to_string(role).unwrap_or_default();
    let plugin = PluginConfig {
        name: PLUGIN.to_owned(),
        root_id: role.root_id().to_owned(),
        configuration: Some(any(&StringValue { value: configuration })),
        // A panic costs the requests of one worker for a second, not for ever.
        failure_policy: FailurePolicy::FailReload.into(),
        // Without it a paused header callback stops the body too, and every request hangs.
        allow_on_headers_stop_iteration: Some(yes()),
        vm: Some(Vm::VmConfig(vm(code))),
        ..PluginConfig::default()
    };
    http_filter(PLUGIN, &Wasm { config: Some(plugin) })
}

/// Renders any filter from its name and its configuration.
pub fn http_filter<M: prost::Message + prost::Name>(name: &str, config: &M) -> HttpFilter {
    HttpFilter {
        name: name.to_owned(),
        config_type: Some(ConfigType::TypedConfig(any(config))),
        ..HttpFilter::default()
    }
}

/// The same at every place: Envoy then runs all of them in one VM for each worker.
fn vm(code: &FilterCode) -> VmConfig {
    VmConfig {
        vm_id: PLUGIN.to_owned(),
        runtime: "envoy.wasm.runtime.v8".to_owned(),
        code: Some(AsyncDataSource { specifier: Some(source(code)) }),
        ..VmConfig::default()
    }
}

fn source(code: &FilterCode) -> async_data_source::Specifier {
    match code {
        FilterCode::File(path) => async_data_source::Specifier::Local(DataSource {
            specifier: Some(Source::Filename(path.clone())),
            ..DataSource::default()
        }),
        FilterCode::Url { url, sha256 } => async_data_source::Specifier::Remote(RemoteDataSource {
            http_uri: Some(HttpUri {
                uri: url.clone(),
                timeout: Some(seconds(FETCH_SECONDS)),
                http_upstream_type: Some(HttpUpstreamType::Cluster(CODE_CLUSTER.to_owned())),
            }),
            sha256: sha256.clone(),
            ..RemoteDataSource::default()
        }),
    }
}

const PLUGIN: &str = "tollgate";
const FETCH_SECONDS: u64 = 30;
