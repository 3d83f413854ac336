use std::path::Path;

use super::*;
use crate::config::Source;

fn tree(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap()
}

/// Writes what became of a file: ours, then a line for each note and each secret's variable.
fn shown(translation: &Translation) -> String {
    let ours = serde_yaml_ng::to_string(&translation.tree).unwrap();
    let notes: Vec<String> = translation.notes.iter().map(ToString::to_string).collect();
    let variables: Vec<&str> = translation.variables.keys().map(String::as_str).collect();
    let (notes, variables) = (notes.join("\n"), variables.join("\n"));
    format!("{ours}--- notes\n{notes}\n--- secrets that stood in the file\n{variables}")
}

/// Reads what was printed as a file of ours, with every variable that it names.
#[track_caller]
fn is_accepted(tree: &Value) {
    let text = serde_yaml_ng::to_string(tree).unwrap();
    let names = text.split("env:").skip(1).filter_map(|rest| rest.split_whitespace().next());
    let set = |name: &str| {
        let value = if name.contains("DATABASE") { "postgres://u:p@h/d" } else { "sk-0" };
        (name.to_owned(), value.to_owned())
    };
    let env = names.map(set).collect();
    let source = Source { file: "/c.yaml".into(), data_dir: "/d".into(), env };
    let read = source.read(&text, &PriceList::built_in().unwrap());
    if let Err(error) = read {
        panic!("{error}\n{text}");
    }
}

fn cases(system: System, pattern: &str) {
    let prices = PriceList::built_in().unwrap();
    let env = BTreeMap::from([("AZURE_EU".to_owned(), "https://eu.openai.azure.com".to_owned())]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/foreign");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder.join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::glob!(&folder, pattern, |file| {
            let text = std::fs::read_to_string(file).unwrap();
            let around = Surroundings { env: &env, serving: false, prices: &prices };
            let translation = system.translate(&tree(&text), around).unwrap();
            is_accepted(&translation.tree);
            insta::assert_snapshot!(system.name(), shown(&translation));
        });
    });
}

#[test]
fn litellm_becomes_ours() {
    cases(System::LiteLlm, "litellm/*.yaml");
}

#[test]
fn llms_py_becomes_ours() {
    cases(System::LlmsPy, "llms-py/*.json");
}

#[test]
fn pllm_becomes_ours() {
    cases(System::Pllm, "pllm/*.yaml");
}

#[test]
fn omniroute_becomes_ours() {
    cases(System::OmniRoute, "omniroute/*.json");
}

#[test]
fn only_files_without_sections_of_ours_are_others() {
    for (text, found) in [
        ("model_list: []", Some(System::LiteLlm)),
        ("general_settings: {}\nx: 1", Some(System::LiteLlm)),
        ("router_settings: {}\nfilter: {}", None),
        ("models: []", None),
        ("x: 1", None),
        ("[]", None),
        ("", None),
    ] {
        assert_eq!(System::recognise(&tree(text)), found, "{text}");
    }
}

#[test]
fn odd_values_are_noted_and_never_an_error() {
    let prices = PriceList::default();
    let env = BTreeMap::new();
    let around = Surroundings { env: &env, serving: true, prices: &prices };
    for text in [
        "model_list:",
        "model_list: [1, null, {}, {model_name: a}, {model_name: a, litellm_params: [1]}]",
        "model_list: [{model_name: a, litellm_params: {model: b, rpm: many, weight: -1, order: .5}}]",
        "model_list: [{model_name: '*', litellm_params: {model: '*'}}]",
        "model_list: [{model_name: a, litellm_params: {model: openai/b, api_base: ':'}}]",
        "general_settings: 3\nlitellm_settings: [1]\nrouter_settings: {fallbacks: 3}",
        "router_settings: {fallbacks: [{a: 1}, {b: {}}, 7], model_group_alias: {a: [b]}}",
        "router_settings: {timeout: .nan, cooldown_time: 1e300, allowed_fails: 99999999999999999}",
        "litellm_settings: {cache: maybe, cache_params: {ttl: -1}, request_timeout: -.inf}",
        "environment_variables: [a]\ncredential_list: {a: b}",
    ] {
        let translation = System::LiteLlm.translate(&tree(text), around);
        is_accepted(&translation.unwrap_or_else(|why| panic!("{text}: {why}")).tree);
    }
    for text in ["model_list: {a: b}", "[]"] {
        assert!(System::LiteLlm.translate(&tree(text), around).is_err(), "{text}");
    }
    for (system, text) in [
        (System::LlmsPy, "{providers: {a: 1, b: {models: [1]}, c: {api_key: [], base_url: x}}}"),
        (System::LlmsPy, "{version: 3, providers: {groq: {models: {a: 1}, map_models: 3}}}"),
        (System::Pllm, "model_list: [1, {}, {model_name: a, params: 3}]\nroutes: [1, {slug: 2}]"),
        (System::Pllm, "model_list: []\nrouter: {fallbacks: [1], circuit_breaker_cooldown: 5x}"),
        (System::OmniRoute, "{providerConnections: [1, {provider: 5}], combos: [7, {name: 1}]}"),
        (System::OmniRoute, "{providerConnections: [], settings: {ipFilter: {enabled: true}}}"),
    ] {
        let translation = system.translate(&tree(text), around);
        is_accepted(&translation.unwrap_or_else(|why| panic!("{text}: {why}")).tree);
    }
    for system in [System::LlmsPy, System::Pllm, System::OmniRoute] {
        assert!(system.translate(&tree("a: 1"), around).is_err());
    }
}
