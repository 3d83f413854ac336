//! `/v1beta/models`, as Gemini's clients know it.

use crate::json::write::Writer;
use crate::snapshot::Model;

/// Renders the list of models, all on one page.
pub fn list(models: &[&Model]) -> Vec<u8> {
    let mut out = Writer::default();
    out.object(|out| {
        out.key("models").array(|out| {
            for model in models {
                view(model, out);
            }
        });
    });
    out.into_bytes()
}

/// Renders one model.
pub fn retrieve(model: &Model) -> Vec<u8> {
    let mut out = Writer::default();
    view(model, &mut out);
    out.into_bytes()
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
