use serde_json::{Value, json};

use super::*;
use crate::dialect::chat::message::{Arguments, Thought, ToolCall, ToolResult};
use crate::dialect::chat::{
    Effort, Format, Media, MediaKind, Message, Part, PartKind, Role, Source, ToolChoice,
};
use crate::json::node::Node;
use crate::json::node::{Number, Text};

#[test]
fn says_what_is_the_default_here_in_so_many_words() {
    let conversation = read(br#"{"model":"m"}"#).unwrap();
    assert!(conversation.stream && conversation.stream_usage && only_loads(&conversation));

    let (body, _) = written("m", |it| it.messages = vec![user("hi")]);
    let messages = json!([{"role": "user", "content": "hi"}]);
    assert_eq!(body, json!({"model": "m", "stream": false, "messages": messages}));
}

#[test]
fn one_text_a_message_with_all_else_beside_it() {
    let (body, dropped) = written("m", |it| {
        let (mime, data) = (Text::of("image/png"), Text::of("iVBO"));
        let image = Source::Base64 { mime, data };
        let page = Source::Url { url: Text::of("https://example.com/a.png"), mime: None };
        let note = Source::Text(Text::of("A note."));
        it.messages = vec![Message::new(
            Role::User,
            vec![
                Part::text(Text::of("Look:")),
                media(MediaKind::Image, image),
                media(MediaKind::Image, page),
                media(MediaKind::Document, note),
            ],
        )];
    });

    let message = json!({"role": "user", "content": "Look:\nA note.", "images": ["iVBO"]});
    assert_eq!(body["messages"], json!([message]));
    assert_eq!(dropped, ["messages[].content[].image_url"]);
}

#[test]
fn results_go_by_the_name_of_the_tool() {
    let (body, _) = written("m", |it| {
        let call = ToolCall {
            id: Text::of("c1"),
            name: Text::of("f"),
            arguments: Arguments::Text(Text::of("{\"a\":1}")),
            signature: None,
            custom: false,
        };
        let thought = Thought { text: Some(Text::of("hm")), ..Thought::default() };
        let said =
            vec![Part::new(PartKind::Reasoning(thought)), Part::new(PartKind::ToolCall(call))];
        let result = |id| {
            let (id, parts) = (Text::of(id), vec![Part::text(Text::of("sunny"))]);
            let result = ToolResult { id, name: None, parts, is_error: false };
            Part::new(PartKind::ToolResult(result))
        };
        it.messages = vec![
            Message::new(Role::Assistant, said),
            Message::new(Role::Tool, vec![result("c1"), result("other")]),
        ];
    });

    let call = json!({"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}});
    let expected = json!([
        {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [call]},
        {"role": "tool", "content": "sunny", "tool_name": "f", "tool_call_id": "c1"},
        {"role": "tool", "content": "sunny", "tool_call_id": "other"},
    ]);
    assert_eq!(body["messages"], expected);
}

#[test]
fn thinks_as_the_model_can_be_told_to() {
    let think =
        |model, effort| written(model, |it| it.reasoning.effort = Some(effort)).0["think"].clone();
    assert_eq!(think("qwen3", Effort::High), json!(true));
    assert_eq!(think("qwen3", Effort::None), json!(false));
    assert_eq!(think("gpt-oss:20b", Effort::Max), json!("high"));
    assert_eq!(think("gpt-oss:20b", Effort::Minimal), json!("low"));
    assert_eq!(written("qwen3", |_| {}).0["think"], Value::Null);
}

#[test]
fn options_have_their_own_names() {
    let (body, dropped) = written("m", |it| {
        it.max_tokens = Some(9);
        it.sampling.temperature = Some(number("0.50"));
        it.sampling.seed = Some(number("7"));
        it.sampling.stop = vec![Text::of("END")];
        it.sampling.n = Some(2);
        it.format = Some(Format::Json);
        it.user = Some(Text::of("u"));
        it.service_tier = Some(Text::of("auto"));
        it.extras = vec![("logit_bias".into(), Node::trusted(b"{}"))];
    });

    let options = json!({"num_predict": 9, "temperature": 0.5, "seed": 7, "stop": ["END"]});
    assert_eq!(body["options"], options);
    assert_eq!(body["format"], "json");
    assert_eq!(dropped, ["n", "user", "logit_bias"]);
}

#[test]
fn a_tool_cannot_be_forced_but_tools_can_be_left_out() {
    let choose = |choice| {
        written("m", |it| {
            let tools = read(TOOLS).unwrap().tools;
            it.tools = tools;
            it.tool_choice = Some(choice);
        })
    };
    assert_eq!(choose(ToolChoice::None).0["tools"], Value::Null);
    let (body, dropped) = choose(ToolChoice::Required);
    assert_eq!(body["tools"].as_array().unwrap().len(), 2);
    assert_eq!(dropped, ["tool_choice"]);
    let names = vec![Text::of("g")];
    let (body, dropped) = choose(ToolChoice::Allowed { names, required: false });
    assert_eq!(body["tools"][0]["function"]["name"], "g");
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert!(dropped.is_empty());
}

#[test]
fn a_prompt_is_asked_as_a_chat() {
    let body =
        br#"{"model":"m","prompt":"hi","keep_alive":"5m","options":{"num_ctx":9},"raw":true}"#;
    let conversation = crate::dialect::ollama::generate::request::read(body).unwrap();
    let mut dropped = Dropped::default();

    let written = write(&conversation, towards("m"), &mut dropped);

    let written: Value = serde_json::from_slice(&written).unwrap();
    let messages = json!([{"role": "user", "content": "hi"}]);
    let expected = json!({
        "model": "m", "stream": true, "messages": messages, "keep_alive": "5m",
        "options": {"num_ctx": 9},
    });
    assert_eq!(written, expected);
    assert_eq!(dropped.fields(), ["raw"]);
}

#[test]
fn refuses_what_ollama_refuses() {
    let check = |body: &str, field: &str| {
        let text = format!("{:?}", read(body.as_bytes()).unwrap_err());
        assert!(text.contains(field), "{body}: {text}");
    };
    check("[]", "InvalidJson");
    check(r#"{"messages":[]}"#, "MissingField(\"model\")");
    let with = |member: &str| format!(r#"{{"model":"m",{member}}}"#);
    check(&with(r#""messages":{}"#), "messages");
    check(&with(r#""messages":[{"role":"robot"}]"#), "messages[].role");
    check(&with(r#""messages":[{"role":"user","content":[]}]"#), "messages[].content");
    check(&with(r#""think":"maybe""#), "think");
    check(&with(r#""format":"xml""#), "format");
    check(&with(r#""options":{"temperature":"hot"}"#), "options.temperature");
    check(&with(r#""options":{"stop":7}"#), "options.stop");
    check(&with(r#""tools":[{"type":"function"}]"#), "tools[].function");
}

const TOOLS: &[u8] = br#"{"model":"m","tools":[
    {"type":"function","function":{"name":"f","parameters":{"type":"object"}}},
    {"type":"function","function":{"name":"g"}}]}"#;

fn written(model: &str, fill: impl FnOnce(&mut Conversation<'static>)) -> (Value, Vec<String>) {
    let mut conversation = Conversation::of(Dialect::OpenAi);
    fill(&mut conversation);
    let mut dropped = Dropped::default();
    let body = write(&conversation, towards(model), &mut dropped);
    let dropped = dropped.fields().iter().map(|field| field.clone().into_owned()).collect();
    (serde_json::from_slice(&body).unwrap(), dropped)
}

fn towards(model: &str) -> Towards<'_> {
    Towards { model, max_output_tokens: None, completion_tokens_cap: false, stream_usage: false }
}

fn user(text: &str) -> Message<'static> {
    Message::new(Role::User, vec![Part::text(Text::of(text))])
}

fn media(kind: MediaKind, source: Source<'static>) -> Part<'static> {
    Part::new(PartKind::Media(Media { kind, source, name: None, detail: None }))
}

fn number(digits: &'static str) -> Number<'static> {
    Node::trusted(digits.as_bytes()).number().unwrap()
}
