//! The grown-up database.

use serde_json::json;
use tollgate_e2e::{Database, Stack, eventually, nanos};

use crate::stacks::for_each_role;

// proves: config.database.url
#[test]
fn postgres_keeps_keys_and_ledger_over_a_crash() {
    for_each_role(&async |role| {
        let mut stack = Stack::builder().role(role).database(Database::Postgres).start().await;
        let (key, client) = stack.key(&json!({ "models": ["gpt-4o"] })).await;
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
        let before = stack.row(&key).await;

        stack.kill_control_plane().await;
        stack.start_control_plane().await;

        let counted = stack.demo().counts().completed_total();
        let after = stack.row(&key).await;
        assert_eq!(after.json, before.json);
        assert_eq!(after.tokens().2, counted.total());
        let mut info = stack.admin().get(&format!("/key/info?key={}", key.secret)).send().await;
        assert_eq!(nanos(&info.json().await["info"]["spend"]), after.cost_nanos());
        stack.stop().await;
    });
}

#[test]
fn what_one_control_plane_changes_the_gateways_of_others_know() {
    for_each_role(&async |role| {
        let stack = Stack::builder().role(role).database(Database::Postgres).start().await;
        let (key, client) = stack.key(&json!({})).await;
        let (replica, admin) = stack.replica().await;
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);

        let block = admin.post("/key/block", &json!({ "key": key.secret })).send().await;
        assert_eq!(block.status(), 200);

        let mut answer = eventually("the key is refused", async || {
            let answer = client.chat("gpt-4o", &json!({})).send().await;
            (answer.status() != 200).then_some(answer)
        })
        .await;
        answer.refused(403, "permission_error", "key_blocked").await;
        replica.stop().await;
        stack.stop().await;
    });
}
