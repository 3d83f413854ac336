//! What a model's settings change in a request, whatever dialect its provider speaks.
//!
//! Changes are made where they belong: every byte that no setting names is kept. Members come
//! first, then the system prompt and the amount of thinking, which must fit what those have set.

mod members;
mod system;
mod thinking;

use tollgate_proto::v1::Endpoint;

use crate::json::patch::Patch;
use crate::snapshot::settings::ModelSettings;

/// Returns a body for `endpoint` of a provider, in which it calls the model `model`, with the
/// settings applied. `None`: nothing changes.
pub fn apply(
    settings: &ModelSettings,
    endpoint: Endpoint,
    model: &str,
    body: &[u8],
) -> Option<Vec<u8>> {
    let with_defaults = members::add(&settings.defaults, endpoint, body);
    let text = with_defaults.as_deref().unwrap_or(body);
    let overridden = members::replace(&settings.overrides, endpoint, text);
    let text = overridden.as_deref().unwrap_or(text);
    let mut patch = Patch::of(text);
    system::surround(&settings.system_prompt, endpoint, &mut patch);
    thinking::set(settings.thinking, endpoint, model, &mut patch);
    patch.apply().or(overridden).or(with_defaults)
}

/// Returns the prompt of a body, whose tokens are to be counted, with what is added to it. `None`:
/// nothing is.
pub fn prompt(settings: &ModelSettings, endpoint: Endpoint, body: &[u8]) -> Option<Vec<u8>> {
    let mut patch = Patch::of(body);
    system::surround(&settings.system_prompt, endpoint, &mut patch);
    patch.apply()
}
