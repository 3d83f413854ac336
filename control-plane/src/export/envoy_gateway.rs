//! An `EnvoyPatchPolicy` for Envoy Gateway.
//!
//! A patch names what it changes by a JSON path, where the place depends on how the listener was
//! made, and adds before what that finds when nothing else is said.
//! <https://gateway.envoyproxy.io/docs/tasks/extensibility/envoy-patch-policy/>

use serde_json::{Value, json};

use super::parts::{BODY_LIMIT, MANAGER_FILTER, Parts, ROUTER_FILTER, at};
use super::{ExportError, Role, Source};
use crate::xds::ResourceKind;

/// Which Gateway becomes Tollgate's.
#[derive(Debug, Clone)]
pub struct EnvoyGateway {
    /// Namespace of the Gateway and of the resource.
    pub namespace: String,
    /// Name of the Gateway.
    pub gateway: String,
    /// What Envoy calls the listener.
    pub listener: String,
    /// What Envoy calls its routes.
    pub routes: String,
}

impl EnvoyGateway {
    /// Renders it.
    pub fn render(&self, source: &Source<'_>) -> Result<Value, ExportError> {
        let parts = Parts::new(source)?;
        // Clusters first: whatever refers to them finds them.
        let mut patches: Vec<Value> = parts.own_clusters.iter().map(cluster).collect();
        patches.extend(self.manager(&parts)?);
        patches.push(self.filter(&parts.filter));
        if source.role == Role::Gateway {
            patches.extend(parts.providers.iter().map(cluster));
            let operation = json!({ "op": "add", "path": "/virtual_hosts", "value": [parts.host] });
            patches.push(patch(ResourceKind::Route, &self.routes, &operation));
        } else {
            patches.push(self.room_for_bodies(&parts)?);
        }
        Ok(json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyPatchPolicy",
            "metadata": { "name": "tollgate", "namespace": self.namespace },
            "spec": {
                "type": "JSONPatch",
                "targetRef": {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    "name": self.gateway,
                },
                "jsonPatches": patches,
            },
        }))
    }

    /// What Tollgate depends on, in a listener that Envoy Gateway made.
    fn manager(&self, parts: &Parts) -> Result<Vec<Value>, ExportError> {
        let manager = format!("..filters[?(@.name=='{MANAGER_FILTER}')].typed_config");
        let mut settings = parts.manager_settings()?;
        // Left out where it is as protobuf has it, and Envoy Gateway has it otherwise.
        settings.insert("merge_slashes".to_owned(), json!(false));
        let settings = settings.iter().map(|(name, value)| {
            let operation =
                json!({ "op": "add", "jsonPath": manager, "path": name, "value": value });
            patch(ResourceKind::Listener, &self.listener, &operation)
        });
        Ok(settings.collect())
    }

    /// More than a listener's buffers hold, where routes are not ours: requests that match none
    /// would not be covered by what a route says.
    fn room_for_bodies(&self, parts: &Parts) -> Result<Value, ExportError> {
        let operation = json!({
            "op": "add",
            "path": "/per_connection_buffer_limit_bytes",
            "value": at(&parts.host, BODY_LIMIT)?,
        });
        Ok(patch(ResourceKind::Listener, &self.listener, &operation))
    }

    /// Adds the filter where the router is, which goes one place on.
    fn filter(&self, filter: &Value) -> Value {
        let router = format!("..http_filters[?(@.name=='{ROUTER_FILTER}')]");
        let operation = json!({ "op": "add", "jsonPath": router, "value": filter });
        patch(ResourceKind::Listener, &self.listener, &operation)
    }
}

fn cluster(cluster: &Value) -> Value {
    let name = cluster.get("name").and_then(Value::as_str).unwrap_or_default();
    let operation = json!({ "op": "add", "path": "", "value": cluster });
    patch(ResourceKind::Cluster, name, &operation)
}

fn patch(kind: ResourceKind, name: &str, operation: &Value) -> Value {
    json!({ "type": kind.type_url(), "name": name, "operation": operation })
}
