//! What a model thought, under the names that providers have for it.
//!
//! `reasoning_content` (`DeepSeek`, Z.ai, Moonshot), `reasoning` (Groq, Cerebras, Together),
//! `reasoning_details` with signatures and encrypted thoughts (`OpenRouter`,
//! <https://openrouter.ai/docs/use-cases/reasoning-tokens>) and parts of type `thinking`
//! (Mistral). Which one a thought came from is kept as what was written of it: nothing for
//! `reasoning_content`, a string for `reasoning`, an object for the others.

use crate::dialect::chat::message::Thought;
use crate::dialect::chat::{Part, PartKind, WRITTEN, written};
use crate::json::node::Node;
use crate::json::write::Writer;

/// The members of a message that hold thoughts.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    content: Option<Node<'a>>,
    plain: Option<Node<'a>>,
    details: Option<Node<'a>>,
}

impl<'a> Fields<'a> {
    /// Takes a member of a message or a delta. False: it is another one.
    pub(super) fn take(&mut self, name: &str, value: Node<'a>) -> bool {
        match name {
            "reasoning_content" if value.text().is_some() => self.content = Some(value),
            "reasoning" if value.text().is_some() => self.plain = Some(value),
            "reasoning_details" if value.is_array() => self.details = Some(value),
            _ => return false,
        }
        true
    }

    /// Returns the thoughts in order. Plain text that repeats the details is left out; where the
    /// details are proofs alone, as clients gather them from a stream, it is what they prove.
    pub(super) fn parts(self) -> Vec<Part<'a>> {
        let mut details: Vec<Part<'a>> =
            self.details.iter().flat_map(|details| details.items()).filter_map(detail).collect();
        // A message that has both says the same twice.
        let plain = match (self.content, self.plain) {
            (Some(node), _) => Some((node, None)),
            (None, Some(node)) => Some((node, Some(node))),
            (None, None) => None,
        };
        let text = plain.and_then(|(node, _)| node.text()).filter(|text| !text.is_empty());
        let told =
            |part: &Part<'_>| thought(part).and_then(|(_, it)| Some(it.text.as_ref()?.len()));
        // Details of which some have no text prove the rest of it.
        let Some(text) =
            text.filter(|text| text.len() > details.iter().filter_map(told).sum::<usize>())
        else {
            return details;
        };
        for part in &mut details {
            if let PartKind::Reasoning(thought) = &mut part.kind
                && thought.signature.is_some()
            {
                thought.text = Some(text);
                return details;
            }
        }
        for part in &mut details {
            if let PartKind::Reasoning(thought) = &mut part.kind {
                thought.text = None;
            }
        }
        let mut part =
            Part::new(PartKind::Reasoning(Thought { text: Some(text), ..Thought::default() }));
        let kept = plain.and_then(|(_, kept)| kept);
        part.extras.extend(kept.map(|node| (WRITTEN.into(), node)));
        details.insert(0, part);
        details
    }
}

/// Reads an element of `reasoning_details`.
fn detail(node: Node<'_>) -> Option<Part<'_>> {
    let mut thought = Thought::default();
    for (name, value) in node.members() {
        let text = value.text().filter(|text| !text.is_empty());
        match &*name {
            "text" | "summary" => thought.text = text.or(thought.text),
            "signature" => thought.signature = text,
            "data" => thought.encrypted = text,
            "id" => thought.id = text,
            _ => {}
        }
    }
    if thought == Thought::default() {
        return None;
    }
    let mut part = Part::new(PartKind::Reasoning(thought));
    part.extras.push((WRITTEN.into(), node));
    Some(part)
}

/// Reads the `thinking` of Mistral's part: a text, or an array of texts.
pub(super) fn of_thinking(payload: Node<'_>) -> Thought<'_> {
    let mut text = payload.text().unwrap_or_default();
    for chunk in payload.items() {
        if let Some(piece) = chunk.get("text").and_then(Node::text) {
            if text.is_empty() {
                text = piece;
            } else {
                text.push(&piece);
            }
        }
    }
    Thought { text: Some(text), ..Thought::default() }
}

/// How a message says its thoughts, chosen from where they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Content,
    Plain,
    Detail,
    Part,
}

fn spelling(part: &Part<'_>) -> Spelling {
    match written(&part.extras) {
        None => Spelling::Content,
        Some(node) if node.text().is_some() => Spelling::Plain,
        Some(node) if node.get("thinking").is_some() => Spelling::Part,
        Some(_) => Spelling::Detail,
    }
}

/// Tells whether a thought stands in the content array of its message.
pub(super) fn is_in_content(part: &Part<'_>) -> bool {
    spelling(part) == Spelling::Part
}

/// Writes the thoughts of a message that came from this dialect under their own names.
pub(super) fn write_as_read(it: &mut Writer, parts: &[Part<'_>]) {
    let thoughts = || parts.iter().filter_map(thought).filter(|(part, _)| !is_in_content(part));
    let text_of = |wanted: fn(Spelling) -> bool| {
        thoughts()
            .filter(|(part, _)| wanted(spelling(part)))
            .filter_map(|(_, thought)| thought.text.as_ref())
            .collect::<Vec<_>>()
    };
    let content = text_of(|spelling| spelling == Spelling::Content);
    if !content.is_empty() {
        it.key("reasoning_content").texts(content);
    }
    // Providers with details repeat their text in one string.
    let plain = text_of(|spelling| matches!(spelling, Spelling::Plain | Spelling::Detail));
    if !plain.is_empty() {
        it.key("reasoning").texts(plain);
    }
    if thoughts().any(|(part, _)| spelling(part) == Spelling::Detail) {
        it.key("reasoning_details").array(|it| {
            for (part, _) in thoughts().filter(|(part, _)| spelling(part) == Spelling::Detail) {
                if let Some(node) = written(&part.extras) {
                    it.node(node);
                }
            }
        });
    }
}

/// Writes thoughts of any dialect for a client: their text as `reasoning_content`, and what must
/// come back with them as `reasoning_details`.
pub(super) fn write_for_client(it: &mut Writer, parts: &[Part<'_>]) {
    let thoughts = || parts.iter().filter_map(thought).map(|(_, thought)| thought);
    if thoughts().any(|thought| thought.text.is_some()) {
        let texts = thoughts().filter_map(|thought| thought.text.as_ref());
        it.key("reasoning_content").texts(texts);
    }
    let proven =
        |thought: &&Thought<'_>| thought.signature.is_some() || thought.encrypted.is_some();
    if thoughts().any(|thought| proven(&thought)) {
        it.key("reasoning_details").array(|it| {
            for (index, thought) in (0..).zip(thoughts()) {
                write_detail(it, thought, index);
            }
        });
    }
}

/// Writes the text of thoughts alone, for providers that want it back. An empty text when there
/// is none.
pub(super) fn write_content(it: &mut Writer, parts: &[Part<'_>]) {
    let texts = parts.iter().filter_map(thought).filter_map(|(_, thought)| thought.text.as_ref());
    it.key("reasoning_content").texts(texts);
}

/// Writes an element of `reasoning_details`.
pub(super) fn write_detail(it: &mut Writer, thought: &Thought<'_>, index: u64) {
    it.object(|it| {
        if let Some(data) = &thought.encrypted {
            it.key("type").string("reasoning.encrypted");
            it.key("data").text(data);
        } else {
            it.key("type").string("reasoning.text");
            if let Some(text) = &thought.text {
                it.key("text").text(text);
            }
        }
        if let Some(signature) = &thought.signature {
            it.key("signature").text(signature);
        }
        if let Some(id) = &thought.id {
            it.key("id").text(id);
        }
        it.key("index").number(index);
    });
}

fn thought<'p, 'a>(part: &'p Part<'a>) -> Option<(&'p Part<'a>, &'p Thought<'a>)> {
    match &part.kind {
        PartKind::Reasoning(thought) => Some((part, thought)),
        PartKind::Text(_)
        | PartKind::Refusal(_)
        | PartKind::Media(_)
        | PartKind::ToolCall(_)
        | PartKind::ToolResult(_)
        | PartKind::Other(..) => None,
    }
}
