//! Members as protobuf's JSON has them: names in camel or snake case, one value where several
//! could stand, numbers in quotes.

use std::borrow::Cow;

use crate::dialect::chat::{Extras, WRITTEN};
use crate::json::node::{Node, Number};
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Returns a name in camel case.
pub(in crate::dialect) fn camel(name: &str) -> Cow<'_, str> {
    let Some(plain) = name.get(1..).filter(|rest| rest.contains('_')) else {
        return Cow::Borrowed(name);
    };
    let mut out = String::with_capacity(name.len());
    out.push_str(name.get(..1).unwrap_or_default());
    let mut raise = false;
    for character in plain.chars() {
        if character == '_' {
            raise = true;
        } else if raise {
            out.push(character.to_ascii_uppercase());
            raise = false;
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Goes through the members that are set.
pub(super) fn set(node: Node<'_>) -> impl Iterator<Item = (Cow<'_, str>, Node<'_>)> {
    node.members().filter(|(_, value)| !value.is_null())
}

/// Returns a member by its name in camel case.
pub(in crate::dialect) fn find<'a>(node: Node<'a>, name: &str) -> Option<Node<'a>> {
    set(node).filter(|(key, _)| camel(key) == name).last().map(|(_, value)| value)
}

/// Goes through a repeated field, which may be written as the one value it holds.
pub(super) fn each(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let one = (!node.is_array()).then_some(node);
    one.into_iter().chain(node.items())
}

/// Reads a number, in quotes too.
pub(super) fn number<'a>(
    node: Node<'a>,
    field: &'static str,
) -> Result<Option<Number<'a>>, Refusal> {
    let raw = node.raw();
    let inner = raw.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(raw);
    let number = Node::trusted(inner).number().filter(|number| number.f64().is_some());
    number.map(Some).ok_or(Refusal::InvalidField { field, expected: "a number" })
}

/// Reads a whole number that is not negative, in quotes too.
pub(super) fn whole(node: Node<'_>, field: &'static str) -> Result<Option<u64>, Refusal> {
    let wrong = Refusal::InvalidField { field, expected: "a whole number that is not negative" };
    number(node, field)?.and_then(Number::u64).map(Some).ok_or(wrong)
}

/// Writes extras of this dialect as they were read.
pub(super) fn write_extras(out: &mut Writer, extras: &Extras<'_>) {
    for (name, value) in extras.iter().filter(|(name, _)| name != WRITTEN) {
        out.key(name).node(*value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_both_forms_of_a_name() {
        assert_eq!(camel("max_output_tokens"), "maxOutputTokens");
        assert_eq!(camel("maxOutputTokens"), "maxOutputTokens");
        assert_eq!(camel("_responseJsonSchema"), "_responseJsonSchema");
        assert_eq!(camel("é_x"), "é_x");
        assert_eq!(camel(""), "");
    }

    #[test]
    fn takes_one_for_several_and_quotes_for_numbers() {
        assert_eq!(each(Node::trusted(b"[1,2]")).count(), 2);
        assert_eq!(each(Node::trusted(b"{}")).count(), 1);
        assert_eq!(whole(Node::trusted(b"\"7\""), "x"), Ok(Some(7)));
        assert!(whole(Node::trusted(b"\"seven\""), "x").is_err());
        assert!(whole(Node::trusted(b"-1"), "x").is_err());
    }
}
