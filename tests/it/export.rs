//! Envoys that are made gateways by what `tollgate export` prints.

use serde_json::json;
use tollgate_e2e::simulator::Script;
use tollgate_e2e::{Client, Key, Manifest, Model, Role, Shared, Stack};

static STATIC: Shared = Shared::new(|| stack("static", "gateway"));
static STATIC_ALONE: Shared = Shared::new(|| stack("static", "standalone"));
static ISTIO: Shared = Shared::new(|| stack("istio", "gateway"));
static ISTIO_ALONE: Shared = Shared::new(|| stack("istio", "standalone"));
static ENVOY_GATEWAY: Shared = Shared::new(|| stack("envoy-gateway", "gateway"));
static ENVOY_GATEWAY_ALONE: Shared = Shared::new(|| stack("envoy-gateway", "standalone"));

fn stack(kind: &'static str, role: &'static str) -> tollgate_e2e::Builder {
    let at_once = json!({
        "failures": 1000, "cooldown_ms": 1, "longest_cooldown_ms": 1, "refused_ms": 1,
    });
    Stack::bare()
        .simulator("first")
        .simulator("second")
        .model(Model::new("gpt-4o", "first", "gpt-4o-mini").or("second"))
        .section("resilience", at_once)
        .role(Role::Exported(Manifest { kind, role }))
}

#[test]
fn a_printed_bootstrap_makes_envoy_the_gateway() {
    STATIC.story(async |stack| {
        serves(stack).await;
        falls_back(stack).await;
        serves_management(stack).await;
    });
}

#[test]
fn a_printed_bootstrap_with_one_filter_makes_envoy_the_gateway() {
    STATIC_ALONE.story(async |stack| {
        serves(stack).await;
        serves_management(stack).await;
    });
}

#[test]
fn a_gateway_of_istio_becomes_the_gateway() {
    ISTIO.story(async |stack| {
        serves(stack).await;
        falls_back(stack).await;
        serves_management(stack).await;
    });
}

#[test]
fn a_gateway_of_istio_takes_one_filter_and_routes_by_its_own_means() {
    ISTIO_ALONE.story(async |stack| serves(stack).await);
}

#[test]
fn an_envoy_gateway_becomes_the_gateway() {
    ENVOY_GATEWAY.story(async |stack| {
        serves(stack).await;
        falls_back(stack).await;
        serves_management(stack).await;
    });
}

#[test]
fn an_envoy_gateway_takes_one_filter_and_routes_by_its_own_means() {
    ENVOY_GATEWAY_ALONE.story(async |stack| serves(stack).await);
}

/// Whole answers and streams, for those with a key; every one is metered.
async fn serves(stack: &Stack) {
    let (key, client) = stack.key(&json!({})).await;

    let mut whole = client.chat("gpt-4o", &json!({})).send().await;
    assert_eq!(whole.status(), 200, "{}", whole.text().await);
    assert_eq!(whole.json().await["model"], "gpt-4o");
    let envoys = whole.headers().keys().find(|name| name.as_str().starts_with("x-envoy"));
    assert_eq!(envoys, None);

    let mut stream = client.chat("gpt-4o", &json!({ "stream": true })).send().await;
    let (chunks, done) = stream.chunks().await;
    assert!(done && chunks.len() > 1, "{chunks:?}");

    // More than a listener's buffers hold unless it is told to.
    let messages = json!([{ "role": "user", "content": "much ".repeat(400_000) }]);
    let large = client.chat("gpt-4o", &json!({ "messages": messages })).send().await;
    assert_eq!(large.status(), 200);

    let nobody = stack.client().chat("gpt-4o", &json!({})).send().await;
    assert_eq!(nobody.status(), 401);
    check_credentials(stack, "first", 3);
    rows(stack, &key, 3).await;
}

/// A provider that fails is replaced.
async fn falls_back(stack: &Stack) {
    let (key, client) = stack.key(&json!({})).await;
    let (first, second) = (stack.simulator("first"), stack.simulator("second"));
    first.reset();
    first.always(Script { status: Some(503), ..Script::default() });

    for stream in [false, true] {
        let mut answer = client.chat("gpt-4o", &json!({ "stream": stream })).send().await;
        assert_eq!(answer.status(), 200, "{}", answer.text().await);
        let tried = answer.header("x-tollgate-attempts").to_owned();
        assert_eq!(tried, "first/gpt-4o-mini=503 overloaded, second/gpt-4o-mini=200");
        answer.text().await;
    }

    assert_eq!(second.requests().len(), 2);
    check_credentials(stack, "second", 2);
    rows(stack, &key, 4).await;
    first.reset();
}

/// The management API on the gateway's port, for its master.
async fn serves_management(stack: &Stack) {
    let client: Client = stack.client().key(stack.master_key());

    let answer = client.get("/key/list").send().await;

    assert_eq!(answer.status(), 200);
}

/// A provider sees its own credential and nothing of ours.
fn check_credentials(stack: &Stack, provider: &str, count: usize) {
    let requests = stack.simulator(provider).requests();
    assert_eq!(requests.len(), count);
    let own = format!("Bearer provider-secret-of-{provider}");
    for request in requests {
        assert_eq!(request.header("authorization"), Some(own.as_str()));
        let ours = request.headers.iter().find(|(name, _)| {
            let name = name.to_lowercase();
            name.starts_with("x-tollgate") || name == "x-envoy-retry-on"
        });
        assert!(ours.is_none(), "{ours:?}");
    }
}

async fn rows(stack: &Stack, key: &Key, count: usize) {
    assert_eq!(stack.rows(key, count).await.len(), count);
}
