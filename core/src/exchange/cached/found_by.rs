//! What kept answers are found by.

use super::eligible::{is_deterministic, is_kept};
use super::{Caching, MOST_BODY};
use crate::cache::CacheKey;
use crate::dialect::provider;
use crate::dialect::question::Question;
use crate::dialect::request::Request;
use crate::exchange::repeats::digest;
use crate::json::canonical;
use crate::json::node::Node;
use crate::snapshot::Model;

/// What the answer to a request is found by.
#[derive(Debug)]
pub(super) struct FoundBy {
    /// By who asks exactly the same.
    pub(super) key: CacheKey,
    /// By who asks something similar. `None`: by nobody.
    pub(super) question: Option<tollgate_proto::v1::Question>,
}

impl Caching {
    /// Returns what the answer to a request is found by. `None`: its answer is not kept.
    pub(super) fn found_by(
        &self,
        (request, body): (&Request, &[u8]),
        model: &Model,
        owner: &str,
    ) -> Option<FoundBy> {
        let settings = &self.settings;
        if body.len() > MOST_BODY || !settings.serves(&model.name) {
            return None;
        }
        let node = Node::object(body).ok()?;
        if !is_kept(request.endpoint, node)
            || !(settings.everything || is_deterministic(request.endpoint, node))
        {
            return None;
        }
        let version = version(model);
        let form = [u8::from(request.stream), u8::from(request.sse)];
        let endpoint = (request.endpoint as i32).to_be_bytes();
        let name = model.name.as_bytes();
        let (owner, headers) = (owner.as_bytes(), &*self.headers);
        let hash = |rest: &[u8]| digest(&[owner, &endpoint, &form, name, &version, headers, rest]);
        let mut text = Vec::with_capacity(body.len());
        canonical::append(body, &mut text)?;
        let key = hash(&text);
        let question = self.question((request, body), model).and_then(|question| {
            text.clear();
            // What follows is no JSON, so that no context is anything's key.
            question.append_rest(body, &mut text)?;
            let context = hash(&text).to_vec();
            Some(tollgate_proto::v1::Question { context, text: question.text })
        });
        Some(FoundBy { key, question })
    }

    fn question(&self, (request, body): (&Request, &[u8]), model: &Model) -> Option<Question> {
        let settings = self.settings.semantic.as_ref()?;
        if !settings.serves(&model.name) || provider::is_embedding(request.endpoint) {
            return None;
        }
        Question::find(provider::dialect(request.endpoint)?, body, settings.max_text_bytes)
    }
}

/// Everything about a model's targets and settings that changes what they answer.
fn version(model: &Model) -> Vec<u8> {
    let mut version = Vec::new();
    for target in &model.targets {
        let provider = &target.provider;
        let parts = [&provider.id, &provider.authority, &provider.base_path, &target.model];
        version.extend_from_slice(&digest(&parts.map(String::as_bytes)));
        version.extend_from_slice(&(provider.dialect as i32).to_be_bytes());
    }
    if let Some(settings) = &model.settings {
        version.extend_from_slice(format!("{settings:?}").as_bytes());
    }
    version
}
