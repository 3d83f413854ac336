//! `LiteLLM`'s own client and command line, unmodified, against the gateway's port.

use serde_json::{Value, json};
use tollgate_e2e::litellm;

use crate::stacks::GATEWAY;

#[test]
fn its_client_and_command_line_do_the_work_of_an_admin() {
    GATEWAY.story(async |stack| {
        let provider = stack.demo().base_url();
        let printed = litellm(
            "litellm_client.py",
            &[
                ("GATEWAY", &stack.gateway_url()),
                ("MASTER_KEY", stack.master_key()),
                ("PROVIDER", &provider),
                ("PROVIDER_KEY", "provider-secret-of-demo"),
            ],
        );

        let told: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        let path = format!("/spend/logs?api_key={}", told["token"].as_str().unwrap());
        let rows = tollgate_e2e::eventually("the request is recorded", async || {
            let rows = stack.admin().get(&path).send().await.json().await;
            (!rows.as_array().unwrap().is_empty()).then_some(rows)
        });
        let row = rows.await[0].clone();
        assert_eq!(row["prompt_tokens"], told["usage"]["prompt_tokens"], "{row}");
        assert_eq!(row["completion_tokens"], told["usage"]["completion_tokens"], "{row}");
        assert_ne!(row["spend"], json!(0.0));
    });
}
