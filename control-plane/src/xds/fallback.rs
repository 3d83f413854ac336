//! The route of requests that another provider may take over: Envoy asks for the cluster again
//! before each attempt.
//!
//! The filter names the cluster in the request's filter state, not in a header: what an attempt
//! says there about the next one never reaches a provider.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::core::v3::TypedExtensionConfig;
use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::retry_policy::RetryBackOff;
use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::config::route::v3::{
    ClusterSpecifierPlugin, HeaderMatcher, RetryPolicy,
};
use envoy_types::pb::envoy::extensions::matching::common_inputs::network::v3::FilterStateInput;
use envoy_types::pb::envoy::extensions::router::cluster_specifiers::matcher::v3::{
    ClusterAction, MatcherClusterSpecifier,
};
use envoy_types::pb::google::protobuf::{Any, Duration};
use envoy_types::pb::xds::core::v3::TypedExtensionConfig as Extension;
use envoy_types::pb::xds::r#type::matcher::v3::Matcher;
use envoy_types::pb::xds::r#type::matcher::v3::matcher::matcher_tree::{MatchMap, TreeType};
use envoy_types::pb::xds::r#type::matcher::v3::matcher::{
    MatcherTree, MatcherType, OnMatch, on_match,
};
use prost::{Message, Name};
use tollgate_core::exchange::{AGAIN_HEADER, CLUSTER_PROPERTY};

use super::{any, number};

/// Chooses, for each attempt, one of these clusters. `None`: there are none.
pub fn specifier<'a>(clusters: impl Iterator<Item = &'a str>) -> Option<ClusterSpecifier> {
    let names: BTreeSet<&str> = clusters.collect();
    if names.is_empty() {
        return None;
    }
    // Maps are written in no particular order, and the version of the routes is a digest of what
    // is written: so one message for each entry, one after the other, which is the way protobuf
    // writes a message in parts.
    let value = names.into_iter().flat_map(|name| matching(name).encode_to_vec()).collect();
    let plugin = Any { type_url: MatcherClusterSpecifier::type_url(), value };
    Some(ClusterSpecifier::InlineClusterSpecifierPlugin(ClusterSpecifierPlugin {
        extension: Some(TypedExtensionConfig {
            name: "envoy.router.cluster_specifier_plugin.matcher".to_owned(),
            typed_config: Some(plugin),
        }),
        is_optional: false,
    }))
}

/// Sends to one cluster, if it is named.
fn matching(cluster: &str) -> MatcherClusterSpecifier {
    let input =
        FilterStateInput { key: format!("wasm.{CLUSTER_PROPERTY}"), ..FilterStateInput::default() };
    let tree = MatcherTree {
        input: Some(extension("cluster", &input)),
        tree_type: Some(TreeType::ExactMatchMap(MatchMap {
            map: [(cluster.to_owned(), send_to(cluster))].into(),
        })),
    };
    let matcher =
        Matcher { matcher_type: Some(MatcherType::MatcherTree(tree)), ..Matcher::default() };
    MatcherClusterSpecifier { cluster_matcher: Some(matcher) }
}

/// How often to try again is the filter's to say, in headers that Envoy takes off.
pub fn retry_policy() -> RetryPolicy {
    let at_once = Duration { seconds: 0, nanos: 1_000_000 };
    RetryPolicy {
        num_retries: Some(number(1)),
        refresh_cluster_on_retry: true,
        retriable_headers: vec![present(AGAIN_HEADER)],
        // The next provider has done nothing to wait for.
        retry_back_off: Some(RetryBackOff {
            base_interval: Some(at_once),
            max_interval: Some(at_once),
        }),
        ..RetryPolicy::default()
    }
}

/// Matches any value of a header.
pub fn present(name: &str) -> HeaderMatcher {
    HeaderMatcher {
        name: name.to_owned(),
        header_match_specifier: Some(HeaderMatchSpecifier::PresentMatch(true)),
        ..HeaderMatcher::default()
    }
}

fn send_to(cluster: &str) -> OnMatch {
    let action = ClusterAction { cluster: cluster.to_owned() };
    let action = on_match::OnMatch::Action(extension("cluster", &action));
    OnMatch { on_match: Some(action), ..OnMatch::default() }
}

fn extension<M: Message + Name>(name: &str, config: &M) -> Extension {
    Extension { name: name.to_owned(), typed_config: Some(any(config)) }
}
