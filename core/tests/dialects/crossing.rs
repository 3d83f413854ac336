//! Every recorded answer, carried to a client of each other dialect and read there: the same text,
//! tool calls, thoughts, tokens and reason to end.

use serde_json::Value;
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::chat::answer::{Answer, Choice, FinishReason, ReplyTo};
use tollgate_core::dialect::chat::event::{Delta, Event};
use tollgate_core::dialect::chat::message::{Part, PartKind};

use crate::recordings::{Exchange, exchanges};

/// What clients of every dialect can be told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    text: String,
    thoughts: String,
    /// Names and arguments, these as JSON.
    calls: Vec<(String, String)>,
    finish: Option<FinishReason>,
    tokens: Option<(u64, u64)>,
}

const PATHS: [(&str, Dialect); 5] = [
    ("/chat/completions", Dialect::OpenAi),
    ("/responses", Dialect::Responses),
    ("/messages", Dialect::Anthropic),
    (":generateContent", Dialect::Gemini),
    (":streamGenerateContent", Dialect::Gemini),
];
const CLIENTS: [Dialect; 5] =
    [Dialect::OpenAi, Dialect::Responses, Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama];

#[test]
fn every_recorded_answer_says_the_same_in_every_dialect() {
    let mut wrong = Vec::new();
    for (path, from) in PATHS {
        for exchange in exchanges(path).iter().filter(|exchange| exchange.status == 200) {
            for to in CLIENTS.into_iter().filter(|to| *to != from) {
                if !says_something(exchange, from) {
                    continue;
                }
                let (told, heard) = if exchange.is_stream() {
                    streamed(exchange, from, to)
                } else {
                    whole(exchange, from, to)
                };
                if told.expected_by(to) != heard {
                    wrong.push(format!("{} to {to:?}:\n  {told:?}\n  {heard:?}", exchange.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers:\n{}", wrong.len(), wrong.join("\n"));
}

/// Tells whether an answer is one: it has not failed, has begun to be made, and has no sound, which
/// some dialects can only show as text.
fn says_something(exchange: &Exchange, from: Dialect) -> bool {
    if exchange.is_stream() {
        let mut failed = false;
        let mut reader = from.reader();
        reader.push(exchange.answer.as_bytes(), &mut |event| {
            failed |= matches!(event, Event::Failed(_));
        });
        return !failed;
    }
    let answer = from.read_answer(exchange.answer.as_bytes()).unwrap();
    answer.choices.first().is_none_or(|choice| {
        choice.finish.is_some()
            && !choice.parts.iter().any(|part| matches!(part.kind, PartKind::Media(_)))
    })
}

fn to() -> ReplyTo {
    ReplyTo { model: "asked".into(), id: "1f".into(), stream_usage: true, ..ReplyTo::default() }
}

fn whole(exchange: &Exchange, from: Dialect, to_client: Dialect) -> (Told, Told) {
    let answer = from.read_answer(exchange.answer.as_bytes()).unwrap();
    let written = to_client.write_answer(&answer, &to());
    let heard = to_client.read_answer(&written).unwrap();
    (Told::in_answer(&answer), Told::in_answer(&heard))
}

fn streamed(exchange: &Exchange, from: Dialect, to_client: Dialect) -> (Told, Told) {
    let mut told = Told::default();
    let (mut reader, mut writer) = (from.reader(), to_client.writer(to(), true));
    let mut out = Vec::new();
    let mut pass = |event: Event<'_>| {
        told.take(&event);
        writer.event(&event, &mut out);
    };
    for piece in exchange.answer.as_bytes().chunks(100) {
        reader.push(piece, &mut pass);
    }
    reader.end(&mut pass);

    let mut heard = Told::default();
    let mut reader = to_client.reader();
    reader.push(&out, &mut |event| heard.take(&event));
    reader.end(&mut |event| heard.take(&event));
    (told.normal(), heard.normal())
}

impl Told {
    fn in_answer(answer: &Answer<'_>) -> Self {
        let mut told = Self::default();
        if let Some(Choice { parts, finish, .. }) = answer.choices.first() {
            for part in parts {
                told.take_part(part);
            }
            told.finish = finish.as_ref().map(|finish| finish.reason);
        }
        told.tokens = answer.usage.map(|usage| (usage.tokens.input, usage.tokens.output));
        told.normal()
    }

    fn take_part(&mut self, part: &Part<'_>) {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => self.text += &text.decoded(),
            PartKind::Reasoning(thought) => {
                self.thoughts +=
                    &thought.text.as_ref().map_or_else(Default::default, |it| it.decoded());
            }
            PartKind::ToolCall(call) => {
                let arguments = call.arguments.to_text().decoded().into_owned();
                self.calls.push((call.name.decoded().into_owned(), arguments));
            }
            PartKind::Media(_) | PartKind::ToolResult(_) | PartKind::Other(..) => {}
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Choice { choice: 0, delta } => self.take_delta(delta),
            Event::Usage(usage) => self.tokens = Some((usage.tokens.input, usage.tokens.output)),
            _ => {}
        }
    }

    fn take_delta(&mut self, delta: &Delta<'_>) {
        match delta {
            Delta::Text(text) | Delta::Refusal(text) => self.text += &text.decoded(),
            Delta::Reasoning(text) => self.thoughts += &text.decoded(),
            Delta::ToolCall { name, .. } => {
                self.calls.push((name.decoded().into_owned(), String::new()));
            }
            Delta::Arguments { index, piece } => {
                self.calls[*index as usize].1 += &piece.decoded();
            }
            Delta::Finish(finish) => self.finish = Some(finish.reason),
            _ => {}
        }
    }

    /// Brings what may be written in several ways into one: JSON, and space around thoughts that
    /// come in several items.
    fn normal(mut self) -> Self {
        for (_, arguments) in &mut self.calls {
            let text = if arguments.trim().is_empty() { "{}" } else { arguments.as_str() };
            if let Ok(value) = serde_json::from_str::<Value>(text) {
                *arguments = value.to_string();
            }
        }
        self.thoughts.retain(|sign| !sign.is_whitespace());
        self
    }

    /// Returns what a client of this dialect can hear of it.
    fn expected_by(&self, client: Dialect) -> Self {
        let counts_always = matches!(client, Dialect::Anthropic | Dialect::Ollama);
        Self {
            text: self.text.clone(),
            thoughts: self.thoughts.clone(),
            calls: self.calls.clone(),
            finish: self.finish.map(|reason| heard_as(client, reason)),
            tokens: self.tokens.or_else(|| counts_always.then_some((0, 0))),
        }
    }
}

/// Returns the reason that a client's dialect has for a reason to end.
fn heard_as(client: Dialect, reason: FinishReason) -> FinishReason {
    match (client, reason) {
        (Dialect::Anthropic, FinishReason::ContentFilter) => FinishReason::Refusal,
        (Dialect::Anthropic, reason) => reason,
        // Nobody else tells a stop sequence from the end, and Ollama has no filters.
        (Dialect::Ollama, FinishReason::ContentFilter) | (_, FinishReason::StopSequence) => {
            FinishReason::Stop
        }
        (_, reason) => reason,
    }
}
