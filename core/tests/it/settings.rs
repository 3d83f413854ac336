//! Requests for models that have settings.

use serde_json::{Value, json};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::configured::snapshot;
use crate::driver::{GATEWAY, Host};

/// A host whose every model has these settings.
fn host(change: impl FnOnce(&mut proto::ModelSettings)) -> Host {
    let mut settings = proto::ModelSettings::default();
    change(&mut settings);
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    let mut snapshot = snapshot();
    snapshot.revision += 1;
    for model in &mut snapshot.models {
        model.settings = Some(settings.clone());
    }
    host.update(Event::Snapshot(snapshot));
    host
}

/// What each of three providers gets of an OpenAI client's request, the first as it is.
fn sent(host: &mut Host, more: &Value) -> [Value; 3] {
    ["gpt", "claude", "gemini"].map(|model| {
        let mut body = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut run = host.begin();
        let _ = run.client_sends("/v1/chat/completions", &[], &body.to_string());
        run.reaches_provider();
        let length = run.request.body.len().to_string();
        assert_eq!(run.request.header("content-length"), Some(&*length));
        run.sent().1
    })
}

// proves: config.models[].system_prompt.{prefix,suffix}
#[test]
fn a_system_prompt_reaches_every_provider_once() {
    let mut host = host(|it| it.system_prefix = "Be kind.".into());

    let [openai, anthropic, gemini] = sent(&mut host, &json!({}));

    assert_eq!(openai["messages"][0], json!({"role": "system", "content": "Be kind."}));
    assert_eq!(openai["messages"][1]["content"], "Hi");
    assert_eq!(anthropic["system"], "Be kind.");
    assert_eq!(gemini["systemInstruction"], json!({"parts": [{"text": "Be kind."}]}));
    for body in [openai, anthropic, gemini] {
        assert_eq!(body.to_string().matches("Be kind.").count(), 1);
    }
}

#[test]
fn a_body_in_the_same_dialect_keeps_its_other_bytes() {
    let mut host = host(|it| {
        it.system_suffix = "Bye.".into();
        it.overrides = r#"{"max_tokens":5,"top_k":null}"#.into();
    });
    let body = concat!(
        r#"{ "model":"claude", "max_tokens" : 50,"x":[1.0e2 ,"\u00e9"],"top_k":3,"#,
        r#" "system":"A", "messages":[]}"#
    );
    let mut run = host.begin();
    let _ = run.client_sends("/v1/messages", &[("anthropic-version", "2023-01-01")], body);
    run.reaches_provider();

    let expected = concat!(
        r#"{ "model":"claude-real", "max_tokens" : 5,"x":[1.0e2 ,"\u00e9"],"#,
        r#" "system":"A\n\nBye.", "messages":[]}"#
    );
    assert_eq!(run.request.text(), expected);
    assert_eq!(run.request.header("anthropic-version"), Some("2023-01-01"));
}

// proves: config.models[].{defaults,overrides}
#[test]
fn defaults_and_overrides_are_the_providers_fields() {
    let mut host = host(|it| {
        it.defaults = r#"{"max_tokens":70,"temperature":0.5}"#.into();
        it.overrides = r#"{"user":"gateway","top_p":null}"#.into();
    });

    let [openai, anthropic, _] = sent(&mut host, &json!({"user": "me", "top_p": 0.5}));
    let expected = (&json!(70), &json!(0.5), &json!("gateway"), &Value::Null);
    let seen = |body: &Value, name: &str| body[name].clone();
    let openai: Vec<_> =
        ["max_tokens", "temperature", "user", "top_p"].map(|name| seen(&openai, name)).into();
    assert_eq!((&openai[0], &openai[1], &openai[2], &openai[3]), expected);
    assert_eq!(anthropic["max_tokens"], 70, "a cap that is made up is no client's");

    let [openai, ..] = sent(&mut host, &json!({"max_tokens": 9, "temperature": 1}));
    assert_eq!((&openai["max_tokens"], &openai["temperature"]), (&json!(9), &json!(1)));
}

// proves: config.models[].thinking.{mode,budget,effort}
#[test]
fn thinking_is_set_in_the_providers_dialect() {
    let thinking = |mode: proto::ThinkingMode, tokens| {
        let mode = mode.into();
        host(move |it| {
            it.thinking = Some(proto::ThinkingSettings { mode, budget: tokens, base: tokens });
        })
    };
    let asks = json!({"reasoning_effort": "low", "max_tokens": 9_000});

    let [openai, anthropic, gemini] =
        sent(&mut thinking(proto::ThinkingMode::Custom, 4_000), &asks);
    assert_eq!(openai["reasoning_effort"], "medium");
    assert_eq!(anthropic["thinking"], json!({"type": "enabled", "budget_tokens": 4_000}));
    assert_eq!(anthropic["max_tokens"], 9_000);
    assert!(gemini["generationConfig"]["thinkingConfig"].is_object(), "{gemini}");

    let [openai, anthropic, gemini] = sent(&mut thinking(proto::ThinkingMode::Auto, 0), &asks);
    assert_eq!((&openai["reasoning_effort"], &anthropic["thinking"]), (&Value::Null, &Value::Null));
    assert_eq!(gemini["generationConfig"]["thinkingConfig"], Value::Null);

    let [openai, anthropic, _] = sent(&mut thinking(proto::ThinkingMode::Adaptive, 1_024), &asks);
    assert_eq!(openai["reasoning_effort"], "low");
    assert_eq!(anthropic["thinking"]["budget_tokens"], 1_024);
}

#[test]
fn counted_prompts_have_the_system_prompt() {
    let count = |host: &mut Host| {
        let body = json!({"model": "claude", "messages": [{"role": "user", "content": "Hi"}]});
        let mut run = host.begin();
        let _ = run.client_sends("/v1/messages/count_tokens", &[], &body.to_string());
        let counted: Value = serde_json::from_slice(&run.reply.take().unwrap().body).unwrap();
        counted["input_tokens"].as_u64().unwrap()
    };

    let plain = count(&mut host(|_| {}));
    let longer = count(&mut host(|it| it.system_prefix = "Be kind to everybody.".into()));
    assert!(longer > plain + 3, "{longer} and {plain}");
}
