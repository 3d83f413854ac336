//! Clients over TLS.

use serde_json::json;
use tollgate_e2e::{Protocol, Stack, eventually};

use crate::stacks::for_each_role;

// proves: config.server.gateway.tls.{certificate_file,private_key_file}
#[test]
fn clients_are_served_over_tls_in_both_protocols() {
    for_each_role(&async |role| {
        let stack = Stack::builder().role(role).tls().start().await;
        let (key, client) = stack.key(&json!({})).await;

        for protocol in [Protocol::Http1, Protocol::Http2] {
            let client = client.clone().protocol(protocol);
            let (chunks, done) =
                client.chat("gpt-4o", &json!({ "stream": true })).send().await.chunks().await;
            assert!(done && !chunks.is_empty(), "{protocol:?}");
        }
        stack.rows(&key, 2).await;
        stack.stop().await;
    });
}

#[test]
fn a_renewed_certificate_is_shown_and_streams_go_on() {
    for_each_role(&async |role| {
        let mut stack = Stack::builder().role(role).tls().start().await;
        let (key, old) = stack.key(&json!({})).await;
        let gate = stack.demo().gate("across-the-renewal");
        let stream = old.chat("gpt-4o", &json!({ "stream": true }));
        let mut stream = stream.header("x-sim-gate", "across-the-renewal@3").send().await;
        stream.event().await.unwrap();
        gate.reached_by(1).await;

        stack.renew_certificate();
        let new = stack.client().key(&key.secret);
        eventually("the new certificate is shown", async || {
            let answer = new.get("/v1/models").try_send().await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;

        assert!(old.get("/v1/models").try_send().await.is_err(), "the old one is shown as well");
        gate.release();
        assert!(stream.chunks().await.1, "the stream finishes");
        stack.rows(&key, 1).await;
        let mut dump = stack.envoy().admin().get("/config_dump").send().await;
        assert!(!dump.text().await.contains("PRIVATE KEY"));
        stack.stop().await;
    });
}
