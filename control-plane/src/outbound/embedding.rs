//! What providers make of a text for comparing it with others, in their own dialects.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::config::{ProviderConfig, ProviderDialect};
use crate::domain::{Secret, Vector};
use crate::outbound::Call;
use crate::outbound::question::call;

/// What a provider made of a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embedded {
    /// `None`: it cannot be compared.
    pub vector: Option<Vector>,
    /// How many tokens it says that the text has.
    pub tokens: Option<u64>,
}

/// Asks a model what it makes of a text.
pub fn embed(
    provider: &ProviderConfig,
    credential: Option<&Secret>,
    model: &str,
    text: &str,
) -> Call {
    let base = &provider.base_url.path;
    let encoded: String = url::form_urlencoded::byte_serialize(model.as_bytes()).collect();
    let (path, body) = match (provider.dialect, &provider.api_version) {
        (ProviderDialect::Gemini, _) => {
            let base = if base.is_empty() { "/v1beta" } else { base.as_str() };
            let body = json!({"content": {"parts": [{"text": text}]}});
            (format!("{base}/models/{encoded}:embedContent"), body)
        }
        (ProviderDialect::Ollama, _) => {
            (format!("{base}/api/embed"), json!({"model": model, "input": text}))
        }
        (ProviderDialect::Azure, Some(version)) => (
            format!("{base}/openai/deployments/{encoded}/embeddings?api-version={version}"),
            json!({"input": text}),
        ),
        (ProviderDialect::Azure, None) => {
            (format!("{base}/openai/v1/embeddings"), json!({"model": model, "input": text}))
        }
        _ => (format!("{base}/embeddings"), json!({"model": model, "input": text})),
    };
    call(provider, credential, Method::POST, path, Some(&body))
}

/// Reads the answer.
pub fn read(dialect: ProviderDialect, body: &[u8]) -> Embedded {
    let read = match dialect {
        ProviderDialect::Gemini => gemini(body),
        ProviderDialect::Ollama => ollama(body),
        ProviderDialect::OpenAi
        | ProviderDialect::Responses
        | ProviderDialect::Azure
        | ProviderDialect::Anthropic
        | ProviderDialect::Deepgram
        | ProviderDialect::AssemblyAi => openai(body),
    };
    read.unwrap_or_default()
}

fn openai(body: &[u8]) -> Option<Embedded> {
    #[derive(Deserialize)]
    struct Answer {
        data: Vec<Datum>,
        usage: Option<Usage>,
    }
    #[derive(Deserialize)]
    struct Datum {
        embedding: Vec<f32>,
    }
    #[derive(Deserialize)]
    struct Usage {
        prompt_tokens: Option<u64>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let vector = answer.data.first().and_then(|first| Vector::scaled(&first.embedding));
    Some(Embedded { vector, tokens: answer.usage.and_then(|usage| usage.prompt_tokens) })
}

fn gemini(body: &[u8]) -> Option<Embedded> {
    #[derive(Deserialize)]
    struct Answer {
        embedding: Values,
    }
    #[derive(Deserialize)]
    struct Values {
        values: Vec<f32>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(Embedded { vector: Vector::scaled(&answer.embedding.values), tokens: None })
}

fn ollama(body: &[u8]) -> Option<Embedded> {
    #[derive(Deserialize)]
    struct Answer {
        embeddings: Vec<Vec<f32>>,
        prompt_eval_count: Option<u64>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let vector = answer.embeddings.first().and_then(|first| Vector::scaled(first));
    Some(Embedded { vector, tokens: answer.prompt_eval_count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BaseUrl;

    #[test]
    fn each_dialect_is_asked_in_its_own_words() {
        let cases = [
            (ProviderDialect::OpenAi, None, "/base/embeddings", r#"{"input":"t","model":"m/1"}"#),
            (ProviderDialect::Ollama, None, "/base/api/embed", r#"{"input":"t","model":"m/1"}"#),
            (
                ProviderDialect::Gemini,
                None,
                "/base/models/m%2F1:embedContent",
                r#"{"content":{"parts":[{"text":"t"}]}}"#,
            ),
            (
                ProviderDialect::Azure,
                None,
                "/base/openai/v1/embeddings",
                r#"{"input":"t","model":"m/1"}"#,
            ),
            (
                ProviderDialect::Azure,
                Some("v"),
                "/base/openai/deployments/m%2F1/embeddings?api-version=v",
                r#"{"input":"t"}"#,
            ),
        ];
        for (dialect, version, path, body) in cases {
            let url = BaseUrl::parse("https://h/base").unwrap();
            let mut provider = ProviderConfig::new("p".into(), url, dialect);
            provider.api_version = version.map(str::to_owned);
            let call = embed(&provider, Some(&Secret::new("k")), "m/1", "t");
            assert_eq!((&*call.path, &*call.body), (path, body.as_bytes()));
            assert_eq!(call.headers.len(), 2, "the credential and the type");
        }
    }

    #[test]
    fn answers_are_read_in_each_dialect() {
        let vector = Vector::scaled(&[3.0, 4.0]);
        let cases = [
            (
                ProviderDialect::OpenAi,
                r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[3,4.0]}],
                    "model":"m","usage":{"prompt_tokens":2,"total_tokens":2}}"#,
                Some(2),
            ),
            (ProviderDialect::Gemini, r#"{"embedding":{"values":[3,4]}}"#, None),
            (
                ProviderDialect::Ollama,
                r#"{"model":"m","embeddings":[[3,4]],"prompt_eval_count":2}"#,
                Some(2),
            ),
        ];
        for (dialect, body, tokens) in cases {
            let expected = Embedded { vector: vector.clone(), tokens };
            assert_eq!(read(dialect, body.as_bytes()), expected, "{dialect:?}");
            assert_eq!(read(dialect, b"{}"), Embedded::default());
            assert_eq!(read(dialect, b"<html>"), Embedded::default());
        }
    }
}
