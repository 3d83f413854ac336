//! `/v1beta/models`, as Gemini's clients know it.

use crate::dialect::models::Entry;
use crate::json::write::Writer;
use crate::snapshot::ModelKind;

/// Renders the list of models, all on one page.
pub fn list(entries: &[Entry]) -> Vec<u8> {
    let mut out = Writer::default();
    out.object(|out| {
        out.key("models").array(|out| {
            for entry in entries {
                view(entry, out);
            }
        });
    });
    out.into_bytes()
}

/// Renders one model.
pub fn retrieve(entry: &Entry) -> Vec<u8> {
    let mut out = Writer::default();
    view(entry, &mut out);
    out.into_bytes()
}

fn view(entry: &Entry, out: &mut Writer) {
    let target = entry.model.targets.first();
    out.object(|out| {
        out.key("name").string(&format!("models/{}", entry.name));
        out.key("baseModelId").string(&entry.model.name);
        out.key("version").string("");
        out.key("displayName").string(&entry.name);
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
            for method in methods(entry.model.kind) {
                out.string(method);
            }
        });
    });
}

/// What a model can be asked for is not known of each; the provider judges.
fn methods(kind: ModelKind) -> &'static [&'static str] {
    match kind {
        ModelKind::Unspecified => &[
            "generateContent",
            "streamGenerateContent",
            "countTokens",
            "embedContent",
            "batchEmbedContents",
        ],
        ModelKind::Embeddings => &["embedContent", "batchEmbedContents"],
        ModelKind::Images
        | ModelKind::Speech
        | ModelKind::Transcriptions
        | ModelKind::Moderations => &[],
    }
}
