//! Where the key may stand, and that no provider ever sees it.

use serde_json::json;
use tollgate_e2e::simulator::Request;
use tollgate_e2e::{Call, Model, Stack, on_every_role};

use crate::stacks::{EVERY_ROLE, for_each_role};

#[test]
fn the_first_header_in_order_counts_and_the_others_are_ignored() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, _) = stack.key(&json!({})).await;
        let real = key.secret.as_str();
        let cases: [&[(&str, String)]; 8] = [
            &[("authorization", format!("Bearer {real}"))],
            &[("authorization", format!("bearer {real}"))],
            &[("authorization", "Bearer dummy".to_owned()), ("x-api-key", real.to_owned())],
            &[("x-api-key", real.to_owned()), ("authorization", "Bearer dummy".to_owned())],
            &[("api-key", real.to_owned()), ("authorization", "Bearer sk-dummy".to_owned())],
            &[("x-goog-api-key", real.to_owned())],
            &[("x-litellm-api-key", format!("Bearer {real}")), ("x-api-key", "dummy".to_owned())],
            &[("x-litellm-api-key", real.to_owned()), ("authorization", "Basic eA==".to_owned())],
        ];
        for headers in cases {
            let call = stack.client().chat("gpt-4o", &json!({}));
            let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
            served(call, headers).await;
        }
        for path in ["/v1/chat/completions?key=", "/v1/chat/completions?a=b&key="] {
            let body = json!({ "model": "gpt-4o", "messages": [] });
            served(stack.client().post(&format!("{path}{real}"), &body), &[]).await;
        }

        let wrong = stack.client().chat("gpt-4o", &json!({}));
        let wrong = wrong.header("x-api-key", "sk-wrong");
        let wrong = wrong.header("authorization", format!("Bearer {real}"));
        assert_eq!(wrong.send().await.status(), 401);

        for request in stack.demo().requests() {
            assert_has_only_the_providers_credential(&request, real);
        }
        assert_eq!(stack.demo().requests().len(), cases.len() + 2);
    });
}

// proves: config.providers[].{credential,credential_header,credential_query}
// proves: config.providers[].accounts[].credential
#[test]
fn providers_get_their_credential_where_they_want_it_and_no_other() {
    for_each_role(&async |role| {
        let stack = Stack::bare()
            .simulator("header")
            .with("credential_header", "X-Own-Key")
            .simulator("query")
            .with("credential_query", "key")
            .model(Model::new("by-header", "header", "gpt-4o"))
            .model(Model::new("by-query", "query", "gpt-4o"))
            .role(role)
            .start()
            .await;
        let (key, client) = stack.key(&json!({})).await;
        // These simulators look for it elsewhere and refuse, but say what they got.
        for model in ["by-header", "by-query"] {
            let call = client.chat(model, &json!({})).header("x-own-key", "mine");
            call.header("api-key", &key.secret).send().await;
        }

        let by_header = stack.simulator("header").requests().remove(0);
        let by_query = stack.simulator("query").requests().remove(0);
        assert_eq!(by_header.header("x-own-key"), Some("provider-secret-of-header"));
        assert_eq!(by_header.target, "/v1/chat/completions");
        assert_eq!(by_query.target, "/v1/chat/completions?key=provider-secret-of-query");
        for request in [by_header, by_query] {
            assert_eq!((request.header("authorization"), request.header("api-key")), (None, None));
            assert!(!format!("{request:?}").contains(&*key.secret));
        }
        for log in [stack.envoy_log(), stack.control_plane_log()] {
            assert!(!log.contains("provider-secret"), "{log}");
        }
        stack.stop().await;
    });
}

async fn served(call: Call, described: &[(&str, String)]) {
    let mut answer = call.send().await;
    assert_eq!(answer.status(), 200, "{described:?}: {}", answer.text().await);
}

fn assert_has_only_the_providers_credential(request: &Request, client_key: &str) {
    let credentials = request
        .headers
        .iter()
        .filter(|(name, _)| name.contains("api-key") || name == "authorization")
        .map(|(name, value)| (name.as_str(), value.as_ref()));
    let expected = ("authorization", &b"Bearer provider-secret-of-demo"[..]);
    assert_eq!(credentials.collect::<Vec<_>>(), [expected]);
    assert_eq!(request.target, "/v1/chat/completions");
    let everything = format!("{request:?}");
    assert!(!everything.contains(client_key) && !everything.contains("dummy"), "{everything}");
}
