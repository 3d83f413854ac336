//! `/v1/models`, as OpenAI's clients know it.

use serde_json::{Value, json};

use crate::snapshot::Model;

/// Renders the list of models.
pub fn list(models: &[&Model]) -> Vec<u8> {
    let data: Vec<Value> = models.iter().map(|model| view(model)).collect();
    serde_json::to_vec(&json!({"object": "list", "data": data})).unwrap_or_default()
}

/// Renders one model.
pub fn retrieve(model: &Model) -> Vec<u8> {
    serde_json::to_vec(&view(model)).unwrap_or_default()
}

fn view(model: &Model) -> Value {
    json!({
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
    })
}
