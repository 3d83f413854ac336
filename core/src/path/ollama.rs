//! Ollama's paths.

use tollgate_proto::v1::Endpoint;

use super::{Api, Call, Route, Selection, got, posted};

/// Selects what is Ollama's. `None`: it is not.
pub(super) fn select(method: &[u8], path: &str, route: &Route) -> Option<Selection> {
    let endpoint = match path.strip_prefix("/api/")? {
        "chat" => Endpoint::OllamaChat,
        "generate" => Endpoint::OllamaGenerate,
        "embed" => Endpoint::OllamaEmbed,
        "embeddings" => Endpoint::OllamaEmbeddings,
        "tags" => return Some(got(method, Selection::ModelList(Api::Ollama))),
        "show" => return Some(posted(method, Selection::OllamaShow)),
        "version" => return Some(got(method, Selection::OllamaVersion)),
        _ => return None,
    };
    Some(posted(method, Selection::Inference(Call { endpoint, named: None, route: route.clone() })))
}
