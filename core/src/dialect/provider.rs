//! What a provider is asked, and where: the endpoint of its own that answers a client's, and its
//! path.

use tollgate_proto::v1::{Endpoint, ProviderDialect};

use super::{Dialect, media};
use crate::path::percent::encode;
use crate::snapshot::{Credential, Provider};

/// Returns the provider's endpoint for a client's: the same one where it is served, else the one
/// to translate to. `None`: the provider has nothing like it.
pub fn endpoint(provider: &Provider, asked: Endpoint) -> Option<Endpoint> {
    if serves(provider, asked) {
        return Some(asked);
    }
    match (provider.dialect, is_embedding(asked)) {
        // They take the sound alone.
        (ProviderDialect::Deepgram | ProviderDialect::Assemblyai, _)
            if asked == Endpoint::Transcriptions =>
        {
            Some(asked)
        }
        // Nothing stands in for these.
        (_, _) if asked == Endpoint::Unspecified || media::is_media(asked) => None,
        (_, _) if asked == Endpoint::Realtime => None,
        (ProviderDialect::Anthropic, true)
        | (ProviderDialect::Deepgram | ProviderDialect::Assemblyai, _) => None,
        (ProviderDialect::Gemini, true) => Some(Endpoint::BatchEmbedContents),
        (ProviderDialect::Ollama, true) => Some(Endpoint::OllamaEmbed),
        (_, true) => Some(Endpoint::Embeddings),
        (ProviderDialect::Unspecified | ProviderDialect::Azure, false) => {
            Some(Endpoint::ChatCompletions)
        }
        (ProviderDialect::Responses, false) => Some(Endpoint::Responses),
        (ProviderDialect::Anthropic, false) => Some(Endpoint::Messages),
        (ProviderDialect::Gemini, false) => Some(Endpoint::GenerateContent),
        (ProviderDialect::Ollama, false) => Some(Endpoint::OllamaChat),
    }
}

/// Tells whether a client's body and its answer can pass as they are.
pub fn serves(provider: &Provider, asked: Endpoint) -> bool {
    match asked {
        Endpoint::ChatCompletions => {
            matches!(provider.dialect, ProviderDialect::Unspecified | ProviderDialect::Azure)
        }
        Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::ImagesGenerations
        | Endpoint::ImagesEdits
        | Endpoint::ImagesVariations
        | Endpoint::Speech
        | Endpoint::Transcriptions
        | Endpoint::Translations
        | Endpoint::Moderations => matches!(
            provider.dialect,
            ProviderDialect::Unspecified | ProviderDialect::Azure | ProviderDialect::Responses
        ),
        Endpoint::Responses => match provider.dialect {
            ProviderDialect::Responses => true,
            ProviderDialect::Unspecified | ProviderDialect::Azure => provider.responses,
            ProviderDialect::Anthropic
            | ProviderDialect::Gemini
            | ProviderDialect::Ollama
            | ProviderDialect::Deepgram
            | ProviderDialect::Assemblyai => false,
        },
        Endpoint::Messages => provider.dialect == ProviderDialect::Anthropic,
        Endpoint::Realtime => !provider.realtime_cluster.is_empty(),
        // Embeddings of Gemini name the model in the body, in several places, and what Ollama
        // generates is a conversation of one message: they are written anew.
        Endpoint::GenerateContent => provider.dialect == ProviderDialect::Gemini,
        Endpoint::EmbedContent
        | Endpoint::BatchEmbedContents
        | Endpoint::OllamaGenerate
        | Endpoint::Files
        | Endpoint::Batches
        | Endpoint::FineTuning
        | Endpoint::Assistants
        | Endpoint::Threads
        | Endpoint::Runs
        | Endpoint::VectorStores
        | Endpoint::StoredResponses
        | Endpoint::Unspecified => false,
        Endpoint::OllamaChat | Endpoint::OllamaEmbed | Endpoint::OllamaEmbeddings => {
            provider.dialect == ProviderDialect::Ollama
        }
    }
}

/// Tells whether an endpoint answers with vectors.
pub fn is_embedding(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::Embeddings
            | Endpoint::EmbedContent
            | Endpoint::BatchEmbedContents
            | Endpoint::OllamaEmbed
            | Endpoint::OllamaEmbeddings
    )
}

/// Tells whether an endpoint is about objects that a provider keeps.
pub fn is_object(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::Files
            | Endpoint::Batches
            | Endpoint::FineTuning
            | Endpoint::Assistants
            | Endpoint::Threads
            | Endpoint::Runs
            | Endpoint::VectorStores
            | Endpoint::StoredResponses
    )
}

/// Returns the dialect of an endpoint. `None`: it is not known.
pub fn dialect(endpoint: Endpoint) -> Option<Dialect> {
    Some(match endpoint {
        Endpoint::ChatCompletions
        | Endpoint::Embeddings
        | Endpoint::ImagesGenerations
        | Endpoint::ImagesEdits
        | Endpoint::ImagesVariations
        | Endpoint::Speech
        | Endpoint::Transcriptions
        | Endpoint::Translations
        | Endpoint::Moderations => Dialect::OpenAi,
        Endpoint::Completions => Dialect::Completions,
        Endpoint::Responses => Dialect::Responses,
        Endpoint::Messages => Dialect::Anthropic,
        Endpoint::GenerateContent | Endpoint::EmbedContent | Endpoint::BatchEmbedContents => {
            Dialect::Gemini
        }
        Endpoint::OllamaChat | Endpoint::OllamaEmbed | Endpoint::OllamaEmbeddings => {
            Dialect::Ollama
        }
        Endpoint::OllamaGenerate => Dialect::OllamaGenerate,
        Endpoint::Files
        | Endpoint::Batches
        | Endpoint::FineTuning
        | Endpoint::Assistants
        | Endpoint::Threads
        | Endpoint::Runs
        | Endpoint::VectorStores
        | Endpoint::StoredResponses
        | Endpoint::Realtime
        | Endpoint::Unspecified => return None,
    })
}

/// Returns the path of a request to a provider, with its credential where that stands in the
/// query: never shown. `sse`: of the two forms of a stream that Gemini has, server-sent events.
pub fn path(
    provider: &Provider,
    endpoint: Endpoint,
    model: &str,
    stream: bool,
    sse: bool,
) -> String {
    let path = if endpoint == Endpoint::Realtime {
        realtime(provider, model)
    } else {
        bare_path(provider, endpoint, model, stream, sse)
    };
    whole_path(provider, path)
}

/// Returns a path below a provider's base URL.
pub fn path_below(provider: &Provider, below: &str) -> String {
    whole_path(provider, [&provider.base_path, below].concat())
}

fn whole_path(provider: &Provider, mut path: String) -> String {
    if let Some(Credential::Query(credential)) = &provider.credential {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(credential);
    }
    path
}

/// Tells whether a provider can keep objects for clients.
pub fn keeps_objects(provider: &Provider) -> bool {
    matches!(
        provider.dialect,
        ProviderDialect::Unspecified | ProviderDialect::Responses | ProviderDialect::Azure
    )
}

/// Returns the path of a request about objects, with its query. `below` is what follows the base
/// URL's path.
pub fn object_path(provider: &Provider, below: &str) -> String {
    let mut path = if provider.dialect == ProviderDialect::Azure {
        azure_object(provider, below)
    } else {
        [provider.base_path.as_str(), below].concat()
    };
    if let Some(Credential::Query(credential)) = &provider.credential {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(credential);
    }
    path
}

fn azure_object(provider: &Provider, below: &str) -> String {
    let base = provider.base_path.strip_suffix("/openai").unwrap_or(&provider.base_path);
    let version = &provider.api_version;
    if version.is_empty() {
        let base = base.strip_suffix("/openai/v1").unwrap_or(base);
        return [base, "/openai/v1", below].concat();
    }
    let joint = if below.contains('?') { "&" } else { "?" };
    [base, "/openai", below, joint, "api-version=", version].concat()
}

fn bare_path(
    provider: &Provider,
    endpoint: Endpoint,
    model: &str,
    stream: bool,
    sse: bool,
) -> String {
    let base = provider.base_path.as_str();
    match provider.dialect {
        ProviderDialect::Gemini => gemini(base, endpoint, model, stream, sse),
        ProviderDialect::Azure => azure(provider, endpoint, model),
        ProviderDialect::Ollama => {
            let base = base.strip_suffix("/api").unwrap_or(base);
            [base, "/api", below(endpoint)].concat()
        }
        ProviderDialect::Anthropic if base.is_empty() => ["/v1", below(endpoint)].concat(),
        ProviderDialect::Unspecified
        | ProviderDialect::Responses
        | ProviderDialect::Anthropic
        | ProviderDialect::Deepgram
        | ProviderDialect::Assemblyai => [base, below(endpoint)].concat(),
    }
}

/// Returns the path of an endpoint below a provider's base URL.
fn below(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => "/chat/completions",
        Endpoint::Completions => "/completions",
        Endpoint::Embeddings | Endpoint::OllamaEmbeddings => "/embeddings",
        Endpoint::Responses => "/responses",
        Endpoint::ImagesGenerations => "/images/generations",
        Endpoint::ImagesEdits => "/images/edits",
        Endpoint::ImagesVariations => "/images/variations",
        Endpoint::Speech => "/audio/speech",
        Endpoint::Transcriptions => "/audio/transcriptions",
        Endpoint::Translations => "/audio/translations",
        Endpoint::Moderations => "/moderations",
        Endpoint::Messages => "/messages",
        Endpoint::GenerateContent => ":generateContent",
        Endpoint::EmbedContent => ":embedContent",
        Endpoint::BatchEmbedContents => ":batchEmbedContents",
        Endpoint::OllamaChat => "/chat",
        Endpoint::OllamaGenerate => "/generate",
        Endpoint::OllamaEmbed => "/embed",
        Endpoint::Realtime => "/realtime",
        Endpoint::Files
        | Endpoint::Batches
        | Endpoint::FineTuning
        | Endpoint::Assistants
        | Endpoint::Threads
        | Endpoint::Runs
        | Endpoint::VectorStores
        | Endpoint::StoredResponses
        | Endpoint::Unspecified => "",
    }
}

/// A session has no body: its path names the model.
fn realtime(provider: &Provider, model: &str) -> String {
    let (path, model) = (bare_path(provider, Endpoint::Realtime, model, true, true), encode(model));
    // Azure's dated form has a query of its own.
    let name = if path.contains('?') { "&deployment=" } else { "?model=" };
    [&path, name, &model].concat()
}

fn gemini(base: &str, endpoint: Endpoint, model: &str, stream: bool, sse: bool) -> String {
    let base = if base.is_empty() { "/v1beta" } else { base };
    let action = match (endpoint, stream, sse) {
        (Endpoint::GenerateContent, true, true) => ":streamGenerateContent?alt=sse",
        (Endpoint::GenerateContent, true, false) => ":streamGenerateContent",
        _ => below(endpoint),
    };
    [base, "/models/", &encode(model), action].concat()
}

/// Azure has a path for each deployment with a dated `api-version`, and one for all without.
fn azure(provider: &Provider, endpoint: Endpoint, model: &str) -> String {
    let base = provider.base_path.strip_suffix("/openai").unwrap_or(&provider.base_path);
    let version = &provider.api_version;
    if version.is_empty() {
        let base = base.strip_suffix("/openai/v1").unwrap_or(base);
        return [base, "/openai/v1", below(endpoint)].concat();
    }
    let deployment = if matches!(endpoint, Endpoint::Responses | Endpoint::Realtime) {
        String::new()
    } else {
        ["/deployments/", &encode(model)].concat()
    };
    [base, "/openai", &deployment, below(endpoint), "?api-version=", version].concat()
}

#[cfg(test)]
mod tests;
