//! What `tollgate export` prints, put into an Envoy as whoever reads it would put it there.
//!
//! Istio and Envoy Gateway turn a manifest into changes of what they tell Envoy. [`istio`] and
//! [`envoy_gateway`] do the same, for the operations that are used, to what these two tell the
//! Envoy of a gateway without any manifest: the files in the folder beside this one.

mod envoy_gateway;
mod istio;

use std::process::Command;

use serde_json::{Value, json};

use crate::bootstrap::Filling;
use crate::control_plane::Setup;
use crate::tools::Tools;

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manifest {
    /// For whom: `static`, `istio` or `envoy-gateway`.
    pub kind: &'static str,
    /// What the filter does: `gateway` or `standalone`.
    pub role: &'static str,
}

/// What a mesh tells an Envoy.
struct Resources {
    listener: Value,
    routes: Value,
    clusters: Vec<Value>,
}

/// Returns what the Envoy of a manifest is started with.
pub(crate) fn bootstrap(
    manifest: Manifest,
    tools: &Tools,
    setup: &Setup,
    filling: &Filling<'_>,
) -> String {
    let manifest_text = print(manifest, tools, setup, filling);
    let printed: Value = serde_yaml_ng::from_str(&manifest_text).unwrap();
    let alone = manifest.role == "standalone";
    let bootstrap = match manifest.kind {
        "static" => return manifest_text,
        "istio" => {
            started_with(patched(istio::INITIAL, alone, filling, |it| istio::apply(&printed, it)))
        }
        "envoy-gateway" => started_with(patched(envoy_gateway::INITIAL, alone, filling, |it| {
            envoy_gateway::apply(&printed, it);
        })),
        other => panic!("nobody reads {other}"),
    };
    bootstrap.to_string()
}

/// Runs the command.
fn print(manifest: Manifest, tools: &Tools, setup: &Setup, filling: &Filling<'_>) -> String {
    let mut command = Command::new(&tools.tollgate);
    command.args(["export", manifest.kind, "--role", manifest.role, "--config"]);
    command.arg(&setup.config).arg("--data").arg(&setup.data);
    command.args(["--control-plane", &filling.control_plane.control]);
    command.args(["--management", &filling.control_plane.admin.to_string()]);
    if manifest.kind == "static" {
        command.args(["--envoy-admin-port", "0"]);
    }
    let output = command.envs(setup.environment.clone()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tollgate export: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    for (name, secret) in &setup.environment {
        assert!(!text.contains(secret), "the value of {name} is in the manifest");
    }
    text
}

/// Changes what a mesh tells its gateways.
fn patched(
    initial: &str,
    alone: bool,
    filling: &Filling<'_>,
    apply: impl FnOnce(&mut Resources),
) -> Resources {
    let mut initial: Value = serde_yaml_ng::from_str(initial).unwrap();
    let mut resources = Resources {
        listener: initial["listener"].take(),
        routes: initial["routes"].take(),
        clusters: Vec::new(),
    };
    if alone {
        route_by_own_means(&mut resources, filling);
    }
    apply(&mut resources);
    resources
}

/// What whoever runs the mesh writes for one filter alone: providers as services of the mesh, and
/// routes to them by the header that the filter sets.
fn route_by_own_means(resources: &mut Resources, filling: &Filling<'_>) {
    let routes = resources.routes["virtual_hosts"][0]["routes"].as_array_mut().unwrap();
    for (id, address) in &filling.providers {
        let name = format!("outbound|{}||{id}.example.com", address.port());
        let header = json!({
            "name": "x-tollgate-cluster", "string_match": { "exact": format!("tollgate/{id}") },
        });
        let route = json!({
            "match": { "prefix": "/", "headers": [header] },
            "route": { "cluster": name, "timeout": "0s" },
            "request_headers_to_remove": ["x-tollgate-cluster"],
        });
        routes.insert(0, route);
        let address = json!({ "socket_address": {
            "address": address.ip().to_string(), "port_value": address.port(),
        } });
        resources.clusters.push(json!({
            "name": name,
            "connect_timeout": "10s",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
            },
        }));
    }
}

/// Says in a bootstrap what the mesh would say over xDS.
fn started_with(resources: Resources) -> Value {
    let Resources { mut listener, routes, clusters } = resources;
    // The only thing that a test cannot leave as it is: others may have the port.
    listener["name"] = json!("tollgate_gateway");
    listener["address"]["socket_address"] = json!({ "address": "127.0.0.1", "port_value": 0 });
    let manager = manager(&mut listener);
    manager.remove("rds");
    manager.insert("route_config".to_owned(), routes);
    json!({
        "node": { "id": "e2e", "cluster": "mesh" },
        "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } } },
        "static_resources": { "listeners": [listener], "clusters": clusters },
    })
}

/// Finds the HTTP connection manager of a listener with one.
fn manager(listener: &mut Value) -> &mut serde_json::Map<String, Value> {
    let default = listener.get("default_filter_chain").is_some();
    let chain = if default { "/default_filter_chain" } else { "/filter_chains/0" };
    let config = listener.pointer_mut(&format!("{chain}/filters/0/typed_config"));
    config.and_then(Value::as_object_mut).expect("an HTTP connection manager")
}
