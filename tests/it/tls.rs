//! Clients over TLS.

use serde_json::json;
use tollgate_e2e::{Protocol, Stack};

use crate::stacks::for_each_role;

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
