//! Items, of which both input and output consist, as they are read.

use std::borrow::Cow;

use super::media;
use super::seal::Sealed;
use crate::dialect::Dialect;
use crate::dialect::chat::message::{Arguments, Thought, ToolCall, ToolResult};
use crate::dialect::chat::{Extras, Part, PartKind, WRITTEN};
use crate::json::node::{Node, Text};

/// The members of an item that have a meaning here.
#[derive(Debug, Default)]
pub(super) struct Item<'a> {
    pub(super) written: Option<Node<'a>>,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) role: Option<Cow<'a, str>>,
    pub(super) content: Option<Node<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) call_id: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    /// `arguments` of functions, `input` of custom tools.
    pub(super) arguments: Option<Text<'a>>,
    pub(super) output: Option<Node<'a>>,
    namespace: Option<Node<'a>>,
    summary: Option<Node<'a>>,
    encrypted: Option<Node<'a>>,
}

impl<'a> Item<'a> {
    pub(super) fn read(node: Node<'a>) -> Self {
        let mut item = Self { written: Some(node), ..Self::default() };
        for (key, value) in node.members() {
            match &*key {
                "type" => item.kind = value.string(),
                "role" => item.role = value.string(),
                "content" => item.content = Some(value).filter(|value| !value.is_null()),
                "id" => item.id = value.text(),
                "call_id" => item.call_id = value.text(),
                "name" => item.name = value.text(),
                "arguments" | "input" => item.arguments = value.text(),
                "output" => item.output = Some(value),
                "namespace" => item.namespace = Some(value),
                "summary" => item.summary = Some(value),
                "encrypted_content" => item.encrypted = Some(value),
                _ => {}
            }
        }
        item
    }

    /// Returns the extras of the first part that is made of this item.
    pub(super) fn extras(&self) -> Extras<'a> {
        let mut extras: Extras<'a> = Vec::new();
        extras.extend(self.written.map(|node| (Cow::Borrowed(WRITTEN), node)));
        extras.extend(self.namespace.map(|node| (Cow::Borrowed("namespace"), node)));
        extras
    }

    /// Makes one part of the whole item.
    pub(super) fn part(&self, kind: PartKind<'a>) -> Part<'a> {
        Part { kind, cache: None, extras: self.extras() }
    }

    /// Makes a part of an item that has no meaning here.
    pub(super) fn other(&self) -> Option<Part<'a>> {
        self.written.map(|node| Part::new(PartKind::Other(Dialect::Responses, node)))
    }

    /// Makes a tool call, if the item says what a call must say.
    pub(super) fn call(&self, custom: bool, signature: Option<Text<'a>>) -> Option<Part<'a>> {
        let id = self.call_id.clone().or_else(|| self.id.clone())?;
        let name = self.name.clone()?;
        let arguments = Arguments::Text(self.arguments.clone().unwrap_or_default());
        let call = ToolCall { id, name, arguments, signature, custom };
        Some(self.part(PartKind::ToolCall(call)))
    }

    /// Makes a tool's answer.
    pub(super) fn result(&self) -> Option<Part<'a>> {
        let id = self.call_id.clone()?;
        let parts = content(self.output?);
        let result = ToolResult { id, name: self.name.clone(), parts, is_error: false };
        Some(self.part(PartKind::ToolResult(result)))
    }

    /// Makes the parts of a message of the model's.
    pub(super) fn said(&self) -> Vec<Part<'a>> {
        let mut parts = self.content.map(content).unwrap_or_default();
        if parts.is_empty() {
            parts.push(Part::text(Text::default()));
        }
        self.keep(parts)
    }

    /// Returns what its encrypted content is.
    pub(super) fn sealed(&self) -> Option<Sealed<'a>> {
        self.encrypted.and_then(Sealed::open)
    }

    /// Makes the parts of a reasoning item, and the proof of the call that comes next.
    pub(super) fn thoughts(&self) -> (Vec<Part<'a>>, Option<Text<'a>>) {
        let texts = |node: Option<Node<'a>>| node.into_iter().flat_map(Node::items);
        let mut texts = texts(self.summary)
            .chain(texts(self.content))
            .filter_map(|part| part.get("text")?.text());
        let thought = |text, thought: Thought<'a>| {
            Part::new(PartKind::Reasoning(Thought { text, ..thought }))
        };
        match self.sealed() {
            Some(Sealed::Call(signature)) => (Vec::new(), Some(signature)),
            Some(Sealed::Signature(signature)) => {
                let text = texts.next();
                let signature = Some(signature);
                (vec![thought(text, Thought { signature, ..Thought::default() })], None)
            }
            Some(Sealed::Redacted(data)) => {
                let encrypted = Some(data);
                (vec![thought(None, Thought { encrypted, ..Thought::default() })], None)
            }
            native => {
                let encrypted = native.map(|sealed| match sealed {
                    Sealed::Native(data)
                    | Sealed::Signature(data)
                    | Sealed::Redacted(data)
                    | Sealed::Call(data) => data,
                });
                let id = Some(self.id.clone().unwrap_or_default());
                let first = Thought { encrypted, id, ..Thought::default() };
                let mut parts = vec![thought(texts.next(), first)];
                parts.extend(texts.map(|text| thought(Some(text), Thought::default())));
                (self.keep(parts), None)
            }
        }
    }

    /// Keeps the item with the first of its parts, and tells that the others came with it.
    fn keep(&self, mut parts: Vec<Part<'a>>) -> Vec<Part<'a>> {
        let mut kept = self.extras();
        for part in &mut parts {
            part.extras =
                std::mem::replace(&mut kept, vec![(Cow::Borrowed(WRITTEN), Node::trusted(b""))]);
        }
        parts
    }
}

/// Reads content: a string, or an array of parts.
pub(super) fn content(node: Node<'_>) -> Vec<Part<'_>> {
    match node.text() {
        Some(text) => vec![Part::text(text)],
        None => node.items().map(part).collect(),
    }
}

/// A breakpoint of the prompt cache, as the neutral form writes it.
const CACHED: &[u8] = br#"{"type":"ephemeral"}"#;

fn part(node: Node<'_>) -> Part<'_> {
    let (mut kind, mut text, mut cached) = (None, None, false);
    for (key, value) in node.members() {
        match &*key {
            "type" => kind = value.string(),
            "text" | "refusal" => text = value.text(),
            "prompt_cache_breakpoint" => cached = value.is_object(),
            _ => {}
        }
    }
    let kind = kind.unwrap_or_default();
    let known = match (&*kind, text) {
        ("input_text" | "output_text" | "text", Some(text)) => Some(PartKind::Text(text)),
        ("refusal", Some(text)) => Some(PartKind::Refusal(text)),
        _ => media::read(node, &kind).map(PartKind::Media),
    };
    let mut part = Part::new(known.unwrap_or(PartKind::Other(Dialect::Responses, node)));
    part.cache = cached.then(|| Node::trusted(CACHED));
    part
}
