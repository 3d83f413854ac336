//! Providers, keys and models that come and go over REST while everything runs.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tollgate_e2e::simulator::Gate;
use tollgate_e2e::{Answer, Client, Provider, Stack, block_on, eventually};

// proves: connection.{apiKey,baseUrl,defaultModel}, node.{prefix,type,apiType,baseUrl}
/// The time is printed and not asserted: a busy machine must not fail the tests.
#[test]
fn a_provider_that_is_made_over_rest_serves_until_it_is_removed() {
    block_on(async {
        let mut stack = Stack::builder().workers(2).start().await;
        let (key, client) = stack.key(&json!({})).await;
        let (mut stream, gate) = held_stream(&stack, &client).await;
        let provider = stack.add_simulator("second").await;
        let admin = stack.admin();

        let began = Instant::now();
        let id = connect(&admin, &provider).await;
        let mut answer = first_answer(&client, "second/gpt-4o-mini").await;
        writeln!(
            std::io::stderr(),
            "provider, key and model by REST: served after {} ms",
            began.elapsed().as_millis()
        )
        .unwrap();

        assert_eq!(answer.json().await["model"], "second/gpt-4o-mini");
        let asked = stack.simulator("second").requests();
        let bearer = format!("Bearer {}", provider.credential.as_deref().unwrap());
        assert_eq!(asked[0].header("authorization"), Some(bearer.as_str()));
        let rows = stack.rows(&key, 1).await;
        assert_eq!(rows[0].text("custom_llm_provider"), "second");

        switched(&admin, &id, false).await;
        gone(&client, "second/gpt-4o-mini").await;
        switched(&admin, &id, true).await;
        first_answer(&client, "second/gpt-4o-mini").await;
        let path = format!("/api/providers/{id}");
        let removed = admin.call(hyper::Method::DELETE, &path).send().await;
        assert_eq!(removed.status(), 200);
        gone(&client, "second/gpt-4o-mini").await;

        gate.release();
        assert!(stream.chunks().await.1, "no connection was dropped");
        stack.stop().await;
    });
}

#[test]
fn what_was_made_over_rest_is_there_after_a_restart_and_no_secret_is_told() {
    block_on(async {
        let mut stack = Stack::builder().start().await;
        let (_, client) = stack.key(&json!({})).await;
        let provider = stack.add_simulator("second").await;
        let secret = provider.credential.clone().unwrap();
        let params = json!({
            "model": "openai/gpt-4o-mini", "api_base": provider.base_url, "api_key": secret,
        });
        let model = json!({ "model_name": "mine", "litellm_params": params });
        let mut made = stack.admin().post("/model/new", &model).send().await;
        assert_eq!(made.status(), 200);
        let made = made.text().await;
        first_answer(&client, "mine").await;

        stack.stop_control_plane().await;
        stack.start_control_plane().await;

        assert_eq!(client.chat("mine", &json!({})).send().await.status(), 200);
        // By way of the gateway, as people who know that address alone.
        let master = stack.client().key(stack.master_key());
        let info = master.get("/model/info").send().await.text().await;
        assert!(info.contains("\"mine\""), "{info}");
        for text in [made, info, stack.control_plane_log(), stack.envoy_log()] {
            assert!(!text.contains(&secret), "{text}");
        }
        stack.stop().await;
    });
}

// proves: alias.{alias,model}, combo.{name,models}
#[test]
fn an_alias_and_a_combo_that_are_made_over_rest_are_served() {
    block_on(async {
        let stack = Stack::builder().start().await;
        let (_, client) = stack.key(&json!({})).await;
        let admin = stack.admin();
        let combo = json!({
            "name": "chain", "strategy": "random", "models": ["gpt-4o", "demo/gpt-4o-mini"],
        });
        assert_eq!(admin.post("/api/combos", &combo).send().await.status(), 201);
        let alias = json!({ "alias": "fast", "model": "chain" });
        assert_eq!(admin.post("/api/models/alias", &alias).send().await.status(), 200);

        first_answer(&client, "fast").await;

        assert_eq!(client.chat("chain", &json!({})).send().await.status(), 200);
        stack.stop().await;
    });
}

// proves: config.providers[].proxy, connection.proxy
/// No test has a certificate that the system trusts, so what is asked of the proxy is all that is
/// seen.
#[test]
fn a_provider_behind_a_proxy_is_reached_by_a_tunnel() {
    block_on(async {
        let stack = Stack::builder().start().await;
        let (_, client) = stack.key(&json!({})).await;
        let proxy = Proxy::start().await;
        let admin = stack.admin();
        let id = connect(&admin, &Provider::new("far", "https://127.0.0.1:9/v1")).await;

        let path = format!("/api/providers/{id}");
        let body = json!({ "proxy": format!("http://{}", proxy.address) }).to_string();
        let mut changed = admin.call(hyper::Method::PUT, &path).body(body).send().await;
        assert_eq!(changed.status(), 200, "{}", changed.text().await);

        eventually("the proxy is used", async || {
            let answer = client.chat("far/gpt-4o-mini", &json!({})).send().await;
            assert_ne!(answer.status(), 200);
            (!proxy.heads().is_empty()).then_some(())
        })
        .await;
        assert_eq!(proxy.heads()[0], "CONNECT 127.0.0.1:9 HTTP/1.1");
        stack.stop().await;
    });
}

/// A proxy that refuses tunnels and remembers who wanted one.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = heads.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(refuse(stream, kept.clone()));
            }
        });
        Self { address, heads }
    }

    /// Returns the first line of each connection.
    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn refuse(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = vec![0; 16 << 10];
    let length = stream.read(&mut head).await.unwrap_or_default();
    head.truncate(length);
    let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    heads.lock().unwrap().push(line);
    // Whoever asked may have left.
    let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
}

/// Makes a provider with a key and a model, and returns the id of its connection.
async fn connect(admin: &Client, provider: &Provider) -> String {
    let node = json!({
        "name": provider.id, "prefix": provider.id, "apiType": "chat",
        "baseUrl": provider.base_url,
    });
    let mut made = admin.post("/api/provider-nodes", &node).send().await;
    assert_eq!(made.status(), 201, "{}", made.text().await);
    let node = made.json().await["node"]["id"].clone();
    let connection = json!({
        "provider": node, "name": "mine", "apiKey": provider.credential,
        "defaultModel": "gpt-4o-mini",
    });
    let mut made = admin.post("/api/providers", &connection).send().await;
    assert_eq!(made.status(), 201, "{}", made.text().await);
    let made: Value = made.json().await;
    made["connection"]["id"].as_str().unwrap().to_owned()
}

async fn switched(admin: &Client, id: &str, on: bool) {
    let path = format!("/api/providers/{id}");
    let body = json!({ "isActive": on }).to_string();
    let answer = admin.call(hyper::Method::PUT, &path).body(body).send().await;
    assert_eq!(answer.status(), 200);
}

/// Asks until a model is known, and returns the first answer, which must be good.
async fn first_answer(client: &Client, model: &str) -> Answer {
    let mut answer = eventually("the model is known", async || {
        let answer = client.chat(model, &json!({})).send().await;
        (answer.status() != 404).then_some(answer)
    })
    .await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await);
    answer
}

/// Asks until a model has nobody who serves it.
async fn gone(client: &Client, model: &str) {
    eventually("the model is gone", async || {
        let status = client.chat(model, &json!({})).send().await.status();
        (status != 200).then(|| assert_eq!(status, 404))
    })
    .await;
}

/// Begins a stream that its provider holds back in the middle.
async fn held_stream(stack: &Stack, client: &Client) -> (Answer, Gate) {
    let gate = stack.demo().gate("across-the-change");
    let stream = client.chat("gpt-4o", &json!({ "stream": true }));
    let mut stream = stream.header("x-sim-gate", "across-the-change@3").send().await;
    stream.event().await.unwrap();
    gate.reached_by(1).await;
    (stream, gate)
}
