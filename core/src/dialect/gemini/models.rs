//! `/v1beta/models`, answered from the snapshot, with what the key may use and nothing else.

use crate::json::write::Writer;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::{Model, Snapshot};

/// Renders the list of models, all on one page.
pub fn list(snapshot: &Snapshot, policy: &KeyPolicy) -> Vec<u8> {
    let mut out = Writer::default();
    out.object(|out| {
        out.key("models").array(|out| {
            let models = snapshot.models.values();
            for model in models.filter(|model| policy.may_use(&model.name)) {
                view(model, out);
            }
        });
    });
    out.into_bytes()
}

/// Renders one model; `asked` is its name, with or without `models/` before it.
///
/// # Errors
/// When there is no such model, or the key may not use it: it is not told which.
pub fn retrieve(snapshot: &Snapshot, policy: &KeyPolicy, asked: &str) -> Result<Vec<u8>, Refusal> {
    let asked = asked.strip_prefix("models/").unwrap_or(asked);
    let name = policy.resolve_alias(asked);
    let Some(model) = snapshot.models.get(name).filter(|model| policy.may_use(&model.name)) else {
        return Err(Refusal::ModelNotFound(asked.to_owned()));
    };
    let mut out = Writer::default();
    view(model, &mut out);
    Ok(out.into_bytes())
}

fn view(model: &Model, out: &mut Writer) {
    let target = model.targets.first();
    out.object(|out| {
        out.key("name").string(&format!("models/{}", model.name));
        out.key("baseModelId").string(&model.name);
        out.key("version").string("");
        out.key("displayName").string(&model.name);
        out.key("description").string("");
        for (name, limit) in [
            ("inputTokenLimit", target.and_then(|target| target.max_input_tokens)),
            ("outputTokenLimit", target.and_then(|target| target.max_output_tokens)),
        ] {
            if let Some(limit) = limit {
                out.key(name).number(limit);
            }
        }
        out.key("supportedGenerationMethods").array(|out| {
            for method in METHODS {
                out.string(method);
            }
        });
    });
}

/// What a model can be asked for is not known of each; the provider judges.
const METHODS: [&str; 5] = [
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
];

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use serde_json::Value;

    fn snapshot() -> Snapshot {
        let model = |name: &str| {
            let (name, owned_by) = (name.to_owned(), "google".to_owned());
            let (targets, meters) = (Vec::new(), Vec::new());
            (
                name.clone(),
                Rc::new(Model {
                    name,
                    targets,
                    created: 7,
                    owned_by,
                    strict: false,
                    settings: None,
                    meters,
                }),
            )
        };
        let models = [model("a"), model("google/b")].into();
        Snapshot { revision: 1, models, ..Snapshot::default() }
    }

    #[test]
    fn lists_what_the_key_may_use() {
        let policy = KeyPolicy { models: vec!["google/*".into()], ..KeyPolicy::default() };

        let body: Value = serde_json::from_slice(&list(&snapshot(), &policy)).unwrap();

        assert_eq!(body["models"].as_array().unwrap().len(), 1);
        assert_eq!(body["models"][0]["name"], "models/google/b");
    }

    #[test]
    fn a_model_of_others_is_not_there() {
        let policy = KeyPolicy { models: vec!["a".into()], ..KeyPolicy::default() };

        assert!(retrieve(&snapshot(), &policy, "models/a").is_ok());
        let refusal = Refusal::ModelNotFound("google/b".into());
        assert_eq!(retrieve(&snapshot(), &policy, "google/b"), Err(refusal));
    }
}
