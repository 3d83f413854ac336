//! `LiteLLM`'s `config.yaml` is served as it is.

use serde_json::{Value, json};
use tollgate_e2e::{Provider, Stack, block_on, eventually};

fn file(providers: &[Provider]) -> Value {
    let demo = &providers[0];
    let deployment = |name: &str, base: &str| {
        json!({
            "model_name": name,
            "litellm_params": {
                "model": "openai/gpt-4o-mini", "api_base": base, "api_key": demo.credential,
                "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,
            },
        })
    };
    json!({
        "model_list": [
            deployment("fast", &demo.base_url),
            deployment("broken", "http://127.0.0.1:1/v1"),
        ],
        "router_settings": {
            "fallbacks": [{ "broken": ["fast"] }],
            "model_group_alias": { "quick": "fast" },
        },
        "general_settings": { "master_key": "os.environ/E2E_MASTER_KEY" },
        "litellm_settings": { "unheard_of": 1 },
    })
}

fn with_another(providers: &[Provider]) -> Value {
    let mut file = file(providers);
    let mut another = file["model_list"][0].clone();
    another["model_name"] = json!("another");
    file["model_list"].as_array_mut().unwrap().push(another);
    file
}

fn broken(_: &[Provider]) -> Value {
    json!({ "model_list": 5 })
}

#[test]
fn a_file_of_litellm_serves_chats_with_its_prices_fallbacks_and_aliases() {
    block_on(async {
        let stack = Stack::bare().simulator("demo").foreign(file).start().await;
        let (key, client) = stack.key(&json!({})).await;

        for model in ["fast", "broken", "quick"] {
            let mut answer = client.chat(model, &json!({})).send().await;
            assert_eq!(answer.status(), 200, "{model}: {}", answer.text().await);
        }
        let mut unknown = client.chat("nobody", &json!({})).send().await;

        // LiteLLM's envelope has the status as a text.
        let refusal: Value = serde_json::from_str(&unknown.text().await).unwrap();
        assert!(refusal["error"]["code"].is_string(), "{refusal}");
        let rows = stack.rows(&key, 4).await;
        assert!(rows.iter().filter(|row| row.cost_nanos() > 0).count() == 3);
        stack.stop().await;
    });
}

#[test]
fn a_changed_file_of_litellm_applies_and_a_bad_one_does_not() {
    block_on(async {
        let mut stack = Stack::bare().simulator("demo").foreign(file).start().await;
        let (_, client) = stack.key(&json!({})).await;

        stack.reconfigure(|config| config.foreign = Some(broken));
        eventually("the bad file is rejected", async || {
            stack.control_plane_log().contains("the old one stays").then_some(())
        })
        .await;
        assert_eq!(client.chat("fast", &json!({})).send().await.status(), 200);
        stack.reconfigure(|config| config.foreign = Some(with_another));
        eventually("the new model is served", async || {
            (client.chat("another", &json!({})).send().await.status() == 200).then_some(())
        })
        .await;

        let log = stack.control_plane_log();
        assert!(log.contains("configuration file: model another added"), "{log}");
        assert!(log.contains("litellm_settings.unheard_of: not taken over"), "{log}");
        assert!(!log.contains("provider-secret-of"), "a secret is in the log");
        stack.stop().await;
    });
}
