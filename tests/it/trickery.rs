//! Requests that try to be read one way by the gateway and another way by the provider.

use hyper::Method;
use serde_json::json;
use tollgate_e2e::{Raw, on_every_role};

use crate::stacks::{EVERY_ROLE, EVERY_ROLE_STRICT};

#[test]
fn a_model_that_is_named_twice_is_judged_as_the_provider_reads_it() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({ "models": ["gpt-4o"] })).await;
        let bodies = [
            r#"{"model":"gpt-4o","messages":[],"model":"gpt-4o-mini"}"#,
            r#"{"model":"gpt-4o-mini","messages":[],"model":"gpt-4o"}"#,
            r#"{"model":"gpt-4o","messages":[],"mod\u0065l":"gpt-4o-mini"}"#,
            r#"{"\u006dodel":"gpt-4o-mini","messages":[],"model":"gpt-4o"}"#,
        ];
        for body in bodies {
            let call = client.call(Method::POST, "/v1/chat/completions").body(body);
            let status = call.send().await.status();

            assert!([200, 400, 403].contains(&status), "{body}: {status}");
            for request in stack.demo().requests() {
                let sent = String::from_utf8_lossy(&request.body).into_owned();
                assert!(!sent.contains("gpt-4o-mini"), "{body} became {sent}");
            }
        }
    });
}

#[test]
fn a_model_may_be_written_with_escapes() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({ "models": ["gpt-4o"] })).await;

        let allowed = r#"{"model":"gpt\u002d4o","messages":[]}"#;
        let call = client.call(Method::POST, "/v1/chat/completions").body(allowed);
        assert_eq!(call.send().await.status(), 200);
        let refused = r#"{"model":"gpt-4o\u002dmini","messages":[]}"#;
        let call = client.call(Method::POST, "/v1/chat/completions").body(refused);
        assert_eq!(call.send().await.status(), 403);
    });
}

#[test]
fn no_spelling_of_a_path_gets_around_the_gateway() {
    on_every_role(&EVERY_ROLE_STRICT, &async |stack| {
        let master = stack.master_key();
        let targets = [
            "/x/../key/list",
            "/v1/../key/list",
            "/v1/%2e%2e/key/list",
            "/key%2flist",
            "//key/list",
            "/%6bey/list",
            "/KEY/list",
            "/key/list;x",
            "/health/../key/list",
            "http://x/key/list",
            "*",
        ];
        for target in targets {
            let mut raw = Raw::connect(stack.envoy().gateway).await;
            raw.send(format!(
                "GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 authorization: Bearer {master}\r\n\r\n"
            ))
            .await;
            let answer = raw.read_answer().await;
            assert!(answer.starts_with("HTTP/1.1 4"), "{target}: {answer}");
        }
        assert!(stack.demo().requests().is_empty());
    });
}

#[test]
fn two_lengths_are_refused() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, _) = stack.key(&json!({})).await;
        let framings = [
            "content-length: 5\r\ncontent-length: 6\r\n",
            "content-length: 5\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: chunked, identity\r\n",
            "transfer-encoding : chunked\r\n",
        ];
        for framing in framings {
            let mut raw = Raw::connect(stack.envoy().gateway).await;
            raw.send(format!(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\n\
                 {framing}\r\n0\r\n\r\n",
                key.secret
            ))
            .await;
            raw.finish().await;
            let answer = raw.read_answer().await;
            assert!(!answer.starts_with("HTTP/1.1 2"), "{framing}: {answer}");
        }
        assert!(stack.demo().requests().is_empty());
    });
}
