//! `/api/tags`, `/api/show` and `/api/version`, answered from the snapshot.

use sha2::{Digest, Sha256};

use crate::dialect::checked::{self, invalid};
use crate::dialect::instant::rfc3339;
use crate::dialect::models::Entry;
use crate::json::write::Writer;
use crate::key::hex;
use crate::refusal::Refusal;
use crate::snapshot::{Model, ModelKind, Target};

/// The version whose API is spoken here. Clients refuse to talk to servers that are much older.
const VERSION: &str = "0.13.0";

/// Renders `/api/version`.
pub fn version() -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| it.key("version").string(VERSION));
    writer.into_bytes()
}

/// Renders `/api/tags`.
pub fn tags(entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("models").array(|it| {
            for entry in entries {
                it.object(|it| {
                    it.key("name").string(&entry.name);
                    it.key("model").string(&entry.name);
                    it.key("modified_at").string(&rfc3339(entry.model.created));
                    it.key("size").number(0);
                    it.key("digest").string(&digest(entry));
                    write_details(entry, it);
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
pub fn show(entry: &Entry) -> Vec<u8> {
    let model = &entry.model;
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("modelfile").string("");
        it.key("parameters").string("");
        it.key("template").string("");
        it.key("license").string("");
        write_details(entry, it);
        it.key("model_info").object(|it| {
            it.key("general.architecture").string(&model.owned_by);
            let window = model.targets.iter().filter_map(|target| target.max_input_tokens).min();
            if let Some(window) = window {
                it.key(&format!("{}.context_length", model.owned_by)).number(window);
            }
        });
        it.key("capabilities").array(|it| {
            for capability in capabilities(model) {
                it.string(capability);
            }
        });
        it.key("modified_at").string(&rfc3339(entry.model.created));
    });
    writer.into_bytes()
}

/// What clients switch parts of themselves on by.
fn capabilities(model: &Model) -> Vec<&'static str> {
    if model.kind == ModelKind::Embeddings {
        return vec!["embedding"];
    }
    let any = |able: fn(&Target) -> bool| model.targets.iter().any(|target| able(target));
    let mut capabilities = vec!["completion"];
    if model.targets.is_empty() || any(|target| target.tools != Some(false)) {
        capabilities.push("tools");
    }
    if any(|target| target.vision == Some(true)) {
        capabilities.push("vision");
    }
    capabilities
}

fn write_details(entry: &Entry, writer: &mut Writer) {
    writer.key("details").object(|it| {
        it.key("parent_model").string(entry.root().unwrap_or_default());
        it.key("format").string("gguf");
        it.key("family").string(&entry.model.owned_by);
        it.key("families").array(|it| it.string(&entry.model.owned_by));
        it.key("parameter_size").string("");
        it.key("quantization_level").string("");
    });
}

/// Returns what tells a model from others; clients cut it to twelve digits without asking.
fn digest(entry: &Entry) -> String {
    hex(&Sha256::digest(entry.name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_names_of_the_model() {
        assert_eq!(read_show(br#"{"model":"a"}"#).unwrap(), "a");
        assert_eq!(read_show(br#"{"name":"a","verbose":true}"#).unwrap(), "a");
        assert_eq!(read_show(b"{}"), Err(Refusal::MissingField("model")));
        assert_eq!(version(), br#"{"version":"0.13.0"}"#);
    }
}
