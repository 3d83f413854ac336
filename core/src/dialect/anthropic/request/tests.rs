use serde_json::{Value, json};

use super::*;
use crate::dialect::Dialect;
use crate::dialect::chat::message::{Arguments, Thought, ToolCall, ToolResult};
use crate::dialect::chat::{
    Effort, Format, Media, MediaKind, Message, Part, PartKind, Role, Source, Tool, ToolChoice,
    ToolKind,
};
use crate::json::node::{Node, Number, Text};

#[test]
fn says_what_the_api_cannot_do_without() {
    let (body, dropped) = written("claude-opus-4-5", |it| it.messages = vec![user("hi")]);

    let expected = json!({
        "model": "claude-opus-4-5", "max_tokens": 4096, "stream": false,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    });
    assert_eq!(body, expected);
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn the_cap_is_the_clients_or_else_the_models() {
    let mut conversation = Conversation::of(Dialect::OpenAi);
    let capped = Towards { max_output_tokens: Some(8_192), ..towards("m") };
    assert_eq!(output_cap(&conversation, towards("m")), 4_096);
    assert_eq!(output_cap(&conversation, capped), 8_192);
    conversation.reasoning.budget = Some(5_000);
    assert_eq!(output_cap(&conversation, towards("m")), 9_096);
    assert_eq!(output_cap(&conversation, capped), 8_192);
    conversation.max_tokens = Some(7);
    assert_eq!(output_cap(&conversation, capped), 7);
}

#[test]
fn instructions_come_first_and_alone_they_are_a_question() {
    let system = |role, text| Message::new(role, vec![Part::text(Text::of(text))]);
    let (body, _) = written("m", |it| {
        it.messages =
            vec![system(Role::System, "a"), user("hi"), system(Role::Developer, "b"), user("ho")];
    });
    assert_eq!(texts(&body["system"]), ["a", "b"]);
    assert_eq!(turns(&body), [("user", vec!["hi", "ho"])]);

    let (body, _) = written("m", |it| it.messages = vec![system(Role::System, "a")]);
    assert_eq!(body["system"], json!(null));
    assert_eq!(turns(&body), [("user", vec!["a"])]);
}

#[test]
fn the_first_turn_is_the_users() {
    let (body, _) = written("m", |it| it.messages = vec![assistant("Hello")]);

    assert_eq!(body["messages"][0], json!({"role": "user", "content": "."}));
    assert_eq!(body["messages"][1]["role"], "assistant");
}

#[test]
fn empty_texts_and_a_beginnings_trailing_space_are_left_out() {
    let (body, _) = written("m", |it| {
        it.messages = vec![user("hi"), user(" \n"), assistant(""), assistant("It is \u{a0}\n ")];
    });

    assert_eq!(turns(&body), [("user", vec!["hi"]), ("assistant", vec!["It is"])]);
}

#[test]
fn results_begin_the_turn_after_their_calls() {
    let (body, _) = written("m", |it| {
        it.messages = vec![
            user("weather?"),
            Message::new(Role::Assistant, vec![call("c:1", "{\"a\":1}"), call("c2", "")]),
            Message::new(Role::Tool, vec![result("c:1")]),
            user("look at this"),
            Message::new(Role::Tool, vec![result("c2")]),
        ];
    });

    let calls = &body["messages"][1]["content"];
    assert_eq!(calls[0], json!({"type": "tool_use", "id": "c_1", "name": "f", "input": {"a": 1}}));
    assert_eq!(calls[1]["input"], json!({}));
    let turn = body["messages"][2]["content"].as_array().unwrap();
    let kinds: Vec<_> = turn.iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text"]);
    assert_eq!(turn[0]["tool_use_id"], "c_1");
    assert_eq!(turn[1]["is_error"], true);
}

#[test]
fn an_effort_becomes_what_the_model_understands() {
    let thinking = |model, effort| {
        let (body, _) = written(model, |it| {
            it.messages = vec![user("hi")];
            it.max_tokens = Some(20_000);
            it.reasoning.effort = Some(effort);
        });
        (body["thinking"].clone(), body["output_config"]["effort"].clone())
    };
    let budget = |tokens| json!({"type": "enabled", "budget_tokens": tokens});
    let (off, none) = (json!({"type": "disabled"}), Value::Null);
    let shown = json!({"type": "adaptive", "display": "summarized"});

    assert_eq!(thinking("claude-sonnet-4-5", Effort::Low), (budget(1_024), none.clone()));
    assert_eq!(thinking("claude-sonnet-4-5", Effort::High), (budget(15_000), none.clone()));
    assert_eq!(thinking("claude-sonnet-4-5", Effort::None), (off, none.clone()));
    let adaptive = json!({"type": "adaptive"});
    assert_eq!(thinking("claude-opus-4-6", Effort::Minimal), (adaptive, json!("low")));
    assert_eq!(thinking("claude-opus-4-7", Effort::Max), (shown, json!("max")));
    assert_eq!(thinking("claude-opus-4-7", Effort::None), (none.clone(), none));
}

#[test]
fn a_budget_is_large_enough_and_leaves_room_for_an_answer() {
    let check = |cap, budget, expected: (u64, u64), is_noted| {
        let (body, dropped) = written("claude-sonnet-4-5", |it| {
            it.messages = vec![user("hi")];
            (it.max_tokens, it.reasoning.budget) = (cap, Some(budget));
        });
        let found = body["thinking"]["budget_tokens"].as_u64().unwrap_or(0);
        assert_eq!((body["max_tokens"].as_u64().unwrap(), found), expected);
        assert_eq!(!dropped.is_empty(), is_noted, "{dropped:?}");
    };
    check(Some(8_000), 100, (8_000, 1_024), false);
    check(Some(8_000), 6_000, (8_000, 6_000), false);
    check(None, 6_000, (10_096, 6_000), false);
    // What was capped stays so: it is what was reserved.
    check(Some(8_000), 9_000, (8_000, 6_000), true);
    check(Some(1_100), 9_000, (1_100, 1_024), true);
    check(Some(500), 9_000, (500, 0), true);
}

#[test]
fn thinking_gives_way_to_a_tool_that_must_be_called() {
    let (body, dropped) = written("claude-sonnet-4-5", |it| {
        it.messages = vec![user("hi")];
        it.reasoning.effort = Some(Effort::High);
        it.tools = vec![tool("f", None)];
        it.tool_choice = Some(ToolChoice::Required);
    });

    assert_eq!(body["thinking"], Value::Null);
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    assert_eq!(dropped, ["reasoning_effort"]);
}

#[test]
fn thinking_gives_way_to_a_tool_loop_whose_thoughts_are_lost() {
    let loop_with = |thought: Option<Thought<'static>>| {
        written("claude-sonnet-4-5", |it| {
            let mut parts: Vec<_> = thought
                .into_iter()
                .map(|thought| Part::new(PartKind::Reasoning(thought)))
                .collect();
            parts.push(call("c", "{}"));
            let results = Message::new(Role::Tool, vec![result("c")]);
            it.messages = vec![user("hi"), Message::new(Role::Assistant, parts), results];
            it.reasoning.effort = Some(Effort::Low);
        })
    };
    let text = Some(Text::of("hm"));
    let signature = Some(Text::of("sig"));
    let unsigned = Thought { text: text.clone(), ..Thought::default() };

    let (body, dropped) = loop_with(Some(unsigned));
    assert_eq!(body["thinking"], Value::Null);
    assert_eq!(dropped, ["messages[].reasoning", "reasoning_effort"]);
    let (body, dropped) = loop_with(Some(Thought { text, signature, ..Thought::default() }));
    assert_eq!(body["thinking"]["type"], "enabled");
    let block = json!({"type": "thinking", "thinking": "hm", "signature": "sig"});
    assert_eq!(body["messages"][1]["content"][0], block);
    assert!(dropped.is_empty());
}

#[test]
fn sampling_keeps_within_what_a_model_takes() {
    let sampling = |model, temperature: &'static str, thinks| {
        let (body, dropped) = written(model, |it| {
            it.messages = vec![user("hi")];
            it.max_tokens = Some(9_000);
            it.sampling.temperature = Some(number(temperature));
            it.sampling.top_p = Some(number("0.9"));
            it.sampling.top_k = Some(number("40"));
            it.reasoning.enabled = Some(thinks);
        });
        let of = |name: &str| body[name].to_string();
        ([of("temperature"), of("top_p"), of("top_k")].join(" "), dropped.join(" "))
    };
    let check = |found: (String, String), values: &str, dropped: &str| {
        assert_eq!((&*found.0, &*found.1), (values, dropped));
    };
    check(sampling("m", "1.5", false), "1 0.9 40", "temperature");
    check(sampling("m", "0.7", false), "0.7 0.9 40", "");
    check(sampling("claude-opus-4-5", "0.7", false), "0.7 null 40", "top_p");
    check(sampling("claude-opus-4-5", "1", false), "null 0.9 40", "");
    check(sampling("m", "0.7", true), "null null null", "temperature top_p top_k");
    check(sampling("claude-opus-4-7", "0.7", false), "null null null", "temperature top_p top_k");
}

#[test]
fn tools_say_that_they_take_objects_and_only_allowed_ones_are_told() {
    let (body, _) = written("m", |it| {
        it.messages = vec![user("hi")];
        it.tools = vec![tool("f", None), tool("g", Some(r#"{"properties":{}}"#))];
        it.parallel_tool_calls = Some(false);
    });
    let schemas = json!([
        {"name": "f", "input_schema": {"type": "object", "properties": {}}},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
    ]);
    assert_eq!(body["tools"], schemas);
    let choice = json!({"type": "auto", "disable_parallel_tool_use": true});
    assert_eq!(body["tool_choice"], choice);

    let (body, _) = written("m", |it| {
        it.messages = vec![user("hi")];
        it.tools = vec![tool("f", None), tool("g", None)];
        let names = vec![Text::of("g")];
        it.tool_choice = Some(ToolChoice::Allowed { names, required: true });
    });
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
}

#[test]
fn a_schema_is_closed_and_json_without_one_is_dropped() {
    let (body, dropped) = written("m", |it| {
        it.messages = vec![user("hi")];
        it.format = Some(Format::Schema {
            name: Some(Text::of("n")),
            description: None,
            schema: Node::trusted(br#"{"type":"object","properties":{}}"#),
            strict: Some(true),
        });
    });
    let schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let expected = json!({"format": {"type": "json_schema", "schema": schema}});
    assert_eq!(body["output_config"], expected);
    assert!(dropped.is_empty());

    let (_, dropped) = written("m", |it| it.format = Some(Format::Json));
    assert_eq!(dropped, ["response_format"]);
}

#[test]
fn tells_what_the_dialect_has_no_words_for() {
    let (_, dropped) = written("m", |it| {
        let media = |kind, source| {
            Part::new(PartKind::Media(Media { kind, source, name: None, detail: None }))
        };
        let audio = Source::Base64 { mime: Text::of("audio/wav"), data: Text::of("AAAA") };
        let parts = vec![
            media(MediaKind::Audio, audio),
            media(MediaKind::Image, Source::File(Text::of("file-1"))),
        ];
        it.messages =
            vec![Message { name: Some(Text::of("Bo")), ..Message::new(Role::User, parts) }];
        it.sampling.seed = Some(number("7"));
        it.sampling.n = Some(2);
        it.sampling.frequency_penalty = Some(number("0.5"));
        it.sampling.presence_penalty = Some(number("0"));
        it.sampling.logprobs = Some(true);
        it.sampling.stop = vec![Text::of("\n"), Text::of("END")];
        it.service_tier = Some(Text::of("flex"));
        it.extras = vec![("logit_bias".into(), Node::trusted(b"{\"1\":2}"))];
    });

    let expected = [
        "messages[].name",
        "messages[].content[].audio",
        "messages[].content[].file",
        "stop",
        "service_tier",
        "frequency_penalty",
        "seed",
        "n",
        "logprobs",
        "logit_bias",
    ];
    assert_eq!(dropped, expected);
}

#[test]
fn refuses_what_the_api_refuses() {
    let check = |body: &str, field: &str| {
        let refusal = read(body.as_bytes()).unwrap_err();
        let text = format!("{refusal:?}");
        assert!(text.contains(field), "{body}: {text}");
    };
    check("[]", "InvalidJson");
    check(r#"{"messages":[],"max_tokens":1}"#, "MissingField(\"model\")");
    check(r#"{"model":"m","messages":[]}"#, "MissingField(\"max_tokens\")");
    check(r#"{"model":"m","max_tokens":1}"#, "MissingField(\"messages\")");
    check(r#"{"model":"m","max_tokens":0,"messages":[]}"#, "max_tokens");
    check(r#"{"model":"m","max_tokens":1,"messages":"hi"}"#, "messages");
    let with = |member: &str| format!(r#"{{"model":"m","max_tokens":1,"messages":[],{member}}}"#);
    check(&with(r#""system":7"#), "system");
    check(&with(r#""thinking":{"type":"maybe"}"#), "thinking.type");
    check(&with(r#""tools":[{"description":"d"}]"#), "tools[].name");
    check(&with(r#""stop_sequences":"x""#), "stop_sequences");
    check(&with(r#""temperature":"hot""#), "temperature");
    let role = r#"{"model":"m","max_tokens":1,"messages":[{"role":"robot","content":""}]}"#;
    check(role, "messages[].role");
}

#[test]
fn another_providers_proofs_come_back_where_they_were() {
    let body = br#"{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[
        {"type":"redacted_thinking","data":"responses:rs_1:ENC"},
        {"type":"thinking","thinking":"","signature":"tool_call:SIG"},
        {"type":"tool_use","id":"t","name":"f","input":{}}]}]}"#;

    let conversation = read(body).unwrap();

    let parts = &conversation.messages[0].parts;
    let PartKind::Reasoning(thought) = &parts[0].kind else { panic!("{parts:?}") };
    assert_eq!(thought.id.as_ref().unwrap(), &"rs_1");
    assert_eq!(thought.encrypted.as_ref().unwrap(), &"ENC");
    let PartKind::ToolCall(call) = &parts[1].kind else { panic!("{parts:?}") };
    assert_eq!(call.signature.as_ref().unwrap(), &"SIG");
}

fn towards(model: &str) -> Towards<'_> {
    Towards { model, max_output_tokens: None, completion_tokens_cap: false, stream_usage: false }
}

fn written(model: &str, fill: impl FnOnce(&mut Conversation<'static>)) -> (Value, Vec<String>) {
    let mut conversation = Conversation::of(Dialect::OpenAi);
    fill(&mut conversation);
    let mut dropped = Dropped::default();
    let body = write(&conversation, towards(model), &mut dropped);
    let dropped = dropped.fields().iter().map(|field| field.clone().into_owned()).collect();
    (serde_json::from_slice(&body).unwrap(), dropped)
}

fn turns(body: &Value) -> Vec<(&str, Vec<&str>)> {
    let turns = body["messages"].as_array().unwrap().iter();
    turns.map(|turn| (turn["role"].as_str().unwrap(), texts(&turn["content"]))).collect()
}

fn texts(blocks: &Value) -> Vec<&str> {
    blocks.as_array().unwrap().iter().map(|block| block["text"].as_str().unwrap()).collect()
}

fn user(text: &str) -> Message<'static> {
    Message::new(Role::User, vec![Part::text(Text::of(text))])
}

fn assistant(text: &str) -> Message<'static> {
    Message::new(Role::Assistant, vec![Part::text(Text::of(text))])
}

fn call(id: &str, arguments: &str) -> Part<'static> {
    Part::new(PartKind::ToolCall(ToolCall {
        id: Text::of(id),
        name: Text::of("f"),
        arguments: Arguments::Text(Text::of(arguments)),
        signature: None,
        custom: false,
    }))
}

fn result(id: &str) -> Part<'static> {
    Part::new(PartKind::ToolResult(ToolResult {
        id: Text::of(id),
        name: None,
        parts: vec![Part::text(Text::of("sunny"))],
        is_error: true,
    }))
}

fn tool(name: &str, parameters: Option<&'static str>) -> Tool<'static> {
    let kind = ToolKind::Function {
        name: Text::of(name),
        description: None,
        parameters: parameters.map(|schema| Node::trusted(schema.as_bytes())),
        strict: Some(false),
    };
    Tool { kind, cache: None, extras: Vec::new() }
}

fn number(digits: &'static str) -> Number<'static> {
    Node::trusted(digits.as_bytes()).number().unwrap()
}
