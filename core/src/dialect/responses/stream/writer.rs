//! Writing a stream for a client.

use super::MEMORY;
use super::items::Items;
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{FinishReason, ReplyTo, Usage};
use crate::dialect::chat::event::{self, Delta, Event};
use crate::dialect::chat::failure::Failure;
use crate::dialect::responses::error;
use crate::dialect::responses::frame::{Frame, Outcome};
use crate::dialect::responses::output::{Body, Status, media_size};
use crate::dialect::responses::seal::Sealed;
use crate::json::node::Node;

/// Writes a stream of Responses.
#[derive(Debug)]
pub struct Writer {
    to: ReplyTo,
    id: String,
    created: u64,
    stage: Stage,
    items: Items,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running,
    Over,
}

/// What an item costs besides its text.
const ITEM: usize = 512;

impl event::Writer for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.stage == Stage::Over {
            return;
        }
        match event {
            Event::Start(start) => {
                self.created = start.created.unwrap_or(self.to.created);
                self.begin(out);
            }
            // Clients of this dialect cannot ask for several answers.
            Event::Choice { choice: 0, delta } => {
                self.begin(out);
                if self.items.hold(size(delta)) > MEMORY {
                    self.finish = Some(FinishReason::Length);
                    return self.complete(out);
                }
                self.delta(delta, out);
            }
            Event::Choice { .. } => {}
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Failed(failure) => self.fail(failure, out),
            Event::End => self.complete(out),
        }
    }
}

impl Writer {
    /// Begins a stream.
    pub fn new(to: ReplyTo) -> Self {
        Self {
            id: format!("resp_{}", to.id),
            created: to.created,
            to,
            stage: Stage::Waiting,
            items: Items::default(),
            usage: None,
            finish: None,
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.stage != Stage::Waiting {
            return;
        }
        self.stage = Stage::Running;
        self.lifecycle("response.created", &Outcome::InProgress, &[], out);
        self.lifecycle("response.in_progress", &Outcome::InProgress, &[], out);
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let (items, to) = (&mut self.items, &self.to);
        match delta {
            Delta::Text(text) if text.is_empty() => {}
            Delta::Text(text) => items.say(text, false, to, out),
            Delta::Refusal(text) => items.say(text, true, to, out),
            Delta::Reasoning(text) => items.think(text, to, out),
            Delta::Signature(proof) => {
                items.seal(Sealed::Signature(proof.clone().into_owned()), to, out);
            }
            Delta::Encrypted { data, id } => {
                let data = data.clone().into_owned();
                let native = id.is_some();
                let seal = if native { Sealed::Native(data) } else { Sealed::Redacted(data) };
                items.seal(seal, to, out);
            }
            Delta::ToolCall { index, id, name, signature, custom } => {
                if let Some(proof) = signature {
                    items.seal(Sealed::Call(proof.clone().into_owned()), to, out);
                }
                items.call((*index, id, name, *custom), to, out);
            }
            Delta::Arguments { index, piece } => items.arguments(*index, piece, out),
            Delta::Media(media) => {
                if let Some(body) = Body::of_media(media) {
                    items.whole(body, to, out);
                }
            }
            Delta::Other(Dialect::Responses, node) => self.other(*node, out),
            Delta::Other(..) => {}
            Delta::Logprobs(logprobs) => items.likely(logprobs),
            Delta::Finish(finish) => self.finish = Some(finish.reason),
        }
    }

    /// Writes what a provider of this dialect alone knows: an annotation, or an item of a tool of
    /// its own.
    fn other(&mut self, node: Node<'_>, out: &mut Vec<u8>) {
        let kind = node.get("type").and_then(Node::string).unwrap_or_default();
        if kind == "response.output_text.annotation.added" {
            self.items.annotate(node, out);
        } else {
            self.items.whole(Body::Written(node.raw().to_vec()), &self.to, out);
        }
    }

    fn complete(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        let outcome = Outcome::of(self.finish, self.items.refused);
        let cut = matches!(outcome, Outcome::Incomplete(_));
        self.over(&outcome, if cut { Status::Incomplete } else { Status::Completed }, out);
    }

    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        self.begin(out);
        // SDKs raise what this event says; Codex waits for the one after it.
        self.items.event("error", out, |it| {
            error::write_error(failure, it.key("error"));
            it.key("message").string(&failure.message);
            it.key("code").string(error::code_in_stream(failure));
            match &failure.param {
                Some(param) => it.key("param").string(param),
                None => it.key("param").null(),
            }
        });
        let code = error::code_in_stream(failure).to_owned();
        let outcome = Outcome::Failed { code, message: failure.message.clone() };
        self.over(&outcome, Status::Incomplete, out);
    }

    fn over(&mut self, outcome: &Outcome, status: Status, out: &mut Vec<u8>) {
        let output = self.items.finish(status, out);
        let name = match outcome {
            Outcome::Failed { .. } => "response.failed",
            Outcome::Incomplete(_) => "response.incomplete",
            Outcome::InProgress | Outcome::Completed => "response.completed",
        };
        self.lifecycle(name, outcome, &output, out);
        self.stage = Stage::Over;
    }

    fn lifecycle(&mut self, name: &str, outcome: &Outcome, output: &[u8], out: &mut Vec<u8>) {
        let frame = Frame {
            id: &self.id,
            created: self.created,
            model: &self.to.model,
            outcome,
            output,
            usage: self.usage.as_ref(),
            service_tier: None,
        };
        self.items.event(name, out, |it| frame.write(it.key("response")));
    }
}

/// Returns about how much memory a piece takes.
fn size(delta: &Delta<'_>) -> usize {
    match delta {
        Delta::Text(text) | Delta::Refusal(text) | Delta::Reasoning(text) => {
            text.as_escaped().len()
        }
        Delta::Signature(text) | Delta::Encrypted { data: text, .. } => {
            text.as_escaped().len() + ITEM
        }
        Delta::ToolCall { id, name, signature, .. } => {
            let proof = signature.as_ref().map_or(0, |proof| proof.as_escaped().len());
            id.as_escaped().len() + name.as_escaped().len() + proof + ITEM
        }
        Delta::Arguments { piece, .. } => piece.as_escaped().len(),
        Delta::Media(media) => media_size(media) + ITEM,
        Delta::Other(_, node) => node.raw().len() + ITEM,
        Delta::Logprobs(logprobs) => logprobs.len(),
        Delta::Finish(_) => 0,
    }
}
