//! What providers are asked, in their own dialects: which models they have, and for a few words.

use bytes::Bytes;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::config::{ProviderConfig, ProviderDialect};
use crate::domain::Secret;
use crate::outbound::Call;

/// Asks for the list of models.
pub fn models(provider: &ProviderConfig, credential: Option<&Secret>) -> Call {
    let base = &provider.base_url.path;
    let path = match (provider.dialect, &provider.api_version) {
        (ProviderDialect::Azure, Some(version)) => {
            format!("{base}/openai/models?api-version={version}")
        }
        (ProviderDialect::Azure, None) => format!("{base}/openai/v1/models"),
        (ProviderDialect::Gemini, _) if base.is_empty() => "/v1beta/models".to_owned(),
        (ProviderDialect::Ollama, _) => format!("{base}/api/tags"),
        (ProviderDialect::Anthropic, _) => format!("{base}/models?limit=1000"),
        _ => format!("{base}/models"),
    };
    call(provider, credential, Method::GET, path, None)
}

/// Asks a model for a few words.
pub fn words(provider: &ProviderConfig, credential: Option<&Secret>, model: &str) -> Call {
    let base = &provider.base_url.path;
    let user = json!([{"role": "user", "content": "Say hi."}]);
    let encoded: String = url::form_urlencoded::byte_serialize(model.as_bytes()).collect();
    let (path, body) = match provider.dialect {
        ProviderDialect::Anthropic => (
            format!("{base}/messages"),
            json!({"model": model, "max_tokens": FEW, "messages": user}),
        ),
        ProviderDialect::Gemini => {
            let base = if base.is_empty() { "/v1beta" } else { base.as_str() };
            let contents = json!([{"role": "user", "parts": [{"text": "Say hi."}]}]);
            let config = json!({"maxOutputTokens": FEW});
            (
                format!("{base}/models/{encoded}:generateContent"),
                json!({"contents": contents, "generationConfig": config}),
            )
        }
        ProviderDialect::Ollama => (
            format!("{base}/api/chat"),
            json!({"model": model, "messages": user, "stream": false,
                "options": {"num_predict": FEW}}),
        ),
        ProviderDialect::Responses => (
            format!("{base}/responses"),
            json!({"model": model, "input": "Say hi.", "max_output_tokens": 16}),
        ),
        ProviderDialect::OpenAi
        | ProviderDialect::Azure
        | ProviderDialect::Deepgram
        | ProviderDialect::AssemblyAi => {
            let cap =
                if provider.completion_tokens_cap { "max_completion_tokens" } else { "max_tokens" };
            let path = match (provider.dialect, &provider.api_version) {
                (ProviderDialect::Azure, Some(version)) => format!(
                    "{base}/openai/deployments/{encoded}/chat/completions?api-version={version}"
                ),
                (ProviderDialect::Azure, None) => format!("{base}/openai/v1/chat/completions"),
                _ => format!("{base}/chat/completions"),
            };
            (path, json!({"model": model, cap: FEW, "messages": user}))
        }
    };
    call(provider, credential, Method::POST, path, Some(&body))
}

/// Reads the names out of a list of models, sorted. `None`: it is no such list.
pub fn names(dialect: ProviderDialect, body: &[u8]) -> Option<Vec<String>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let (list, name) = match dialect {
        ProviderDialect::Gemini | ProviderDialect::Ollama => (body.get("models")?, "name"),
        ProviderDialect::Deepgram => (body.get("stt")?, "canonical_name"),
        ProviderDialect::OpenAi
        | ProviderDialect::Responses
        | ProviderDialect::Azure
        | ProviderDialect::AssemblyAi
        | ProviderDialect::Anthropic => (body.get("data").unwrap_or(&body), "id"),
    };
    let names = list.as_array()?.iter().filter_map(|model| model.get(name)?.as_str());
    let mut names: Vec<String> =
        names.map(|name| name.strip_prefix("models/").unwrap_or(name).to_owned()).collect();
    names.sort();
    names.dedup();
    Some(names)
}

/// Asks for something at a path, which has the base URL's already.
pub fn object(provider: &ProviderConfig, credential: Option<&Secret>, path: String) -> Call {
    call(provider, credential, Method::GET, path, None)
}

pub(super) fn call(
    provider: &ProviderConfig,
    credential: Option<&Secret>,
    method: Method,
    mut path: String,
    body: Option<&Value>,
) -> Call {
    let mut headers = HeaderMap::new();
    if provider.dialect == ProviderDialect::Anthropic {
        let version = HeaderValue::from_static("2023-06-01");
        headers.insert(HeaderName::from_static("anthropic-version"), version);
    }
    if body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(credential) = credential {
        if let Some(name) = &provider.credential_query {
            let value: String =
                url::form_urlencoded::byte_serialize(credential.expose().as_bytes()).collect();
            let mark = if path.contains('?') { '&' } else { '?' };
            path = format!("{path}{mark}{name}={value}");
        } else if let Some((name, value)) = carried(provider, credential) {
            headers.insert(name, value);
        }
    }
    let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
    Call { method, path, headers, body }
}

/// Puts the credential into the header that the provider wants.
fn carried(provider: &ProviderConfig, credential: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let plain = |name: &str| {
        let value = HeaderValue::from_str(credential.expose()).ok()?;
        Some((name.parse().ok()?, value))
    };
    let (name, mut value) = match (&provider.credential_header, provider.dialect) {
        (Some(name), _) => plain(name),
        (None, ProviderDialect::Anthropic) => plain("x-api-key"),
        (None, ProviderDialect::Gemini) => plain("x-goog-api-key"),
        (None, ProviderDialect::Azure) => plain("api-key"),
        (None, ProviderDialect::AssemblyAi) => plain("authorization"),
        (None, ProviderDialect::Deepgram) => {
            let value = format!("Token {}", credential.expose());
            Some((AUTHORIZATION, HeaderValue::from_str(&value).ok()?))
        }
        (None, ProviderDialect::OpenAi | ProviderDialect::Responses | ProviderDialect::Ollama) => {
            let value = format!("Bearer {}", credential.expose());
            Some((AUTHORIZATION, HeaderValue::from_str(&value).ok()?))
        }
    }?;
    value.set_sensitive(true);
    Some((name, value))
}

const FEW: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BaseUrl;

    fn provider(dialect: ProviderDialect) -> ProviderConfig {
        let url = BaseUrl::parse("https://h/base").unwrap();
        ProviderConfig::new("p".into(), url, dialect)
    }

    #[test]
    fn each_dialect_has_its_list_and_its_place_for_the_credential() {
        let secret = Secret::new("k");
        for (dialect, path, header, value) in [
            (ProviderDialect::OpenAi, "/base/models", "authorization", "Bearer k"),
            (ProviderDialect::Anthropic, "/base/models?limit=1000", "x-api-key", "k"),
            (ProviderDialect::Gemini, "/base/models", "x-goog-api-key", "k"),
            (ProviderDialect::Azure, "/base/openai/v1/models", "api-key", "k"),
            (ProviderDialect::Ollama, "/base/api/tags", "authorization", "Bearer k"),
        ] {
            let call = models(&provider(dialect), Some(&secret));
            assert_eq!(call.path, path);
            assert_eq!(call.headers[header], value);
            assert!(!format!("{call:?}").contains("Bearer k"));
        }
        let query = ProviderConfig {
            credential_query: Some("key".into()),
            ..provider(ProviderDialect::OpenAi)
        };
        let call = models(&query, Some(&Secret::new("a&b")));
        assert_eq!((call.path.as_str(), call.headers.len()), ("/base/models?key=a%26b", 0));
    }

    #[test]
    fn lists_are_read_in_each_dialect() {
        let openai = br#"{"data":[{"id":"b"},{"id":"a"},{"id":"a"}]}"#;
        let gemini = br#"{"models":[{"name":"models/g"}]}"#;
        let ollama = br#"{"models":[{"name":"llama3:8b"}]}"#;

        assert_eq!(names(ProviderDialect::OpenAi, openai).unwrap(), ["a", "b"]);
        assert_eq!(names(ProviderDialect::OpenAi, br#"[{"id":"t"}]"#).unwrap(), ["t"]);
        assert_eq!(names(ProviderDialect::Gemini, gemini).unwrap(), ["g"]);
        assert_eq!(names(ProviderDialect::Ollama, ollama).unwrap(), ["llama3:8b"]);
        assert_eq!(names(ProviderDialect::OpenAi, b"<html>"), None);
    }
}
