//! An Envoy that cannot enforce anything must not serve anything.

use serde_json::json;
use tollgate_e2e::{Role, Stack, block_on};

#[test]
fn without_held_headers_nobody_is_served() {
    // The proof takes five seconds: both at once.
    block_on(async { tokio::join!(serves_nobody(Role::Static), serves_nobody(Role::Standalone)) });
}

async fn serves_nobody(role: Role) {
    let builder = Stack::builder().role(role).never_serves();
    let stack = builder.edit_bootstrap(without_held_headers).start().await;
    let (_, client) = stack.key(&json!({})).await;

    let mut answer = client.chat("gpt-4o", &json!({})).send().await;

    let error = answer.refused(500, "server_error", "internal_error").await;
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("allow_on_headers_stop_iteration"), "{message}");
    assert!(stack.demo().requests().is_empty());
    stack.stop().await;
}

fn without_held_headers(bootstrap: &str) -> String {
    let edited = bootstrap.replace("allow_on_headers_stop_iteration: true\n", "\n");
    assert_ne!(edited, bootstrap);
    edited
}
