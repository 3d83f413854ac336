//! Requests and answers that no well-behaved program sends: no panic, no hang, a right answer.

use hyper::Method;
use serde_json::json;
use tollgate_e2e::{Client, Protocol, Raw, on_every_role};

use crate::stacks::{EVERY_ROLE, RENAMED, RENAMED_TARGET};

#[test]
fn header_values_that_are_not_text() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;

        let call = client.chat(RENAMED, &json!({})).header("x-odd", [0xff, 0xfe, b'a', 0x80]);
        let call = call.header("user-agent", [0xe9]).header("x-tollgate-odd", [0xff]);
        assert_eq!(call.send().await.status(), 200);
        let odd = stack.client().chat(RENAMED, &json!({})).header("x-api-key", [0xff, 0xfe]);
        odd.send().await.refused(401, "authentication_error", "invalid_api_key").await;

        let request = stack.demo().requests().remove(0);
        let odd = request.headers.iter().find(|(name, _)| name == "x-odd").unwrap();
        assert_eq!(odd.1.as_ref(), [0xff, 0xfe, b'a', 0x80]);
        still_serves(&client).await;
    });
}

#[test]
fn ten_thousand_headers() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let call = client.clone().protocol(protocol).chat(RENAMED, &json!({}));
            let call = (0..10_000).fold(call, |call, n| call.header(&format!("x-{n}"), "v"));

            // HTTP/2 may end the stream instead of answering it.
            let status = call.try_send().await.map_or(431, |answer| answer.status());

            assert!([400, 431].contains(&status), "{protocol:?}: {status}");
        }
        assert!(stack.demo().requests().is_empty());
        still_serves(&client).await;
    });
}

#[test]
fn a_body_of_thirty_megabytes() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        let text = "words and more words ".repeat(30_000_000 / 21);
        let body = |model: &str| {
            let text = json!(text);
            format!(
                "{{\"messages\":[{{\"role\":\"user\",\"content\":{text}}}],\"model\":\"{model}\"}}"
            )
        };

        let call = client.call(Method::POST, "/v1/chat/completions").body(body(RENAMED));
        let status = call.send().await.status();

        assert_eq!(status, 200);
        let sent = stack.demo().requests().remove(0).body;
        assert!(sent == body(RENAMED_TARGET).as_bytes(), "{} bytes arrived", sent.len());
        let counted = stack.demo().counts().completed_total();
        assert_eq!(stack.row(&key).await.tokens().0, counted.prompt);
    });
}

#[test]
fn an_answer_of_eight_megabytes() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        // A token of some five bytes becomes an event of some three hundred.
        for (stream, size) in [(false, 8_000_000), (true, 150_000)] {
            let (key, client) = stack.key(&json!({})).await;
            let call = client.chat(RENAMED, &json!({ "stream": stream }));
            let call = call.header("x-sim-size", size.to_string());
            let bytes = call.send().await.bytes().await;

            assert!(bytes.len() > 8_000_000, "{} bytes", bytes.len());
            let row = stack.row(&key).await;
            assert_eq!(row.usage_source(), "provider");
            stack.demo().reset();
        }
    });
}

#[test]
fn lengths_that_lie() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        let body = "{\"model\":\"gpt-4o\",\"messages\":[]}";
        let head = |length: usize| {
            format!(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
                 connection: close\r\ncontent-length: {length}\r\n\r\n",
                key.secret
            )
        };

        // More promised than sent: there is no whole request to answer.
        let mut raw = Raw::connect(stack.envoy().gateway).await;
        raw.send(head(body.len() + 10) + body).await;
        raw.finish().await;
        let answer = raw.read_answer().await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(stack.demo().requests().is_empty());

        // Less promised than sent: what was promised is no JSON, the rest no request.
        let mut raw = Raw::connect(stack.envoy().gateway).await;
        raw.send(head(body.len() - 4) + body).await;
        let answer = raw.read_answer().await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");

        for length in ["-1", "99999999999999999999", "1, 2", "x"] {
            let mut raw = Raw::connect(stack.envoy().gateway).await;
            raw.send(head(0).replace("content-length: 0", &format!("content-length: {length}")))
                .await;
            let answer = raw.read_answer().await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{length}: {answer}");
        }
        assert!(stack.demo().requests().is_empty());
        still_serves(&client).await;
    });
}

#[test]
fn answers_whose_length_lies() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        for lie in ["20", "-20"] {
            let (key, client) = stack.key(&json!({})).await;
            let call = client.chat(RENAMED, &json!({})).header("x-sim-length-lie", lie);
            if let Ok(mut answer) = call.try_send().await
                && lie == "20"
                && answer.status() == 200
            {
                assert!(answer.try_bytes().await.is_err(), "half an answer looks complete");
            }
            stack.row(&key).await;
            still_serves(&client).await;
        }
    });
}

#[test]
fn chunked_uploads_with_trailers() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let client = client.clone().protocol(protocol);
            let chunked = client.chat(RENAMED, &json!({ "x": "y".repeat(300) })).chunked(7);
            assert_eq!(chunked.send().await.status(), 200, "{protocol:?}");
            let trailed = client.chat(RENAMED, &json!({})).chunked(50).trailer("x-after", "1");
            assert_eq!(trailed.send().await.status(), 200, "{protocol:?}");
        }
        for request in stack.demo().requests() {
            assert_eq!(request.json()["model"], RENAMED_TARGET);
        }
        stack.rows(&key, 4).await;
    });
}

#[test]
fn answers_with_trailers() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        for (protocol, stream) in [
            (Protocol::Http1, false),
            (Protocol::Http1, true),
            (Protocol::Http2, false),
            (Protocol::Http2, true),
        ] {
            let (key, client) = stack.key(&json!({})).await;
            let call = client.protocol(protocol).chat(RENAMED, &json!({ "stream": stream }));
            let mut answer = call.header("x-sim-trailers", "true").send().await;

            let text = answer.text().await;

            assert!(text.contains(&format!("\"{RENAMED}\"")), "{text}");
            assert_eq!(stack.row(&key).await.usage_source(), "provider");
        }
    });
}

#[test]
fn compressed_answers_that_nobody_asked_for() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        for stream in [false, true] {
            let (key, client) = stack.key(&json!({})).await;
            let call = client.chat(RENAMED, &json!({ "stream": stream }));
            let mut answer = call.header("x-sim-gzip", "true").send().await;

            let encoding = answer.header("content-encoding").to_owned();
            let bytes = answer.bytes().await;
            let text = match encoding.as_str() {
                "gzip" => inflate(&bytes),
                _ => String::from_utf8(bytes.to_vec()).unwrap(),
            };
            assert!(text.contains(&format!("\"{RENAMED}\"")), "{text}");
            assert!(!text.contains(&format!("\"{RENAMED_TARGET}")), "{text}");
            // The provider has counted it when it is in the ledger, and may not have before.
            let row = stack.row(&key).await;
            let counted = stack.demo().counts().completed_total();
            assert_eq!((row.usage_source(), row.tokens().2), ("provider", counted.total()));
            stack.demo().reset();
        }
    });
}

#[test]
fn clients_that_speak_http2() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({})).await;
        let client = client.protocol(Protocol::Http2);

        let answer = client.chat(RENAMED, &json!({})).send().await.json().await;
        let (_, done) =
            client.chat(RENAMED, &json!({ "stream": true })).send().await.chunks().await;
        let mut refused = client.chat("gpt-17", &json!({})).send().await;

        assert_eq!(answer["model"], RENAMED);
        assert!(done);
        refused.refused(404, "invalid_request_error", "model_not_found").await;
        stack.rows(&key, 2).await;
    });
}

#[test]
fn methods_that_do_not_belong() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;

        let mut head = client.call(Method::HEAD, "/v1/models").send().await;
        assert_eq!(head.status(), 200);
        assert!(head.bytes().await.is_empty());
        let mut head = client.call(Method::HEAD, "/v1/chat/completions").send().await;
        assert_eq!(head.status(), 405);
        assert!(head.bytes().await.is_empty());
        let mut get = client.get("/v1/chat/completions").send().await;
        get.refused(405, "invalid_request_error", "method_not_allowed").await;
        assert!(stack.demo().requests().is_empty());
    });
}

#[test]
fn several_requests_on_one_connection() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, _) = stack.key(&json!({})).await;
        let body = "{\"model\":\"gpt-4o\",\"messages\":[]}";
        let request = |key: &str, close: &str| {
            let length = body.len();
            format!(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\n\
                 {close}content-length: {length}\r\n\r\n{body}"
            )
        };
        let mut raw = Raw::connect(stack.envoy().gateway).await;

        let all = [
            request(&key.secret, ""),
            request("sk-wrong", ""),
            request(&key.secret, "connection: close\r\n"),
        ];
        raw.send(all.concat()).await;
        let answers = raw.read_to_end().await;

        let heads = answers.split("HTTP/1.1 ").skip(1);
        let statuses: Vec<_> = heads.map(|head| head.split(' ').next().unwrap()).collect();
        assert_eq!(statuses, ["200", "401", "200"], "{answers}");
        assert_eq!(stack.demo().requests().len(), 2);
    });
}

async fn still_serves(client: &Client) {
    assert_eq!(client.chat("gpt-4o", &json!({})).send().await.status(), 200);
}

fn inflate(bytes: &[u8]) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes), &mut text).unwrap();
    text
}
