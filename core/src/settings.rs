//! The plugin configuration: which part of the job an instance does, and its limits.

use serde::Deserialize;

use crate::path::BasePath;

/// Which job a plugin has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// In the listener: decides.
    Gateway,
    /// In a provider's cluster, once an attempt: writes the provider's request, reads its answer.
    Upstream,
    /// In the listener of an Envoy that can take one filter alone: both jobs.
    Standalone,
}

/// How errors of ours look on OpenAI-form paths. Other dialects have forms of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum ErrorProfile {
    /// As OpenAI's API.
    #[default]
    #[serde(rename = "openai")]
    OpenAi,
    /// As `LiteLLM`'s proxy since 1.105.
    #[serde(rename = "litellm")]
    LiteLlm,
    /// As `LiteLLM`'s proxy up to 1.83.
    #[serde(rename = "litellm-1.83")]
    LiteLlm183,
}

/// What stands in the plugin's configuration, as JSON. Unknown fields are errors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The plugin's job.
    pub role: Role,
    /// Envoy cluster of the control plane's gRPC services. Needed unless the role is `upstream`.
    #[serde(default)]
    pub control_cluster: String,
    /// Envoy cluster of the management API. Absent: it is not served here.
    #[serde(default)]
    pub management_cluster: Option<String>,
    /// Longest request body, in bytes.
    #[serde(default = "default_max_body_bytes")]
    pub max_body_bytes: u64,
    /// More prefixes under which the OpenAI API is served.
    #[serde(default)]
    pub base_paths: Vec<BasePath>,
    /// How errors of ours look.
    #[serde(default)]
    pub error_profile: ErrorProfile,
    /// Name the provider's cluster in `x-tollgate-cluster`. Off where the route is fixed.
    #[serde(default = "default_route_header")]
    pub route_header: bool,
    /// A request's `x-request-id` is its client's: this Envoy makes none itself.
    #[serde(default)]
    pub client_request_id: bool,
}

impl Settings {
    /// Parses a plugin configuration.
    ///
    /// # Errors
    /// With a message for the operator.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let settings: Self = serde_json::from_slice(json)
            .map_err(|error| format!("plugin configuration: {error}"))?;
        if settings.role != Role::Upstream && settings.control_cluster.is_empty() {
            return Err("plugin configuration: `control_cluster` is missing: name the Envoy \
                        cluster of the control plane"
                .to_owned());
        }
        // Longer names make the encoded GrpcService text that is not UTF-8, which the SDK refuses.
        if settings.control_cluster.len() > 120 {
            return Err("plugin configuration: `control_cluster` is longer than 120 bytes".into());
        }
        Ok(settings)
    }
}

fn default_max_body_bytes() -> u64 {
    32 * 1024 * 1024
}

fn default_route_header() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_documented_forms() {
        let gateway = br#"{"role":"gateway","control_cluster":"tollgate_control",
            "management_cluster":"tollgate_admin","max_body_bytes":100,
            "base_paths":["/x",{"path":"/y","default_model":"m"}],
            "error_profile":"litellm"}"#;

        let settings = Settings::parse(gateway).unwrap();

        assert_eq!(settings.role, Role::Gateway);
        assert_eq!(settings.max_body_bytes, 100);
        assert_eq!(settings.error_profile, ErrorProfile::LiteLlm);
        let bases = settings.base_paths.iter().map(|base| (&*base.path, &*base.default_model));
        assert_eq!(bases.collect::<Vec<_>>(), [("/x", ""), ("/y", "m")]);
        assert_eq!(Settings::parse(br#"{"role":"upstream"}"#).unwrap().role, Role::Upstream);
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |json: &str| Settings::parse(json.as_bytes()).unwrap_err();

        assert!(error(r#"{"role":"upstream","rol":1}"#).contains("unknown field `rol`"));
        assert!(error(r#"{"role":"gateway"}"#).contains("control_cluster"));
        assert!(error(r#"{"role":"cook"}"#).contains("cook"));
        assert!(error(r#"{"role":"gateway","error_profile":"x"}"#).contains("litellm-1.83"));
        assert!(error("").contains("plugin configuration"));
    }
}
