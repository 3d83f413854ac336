//! Limits that several Envoys share: never passed, and almost all of them usable.

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate_e2e::{
    Answer, Client, Database, Key, Role, Shared, Stack, dollars, eventually, nanos,
};

/// Two Envoys with two workers each, which share what is left.
static TWO_ENVOYS: Shared = Shared::new(|| Stack::builder().envoys(2).workers(2));

/// The same on Postgres.
static TWO_ENVOYS_POSTGRES: Shared =
    Shared::new(|| Stack::builder().envoys(2).workers(2).database(Database::Postgres));

static ALONE: Shared = Shared::new(|| Stack::builder().workers(1));
static ALONE_STANDALONE: Shared = Shared::new(|| Stack::builder().role(Role::Standalone));

const MODEL: &str = "gpt-4o-mini";
/// Requests at once, over all Envoys.
const BURST: usize = 200;
/// What a limit is enough for.
const ENOUGH_FOR: i64 = 40;

fn chat(client: &Client, body: &Value) -> tollgate_e2e::Call {
    client.chat(MODEL, body).header("x-sim-tokens", "20")
}

/// Sends all at once, then one after the other until one is refused. Returns how many were served.
async fn exhaust(stack: &Stack, key: &Key, body: &Value) -> usize {
    let clients = stack.clients(key);
    let burst: Vec<_> = (0..BURST)
        .map(|number| tokio::spawn(chat(&clients[number % clients.len()], body).send()))
        .collect();
    let mut served = 0;
    for answer in burst {
        let mut answer = answer.await.unwrap();
        assert!(matches!(answer.status(), 200 | 429), "{}", answer.text().await);
        served += usize::from(answer.status() == 200);
        answer.text().await;
    }
    loop {
        for client in clients.iter().cycle().take(BURST) {
            let mut answer = chat(client, body).send().await;
            answer.text().await;
            if answer.status() != 200 {
                return served;
            }
            served += 1;
        }
    }
}

/// What one request costs and how many tokens it has.
async fn one(stack: &Stack, body: &Value) -> (i64, i64) {
    let (key, client) = stack.key(&json!({})).await;
    assert_eq!(chat(&client, body).send().await.status(), 200);
    let row = stack.row(&key).await;
    (row.cost_nanos(), i64::try_from(row.tokens().2).unwrap())
}

async fn a_budget(stack: &mut Stack, body: &Value) {
    let (cost, _) = one(stack, body).await;
    let budget = ENOUGH_FOR * cost;
    let (key, _) = stack.key(&json!({ "max_budget": dollars(budget) })).await;

    let served = exhaust(stack, &key, body).await;

    let rows = stack.rows(&key, served).await;
    let spent: i64 = rows.iter().map(tollgate_e2e::Row::cost_nanos).sum();
    assert!(spent <= budget, "{spent} of {budget} spent");
    assert!(spent * 100 >= budget * 95, "only {spent} of {budget} could be spent");
}

#[test]
fn a_budget_is_never_overspent_and_almost_all_of_it_can_be_used() {
    TWO_ENVOYS.story(async |stack| {
        a_budget(stack, &json!({ "max_tokens": 20 })).await;
        a_budget(stack, &json!({})).await;
    });
}

#[test]
fn a_budget_holds_on_postgres_too() {
    TWO_ENVOYS_POSTGRES.story(async |stack| {
        a_budget(stack, &json!({ "max_tokens": 20 })).await;
        a_budget(stack, &json!({})).await;
    });
}

#[test]
fn a_rate_of_requests_is_kept_by_all_envoys_together() {
    TWO_ENVOYS.story(async |stack| {
        let (key, _) = stack.key(&json!({ "rpm_limit": ENOUGH_FOR })).await;

        let served = exhaust(stack, &key, &json!({ "max_tokens": 20 })).await;

        let limit = usize::try_from(ENOUGH_FOR).unwrap();
        assert!(served <= limit, "{served} of {limit} served");
        assert!(served * 100 >= limit * 95, "only {served} of {limit} served");
    });
}

#[test]
fn a_rate_of_tokens_is_kept_by_all_envoys_together() {
    TWO_ENVOYS.story(async |stack| {
        for body in [json!({ "max_tokens": 20 }), json!({})] {
            let (_, tokens) = one(stack, &body).await;
            let limit = ENOUGH_FOR * tokens;
            let (key, _) = stack.key(&json!({ "tpm_limit": limit })).await;

            let served = exhaust(stack, &key, &body).await;

            let rows = stack.rows(&key, served).await;
            let used: u64 = rows.iter().map(|row| row.tokens().2).sum();
            let limit = u64::try_from(limit).unwrap();
            assert!(used <= limit, "{used} of {limit} used");
            assert!(used * 100 >= limit * 95, "only {used} of {limit} could be used");
        }
    });
}

#[test]
fn requests_at_the_same_time_are_limited_and_their_places_come_back() {
    TWO_ENVOYS.story(async |stack| {
        let (key, _) = stack.key(&json!({ "max_parallel_requests": 10 })).await;
        let clients = stack.clients(&key);
        let gate = stack.demo().gate("held");
        let mut calls = JoinSet::new();
        for number in 0..30 {
            let call = clients[number % 2].chat(MODEL, &json!({ "stream": true }));
            calls.spawn(call.header("x-sim-gate", "held@1").send());
        }
        gate.reached_by(10).await;
        // All are decided before the first place comes back: otherwise a late one would take it.
        let mut answers: Vec<Answer> = Vec::new();
        while answers.len() < 30 {
            answers.push(calls.join_next().await.unwrap().unwrap());
        }
        let extra = clients[0].chat(MODEL, &json!({})).send().await;
        assert_eq!(extra.status(), 429);
        gate.release();

        let mut served = 0;
        for mut answer in answers {
            served += usize::from(answer.status() == 200);
            answer.text().await;
        }
        assert_eq!(served, 10);
        for client in clients.iter().cycle().take(20) {
            let mut answer = client.chat(MODEL, &json!({})).send().await;
            assert_eq!(answer.status(), 200, "{}", answer.text().await);
            answer.text().await;
        }
    });
}

#[test]
fn one_envoy_alone_reaches_all_of_a_limit() {
    tollgate_e2e::on_every_role(&[&ALONE, &ALONE_STANDALONE], &async |stack| {
        let (key, client) = stack.key(&json!({ "rpm_limit": 7 })).await;
        let mut remaining = Vec::new();
        for _ in 0..7 {
            let answer = chat(&client, &json!({})).send().await;
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.header("x-ratelimit-limit-requests"), "7");
            let cost: f64 = answer.header("x-litellm-response-cost").parse().unwrap();
            assert!(cost > 0.0);
            remaining.push(answer.header("x-ratelimit-remaining-requests").to_owned());
        }
        assert_eq!(remaining, ["6", "5", "4", "3", "2", "1", "0"]);

        let mut refused = chat(&client, &json!({})).send().await;

        assert_eq!(refused.status(), 429);
        assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
        assert_ne!(refused.header("retry-after"), "");
        let error = refused.json().await;
        assert_eq!(error["error"]["code"], "rate_limit_exceeded");
        assert_eq!(error["error"]["limit"]["dimension"], "requests");
        assert_eq!(stack.rows(&key, 7).await.len(), 7);
    });
}

#[test]
fn a_low_budget_caps_the_answer_and_then_refuses_without_a_retry() {
    tollgate_e2e::on_every_role(&[&ALONE, &ALONE_STANDALONE], &async |stack| {
        let (key, client) = stack.key(&json!({ "max_budget": 0.00003 })).await;
        let mut capped = client.chat(MODEL, &json!({})).header("x-sim-tokens", "400").send().await;
        assert_eq!(capped.json().await["choices"][0]["finish_reason"], "length");
        let spent = nanos(&stack.row(&key).await.json["spend"]);
        assert!((1..=30_000).contains(&spent), "{spent}");

        let mut refused = client.chat(MODEL, &json!({})).send().await;

        assert_eq!(refused.status(), 429);
        assert_eq!(refused.header("x-should-retry"), "false");
        assert_eq!(refused.json().await["error"]["code"], "budget_exceeded");
    });
}

#[test]
fn a_stream_that_outruns_its_reservation_ends_and_so_does_the_providers() {
    tollgate_e2e::on_every_role(&[&ALONE, &ALONE_STANDALONE], &async |stack| {
        let (key, client) = stack.key(&json!({ "tpm_limit": 60 })).await;
        let gate = stack.demo().gate("cut");
        let call = client.chat(MODEL, &json!({ "stream": true }));
        let call = call.header("x-sim-script", "tokens=400; uncapped; gate=cut@200");
        let mut answer = call.send().await;

        // The provider holds the rest back: what ends the stream is the gateway.
        let (mut reason, mut done) = (String::new(), false);
        while let Some(event) = answer.event().await {
            // The text says it too.
            done = event == "[DONE]";
            if done {
                break;
            }
            if event.contains("\"finish_reason\":\"length\"") {
                reason = event;
            }
        }

        assert!(done && reason.contains("budget_exceeded"), "{reason}");
        eventually("the stream to the provider is closed", async || {
            (stack.demo().counts().abandoned == 1).then_some(())
        })
        .await;
        gate.release();
        let row = stack.row(&key).await;
        assert_eq!(row.json["metadata"]["error_code"], "budget_exceeded");
        assert_eq!(row.usage_source(), "counted");
    });
}
