//! Images, speech, transcripts and moderations, by the official clients and by forms of any size.

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tollgate_e2e::{Model, Provider, Role, Row, Stack, StandIn, block_on, node, python};

// proves: config.providers[].image_workflows
#[test]
fn the_python_client_is_served_and_billed_by_the_unit() {
    tell(Role::Xds, |environment| python("media.py", environment));
}

#[test]
fn the_python_client_is_served_and_billed_by_the_unit_in_role_standalone() {
    // One filter has one route, which no step can follow another on.
    tell(Role::Standalone, |environment| {
        python("media.py", &[environment, &[("ONE_STEP", "")]].concat())
    });
}

#[test]
fn the_node_client_is_served_and_billed_by_the_unit() {
    tell(Role::Xds, |environment| node("media.mjs", environment));
}

#[test]
fn a_form_of_200_megabytes_is_gathered_nowhere() {
    block_on(async {
        let stand_in = StandIn::start(CREDENTIAL, "").await;
        let stack = stack(Role::Xds, &stand_in).await;
        let (key, client) = stack.key(&json!({})).await;
        // The key is known, and every buffer has its size.
        let small = form("whisper", 9 << 20);
        assert_eq!(upload(&client, small).await.status(), 200);
        let body = form("whisper", 200 << 20);
        let sent = Sha256::digest(replaced(&body));
        let (before, memory) = (stack.envoy().resident_kib(), filter_memory(&stack).await);

        let peak = Peak::watch(&stack);
        let mut answer = upload(&client, body).await;
        let peak = peak.highest();

        assert_eq!(answer.status(), 200, "{}", answer.text().await);
        assert_eq!(answer.json().await["text"], hex::encode(sent));
        let (grown, wasm) = (peak.saturating_sub(before), filter_memory(&stack).await - memory);
        assert!(grown < 16 * 1024, "Envoy grew by {grown} KiB");
        assert!(wasm < 1 << 20, "the filter grew by {wasm} bytes");
        let rows = stack.rows(&key, 2).await;
        assert!(rows.iter().any(|row| units(row) == json!({ "audio_ms": 12_500 })));
        stack.stop().await;
        stand_in.stop().await;
    });
}

#[test]
fn a_long_file_before_its_model_is_refused_with_advice() {
    block_on(async {
        let stand_in = StandIn::start(CREDENTIAL, "").await;
        let stack = stack(Role::Xds, &stand_in).await;
        let (_, client) = stack.key(&json!({})).await;
        let mut body =
            b"--b\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\n".to_vec();
        body.resize(40 << 20, 0);

        let mut answer = client
            .call(hyper::Method::POST, "/v1/audio/transcriptions")
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body)
            .send()
            .await;

        assert_eq!(answer.status(), 413);
        let message = answer.json().await["error"]["message"].to_string();
        assert!(message.contains("Send the field 'model' before the file"), "{message}");
        stack.stop().await;
        stand_in.stop().await;
    });
}

fn tell(role: Role, run: impl FnOnce(&[(&str, &str)]) -> String) {
    block_on(async {
        let stand_in = StandIn::start(CREDENTIAL, "").await;
        let stack = stack(role, &stand_in).await;
        let (key, _) = stack.key(&json!({})).await;

        let base_url = format!("{}/v1", stack.gateway_url());
        let printed = run(&[("BASE_URL", &base_url), ("KEY", &key.secret)]);

        let expected: Vec<Value> = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        let rows = stack.rows(&key, expected.len()).await;
        let billed =
            rows.iter().map(|row| json!([row.text("call_type"), units(row), row.cost_nanos()]));
        assert_eq!(sorted(billed), sorted(expected));
        stack.stop().await;
        stand_in.stop().await;
    });
}

fn sorted(values: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    texts.sort();
    texts
}

/// The units of a row that are not 0.
fn units(row: &Row) -> Value {
    let units = row.json["metadata"]["units"].as_object().cloned().unwrap_or_default();
    units.into_iter().filter(|(_, count)| *count != 0).collect::<serde_json::Map<_, _>>().into()
}

async fn stack(role: Role, stand_in: &StandIn) -> Stack {
    let provider = Provider {
        credential: Some(CREDENTIAL.to_owned()),
        ..Provider::new("media", stand_in.url("/media/v1"))
    };
    let listed =
        |name: &str, target: &str| Model { price: None, ..Model::new(name, "media", target) };
    let variation =
        json!([{ "provider": "media", "model": "dall-e-2", "price": { "image": "0.02" } }]);
    let hears = |id: &str, dialect: &'static str, path: &str| Provider {
        credential: Some(CREDENTIAL.to_owned()),
        dialect: Some(dialect),
        ..Provider::new(id, stand_in.url(path))
    };
    let mut draws = Provider {
        credential: Some(CREDENTIAL.to_owned()),
        ..Provider::new("fireworks", stand_in.url("/fireworks/inference/v1"))
    };
    draws.fields.insert("image_workflows".into(), json!(true));
    let flux = json!([{ "provider": "fireworks", "model": "flux-1-schnell-fp8",
        "price": { "image": "0.0014" } }]);
    Stack::bare()
        .role(role)
        .provider(provider)
        .provider(draws)
        .provider(hears("deepgram", "deepgram", "/deepgram/v1"))
        .provider(hears("assemblyai", "assemblyai", "/assemblyai/v2"))
        .model(Model { price: None, ..Model::new("deepgram/nova-3", "deepgram", "nova-3") })
        .model(Model { price: None, ..Model::new("assemblyai/best", "assemblyai", "best") })
        .model(listed("picture", "gpt-image-1"))
        .model(listed("variation", "dall-e-2").with("targets", variation))
        .model(Model::new("flux", "fireworks", "flux-1-schnell-fp8").with("targets", flux))
        .model(listed("voice", "tts-1"))
        .model(listed("whisper", "whisper-1"))
        .model(listed("scribe", "gpt-4o-transcribe"))
        .model(listed("omni-moderation-latest", "omni-moderation-latest"))
        .start()
        .await
}

/// A form that names its model before a file of so many bytes.
fn form(model: &str, bytes: usize) -> Bytes {
    let mut body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n"
    )
    .into_bytes();
    // Not random, but with all that could be taken for a boundary.
    let noise = (0..bytes).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[2]);
    body.extend(noise);
    body.extend(b"\r\n--b--\r\n");
    body.into()
}

/// The form as the provider gets it.
fn replaced(body: &[u8]) -> Vec<u8> {
    let at = body.windows(7).position(|window| window == b"whisper").unwrap() + 7;
    [&body[..at], b"-1", &body[at..]].concat()
}

async fn upload(client: &tollgate_e2e::Client, body: Bytes) -> tollgate_e2e::Answer {
    client
        .call(hyper::Method::POST, "/v1/audio/transcriptions")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(body)
        .send()
        .await
}

async fn filter_memory(stack: &Stack) -> u64 {
    let text = stack.envoy().admin().get("/stats/prometheus").send().await.text().await;
    let line = text.lines().find_map(|line| line.strip_prefix("tollgate_vm_memory_bytes{} "));
    line.unwrap().trim().parse().unwrap()
}

/// Looks how much memory Envoy has, again and again.
struct Peak {
    over: std::sync::mpsc::Sender<()>,
    watch: std::thread::JoinHandle<u64>,
}

impl Peak {
    fn watch(stack: &Stack) -> Self {
        let status = stack.envoy().status_file();
        let (over, ended) = std::sync::mpsc::channel();
        let pause = std::time::Duration::from_millis(5);
        let watch = std::thread::spawn(move || {
            let mut most = 0;
            while ended.recv_timeout(pause).is_err() {
                most = tollgate_e2e::resident_kib(&status).max(most);
            }
            most
        });
        Self { over, watch }
    }

    fn highest(self) -> u64 {
        self.over.send(()).unwrap();
        self.watch.join().unwrap()
    }
}

const CREDENTIAL: &str = "the-providers-secret";
