//! Whom the first part of `litellm_params.model` names, and how LiteLLM reaches them.

use crate::catalogue::Catalogue;

/// What a name before a slash means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vendor {
    /// A provider of the catalogue, by its id there.
    Known(&'static str),
    /// Somebody who speaks OpenAI's dialect at an `api_base`.
    Compatible,
    /// A provider whose API is not spoken here.
    Foreign,
    /// No name of a provider.
    Unknown,
}

/// Tells whom a name means.
pub(super) fn named(name: &str) -> Vendor {
    if COMPATIBLE.contains(&name) {
        return Vendor::Compatible;
    }
    if FOREIGN.contains(&name) {
        return Vendor::Foreign;
    }
    let name = OTHER_NAMES.iter().find(|(other, _)| *other == name).map_or(name, |(_, id)| *id);
    let known = Catalogue::built_in().find(name);
    known.map_or(Vendor::Unknown, |known| Vendor::Known(&known.id))
}

/// Takes the provider off a model's name, or finds it by the name.
pub(super) fn split(model: &str) -> (&str, &str) {
    if let Some((name, rest)) = model.split_once('/')
        && !rest.is_empty()
        && named(name) != Vendor::Unknown
    {
        return (name, rest);
    }
    let guessed = if model.starts_with("claude-") { "anthropic" } else { "openai" };
    (guessed, model)
}

/// Returns the variables in which LiteLLM looks for a provider's key, where none is written.
pub(super) fn variables(id: &str) -> &'static [&'static str] {
    VARIABLES.iter().find(|(known, _)| *known == id).map_or(&[], |(_, names)| names)
}

/// Where LiteLLM takes an address and we do, too, but in another form.
pub(super) fn base_url(id: &str, written: &str) -> String {
    let bare = written.trim_end_matches('/');
    let ends = ["/chat/completions", "/completions", "/embeddings", "/responses", "/v1/messages"];
    let bare = ends.iter().find_map(|end| bare.strip_suffix(end)).unwrap_or(bare);
    match id {
        "anthropic" => format!("{}/v1", bare.trim_end_matches("/v1")),
        "azure" => bare.split("/openai/").next().unwrap_or(bare).to_owned(),
        _ => bare.to_owned(),
    }
}

/// LiteLLM's names that the catalogue has not.
const OTHER_NAMES: [(&str, &str); 2] =
    [("text-completion-openai", "openai"), ("azure_text", "azure")];

const COMPATIBLE: [&str; 8] = [
    "custom_openai",
    "openai_like",
    "litellm_proxy",
    "llamafile",
    "xinference",
    "oobabooga",
    "custom",
    "docker_model_runner",
];

/// Whose own APIs are not spoken here.
const FOREIGN: [&str; 22] = [
    "bedrock",
    "bedrock_converse",
    "sagemaker",
    "sagemaker_chat",
    "vertex_ai",
    "vertex_ai_beta",
    "watsonx",
    "watsonx_text",
    "replicate",
    "predibase",
    "nlp_cloud",
    "aleph_alpha",
    "petals",
    "triton",
    "oci",
    "snowflake",
    "clarifai",
    "maritalk",
    "voyage",
    "jina_ai",
    "cloudflare",
    "elevenlabs",
];

/// <https://docs.litellm.ai/docs/providers>
const VARIABLES: [(&str, &[&str]); 27] = [
    ("anthropic", &["ANTHROPIC_API_KEY"]),
    ("assemblyai", &["ASSEMBLYAI_API_KEY"]),
    ("azure", &["AZURE_API_KEY", "AZURE_OPENAI_API_KEY"]),
    ("cerebras", &["CEREBRAS_API_KEY"]),
    ("cohere", &["COHERE_API_KEY", "CO_API_KEY"]),
    ("deepgram", &["DEEPGRAM_API_KEY"]),
    ("deepinfra", &["DEEPINFRA_API_KEY"]),
    ("deepseek", &["DEEPSEEK_API_KEY"]),
    ("fireworks", &["FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY"]),
    ("gemini", &["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
    ("glm", &["ZAI_API_KEY"]),
    ("groq", &["GROQ_API_KEY"]),
    ("huggingface", &["HF_TOKEN", "HUGGINGFACE_API_KEY"]),
    ("hyperbolic", &["HYPERBOLIC_API_KEY"]),
    ("kimi", &["MOONSHOT_API_KEY"]),
    ("minimax", &["MINIMAX_API_KEY"]),
    ("mistral", &["MISTRAL_API_KEY"]),
    ("nebius", &["NEBIUS_API_KEY"]),
    ("nvidia", &["NVIDIA_NIM_API_KEY"]),
    ("openai", &["OPENAI_API_KEY"]),
    ("openrouter", &["OPENROUTER_API_KEY", "OR_API_KEY"]),
    ("perplexity", &["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"]),
    ("qwen", &["DASHSCOPE_API_KEY"]),
    ("sambanova", &["SAMBANOVA_API_KEY"]),
    ("siliconflow", &["SILICONFLOW_API_KEY"]),
    ("together", &["TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_API_KEY"]),
    ("xai", &["XAI_API_KEY"]),
];
