//! What makes an Envoy that runs already the gateway: a bootstrap for Envoy alone, patches for
//! Istio and for Envoy Gateway.
//!
//! All of it is made of the resources that [`crate::xds`] renders, printed as JSON: what a manifest
//! says and what an Envoy is told over ADS are the same. No credential stands in any of it; the
//! filter gets them over its own stream.

mod address;
mod bootstrap;
mod envoy_gateway;
mod istio;
mod parts;
mod printer;

use serde_json::Value;

pub use address::Address;
pub use bootstrap::Bootstrap;
pub use envoy_gateway::EnvoyGateway;
pub use istio::{Istio, Workload};
pub use printer::Printer;

use crate::config::Config;
use crate::xds::filter::FilterCode;

/// What every manifest is made from.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What the filter does.
    pub role: Role,
    /// Where Envoy finds the filter.
    pub code: FilterCode,
    /// Where Envoy reaches the control listener.
    pub control: Address,
    /// Where Envoy reaches the management API.
    pub management: Address,
}

/// What the filter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// It decides in the listener and speaks to providers in their clusters; requests fall back.
    Gateway,
    /// One filter in the listener does both; requests do not fall back.
    Standalone,
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The types that are compiled in cannot be read.
    #[error("the descriptors of Envoy's types are broken")]
    Descriptors(#[source] prost_reflect::DescriptorError),
    /// A resource is of a type that is not compiled in.
    #[error("type {0} is not among the known ones")]
    UnknownType(String),
    /// A resource is not what its type says.
    #[error("a resource of type {0} cannot be read")]
    Malformed(String, #[source] prost::DecodeError),
    /// A resource has a field that its type, as it is compiled in, has not.
    #[error("a resource of type {0} has a field that is not among the known ones")]
    UnknownField(String),
    /// A resource has no form in JSON.
    #[error("a resource of type {0} cannot be printed")]
    Unprintable(String, #[source] serde_json::Error),
    /// A resource lacks something that every resource has.
    #[error("a rendered resource has no {0}")]
    Missing(&'static str),
    /// A manifest has no form in YAML.
    #[error("a manifest cannot be written")]
    Unwritable(#[source] serde_yaml_ng::Error),
}

/// Writes a manifest as YAML, after a comment that says where it is from.
pub fn write(manifest: &Value, command: &str) -> Result<String, ExportError> {
    let text = serde_yaml_ng::to_string(manifest).map_err(ExportError::Unwritable)?;
    Ok(format!("# Written by `{command}`. Export again after a change in providers.\n{text}"))
}
