//! Answers that are kept and served again.

use serde_json::{Value, json};
use tollgate_e2e::{Builder, Call, Client, Shared, Stack, eventually, on_every_role};

use crate::stacks::for_each_role;

static BOTH_ROLES: Shared = Shared::new(keeping);
static STANDALONE: Shared = Shared::new(|| keeping().role(tollgate_e2e::Role::Standalone));
static EVERY_ROLE: [&Shared; 2] = [&BOTH_ROLES, &STANDALONE];

fn keeping() -> Builder {
    Stack::builder().section("cache", json!({ "enabled": true }))
}

/// A question of its own, whose answer may be kept.
fn ask(client: &Client, seed: u64, more: &Value) -> Call {
    let mut fields = json!({ "temperature": 0, "seed": seed });
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    client.chat("gpt-4o", &fields)
}

/// What the answer says of the cache, and the answer.
async fn told(call: Call) -> (String, String) {
    let mut answer = call.send().await;
    assert_eq!(answer.status(), 200);
    (answer.header("x-omniroute-cache").to_owned(), answer.text().await)
}

// proves: config.cache.enabled
#[test]
fn an_answer_is_kept_for_its_tenant_streams_too_and_costs_nothing_again() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        for stream in [false, true] {
            let (key, client) = stack.key(&json!({})).await;
            let (_, stranger) = stack.key(&json!({})).await;
            let before = stack.demo().requests().len();
            let seed = u64::from(stream);
            let more = json!({ "stream": stream });

            let (made, first) = told(ask(&client, seed, &more)).await;
            let (kept, second) = told(ask(&client, seed, &more)).await;
            let (foreign, _) = told(ask(&stranger, seed, &more)).await;

            assert_eq!((&*made, &*kept, &*foreign), ("MISS", "HIT", "MISS"), "stream: {stream}");
            assert_eq!(first, second);
            assert_eq!(first.contains("[DONE]"), stream);
            assert_eq!(stack.demo().requests().len() - before, 2);
            let rows = stack.rows(&key, 2).await;
            let costs: Vec<i64> = rows.iter().map(tollgate_e2e::Row::cost_nanos).collect();
            assert_eq!(costs.iter().filter(|cost| **cost > 0).count(), 1, "{rows:?}");
            assert_eq!(rows[0].tokens(), rows[1].tokens(), "{rows:?}");
        }
    });
}

#[test]
fn other_workers_and_later_processes_find_it_in_the_database() {
    for_each_role(&async |role| {
        let mut stack = keeping().role(role).start().await;
        let (key, client) = stack.key(&json!({})).await;
        assert_eq!(told(ask(&client, 1, &json!({}))).await.0, "MISS");
        eventually("it is in the database", async || {
            let cache = stack.admin().get("/api/cache").send().await.json().await;
            (cache["semanticCache"]["dbEntries"] == 1).then_some(())
        })
        .await;

        stack.kill_envoy().await;
        stack.restart_envoy().await;
        let client = Client::new(stack.envoy().gateway).key(&key.secret);

        assert_eq!(told(ask(&client, 1, &json!({}))).await.0, "HIT");
        assert_eq!(stack.demo().requests().len(), 1);
        stack.stop().await;
    });
}

#[test]
fn a_revoked_key_gets_nothing() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        told(ask(&client, 2, &json!({}))).await;
        assert_eq!(told(ask(&client, 2, &json!({}))).await.0, "HIT");

        let body = json!({ "key": key.secret });
        assert_eq!(stack.admin().post("/key/block", &body).send().await.status(), 200);

        eventually("the key is refused", async || {
            (ask(&client, 2, &json!({})).send().await.status() == 403).then_some(())
        })
        .await;
    });
}

#[test]
fn a_client_may_refuse_it_and_warm_requests_have_none() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let calls = || {
            [
                ask(&client, 3, &json!({})).header("x-omniroute-no-cache", "True"),
                ask(&client, 3, &json!({})).header("cache-control", "no-store"),
                ask(&client, 3, &json!({ "temperature": 0.2 })),
            ]
        };
        for call in calls().into_iter().chain(calls()) {
            assert_eq!(told(call).await.0, "");
        }
        assert_eq!(stack.demo().requests().len(), 6);
        assert_eq!(told(ask(&client, 3, &json!({}))).await.0, "MISS");
    });
}

#[test]
fn a_purge_reaches_every_worker_and_the_figures_are_told() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        told(ask(&client, 4, &json!({}))).await;
        assert_eq!(told(ask(&client, 4, &json!({}))).await.0, "HIT");
        stack.rows(&key, 2).await;
        let admin = stack.admin();
        let cache = admin.get("/api/cache").send().await.json().await;
        assert!(cache["semanticCache"]["hits"].as_u64() > Some(0), "{cache}");
        assert!(cache["semanticCache"]["tokensSaved"].as_u64() > Some(0), "{cache}");
        assert!(cache["semanticCache"]["hitRate"].as_f64() < Some(1.0), "{cache}");

        let wrong = admin.call(hyper::Method::DELETE, "/api/cache?model=a&staleMs=1").send().await;
        assert_eq!(wrong.status(), 400);
        let mut purged = admin.call(hyper::Method::DELETE, "/api/cache").send().await;
        let said = purged.json().await;
        assert_eq!((&said["ok"], &said["scope"]), (&json!(true), &json!("all")));

        eventually("it is made again", async || {
            (told(ask(&client, 4, &json!({}))).await.0 == "MISS").then_some(())
        })
        .await;
        let stranger = stack.client().call(hyper::Method::DELETE, "/api/cache").send().await;
        assert_eq!(stranger.status(), 401);
    });
}

// proves: config.cache.count_in_budget
#[test]
fn kept_answers_count_when_they_are_to() {
    for_each_role(&async |role| {
        let settings = json!({ "enabled": true, "count_in_budget": true, "eligibility": "all" });
        let stack = Stack::builder().role(role).section("cache", settings).start().await;
        let (key, client) = stack.key(&json!({})).await;
        for expected in ["MISS", "HIT"] {
            assert_eq!(told(client.chat("gpt-4o", &json!({}))).await.0, expected);
        }
        let rows = stack.rows(&key, 2).await;
        assert_eq!(rows[0].cost_nanos(), rows[1].cost_nanos());
        assert!(rows[0].cost_nanos() > 0);
        stack.stop().await;
    });
}
