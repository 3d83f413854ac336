//! Work that providers do after they have answered: batches, runs and fine-tuning jobs are looked
//! into before they are asked for, reserved, and charged once when they are over.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate_e2e::{
    Builder, Database, Key, Model, Provider, Row, Stack, StandIn, block_on, dollars, eventually,
    nanos, python,
};

/// What the stand-in wants, which no client knows.
const CREDENTIAL: &str = "credential-of-keeper";
const MODEL: &str = "team/model";
const SECRET: &str = "team/secret";

// proves: config.models[].targets[].price.{batch_input_token,batch_output_token,training_token}
#[test]
fn work_is_charged_once_at_its_prices() {
    block_on(async {
        let (keeper, stack) = start(Stack::bare()).await;
        let (key, _) = stack.key(&json!({ "models": [MODEL], "max_budget": 1 })).await;

        script(&stack, &keeper, &[&key], "charged");

        let charged = charged(&stack, &key, 3).await;
        // Of a batch of two, 21 tokens in at 75 nano-dollars, 10 out at 300.
        assert_eq!(charged["abatch"], (31, 21 * 75 + 10 * 300));
        assert_eq!(charged["arun_thread"], (120, 100 * 150 + 20 * 600));
        assert_eq!(charged["afine_tuning_job"], (1_000, 1_000 * 3_000));
        let mut info = stack.admin().get(&format!("/key/info?key={}", key.secret)).send().await;
        let spend = nanos(&info.json().await["info"]["spend"]);
        assert_eq!(spend, charged.values().map(|(_, cost)| cost).sum::<i64>());
        stack.stop().await;
        keeper.stop().await;
    });
}

#[test]
fn lines_that_cannot_be_taken_are_refused() {
    block_on(async {
        let (keeper, stack) = start(Stack::bare()).await;
        let key = async |team: &str| {
            let fields = json!({ "models": [MODEL], "team_id": team });
            stack.key(&fields).await.0
        };
        for team in ["one", "two"] {
            stack.admin().post("/team/new", &json!({ "team_id": team })).send().await;
        }
        let keys = [key("one").await, key("two").await];

        script(&stack, &keeper, &[&keys[0], &keys[1]], "refused");

        stack.stop().await;
        keeper.stop().await;
    });
}

#[test]
fn a_budget_holds_for_batches_and_other_requests_together() {
    block_on(async {
        let builder = Stack::bare().section("limits", json!({ "on_low_budget": "refuse" }));
        let (keeper, stack) = start(builder).await;
        // A batch's 1,000 tokens of output are 300,000 nano-dollars, those of a request 600,000.
        let (key, client) = stack.key(&json!({ "max_budget": dollars(700_000) })).await;
        let asks = async || {
            let body = json!({ "model": MODEL, "input": "Hi", "max_output_tokens": 1_000 });
            let mut answer = client.post("/v1/responses", &body).send().await;
            (answer.status(), answer.json().await["error"]["code"].clone())
        };
        assert_eq!(asks().await, (200, Value::Null));

        script(&stack, &keeper, &[&key], "held");
        assert_eq!(asks().await, (429, json!("budget_exceeded")));
        script(&stack, &keeper, &[&key], "too_much");

        script(&stack, &keeper, &[&key], "finish");
        charged(&stack, &key, 1).await;
        assert_eq!(asks().await, (200, Value::Null));
        stack.stop().await;
        keeper.stop().await;
    });
}

#[test]
fn a_batch_is_charged_once_whoever_dies_meanwhile() {
    block_on(async {
        let (keeper, mut stack) = start(Stack::bare().database(Database::Postgres)).await;
        let (key, _) = stack.key(&json!({ "max_budget": 1 })).await;
        script(&stack, &keeper, &[&key], "held");
        stack.kill_control_plane().await;
        script(&stack, &keeper, &[&key], "finish");
        stack.start_control_plane().await;
        // Both ask about it.
        let (replica, _) = stack.replica().await;

        let charged = charged(&stack, &key, 1).await;

        assert_eq!(charged["abatch"], (15, 10 * 75 + 5 * 300));
        replica.stop().await;
        stack.stop().await;
        keeper.stop().await;
    });
}

/// A gateway with one account at one provider, which all tenants share.
async fn start(builder: Builder) -> (StandIn, Stack) {
    let keeper = StandIn::keeper(CREDENTIAL).await;
    let credential = Some(CREDENTIAL.to_owned());
    let mut provider = Provider { credential, ..Provider::new("keeper", keeper.url("/v1")) };
    provider.fields.insert("responses".to_owned(), true.into());
    let target = json!({
        "provider": "keeper",
        "model": "gpt-4o-mini",
        "price": {
            "input_token": "0.00000015", "output_token": "0.0000006",
            "batch_input_token": "0.000000075", "batch_output_token": "0.0000003",
            "training_token": "0.000003",
        },
    });
    let model = Model::new(MODEL, "keeper", "gpt-4o-mini").with("targets", json!([target]));
    let secret = Model::new(SECRET, "keeper", "secret-model");
    let stack = builder.provider(provider).model(model).model(secret).start().await;
    (keeper, stack)
}

/// Runs a part of the script.
fn script(stack: &Stack, keeper: &StandIn, keys: &[&Key], part: &str) {
    let base = format!("{}/v1", stack.gateway_url());
    let seen = keeper.url("");
    let stranger = keys.last().map(|key| key.secret.clone()).unwrap_or_default();
    let environment = [
        ("BASE_URL", &*base),
        ("KEEPER_URL", &*seen),
        ("KEY", &*keys[0].secret),
        ("STRANGER", &*stranger),
        ("MODEL", MODEL),
        ("SECRET", SECRET),
        ("PART", part),
    ];
    python("work.py", &environment);
}

/// Waits until so much work is charged, and returns tokens and cost of each by its kind.
async fn charged(stack: &Stack, key: &Key, count: usize) -> BTreeMap<String, (u64, i64)> {
    eventually("work is charged", async || {
        let rows = stack.rows_now(key).await;
        let is_work = |row: &&Row| row.tokens().2 > 0 && row.text("call_type") != "aresponses";
        let work: Vec<&Row> = rows.iter().filter(is_work).collect();
        assert!(work.len() <= count, "{work:?}");
        (work.len() == count).then(|| {
            let of =
                |row: &&Row| (row.text("call_type").to_owned(), (row.tokens().2, row.cost_nanos()));
            work.iter().map(of).collect()
        })
    })
    .await
}
