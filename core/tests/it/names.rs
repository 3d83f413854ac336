//! What requests call their model, from the client's path to the provider's.

use serde_json::{Value, json};
use tollgate_core::exchange::Flow;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::configured::snapshot;
use crate::driver::{Host, Run, error_in};

const GATEWAY: &str = r#"{"role":"gateway","control_cluster":"control",
    "base_paths":[{"path":"/telkom","default_model":"claude"}]}"#;

/// A host whose models have names besides their own; `shared` has a target at two providers.
fn host(policy: proto::KeyPolicy) -> Host {
    let mut host = Host::knowing(GATEWAY, policy);
    let alias = |(pattern, target): (&str, &str)| proto::Alias {
        pattern: pattern.to_owned(),
        target: target.to_owned(),
    };
    let target = |provider: &str, model: &str| proto::Target {
        provider: provider.to_owned(),
        model: model.to_owned(),
        ..proto::Target::default()
    };
    let mut snapshot = snapshot();
    snapshot.revision += 1;
    let aliases = [("quick", "gpt"), ("claude-*", "claude"), ("far", "anthropic/claude-real")];
    snapshot.aliases = aliases.map(alias).into();
    snapshot.default_model = "quick".into();
    snapshot.models.push(proto::Model {
        name: "shared".to_owned(),
        targets: vec![target("openai", "shared-1"), target("plain", "shared-2")],
        groups: vec!["team".to_owned()],
        ..proto::Model::default()
    });
    host.update(Event::Snapshot(snapshot));
    host
}

fn any() -> proto::KeyPolicy {
    proto::KeyPolicy::default()
}

fn list(models: &[&str]) -> proto::KeyPolicy {
    let models = models.iter().map(|&model| model.to_owned()).collect();
    proto::KeyPolicy { models, ..proto::KeyPolicy::default() }
}

/// Where a request ends up: the provider and its name of the model.
fn served(host: &mut Host, path: &str, body: &str) -> (String, String) {
    let mut run = host.begin();
    assert_eq!(run.client_sends(path, &[], body), Flow::Continue, "{path} {body}");
    run.reaches_provider();
    let provider = run.request.header(":authority").unwrap().to_owned();
    let (path, body) = run.sent();
    let in_path = path.split(['/', ':']).find(|part| part.ends_with("-real"));
    let model = body["model"].as_str().or(in_path).unwrap().to_owned();
    (provider.trim_end_matches(".example").to_owned(), model)
}

fn refusal(host: &mut Host, path: &str, body: &str) -> (u16, String) {
    let mut run = host.begin();
    let _ = run.client_sends(path, &[], body);
    let (status, _, code) = run.refusal();
    (status, code)
}

fn chat(model: &str) -> String {
    let messages = json!([{"role": "user", "content": "Hi"}]);
    json!({"model": model, "max_tokens": 5, "messages": messages}).to_string()
}

#[test]
fn every_way_to_name_a_model_reaches_its_provider() {
    let mut host = host(any());
    for (asked, provider, model) in [
        ("quick", "openai", "gpt-4o-2024"),
        ("Claude-3", "anthropic", "claude-real"),
        ("far", "anthropic", "claude-real"),
        ("openai/gpt", "openai", "gpt-4o-2024"),
        ("openai/gpt-4o-2024", "openai", "gpt-4o-2024"),
        ("shared", "openai", "shared-1"),
        ("plain/shared", "plain", "shared-2"),
        ("plain/shared-2", "plain", "shared-2"),
        ("plain/m", "plain", "m"),
    ] {
        let sent = served(&mut host, "/v1/chat/completions", &chat(asked));
        assert_eq!(sent, (provider.to_owned(), model.to_owned()), "{asked}");
    }
    let gemini = "/v1beta/models/gemini/gemini-real:generateContent";
    let sent = served(&mut host, gemini, r#"{"contents":[{"parts":[{"text":"Hi"}]}]}"#);
    assert_eq!(sent, ("gemini".to_owned(), "gemini-real".to_owned()));
}

#[test]
fn a_path_of_a_provider_is_served_by_it_alone() {
    let mut host = host(any());
    let shared = chat("shared");
    for (path, body, provider, model) in [
        ("/v1/providers/plain/chat/completions", &shared, "plain", "shared-2"),
        ("/providers/openai/chat/completions", &shared, "openai", "shared-1"),
        ("/api/v1/providers/plain/messages", &shared, "plain", "shared-2"),
        ("/v1/providers/plain/chat/completions", &chat("plain/shared"), "plain", "shared-2"),
        ("/v1/providers/openai/chat/completions", &chat("quick"), "openai", "gpt-4o-2024"),
    ] {
        let sent = served(&mut host, path, body);
        assert_eq!(sent, (provider.to_owned(), model.to_owned()), "{path} {body}");
    }
    for (path, body, status, code) in [
        ("/v1/providers/plain/chat/completions", chat("openai/shared"), 400, "invalid_field"),
        ("/v1/providers/nobody/chat/completions", chat("shared"), 400, "invalid_field"),
        ("/v1/providers/plain/chat/completions", chat("gpt"), 404, "model_not_found"),
        ("/v1/providers/plain/messages", chat("gpt"), 404, "model_not_found"),
    ] {
        let mut run = host.begin();
        let _ = run.client_sends(path, &[], &body);
        let reply = run.reply.unwrap();
        assert_eq!((reply.status, reply.code), (status, Some(code)), "{path} {body}");
    }
}

#[test]
fn no_other_provider_takes_over_from_the_one_that_is_named() {
    let mut host = host(any());
    for (path, asked, retries) in [
        ("/v1/chat/completions", "shared", Some("1")),
        ("/v1/chat/completions", "plain/shared", None),
        ("/v1/providers/plain/chat/completions", "shared", None),
    ] {
        let mut run = host.begin();
        let _ = run.client_sends(path, &[], &chat(asked));
        assert_eq!(run.request.header("x-envoy-max-retries"), retries, "{path} {asked}");
    }
}

#[test]
fn a_request_that_names_no_model_gets_the_default() {
    let mut host = host(any());
    let unnamed = r#"{ "messages" : [ {"role":"user","content":"é\u0041"} ] }"#;
    for (path, body, provider) in [
        ("/v1/chat/completions", unnamed, "openai"),
        (
            "/v1/chat/completions",
            r#"{"model":null,"messages":[{"role":"user","content":"Hi"}]}"#,
            "openai",
        ),
        (
            "/v1/messages",
            r#"{"max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}"#,
            "openai",
        ),
        ("/v1/responses", r#"{"input":"Hi"}"#, "openai"),
        ("/v1/api/chat", r#"{"messages":[{"role":"user","content":"Hi"}]}"#, "openai"),
        ("/telkom/chat/completions", unnamed, "anthropic"),
        (
            "/telkom/messages",
            r#"{"max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}"#,
            "anthropic",
        ),
        (
            "/v1beta/models/:generateContent",
            r#"{"contents":[{"parts":[{"text":"Hi"}]}]}"#,
            "openai",
        ),
    ] {
        assert_eq!(served(&mut host, path, body).0, provider, "{path} {body}");
    }
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], unnamed);
    run.reaches_provider();
    let expected =
        r#"{"model":"gpt-4o-2024", "messages" : [ {"role":"user","content":"é\u0041"} ] }"#;
    assert_eq!(run.request.text(), expected, "no other byte changes");
    assert_eq!(run.request.header("content-length"), Some(&*expected.len().to_string()));
}

#[test]
fn without_a_default_a_model_must_be_named() {
    let mut host = Host::knowing(GATEWAY, any());
    let unnamed = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
    let missing = (400, "missing_field".to_owned());
    assert_eq!(refusal(&mut host, "/v1/chat/completions", unnamed), missing);
    assert_eq!(served(&mut host, "/telkom/chat/completions", unnamed).0, "anthropic");
}

#[test]
fn a_default_opens_no_model() {
    let mut host = host(list(&["claude"]));
    let forbidden = (403, "model_not_allowed".to_owned());
    let unnamed = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
    assert_eq!(refusal(&mut host, "/v1/chat/completions", unnamed), forbidden);
    for asked in ["quick", "openai/gpt", "openai/gpt-4o-2024"] {
        assert_eq!(refusal(&mut host, "/v1/chat/completions", &chat(asked)), forbidden, "{asked}");
    }
    assert_eq!(served(&mut host, "/telkom/chat/completions", unnamed).0, "anthropic");
}

#[test]
fn a_group_opens_its_models() {
    let mut host = host(list(&["team"]));
    assert_eq!(served(&mut host, "/v1/chat/completions", &chat("plain/shared")).0, "plain");
    let forbidden = (403, "model_not_allowed".to_owned());
    assert_eq!(refusal(&mut host, "/v1/chat/completions", &chat("gpt")), forbidden);
}

#[test]
fn tokens_are_counted_as_the_named_provider_would() {
    let mut host = host(any());
    let counted = |host: &mut Host, path: &str, body: &str| -> Value {
        let mut run = host.begin();
        let _ = run.client_sends(path, &[], body);
        let reply = run.reply.unwrap();
        assert_eq!(reply.status, 200, "{path} {body}");
        serde_json::from_slice(&reply.body).unwrap()
    };
    let body = r#"{"messages":[{"role":"user","content":"Hi there"}]}"#;
    let of_default = counted(&mut host, "/v1/messages/count_tokens", body);
    assert!(of_default["input_tokens"].as_u64().unwrap() > 0);
    let path = "/v1/providers/anthropic/messages/count_tokens";
    let named = r#"{"model":"claude","messages":[{"role":"user","content":"Hi there"}]}"#;
    assert!(counted(&mut host, path, named)["input_tokens"].as_u64().unwrap() > 0);
}

#[test]
fn the_client_is_answered_by_the_name_it_asked_for() {
    let mut host = host(any());
    for asked in ["quick", "openai/gpt"] {
        let mut run = host.begin();
        let _ = run.client_sends("/v1/chat/completions", &[], &chat(asked));
        run.reaches_provider();
        let answer = json!({"id": "1", "model": "gpt-4o-2024", "choices": []}).to_string();
        let headers = [(":status", "200"), ("content-type", "application/json")];
        run.provider_answers(&headers, answer.as_bytes(), 1000);
        let shown: Value = serde_json::from_slice(&run.answer.body).unwrap();
        assert_eq!(shown["model"], asked);
        run.ends();
    }
}

#[test]
fn unknown_and_hostile_names_are_refused_in_the_callers_dialect() {
    let mut host = host(any());
    let refused = |run: Run<'_>| {
        let reply = run.reply.unwrap();
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        (reply.status, reply.code, body)
    };
    for (asked, status, code) in [
        ("nothing", 404, "model_not_found"),
        ("openai/nothing", 404, "model_not_found"),
        ("else/gpt", 404, "model_not_found"),
        ("../gpt", 400, "invalid_field"),
        ("openai/../gpt", 400, "invalid_field"),
        ("gpt\n", 400, "invalid_field"),
        ("gpt\u{0}", 400, "invalid_field"),
    ] {
        let mut run = host.begin();
        let _ = run.client_sends("/v1/chat/completions", &[], &chat(asked));
        let (got, why, body) = refused(run);
        assert_eq!((got, why), (status, Some(code)), "{asked:?}");
        assert_eq!(error_in(body.to_string().as_bytes()).1, code);

        let mut run = host.begin();
        let _ = run.client_sends("/v1/messages", &[], &chat(asked));
        let (got, _, body) = refused(run);
        assert_eq!((got, &body["type"]), (status, &json!("error")), "{asked:?}");

        let mut run = host.begin();
        let _ = run.client_sends("/api/chat", &[], &chat(asked));
        let (got, _, body) = refused(run);
        assert!(got == status && body["error"].is_string(), "{asked:?}: {body}");
    }
    let mut run = host.begin();
    let path = "/v1beta/models/..%2Fgemini:generateContent";
    let _ = run.client_sends(path, &[], r#"{"contents":[{"parts":[{"text":"Hi"}]}]}"#);
    let (status, _, body) = refused(run);
    assert_eq!((status, &body["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
}

#[test]
fn lists_are_where_clients_of_each_api_look_for_them() {
    let mut host = host(list(&["gpt", "claude"]));
    for (path, extra, place, expected) in [
        ("/v1/models", None, "/data/3/id", "quick"),
        ("/v1/models", Some(("anthropic-version", "2023-06-01")), "/data/3/id", "quick"),
        ("/v1beta/models", None, "/models/3/name", "models/quick"),
        ("/api/tags", None, "/models/3/name", "quick"),
        ("/v1/models/quick", None, "/root", "gpt"),
        ("/v1/models/openai/gpt", None, "/root", "gpt"),
        ("/v1beta/models/quick", None, "/baseModelId", "gpt"),
        ("/v1/embeddings", None, "/object", "list"),
        ("/v1/images/generations", None, "/object", "list"),
    ] {
        let mut run = host.begin();
        let extra: Vec<_> = extra.into_iter().collect();
        let _ = run.client_sends(path, &extra, "");
        let reply = run.reply.unwrap();
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let found = body.pointer(place).unwrap();
        assert_eq!((reply.status, found), (200, &json!(expected)), "{path}: {body}");
    }
}
