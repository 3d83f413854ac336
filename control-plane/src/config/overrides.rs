//! Environment variables that replace fields of the file: `TOLLGATE__SERVER__ADMIN__LISTEN`.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

use crate::config::error::{ConfigError, Problem};
use crate::config::raw::RawConfig;

const PREFIX: &str = "TOLLGATE__";

/// Applies every override to `tree` and returns what it says then.
pub(super) fn apply(
    mut tree: Value,
    env: &BTreeMap<String, String>,
) -> Result<RawConfig, ConfigError> {
    let mut problems = Vec::new();
    for (name, value) in env {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let path: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        match with_override(&tree, &path, value) {
            Ok(changed) => tree = changed,
            Err(message) => problems.push(Problem::new(format!("environment {name}"), message)),
        }
    }
    if !problems.is_empty() {
        return Err(ConfigError(problems));
    }
    read(tree).map_err(|message| ConfigError(vec![Problem::new("configuration", message)]))
}

/// Returns the tree with one field replaced, if the result is still a configuration. The value
/// is read as YAML first (`true`, `[a, b]`), and as plain text when that does not fit.
fn with_override(tree: &Value, path: &[String], text: &str) -> Result<Value, String> {
    let typed = serde_yaml_ng::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let mut first_error = None;
    for value in [typed, Value::String(text.to_owned())] {
        let mut candidate = tree.clone();
        set(&mut candidate, path, value)?;
        match read(candidate.clone()) {
            Ok(_) => return Ok(candidate),
            Err(message) => first_error = first_error.or(Some(message)),
        }
    }
    Err(first_error.unwrap_or_default())
}

fn set(tree: &mut Value, path: &[String], value: Value) -> Result<(), String> {
    let Some((name, rest)) = path.split_first() else {
        *tree = value;
        return Ok(());
    };
    if tree.is_null() {
        *tree = Value::Mapping(Mapping::new());
    }
    if let Some(map) = tree.as_mapping_mut() {
        let entry = map.entry(Value::String(name.clone())).or_insert(Value::Null);
        return set(entry, rest, value);
    }
    let Some(list) = tree.as_sequence_mut() else {
        return Err(format!("{name:?} would be inside a value that is not a section"));
    };
    let length = list.len();
    match name.parse::<usize>().ok().and_then(|index| list.get_mut(index)) {
        Some(entry) => set(entry, rest, value),
        None => Err(format!("the list has {length} entries, and {name:?} is none of them")),
    }
}

fn read(tree: Value) -> Result<RawConfig, String> {
    if tree.is_null() {
        return Ok(RawConfig::default());
    }
    serde_yaml_ng::from_value(tree).map_err(|error| error.to_string())
}
