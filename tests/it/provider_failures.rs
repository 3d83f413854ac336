//! Providers that refuse, break or answer nonsense.

use serde_json::json;
use tollgate_e2e::simulator::Replay;
use tollgate_e2e::{Model, Role, Stack, block_on, eventually, on_every_role};

use crate::stacks::{EVERY_ROLE, RENAMED, UNREACHABLE};

#[test]
fn errors_of_a_provider_pass_with_their_status_and_bytes() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        for status in [400, 404, 409, 422, 429, 500, 503, 529] {
            let body = format!(
                "{{ \"error\": {{\"code\":\"odd\", \"model\":\"kept\"}},\n \"n\":{status}}}"
            );
            let replay = Replay::whole(status, body.clone());
            let replay =
                replay.header("content-type", "application/json").header("retry-after", "7");
            stack.demo().replay(replay);

            let mut answer = client.chat(RENAMED, &json!({})).send().await;

            assert_eq!(answer.status(), status);
            assert_eq!(answer.header("retry-after"), "7");
            assert_eq!(answer.text().await, body);
        }
    });
}

#[test]
fn a_failed_request_costs_nothing_and_is_in_the_ledger() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({})).header("x-sim-status", "500");
        assert_eq!(call.send().await.status(), 500);

        let row = stack.row(&key).await;
        assert_eq!((row.cost_nanos(), row.text("status")), (0, "failure"), "{row:?}");
        assert_eq!(row.tokens(), (0, 0, 0));
    });
}

#[test]
fn a_refusal_of_our_own_credential_is_not_the_clients_fault() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({})).header("x-sim-status", "401");
        let mut answer = call.send().await;

        let text = answer.text().await;
        assert!(text.contains("provider_error"), "{text}");
        assert!(!text.contains("platform.openai.com"), "{text}");
    });
}

#[test]
fn a_provider_that_is_not_there() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let mut answer = client.chat(UNREACHABLE, &json!({})).send().await;

        answer.refused(502, "api_error", "provider_error").await;
        assert_eq!(stack.row(&key).await.cost_nanos(), 0);
    });
}

#[test]
fn a_provider_that_envoy_has_no_cluster_for() {
    block_on(async {
        for role in [Role::Static, Role::Standalone] {
            let mut stack = Stack::builder().role(role).start().await;
            let (_, client) = stack.key(&json!({})).await;
            let mut provider = stack.add_simulator("forgotten").await;
            provider.credential = None;

            stack.reconfigure(|config| {
                config.providers.push(provider);
                config.models.push(Model::new("forgotten", "forgotten", "gpt-4o"));
            });
            let mut answer = eventually("the model is known", async || {
                let answer = client.chat("forgotten", &json!({})).send().await;
                (answer.status() != 404).then_some(answer)
            })
            .await;

            assert_eq!(answer.status(), 502);
            let body = answer.json().await;
            assert_eq!(body["error"]["code"], "provider_error", "{body}");
            assert_eq!(body["error"]["type"], "api_error", "{body}");
            stack.stop().await;
        }
    });
}

#[test]
fn a_provider_that_breaks_off_before_it_answers() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        for fault in ["close-before-head", "garbage"] {
            for stream in [false, true] {
                let (key, client) = stack.key(&json!({})).await;
                let call = client.chat(RENAMED, &json!({ "stream": stream }));
                let mut answer = call.header("x-sim-fault", fault).send().await;

                answer.refused(502, "api_error", "provider_error").await;
                assert_eq!(stack.row(&key).await.cost_nanos(), 0);
            }
        }
    });
}

#[test]
fn a_provider_that_breaks_off_within_its_answer() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({})).header("x-sim-fault", "close-mid-body");
        let whole = match call.try_send().await {
            Ok(mut answer) if answer.status() == 200 => answer.try_bytes().await.is_ok(),
            Ok(answer) => {
                assert!(answer.status() >= 500);
                false
            }
            Err(_) => false,
        };

        assert!(!whole, "a broken answer must not look complete");
        assert!(stack.row(&key).await.aborted());
    });
}

#[test]
fn an_answer_that_is_not_json_passes() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({})).header("x-sim-fault", "garbage-body");
        let mut answer = call.send().await;

        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await, "<html>502 from some proxy</html>\n");
        assert_eq!(stack.row(&key).await.usage_source(), "estimated");
    });
}
