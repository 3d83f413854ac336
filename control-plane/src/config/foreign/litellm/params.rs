//! Fields of a request that `litellm_params` sets for a deployment.

use serde_yaml_ng::{Mapping, Value};

use crate::config::ProviderDialect;
use crate::config::foreign::deployments::Fields;
use crate::config::foreign::fields::Section;
use crate::config::settings::CLIENTS;

/// Reads what the provider's dialect knows by the same name; the rest is noted.
pub(super) fn defaults(params: &Section<'_>, dialect: ProviderDialect) -> Fields {
    let mut defaults = Fields::new();
    for name in OPENAI.iter().chain(&ANTHROPIC) {
        if let Some(value) = params.value(name) {
            if known(dialect, name) {
                defaults.insert((*name).to_owned(), value.clone());
            } else {
                let message = format!(
                    "the dialect {} has no field of this name; write `defaults` of the model in \
                     that dialect's words",
                    dialect.name()
                );
                params.notes().lost(params.at(name), message);
            }
        }
    }
    let extra = params.value("extra_body").and_then(Value::as_mapping);
    for (name, value) in extra.into_iter().flat_map(Mapping::iter) {
        let Some(name) = name.as_str() else { continue };
        if CLIENTS.contains(&name) || SYSTEM.contains(&name) || value.is_null() {
            params.notes().lost(format!("{}.{name}", params.at("extra_body")), "is not to be set");
        } else {
            defaults.insert(name.to_owned(), value.clone());
        }
    }
    defaults
}

fn known(dialect: ProviderDialect, name: &str) -> bool {
    match dialect {
        ProviderDialect::OpenAi | ProviderDialect::Azure => OPENAI.contains(&name),
        ProviderDialect::Anthropic => ANTHROPIC.contains(&name) || BOTH.contains(&name),
        ProviderDialect::Responses
        | ProviderDialect::Gemini
        | ProviderDialect::Ollama
        | ProviderDialect::Deepgram
        | ProviderDialect::AssemblyAi => false,
    }
}

const OPENAI: [&str; 24] = [
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "seed",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "verbosity",
    "service_tier",
    "modalities",
    "web_search_options",
    "dimensions",
    "encoding_format",
    "prompt_cache_key",
];
const ANTHROPIC: [&str; 2] = ["thinking", "top_k"];
/// What Anthropic calls as OpenAI does.
const BOTH: [&str; 4] = ["temperature", "top_p", "max_tokens", "service_tier"];
/// Where OpenAI and Anthropic have the system prompt.
const SYSTEM: [&str; 2] = ["system", "instructions"];
