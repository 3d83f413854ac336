//! What a model's settings make of requests: `core/cases/settings` has a case in three lines each,
//! which are endpoint, model and setting; the body; and what is sent.

use proptest::prelude::*;
use serde_json::Value;
use tollgate_core::dialect::settings::{apply, prompt};
use tollgate_core::snapshot::settings::ModelSettings;
use tollgate_proto::v1::{self as proto, Endpoint, ThinkingMode};

const PREFIX: &str = "Be \"kind\".";
const SUFFIX: &str = "Bye.";

fn endpoint(name: &str) -> Endpoint {
    match name {
        "chat" => Endpoint::ChatCompletions,
        "completions" => Endpoint::Completions,
        "embeddings" => Endpoint::Embeddings,
        "responses" => Endpoint::Responses,
        "messages" => Endpoint::Messages,
        "gemini" => Endpoint::GenerateContent,
        "ollama" => Endpoint::OllamaChat,
        other => panic!("{other} is no endpoint"),
    }
}

fn settings(name: &str, value: &str) -> ModelSettings {
    let mut wire = proto::ModelSettings::default();
    let thinking = |mode: ThinkingMode| {
        let tokens = value.parse().unwrap_or(0);
        Some(proto::ThinkingSettings { mode: mode.into(), budget: tokens, base: tokens })
    };
    match name {
        "system" => (wire.system_prefix, wire.system_suffix) = (PREFIX.into(), SUFFIX.into()),
        "prefix" => wire.system_prefix = PREFIX.into(),
        "suffix" => wire.system_suffix = SUFFIX.into(),
        "defaults" => wire.defaults = value.into(),
        "overrides" => wire.overrides = value.into(),
        "auto" => wire.thinking = thinking(ThinkingMode::Auto),
        "custom" => wire.thinking = thinking(ThinkingMode::Custom),
        "adaptive" => wire.thinking = thinking(ThinkingMode::Adaptive),
        other => panic!("{other} is no setting"),
    }
    ModelSettings::read(&wire).unwrap()
}

fn applied(settings: &ModelSettings, endpoint: Endpoint, model: &str, body: &str) -> String {
    let changed = apply(settings, endpoint, model, body.as_bytes());
    changed.map_or_else(|| body.to_owned(), |body| String::from_utf8(body).unwrap())
}

#[track_caller]
fn check(cases: &str) {
    let paragraphs = cases.split("\n\n").map(|case| case.lines().collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for case in paragraphs.filter(|lines| lines.len() > 1) {
        let [header, body, expected] = case.as_slice() else { panic!("{case:?}") };
        let mut words = header.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (endpoint, model) = (endpoint(word()), word());
        let sent = applied(&settings(word(), word()), endpoint, model, body);
        if sent != *expected {
            wrong.push(format!("{header}\n  got {sent}\n  not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_system_prompt_is_surrounded_once_in_every_form() {
    check(include_str!("../../cases/settings/system.txt"));
}

#[test]
fn defaults_fill_in_and_overrides_replace() {
    check(include_str!("../../cases/settings/members.txt"));
}

#[test]
fn models_think_as_much_as_they_are_told_to_and_can() {
    check(include_str!("../../cases/settings/thinking.txt"));
}

#[test]
fn members_that_are_set_are_what_thinking_must_fit() {
    let mut both = settings("custom", "10240");
    both.overrides = settings("overrides", r#"{"max_tokens":2000}"#).overrides;
    let body = r#"{"max_tokens":64000,"system":"S"}"#;

    let expected =
        r#"{"thinking":{"type":"enabled","budget_tokens":1500},"max_tokens":2000,"system":"S"}"#;
    assert_eq!(applied(&both, Endpoint::Messages, "claude-sonnet-4", body), expected);
}

#[test]
fn what_counts_tokens_sees_the_system_prompt_alone() {
    let mut all = settings("suffix", "");
    all.defaults = settings("defaults", r#"{"temperature":1}"#).defaults;

    let counted = prompt(&all, Endpoint::Messages, br#"{"messages":[]}"#).unwrap();
    assert_eq!(counted, br#"{"system":"Bye.","messages":[]}"#);
}

/// Members as text, with white space and escapes as they like, none of a name that settings know.
fn members() -> impl Strategy<Value = Vec<String>> {
    let leaf = prop_oneof![
        Just(r#""a\u00e9 \" }""#.to_owned()),
        Just("-0.50e+3".to_owned()),
        Just("null".to_owned()),
        Just("9007199254740993".to_owned()),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..3);
        let list = list.prop_map(|items| format!("[ {} ]", items.join(" , ")));
        prop_oneof![list, inner.prop_map(|value| format!("{{\"k\" :\t{value}}}"))]
    });
    prop::collection::vec(value, 0..5).prop_map(|values| {
        let named = |(at, value): (usize, String)| format!(" \"x\\u00e9{at}\" :{value} ");
        values.into_iter().enumerate().map(named).collect()
    })
}

/// A body in each dialect with members before and after what settings change, whose texts are
/// `text`.
fn body(name: &str, text: &str, before: &[String], after: &[String]) -> String {
    let known = match name {
        "chat" | "ollama" => {
            format!(r#""messages":[{{"role":"system","content":{text}}},{{"role":"user"}} ]"#)
        }
        "messages" => format!(r#""system" : [{{"text":{text}}}],"max_tokens":5000"#),
        "responses" => format!(r#""instructions": {text},"reasoning":{{"effort":"low"}}"#),
        _ => format!(r#""systemInstruction":{{"parts":[{{"text":{text}}}]}}"#),
    };
    let all: Vec<&str> = before
        .iter()
        .map(String::as_str)
        .chain([&*known])
        .chain(after.iter().map(String::as_str))
        .collect();
    format!("{{{}}}", all.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_that_no_setting_names_are_kept(before in members(), after in members(), which in 0..5_usize) {
        let name = ["chat", "ollama", "messages", "responses", "gemini"][which];
        let text = r#""kept \u00e9 as it is""#;
        let body = body(name, text, &before, &after);
        let mut all = settings("system", "");
        all.defaults = settings("defaults", r#"{"temperature":1}"#).defaults;
        all.overrides = settings("overrides", r#"{"user":"u","seed":null}"#).overrides;
        all.thinking = settings("custom", "2000").thinking;

        let sent = applied(&all, endpoint(name), "claude-sonnet-4", &body);

        let parsed: Value = serde_json::from_str(&sent).unwrap();
        prop_assert_eq!(&parsed["temperature"], &Value::from(1));
        prop_assert_eq!(&parsed["user"], &Value::from("u"));
        for member in before.iter().chain(&after) {
            prop_assert!(sent.contains(member.as_str()), "{} is not in {}", member, sent);
        }
        prop_assert!(sent.contains(r"kept \u00e9 as it is"), "{}", sent);
        prop_assert_eq!(sent.matches("Bye.").count(), 1);
        // What was there is there in its order: settings add, and change what they name.
        let mut rest = sent.bytes();
        let lost = body.replace("\"low\"", "").bytes().filter(|byte| !rest.any(|other| other == *byte)).count();
        prop_assert_eq!(lost, 0, "{} of {}", sent, body);
    }

    #[test]
    fn nothing_set_is_nothing_done(before in members(), after in members()) {
        for name in ["chat", "ollama", "messages", "responses", "gemini"] {
            let body = body(name, "\"x\"", &before, &after);
            prop_assert_eq!(apply(&ModelSettings::default(), endpoint(name), "o3", body.as_bytes()), None);
        }
    }

    #[test]
    fn arbitrary_bodies_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let mut all = settings("system", "");
        all.overrides = settings("overrides", r#"{"generationConfig":{"a":1}}"#).overrides;
        all.thinking = settings("adaptive", "2000").thinking;
        let mut almost = br#"{"system":[],"messages":[{"role":"system"}],"generationConfig":{"a":0}}"#.to_vec();
        let at = at.index(almost.len());
        almost[at] = bytes.first().copied().unwrap_or(b'"');
        for name in ["chat", "ollama", "messages", "responses", "gemini"] {
            let _ = apply(&all, endpoint(name), "claude-sonnet-4", &bytes);
            let _ = apply(&all, endpoint(name), "claude-sonnet-4", &almost);
        }
    }
}
