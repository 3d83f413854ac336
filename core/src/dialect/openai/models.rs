//! `/v1/models`, answered from the snapshot, with what the key may use and nothing else.

use serde_json::{Value, json};

use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::{Model, Snapshot};

/// Renders the list of models.
pub fn list(snapshot: &Snapshot, policy: &KeyPolicy) -> Vec<u8> {
    let data: Vec<Value> = snapshot
        .models
        .values()
        .filter(|model| policy.may_use(&model.name))
        .map(|model| view(model))
        .collect();
    serde_json::to_vec(&json!({"object": "list", "data": data})).unwrap_or_default()
}

/// Renders one model.
///
/// # Errors
/// When there is no such model, or the key may not use it: it is not told which.
pub fn retrieve(snapshot: &Snapshot, policy: &KeyPolicy, asked: &str) -> Result<Vec<u8>, Refusal> {
    let name = policy.resolve_alias(asked);
    match snapshot.models.get(name).filter(|model| policy.may_use(&model.name)) {
        Some(model) => Ok(serde_json::to_vec(&view(model)).unwrap_or_default()),
        None => Err(Refusal::ModelNotFound(asked.to_owned())),
    }
}

fn view(model: &Model) -> Value {
    json!({
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
    })
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn snapshot() -> Snapshot {
        let model = |name: &str| {
            let (name, owned_by) = (name.to_owned(), "openai".to_owned());
            (
                name.clone(),
                Rc::new(Model {
                    strict: false,
                    name,
                    targets: Vec::new(),
                    created: 7,
                    owned_by,
                    settings: None,
                    meters: Vec::new(),
                }),
            )
        };
        Snapshot {
            revision: 1,
            models: [model("a"), model("openai/b")].into(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn lists_what_the_key_may_use() {
        let policy = KeyPolicy { models: vec!["openai/*".into()], ..KeyPolicy::default() };

        let body: Value = serde_json::from_slice(&list(&snapshot(), &policy)).unwrap();

        let expected = json!({"object": "list", "data": [
            {"id": "openai/b", "object": "model", "created": 7, "owned_by": "openai"},
        ]});
        assert_eq!(body, expected);
    }

    #[test]
    fn a_model_of_others_is_not_there() {
        let policy = KeyPolicy { models: vec!["a".into()], ..KeyPolicy::default() };

        assert!(retrieve(&snapshot(), &policy, "a").is_ok());
        let refusal = Refusal::ModelNotFound("openai/b".into());
        assert_eq!(retrieve(&snapshot(), &policy, "openai/b"), Err(refusal));
    }
}
