//! The official clients, unmodified. What they were told is what the ledger has.

use serde_json::{Value, json};
use tollgate_e2e::{Key, Stack, eventually, nanos, node, on_every_role, python};

use crate::stacks::EVERY_ROLE;

#[test]
fn the_python_client_works_unmodified() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        tells_the_ledgers_truth(stack, |environment| python("story.py", environment)).await;
    });
}

#[test]
fn the_node_client_works_unmodified() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        tells_the_ledgers_truth(stack, |environment| node("story.mjs", environment)).await;
    });
}

async fn tells_the_ledgers_truth(stack: &mut Stack, run: impl FnOnce(&[(&str, &str)]) -> String) {
    let (key, _) = stack.key(&json!({})).await;
    let blocked = blocked_key(stack).await;
    let spent = spent_key(stack).await;
    let (limited, _) = stack.key(&json!({ "models": ["gpt-4o"] })).await;
    let (rated, _) = stack.key(&json!({ "rpm_limit": 1 })).await;
    stack.demo().reset();

    let base_url = format!("{}/v1", stack.gateway_url());
    let printed = run(&[
        ("BASE_URL", &base_url),
        ("KEY", &key.secret),
        ("BLOCKED_KEY", &blocked.secret),
        ("SPENT_KEY", &spent.secret),
        ("LIMITED_KEY", &limited.secret),
        ("RATED_KEY", &rated.secret),
    ]);

    let told: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let mut told: Vec<(u64, u64, u64)> = serde_json::from_value(told).unwrap();
    let rows = stack.rows(&key, told.len() - 1).await;
    let served_within_its_rate = stack.row(&rated).await;
    let all = rows.iter().chain([&served_within_its_rate]);
    let mut billed: Vec<_> = all.map(tollgate_e2e::Row::tokens).collect();
    told.sort_unstable();
    billed.sort_unstable();
    assert_eq!(billed, told);
    let counted = stack.demo().counts().completed_total();
    assert_eq!(billed.iter().map(|tokens| tokens.2).sum::<u64>(), counted.total());

    let spent: i64 = rows.iter().map(tollgate_e2e::Row::cost_nanos).sum();
    let mut info = stack.admin().get(&format!("/key/info?key={}", key.secret)).send().await;
    assert_eq!(nanos(&info.json().await["info"]["spend"]), spent);
}

async fn blocked_key(stack: &Stack) -> Key {
    let (key, client) = stack.key(&json!({})).await;
    let answer = stack.admin().post("/key/block", &json!({ "key": key.secret })).send().await;
    assert_eq!(answer.status(), 200);
    eventually("the key is blocked", async || {
        (client.get("/v1/models").send().await.status() == 403).then_some(())
    })
    .await;
    key
}

async fn spent_key(stack: &Stack) -> Key {
    let (key, client) = stack.key(&json!({ "max_budget": 0.000_000_1 })).await;
    eventually("the budget is spent", async || {
        (client.chat("gpt-4o", &json!({})).send().await.status() == 429).then_some(())
    })
    .await;
    key
}
