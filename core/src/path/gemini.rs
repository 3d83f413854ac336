//! Gemini's paths, which name the model and whether its answer is streamed.

use tollgate_proto::v1::Endpoint;

use super::{Api, Call, Named, Route, Selection, got, percent, posted, query_value};

/// Selects what is Gemini's. `whole` is the path with its query. `None`: it is not.
pub(super) fn select(method: &[u8], path: &str, whole: &[u8]) -> Option<Selection> {
    let own = ["/v1beta/", "/v1alpha/"].iter().find_map(|base| path.strip_prefix(base));
    let Some(below) = own else {
        // The rest of `/v1` is OpenAI's.
        return action(method, path.strip_prefix("/v1/models/")?, whole);
    };
    let Some(rest) = below.strip_prefix("models") else { return Some(Selection::Unknown) };
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    action(method, rest, whole).or_else(|| Some(listing(method, rest)))
}

fn action(method: &[u8], rest: &str, whole: &[u8]) -> Option<Selection> {
    let (model, action) = rest.rsplit_once(':')?;
    let selection = act(action, percent::text(model)?, query_value(whole, "alt").as_deref())?;
    Some(posted(method, selection))
}

fn listing(method: &[u8], id: &str) -> Selection {
    let selection = match percent::text(id) {
        Some(id) if id.is_empty() => Selection::ModelList(Api::Gemini),
        Some(id) => Selection::Model(id, Api::Gemini),
        None => return Selection::Unknown,
    };
    got(method, selection)
}

fn act(action: &str, model: String, alt: Option<&[u8]>) -> Option<Selection> {
    let stream = action == "streamGenerateContent";
    let named = Some(Named { model, stream, sse: alt == Some(b"sse") });
    let call = |endpoint| Call { endpoint, named, route: Route::default() };
    Some(match action {
        "generateContent" | "streamGenerateContent" => {
            Selection::Inference(call(Endpoint::GenerateContent))
        }
        "embedContent" => Selection::Inference(call(Endpoint::EmbedContent)),
        "batchEmbedContents" => Selection::Inference(call(Endpoint::BatchEmbedContents)),
        "countTokens" => Selection::CountTokens(call(Endpoint::GenerateContent)),
        _ => return None,
    })
}
