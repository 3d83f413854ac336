//! The configuration file changes while everything runs.

mod doctor;
mod litellm_file;

use serde_json::json;
use tollgate_e2e::simulator::Gate;
use tollgate_e2e::{Answer, Client, Model, Stack, block_on, eventually};

use crate::stacks::for_each_role;

/// Over xDS alone: without it a new provider needs a new bootstrap.
#[test]
fn a_new_provider_and_model_serve_while_a_stream_goes_on() {
    block_on(async {
        let mut stack = Stack::builder().start().await;
        let (key, client) = stack.key(&json!({})).await;
        let (mut stream, gate) = held_stream(&stack, &client).await;

        let mut provider = stack.add_simulator("second").await;
        // A running process learns no new environment: the new provider wants no credential.
        provider.credential = None;
        stack.reconfigure(|config| {
            config.providers.push(provider);
            config.models.push(Model::new("brand/new", "second", "gpt-4o"));
        });
        let mut answer = eventually("the new model is served", async || {
            let answer = client.chat("brand/new", &json!({})).send().await;
            (answer.status() != 404).then_some(answer)
        })
        .await;
        // It asks for a credential, which tells that it was reached.
        assert_eq!(answer.status(), 401, "{}", answer.text().await);
        assert_eq!(stack.simulator("second").requests().len(), 1);

        gate.release();
        assert!(stream.chunks().await.1, "the stream finishes");
        assert_eq!(stack.rows(&key, 2).await.len(), 2);
        stack.stop().await;
    });
}

/// Filter and Envoy come back to the control plane each in their own time.
#[test]
fn a_provider_that_is_added_during_an_outage_is_reached_from_the_first_request_on() {
    block_on(async {
        let mut stack = Stack::builder().start().await;
        let (_, client) = stack.key(&json!({})).await;
        let mut provider = stack.add_simulator("second").await;
        provider.credential = None;
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        stack.kill_control_plane().await;

        stack.reconfigure(|config| {
            config.providers.push(provider);
            config.models.push(Model::new("brand/new", "second", "gpt-4o"));
        });
        stack.start_control_plane().await;
        let mut answer = eventually("the new model is served", async || {
            let answer = client.chat("brand/new", &json!({})).send().await;
            (answer.status() != 404).then_some(answer)
        })
        .await;

        // It asks for a credential, which tells that it was reached.
        assert_eq!(answer.status(), 401, "{}", answer.text().await);
        stack.stop().await;
    });
}

#[test]
fn a_new_model_of_a_known_provider_serves_while_a_stream_goes_on() {
    for_each_role(&async |role| {
        let mut stack = Stack::builder().role(role).start().await;
        let (key, client) = stack.key(&json!({})).await;
        let (mut stream, gate) = held_stream(&stack, &client).await;

        stack.reconfigure(|config| config.models.push(Model::new("brand/new", "demo", "gpt-4o")));
        let answer = eventually("the new model is served", async || {
            let answer = client.chat("brand/new", &json!({})).send().await;
            (answer.status() != 404).then_some(answer)
        })
        .await;
        assert_eq!(answer.status(), 200);

        gate.release();
        assert!(stream.chunks().await.1, "the stream finishes");
        assert_eq!(stack.rows(&key, 2).await.len(), 2);
        stack.stop().await;
    });
}

#[test]
fn a_model_that_is_taken_away_is_not_found() {
    for_each_role(&async |role| {
        let mut stack = Stack::builder().role(role).start().await;
        let (_, client) = stack.key(&json!({})).await;
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);

        stack.reconfigure(|config| config.models.retain(|model| model.name != "gpt-4o"));

        let mut answer = eventually("the model is gone", async || {
            let answer = client.chat("gpt-4o", &json!({})).send().await;
            (answer.status() != 200).then_some(answer)
        })
        .await;
        answer.refused(404, "invalid_request_error", "model_not_found").await;
        assert_eq!(client.chat("gpt-4o-mini", &json!({})).send().await.status(), 200);
        stack.stop().await;
    });
}

#[test]
fn a_file_that_makes_no_sense_changes_nothing() {
    for_each_role(&async |role| {
        let mut stack = Stack::builder().role(role).start().await;
        let (_, client) = stack.key(&json!({})).await;

        stack.reconfigure(|config| {
            config.models.push(Model::new("first/new", "nobody-knows-this-provider", "x"));
        });
        eventually("the mistake is logged", async || {
            stack.control_plane_log().contains("nobody-knows-this-provider").then_some(())
        })
        .await;

        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        stack.reconfigure(|config| {
            config.models.pop();
            config.models.push(Model::new("second/new", "demo", "gpt-4o"));
        });
        eventually("the mended file counts", async || {
            (client.chat("second/new", &json!({})).send().await.status() == 200).then_some(())
        })
        .await;
        stack.stop().await;
    });
}

/// Begins a stream that its provider holds back in the middle.
async fn held_stream(stack: &Stack, client: &Client) -> (Answer, Gate) {
    let gate = stack.demo().gate("across-the-change");
    let stream = client.chat("gpt-4o", &json!({ "stream": true }));
    let mut stream = stream.header("x-sim-gate", "across-the-change@3").send().await;
    stream.event().await.unwrap();
    gate.reached_by(1).await;
    (stream, gate)
}
