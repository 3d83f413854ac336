//! WebSocket sessions of OpenAI's Realtime API: the official clients through real Envoy, a
//! provider that checks every event, and what the ledger has in the end.

use serde_json::{Value, json};
use tollgate_e2e::{Builder, Key, Model, Provider, Role, Stack, StandIn, node, python};

use crate::stacks::for_each_role;

// proves: config.providers[].realtime
#[test]
fn the_python_client_talks_and_is_charged_for_each_answer() {
    for_each_role(&async |role| {
        let provider = provider().await;
        let stack = stack(role, &provider).start().await;
        let (key, _) = stack.key(&json!({})).await;

        let told = talk_in_python(&stack, &key);

        // Three answers, a transcription, and two sessions.
        let rows = stack.rows(&key, told.len() + 2).await;
        let mut billed: Vec<_> = rows.iter().map(tollgate_e2e::Row::tokens).collect();
        billed.retain(|tokens| *tokens != (0, 0, 0));
        billed.sort_unstable();
        assert_eq!(billed, told);
        let transcribed = rows.iter().filter(|row| row.tokens().0 == 14).collect::<Vec<_>>();
        assert_eq!(transcribed[0].json["model"], TRANSCRIBER);
        // 30 tokens of audio in, of 50, at the price of audio; see the list of prices.
        let costs = |input| rows.iter().find(|row| row.tokens().0 == input).unwrap().cost_nanos();
        assert_eq!(costs(50), 20 * 4_000 + 30 * 32_000 + 7 * 16_000 + 40 * 64_000);
        assert_eq!(costs(100), 24 * 4_000 + 16 * 400 + 60 * 32_000 + 7 * 16_000 + 40 * 64_000);
        assert!(rows.iter().all(|row| row.json["call_type"] == "_arealtime"), "{rows:?}");
        stack.stop().await;
        provider.stop().await;
    });
}

#[test]
fn the_node_client_talks_over_tls() {
    for_each_role(&async |role| {
        let provider = provider().await;
        let stack = stack(role, &provider).tls().start().await;
        let (key, _) = stack.key(&json!({})).await;

        assert_eq!(talk_in_node(&stack, &key, "bye"), [(50, 47, 97), (100, 47, 147)]);
        // The provider ends the session.
        assert_eq!(talk_in_node(&stack, &key, "close"), [(50, 47, 97), (100, 47, 147)]);

        let rows = stack.rows(&key, 6).await;
        assert!(rows.iter().all(|row| !row.aborted() && row.json["status"] == "success"));
        stack.stop().await;
        provider.stop().await;
    });
}

#[test]
fn a_session_ends_when_its_money_is_spent() {
    for_each_role(&async |role| {
        let provider = provider().await;
        let stack = stack(role, &provider).start().await;
        // More than the first answer costs, and less than the first two.
        let (key, _) = stack.key(&json!({ "max_budget": 0.005 })).await;

        let end = ends(&stack, &key, &[]);

        assert_eq!(end, json!([2, "budget_exceeded", [1008, "budget_exceeded"]]));
        let rows = stack.rows(&key, 3).await;
        let failed = rows.iter().filter(|row| row.json["status"] == "failure").count();
        assert_eq!(failed, 1, "the session, and none of its answers: {rows:?}");
        stack.stop().await;
        provider.stop().await;
    });
}

#[test]
fn a_session_ends_when_its_key_is_blocked() {
    for_each_role(&async |role| {
        let provider = provider().await;
        let stack = stack(role, &provider).start().await;
        let (key, _) = stack.key(&json!({})).await;
        let end = ends(&stack, &key, &[("MASTER_KEY", stack.master_key())]);

        assert_eq!((&end[1], &end[2]), (&json!("key_blocked"), &json!([1008, "key_blocked"])));
        stack.stop().await;
        provider.stop().await;
    });
}

#[test]
fn sessions_count_as_parallel_requests_as_long_as_they_last() {
    for_each_role(&async |role| {
        let provider = provider().await;
        let stack = stack(role, &provider).start().await;
        let (key, client) = stack.key(&json!({ "max_parallel_requests": 1 })).await;

        let second = ends(&stack, &key, &[("AT_ONCE", "1")]);

        assert_eq!(second, json!([429, "rate_limit_exceeded"]));
        stack.rows(&key, 1).await;
        // It is over, so there is room again; but this is no session.
        let mut plain = client.get(&format!("/v1/realtime?model={MODEL}")).send().await;
        assert_eq!(plain.status(), 400);
        assert_eq!(plain.json().await["error"]["param"], "upgrade");
        stack.stop().await;
        provider.stop().await;
    });
}

fn ends(stack: &Stack, key: &Key, more: &[(&str, &str)]) -> Value {
    let base_url = format!("{}/v1", stack.gateway_url());
    let printed = python("realtime_ends.py", &[&environment(&base_url, key)[..], more].concat());
    serde_json::from_str(printed.lines().last().unwrap()).unwrap()
}

fn talk_in_python(stack: &Stack, key: &Key) -> Vec<(u64, u64, u64)> {
    let base_url = format!("{}/v1", stack.gateway_url());
    let environment = environment(&base_url, key);
    let printed =
        python("realtime.py", &[&environment[..], &[("TRANSCRIBER", TRANSCRIBER)]].concat());
    told(&printed)
}

fn talk_in_node(stack: &Stack, key: &Key, parting: &str) -> Vec<(u64, u64, u64)> {
    let base_url = format!("{}/v1", stack.gateway_url());
    let environment = environment(&base_url, key);
    told(&node("realtime.mjs", &[&environment[..], &[("PARTING", parting)]].concat()))
}

fn environment<'a>(base_url: &'a str, key: &'a Key) -> [(&'static str, &'a str); 3] {
    [("BASE_URL", base_url), ("KEY", &key.secret), ("MODEL", MODEL)]
}

fn told(printed: &str) -> Vec<(u64, u64, u64)> {
    let told: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let mut told: Vec<_> = serde_json::from_value(told).unwrap();
    told.sort_unstable();
    told
}

async fn provider() -> StandIn {
    StandIn::realtime(CREDENTIAL, TARGET).await
}

fn stack(role: Role, provider: &StandIn) -> Builder {
    let provider = Provider {
        credential: Some(CREDENTIAL.to_owned()),
        fields: json!({ "realtime": true, "kind": "openai" }).as_object().unwrap().clone(),
        ..Provider::new("openai", provider.url("/v1"))
    };
    let model = |name, target| Model { price: None, ..Model::new(name, "openai", target) };
    Stack::bare()
        .role(role)
        .provider(provider)
        .model(model(MODEL, TARGET))
        .model(model("dictation", TRANSCRIBER))
}

const CREDENTIAL: &str = "the-provider-credential";
const MODEL: &str = "voice";
const TARGET: &str = "gpt-realtime";
const TRANSCRIBER: &str = "gpt-4o-mini-transcribe";
