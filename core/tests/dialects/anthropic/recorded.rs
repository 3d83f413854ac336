//! Recorded traffic goes in and out of the dialect without loss.

use serde_json::{Value, json};
use tollgate_core::dialect::anthropic::{error, request, response};
use tollgate_core::dialect::chat::answer::Answer;
use tollgate_core::dialect::chat::{Conversation, Dropped};

use super::shown::{meaning, replay};
use super::{TOWARDS, reply_to};
use crate::recordings::{Exchange, exchanges, lost};

fn answered() -> Vec<Exchange> {
    exchanges("/messages").into_iter().filter(|exchange| exchange.status == 200).collect()
}

#[test]
fn requests_come_back_whole() {
    for exchange in exchanges("/messages") {
        let body = serde_json::to_vec(&exchange.request).unwrap();
        let conversation = request::read(&body).unwrap();
        let mut dropped = Dropped::default();

        let written = request::write(&conversation, TOWARDS, &mut dropped);

        let mut before = exchange.request.clone();
        before.as_object_mut().unwrap().remove("model");
        let after: Value = serde_json::from_slice(&written).unwrap();
        let lost: Vec<_> = lost(&before, &after)
            .into_iter()
            // Turns that follow one another are one to the provider, and so they are written.
            .filter(|leaf| leaf != "\"user\"")
            .collect();
        assert!(lost.is_empty(), "{}: lost {lost:?}", exchange.id);
        assert!(dropped.fields().is_empty(), "{}: {dropped:?}", exchange.id);
        let again = request::read(&written).unwrap();
        assert_eq!(told(&again), told(&conversation), "{}", exchange.id);
    }
}

/// A conversation without what is new in every request.
fn told<'a>(conversation: &Conversation<'a>) -> Conversation<'a> {
    Conversation { model: "".into(), extras: Vec::new(), ..conversation.clone() }
}

#[test]
fn answers_come_back_whole() {
    let mut seen = 0;
    for exchange in answered().iter().filter(|exchange| !exchange.is_stream()) {
        let answer = response::read(exchange.answer.as_bytes()).unwrap();
        let written = response::write(&answer, &reply_to());

        let mut before: Value = serde_json::from_str(&exchange.answer).unwrap();
        let mut after: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(after["model"], "our-model");
        for value in [&mut before, &mut after] {
            value["model"] = json!(null);
            // What an hour's cache has is told where there is some.
            value["usage"]["cache_creation"] = json!(null);
        }
        let lost = lost(&before, &after).into_iter().filter(|leaf| leaf != "0");
        assert_eq!(lost.collect::<Vec<_>>(), Vec::<String>::new(), "{}", exchange.id);
        let again = response::read(&written).unwrap();
        assert_eq!(said(&again), said(&answer), "{}", exchange.id);
        seen += 1;
    }
    assert!(seen == 0 || seen > 100, "only {seen} answers found");
}

fn said<'a>(answer: &Answer<'a>) -> Answer<'a> {
    Answer { model: None, extras: Vec::new(), ..answer.clone() }
}

#[test]
fn streams_are_the_same_in_any_pieces_and_come_back_whole() {
    for exchange in answered().iter().filter(|exchange| exchange.is_stream()) {
        let whole = replay(exchange.answer.as_bytes(), usize::MAX);
        for size in [1, 2, 3, 7, 64] {
            let pieces = replay(exchange.answer.as_bytes(), size);
            assert_eq!(pieces, whole, "{} in pieces of {size}", exchange.id);
        }
        let again = replay(whole.1.as_bytes(), usize::MAX);
        assert_eq!(last_usage(&meaning(&again.0)), last_usage(&meaning(&whole.0)));
        assert_eq!(without_usage(&again.0), without_usage(&whole.0), "{}", exchange.id);
        assert_eq!(whole.0.last().unwrap(), "end", "{}", exchange.id);
    }
}

/// The meaning of a stream apart from its usage; blocks that only this dialect knows have indices
/// of their own again.
fn without_usage(lines: &[String]) -> Vec<String> {
    let index = |line: &str| {
        let Some(json) = line.strip_prefix("0 Anthropic ") else { return line.to_owned() };
        let mut event: Value = serde_json::from_str(json).unwrap();
        event["index"] = json!(null);
        event.to_string()
    };
    let lines = meaning(lines).into_iter().filter(|line| !line.starts_with("usage"));
    lines.map(|line| index(&line)).collect()
}

fn last_usage(lines: &[String]) -> Option<String> {
    lines.iter().rfind(|line| line.starts_with("usage")).cloned()
}

#[test]
fn errors_are_understood() {
    for exchange in exchanges("/messages").iter().filter(|exchange| exchange.status != 200) {
        let failure = error::read(exchange.status, exchange.answer.as_bytes());
        let recorded: Value = serde_json::from_str(&exchange.answer).unwrap();
        let written: Value = serde_json::from_slice(&error::write(&failure)).unwrap();

        assert_eq!(exchange.provider, "anthropic");
        assert_eq!(written["type"], "error");
        assert_eq!(written["error"], recorded["error"], "{}", exchange.id);
    }
}

#[test]
fn requests_to_count_tokens_are_read_too() {
    for exchange in exchanges("/messages/count_tokens") {
        let body = serde_json::to_vec(&exchange.request).unwrap();
        assert!(tollgate_core::dialect::anthropic::count::read(&body).is_ok(), "{}", exchange.id);
    }
}
