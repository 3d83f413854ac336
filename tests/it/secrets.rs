//! Keys and credentials stand in no log and no dump.

use serde_json::json;
use tollgate_e2e::on_every_role;

use crate::stacks::{EVERY_ROLE, RENAMED};

#[test]
fn no_log_and_no_dump_shows_a_key_or_a_credential() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        let prompt = json!({ "messages": [{ "role": "user", "content": "a-secret-prompt" }] });

        assert_eq!(client.chat(RENAMED, &prompt).send().await.status(), 200);
        client.chat(RENAMED, &prompt).header("x-sim-status", "401").send().await;
        client.chat(RENAMED, &prompt).header("x-sim-fault", "garbage").send().await;
        stack.rows(&key, 3).await;

        let envoy = stack.envoy().admin();
        let dump = envoy.get("/config_dump?include_eds").send().await.text().await;
        let stats = envoy.get("/stats").send().await.text().await;
        let places = [
            ("Envoy's configuration", dump),
            ("Envoy's statistics", stats),
            ("Envoy's log", stack.envoy_log()),
            ("the control plane's log", stack.control_plane_log()),
        ];
        let secrets =
            [key.secret.as_str(), "provider-secret", stack.master_key(), "a-secret-prompt"];
        for (place, text) in places {
            for secret in secrets {
                assert!(!text.contains(secret), "{secret} stands in {place}");
            }
        }
    });
}

#[test]
fn keys_stand_in_no_answer_but_the_first() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, _) = stack.key(&json!({})).await;

        for path in ["/key/list?return_full_object=true&size=100", "/spend/keys", "/spend/logs"] {
            let text = stack.admin().get(path).send().await.text().await;
            assert!(!text.contains(&key.secret), "{path}");
            assert!(!text.contains("provider-secret"), "{path}");
        }
    });
}
