//! What a request asks for, by method and path alone.

use tollgate_proto::v1::Endpoint;

mod gemini;
mod ollama;

/// Where a request belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Something that a provider answers.
    Inference(Call),
    /// How many tokens a prompt has, as the dialect of this call asks for it. Answered here.
    CountTokens(Call),
    /// All models, in the form that clients of an API expect.
    ModelList(Api),
    /// One model; ids may contain slashes. Ollama's clients name it in the body.
    Model(String, Api),
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
            Self::Management | Self::WrongMethod | Self::Unknown => Api::OpenAi,
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
        | Endpoint::Responses => Api::OpenAi,
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
pub fn select(method: &[u8], path: &[u8], base_paths: &[String]) -> Selection {
    let bare = path.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let Ok(bare) = std::str::from_utf8(bare) else { return Selection::Unknown };
    if is_management(bare) {
        return Selection::Management;
    }
    if let Some(selection) = gemini::select(method, bare, path) {
        return selection;
    }
    let api = strip_base(bare, base_paths);
    let api = api.strip_suffix('/').unwrap_or(api);
    if let Some(selection) = ollama::select(method, api) {
        return selection;
    }
    let endpoint = match api {
        "/chat/completions" => Endpoint::ChatCompletions,
        "/completions" => Endpoint::Completions,
        "/embeddings" => Endpoint::Embeddings,
        "/responses" => Endpoint::Responses,
        "/messages" => Endpoint::Messages,
        "/messages/count_tokens" => return posted(method, counted(Endpoint::Messages)),
        "/responses/input_tokens" => return posted(method, counted(Endpoint::Responses)),
        _ => return models(method, api),
    };
    posted(method, Selection::Inference(Call { endpoint, named: None }))
}

fn counted(endpoint: Endpoint) -> Selection {
    Selection::CountTokens(Call { endpoint, named: None })
}

fn posted(method: &[u8], selection: Selection) -> Selection {
    if method == b"POST" { selection } else { Selection::WrongMethod }
}

fn got(method: &[u8], selection: Selection) -> Selection {
    if matches!(method, b"GET" | b"HEAD") { selection } else { Selection::WrongMethod }
}

/// Returns the value of a query parameter, percent-decoded.
pub fn query_value(path: &[u8], name: &str) -> Option<Vec<u8>> {
    let at = path.iter().position(|byte| *byte == b'?')?;
    let query = path.get(at + 1..)?.split(|byte| *byte == b'#').next()?;
    query
        .split(|byte| *byte == b'&')
        .filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .map(percent_decode)
        .next()
}

fn models(method: &[u8], api: &str) -> Selection {
    let Some(rest) = api.strip_prefix("/models") else { return Selection::Unknown };
    let selection = match rest.strip_prefix('/') {
        None if rest.is_empty() => Selection::ModelList(Api::OpenAi),
        None => return Selection::Unknown,
        Some("") => Selection::ModelList(Api::OpenAi),
        Some(id) => match String::from_utf8(percent_decode(id.as_bytes())) {
            Ok(id) => Selection::Model(id, Api::OpenAi),
            Err(_) => return Selection::Unknown,
        },
    };
    got(method, selection)
}

/// Takes off the longest prefix under which the API is served.
fn strip_base<'a>(path: &'a str, base_paths: &[String]) -> &'a str {
    let configured = base_paths.iter().map(|base| base.trim_end_matches('/'));
    ["/api/v1", "/v1"]
        .into_iter()
        .chain(configured)
        .filter(|base| !base.is_empty())
        .filter_map(|base| path.strip_prefix(base))
        .filter(|rest| rest.starts_with('/'))
        .min_by_key(|rest| rest.len())
        .unwrap_or(path)
}

fn is_management(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "key" | "spend" | "user" | "team" | "customer" | "end_user" | "organization" | "tag"
        | "budget" | "global" | "utils" => path.len() > first.len() + 2,
        "health" | "ready" => true,
        _ => false,
    }
}

fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded = (byte == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(value) = decoded {
            out.push(value);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, path: &str, expected: &Selection) {
        let bases = ["/telkom/llm/".to_owned()];
        assert_eq!(
            select(method.as_bytes(), path.as_bytes(), &bases),
            *expected,
            "{method} {path}"
        );
    }

    fn inference(endpoint: Endpoint) -> Selection {
        Selection::Inference(Call { endpoint, named: None })
    }

    fn gemini(endpoint: Endpoint, model: &str, stream: bool, sse: bool) -> Call {
        Call { endpoint, named: Some(Named { model: model.to_owned(), stream, sse }) }
    }

    #[test]
    fn serves_the_api_under_every_prefix() {
        let chat = inference(Endpoint::ChatCompletions);
        check("POST", "/v1/chat/completions", &chat);
        check("POST", "/chat/completions", &chat);
        check("POST", "/api/v1/chat/completions?x=1", &chat);
        check("POST", "/telkom/llm/chat/completions", &chat);
        check("POST", "/v1/completions", &inference(Endpoint::Completions));
        check("POST", "/v1/embeddings/", &inference(Endpoint::Embeddings));
    }

    #[test]
    fn serves_other_apis_at_their_own_paths() {
        check("POST", "/v1/responses", &inference(Endpoint::Responses));
        check("POST", "/v1/messages?beta=true", &inference(Endpoint::Messages));
        check("POST", "/v1/messages/count_tokens", &counted(Endpoint::Messages));
        check("POST", "/v1/responses/input_tokens", &counted(Endpoint::Responses));
        check("POST", "/api/chat", &inference(Endpoint::OllamaChat));
        check("POST", "/v1/api/chat", &inference(Endpoint::OllamaChat));
        check("POST", "/api/generate", &inference(Endpoint::OllamaGenerate));
        check("GET", "/api/tags", &Selection::ModelList(Api::Ollama));
        check("POST", "/api/show", &Selection::OllamaShow);
        check("GET", "/api/version", &Selection::OllamaVersion);
        check("GET", "/api/chat", &Selection::WrongMethod);
        check("GET", "/api/settings", &Selection::Unknown);
    }

    #[test]
    fn reads_model_and_form_in_geminis_paths() {
        let generate = |model, stream, sse| {
            Selection::Inference(gemini(Endpoint::GenerateContent, model, stream, sse))
        };
        check("POST", "/v1beta/models/a:generateContent", &generate("a", false, false));
        let path = "/v1beta/models/p/a:8b:streamGenerateContent?key=k&alt=sse";
        check("POST", path, &generate("p/a:8b", true, true));
        check("POST", "/v1/models/a%2Fb:streamGenerateContent", &generate("a/b", true, false));
        let count = gemini(Endpoint::GenerateContent, "a", false, false);
        check("POST", "/v1beta/models/a:countTokens", &Selection::CountTokens(count));
        let embed = gemini(Endpoint::EmbedContent, "a", false, false);
        check("POST", "/v1beta/models/a:embedContent", &Selection::Inference(embed));
        check("GET", "/v1beta/models", &Selection::ModelList(Api::Gemini));
        check("GET", "/v1beta/models/a:8b", &Selection::Model("a:8b".into(), Api::Gemini));
        check("GET", "/v1/models/a:8b", &Selection::Model("a:8b".into(), Api::OpenAi));
        check("GET", "/v1beta/models/a:generateContent", &Selection::WrongMethod);
        check("POST", "/v1beta/files", &Selection::Unknown);
    }

    #[test]
    fn finds_models_with_slashes_in_their_name() {
        check("GET", "/v1/models", &Selection::ModelList(Api::OpenAi));
        check("GET", "/models/", &Selection::ModelList(Api::OpenAi));
        check(
            "GET",
            "/v1/models/openai/gpt-4o",
            &Selection::Model("openai/gpt-4o".into(), Api::OpenAi),
        );
        check(
            "GET",
            "/v1/models/openai%2Fgpt-4o",
            &Selection::Model("openai/gpt-4o".into(), Api::OpenAi),
        );
        check("DELETE", "/v1/models/x", &Selection::WrongMethod);
        check("GET", "/v1/modelsx", &Selection::Unknown);
    }

    #[test]
    fn tells_management_from_inference() {
        for path in [
            "/key/info",
            "/spend/logs?x",
            "/end_user/list",
            "/global/spend/report",
            "/health",
            "/health/liveness",
            "/ready",
        ] {
            check("GET", path, &Selection::Management);
        }
        check("GET", "/key", &Selection::Unknown);
        check("GET", "/v1/health", &Selection::Unknown);
        check("GET", "/v1/chat/completions", &Selection::WrongMethod);
        check("POST", "/v1/audio/speech", &Selection::Unknown);
        check("GET", "/", &Selection::Unknown);
        check("GET", "/api/v1evil/models", &Selection::Unknown);
    }

    #[test]
    fn reads_the_query() {
        assert_eq!(query_value(b"/v1/models?a=1&key=sk-%41b", "key"), Some(b"sk-Ab".to_vec()));
        assert_eq!(query_value(b"/v1/models?monkey=1", "key"), None);
        assert_eq!(query_value(b"/v1/models", "key"), None);
    }

    #[test]
    fn percent_decoding_never_fails() {
        assert_eq!(percent_decode(b"%4"), b"%4");
        assert_eq!(percent_decode(b"%+1%"), b"%+1%");
    }
}
