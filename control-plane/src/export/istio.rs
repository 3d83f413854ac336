//! An `EnvoyFilter` for Istio.
//!
//! The order of patches matters: of several that put a route first, the last one is first.
//! <https://istio.io/latest/docs/reference/config/networking/envoy-filter/>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::parts::{BODY_LIMIT, MANAGER, MANAGER_FILTER, Parts, ROUTER_FILTER, at};
use super::{ExportError, Role, Source};

/// Which proxies of the mesh become gateways.
#[derive(Debug, Clone)]
pub struct Istio {
    /// Namespace of the resource.
    pub namespace: String,
    /// Which workload.
    pub workload: Workload,
    /// Port of the listener in the proxy.
    pub port: u16,
    /// Name of the listener's routes.
    pub routes: String,
}

/// How a workload is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workload {
    /// By labels of its pods.
    Labels(BTreeMap<String, String>),
    /// By the Gateway (of the Kubernetes Gateway API) that it was made for.
    Gateway(String),
}

impl Istio {
    /// Renders it.
    pub fn render(&self, source: &Source<'_>) -> Result<Value, ExportError> {
        let parts = Parts::new(source)?;
        let mut patches = vec![self.manager(&parts)?];
        patches.extend(self.filters(&parts)?);
        patches.push(self.room_for_bodies(&parts, source.role)?);
        let mut clusters = parts.own_clusters.clone();
        if source.role == Role::Gateway {
            patches.extend(self.routes(&parts)?);
            clusters.extend(parts.providers);
        }
        patches.extend(clusters.iter().map(add_cluster));
        let (selector, chosen) = match &self.workload {
            Workload::Labels(labels) => ("workloadSelector", json!({ "labels": labels })),
            Workload::Gateway(name) => {
                let group = "gateway.networking.k8s.io";
                ("targetRefs", json!([{ "group": group, "kind": "Gateway", "name": name }]))
            }
        };
        Ok(json!({
            "apiVersion": "networking.istio.io/v1alpha3",
            "kind": "EnvoyFilter",
            "metadata": { "name": "tollgate", "namespace": self.namespace },
            "spec": { selector: chosen, "configPatches": patches },
        }))
    }

    /// What Tollgate depends on, in a listener that Istio made.
    fn manager(&self, parts: &Parts) -> Result<Value, ExportError> {
        let mut settings = parts.manager_settings()?;
        settings.insert("@type".to_owned(), at(&parts.listener, MANAGER)?["@type"].clone());
        let value = json!({ "name": MANAGER_FILTER, "typed_config": settings });
        Ok(patch("NETWORK_FILTER", &self.listener(None), "MERGE", &value))
    }

    fn filters(&self, parts: &Parts) -> Result<[Value; 2], ExportError> {
        let router = at(&parts.listener, MANAGER)?;
        let router = at(router, "/http_filters/1")?;
        let before_router = self.listener(Some(ROUTER_FILTER));
        Ok([
            patch("HTTP_FILTER", &before_router, "MERGE", router),
            patch("HTTP_FILTER", &before_router, "INSERT_BEFORE", &parts.filter),
        ])
    }

    /// More than a listener's buffers hold: by the routes where they are ours, since requests that
    /// match none are not covered by them.
    fn room_for_bodies(&self, parts: &Parts, role: Role) -> Result<Value, ExportError> {
        let limit = at(&parts.host, BODY_LIMIT)?;
        Ok(match role {
            Role::Gateway => {
                let limit = json!({ "request_body_buffer_limit": limit });
                patch("VIRTUAL_HOST", &self.route_configuration(), "MERGE", &limit)
            }
            Role::Standalone => {
                let limit = json!({ "per_connection_buffer_limit_bytes": limit });
                let listener = ("listener", json!({ "portNumber": self.port }));
                patch("LISTENER", &listener, "MERGE", &limit)
            }
        })
    }

    /// Routes in front of those of every host.
    fn routes(&self, parts: &Parts) -> Result<Vec<Value>, ExportError> {
        let ours = self.route_configuration();
        let routes = at(&parts.host, "/routes")?.as_array().into_iter().flatten();
        let first = routes.rev().map(|route| patch("HTTP_ROUTE", &ours, "INSERT_FIRST", route));
        Ok(first.collect())
    }

    fn listener(&self, http_filter: Option<&str>) -> Matching {
        let filter = match http_filter {
            Some(name) => json!({ "name": MANAGER_FILTER, "subFilter": { "name": name } }),
            None => json!({ "name": MANAGER_FILTER }),
        };
        let chain = json!({ "filter": filter });
        ("listener", json!({ "portNumber": self.port, "filterChain": chain }))
    }

    fn route_configuration(&self) -> Matching {
        ("routeConfiguration", json!({ "name": self.routes }))
    }
}

/// What a patch is for, and which of it.
type Matching = (&'static str, Value);

fn patch(apply_to: &str, (kind, which): &Matching, operation: &str, value: &Value) -> Value {
    patch_where(apply_to, &json!({ "context": CONTEXT, *kind: which }), operation, value)
}

fn add_cluster(cluster: &Value) -> Value {
    patch_where("CLUSTER", &json!({ "context": CONTEXT }), "ADD", cluster)
}

fn patch_where(apply_to: &str, matching: &Value, operation: &str, value: &Value) -> Value {
    let patch = json!({ "operation": operation, "value": value });
    json!({ "applyTo": apply_to, "match": matching, "patch": patch })
}

const CONTEXT: &str = "GATEWAY";
