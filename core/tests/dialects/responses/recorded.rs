//! Recorded traffic goes in and out of the dialect without loss.

use serde_json::{Value, json};
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::chat::answer::Answer;
use tollgate_core::dialect::chat::{Conversation, Dropped, PartKind};
use tollgate_core::dialect::responses::{count, error, request, response};

use super::{TOWARDS, replay, reply_to, well_formed};
use crate::recordings::{Exchange, exchanges, lost};
use crate::shown::meaning;

fn answered() -> Vec<Exchange> {
    exchanges("/responses").into_iter().filter(|exchange| exchange.status == 200).collect()
}

#[test]
fn requests_come_back_whole() {
    for exchange in exchanges("/responses") {
        let body = serde_json::to_vec(&exchange.request).unwrap();
        let conversation = request::read(&body).unwrap();
        let mut dropped = Dropped::default();

        let written = request::write(&conversation, TOWARDS, &mut dropped);

        let mut before = exchange.request.clone();
        before.as_object_mut().unwrap().remove("model");
        if before["stream"] == json!(false) {
            before["stream"] = json!(null);
        }
        let after: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(lost(&before, &after), Vec::<String>::new(), "{}", exchange.id);
        assert!(dropped.fields().is_empty(), "{}: {dropped:?}", exchange.id);
        let again = request::read(&written).unwrap();
        assert_eq!(told(&again), told(&conversation), "{}", exchange.id);
    }
}

/// A conversation without what is new in every request, and without how it was written.
fn told<'a>(conversation: &Conversation<'a>) -> Conversation<'a> {
    let mut told = Conversation { model: "".into(), ..conversation.clone() };
    for message in &mut told.messages {
        message.extras.clear();
    }
    told
}

#[test]
fn answers_come_back_whole_under_the_name_that_was_asked_for() {
    for exchange in answered().iter().filter(|exchange| !exchange.is_stream()) {
        let answer = response::read(exchange.answer.as_bytes()).unwrap();
        let written = response::write(&answer, &reply_to());

        let mut before: Value = serde_json::from_str(&exchange.answer).unwrap();
        let after: Value = serde_json::from_slice(&written).unwrap();
        before["model"] = json!("our-model");
        assert_eq!(after, before, "{}", exchange.id);
    }
}

#[test]
fn answers_written_anew_say_the_same() {
    for exchange in answered().iter().filter(|exchange| !exchange.is_stream()) {
        let answer = response::read(exchange.answer.as_bytes()).unwrap();
        if answer.choices[0].finish.is_none() {
            // It goes on in the background.
            continue;
        }
        let anew = Answer { extras: Vec::new(), ..answer.clone() };

        let written = response::write(&anew, &reply_to());

        let again = response::read(&written).unwrap();
        assert_eq!(said(&again), said(&answer), "{}", exchange.id);
        assert_eq!(again.usage, answer.usage, "{}", exchange.id);
    }
}

/// What an answer says: texts that follow one another are one.
fn said(answer: &Answer<'_>) -> Vec<String> {
    let choice = &answer.choices[0];
    let mut said: Vec<String> = Vec::new();
    for part in &choice.parts {
        let (kind, text) = match &part.kind {
            PartKind::Text(text) => ("text ", text.decoded().into_owned()),
            PartKind::Refusal(text) => ("refusal ", text.decoded().into_owned()),
            PartKind::Reasoning(thought) => {
                let text = thought.text.clone().unwrap_or_default();
                ("thought ", format!("{} {:?}", text.decoded(), thought.encrypted))
            }
            PartKind::ToolCall(call) => {
                let (id, name) = (call.id.decoded(), call.name.decoded());
                let arguments = call.arguments.to_text();
                ("call ", format!("{id} {name} {} {}", arguments.decoded(), call.custom))
            }
            PartKind::Other(Dialect::Responses, node) => {
                ("other ", String::from_utf8_lossy(node.raw()).into_owned())
            }
            other => panic!("{other:?}"),
        };
        match said.last_mut() {
            Some(last) if last.starts_with(kind) && kind == "text " => last.push_str(&text),
            _ => said.push(format!("{kind}{text}")),
        }
    }
    said.push(format!("{:?} {:?}", choice.finish, choice.logprobs));
    said
}

#[test]
fn streams_are_the_same_in_any_pieces_and_come_back_whole() {
    for exchange in answered().iter().filter(|exchange| exchange.is_stream()) {
        let whole = replay(exchange.answer.as_bytes(), usize::MAX);
        well_formed::check(&whole.1);
        for size in [1, 2, 3, 7, 64] {
            let pieces = replay(exchange.answer.as_bytes(), size);
            assert_eq!(pieces, whole, "{} in pieces of {size}", exchange.id);
        }
        let again = replay(whole.1.as_bytes(), usize::MAX);
        assert_eq!(content(&again.0), content(&whole.0), "{}", exchange.id);
        if exchange.answer.contains("response.completed") {
            assert_eq!(whole.0.last().unwrap(), "end", "{}", exchange.id);
        }
    }
}

/// What a stream says, apart from how likely its tokens were: those are told when a text ends.
fn content(lines: &[String]) -> Vec<String> {
    let lines: Vec<_> = lines.iter().filter(|line| !line.contains("logprobs")).cloned().collect();
    meaning(&lines).into_iter().filter(|line| !line.contains(".annotation.")).collect()
}

#[test]
fn a_stream_says_what_its_last_event_says() {
    for exchange in answered().iter().filter(|exchange| exchange.is_stream()) {
        let Some(last) = final_response(&exchange.answer) else { continue };
        let (_, written) = replay(exchange.answer.as_bytes(), usize::MAX);
        let ours = final_response(&written).unwrap().to_string();

        let (last, ours) = (last.to_string(), ours);
        let recorded = response::read(last.as_bytes()).unwrap();
        let streamed = response::read(ours.as_bytes()).unwrap();

        assert_eq!(said_in_stream(&streamed), said_in_stream(&recorded), "{}", exchange.id);
        assert_eq!(streamed.usage, recorded.usage, "{}", exchange.id);
    }
}

/// Items that a provider wrote are told whole; their logprobs may come without their bytes.
fn said_in_stream(answer: &Answer<'_>) -> Vec<String> {
    let mut said = said(answer);
    said.pop();
    said.push(format!("{:?}", answer.choices[0].finish));
    said
}

fn final_response(stream: &str) -> Option<Value> {
    let events = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let mut last = events.filter(|event| event["type"] == "response.completed");
    last.next().map(|mut event| event["response"].take())
}

#[test]
fn errors_are_understood() {
    for exchange in exchanges("/responses").iter().filter(|exchange| exchange.status != 200) {
        let failure = error::read(exchange.status, exchange.answer.as_bytes());
        let recorded: Value = serde_json::from_str(&exchange.answer).unwrap();
        let written: Value = serde_json::from_slice(&error::write(&failure)).unwrap();

        assert_eq!(written["error"], recorded["error"], "{}", exchange.id);
    }
}

#[test]
fn counts_are_those_of_the_api() {
    for exchange in exchanges("/responses/input_tokens") {
        let body = serde_json::to_vec(&exchange.request).unwrap();
        request::read(&body).unwrap();
        let recorded: Value = serde_json::from_str(&exchange.answer).unwrap();

        let tokens = count::read(exchange.answer.as_bytes()).unwrap();

        let written: Value = serde_json::from_slice(&count::write(tokens)).unwrap();
        assert_eq!(written, recorded, "{}", exchange.id);
    }
}
