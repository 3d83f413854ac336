//! Items of an answer, as they are written.

use super::seal::Sealed;
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{Choice, ReplyTo};
use crate::dialect::chat::message::{Thought, ToolCall};
use crate::dialect::chat::tool::free_text;
use crate::dialect::chat::{Media, MediaKind, Part, PartKind, Source};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// An item with all that is known of it.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) id: String,
    pub(super) body: Body,
}

/// What an item is.
#[derive(Debug)]
pub(super) enum Body {
    Message(Vec<Content>),
    Reasoning {
        text: Option<Text<'static>>,
        seal: Option<Sealed<'static>>,
    },
    Call {
        call_id: Text<'static>,
        name: Text<'static>,
        arguments: Text<'static>,
        custom: bool,
    },
    Image {
        data: Text<'static>,
        format: String,
    },
    /// As a provider of this dialect wrote it.
    Written(Vec<u8>),
}

/// A part of a message.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) refusal: bool,
    pub(super) text: Text<'static>,
    /// JSON objects with commas between them; so are `logprobs`.
    pub(super) annotations: Vec<u8>,
    pub(super) annotated: usize,
    pub(super) logprobs: Vec<u8>,
}

/// How far an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
        }
    }
}

impl Content {
    pub(super) fn new(refusal: bool) -> Self {
        Self { refusal, ..Self::default() }
    }

    pub(super) fn write(&self, it: &mut Writer) {
        it.object(|it| {
            if self.refusal {
                it.key("type").string("refusal");
                return it.key("refusal").text(&self.text);
            }
            it.key("type").string("output_text");
            it.key("text").text(&self.text);
            list(&self.annotations, it.key("annotations"));
            list(&self.logprobs, it.key("logprobs"));
        });
    }
}

/// Writes an array of elements that have their commas.
pub(super) fn list(elements: &[u8], it: &mut Writer) {
    it.raw(&[b"[", elements, b"]"].concat());
}

/// Appends an element to others.
pub(super) fn append(elements: &mut Vec<u8>, more: &[u8]) {
    if !elements.is_empty() && !more.is_empty() {
        elements.push(b',');
    }
    elements.extend_from_slice(more);
}

/// Returns the elements of what tells how likely tokens were, given as the chat dialect has it.
pub(super) fn likely(logprobs: &[u8]) -> &[u8] {
    let content = Node::trusted(logprobs).get("content").map(Node::raw).unwrap_or_default();
    content.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or_default()
}

impl Output {
    /// Names an item after the answer and its place in it.
    pub(super) fn new(body: Body, to: &ReplyTo, index: usize) -> Self {
        let prefix = match &body {
            Body::Message(_) => "msg",
            Body::Reasoning { .. } => "rs",
            Body::Call { custom: false, .. } => "fc",
            Body::Call { custom: true, .. } => "ctc",
            Body::Image { .. } => "ig",
            Body::Written(_) => "item",
        };
        Self { id: format!("{prefix}_{}{index}", to.id), body }
    }

    /// Writes it whole.
    pub(super) fn write(&self, status: Status, it: &mut Writer) {
        if let Body::Written(node) = &self.body {
            return it.raw(node);
        }
        it.object(|it| {
            it.key("id").string(&self.id);
            self.members(status, it);
        });
    }

    fn members(&self, status: Status, it: &mut Writer) {
        match &self.body {
            Body::Message(contents) => {
                it.key("type").string("message");
                it.key("status").string(status.name());
                it.key("role").string("assistant");
                it.key("content").array(|it| contents.iter().for_each(|part| part.write(it)));
            }
            Body::Reasoning { text, seal } => {
                it.key("type").string("reasoning");
                it.key("summary").array(|it| {
                    if let Some(text) = text {
                        summary(text, it);
                    }
                });
                if let Some(seal) = seal {
                    seal.write(it.key("encrypted_content"));
                }
            }
            Body::Call { call_id, name, arguments, custom } => {
                let (kind, key) = if *custom {
                    ("custom_tool_call", "input")
                } else {
                    ("function_call", "arguments")
                };
                it.key("type").string(kind);
                it.key("status").string(status.name());
                it.key("call_id").text(call_id);
                it.key("name").text(name);
                it.key(key).text(arguments);
            }
            Body::Image { data, format } => {
                it.key("type").string("image_generation_call");
                it.key("status").string(status.name());
                it.key("result").text(data);
                it.key("output_format").string(format);
            }
            Body::Written(_) => {}
        }
    }
}

/// Writes a part of a summary.
pub(super) fn summary(text: &Text<'_>, it: &mut Writer) {
    it.object(|it| {
        it.key("type").string("summary_text");
        it.key("text").text(text);
    });
}

impl Body {
    /// Makes an item of an image; other media have none.
    pub(super) fn of_media(media: &Media<'_>) -> Option<Self> {
        let (MediaKind::Image, Source::Base64 { mime, data }) = (media.kind, &media.source) else {
            return None;
        };
        let mime = mime.decoded();
        let format = mime.strip_prefix("image/").unwrap_or("png").to_owned();
        Some(Self::Image { data: data.clone().into_owned(), format })
    }

    fn of_thought(thought: &Thought<'_>) -> Self {
        let own = |text: &Text<'_>| text.clone().into_owned();
        let seal = match (&thought.signature, &thought.encrypted, &thought.id) {
            (Some(signature), ..) => Some(Sealed::Signature(own(signature))),
            (None, Some(data), Some(_)) => Some(Sealed::Native(own(data))),
            (None, Some(data), None) => Some(Sealed::Redacted(own(data))),
            (None, None, _) => None,
        };
        Self::Reasoning { text: thought.text.as_ref().map(own), seal }
    }

    fn of_call(call: &ToolCall<'_>, to: &ReplyTo, index: usize) -> Self {
        let arguments = call.arguments.to_text();
        let wrapped = !call.custom && is_custom(&call.name, to);
        Self::Call {
            call_id: call_id(&call.id, to, index),
            name: call.name.clone().into_owned(),
            arguments: if wrapped { free_text(&arguments) } else { arguments },
            custom: call.custom || wrapped,
        }
    }
}

/// Returns about how much memory a medium takes.
pub(super) fn media_size(media: &Media<'_>) -> usize {
    match &media.source {
        Source::Base64 { data: text, .. }
        | Source::Url { url: text, .. }
        | Source::File(text)
        | Source::Text(text) => text.as_escaped().len(),
    }
}

/// Returns the id of a call, made up where the provider has none.
pub(super) fn call_id(id: &Text<'_>, to: &ReplyTo, index: usize) -> Text<'static> {
    if id.is_empty() {
        return Text::of(&format!("call_{}{index}", to.id));
    }
    id.clone().into_owned()
}

/// Tells whether the client declared this tool as one that takes free text.
pub(super) fn is_custom(name: &Text<'_>, to: &ReplyTo) -> bool {
    to.custom_tools.iter().any(|custom| *name == **custom)
}

/// Makes items of an answer.
pub(super) fn collect(choice: &Choice<'_>, to: &ReplyTo) -> Vec<Output> {
    let mut outputs: Vec<Output> = Vec::new();
    for part in &choice.parts {
        let index = outputs.len();
        let body = match &part.kind {
            PartKind::Text(text) => say(&mut outputs, text, false),
            PartKind::Refusal(text) => say(&mut outputs, text, true),
            PartKind::Reasoning(thought) => Some(Body::of_thought(thought)),
            PartKind::ToolCall(call) => {
                if let Some(signature) = &call.signature {
                    let seal = Some(Sealed::Call(signature.clone().into_owned()));
                    let proof = Body::Reasoning { text: None, seal };
                    outputs.push(Output::new(proof, to, index));
                }
                Some(Body::of_call(call, to, outputs.len()))
            }
            PartKind::Media(media) => Body::of_media(media),
            PartKind::Other(Dialect::Responses, node) => Some(Body::Written(node.raw().to_vec())),
            PartKind::ToolResult(_) | PartKind::Other(..) => None,
        };
        if let Some(body) = body {
            outputs.push(Output::new(body, to, outputs.len()));
        }
    }
    if let Some(logprobs) = &choice.logprobs {
        tell_likely(&mut outputs, logprobs);
    }
    outputs
}

/// Goes on with the message that is last, or makes one.
fn say(outputs: &mut [Output], text: &Text<'_>, refusal: bool) -> Option<Body> {
    if let Some(Output { body: Body::Message(contents), .. }) = outputs.last_mut() {
        match contents.last_mut() {
            Some(last) if last.refusal == refusal => last.text.push(text),
            _ => {
                let text = text.clone().into_owned();
                contents.push(Content { text, ..Content::new(refusal) });
            }
        }
        return None;
    }
    let content = Content { text: text.clone().into_owned(), ..Content::new(refusal) };
    Some(Body::Message(vec![content]))
}

fn tell_likely(outputs: &mut [Output], logprobs: &[u8]) {
    let message = outputs.iter_mut().find_map(|output| match &mut output.body {
        Body::Message(contents) => contents.iter_mut().find(|content| !content.refusal),
        Body::Reasoning { .. } | Body::Call { .. } | Body::Image { .. } | Body::Written(_) => None,
    });
    if let Some(content) = message {
        append(&mut content.logprobs, likely(logprobs));
    }
}

/// Tells whether the model says why it does not answer.
pub(super) fn refuses(parts: &[Part<'_>]) -> bool {
    parts.iter().any(|part| matches!(part.kind, PartKind::Refusal(_)))
}
