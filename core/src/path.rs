//! What a request asks for, by method and path alone.

use tollgate_proto::v1::Endpoint;

/// Where a request belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Inference, with the path below a provider's base URL.
    Inference(Endpoint),
    /// `GET /v1/models`.
    ModelList,
    /// `GET /v1/models/{id}`; ids may contain slashes.
    Model(String),
    /// The management API of the control plane.
    Management,
    /// A path of ours with another method.
    WrongMethod,
    /// Nothing we serve.
    Unknown,
}

/// Returns the path of an endpoint below a provider's base URL.
pub fn provider_path(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => "/chat/completions",
        Endpoint::Completions => "/completions",
        Endpoint::Embeddings => "/embeddings",
        Endpoint::Unspecified => "",
    }
}

/// Selects by method and path. The OpenAI API is served under `/v1`, without prefix, under
/// `/api/v1` and under `base_paths`.
pub fn select(method: &[u8], path: &[u8], base_paths: &[String]) -> Selection {
    let path = path.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let Ok(path) = std::str::from_utf8(path) else { return Selection::Unknown };
    if is_management(path) {
        return Selection::Management;
    }
    let api = strip_base(path, base_paths);
    let inference = match api.strip_suffix('/').unwrap_or(api) {
        "/chat/completions" => Endpoint::ChatCompletions,
        "/completions" => Endpoint::Completions,
        "/embeddings" => Endpoint::Embeddings,
        _ => return models(method, api),
    };
    if method == b"POST" { Selection::Inference(inference) } else { Selection::WrongMethod }
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
        None if rest.is_empty() => Selection::ModelList,
        None => return Selection::Unknown,
        Some("") => Selection::ModelList,
        Some(id) => match String::from_utf8(percent_decode(id.as_bytes())) {
            Ok(id) => Selection::Model(id),
            Err(_) => return Selection::Unknown,
        },
    };
    if matches!(method, b"GET" | b"HEAD") { selection } else { Selection::WrongMethod }
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

    #[test]
    fn serves_the_api_under_every_prefix() {
        let chat = Selection::Inference(Endpoint::ChatCompletions);
        check("POST", "/v1/chat/completions", &chat);
        check("POST", "/chat/completions", &chat);
        check("POST", "/api/v1/chat/completions?x=1", &chat);
        check("POST", "/telkom/llm/chat/completions", &chat);
        check("POST", "/v1/completions", &Selection::Inference(Endpoint::Completions));
        check("POST", "/v1/embeddings/", &Selection::Inference(Endpoint::Embeddings));
    }

    #[test]
    fn finds_models_with_slashes_in_their_name() {
        check("GET", "/v1/models", &Selection::ModelList);
        check("GET", "/models/", &Selection::ModelList);
        check("GET", "/v1/models/openai/gpt-4o", &Selection::Model("openai/gpt-4o".into()));
        check("GET", "/v1/models/openai%2Fgpt-4o", &Selection::Model("openai/gpt-4o".into()));
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
