//! The JSON Schema of the configuration file: its shape from the types that are read, what each
//! field means from `docs/configuration.md`.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::config::raw::RawConfig;

/// Returns the schema.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<RawConfig>().to_value();
    let meanings = meanings();
    describe(&mut schema, "", &meanings);
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("title".into(), "Configuration of Tollgate".into());
    }
    schema
}

/// What is known of a field.
struct Meaning<'a> {
    default: &'a str,
    text: &'a str,
}

/// Reads the tables: path, default, meaning.
fn meanings() -> BTreeMap<&'static str, Meaning<'static>> {
    let rows = PAGE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.splitn(3, '|');
        let path = cells.next()?.trim().strip_suffix('`')?;
        let default = cells.next()?.trim();
        let text = cells.next()?.trim_end_matches('|').trim();
        Some((path, Meaning { default, text }))
    });
    rows.collect()
}

/// Adds to every field what it means.
fn describe(schema: &mut Value, path: &str, meanings: &BTreeMap<&str, Meaning<'_>>) {
    let Some(fields) = schema.as_object_mut() else { return };
    // Nothing that is said in the code is meant for those who write a file.
    fields.remove("description");
    fields.remove("default");
    if let Some(meaning) = meaning(path, meanings) {
        let default = Some(meaning.default).filter(|it| !it.is_empty() && *it != "required");
        let default = default.map(|default| format!(" Default: {default}."));
        let text = format!("{}{}", meaning.text, default.unwrap_or_default());
        if !text.is_empty() {
            fields.insert("description".into(), json!(text));
        }
    }
    for (name, field) in
        fields.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
    {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        describe(field, &below, meanings);
    }
    if let Some(items) = fields.get_mut("items") {
        describe(items, &format!("{path}[]"), meanings);
    }
    for name in ["anyOf", "oneOf"] {
        for choice in fields.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
            let text = choice.get("description").is_some();
            describe(choice, path, meanings);
            if let Some(choice) = choice.as_object_mut().filter(|_| text || !path.is_empty()) {
                choice.remove("description");
            }
        }
    }
}

/// Finds a field. Limits are described once for all that have them, and combos are tried as
/// models are.
fn meaning<'a>(path: &str, meanings: &'a BTreeMap<&str, Meaning<'_>>) -> Option<&'a Meaning<'a>> {
    let shared = path.rsplit_once("[].limits.").map(|(_, name)| format!("*.limits.{name}"));
    let of_models = path.strip_prefix("combos[].").map(|name| format!("models[].{name}"));
    let found = [Some(path.to_owned()), of_models, shared].into_iter().flatten();
    found.filter_map(|path| meanings.get(&*path)).find(|meaning| !meaning.text.is_empty())
}

const PAGE: &str = include_str!("../../../docs/configuration.md");

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use jsonschema::Validator;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[track_caller]
    fn errors(validator: &Validator, text: &str) -> Vec<String> {
        let value: Value = serde_yaml_ng::from_str(text).unwrap();
        let errors = validator.iter_errors(&value);
        errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    #[test]
    fn files_of_ours_are_valid_and_others_are_not() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let (_, example) = PAGE.rsplit_once("```yaml\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        assert_eq!(errors(&validator, example), [""; 0]);

        let folder = root().join("control-plane/cases/foreign/snapshots");
        let mut count = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let (_, text) = text.trim_start_matches("---\n").split_once("---\n").unwrap();
            let (ours, _) = text.split_once("--- notes").unwrap();
            assert_eq!(errors(&validator, ours), [""; 0], "{ours}");
            count += 1;
        }
        assert!(count > 6);

        for bad in [
            "nonsense: 1",
            "server: { gateway: { listn: x } }",
            "providers: [{ id: 1 }]",
            "models: [{ targets: [{ weight: -1 }] }]",
            "tags: [{ limits: { max_budget: [] } }]",
        ] {
            assert_eq!(errors(&validator, bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn every_field_says_what_it_means() {
        let mut silent = Vec::new();
        missing(&schema(), "", &mut silent);

        // Sections, whose fields say it.
        assert!(silent.iter().all(|path| SECTIONS.contains(&path.as_str())), "{silent:?}");
    }

    fn missing(schema: &Value, path: &str, silent: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}/{name}");
            if field.get("description").is_none() {
                silent.push(path.clone());
            }
            missing(field, &path, silent);
            missing(&field["items"], &path, silent);
        }
    }

    const SECTIONS: [&str; 21] = [
        "/cache",
        "/cache/semantic",
        "/combos",
        "/database",
        "/filter",
        "/idempotency",
        "/limits",
        "/media_fetch",
        "/models",
        "/models/system_prompt",
        "/models/thinking",
        "/providers",
        "/resilience",
        "/server",
        "/server/admin",
        "/server/control",
        "/server/gateway",
        "/server/gateway/tls",
        "/sign_in",
        "/sign_in/oidc",
        "/tags",
    ];
}
