//! A second host for the exchange: replays a recorded exchange and prints what it does.
//!
//! `cargo run -p tollgate-core --example replay < recording.jsonl` reads one JSON object a line, as
//! in the recordings that the tests use: `path`, `request`, `status`, `response_headers`,
//! `response`. Every model is known here, under its own name.
#![expect(clippy::print_stdout, reason = "an example prints")]
#![expect(clippy::indexing_slicing, reason = "a missing member of a JSON value is null")]

use std::io::{self, BufRead};
use std::rc::Rc;

use prost::Message;
use serde_json::Value;
use tollgate_core::exchange::{Exchange, Input};
use tollgate_core::gateway::Gateway;
use tollgate_core::headers::Headers;
use tollgate_core::key::KeyHash;
use tollgate_core::policy::access::KeyPolicy;
use tollgate_core::settings::Settings;
use tollgate_core::{outbox, sse};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

const SETTINGS: &[u8] = br#"{"role":"gateway","control_cluster":"none"}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in io::stdin().lock().lines() {
        replay(&serde_json::from_str(&line?)?)?;
    }
    Ok(())
}

fn replay(recorded: &Value) -> Result<(), String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let path = recorded["path"].as_str().and_then(|path| path.split("/v1").last());
    let request = text(&recorded["request"]);
    let mut gateway = gateway_for(recorded["request"]["model"].as_str().unwrap_or_default());
    let mut exchange = Exchange::new(1, Rc::new(Settings::parse(SETTINGS)?));
    let mut hand = |input: Input<'_>| {
        println!("{}", shown(&input));
        let flow = exchange.handle(input, &mut gateway, 0);
        while let Some(effect) = exchange.next_effect() {
            println!("    {effect:?}");
        }
        println!("    {flow:?}");
    };

    let path = format!("/v1{}", path.unwrap_or_default());
    let headers = [(":method", &b"POST"[..]), (":path", path.as_bytes()), ("x-api-key", b"sk-1")];
    hand(Input::RequestHeaders { headers: Headers(&headers), end: false });
    hand(Input::RequestBody(request.into_bytes()));
    hand(Input::AttemptHeaders { cluster: None });
    hand(Input::AttemptBody);
    let status = text(&recorded["status"]);
    let content_type = text(&recorded["response_headers"]["content-type"]);
    let status = status.split(' ').next().unwrap_or_default();
    let headers = [(":status", status.as_bytes()), ("content-type", content_type.as_bytes())];
    hand(Input::AttemptResponseHeaders { headers: Headers(&headers), end: false });
    let headers = Headers(&headers);
    hand(Input::ResponseHeaders { headers, from_upstream: true, end: false });
    let answer = text(&recorded["response"]).into_bytes();
    let mut events = sse::Parser::default();
    events.push(&answer, |piece| hand(Input::AttemptResponseBody { piece, end: false }));
    hand(Input::AttemptResponseBody { piece: events.rest(), end: true });
    hand(Input::Ended);

    let batch = gateway.outbox.next_batch(1).unwrap_or_default();
    let report = outbox::decode_batch(&batch.records).map_err(|error| error.to_string())?;
    println!("ledger: {:#?}", report.records);
    Ok(())
}

/// A gateway that knows one key and one model.
fn gateway_for(model: &str) -> Gateway {
    let mut gateway = Gateway::default();
    let provider = proto::Provider { id: "recorded".into(), ..proto::Provider::default() };
    let target = proto::Target {
        provider: "recorded".into(),
        model: model.into(),
        ..proto::Target::default()
    };
    let model =
        proto::Model { name: model.into(), targets: vec![target], ..proto::Model::default() };
    let snapshot = proto::Snapshot {
        revision: 1,
        providers: vec![provider],
        models: vec![model],
        ..proto::Snapshot::default()
    };
    let welcome = proto::Welcome { instance_id: vec![0; 16] };
    for event in [Event::Welcome(welcome), Event::Snapshot(snapshot)] {
        gateway.apply_update(&proto::Update { event: Some(event) }.encode_to_vec(), 0);
    }
    gateway.keys.answered(KeyHash::of(b"sk-1"), Some(Rc::new(KeyPolicy::default())), 1, 0);
    gateway
}

fn shown(input: &Input<'_>) -> String {
    let shown = format!("{input:?}");
    shown.chars().take(160).collect()
}
