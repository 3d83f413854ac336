//! Proofs of other providers survive a client's round trip.

use serde_json::{Value, json};
use tollgate_core::dialect::Dialect;
use tollgate_core::dialect::chat::answer::{Answer, Choice};
use tollgate_core::dialect::chat::event::{Delta, Event, Writer as _};
use tollgate_core::dialect::chat::message::{Arguments, Thought, ToolCall};
use tollgate_core::dialect::chat::{Dropped, Part, PartKind, Role};
use tollgate_core::dialect::responses::stream::Writer;
use tollgate_core::dialect::responses::{request, response, seal};
use tollgate_core::json::node::Text;

use super::well_formed;
use super::{TOWARDS, reply_to};

fn thought(
    text: Option<&str>,
    signature: Option<&str>,
    encrypted: Option<&str>,
) -> Thought<'static> {
    Thought {
        text: text.map(Text::of),
        signature: signature.map(Text::of),
        encrypted: encrypted.map(Text::of),
        id: None,
    }
}

/// What Anthropic and Gemini may answer, with all their proofs.
fn thoughts() -> [Thought<'static>; 3] {
    [
        thought(Some("Let me see."), Some("EqQB+/=="), None),
        thought(None, None, Some("EmwKAh==")),
        thought(None, Some("CtsB"), None),
    ]
}

fn call() -> ToolCall<'static> {
    ToolCall {
        id: Text::of("call_1"),
        name: Text::of("shell"),
        arguments: Arguments::Text(Text::of(r#"{"command":["ls"]}"#)),
        signature: Some(Text::of("AY89a1+/")),
        custom: false,
    }
}

/// Sends the output of an answer back, as clients do that keep nothing on the server.
fn next_request(response: &Value) -> Vec<u8> {
    let mut input = vec![json!({"role": "user", "content": "List."})];
    input.extend(response["output"].as_array().unwrap().iter().cloned());
    for item in &mut input {
        // Codex drops the ids.
        item.as_object_mut().unwrap().remove("id");
    }
    input.push(json!({"type": "function_call_output", "call_id": "call_1", "output": "a b"}));
    serde_json::to_vec(&json!({"model": "m", "input": input, "store": false})).unwrap()
}

fn check(response: &Value) {
    let body = next_request(response);
    let conversation = request::read(&body).unwrap();

    let roles: Vec<Role> = conversation.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool]);
    let kinds: Vec<_> =
        conversation.messages[1].parts.iter().map(|part| part.kind.clone()).collect();
    let expected = thoughts().map(PartKind::Reasoning);
    assert_eq!(kinds, [&expected[..], &[PartKind::ToolCall(call())]].concat());

    assert!(seal::is_in(&body));
    let written = request::write(&conversation, TOWARDS, &mut Dropped::default());
    assert!(!seal::is_in(&written), "a provider of this dialect refuses what it did not write");
}

#[test]
fn proofs_in_an_answer_come_back() {
    let mut answer = Answer::of(Dialect::Anthropic);
    let mut parts: Vec<_> =
        thoughts().map(|thought| Part::new(PartKind::Reasoning(thought))).to_vec();
    parts.push(Part::new(PartKind::ToolCall(call())));
    answer.choices.push(Choice { parts, finish: None, logprobs: None });

    check(&serde_json::from_slice(&response::write(&answer, &reply_to())).unwrap());
}

#[test]
fn proofs_in_a_stream_come_back() {
    let call = call();
    let deltas = [
        Delta::Reasoning(Text::of("Let me ")),
        Delta::Reasoning(Text::of("see.")),
        Delta::Signature(Text::of("EqQB+/==")),
        Delta::Encrypted { data: Text::of("EmwKAh=="), id: None },
        // Without thoughts since the last proof: another stretch.
        Delta::Signature(Text::of("CtsB")),
        Delta::ToolCall {
            index: 0,
            id: call.id,
            name: call.name,
            signature: call.signature,
            custom: false,
        },
        Delta::Arguments { index: 0, piece: call.arguments.to_text() },
    ];
    let (mut writer, mut out) = (Writer::new(reply_to()), Vec::new());
    for delta in deltas {
        writer.event(&Event::Choice { choice: 0, delta }, &mut out);
    }
    writer.event(&Event::End, &mut out);

    let response = well_formed::check(std::str::from_utf8(&out).unwrap()).unwrap();
    check(&response);
}
