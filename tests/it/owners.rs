//! Limits of those whom keys and requests belong to, and of models, reach every request.

use serde_json::{Value, json};
use tollgate_e2e::{Call, Client, Role, Shared, Stack, eventually, on_every_role};

static BOTH_ROLES: Shared = Shared::new(Stack::builder);
static STANDALONE: Shared = Shared::new(|| Stack::builder().role(Role::Standalone));

/// Gateways of their own: that there are customers changes what filters ask for.
static EVERY_ROLE: [&Shared; 2] = [&BOTH_ROLES, &STANDALONE];

#[test]
fn keys_of_a_team_share_its_limit() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        made(stack, "/team/new", &json!({ "team_id": "three", "rpm_limit": 3 })).await;
        share_three(stack, &json!({ "team_id": "three" }), "team").await;
    });
}

#[test]
fn keys_of_a_member_share_the_limit_of_the_member() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        made(stack, "/team/new", &json!({ "team_id": "with-members" })).await;
        let member = json!({ "role": "user", "user_id": "of-three" });
        let member = json!({ "team_id": "with-members", "member": member, "rpm_limit": 3 });
        made(stack, "/team/member_add", &member).await;
        let owned = json!({ "team_id": "with-members", "user_id": "of-three" });
        share_three(stack, &owned, "team_member").await;
    });
}

#[test]
fn keys_of_a_user_share_its_limit() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let user = json!({ "user_id": "three", "rpm_limit": 3, "auto_create_key": false });
        made(stack, "/user/new", &user).await;
        share_three(stack, &json!({ "user_id": "three" }), "user").await;
    });
}

#[test]
fn teams_of_an_organisation_share_its_limit() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let organization =
            json!({ "organization_id": "o", "organization_alias": "o", "rpm_limit": 3 });
        made(stack, "/organization/new", &organization).await;
        made(stack, "/team/new", &json!({ "team_id": "of-o", "organization_id": "o" })).await;
        share_three(stack, &json!({ "team_id": "of-o" }), "organization").await;
    });
}

// proves: customer.blocked
#[test]
fn a_customer_is_limited_and_blocked_whatever_the_key_and_however_named() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let limited = json!({ "user_id": "customer", "max_parallel_requests": 0 });
        made(stack, "/customer/new", &limited).await;
        let (_, one) = stack.key(&json!({})).await;
        let (_, other) = stack.key(&json!({})).await;
        let in_body = |client| chat(client, &json!({ "user": "customer" }));
        let in_header = |client| {
            chat(client, &json!({ "user": "somebody else" }))
                .header("x-litellm-customer-id", "customer")
        };

        // The first customer there is makes filters ask for all of them.
        eventually_refused(&|| in_body(&one), "customer").await;
        for call in [in_body(&other), in_header(&one), in_header(&other)] {
            assert_eq!(outcome(call).await, refused("customer"));
        }
        assert_eq!(outcome(chat(&other, &json!({}))).await, SERVED);
        assert_eq!(outcome(chat(&other, &json!({ "user": "somebody else" }))).await, SERVED);

        made(stack, "/customer/block", &json!({ "user_ids": ["customer"] })).await;
        eventually("the customer is blocked", async || {
            (outcome(in_header(&one)).await.0 == 403).then_some(())
        })
        .await;
    });
}

#[test]
fn requests_with_a_tag_share_its_limit() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, tagged) = stack.key(&json!({ "tags": ["none"] })).await;
        let (_, plain) = stack.key(&json!({})).await;

        made(stack, "/tag/new", &json!({ "name": "none", "max_parallel_requests": 0 })).await;

        eventually_refused(&|| chat(&tagged, &json!({})), "tag").await;
        let of_the_request = json!({ "metadata": { "tags": ["none"] } });
        assert_eq!(outcome(chat(&plain, &of_the_request)).await, refused("tag"));
        assert_eq!(outcome(chat(&plain, &json!({}))).await, SERVED);
    });
}

#[test]
fn a_model_of_a_key_has_a_limit_of_its_own() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({ "model_rpm_limit": { MODEL: 2 } })).await;
        for _ in 0..2 {
            assert_eq!(outcome(chat(&client, &json!({}))).await, SERVED);
        }

        let mut answer = chat(&client, &json!({})).send().await;

        assert_eq!(answer.status(), 429);
        let error = answer.json().await;
        let limit = &error["error"]["limit"];
        assert_eq!((&limit["scope"], &limit["model"]), (&json!("key"), &json!(MODEL)));
        assert_eq!(outcome(client.chat("gpt-4o", &json!({}))).await, SERVED);
    });
}

/// Makes two keys that share a limit of three requests, and uses it up.
async fn share_three(stack: &Stack, fields: &Value, scope: &str) {
    let (_, one) = stack.key(fields).await;
    let (_, other) = stack.key(fields).await;

    for client in [&one, &other, &one] {
        assert_eq!(outcome(chat(client, &json!({}))).await, SERVED);
    }

    for client in [&one, &other] {
        assert_eq!(outcome(chat(client, &json!({}))).await, refused(scope));
    }
}

async fn made(stack: &Stack, path: &str, fields: &Value) {
    let mut answer = stack.admin().post(path, fields).send().await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await);
}

fn chat(client: &Client, body: &Value) -> Call {
    client.chat(MODEL, body)
}

/// Returns the status, and whose limit refuses.
async fn outcome(call: Call) -> (u16, Value) {
    let mut answer = call.send().await;
    (answer.status(), answer.json().await["error"]["limit"]["scope"].clone())
}

async fn eventually_refused(call: &impl Fn() -> Call, scope: &str) {
    let outcome = eventually("the limit is known", async || {
        let outcome = outcome(call()).await;
        (outcome != SERVED).then_some(outcome)
    });
    assert_eq!(outcome.await, refused(scope));
}

fn refused(scope: &str) -> (u16, Value) {
    (429, json!(scope))
}

const SERVED: (u16, Value) = (200, Value::Null);
const MODEL: &str = "gpt-4o-mini";
