use serde_json::{Value, json};

use super::*;
use crate::dialect::chat::ToolChoice;
use crate::dialect::chat::message::{Arguments, Thought, ToolCall, ToolResult};
use crate::dialect::chat::{Effort, Media, MediaKind, Message, Part, PartKind, Role, Source};
use crate::json::node::Text;

fn towards(model: &str) -> Towards<'_> {
    Towards { model, max_output_tokens: None, completion_tokens_cap: false, stream_usage: false }
}

fn written(conversation: &Conversation<'_>, model: &str) -> (Value, Vec<String>) {
    let mut dropped = Dropped::default();
    let body = write(conversation, towards(model), &mut dropped);
    let fields = dropped.fields().iter().map(ToString::to_string).collect();
    (serde_json::from_slice(&body).unwrap(), fields)
}

/// What an OpenAI client says with these messages.
fn said(messages: Vec<Message<'static>>) -> Conversation<'static> {
    Conversation { messages, ..Conversation::of(Dialect::OpenAi) }
}

fn text(role: Role, text: &str) -> Message<'static> {
    Message::new(role, vec![Part::text(Text::of(text))])
}

fn call(id: &str, name: &str) -> Part<'static> {
    let arguments = Arguments::Text(Text::of(r#"{"a":1}"#));
    let (id, name) = (Text::of(id), Text::of(name));
    Part::new(PartKind::ToolCall(ToolCall { id, name, arguments, signature: None, custom: false }))
}

fn result(id: &str, said: &str, is_error: bool) -> Message<'static> {
    let parts = vec![Part::text(Text::of(said))];
    let result = ToolResult { id: Text::of(id), name: None, parts, is_error };
    Message::new(Role::Tool, vec![Part::new(PartKind::ToolResult(result))])
}

#[test]
fn reads_camel_and_snake_case_alike() {
    let camel = br#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png",
        "data":"AA=="}}]}],"systemInstruction":{"parts":[{"text":"s"}]},
        "tools":[{"functionDeclarations":[{"name":"f"}]}],
        "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}},
        "generationConfig":{"maxOutputTokens":5,"topP":0.5,"stopSequences":["x"]}}"#;
    let snake = br#"{"contents":{"parts":{"inline_data":{"mime_type":"image/png",
        "data":"AA=="}}},"system_instruction":{"parts":{"text":"s"}},
        "tools":{"function_declarations":{"name":"f"}},
        "tool_config":{"function_calling_config":{"mode":"ANY","allowed_function_names":"f"}},
        "generation_config":{"max_output_tokens":"5","top_p":0.5,"stop_sequences":["x"]}}"#;

    let (camel, snake) = (read(camel).unwrap(), read(snake).unwrap());

    assert_eq!(camel, snake);
    assert_eq!(camel.tool_choice, Some(ToolChoice::Tool(Text::of("f"))));
    assert_eq!((camel.max_tokens, camel.messages.len()), (Some(5), 2));
}

#[test]
fn pictures_in_the_alphabet_of_urls_are_for_everyone() {
    let body = br#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png",
        "data":"-_A="}}]}]}"#;

    let conversation = read(body).unwrap();

    let PartKind::Media(media) = &conversation.messages[0].parts[0].kind else { panic!() };
    let expected = Source::Base64 { mime: Text::of("image/png"), data: Text::of("+/A=") };
    assert_eq!(media.source, expected);
}

#[test]
fn refuses_what_gemini_refuses() {
    let invalid = |body: &str| match read(body.as_bytes()) {
        Err(Refusal::InvalidField { field, .. } | Refusal::MissingField(field)) => field,
        other => panic!("{body}: {other:?}"),
    };
    assert_eq!(invalid("{}"), "contents");
    assert_eq!(invalid(r#"{"contents":[]}"#), "contents");
    assert_eq!(invalid(r#"{"contents":"Hi"}"#), "contents");
    assert_eq!(invalid(r#"{"contents":[{"parts":["Hi"]}]}"#), "contents[].parts");
    assert_eq!(invalid(r#"{"contents":[{"role":"assistant"}]}"#), "contents[].role");
    let config = r#"{"contents":[{}],"generationConfig":{"temperature":"hot"}}"#;
    assert_eq!(invalid(config), "generationConfig.temperature");
    let mode = r#"{"contents":[{}],"toolConfig":{"functionCallingConfig":{"mode":"SOME"}}}"#;
    assert_eq!(invalid(mode), "toolConfig.functionCallingConfig.mode");
    assert!(matches!(read(b"{"), Err(Refusal::InvalidJson(_))));
}

#[test]
fn results_of_one_turn_stand_together_and_know_their_tools() {
    let calls = Message::new(Role::Assistant, vec![call("1", "f"), call("2", "g")]);
    let conversation = said(vec![
        text(Role::User, "go"),
        calls,
        result("2", r#"{"x":1}"#, false),
        result("1", "broken", true),
    ]);

    let (body, dropped) = written(&conversation, "gemini-2.5-flash");

    let parts = json!([
        {"functionResponse": {"id": "2", "name": "g", "response": {"x": 1}}},
        {"functionResponse": {"id": "1", "name": "f", "response": {"error": "broken"}}},
    ]);
    assert_eq!(body["contents"][2], json!({"role": "user", "parts": parts}));
    assert_eq!(body["contents"].as_array().unwrap().len(), 3);
    assert_eq!(dropped, [""; 0]);
}

#[test]
fn only_the_first_call_of_others_is_signed_and_only_for_newer_models() {
    let calls = Message::new(Role::Assistant, vec![call("1", "f"), call("2", "g")]);
    let conversation = said(vec![text(Role::User, "go"), calls]);

    let signatures = |model: &str| {
        let (body, _) = written(&conversation, model);
        [0, 1].map(|at| body["contents"][1]["parts"][at]["thoughtSignature"].is_string())
    };

    assert_eq!(signatures("gemini-3-pro-preview"), [true, false]);
    assert_eq!(signatures("gemini-2.5-pro"), [false, false]);
}

#[test]
fn a_signature_that_came_as_thought_goes_back_with_its_call() {
    let thought = Thought { signature: Some(Text::of("AAAA")), ..Thought::default() };
    let parts = vec![Part::new(PartKind::Reasoning(thought)), call("1", "f")];
    let conversation = said(vec![text(Role::User, "go"), Message::new(Role::Assistant, parts)]);

    let (body, _) = written(&conversation, "gemini-3-flash");

    let parts = body["contents"][1]["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0]["thoughtSignature"], "AAAA");
}

#[test]
fn a_conversation_of_system_prompts_alone_still_asks_something() {
    let conversation = said(vec![text(Role::System, "a"), text(Role::Developer, "b")]);

    let (body, _) = written(&conversation, "gemini-2.5-pro");

    let parts = json!([{"text": "a"}, {"text": "b"}]);
    assert_eq!(body, json!({"contents": [{"role": "user", "parts": parts}]}));
}

#[test]
fn media_of_results_stand_where_the_model_takes_them() {
    let (mime, data) = (Text::of("image/png"), Text::of("AA=="));
    let (kind, source) = (MediaKind::Image, Source::Base64 { mime, data });
    let media = Media { kind, source, name: None, detail: None };
    let parts = vec![Part::text(Text::of("x")), Part::new(PartKind::Media(media))];
    let (id, name) = (Text::of("1"), Some(Text::of("f")));
    let result = ToolResult { id, name, parts, is_error: false };
    let message = Message::new(Role::Tool, vec![Part::new(PartKind::ToolResult(result))]);
    let conversation = said(vec![message]);

    let (new, _) = written(&conversation, "gemini-3-flash");
    let (old, _) = written(&conversation, "gemini-2.5-flash");

    let inline = json!({"inlineData": {"mimeType": "image/png", "data": "AA=="}});
    assert_eq!(new["contents"][0]["parts"][0]["functionResponse"]["parts"], json!([inline]));
    assert_eq!(old["contents"][0]["parts"][1], inline);
}

#[test]
fn thinking_is_asked_for_as_the_model_understands_it() {
    let thinking = |model: &str, set: fn(&mut Conversation<'_>)| {
        let mut conversation = said(vec![text(Role::User, "go")]);
        set(&mut conversation);
        let (body, dropped) = written(&conversation, model);
        (body["generationConfig"]["thinkingConfig"].clone(), dropped.len())
    };
    let high = |it: &mut Conversation<'_>| it.reasoning.effort = Some(Effort::High);
    let off = |it: &mut Conversation<'_>| it.reasoning.effort = Some(Effort::None);
    let budget = |it: &mut Conversation<'_>| {
        (it.reasoning.enabled, it.reasoning.budget) = (Some(true), Some(40_000));
    };
    let adaptive = |it: &mut Conversation<'_>| it.reasoning.adaptive = true;

    assert_eq!(thinking("gemini-3-pro", high), (json!({"thinkingLevel": "high"}), 0));
    assert_eq!(thinking("gemini-3-pro", off), (json!({"thinkingLevel": "low"}), 0));
    assert_eq!(thinking("gemini-3-flash", off), (json!({"thinkingLevel": "minimal"}), 0));
    assert_eq!(thinking("gemini-2.5-flash", high), (json!({"thinkingBudget": 24_576}), 0));
    assert_eq!(thinking("gemini-2.5-flash", off), (json!({"thinkingBudget": 0}), 0));
    assert_eq!(thinking("gemini-2.5-pro", off), (json!({"thinkingBudget": 128}), 0));
    assert_eq!(thinking("gemini-2.5-pro", adaptive), (json!({"thinkingBudget": -1}), 0));
    let clamped = json!({"includeThoughts": true, "thinkingBudget": 32_768});
    assert_eq!(thinking("gemini-2.5-pro", budget), (clamped, 1));
    assert_eq!(thinking("gemini-2.0-flash", high), (Value::Null, 1));
}

#[test]
fn tells_what_gemini_has_no_place_for() {
    let mut conversation = said(vec![text(Role::User, "go")]);
    conversation.parallel_tool_calls = Some(false);
    conversation.user = Some(Text::of("u"));
    conversation.service_tier = Some(Text::of("auto"));
    conversation.extras.push(("logit_bias".into(), Node::trusted(b"{}")));
    let source = Source::File(Text::of("file-1"));
    let media = Media { kind: MediaKind::Document, source, name: None, detail: None };
    conversation.messages[0].parts.push(Part::new(PartKind::Media(media)));

    let (body, dropped) = written(&conversation, "gemini-2.5-pro");

    let named = ["messages[].content[].file_id", "parallel_tool_calls", "user", "logit_bias"];
    assert_eq!(dropped, named);
    assert_eq!(body["contents"][0]["parts"].as_array().unwrap().len(), 1);
}

#[test]
fn a_thought_that_came_in_pieces_is_one_with_its_proof() {
    let body = br#"{"contents":[{"parts":[{"text":"Hi"}]},
        {"role":"model","parts":[{"text":"a","thought":true}]},
        {"role":"model","parts":[{"text":"b","thought":true}]},
        {"role":"model","parts":[{"text":"","thought":true,"thoughtSignature":"AQID"}]},
        {"role":"model","parts":[{"text":"c","thought":true},{"text":"Hello"}]}]}"#;

    let messages = read(body).unwrap().messages;

    let thought = |text: &str, signature: Option<&str>| {
        let (text, signature) = (Some(Text::of(text)), signature.map(Text::of));
        PartKind::Reasoning(Thought { text, signature, ..Thought::default() })
    };
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[1].parts[0].kind, thought("ab", Some("AQID")));
    assert_eq!(messages[2].parts[0].kind, thought("c", None));
    assert_eq!(messages[2].parts.len(), 2);
}
