//! What a model may call.

use std::borrow::Cow;

use super::{Extras, WRITTEN, written};
use crate::dialect::Dialect;
use crate::json::node::{Node, Text};

/// A declaration of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool<'a> {
    /// What it is.
    pub kind: ToolKind<'a>,
    /// Anthropic's `cache_control`.
    pub cache: Option<Node<'a>>,
    /// Other members of the declaration.
    pub extras: Extras<'a>,
}

/// What a tool is.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolKind<'a> {
    /// A function of the client's.
    Function {
        /// Its name.
        name: Text<'a>,
        /// What it does.
        description: Option<Text<'a>>,
        /// The JSON schema of its arguments. `None`: it takes none.
        parameters: Option<Node<'a>>,
        /// The provider must keep to the schema. `None`: its default.
        strict: Option<bool>,
    },
    /// Something that only one dialect knows, such as a provider's own search: the whole
    /// declaration as it was written.
    Other(Dialect, Node<'a>),
}

/// Whether the model must call something.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice<'a> {
    /// As it likes.
    Auto,
    /// It may not.
    None,
    /// Some tool.
    Required,
    /// This one.
    Tool(Text<'a>),
    /// One of these, or none of them when it is not `required`.
    Allowed {
        /// Their names.
        names: Vec<Text<'a>>,
        /// It must call one.
        required: bool,
    },
    /// Something that only one dialect knows, as it was written.
    Other(Dialect, Node<'a>),
}

/// What a tool that takes free text takes where tools take JSON. Calls are wrapped in the same
/// way by [`super::message::Arguments::to_object`].
const WRAPPED: &[u8] = br#"{"type":"object","properties":{"arguments":{"type":"string","description":"The whole text, as it is."}},"required":["arguments"],"additionalProperties":false}"#;

impl<'a> Tool<'a> {
    /// Makes a tool that takes free text instead of JSON (OpenAI's custom tools). Dialects without
    /// such see a function of one string; the grammar that the text must follow, of this syntax,
    /// becomes part of its description.
    pub fn custom(
        name: Text<'a>,
        description: Option<Text<'a>>,
        grammar: Option<(Text<'a>, Text<'a>)>,
        declaration: Node<'a>,
    ) -> Self {
        let description = match grammar {
            None => description,
            Some((syntax, definition)) => {
                let mut told = description.unwrap_or_default();
                told.push(&Text::of("\n\nThe text must follow this grammar ("));
                told.push(&syntax);
                told.push(&Text::of("):\n"));
                told.push(&definition);
                Some(told)
            }
        };
        let parameters = Some(Node::trusted(WRAPPED));
        Self {
            kind: ToolKind::Function { name, description, parameters, strict: None },
            cache: None,
            extras: vec![(Cow::Borrowed(WRITTEN), declaration)],
        }
    }

    /// Returns the declaration of a tool that takes free text, as it was written.
    pub fn as_custom(&self) -> Option<Node<'a>> {
        let is_custom = |tool: &Node<'_>| {
            tool.get("type").and_then(Node::string).is_some_and(|kind| kind == "custom")
        };
        written(&self.extras).filter(is_custom)
    }
}

/// Returns the free text that a call of a custom tool means, given the arguments that a provider
/// without such tools wrote: the one string in them, or else themselves.
pub fn free_text(arguments: &Text<'_>) -> Text<'static> {
    let decoded = arguments.decoded();
    let mut members =
        Node::object(decoded.as_bytes()).ok().map(Node::members).into_iter().flatten();
    match (members.next().and_then(|(_, value)| value.text()), members.next()) {
        (Some(text), None) => text.into_owned(),
        _ => arguments.clone().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_is_found_in_what_wraps_it() {
        let check = |arguments: &str, expected: &str| {
            assert_eq!(free_text(&Text::of(arguments)), expected);
        };
        check(r#"{"arguments":"*** Begin \"Patch\"\n"}"#, "*** Begin \"Patch\"\n");
        check(r#"{"input":"x"}"#, "x");
        check("*** Begin Patch", "*** Begin Patch");
        check(r#"{"a":"x","b":"y"}"#, r#"{"a":"x","b":"y"}"#);
        check(r#"{"a":1}"#, r#"{"a":1}"#);
        check("", "");
    }

    #[test]
    fn a_custom_tool_is_a_function_that_tells_its_grammar() {
        let written = Node::trusted(br#"{"type":"custom"}"#);
        let grammar = Some((Text::of("lark"), Text::of("start: \"x\"")));
        let tool = Tool::custom(Text::of("t"), Some(Text::of("Does.")), grammar, written);

        assert_eq!(tool.as_custom(), Some(written));
        let ToolKind::Function { description, parameters, .. } = tool.kind else { panic!() };
        let told = "Does.\n\nThe text must follow this grammar (lark):\nstart: \"x\"";
        assert_eq!(description.unwrap(), told);
        assert!(Node::object(parameters.unwrap().raw()).is_ok());
    }
}
