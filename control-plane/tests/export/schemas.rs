//! Manifests against the schemas that Istio and Envoy Gateway install, `envoy/crds`.

use serde_json::{Value, json};
use tollgate_control_plane::export::Role;

use crate::manifests::{envoy_gateway, istio, istio_at_a_gateway};

#[test]
fn istio_accepts_its_manifest() {
    let schema = schema("envoyfilters.yaml");

    for manifest in [istio(Role::Gateway), istio(Role::Standalone), istio_at_a_gateway()] {
        check(&schema, &manifest);
    }
}

#[test]
fn envoy_gateway_accepts_its_manifest() {
    let schema = schema("envoypatchpolicies.yaml");

    for role in [Role::Gateway, Role::Standalone] {
        check(&schema, &envoy_gateway(role));
    }
}

#[test]
fn a_manifest_with_a_mistake_is_refused() {
    let istio_schema = schema("envoyfilters.yaml");
    let mut wrong_operation = istio(Role::Gateway);
    wrong_operation["spec"]["configPatches"][0]["patch"]["operation"] = json!("SOMEHOW");
    let mut unknown_field = istio(Role::Gateway);
    unknown_field["spec"]["configPatches"][0]["match"]["listener"]["port"] = json!(8080);
    let gateway_schema = schema("envoypatchpolicies.yaml");
    let mut no_operation = envoy_gateway(Role::Gateway);
    no_operation["spec"]["jsonPatches"][0].as_object_mut().unwrap().remove("operation");

    assert!(!istio_schema.is_valid(&wrong_operation));
    assert!(!istio_schema.is_valid(&unknown_field));
    assert!(!gateway_schema.is_valid(&no_operation));
}

#[track_caller]
fn check(schema: &jsonschema::Validator, manifest: &Value) {
    let problems: Vec<String> = schema
        .iter_errors(manifest)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Reads the schema of a custom resource.
fn schema(file: &str) -> jsonschema::Validator {
    let path = format!("{}/../envoy/crds/{file}", env!("CARGO_MANIFEST_DIR"));
    let definition: Value =
        serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let version = &definition["spec"]["versions"][0];
    let mut schema = version["schema"]["openAPIV3Schema"].clone();
    strict(&mut schema);
    let names = &definition["spec"]["names"];
    let group = definition["spec"]["group"].as_str().unwrap();
    // What every resource has; the definition leaves it to Kubernetes.
    schema["properties"]["apiVersion"] =
        json!({ "const": format!("{group}/{}", version["name"].as_str().unwrap()) });
    schema["properties"]["kind"] = json!({ "const": names["kind"] });
    schema["properties"]["metadata"] = json!({ "required": ["name", "namespace"] });
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    jsonschema::draft4::new(&schema).unwrap()
}

/// Kubernetes drops what a structural schema does not name: here it is a mistake.
fn strict(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    let open = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    if schema.contains_key("properties") && !open {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(strict);
    }
    if let Some(items) = schema.get_mut("items") {
        strict(items);
    }
}
