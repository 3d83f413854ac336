//! The grown-up database.

use serde_json::json;
use tollgate_e2e::{Database, Stack, block_on, nanos};

#[test]
fn postgres_keeps_keys_and_ledger_over_a_crash() {
    block_on(async {
        let mut stack = Stack::builder().database(Database::Postgres).start().await;
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
