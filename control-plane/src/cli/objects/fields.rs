//! `FIELD=VALUE`: fields of an object on the command line.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Reads fields into an object, or says which is none.
pub(super) fn read(written: &[String], env: &BTreeMap<String, String>) -> Result<Value, String> {
    let mut object = Value::Object(Map::new());
    for field in written {
        let (name, text) = field
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| format!("{field:?} is not FIELD=VALUE, such as max_budget=5"))?;
        let value = value(name, text, env)?;
        set(&mut object, name.split('.'), value)
            .ok_or_else(|| format!("{name}: a part of it has a value already"))?;
    }
    Ok(object)
}

/// Reads a value: out of a variable, as YAML, or as it stands.
fn value(name: &str, text: &str, env: &BTreeMap<String, String>) -> Result<Value, String> {
    if let Some(variable) = text.strip_prefix("env:") {
        let value = env.get(variable).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| format!("{name}: the variable {variable} is not set"))?;
        return Ok(value.as_str().into());
    }
    if text.starts_with("sk-") {
        return Err(format!(
            "{name}: a secret does not belong on a command line; write {name}=env:NAME"
        ));
    }
    Ok(serde_yaml_ng::from_str(text).unwrap_or_else(|_| text.into()))
}

/// Puts a value at a path. `None`: a part of the path has another value already.
pub(super) fn set<'a>(
    object: &mut Value,
    mut path: impl Iterator<Item = &'a str>,
    value: Value,
) -> Option<()> {
    let Some(name) = path.next() else {
        *object = value;
        return Some(());
    };
    if object.is_null() {
        *object = Value::Object(Map::new());
    }
    set(object.as_object_mut()?.entry(name).or_insert(Value::Null), path, value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(written: &[&str]) -> Result<Value, String> {
        let written: Vec<String> = written.iter().map(|&field| field.to_owned()).collect();
        read(&written, &BTreeMap::from([("KEY".to_owned(), "secret".to_owned())]))
    }

    #[test]
    fn values_are_what_they_look_like() {
        let written = [
            "max_budget=2.5",
            "models=[gpt-4o, claude]",
            "blocked=true",
            "key_alias=ci: 5",
            "litellm_params.model=openai/gpt-4o",
            "litellm_params.api_key=env:KEY",
            "team_id=null",
        ];

        assert_eq!(
            fields(&written).unwrap(),
            json!({
                "max_budget": 2.5, "models": ["gpt-4o", "claude"], "blocked": true,
                "key_alias": {"ci": 5}, "team_id": null,
                "litellm_params": {"model": "openai/gpt-4o", "api_key": "secret"},
            })
        );
    }

    #[test]
    fn secrets_and_odd_fields_are_refused() {
        for (written, why) in [
            ("nothing", "is not FIELD=VALUE"),
            ("=1", "is not FIELD=VALUE"),
            ("key=sk-secret", "key=env:NAME"),
            ("key=env:NONE", "NONE is not set"),
        ] {
            let message = fields(&[written]).unwrap_err();
            assert!(message.contains(why) && !message.contains("sk-secret"), "{message}");
        }
        assert!(fields(&["a=1", "a.b=2"]).is_err());
    }
}
