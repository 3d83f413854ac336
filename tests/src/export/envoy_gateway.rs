//! Envoy Gateway's side: how it applies an `EnvoyPatchPolicy` to what it tells an Envoy.
//!
//! Read from `internal/xds/translator/jsonpatch.go` and `internal/utils/jsonpatch` of v1.9.

use serde_json::{Value, json};

use super::Resources;

/// What it tells the Envoy of a Gateway with one route.
pub(super) const INITIAL: &str = include_str!("envoy_gateway.yaml");

/// Applies all patches.
pub(super) fn apply(manifest: &Value, resources: &mut Resources) {
    assert_eq!(manifest["kind"], "EnvoyPatchPolicy");
    assert_eq!(manifest["spec"]["type"], "JSONPatch");
    for patch in manifest["spec"]["jsonPatches"].as_array().unwrap() {
        let operation = &patch["operation"];
        assert_eq!(operation["op"], "add", "nothing else is done here");
        let kind = patch["type"].as_str().and_then(|it| it.rsplit('.').next()).unwrap();
        let resource = match kind {
            "Cluster" => {
                assert_eq!((&operation["path"], operation.get("jsonPath")), (&json!(""), None));
                assert_eq!(patch["name"], operation["value"]["name"]);
                resources.clusters.push(operation["value"].clone());
                continue;
            }
            "Listener" => &mut resources.listener,
            "RouteConfiguration" => &mut resources.routes,
            other => panic!("nothing is done to {other}"),
        };
        assert_eq!(patch["name"], resource["name"], "a patch that finds nothing");
        add(resource, operation);
    }
}

/// Adds to every place that the operation names.
fn add(resource: &mut Value, operation: &Value) {
    let path = operation["path"].as_str().unwrap_or_default();
    let pointers = match operation["jsonPath"].as_str() {
        None => vec![path.to_owned()],
        Some(json_path) => {
            let mut found = Vec::new();
            find(resource, &Pattern::parse(json_path), "", &mut found);
            assert!(!found.is_empty(), "{json_path} finds nothing");
            let tail = if path.is_empty() { String::new() } else { format!("/{path}") };
            found.iter().map(|pointer| format!("{pointer}{tail}")).collect()
        }
    };
    for pointer in pointers {
        let patch = json!([{ "op": "add", "path": pointer, "value": operation["value"] }]);
        let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
        json_patch::patch(resource, &patch).unwrap();
    }
}

/// `..list[?(@.name=='name')].child`, the child being optional: what of JSON path is used.
struct Pattern<'a> {
    list: &'a str,
    name: &'a str,
    child: &'a str,
}

impl<'a> Pattern<'a> {
    fn parse(json_path: &'a str) -> Self {
        let parts = json_path.strip_prefix("..").and_then(|rest| {
            let (list, rest) = rest.split_once("[?(@.name=='")?;
            let (name, child) = rest.split_once("')]")?;
            Some(Self { list, name, child: child.trim_start_matches('.') })
        });
        parts.unwrap_or_else(|| panic!("a JSON path that is not read here: {json_path}"))
    }
}

fn find(value: &Value, pattern: &Pattern<'_>, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let pointer = format!("{pointer}/{name}");
                if name == pattern.list {
                    let items = value.as_array().into_iter().flatten().enumerate();
                    let named = items.filter(|(_, item)| item["name"] == pattern.name);
                    let tail = if pattern.child.is_empty() { "" } else { "/" };
                    found.extend(
                        named.map(|(place, _)| format!("{pointer}/{place}{tail}{}", pattern.child)),
                    );
                }
                find(value, pattern, &pointer, found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                find(item, pattern, &format!("{pointer}/{place}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
