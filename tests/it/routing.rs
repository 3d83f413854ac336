//! Who is asked, who is left alone, and who hears of it.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};
use tollgate_e2e::simulator::{Fault, Script, Simulator};
use tollgate_e2e::{
    Account, Client, Model, Provider, Shared, Stack, StandIn, block_on, eventually,
};

const MODEL: &str = "many";

/// Two Envoys with two workers each; who fails is left alone for a while.
static TOGETHER: Shared = Shared::new(|| {
    two_providers(Model::new(MODEL, "first", "gpt-4o-mini").or("second"))
        .envoys(2)
        .workers(2)
        .section("resilience", json!({ "failures": 3, "open_ms": 500, "refused_ms": 3_600_000 }))
});

/// Failures have no consequences for the next request.
static PATIENT: Shared = Shared::new(|| {
    let both = |name: &str| Model::new(name, "first", "gpt-4o-mini").or("second");
    two_providers(both(MODEL))
        .model(both("brief").with("hold_seconds", 0.2))
        .model(both("small").with("hold_bytes", 1))
        .model(both("sticky").with("strategy", "sticky"))
        .model(
            Model::new("impatient", "first", "gpt-4o-mini").with("first_byte_timeout_seconds", 0.2),
        )
        .section("resilience", json!({ "failures": 1000, "cooldown_ms": 1 }))
});

/// One provider whose second account alone has the right credential, and one whose accounts may be
/// used twice a minute.
static ACCOUNTS: Shared = Shared::new(|| {
    let account = |id, credential: &str, fields: Value| Account {
        id,
        credential: credential.to_owned(),
        fields,
    };
    let twice = || json!({ "limits": { "rpm": 2 } });
    Stack::bare()
        .simulator("mixed")
        .accounts(vec![
            account("wrong", "a-credential-that-is-wrong", json!({})),
            account("right", "provider-secret-of-mixed", json!({})),
        ])
        .simulator("pool")
        .accounts(vec![
            account("one", "provider-secret-of-pool", twice()),
            account("two", "provider-secret-of-pool", twice()),
        ])
        .model(Model::new("mixed", "mixed", "gpt-4o-mini"))
        .model(Model::new("pool", "pool", "gpt-4o-mini"))
});

// proves: config.providers[].check_seconds
#[test]
fn a_provider_that_is_checked_is_left_alone_before_a_request_finds_out() {
    block_on(async {
        let nobody = "http://127.0.0.1:2/v1";
        let gone = Provider { check_seconds: Some(0.2), ..Provider::new("gone", nobody) };
        let model = Model::new(MODEL, "gone", "gpt-4o-mini").or("second");
        let stack = Stack::bare().simulator("second").provider(gone).model(model).start().await;
        let (_, client) = stack.key(&json!({})).await;
        let out = async || {
            let path = "/api/resilience/model-cooldowns";
            let answer = stack.admin().get(path).send().await.json().await;
            answer["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(answer)
        };
        let out = eventually("the check is noted", out).await;
        assert_eq!(out["items"][0]["provider"], "gone", "{out}");

        let left_alone = async || {
            let answer = client.chat(MODEL, &json!({})).send().await;
            assert_eq!(answer.status(), 200);
            answer.header("x-tollgate-attempts").is_empty().then_some(())
        };
        eventually("the worker has heard of it", left_alone).await;
        stack.stop().await;
    });
}

#[test]
fn a_provider_of_any_dialect_takes_over() {
    block_on(async {
        let stand_in = StandIn::start(CREDENTIAL, "a-model").await;
        let mut stack = Stack::bare().simulator("first");
        for (name, dialect, path) in DIALECTS {
            let provider = Provider {
                credential: Some(CREDENTIAL.to_owned()),
                dialect: Some(dialect),
                ..Provider::new(name, stand_in.url(path))
            };
            let model = Model::new(name, "first", "a-model").or(name);
            stack = stack.provider(provider).model(model);
        }
        let patient = json!({ "failures": 1000, "cooldown_ms": 1 });
        let stack = stack.section("resilience", patient).start().await;
        dies(stack.simulator("first"));
        let (key, client) = stack.key(&json!({})).await;

        for (name, ..) in DIALECTS {
            for stream in [false, true] {
                let messages = json!([
                    { "role": "system", "content": "Answer briefly." },
                    { "role": "user", "content": "scenario: text" },
                ]);
                let body = json!({ "stream": stream, "messages": messages });
                let mut answer = client.chat(name, &body).send().await;
                let text = answer.text().await;
                assert_eq!(answer.status(), 200, "{name}: {text}");
                assert_eq!(
                    answer.header("x-tollgate-attempts"),
                    format!("first/a-model=server_error, {name}/a-model=200")
                );
                assert!(text.contains("Hel"), "{name}: {text}");
            }
        }
        let rows = stack.rows(&key, 4 * DIALECTS.len()).await;
        for (name, ..) in DIALECTS {
            let of = rows.iter().filter(|row| row.text("custom_llm_provider") == name);
            assert!(of.map(|row| row.tokens().2).all(|total| total > 0), "{name}");
        }
        stack.stop().await;
        stand_in.stop().await;
    });
}

/// Providers, each with the name of its dialect and where its API begins.
const DIALECTS: [(&str, &str, &str); 4] = [
    ("responses", "openai-responses", "/responses/v1"),
    ("anthropic", "anthropic", "/anthropic/v1"),
    ("google", "gemini", "/gemini/v1beta"),
    ("ollama", "ollama", "/ollama"),
];
const CREDENTIAL: &str = "the-stand-ins-secret";

fn two_providers(model: Model) -> tollgate_e2e::Builder {
    Stack::bare().simulator("first").simulator("second").model(model)
}

fn dies(simulator: &Simulator) {
    let fault = Some(Fault::CloseBeforeHead);
    simulator.always(Script { fault, ..Script::default() });
}

/// Sends so many at once and returns how many were tried more than once. All are served.
async fn burst(client: &Client, count: usize, stream: bool) -> usize {
    let calls: Vec<_> = (0..count)
        .map(|_| tokio::spawn(client.chat(MODEL, &json!({ "stream": stream })).send()))
        .collect();
    let mut retried = 0;
    for call in calls {
        let mut answer = call.await.unwrap();
        let text = answer.text().await;
        assert_eq!(answer.status(), 200, "{text}");
        assert!(!stream || text.ends_with("data: [DONE]\n\n"), "{text}");
        retried += usize::from(!answer.header("x-tollgate-attempts").is_empty());
    }
    retried
}

// proves: config.resilience.{failures,open_ms}
#[test]
fn a_provider_that_dies_and_comes_back_costs_no_client_an_answer() {
    TOGETHER.story(async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let client = Arc::new(client);
        let (first, second) = (stack.simulator("first"), stack.simulator("second"));
        let under_load = {
            let client = Arc::clone(&client);
            tokio::spawn(async move { burst(&client, 200, true).await })
        };
        eventually("the first provider serves", async || {
            (!first.requests().is_empty()).then_some(())
        })
        .await;
        dies(first);
        under_load.await.unwrap();
        burst(&client, 200, false).await;
        // By now everybody knows; nobody tries it any more, or once in a while.
        assert!(second.requests().len() >= 150, "{}", second.requests().len());

        first.reset();
        let served = async || {
            let mut answer = client.chat(MODEL, &json!({})).send().await;
            assert_eq!(answer.status(), 200, "{}", answer.text().await);
            (!first.requests().is_empty()).then_some(())
        };
        eventually("the first provider serves again", served).await;
    });
}

#[test]
fn five_hundred_fallbacks_at_once_all_arrive() {
    PATIENT.story(async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let script = Script { status: Some(503), ..Script::default() };
        stack.simulator("first").always(script);

        assert_eq!(burst(&client, 500, false).await, 500);
        assert_eq!(stack.simulator("second").requests().len(), 500);
    });
}

#[test]
fn what_one_worker_learns_every_envoy_knows() {
    TOGETHER.story(async |stack| {
        let (key, _) = stack.key(&json!({})).await;
        let clients = stack.clients(&key);
        let first = stack.simulator("first");
        first.always(Script { status: Some(401), ..Script::default() });
        let mut answer = clients[0].chat(MODEL, &json!({})).send().await;
        assert_eq!(answer.status(), 200, "{}", answer.text().await);

        // Connections are spread over the workers by chance.
        let all_know = async || {
            let before = first.requests().len();
            for client in clients.iter().cycle().take(16) {
                let answer = client.chat(MODEL, &json!({})).send().await;
                assert_eq!(answer.status(), 200);
            }
            (first.requests().len() == before).then_some(())
        };
        eventually("every worker leaves it alone", all_know).await;

        first.reset();
        let path = "/api/resilience/model-cooldowns?all=true";
        let reset = stack.admin().call(Method::DELETE, path).send().await;
        assert_eq!(reset.status(), 200);
        let served = async || {
            for client in clients.iter().cycle().take(16) {
                client.chat(MODEL, &json!({})).send().await;
            }
            (first.requests().len() >= 16).then_some(())
        };
        eventually("every worker asks it again", served).await;
    });
}

#[test]
fn an_answer_is_held_no_longer_than_it_may() {
    PATIENT.story(async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        for model in ["brief", "small"] {
            let gate = stack.simulator("first").gate(model);
            let call = client.chat(model, &json!({ "stream": true }));
            // Only the role has come, which is no content.
            let mut answer = call.header("x-sim-gate", format!("{model}@1")).send().await;
            assert_eq!(answer.status(), 200);
            gate.release();
            let (chunks, done) = answer.chunks().await;
            assert!(done, "{model}");
            assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant", "{model}");
            assert_eq!(answer.header("x-tollgate-attempts"), "");
        }
    });
}

#[test]
fn a_conversation_stays_with_its_provider() {
    PATIENT.story(async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let (first, second) = (stack.simulator("first"), stack.simulator("second"));
        for number in 0..24 {
            let mut messages = vec![json!({ "role": "user", "content": format!("talk {number}") })];
            let before = first.requests().len();
            for turn in 0..3 {
                let answer = client.chat("sticky", &json!({ "messages": messages })).send().await;
                assert_eq!(answer.status(), 200);
                messages.push(json!({ "role": "assistant", "content": "yes" }));
                messages.push(json!({ "role": "user", "content": format!("and {turn}") }));
            }
            assert!([0, 3].contains(&(first.requests().len() - before)), "talk {number}");
        }
        assert!(!first.requests().is_empty() && !second.requests().is_empty());
    });
}

#[test]
fn a_model_with_one_target_has_its_time_too() {
    PATIENT.story(async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let fault = Some(Fault::Hang);
        stack.simulator("first").always(Script { fault, ..Script::default() });
        let mut answer = client.chat("impatient", &json!({})).send().await;

        let error = answer.refused(504, "api_error", "provider_error").await;
        assert!(error["message"].as_str().unwrap().contains("in time"), "{error}");
    });
}

// proves: config.resilience.refused_ms
#[test]
fn an_account_with_a_wrong_credential_is_replaced_by_another_one() {
    ACCOUNTS.story(async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        let mut answer = client.chat("mixed", &json!({})).send().await;
        assert_eq!(answer.status(), 200, "{}", answer.text().await);
        assert_ne!(answer.header("x-tollgate-attempts"), "");
        let answer = client.chat("mixed", &json!({})).send().await;
        assert_eq!(answer.header("x-tollgate-attempts"), "", "it is out of rotation");

        let rows = stack.rows(&key, 3).await;
        let failed = rows.iter().filter(|row| row.text("status") == "failure").count();
        assert_eq!(failed, 1);
    });
}

#[test]
fn accounts_with_limits_take_turns_and_then_refuse() {
    ACCOUNTS.story(async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        for _ in 0..4 {
            let mut answer = client.chat("pool", &json!({})).send().await;
            assert_eq!(answer.status(), 200, "{}", answer.text().await);
        }
        let mut refused = client.chat("pool", &json!({})).send().await;
        refused.refused(429, "rate_limit_error", "rate_limit_exceeded").await;
        assert_eq!(stack.simulator("pool").requests().len(), 4);
    });
}
