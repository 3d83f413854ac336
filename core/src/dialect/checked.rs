//! Checked bodies and values of fields: what an API answers with 400 is refused here.

use crate::json::node::{Node, Number, Text};
use crate::refusal::Refusal;

/// Takes a body that is a JSON object in UTF-8.
pub(super) fn body(body: &[u8]) -> Result<Node<'_>, Refusal> {
    std::str::from_utf8(body).map_err(|error| {
        Refusal::InvalidJson(format!("not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    Node::object(body).map_err(|why| Refusal::InvalidJson(why.to_string()))
}

/// Names a field that holds the wrong kind of value.
pub(super) fn invalid(field: &'static str, expected: &'static str) -> Refusal {
    Refusal::InvalidField { field, expected }
}

pub(super) fn text<'a>(value: Node<'a>, field: &'static str) -> Result<Text<'a>, Refusal> {
    value.text().ok_or_else(|| invalid(field, "a string"))
}

pub(super) fn boolean(value: Node<'_>, field: &'static str) -> Result<bool, Refusal> {
    value.bool().ok_or_else(|| invalid(field, "true or false"))
}

pub(super) fn number<'a>(value: Node<'a>, field: &'static str) -> Result<Number<'a>, Refusal> {
    value.number().ok_or_else(|| invalid(field, "a number"))
}

pub(super) fn count(value: Node<'_>, field: &'static str) -> Result<u64, Refusal> {
    value.u64().ok_or_else(|| invalid(field, "a whole number that is not negative"))
}

pub(super) fn object<'a>(value: Node<'a>, field: &'static str) -> Result<Node<'a>, Refusal> {
    if value.is_object() { Ok(value) } else { Err(invalid(field, "an object")) }
}

pub(super) fn array<'a>(value: Node<'a>, field: &'static str) -> Result<Node<'a>, Refusal> {
    if value.is_array() { Ok(value) } else { Err(invalid(field, "an array")) }
}

/// Takes a text, or an array of texts, as `stop` may be either.
pub(super) fn texts<'a>(value: Node<'a>, field: &'static str) -> Result<Vec<Text<'a>>, Refusal> {
    if let Some(one) = value.text() {
        return Ok(vec![one]);
    }
    let wrong = || invalid(field, "a string or an array of strings");
    if !value.is_array() {
        return Err(wrong());
    }
    value.items().map(|item| item.text().ok_or_else(wrong)).collect()
}
