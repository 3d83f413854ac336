//! `/api/tags`, `/api/show` and `/api/version`, answered from the snapshot.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::dialect::checked::{self, invalid};
use crate::dialect::instant::rfc3339;
use crate::json::write::Writer;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::{Model, Snapshot};

/// The version whose API is spoken here. Clients refuse to talk to servers that are much older.
const VERSION: &str = "0.13.0";

/// Renders `/api/version`.
pub fn version() -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| it.key("version").string(VERSION));
    writer.into_bytes()
}

/// Renders `/api/tags`: the models that the key may use.
pub fn tags(snapshot: &Snapshot, policy: &KeyPolicy) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("models").array(|it| {
            for model in snapshot.models.values().filter(|model| policy.may_use(&model.name)) {
                it.object(|it| {
                    it.key("name").string(&model.name);
                    it.key("model").string(&model.name);
                    it.key("modified_at").string(&rfc3339(model.created));
                    it.key("size").number(0);
                    it.key("digest").string(&digest(model));
                    write_details(model, it);
                });
            }
        });
    });
    writer.into_bytes()
}

/// Reads a request to `/api/show`: the model's name.
///
/// # Errors
/// When it is not JSON, or names no model.
pub fn read_show(body: &[u8]) -> Result<String, Refusal> {
    let node = checked::body(body)?;
    let name = node.get("model").or_else(|| node.get("name"));
    let name = name.ok_or(Refusal::MissingField("model"))?;
    Ok(name.string().ok_or(invalid("model", "a string"))?.into_owned())
}

/// Renders `/api/show`.
///
/// # Errors
/// When there is no such model, or the key may not use it: it is not told which.
pub fn show(snapshot: &Snapshot, policy: &KeyPolicy, asked: &str) -> Result<Vec<u8>, Refusal> {
    let name = policy.resolve_alias(asked);
    let Some(model) = snapshot.models.get(name).filter(|model| policy.may_use(&model.name)) else {
        return Err(Refusal::ModelNotFound(asked.to_owned()));
    };
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("modelfile").string("");
        it.key("parameters").string("");
        it.key("template").string("");
        it.key("license").string("");
        write_details(model, it);
        it.key("model_info").object(|it| {
            it.key("general.architecture").string(&model.owned_by);
            let window = model.targets.iter().filter_map(|target| target.max_input_tokens).min();
            if let Some(window) = window {
                it.key(&format!("{}.context_length", model.owned_by)).number(window);
            }
        });
        it.key("capabilities").array(|it| {
            it.string("completion");
            it.string("tools");
        });
        it.key("modified_at").string(&rfc3339(model.created));
    });
    Ok(writer.into_bytes())
}

fn write_details(model: &Model, writer: &mut Writer) {
    writer.key("details").object(|it| {
        it.key("parent_model").string("");
        it.key("format").string("gguf");
        it.key("family").string(&model.owned_by);
        it.key("families").array(|it| it.string(&model.owned_by));
        it.key("parameter_size").string("");
        it.key("quantization_level").string("");
    });
}

/// Returns what tells a model from others; clients cut it to twelve digits without asking.
fn digest(model: &Model) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(model.name.as_bytes()) {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::{Value, json};

    use super::*;

    fn snapshot() -> Snapshot {
        let model = |name: &str| {
            let (name, owned_by) = (name.to_owned(), "acme".to_owned());
            let (created, targets, meters) = (1_739_923_200, Vec::new(), Vec::new());
            (
                name.clone(),
                Rc::new(Model {
                    name,
                    targets,
                    created,
                    owned_by,
                    strict: false,
                    settings: None,
                    meters,
                }),
            )
        };
        Snapshot { models: [model("a"), model("b")].into(), ..Snapshot::default() }
    }

    #[test]
    fn lists_what_the_key_may_use() {
        let policy = KeyPolicy { models: vec!["b".into()], ..KeyPolicy::default() };

        let tags: Value = serde_json::from_slice(&tags(&snapshot(), &policy)).unwrap();

        let models = tags["models"].as_array().unwrap();
        assert_eq!(models.len(), 1);
        assert_eq!(models[0]["model"], "b");
        assert_eq!(models[0]["modified_at"], "2025-02-19T00:00:00Z");
        assert_eq!(models[0]["digest"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn shows_a_model_to_those_who_may_use_it() {
        let policy = KeyPolicy { models: vec!["b".into()], ..KeyPolicy::default() };

        let shown: Value =
            serde_json::from_slice(&show(&snapshot(), &policy, "b").unwrap()).unwrap();

        assert_eq!(shown["capabilities"], json!(["completion", "tools"]));
        assert_eq!(shown["model_info"]["general.architecture"], "acme");
        let refusal = Refusal::ModelNotFound("a".into());
        assert_eq!(show(&snapshot(), &policy, "a"), Err(refusal));
    }

    #[test]
    fn reads_both_names_of_the_model() {
        assert_eq!(read_show(br#"{"model":"a"}"#).unwrap(), "a");
        assert_eq!(read_show(br#"{"name":"a","verbose":true}"#).unwrap(), "a");
        assert_eq!(read_show(b"{}"), Err(Refusal::MissingField("model")));
        assert_eq!(version(), br#"{"version":"0.13.0"}"#);
    }
}
