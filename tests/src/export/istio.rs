//! Istio's side: how pilot applies an `EnvoyFilter` to what it tells a gateway.
//!
//! Read from `pilot/pkg/networking/core/envoyfilter` of Istio 1.32.

use serde_json::Value;

use super::{Resources, manager};

/// What it tells a gateway whose only virtual service leads elsewhere.
pub(super) const INITIAL: &str = include_str!("istio.yaml");

/// Applies all patches.
pub(super) fn apply(manifest: &Value, resources: &mut Resources) {
    assert_eq!(manifest["kind"], "EnvoyFilter");
    assert_eq!(manifest["spec"]["workloadSelector"]["labels"]["istio"], "ingressgateway");
    for patch in manifest["spec"]["configPatches"].as_array().unwrap() {
        assert_eq!(patch["match"]["context"], "GATEWAY");
        let value = &patch["patch"]["value"];
        let operation = patch["patch"]["operation"].as_str().unwrap();
        match (patch["applyTo"].as_str().unwrap(), operation) {
            ("CLUSTER", "ADD") => resources.clusters.push(value.clone()),
            ("LISTENER", "MERGE") => {
                check_port(patch, &resources.listener);
                merge(&mut resources.listener, value);
            }
            ("NETWORK_FILTER", "MERGE") => {
                check_listener(patch, &resources.listener);
                for (name, value) in value["typed_config"].as_object().unwrap() {
                    let settings = manager(&mut resources.listener);
                    merge(settings.entry(name).or_insert(Value::Null), value);
                }
            }
            ("HTTP_FILTER", operation) => {
                check_listener(patch, &resources.listener);
                let filters = manager(&mut resources.listener)["http_filters"].as_array_mut();
                patch_filters(patch, operation, filters.unwrap());
            }
            ("VIRTUAL_HOST", "MERGE") => {
                hosts(patch, resources).for_each(|host| merge(host, value));
            }
            ("HTTP_ROUTE", "INSERT_FIRST") => hosts(patch, resources).for_each(|host| {
                host["routes"].as_array_mut().unwrap().insert(0, value.clone());
            }),
            (place, operation) => panic!("{operation} of {place} is not done here"),
        }
    }
}

fn patch_filters(patch: &Value, operation: &str, filters: &mut Vec<Value>) {
    let name = &patch["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"];
    let place = filters.iter().position(|it| it["name"] == *name).expect("the filter named");
    let value = &patch["patch"]["value"];
    match operation {
        "INSERT_BEFORE" => filters.insert(place, value.clone()),
        "MERGE" => merge(&mut filters[place], value),
        other => panic!("{other} of a filter is not done here"),
    }
}

/// A patch that matches nothing would be without effect, and Istio would not say so.
fn check_port(patch: &Value, listener: &Value) {
    let port = &listener["address"]["socket_address"]["port_value"];
    assert_eq!(patch["match"]["listener"]["portNumber"], *port);
}

fn check_listener(patch: &Value, listener: &Value) {
    check_port(patch, listener);
    let name = &patch["match"]["listener"]["filterChain"]["filter"]["name"];
    assert_eq!(*name, listener["filter_chains"][0]["filters"][0]["name"]);
}

fn hosts<'a>(patch: &Value, resources: &'a mut Resources) -> impl Iterator<Item = &'a mut Value> {
    assert_eq!(patch["match"]["routeConfiguration"]["name"], resources.routes["name"]);
    resources.routes["virtual_hosts"].as_array_mut().unwrap().iter_mut()
}

/// As protobuf merges messages: lists grow, the rest is replaced.
fn merge(into: &mut Value, value: &Value) {
    match (into, value) {
        (Value::Object(into), Value::Object(fields)) => {
            for (name, value) in fields {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(items)) => into.extend(items.iter().cloned()),
        (into, value) => *into = value.clone(),
    }
}
