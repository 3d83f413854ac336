//! Who may call, by the address that Envoy knows.

use serde_json::{Value, json};
use tollgate_e2e::{Client, Role, Stack, block_on, eventually};

use crate::stacks::for_each_role;

// proves: config.server.gateway.{allowed_ips,denied_ips}
#[test]
fn a_client_cannot_talk_itself_in() {
    for_each_role(&async |role| {
        let allowed = json!(["192.0.2.0/24", "::ffff:127.0.0.0/104"]);
        let mut stack = Stack::builder().role(role).gateway("allowed_ips", allowed).start().await;
        let (_, client) = stack.key(&json!({})).await;
        assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);

        stack.reconfigure(|config| {
            config.gateway.insert("allowed_ips".to_owned(), json!(["192.0.2.0/24"]));
        });

        eventually("the new list holds", async || {
            let answer = client.chat("gpt-4o", &json!({})).send().await;
            (answer.status() == 403).then_some(())
        })
        .await;
        for claim in ["192.0.2.1", "127.0.0.1, 192.0.2.1", "192.0.2.1:80", "::ffff:192.0.2.1"] {
            let call = client.chat("gpt-4o", &json!({})).header("x-forwarded-for", claim);
            let call = call.header("x-real-ip", "192.0.2.1").header("forwarded", "for=192.0.2.1");
            let mut answer = call.send().await;
            answer.refused(403, "permission_error", "ip_not_allowed").await;
        }
        let mut answer = client.get("/health/liveliness").send().await;
        if role == Role::Xds {
            answer.refused(403, "permission_error", "ip_not_allowed").await;
        }
        stack.stop().await;
    });
}

// proves: config.server.gateway.trusted_hops
#[test]
fn the_word_of_a_trusted_proxy_is_taken() {
    block_on(async {
        let stack = Stack::builder()
            .gateway("trusted_hops", 1)
            .gateway("allowed_ips", json!(["192.0.2.0/24", "127.0.0.1"]))
            .gateway("denied_ips", json!(["192.0.2.66"]))
            .start()
            .await;
        let (_, client) = stack.key(&json!({})).await;
        let from = async |claim: &str| {
            let call = client.chat("gpt-4o", &json!({})).header("x-forwarded-for", claim);
            call.send().await.status()
        };

        assert_eq!(from("192.0.2.5").await, 200);
        assert_eq!(from("203.0.113.9, 192.0.2.5").await, 200);
        // What stands before the proxy's own entry is the client's claim.
        assert_eq!(from("192.0.2.5, 203.0.113.9").await, 403);
        assert_eq!(from("192.0.2.66").await, 403);
        stack.stop().await;
    });
}

// proves: key.metadata
#[test]
fn keys_and_teams_have_lists_of_their_own() {
    for_each_role(&async |role| {
        let stack = Stack::builder().role(role).start().await;
        let elsewhere = json!({ "allowed_ips": ["192.0.2.0/24"] });
        let team = json!({ "team_id": "far", "metadata": elsewhere });
        assert_eq!(stack.admin().post("/team/new", &team).send().await.status(), 200);
        let status =
            async |client: &Client| client.chat("gpt-4o", &json!({})).send().await.status();

        let (_, here) = stack.key(&json!({ "metadata": { "denied_ips": ["10.0.0.0/8"] } })).await;
        let (_, away) = stack.key(&json!({ "metadata": elsewhere })).await;
        let (_, of_team) = stack.key(&json!({ "team_id": "far" })).await;
        let (_, anybody) = stack.key(&json!({})).await;

        assert_eq!(status(&here).await, 200);
        assert_eq!(status(&away).await, 403);
        assert_eq!(status(&of_team).await, 403);
        assert_eq!(status(&anybody).await, 200);
        stack.stop().await;
    });
}

#[test]
fn lists_that_nobody_can_read_are_not_stored() {
    block_on(async {
        let stack = Stack::builder().start().await;
        let wrong: [Value; 4] =
            [json!("10.0.0.1"), json!(["10.0.0.0/33"]), json!([7]), json!(["example.com"])];
        for list in wrong {
            for path in ["/key/generate", "/team/new", "/user/new"] {
                let body = json!({ "metadata": { "allowed_ips": list } });
                let answer = stack.admin().post(path, &body).send().await;
                assert_eq!(answer.status(), 400, "{path} {list}");
            }
        }
        let body = json!({ "user_id": "c", "metadata": { "denied_ips": ["10.0.0.1"] } });
        let answer = stack.admin().post("/customer/new", &body).send().await;
        assert_eq!(answer.status(), 400, "nobody would enforce it");
        stack.stop().await;
    });
}
