//! Which headers go on, and which never do.

use serde_json::json;
use tollgate_e2e::on_every_role;

use crate::stacks::{EVERY_ROLE, RENAMED};

#[test]
fn clients_cannot_smuggle_internal_headers() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let smuggled = [
            ("x-tollgate-cluster", "tollgate_admin"),
            ("X-Tollgate-Exchange", "1"),
            ("x-tollgate-anything", "x"),
            ("x-envoy-original-path", "/key/list"),
            ("x-envoy-upstream-rq-timeout-ms", "1"),
            ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
            ("x-envoy-retry-on", "5xx"),
            ("x-envoy-max-retries", "9"),
            ("x-envoy-internal", "true"),
            ("x-envoy-decorator-operation", "x"),
            ("x-envoy-force-trace", "true"),
        ];

        let call = client.chat(RENAMED, &json!({})).header("x-sim-delay-ms", "20");
        let call = smuggled.iter().fold(call, |call, (name, value)| call.header(name, value));
        let answer = call.send().await;

        assert_eq!(answer.status(), 200);
        let internal = |name: &str| name.starts_with("x-tollgate-") || name.starts_with("x-envoy-");
        let got = answer.headers().keys().map(hyper::header::HeaderName::as_str);
        assert_eq!(got.filter(|name| internal(name)).collect::<Vec<_>>(), [""; 0]);
        let request = stack.demo().requests().remove(0);
        let names = request.headers.iter().map(|(name, _)| name.to_lowercase());
        assert_eq!(names.filter(|name| internal(name)).collect::<Vec<_>>(), [""; 0]);
    });
}

#[test]
fn a_cluster_header_leads_nowhere() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let call = stack.client().get("/v1/nothing");
        let mut answer = call.header("x-tollgate-cluster", "tollgate_admin").send().await;

        answer.refused(404, "invalid_request_error", "not_found").await;
    });
}

#[test]
fn headers_of_the_client_and_of_the_provider_pass() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({})).header("x-of-the-client", "one");
        let call = call.header("x-of-the-client", "two").header("user-agent", "story/1");
        let answer = call.header("openai-beta", "assistants=v2").send().await;

        let request = stack.demo().requests().remove(0);
        let mine = request.headers.iter().filter(|(name, _)| name == "x-of-the-client");
        let mine: Vec<_> = mine.map(|(_, value)| String::from_utf8_lossy(value)).collect();
        assert_eq!(mine.join(","), "one,two");
        assert_eq!(request.header("user-agent"), Some("story/1"));
        assert_eq!(request.header("openai-beta"), Some("assistants=v2"));
        for private in ["accept-encoding", "x-forwarded-proto", "x-forwarded-for", "x-request-id"] {
            assert_eq!(request.header(private), None, "{private}");
        }
        assert_eq!(answer.header("openai-version"), "2020-10-01");
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "10000");
    });
}
