//! Reading single fields where they lie.

use tollgate_proto::v1::Endpoint;

use crate::json::scan::{Array, Member, Object};
use crate::json::text;

/// Where the cap stands when it is not in the body itself.
pub(super) struct Nested {
    /// Names of the object, the one to write first.
    pub(super) outer: &'static [&'static str],
    /// Names of the cap in it, the one to write first.
    pub(super) cap: &'static [&'static str],
    /// Names of the number of answers in it.
    pub(super) choices: &'static [&'static str],
}

impl Nested {
    /// Returns where an endpoint has its cap. `None`: in the body itself.
    pub(super) fn of(endpoint: Endpoint) -> Option<Self> {
        if endpoint == Endpoint::GenerateContent {
            return Some(Self {
                outer: &["generationConfig", "generation_config"],
                cap: &["maxOutputTokens", "max_output_tokens"],
                choices: &["candidateCount", "candidate_count"],
            });
        }
        matches!(endpoint, Endpoint::OllamaChat | Endpoint::OllamaGenerate).then_some(Self {
            outer: &["options"],
            cap: &["num_predict"],
            choices: &[],
        })
    }
}

/// Reads a switch; null means off.
pub(super) fn boolean(value: &[u8]) -> Option<bool> {
    match value {
        b"true" => Some(true),
        b"false" | b"null" => Some(false),
        _ => None,
    }
}

/// Reads a whole number that is not negative.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Goes through the members of an object.
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = Member> {
    let mut object = Object::open(value).ok();
    std::iter::from_fn(move || object.as_mut()?.next_member().ok()?)
}

/// Goes through the values of all members of one name.
pub(super) fn named<'a>(object: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    members(object)
        .filter(move |member| text::means(object.get(member.key.clone()).unwrap_or_default(), name))
        .filter_map(|member| object.get(member.value))
}

/// Returns the strings of an array.
pub(super) fn strings(list: &[u8]) -> Vec<String> {
    Array::open(list)
        .filter_map(|at| text::string_value(list.get(at)?).map(std::borrow::Cow::into_owned))
        .collect()
}
