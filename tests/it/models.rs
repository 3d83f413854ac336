//! `/v1/models`, answered by the gateway itself.

use serde_json::{Value, json};
use tollgate_e2e::on_every_role;

use crate::stacks::{EVERY_ROLE, RENAMED};

#[test]
fn a_key_sees_the_models_it_may_use() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, all) = stack.key(&json!({})).await;
        let (_, some) = stack.key(&json!({ "models": ["gpt-4o", "team/*"] })).await;
        let (_, none) = stack.key(&json!({ "models": ["no-default-models"] })).await;

        let listed = all.get("/v1/models").send().await.json().await;
        assert!(ids(&listed).contains(&"gpt-3.5-turbo-instruct"), "{listed}");
        assert_eq!(listed["object"], "list");
        assert_eq!(listed["data"][0]["object"], "model");
        let listed = some.get("/v1/models").send().await.json().await;
        assert_eq!(ids(&listed), ["gpt-4o", RENAMED]);
        let listed = none.get("/v1/models").send().await.json().await;
        assert_eq!(ids(&listed), [""; 0]);
        assert!(stack.demo().requests().is_empty());
    });
}

#[test]
fn one_model_is_described_under_its_name_with_slashes() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({ "models": [RENAMED] })).await;

        for path in [format!("/v1/models/{RENAMED}"), "/v1/models/team%2Ffast".to_owned()] {
            let mut answer = client.get(&path).send().await;
            assert_eq!(answer.status(), 200, "{path}");
            let model = answer.json().await;
            assert_eq!((&model["id"], &model["object"]), (&json!(RENAMED), &json!("model")));
        }
        for hidden in ["gpt-4o", "not/there"] {
            let mut answer = client.get(&format!("/v1/models/{hidden}")).send().await;
            answer.refused(404, "invalid_request_error", "model_not_found").await;
        }
    });
}

// proves: key.aliases
#[test]
fn an_alias_of_the_key_stands_for_its_model() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let fields = json!({ "aliases": { "mine": "gpt-4o" }, "models": ["gpt-4o"] });
        let (key, client) = stack.key(&fields).await;

        let answer = client.chat("mine", &json!({})).send().await.json().await;

        assert_eq!(answer["model"], "mine");
        assert_eq!(stack.demo().requests()[0].json()["model"], "gpt-4o");
        assert_eq!(stack.row(&key).await.usage_source(), "provider");
    });
}

#[test]
fn the_list_needs_a_key() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let mut answer = stack.client().get("/v1/models").send().await;

        answer.refused(401, "authentication_error", "invalid_api_key").await;
    });
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().filter_map(|model| model["id"].as_str()).collect()
}
