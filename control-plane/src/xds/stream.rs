//! The conversation with one Envoy: state-of-the-world ADS, without its transport.
//!
//! Feed requests and changes in, send what comes out. Envoy answers every response with its
//! nonce: an ACK, or a NACK that says why. After a NACK it goes on with what it had, and hears
//! nothing until the content changes.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol>

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::core::v3::ControlPlane;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};

use super::{Resource, ResourceKind, ResourceSet, Resources};

/// What was said so far to one Envoy.
#[derive(Debug, Default)]
pub struct Conversation {
    node: String,
    clusters: Topic,
    secrets: Topic,
    listeners: Topic,
    routes: Topic,
    responses: u64,
}

impl Conversation {
    /// Returns Envoy's node id; empty until it said it.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Returns the version of the clusters that Envoy answered last, whatever it answered.
    pub fn clusters_settled(&self) -> Option<&str> {
        self.clusters.settled.as_deref()
    }

    /// Returns the same of the routes. `None`: none were sent, or none answered yet.
    pub fn routes_settled(&self) -> Option<&str> {
        self.routes.settled.as_deref()
    }

    /// Takes a request and returns what to say to it.
    pub fn request(
        &mut self,
        request: DiscoveryRequest,
        resources: &Resources,
    ) -> Option<DiscoveryResponse> {
        if let Some(node) = request.node {
            self.node = node.id;
        }
        let Some(kind) = ResourceKind::from_type_url(&request.type_url) else {
            tracing::debug!(node = self.node, type_url = request.type_url, "not served over ADS");
            return None;
        };
        let names = request.resource_names.into_iter().collect();
        let node = &self.node;
        let topic = match kind {
            ResourceKind::Cluster => &mut self.clusters,
            ResourceKind::Secret => &mut self.secrets,
            ResourceKind::Listener => &mut self.listeners,
            ResourceKind::Route => &mut self.routes,
        };
        if request.response_nonce.is_empty() {
            // The first request for the type; what Envoy has from an earlier stream is of no use,
            // since versions say nothing about it.
            topic.wanted = Some(names);
            return self.respond(kind, resources);
        }
        if topic.nonce.as_ref() != Some(&request.response_nonce) {
            return None;
        }
        topic.settled.clone_from(&topic.sent);
        if let Some(error) = request.error_detail {
            tracing::error!(
                node,
                resource.kind = ?kind,
                resource.version = topic.sent,
                error = error.message,
                "Envoy refused the configuration and goes on with what it had"
            );
        } else {
            tracing::debug!(node, resource.kind = ?kind, resource.version = topic.sent, "accepted");
        }
        if topic.wanted.as_ref() == Some(&names) {
            return None;
        }
        topic.wanted = Some(names);
        self.respond(kind, resources)
    }

    /// Returns what Envoy must be told after a change, in the order of delivery.
    pub fn change(&mut self, resources: &Resources) -> Vec<DiscoveryResponse> {
        let changed = ResourceKind::ALL.into_iter().filter(|kind| {
            let topic = self.topic(*kind);
            topic.wanted.is_some() && topic.sent.as_ref() != Some(&resources.of(*kind).version)
        });
        let changed: Vec<_> = changed.collect();
        changed.into_iter().filter_map(|kind| self.respond(kind, resources)).collect()
    }

    fn respond(&mut self, kind: ResourceKind, resources: &Resources) -> Option<DiscoveryResponse> {
        let set = resources.of(kind);
        let items = self.topic(kind).select(kind, set)?;
        self.responses += 1;
        let nonce = self.responses.to_string();
        let topic = self.topic(kind);
        topic.nonce = Some(nonce.clone());
        topic.sent = Some(set.version.clone());
        Some(DiscoveryResponse {
            version_info: set.version.clone(),
            resources: items.into_iter().map(|item| item.body.clone()).collect(),
            type_url: kind.type_url().to_owned(),
            nonce,
            control_plane: Some(ControlPlane { identifier: "tollgate".to_owned() }),
            ..DiscoveryResponse::default()
        })
    }

    fn topic(&mut self, kind: ResourceKind) -> &mut Topic {
        match kind {
            ResourceKind::Cluster => &mut self.clusters,
            ResourceKind::Secret => &mut self.secrets,
            ResourceKind::Listener => &mut self.listeners,
            ResourceKind::Route => &mut self.routes,
        }
    }
}

/// What was said about one type.
#[derive(Debug, Default)]
struct Topic {
    /// Names that Envoy asks for. `None`: it never asked for the type.
    wanted: Option<BTreeSet<String>>,
    /// Version and nonce of the last response.
    sent: Option<String>,
    nonce: Option<String>,
    /// The last version that Envoy answered, with yes or no.
    settled: Option<String>,
}

impl Topic {
    /// Returns what was asked for. `None`: nothing was.
    fn select<'a>(&self, kind: ResourceKind, set: &'a ResourceSet) -> Option<Vec<&'a Resource>> {
        let wanted = self.wanted.as_ref()?;
        let everything = match kind {
            ResourceKind::Cluster | ResourceKind::Listener => {
                wanted.is_empty() || wanted.contains("*")
            }
            ResourceKind::Secret | ResourceKind::Route => false,
        };
        if !everything && wanted.is_empty() {
            return None;
        }
        Some(set.items.iter().filter(|item| everything || wanted.contains(&item.name)).collect())
    }
}

#[cfg(test)]
mod tests;
