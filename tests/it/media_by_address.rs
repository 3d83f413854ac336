//! Images that requests name by address, for providers that want the bytes.

use serde_json::{Value, json};
use tollgate_e2e::simulator::{Replay, Settings, Simulator};
use tollgate_e2e::{Answer, Builder, Client, Model, Stack};

use crate::stacks::for_each_role;

/// A gateway with a model of Ollama's and one of Gemini's.
fn builder(media_fetch: Value) -> Builder {
    Stack::bare()
        .simulator("llama")
        .with("dialect", "ollama")
        .simulator("google")
        .with("dialect", "gemini")
        .model(Model::new("llava", "llama", "llava"))
        .model(Model::new("gemini", "google", "gemini-2"))
        .section("media_fetch", media_fetch)
}

async fn web() -> Simulator {
    Simulator::start(Settings::default()).await.unwrap()
}

fn page(mime: &'static str, content: Vec<u8>) -> Replay {
    Replay::whole(200, content).header("content-type", mime)
}

/// The least that is known for a picture, and this many bytes more.
fn picture(more: usize) -> Vec<u8> {
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    picture.resize(picture.len() + more, b'x');
    picture
}

/// What the provider says to a picture.
fn seen(model: &str) -> Replay {
    let body = if model == "llava" {
        json!({ "model": "llava", "message": { "role": "assistant", "content": "a cat" },
            "done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2 })
    } else {
        json!({ "candidates": [{ "index": 0, "finishReason": "STOP",
            "content": { "role": "model", "parts": [{ "text": "a cat" }] } }] })
    };
    Replay::whole(200, body.to_string()).header("content-type", "application/json")
}

async fn ask(client: &Client, model: &str, url: &str) -> Answer {
    let content = json!([
        { "type": "text", "text": "What is it?" },
        { "type": "image_url", "image_url": { "url": url } },
    ]);
    let messages = json!([{ "role": "user", "content": content }]);
    client.chat(model, &json!({ "messages": messages })).send().await
}

async fn refused(stack: &Stack, client: &Client, model: &str, url: &str) -> String {
    let mut answer = ask(client, model, url).await;
    let body = answer.json().await;
    assert_eq!(answer.status(), 400, "{body}");
    assert_eq!(body["error"]["type"], "invalid_request_error", "{body}");
    for provider in ["llama", "google"] {
        assert!(stack.simulator(provider).requests().is_empty(), "{model} {url}");
    }
    body["error"]["message"].as_str().unwrap().to_owned()
}

// proves: config.media_fetch.enabled
#[test]
fn a_provider_that_wants_bytes_gets_them() {
    for_each_role(&async |role| {
        let fetch = json!({ "enabled": true, "allow_http": true, "allow_private": true });
        let stack = builder(fetch).role(role).start().await;
        let (_, client) = stack.key(&json!({})).await;
        let web = web().await;
        let url = format!("http://{}/cat.png?v=1", web.address());
        for (model, provider, place) in [
            ("llava", "llama", "/messages/0/images/0"),
            ("gemini", "google", "/contents/0/parts/1/inlineData/data"),
        ] {
            for more in [1, 3 << 20] {
                web.replay(page("image/png", picture(more)));
                stack.simulator(provider).replay(seen(model));

                let mut answer = ask(&client, model, &url).await;

                let body = answer.json().await;
                assert_eq!(answer.status(), 200, "{body}");
                assert_eq!(body["choices"][0]["message"]["content"], "a cat");
                let sent = stack.simulator(provider).requests().pop().unwrap().json();
                let data = sent.pointer(place).unwrap().as_str().unwrap();
                assert!(data.starts_with("iVBORw0KGgp4"), "{model}");
                assert_eq!(data.len(), (8 + more).div_ceil(3) * 4);
            }
        }
        let fetched = web.requests();
        assert_eq!(fetched.len(), 4);
        assert_eq!(
            (&*fetched[0].target, fetched[0].header("authorization")),
            ("/cat.png?v=1", None)
        );
        stack.stop().await;
    });
}

// proves: config.media_fetch.{allow_http,allow_private,hosts}
#[test]
fn what_may_not_be_fetched_is_refused_and_nobody_is_asked() {
    for_each_role(&async |role| {
        let fetch = json!({ "enabled": true, "allow_http": true });
        let stack = builder(fetch).role(role).start().await;
        let (_, client) = stack.key(&json!({})).await;
        let web = web().await;
        let port = web.address().port();
        for host in ["127.0.0.1", "localhost", "[::1]", "2130706433"] {
            let url = format!("http://{host}:{port}/cat.png");
            for model in ["llava", "gemini"] {
                refused(&stack, &client, model, &url).await;
            }
        }
        for url in ["file:///etc/passwd", "/etc/passwd", "http://169.254.169.254/latest/meta-data"]
        {
            refused(&stack, &client, "llava", url).await;
        }
        assert!(web.requests().is_empty());
        stack.stop().await;
    });
}

// proves: config.media_fetch.{max_bytes,types}
#[test]
fn what_is_too_large_of_another_type_or_led_elsewhere_is_refused() {
    for_each_role(&async |role| {
        let fetch = json!({ "enabled": true, "allow_http": true, "allow_private": true,
            "max_bytes": 1000, "hosts": ["127.0.0.1"] });
        let stack = builder(fetch).role(role).start().await;
        let (_, client) = stack.key(&json!({})).await;
        let web = web().await;
        let url = format!("http://{}/cat.png", web.address());
        let elsewhere = url.replace("127.0.0.1", "localhost");
        let led = |to: &str| Replay::whole(302, Vec::new()).header("location", to.to_owned());
        let cases = [
            (page("image/png", picture(1000)), "less content"),
            (page("text/html", b"<html>secret".to_vec()), "of a type"),
            (page("image/png", b"<html>secret".to_vec()), "of a type"),
            (led(&elsewhere), "an address"),
            (led("http://169.254.169.254/latest/meta-data"), "an address"),
            (Replay::whole(404, "secret"), "an address"),
        ];
        let count = cases.len();
        for (answer, why) in cases {
            web.replay(answer);
            let message = refused(&stack, &client, "llava", &url).await;
            assert!(message.contains(why) && !message.contains("secret"), "{message}");
        }
        assert_eq!(web.requests().len(), count);
        stack.stop().await;
    });
}

#[test]
fn nothing_is_fetched_unless_it_is_configured() {
    for_each_role(&async |role| {
        let stack = builder(json!({})).role(role).start().await;
        let (_, client) = stack.key(&json!({})).await;
        let web = web().await;
        let url = format!("http://{}/cat.png", web.address());

        let message = refused(&stack, &client, "llava", &url).await;

        assert!(message.contains("media_fetch.enabled"), "{message}");
        stack.simulator("google").replay(seen("gemini"));
        assert_eq!(ask(&client, "gemini", &url).await.status(), 200);
        let sent = stack.simulator("google").requests().pop().unwrap().json();
        assert_eq!(sent["contents"][0]["parts"][1]["fileData"]["fileUri"], url);
        assert!(web.requests().is_empty());
        stack.stop().await;
    });
}
