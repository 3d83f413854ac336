//! A section of `providers`.

use serde_yaml_ng::Value;

use crate::catalogue::Catalogue;
use crate::config::foreign::deployments::{Deployment, Deployments, Fields};
use crate::config::foreign::fields::Section;
use crate::config::foreign::llms_py::models;
use crate::config::foreign::providers::{Limits, Place};
use crate::config::foreign::variables::Variables;
use crate::config::{BaseUrl, ProviderDialect};
use crate::prices::PriceList;

/// Reads a provider and all of its models.
pub(super) fn read(
    name: &str,
    of: &Section<'_>,
    later: bool,
    variables: &Variables<'_>,
    list: &PriceList,
    all: &mut Deployments,
) {
    let Some(place) = place(name, of, later) else { return };
    let (dialect, kind) = (place.spoken(), place.kind.clone());
    let credential = credential(name, of, &place, variables);
    let account = all.providers.account(place, credential, Limits::default(), name);
    let overrides = overrides(of, dialect);
    let read = if later {
        models::of_catalogue(of, kind.as_deref().unwrap_or(name), list)
    } else {
        models::of_version_2(of)
    };
    let deployments = read.into_iter().map(|model| Deployment {
        dialect,
        overrides: overrides.clone(),
        price: model.price,
        max_input_tokens: model.max_input_tokens,
        max_output_tokens: model.max_output_tokens,
        tools: model.tools,
        vision: model.vision,
        ..Deployment::new(of.place().to_owned(), model.name, account, model.id)
    });
    all.list.extend(deployments);
    of.finish(why);
}

/// Finds out where a provider is.
fn place(name: &str, of: &Section<'_>, later: bool) -> Option<Place> {
    let disabled = of.flag("enabled") == Some(false);
    let kind = if later { of.text("npm") } else { of.text("type") };
    let url = if later { of.text("api") } else { of.text("base_url") };
    let base = Place { id: Some(name.to_owned()), disabled, ..Place::default() };
    let by_name = NAMES.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| *ours);
    let known = Catalogue::built_in().find(by_name);
    let kind = kind.unwrap_or_default();
    let native = match kind.trim_start_matches("@ai-sdk/") {
        "GoogleProvider" | "google" => Some("gemini"),
        "OllamaProvider" | "ollama" => Some("ollama"),
        "anthropic" => Some("anthropic"),
        _ => None,
    };
    if let Some(native) = native {
        return Some(Place { kind: Some(native.to_owned()), base_url: url, ..base });
    }
    let Some(url) = url else {
        if kind == "GoogleOpenAiProvider" {
            let url = "https://generativelanguage.googleapis.com/v1beta/openai".to_owned();
            return Some(Place { base_url: Some(url), ..base });
        }
        let Some(known) = known.filter(|known| known.base_url.is_some()) else {
            let message = "where it is is not known; write `base_url`. It is left out";
            of.notes().lost(of.place(), message);
            return None;
        };
        return Some(Place { kind: Some(known.id.clone()), ..base });
    };
    let url = versioned(&url);
    if let Err(why) = BaseUrl::parse(&url) {
        of.notes().lost(of.place(), format!("its address {why}; it is left out"));
        return None;
    }
    let same = |it: &&crate::catalogue::KnownProvider| it.url.as_deref() == Some(url.as_str());
    let found = Catalogue::built_in().providers().iter().find(same);
    Some(match found {
        Some(found) => Place { kind: Some(found.id.clone()), ..base },
        None => Place { base_url: Some(url), ..base },
    })
}

/// Adds `/v1`, as llms.py does, where an address ends with no version.
fn versioned(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let last = url.rsplit('/').next().unwrap_or_default();
    let version = last.strip_prefix('v').unwrap_or_default();
    let is_version = version.starts_with(|digit: char| digit.is_ascii_digit());
    if is_version { url.to_owned() } else { format!("{url}/v1") }
}

fn credential(
    name: &str,
    of: &Section<'_>,
    place: &Place,
    variables: &Variables<'_>,
) -> Option<String> {
    let named = of.texts("env");
    if let Some(written) = of.text("api_key") {
        return Some(match written.strip_prefix('$') {
            Some(variable) => variable.trim_matches(['{', '}']).to_owned(),
            None => variables.literal(&of.at("api_key"), &format!("{name}_API_KEY"), &written),
        });
    }
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let usual = VARIABLES.iter().find(|(theirs, _)| *theirs == name).map(|(_, names)| *names);
    let wanted = place.known().is_none_or(|known| known.needs_credential);
    let own = format!("{}_API_KEY", crate::config::foreign::naming::upper(name));
    match (&*named, usual) {
        ([], Some(usual)) => variables.usual(usual),
        ([], None) if wanted => variables.usual(&[&own]),
        ([], None) => None,
        (named, _) => variables.usual(named),
    }
}

/// Reads the fields that win over the client's.
fn overrides(of: &Section<'_>, dialect: ProviderDialect) -> Fields {
    let mut overrides = Fields::new();
    for name in OVERRIDES {
        if let Some(value) = of.value(name) {
            overrides.insert(name.to_owned(), value.clone());
        }
    }
    let gemini = dialect == ProviderDialect::Gemini;
    if let Some(settings) = of.value("safety_settings").filter(|_| gemini) {
        overrides.insert("safetySettings".into(), settings.clone());
    }
    if let Some(thinking) = of.value("thinking_config").filter(|_| gemini) {
        let config = [(Value::from("thinkingConfig"), thinking.clone())];
        overrides.insert("generationConfig".into(), Value::Mapping(config.into_iter().collect()));
    }
    if dialect != ProviderDialect::OpenAi && overrides.keys().any(|it| OVERRIDES.contains(&&**it)) {
        let message =
            format!("the fields that it sets are OpenAI's, and it speaks {} here", dialect.name());
        of.notes().lost(of.at("overrides"), message);
        overrides.retain(|name, _| !OVERRIDES.contains(&&**name));
    }
    overrides
}

fn why(name: &str) -> Option<&'static str> {
    Some(match name {
        "check" | "id" | "name" | "doc" | "stream" => "",
        "all_models" => "name each model: only models that have a name are served",
        "headers" => "headers of its own are not sent to providers from here",
        "modalities" | "speech_config" => "pictures and speech have paths of their own here",
        "server_tools" => "tools are the client's here",
        "include_models" | "exclude_models" => "all models are taken that are known",
        _ => return None,
    })
}

/// Names of models.dev that are others here.
const NAMES: [(&str, &str); 11] = [
    ("google", "gemini"),
    ("google_free", "gemini"),
    ("alibaba", "qwen"),
    ("zai", "glm"),
    ("z.ai", "glm"),
    ("moonshotai", "kimi"),
    ("fireworks-ai", "fireworks"),
    ("openrouter_free", "openrouter"),
    ("togetherai", "together"),
    ("lmstudio", "lm-studio"),
    ("grok", "xai"),
];

/// Where a provider's key is looked for, when the file does not say.
const VARIABLES: [(&str, &[&str]); 6] = [
    ("google", &["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"]),
    ("xai", &["XAI_API_KEY", "GROK_API_KEY"]),
    ("alibaba", &["DASHSCOPE_API_KEY"]),
    ("zai", &["ZHIPU_API_KEY", "ZAI_API_KEY"]),
    ("huggingface", &["HF_TOKEN"]),
    ("moonshotai", &["MOONSHOT_API_KEY"]),
];

const OVERRIDES: [&str; 18] = [
    "frequency_penalty",
    "max_completion_tokens",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning_effort",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "temperature",
    "top_logprobs",
    "top_p",
    "verbosity",
    "enable_thinking",
    "max_tokens",
];
