//! What a model may call.

use super::Extras;
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
