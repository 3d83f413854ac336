//! `/v1/models`.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Answer, Error, Provider, json};

/// Lists the models.
pub(super) fn list(provider: &Provider<'_>) -> Answer {
    let mut body = String::from("{\n  \"object\": \"list\",\n  \"data\": [");
    for (place, model) in provider.models.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(body, "{comma}\n    {}", model_json(model));
    }
    body.push_str("\n  ]\n}\n");
    json(body, None)
}

/// Describes one model.
pub(super) fn retrieve(name: &str, provider: &Provider<'_>) -> Result<Answer, Error> {
    if provider.models.iter().any(|model| model == name) {
        Ok(json(model_json(name) + "\n", None))
    } else {
        Err(Error::model_not_found(name))
    }
}

fn model_json(name: &str) -> String {
    let name = Value::from(name);
    format!(
        "{{ \"id\": {name}, \"object\": \"model\", \"created\": {CREATED}, \"owned_by\": \"system\" }}"
    )
}

const CREATED: u64 = 1_721_172_741;
