//! Listings of models, answered from the snapshot as clients of each API expect them:
//! what the key may use, and nothing else.

use std::rc::Rc;

use super::{anthropic, gemini, ollama, openai};
use crate::path::Api;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::{Model, Snapshot};

/// Renders the models that a key may use.
pub fn list(snapshot: &Snapshot, policy: &KeyPolicy, api: Api) -> Vec<u8> {
    let all = snapshot.models.values().map(Rc::as_ref);
    let models: Vec<&Model> = all.filter(|model| policy.may_use(&model.name)).collect();
    match api {
        Api::Anthropic => anthropic::models::list(&models),
        Api::Gemini => gemini::models::list(&models),
        Api::Ollama => ollama::models::tags(&models),
        Api::OpenAi => openai::models::list(&models),
    }
}

/// Renders one model. Gemini's clients may write `models/` before its name.
///
/// # Errors
/// When there is no such model, or the key may not use it: it is not told which.
pub fn retrieve(
    snapshot: &Snapshot,
    policy: &KeyPolicy,
    asked: &str,
    api: Api,
) -> Result<Vec<u8>, Refusal> {
    let asked = asked.strip_prefix("models/").filter(|_| api == Api::Gemini).unwrap_or(asked);
    let name = policy.resolve_alias(asked);
    let Some(model) = snapshot.models.get(name).filter(|model| policy.may_use(&model.name)) else {
        return Err(Refusal::ModelNotFound(asked.to_owned()));
    };
    Ok(match api {
        Api::Anthropic => anthropic::models::retrieve(model),
        Api::Gemini => gemini::models::retrieve(model),
        Api::Ollama => ollama::models::show(model),
        Api::OpenAi => openai::models::retrieve(model),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn snapshot() -> Snapshot {
        let model = |name: &str| {
            let (created, owned_by) = (1_739_923_200, "acme".to_owned());
            let model = Model { name: name.to_owned(), created, owned_by, ..Model::default() };
            (name.to_owned(), Rc::new(model))
        };
        let models = [model("a"), model("b"), model("c/d")].into();
        Snapshot { models, ..Snapshot::default() }
    }

    fn may_use(models: &[&str]) -> KeyPolicy {
        let models = models.iter().map(|name| (*name).to_owned()).collect();
        KeyPolicy { models, ..KeyPolicy::default() }
    }

    fn listed(snapshot: &Snapshot, policy: &KeyPolicy, api: Api) -> Value {
        serde_json::from_slice(&list(snapshot, policy, api)).unwrap()
    }

    fn retrieved(asked: &str, api: Api) -> Value {
        let body = retrieve(&snapshot(), &may_use(&["b"]), asked, api).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn openais_clients_are_told_what_the_key_may_use() {
        let model = json!({
            "id": "c/d", "object": "model", "created": 1_739_923_200, "owned_by": "acme",
        });

        let body = listed(&snapshot(), &may_use(&["c/*"]), Api::OpenAi);

        assert_eq!(body, json!({"object": "list", "data": [model]}));
    }

    #[test]
    fn anthropics_clients_are_told_on_one_page() {
        let model = |id| {
            let created = "2025-02-19T00:00:00Z";
            json!({"type": "model", "id": id, "display_name": id, "created_at": created})
        };

        let page = listed(&snapshot(), &may_use(&["b", "c/*"]), Api::Anthropic);

        let expected = json!({
            "data": [model("b"), model("c/d")],
            "has_more": false, "first_id": "b", "last_id": "c/d",
        });
        assert_eq!(page, expected);
        assert_eq!(retrieved("b", Api::Anthropic), model("b"));
        let none = listed(&Snapshot::default(), &may_use(&["b"]), Api::Anthropic);
        assert_eq!(none["first_id"], Value::Null);
    }

    #[test]
    fn geminis_clients_write_a_prefix() {
        let body = listed(&snapshot(), &may_use(&["c/*"]), Api::Gemini);

        assert_eq!(body["models"].as_array().unwrap().len(), 1);
        assert_eq!(body["models"][0]["name"], "models/c/d");
        assert_eq!(retrieved("models/b", Api::Gemini), retrieved("b", Api::Gemini));
    }

    #[test]
    fn ollamas_clients_are_told_tags() {
        let tags = listed(&snapshot(), &may_use(&["b"]), Api::Ollama);

        let models = tags["models"].as_array().unwrap();
        assert_eq!(models.len(), 1);
        assert_eq!(models[0]["model"], "b");
        assert_eq!(models[0]["modified_at"], "2025-02-19T00:00:00Z");
        assert_eq!(models[0]["digest"].as_str().unwrap().len(), 64);
        let shown = retrieved("b", Api::Ollama);
        assert_eq!(shown["capabilities"], json!(["completion", "tools"]));
        assert_eq!(shown["model_info"]["general.architecture"], "acme");
    }

    #[test]
    fn a_model_of_others_is_not_there() {
        for api in [Api::OpenAi, Api::Anthropic, Api::Gemini, Api::Ollama] {
            assert!(retrieve(&snapshot(), &may_use(&["a"]), "a", api).is_ok());
            let refusal = Refusal::ModelNotFound("c/d".into());
            assert_eq!(retrieve(&snapshot(), &may_use(&["a"]), "c/d", api), Err(refusal));
        }
    }
}
