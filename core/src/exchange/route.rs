//! Which route was asked for, and whether the key may call it.

use super::Exchange;
use crate::path::{Api, Selection};
use crate::policy::access::KeyPolicy;
use crate::policy::routes;

impl Exchange {
    /// Keeps the path until it is known what the key may call: a key that may call everything
    /// never needs it.
    pub(super) fn note_path(&mut self, path: &[u8]) {
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        if let (Ok(path), false) = (std::str::from_utf8(path), path.is_empty()) {
            self.asked_path = Some(path.into());
        }
    }

    /// Tells whether a key may call what was asked for. A path that is not known, because the
    /// key's list is newer than the request, is none that it may call.
    pub(super) fn may_call(&self, policy: &KeyPolicy) -> bool {
        let path = self.asked_path.as_deref();
        path.is_some_and(|path| {
            routes::admits(&policy.allowed_routes, path, |group| self.is_in(group))
        })
    }

    fn is_in(&self, group: &str) -> bool {
        let served = !matches!(
            self.selection,
            Selection::Management | Selection::WrongMethod | Selection::Unknown
        );
        served
            && match group {
                "llm_api_routes" => true,
                "openai_routes" => self.api == Api::OpenAi,
                "anthropic_routes" => self.api == Api::Anthropic,
                "google_routes" => self.api == Api::Gemini,
                _ => false,
            }
    }
}
