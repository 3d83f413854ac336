//! A text before and one after the system prompt, wherever a dialect has it.

use std::ops::Range;

use tollgate_proto::v1::Endpoint;

use crate::json::node::Node;
use crate::json::patch::{Change, Patch};
use crate::json::scan::Array;
use crate::json::text;
use crate::json::write::Writer;
use crate::snapshot::settings::SystemPrompt;

/// How a dialect writes a part of a text.
#[derive(Debug, Clone, Copy)]
enum Style {
    Text,
    InputText,
    /// Without a type.
    Bare,
}

/// What goes around a value. Empty: nothing.
#[derive(Debug, Clone, Copy)]
struct Around<'p> {
    prefix: &'p str,
    suffix: &'p str,
    style: Style,
}

/// Puts the texts around the system prompt, or makes one of them where there is none. Endpoints
/// that know no such thing are left alone.
pub(super) fn surround(prompt: &SystemPrompt, endpoint: Endpoint, patch: &mut Patch<'_>) {
    if prompt.is_empty() {
        return;
    }
    let around = |style| Around { prefix: &prompt.prefix, suffix: &prompt.suffix, style };
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::OllamaChat => {
            around(Style::Text).messages("messages", patch);
        }
        Endpoint::Messages => around(Style::Text).member("system", patch),
        Endpoint::Responses => around(Style::InputText).instructions(patch),
        Endpoint::GenerateContent => around(Style::Bare).instruction_of_gemini(patch),
        Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::EmbedContent
        | Endpoint::BatchEmbedContents
        | Endpoint::OllamaGenerate
        | Endpoint::OllamaEmbed
        | Endpoint::OllamaEmbeddings
        | Endpoint::ImagesGenerations
        | Endpoint::ImagesEdits
        | Endpoint::ImagesVariations
        | Endpoint::Speech
        | Endpoint::Transcriptions
        | Endpoint::Translations
        | Endpoint::Moderations
        | Endpoint::Realtime
        | Endpoint::Files
        | Endpoint::Batches
        | Endpoint::FineTuning
        | Endpoint::Assistants
        | Endpoint::Threads
        | Endpoint::Runs
        | Endpoint::VectorStores
        | Endpoint::StoredResponses
        | Endpoint::Unspecified => {}
    }
}

impl Around<'_> {
    /// Surrounds a member that is a text or a list of parts.
    fn member(self, name: &str, patch: &mut Patch<'_>) {
        if !patch.change(|other| other == name, |place, node| self.value(place, node)) {
            patch.set(name, &text::encode(&self.alone()));
        }
    }

    /// Surrounds a text or a list of parts. `None`: it is neither.
    fn value(self, place: Range<usize>, node: Node<'_>) -> Option<Vec<Change>> {
        if node.is_array() { Some(self.parts(place, node)) } else { self.string(place, node) }
    }

    fn string(self, place: Range<usize>, node: Node<'_>) -> Option<Vec<Change>> {
        if node.text()?.is_empty() {
            return Some(vec![(place, text::encode(&self.alone()))]);
        }
        let (head, tail) = (place.start + 1, place.end - 1);
        let mut changes = Vec::new();
        if !self.prefix.is_empty() {
            changes.push((head..head, inner(&self.before())));
        }
        if !self.suffix.is_empty() {
            changes.push((tail..tail, inner(&self.after())));
        }
        Some(changes)
    }

    fn parts(self, place: Range<usize>, node: Node<'_>) -> Vec<Change> {
        if node.items().next().is_none() {
            let part = self.part(&self.alone());
            return vec![(place, [b"[", &*part, b"]"].concat())];
        }
        self.beside(place.start + 1, place.end - 1)
    }

    /// Puts parts before the first and after the last one of others.
    fn beside(self, head: usize, tail: usize) -> Vec<Change> {
        let mut changes = Vec::new();
        if !self.prefix.is_empty() {
            changes.push((head..head, [&*self.part(&self.before()), b","].concat()));
        }
        if !self.suffix.is_empty() {
            changes.push((tail..tail, [b",", &*self.part(&self.after())].concat()));
        }
        changes
    }

    /// Surrounds the messages at the beginning of a list that are system prompts.
    fn messages(self, name: &str, patch: &mut Patch<'_>) {
        let text = patch.text();
        patch.change(
            |other| other == name,
            |place, node| node.is_array().then(|| self.list(text, place)),
        );
    }

    fn list(self, text: &[u8], place: Range<usize>) -> Vec<Change> {
        let list = text.get(place.clone()).unwrap_or_default();
        let moved = |at: Range<usize>| place.start + at.start..place.start + at.end;
        let prompts: Vec<_> =
            Array::open(list).map(moved).take_while(|at| is_prompt(text, at.clone())).collect();
        let none = Around { prefix: "", suffix: "", ..self };
        match prompts.as_slice() {
            [] => {
                let mut writer = Writer::default();
                writer.object(|it| {
                    it.key("role").string("system");
                    it.key("content").string(&self.alone());
                });
                let mut message = writer.into_bytes();
                let is_empty = Array::open(list).next().is_none();
                message.extend_from_slice(if is_empty { b"" } else { b"," });
                vec![(place.start + 1..place.start + 1, message)]
            }
            [only] => self.message(text, only.clone()),
            [first, .., last] => {
                let mut changes =
                    Around { prefix: self.prefix, ..none }.message(text, first.clone());
                changes.extend(Around { suffix: self.suffix, ..none }.message(text, last.clone()));
                changes
            }
        }
    }

    fn message(self, text: &[u8], place: Range<usize>) -> Vec<Change> {
        if self.prefix.is_empty() && self.suffix.is_empty() {
            return Vec::new();
        }
        let mut message = Patch::at(text, place);
        self.member("content", &mut message);
        message.changes()
    }

    /// Responses have `instructions`, and may have messages as others have them.
    fn instructions(self, patch: &mut Patch<'_>) {
        let text = patch.text();
        let items = patch.get("input").map(Node::items).into_iter().flatten();
        let has_prompts = items.take(1).any(is_prompt_node);
        let has_instructions = patch
            .get("instructions")
            .and_then(Node::text)
            .is_some_and(|instructions| !instructions.is_empty());
        if has_prompts && !has_instructions {
            patch.change(|name| name == "input", |place, _| Some(self.list(text, place)));
        } else {
            self.member("instructions", patch);
        }
    }

    fn instruction_of_gemini(self, patch: &mut Patch<'_>) {
        let names = ["systemInstruction", "system_instruction"];
        let is_it = |name: &str| names.contains(&name);
        let text = patch.text();
        let found = patch.change(is_it, |place, node| {
            if !node.is_object() {
                return self.string(place, node);
            }
            let mut content = Patch::at(text, place);
            let found = content.change(
                |name| name == "parts",
                |place, node| match (node.is_array(), node.is_object()) {
                    (true, _) => Some(self.parts(place, node)),
                    // One may stand for a list of one.
                    (_, true) => Some(self.listed(place)),
                    _ => None,
                },
            );
            if !found {
                content.set("parts", &[b"[", &*self.part(&self.alone()), b"]"].concat());
            }
            Some(content.changes())
        });
        if !found {
            patch.remove(is_it);
            let content = [b"{\"parts\":[", &*self.part(&self.alone()), b"]}"].concat();
            patch.set("systemInstruction", &content);
        }
    }

    /// Makes a list of a part and what goes beside it.
    fn listed(self, place: Range<usize>) -> Vec<Change> {
        let mut changes = vec![(place.start..place.start, b"[".to_vec())];
        changes.extend(self.beside(place.start, place.end));
        changes.push((place.end..place.end, b"]".to_vec()));
        changes
    }

    fn before(self) -> String {
        [self.prefix, "\n\n"].concat()
    }

    fn after(self) -> String {
        ["\n\n", self.suffix].concat()
    }

    /// Returns the texts with nothing between them.
    fn alone(self) -> String {
        let blank = if self.prefix.is_empty() || self.suffix.is_empty() { "" } else { "\n\n" };
        [self.prefix, blank, self.suffix].concat()
    }

    fn part(self, text: &str) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.object(|it| {
            match self.style {
                Style::Text => it.key("type").string("text"),
                Style::InputText => it.key("type").string("input_text"),
                Style::Bare => {}
            }
            it.key("text").string(text);
        });
        writer.into_bytes()
    }
}

/// Returns a text as it stands between the quotes of a JSON string.
fn inner(text: &str) -> Vec<u8> {
    crate::json::node::Text::of(text).as_escaped().to_vec()
}

fn is_prompt(text: &[u8], place: Range<usize>) -> bool {
    is_prompt_node(Node::trusted(text.get(place).unwrap_or_default()))
}

fn is_prompt_node(message: Node<'_>) -> bool {
    let role = message.get("role").and_then(Node::string);
    role.is_some_and(|role| matches!(&*role, "system" | "developer"))
}
