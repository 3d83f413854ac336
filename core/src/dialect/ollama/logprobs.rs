//! How likely tokens were: the same list as OpenAI's `logprobs.content`.

use crate::json::node::Node;

/// Wraps the list as OpenAI does.
pub(super) fn read(list: Node<'_>) -> Option<Vec<u8>> {
    let is_list = list.is_array() && list.raw() != b"[]";
    is_list.then(|| [b"{\"content\":", list.raw(), b"}"].concat())
}

/// Returns the list in what OpenAI writes.
pub(super) fn list(logprobs: &[u8]) -> Option<Node<'_>> {
    Node::object(logprobs).ok()?.get("content")
}
