//! The wasm filter, as Envoy is told to load it.

use std::path::Path;

use envoy_types::pb::envoy::config::core::v3::data_source::Specifier as Source;
use envoy_types::pb::envoy::config::core::v3::{AsyncDataSource, DataSource, async_data_source};
use envoy_types::pb::envoy::extensions::filters::http::wasm::v3::Wasm;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpFilter, http_filter::ConfigType,
};
use envoy_types::pb::envoy::extensions::wasm::v3::plugin_config::Vm;
use envoy_types::pb::envoy::extensions::wasm::v3::{FailurePolicy, PluginConfig, VmConfig};
use envoy_types::pb::google::protobuf::StringValue;
use serde::Serialize;

use super::{CONTROL_CLUSTER, MANAGEMENT_CLUSTER, any, yes};
use crate::config::{BasePath, GatewayConfig};

/// The file that holds the filter.
#[derive(Debug, Clone)]
pub struct FilterFile(String);

impl FilterFile {
    /// Takes an absolute path.
    pub fn new(path: &Path) -> Self {
        Self(path.to_string_lossy().into_owned())
    }
}

/// What the filter does at one place. Serialised as its plugin configuration.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role<'a> {
    /// In the listener: decides.
    Gateway {
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
    },
    /// In a provider's cluster: speaks to the provider.
    Upstream,
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

impl<'a> Role<'a> {
    /// Returns what the filter does in the listener.
    pub fn gateway(gateway: &'a GatewayConfig) -> Self {
        Self::Gateway {
            control_cluster: CONTROL_CLUSTER,
            management_cluster: gateway.management.then_some(MANAGEMENT_CLUSTER),
            max_body_bytes: gateway.max_body_bytes,
            base_paths: gateway.base_paths.iter().map(BasePathForm::from).collect(),
            error_profile: gateway.error_profile.name(),
        }
    }

    fn root_id(&self) -> &'static str {
        match self {
            Self::Gateway { .. } => "gateway",
            Self::Upstream => "upstream",
        }
    }
}

/// Renders the filter for one place.
pub fn render(role: &Role<'_>, file: &FilterFile) -> HttpFilter {
    let configuration = serde_json::to_string(role).unwrap_or_default();
    let plugin = PluginConfig {
        name: PLUGIN.to_owned(),
        root_id: role.root_id().to_owned(),
        configuration: Some(any(&StringValue { value: configuration })),
        // A panic costs the requests of one worker for a second, not for ever.
        failure_policy: FailurePolicy::FailReload.into(),
        // Without it a paused header callback stops the body too, and every request hangs.
        allow_on_headers_stop_iteration: Some(yes()),
        vm: Some(Vm::VmConfig(vm(file))),
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
fn vm(file: &FilterFile) -> VmConfig {
    let source =
        DataSource { specifier: Some(Source::Filename(file.0.clone())), ..DataSource::default() };
    VmConfig {
        vm_id: PLUGIN.to_owned(),
        runtime: "envoy.wasm.runtime.v8".to_owned(),
        code: Some(AsyncDataSource {
            specifier: Some(async_data_source::Specifier::Local(source)),
        }),
        ..VmConfig::default()
    }
}

const PLUGIN: &str = "tollgate";
