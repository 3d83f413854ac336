//! The items of a streamed answer: one message or stretch of thinking that is under way, calls
//! that may go on in turns, and those that are done.

use std::collections::BTreeMap;

use super::emit::Emit;
use crate::dialect::chat::answer::ReplyTo;
use crate::dialect::chat::tool::free_text;
use crate::dialect::responses::output::{self, Body, Content, Output, Status};
use crate::dialect::responses::seal::Sealed;
use crate::json::node::{Node, Text};
use crate::json::write;

/// What was written of an answer.
#[derive(Debug, Default)]
pub(super) struct Items {
    emit: Emit,
    /// Items that were begun.
    begun: usize,
    /// The message or thinking that goes on.
    flow: Option<Open>,
    calls: BTreeMap<u32, Open>,
    /// JSON of items that are done, by their place.
    done: BTreeMap<usize, Vec<u8>>,
    /// Bytes that are remembered.
    held: usize,
    /// A refusal was written.
    pub(super) refused: bool,
}

/// An item that goes on.
#[derive(Debug)]
struct Open {
    place: usize,
    output: Output,
    /// A call of a custom tool by a provider that wraps its text into JSON: it is told when it is
    /// whole.
    wrapped: bool,
}

impl Open {
    /// Writes which item an event is about.
    fn about(&self, it: &mut write::Writer) {
        it.key("item_id").string(&self.output.id);
        it.key("output_index").number(u64::try_from(self.place).unwrap_or(u64::MAX));
    }
}

impl Items {
    /// Writes an event that is about no item.
    pub(super) fn event(
        &mut self,
        name: &str,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut write::Writer),
    ) {
        self.emit.event(name, out, fill);
    }

    /// Takes note of more to remember. Each item and call costs something, however empty it is.
    pub(super) fn hold(&mut self, bytes: usize) -> usize {
        self.held = self.held.saturating_add(bytes);
        self.held
    }

    /// Writes text or a refusal.
    pub(super) fn say(&mut self, text: &Text<'_>, refusal: bool, to: &ReplyTo, out: &mut Vec<u8>) {
        self.refused |= refusal;
        let is_message = |open: &Open| matches!(open.output.body, Body::Message(_));
        if !self.flow.as_ref().is_some_and(is_message) {
            self.begin_flow(Body::Message(Vec::new()), to, out);
        }
        let Some(open) = &mut self.flow else { return };
        let Body::Message(contents) = &mut open.output.body else { return };
        if contents.last().is_none_or(|last| last.refusal != refusal) {
            let ended = contents.len().checked_sub(1);
            contents.push(Content::new(refusal));
            if let Some(index) = ended {
                content_done(&mut self.emit, open, index, out);
            }
            content_added(&mut self.emit, open, out);
        }
        let Body::Message(contents) = &mut open.output.body else { return };
        let index = contents.len().saturating_sub(1);
        if let Some(last) = contents.last_mut() {
            last.text.push(text);
        }
        let name = if refusal { "response.refusal.delta" } else { "response.output_text.delta" };
        self.emit.event(name, out, |it| {
            open.about(it);
            it.key("content_index").number(number(index));
            it.key("delta").text(text);
            if !refusal {
                it.key("logprobs").array(|_| {});
            }
        });
    }

    /// Writes thoughts.
    pub(super) fn think(&mut self, text: &Text<'_>, to: &ReplyTo, out: &mut Vec<u8>) {
        let goes_on = |open: &Open| matches!(open.output.body, Body::Reasoning { seal: None, .. });
        if !self.flow.as_ref().is_some_and(goes_on) {
            self.begin_flow(Body::Reasoning { text: None, seal: None }, to, out);
        }
        let Some(open) = &mut self.flow else { return };
        let Body::Reasoning { text: whole, .. } = &mut open.output.body else { return };
        let first = whole.is_none();
        whole.get_or_insert_default().push(text);
        if first {
            self.emit.event("response.reasoning_summary_part.added", out, |it| {
                open.about(it);
                it.key("summary_index").number(0);
                output::summary(&Text::default(), it.key("part"));
            });
        }
        self.emit.event("response.reasoning_summary_text.delta", out, |it| {
            open.about(it);
            it.key("summary_index").number(0);
            it.key("delta").text(text);
        });
    }

    /// Writes a proof, or encrypted thoughts: to the thinking that goes on, or on their own.
    pub(super) fn seal(&mut self, seal: Sealed<'static>, to: &ReplyTo, out: &mut Vec<u8>) {
        let (alone, replaces) = match &seal {
            Sealed::Call(_) | Sealed::Redacted(_) => (true, false),
            // The proof of all that was thought so far takes the place of an earlier one.
            Sealed::Signature(_) => (false, true),
            Sealed::Native(_) => (false, false),
        };
        let fits = |open: &Open| match &open.output.body {
            Body::Reasoning { seal: Some(Sealed::Signature(_)), .. } => replaces,
            Body::Reasoning { seal, .. } => seal.is_none() && !alone,
            Body::Message(_) | Body::Call { .. } | Body::Image { .. } | Body::Written(_) => false,
        };
        if !self.flow.as_ref().is_some_and(fits) {
            self.begin_flow(Body::Reasoning { text: None, seal: None }, to, out);
        }
        if let Some(Open {
            output: Output { body: Body::Reasoning { seal: kept, .. }, .. }, ..
        }) = &mut self.flow
        {
            *kept = Some(seal);
        }
    }

    /// Begins a call. Its index may come again by mistake; it is the same call then.
    pub(super) fn call(
        &mut self,
        (index, id, name, custom): (u32, &Text<'_>, &Text<'_>, bool),
        to: &ReplyTo,
        out: &mut Vec<u8>,
    ) {
        if self.calls.contains_key(&index) {
            return;
        }
        self.end_flow(Status::Completed, out);
        let wrapped = !custom && output::is_custom(name, to);
        let body = Body::Call {
            call_id: output::call_id(id, to, self.begun),
            name: name.clone().into_owned(),
            arguments: Text::default(),
            custom: custom || wrapped,
        };
        let open = self.begin(body, wrapped, to, out);
        self.calls.insert(index, open);
    }

    /// Writes a piece of a call's arguments.
    pub(super) fn arguments(&mut self, index: u32, piece: &Text<'_>, out: &mut Vec<u8>) {
        let Some(open) = self.calls.get_mut(&index) else { return };
        if let Body::Call { arguments, .. } = &mut open.output.body {
            arguments.push(piece);
        }
        if !open.wrapped {
            arguments_delta(&mut self.emit, open, piece, out);
        }
    }

    /// Writes an item that has no deltas.
    pub(super) fn whole(&mut self, body: Body, to: &ReplyTo, out: &mut Vec<u8>) {
        self.end_flow(Status::Completed, out);
        let open = self.begin(body, false, to, out);
        self.end(open, Status::Completed, out);
    }

    /// Adds an annotation, an event of a provider of this dialect, to the message that goes on.
    pub(super) fn annotate(&mut self, event: Node<'_>, out: &mut Vec<u8>) {
        let Some(annotation) = event.get("annotation") else { return };
        let Some(open) = &mut self.flow else { return };
        let Body::Message(contents) = &mut open.output.body else { return };
        let index = contents.len().saturating_sub(1);
        let Some(last) = contents.last_mut() else { return };
        let count = last.annotated;
        last.annotated += 1;
        output::append(&mut last.annotations, annotation.raw());
        self.emit.event("response.output_text.annotation.added", out, |it| {
            open.about(it);
            it.key("content_index").number(number(index));
            it.key("annotation_index").number(number(count));
            it.key("annotation").node(annotation);
        });
    }

    /// Remembers how likely the tokens of the text were.
    pub(super) fn likely(&mut self, logprobs: &[u8]) {
        if let Some(Open { output: Output { body: Body::Message(contents), .. }, .. }) =
            &mut self.flow
            && let Some(last) = contents.last_mut()
        {
            output::append(&mut last.logprobs, output::likely(logprobs));
        }
    }

    /// Ends what goes on, in the order of the output, and returns all items.
    pub(super) fn finish(&mut self, status: Status, out: &mut Vec<u8>) -> Vec<u8> {
        let mut open: Vec<Open> = std::mem::take(&mut self.calls).into_values().collect();
        open.extend(self.flow.take());
        open.sort_by_key(|open| open.place);
        let last = open.last().map(|open| open.place);
        for item in open {
            let cut = Some(item.place) == last;
            self.end(item, if cut { status } else { Status::Completed }, out);
        }
        let mut items = Vec::new();
        for item in std::mem::take(&mut self.done).into_values() {
            output::append(&mut items, &item);
        }
        items
    }

    fn begin_flow(&mut self, body: Body, to: &ReplyTo, out: &mut Vec<u8>) {
        self.end_flow(Status::Completed, out);
        let open = self.begin(body, false, to, out);
        self.flow = Some(open);
    }

    fn end_flow(&mut self, status: Status, out: &mut Vec<u8>) {
        if let Some(open) = self.flow.take() {
            self.end(open, status, out);
        }
    }

    fn begin(&mut self, body: Body, wrapped: bool, to: &ReplyTo, out: &mut Vec<u8>) -> Open {
        let place = self.begun;
        self.begun += 1;
        let open = Open { place, output: Output::new(body, to, place), wrapped };
        self.emit.event("response.output_item.added", out, |it| {
            it.key("output_index").number(number(place));
            open.output.write(Status::InProgress, it.key("item"));
        });
        open
    }

    fn end(&mut self, mut open: Open, status: Status, out: &mut Vec<u8>) {
        match &mut open.output.body {
            Body::Message(contents) => {
                if let Some(index) = contents.len().checked_sub(1) {
                    content_done(&mut self.emit, &open, index, out);
                }
            }
            Body::Reasoning { text, .. } => {
                if let Some(text) = text.clone() {
                    summary_done(&mut self.emit, &open, &text, out);
                }
            }
            Body::Call { arguments, custom, .. } => {
                if open.wrapped {
                    *arguments = free_text(arguments);
                }
                let (whole, custom) = (arguments.clone(), *custom);
                if open.wrapped {
                    arguments_delta(&mut self.emit, &open, &whole, out);
                }
                arguments_done(&mut self.emit, &open, &whole, custom, out);
            }
            Body::Image { .. } | Body::Written(_) => {}
        }
        let mut item = write::Writer::default();
        open.output.write(status, &mut item);
        let item = item.into_bytes();
        self.emit.event("response.output_item.done", out, |it| {
            it.key("output_index").number(number(open.place));
            it.key("item").raw(&item);
        });
        self.done.insert(open.place, item);
    }
}

fn content_added(emit: &mut Emit, open: &Open, out: &mut Vec<u8>) {
    let Body::Message(contents) = &open.output.body else { return };
    let Some(last) = contents.last() else { return };
    emit.event("response.content_part.added", out, |it| {
        open.about(it);
        it.key("content_index").number(number(contents.len().saturating_sub(1)));
        last.write(it.key("part"));
    });
}

fn content_done(emit: &mut Emit, open: &Open, index: usize, out: &mut Vec<u8>) {
    let Body::Message(contents) = &open.output.body else { return };
    let Some(content) = contents.get(index) else { return };
    let (name, key) = if content.refusal {
        ("response.refusal.done", "refusal")
    } else {
        ("response.output_text.done", "text")
    };
    emit.event(name, out, |it| {
        open.about(it);
        it.key("content_index").number(number(index));
        it.key(key).text(&content.text);
        if !content.refusal {
            output::list(&content.logprobs, it.key("logprobs"));
        }
    });
    emit.event("response.content_part.done", out, |it| {
        open.about(it);
        it.key("content_index").number(number(index));
        content.write(it.key("part"));
    });
}

fn summary_done(emit: &mut Emit, open: &Open, text: &Text<'_>, out: &mut Vec<u8>) {
    emit.event("response.reasoning_summary_text.done", out, |it| {
        open.about(it);
        it.key("summary_index").number(0);
        it.key("text").text(text);
    });
    emit.event("response.reasoning_summary_part.done", out, |it| {
        open.about(it);
        it.key("summary_index").number(0);
        output::summary(text, it.key("part"));
    });
}

fn arguments_delta(emit: &mut Emit, open: &Open, piece: &Text<'_>, out: &mut Vec<u8>) {
    let name = if matches!(open.output.body, Body::Call { custom: true, .. }) {
        "response.custom_tool_call_input.delta"
    } else {
        "response.function_call_arguments.delta"
    };
    emit.event(name, out, |it| {
        open.about(it);
        it.key("delta").text(piece);
    });
}

fn arguments_done(emit: &mut Emit, open: &Open, whole: &Text<'_>, custom: bool, out: &mut Vec<u8>) {
    let (name, key) = if custom {
        ("response.custom_tool_call_input.done", "input")
    } else {
        ("response.function_call_arguments.done", "arguments")
    };
    emit.event(name, out, |it| {
        open.about(it);
        it.key(key).text(whole);
    });
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
