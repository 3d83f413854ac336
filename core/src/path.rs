//! What a request asks for, by method and path alone.

use resources::ResourceCall;
use serde::Deserialize;
use tollgate_proto::v1::{Endpoint, ModelKind};

mod engines;
mod gemini;
mod ollama;
pub mod percent;
mod providers;
pub mod query;
mod realtime;
pub mod resources;

/// Where a request belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Something that a provider answers.
    Inference(Call),
    /// Something with objects that a provider keeps.
    Resource(Box<ResourceCall>),
    /// How many tokens a prompt has, as the dialect of this call asks for it. Answered here.
    CountTokens(Call),
    /// All models, in the form that clients of an API expect.
    ModelList(Api),
    /// The models that are for one thing.
    ModelsFor(ModelKind),
    /// One model; ids may contain slashes. Ollama's clients name it in the body.
    Model(String, Api),
    /// Models in the form of OpenAI's first API.
    Engines,
    /// One model in that form.
    Engine(String),
    /// `POST /api/show`: one model, named in the body.
    OllamaShow,
    /// `GET /api/version`.
    OllamaVersion,
    /// The management API of the control plane.
    Management,
    /// A path of ours with another method.
    WrongMethod,
    /// Nothing we serve.
    Unknown,
}

/// An API by its manners: how errors and lists are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Api {
    /// OpenAI's, and where nothing else is known.
    #[default]
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Gemini's.
    Gemini,
    /// Ollama's.
    Ollama,
}

/// A call of an inference API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which.
    pub endpoint: Endpoint,
    /// What the path says, where it says more than that.
    pub named: Option<Named>,
    /// What the path says of who serves it.
    pub route: Route,
}

/// What a path says of the model and of who serves it, whatever the dialect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// Id or alias of the provider who alone may serve it.
    pub provider: Option<String>,
    /// The model when the request names none. Empty: the configuration says which.
    pub default_model: String,
}

/// A prefix under which the API is served.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "BasePathForm")]
pub struct BasePath {
    /// The prefix.
    pub path: String,
    /// The model of requests under it that name none. Empty: the configuration's.
    pub default_model: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum BasePathForm {
    Plain(String),
    Whole { path: String, default_model: String },
}

impl From<BasePathForm> for BasePath {
    fn from(form: BasePathForm) -> Self {
        match form {
            BasePathForm::Plain(path) => Self { path, default_model: String::new() },
            BasePathForm::Whole { path, default_model } => Self { path, default_model },
        }
    }
}

/// What Gemini's paths say and other dialects' bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The model.
    pub model: String,
    /// The answer is to be streamed.
    pub stream: bool,
    /// As server-sent events (`alt=sse`), and not as a JSON array.
    pub sse: bool,
}

impl Selection {
    /// Answers a request for models, which several APIs have at the same path, as `api` does.
    pub fn prefer(&mut self, api: Api) {
        if let Self::ModelList(own @ Api::OpenAi) | Self::Model(_, own @ Api::OpenAi) = self {
            *own = api;
        }
    }

    /// Returns the API whose manners an answer to this request has.
    pub fn api(&self) -> Api {
        match self {
            Self::Inference(call) | Self::CountTokens(call) => api(call.endpoint),
            Self::ModelList(api) | Self::Model(_, api) => *api,
            Self::OllamaShow | Self::OllamaVersion => Api::Ollama,
            Self::Resource(_)
            | Self::ModelsFor(_)
            | Self::Engines
            | Self::Engine(_)
            | Self::Management
            | Self::WrongMethod
            | Self::Unknown => Api::OpenAi,
        }
    }
}

/// Returns the API that an endpoint belongs to.
pub fn api(endpoint: Endpoint) -> Api {
    match endpoint {
        Endpoint::Unspecified
        | Endpoint::ChatCompletions
        | Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::Responses
        | Endpoint::ImagesGenerations
        | Endpoint::ImagesEdits
        | Endpoint::ImagesVariations
        | Endpoint::Speech
        | Endpoint::Transcriptions
        | Endpoint::Translations
        | Endpoint::Moderations
        | Endpoint::Realtime
        | Endpoint::Files
        | Endpoint::Batches
        | Endpoint::FineTuning
        | Endpoint::Assistants
        | Endpoint::Threads
        | Endpoint::Runs
        | Endpoint::VectorStores
        | Endpoint::StoredResponses => Api::OpenAi,
        Endpoint::Messages => Api::Anthropic,
        Endpoint::GenerateContent | Endpoint::EmbedContent | Endpoint::BatchEmbedContents => {
            Api::Gemini
        }
        Endpoint::OllamaChat
        | Endpoint::OllamaGenerate
        | Endpoint::OllamaEmbed
        | Endpoint::OllamaEmbeddings => Api::Ollama,
    }
}

/// Selects by method and path. The OpenAI API is served under `/v1`, without prefix, under
/// `/api/v1` and under `base_paths`; Anthropic's under the same; Gemini's under `/v1beta`,
/// `/v1alpha` and `/v1`; Ollama's under `/api` and `/v1/api`.
pub fn select(method: &[u8], path: &[u8], base_paths: &[BasePath]) -> Selection {
    let bare = path.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let Ok(bare) = std::str::from_utf8(bare) else { return Selection::Unknown };
    if is_management(bare) {
        return Selection::Management;
    }
    if let Some(selection) = gemini::select(method, bare, path) {
        return selection;
    }
    let (api, route) = strip_base(bare, base_paths);
    let api = api.strip_suffix('/').unwrap_or(api);
    if let Some(selection) = ollama::select(method, api, &route) {
        return selection;
    }
    let listed = match api {
        "/embeddings" => Some(ModelKind::Embeddings),
        "/images/generations" => Some(ModelKind::Images),
        _ => None,
    };
    if let Some(kind) = listed.filter(|_| is_get(method)) {
        return Selection::ModelsFor(kind);
    }
    resources::select(method, api, &route)
        .or_else(|| realtime::select(method, api, path, &route))
        .or_else(|| providers::select(method, api, path, &route))
        .or_else(|| engines::select(method, api, &route))
        .or_else(|| post(method, api, |endpoint| Call { endpoint, named: None, route }))
        .unwrap_or_else(|| models(method, api))
}

/// Selects what is called by a POST, below a prefix of the API. `None`: it is none of that.
fn post(method: &[u8], api: &str, call: impl FnOnce(Endpoint) -> Call) -> Option<Selection> {
    let endpoint = match api {
        "/chat/completions" => Endpoint::ChatCompletions,
        "/completions" => Endpoint::Completions,
        "/embeddings" => Endpoint::Embeddings,
        "/responses" => Endpoint::Responses,
        "/messages" => Endpoint::Messages,
        "/images/generations" => Endpoint::ImagesGenerations,
        "/images/edits" => Endpoint::ImagesEdits,
        "/images/variations" => Endpoint::ImagesVariations,
        "/audio/speech" => Endpoint::Speech,
        "/audio/transcriptions" => Endpoint::Transcriptions,
        "/audio/translations" => Endpoint::Translations,
        "/moderations" => Endpoint::Moderations,
        "/messages/count_tokens" => {
            return Some(posted(method, Selection::CountTokens(call(Endpoint::Messages))));
        }
        "/responses/input_tokens" => {
            return Some(posted(method, Selection::CountTokens(call(Endpoint::Responses))));
        }
        _ => return None,
    };
    Some(posted(method, Selection::Inference(call(endpoint))))
}

fn posted(method: &[u8], selection: Selection) -> Selection {
    if method == b"POST" { selection } else { Selection::WrongMethod }
}

fn got(method: &[u8], selection: Selection) -> Selection {
    if is_get(method) { selection } else { Selection::WrongMethod }
}

fn is_get(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD")
}

/// Returns the value of a query parameter, percent-decoded.
pub fn query_value(path: &[u8], name: &str) -> Option<Vec<u8>> {
    let at = path.iter().position(|byte| *byte == b'?')?;
    let query = path.get(at + 1..)?.split(|byte| *byte == b'#').next()?;
    query
        .split(|byte| *byte == b'&')
        .filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .map(percent::decode)
        .next()
}

fn models(method: &[u8], api: &str) -> Selection {
    let Some(rest) = api.strip_prefix("/models") else { return Selection::Unknown };
    let selection = match rest.strip_prefix('/') {
        None if rest.is_empty() => Selection::ModelList(Api::OpenAi),
        None => return Selection::Unknown,
        Some("") => Selection::ModelList(Api::OpenAi),
        Some(id) => match percent::text(id) {
            Some(id) => Selection::Model(id, Api::OpenAi),
            None => return Selection::Unknown,
        },
    };
    got(method, selection)
}

/// Takes off the longest prefix under which the API is served.
fn strip_base<'a>(path: &'a str, base_paths: &[BasePath]) -> (&'a str, Route) {
    let configured = base_paths.iter().map(|base| (&*base.path, &*base.default_model));
    let found = [("/api/v1", ""), ("/v1", "")]
        .into_iter()
        .chain(configured)
        .map(|(base, model)| (base.trim_end_matches('/'), model))
        .filter(|(base, _)| !base.is_empty())
        .filter_map(|(base, model)| Some((path.strip_prefix(base)?, model)))
        .filter(|(rest, _)| rest.starts_with('/'))
        .min_by_key(|(rest, _)| rest.len());
    let (rest, model) = found.unwrap_or((path, ""));
    (rest, Route { provider: None, default_model: model.to_owned() })
}

fn is_management(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "access_group" | "add" | "budget" | "cache" | "config" | "cost" | "customer" | "delete"
        | "end_user" | "get" | "global" | "jwt" | "key" | "model" | "model_group"
        | "organization" | "project" | "provider" | "public" | "spend" | "sso" | "tag" | "team"
        | "update" | "user" | "utils" => path.len() > first.len() + 2,
        "audit" | "credentials" | "docs" | "fallback" | "health" | "login" | "logout"
        | "openapi.json" | "ready" | "routes" | "session" | "settings" => true,
        "v2" => matches!(
            path.split('/').nth(2),
            Some("key" | "login" | "model" | "organization" | "team" | "user")
        ),
        "v1" => ["/v1/access_group", "/v1/model/"].iter().any(|it| path.starts_with(it)),
        // Others below `/api` are Ollama's, or the API's itself.
        "api" => matches!(
            path.split('/').nth(2),
            Some(
                "cache"
                    | "combos"
                    | "models"
                    | "monitoring"
                    | "provider-models"
                    | "provider-nodes"
                    | "providers"
                    | "resilience"
            )
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
