//! Images, speech and moderations, from the request to the record.

use tollgate_core::exchange::Flow;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::UsageSource;
use tollgate_proto::v1::update::Event;

use crate::configured::with_media;
use crate::driver::{GATEWAY, Host, counts};
use crate::scripts::refused;

const PICTURE: &str = r#"{"model":"picture","prompt":"a cat","n":2}"#;
const SPOKEN: &str = r#"{"model":"voice","input":"Grüße","voice":"alloy"}"#;
const JSON: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/json")];

pub(crate) fn open() -> Host {
    serving(proto::KeyPolicy::default())
}

fn serving(policy: proto::KeyPolicy) -> Host {
    let mut host = Host::knowing(GATEWAY, policy);
    host.update(Event::Snapshot(proto::Snapshot { revision: 2, ..with_media() }));
    host
}

pub(crate) fn only_record(host: &mut Host) -> proto::UsageRecord {
    let mut records = host.records();
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[test]
fn images_are_billed_by_the_tokens_that_the_provider_counts() {
    let mut host = open();
    let mut run = host.begin();
    let body = r#"{"model":"tokens/picture","prompt":"a cat"}"#;

    assert_eq!(run.client_sends("/v1/images/generations", &[], body), Flow::Continue);
    run.reaches_provider();
    let (path, sent) = run.sent();
    assert_eq!((path, &sent["model"]), ("/v1/images/generations", &"gpt-image-1".into()));
    let answer = br#"{"created":1,"data":[{"b64_json":"QQ=="}],"usage":{"input_tokens":10,
        "output_tokens":272,"total_tokens":282,"input_tokens_details":{"text_tokens":10,
        "image_tokens":0}}}"#;
    run.provider_answers(&JSON, answer, 7);
    assert_eq!(run.answer.body, answer);
    run.ends();

    let record = only_record(&mut host);
    assert_eq!(record.endpoint(), proto::Endpoint::ImagesGenerations);
    assert_eq!(counts(&record), [("input", 10), ("output", 272), ("total", 282)].into());
    assert_eq!(record.usage_source(), UsageSource::Provider);
    let units = record.units.unwrap();
    assert_eq!((units.images, units.image_output_tokens), (1, 272));
    assert_eq!(record.cost_nanos, 10 * 5_000 + 272 * 40_000);
}

#[test]
fn images_are_billed_apiece_where_that_is_the_price() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/images/generations", &[], PICTURE);
    run.reaches_provider();
    run.provider_answers(&JSON, br#"{"data":[{"url":"a"},{"url":"b"}]}"#, 3);
    run.ends();

    let record = only_record(&mut host);
    assert_eq!(record.units.unwrap().images, 2);
    assert_eq!(record.usage_source(), UsageSource::Counted);
    assert_eq!(record.cost_nanos, 2 * 20_000_000);
}

#[test]
fn images_that_did_not_all_come_are_billed_as_they_were_asked_for() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/images/generations", &[], PICTURE);
    run.reaches_provider();
    run.provider_begins(&JSON);
    run.provider_sends(br#"{"data":[{"url":"a"},"#, false);
    run.ends();

    let record = only_record(&mut host);
    assert!(record.aborted);
    assert_eq!(record.usage_source(), UsageSource::Estimated);
    assert_eq!(record.cost_nanos, 2 * 20_000_000);
}

#[test]
fn a_stream_of_images_passes_as_it_comes() {
    let mut host = open();
    let mut run = host.begin();
    let body = r#"{"model":"tokens/picture","prompt":"a cat","stream":true,"partial_images":1}"#;
    let _ = run.client_sends("/v1/images/generations", &[], body);
    run.reaches_provider();
    assert_eq!(run.sent().1["stream_options"], serde_json::Value::Null);
    let stream = b"event: image_generation.partial_image\ndata: {\"type\":\
        \"image_generation.partial_image\",\"b64_json\":\"AAAA\"}\n\nevent: \
        image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"usage\":\
        {\"input_tokens\":9,\"output_tokens\":372,\"total_tokens\":381}}\n\n";
    run.provider_answers(&[(":status", "200"), ("content-type", "text/event-stream")], stream, 11);
    assert_eq!(run.answer.body, stream);
    run.ends();

    let record = only_record(&mut host);
    assert!(record.streamed && !record.aborted);
    assert_eq!(record.units.unwrap().images, 1);
    assert_eq!(record.cost_nanos, 9 * 5_000 + 372 * 40_000);
}

#[test]
fn speech_is_billed_by_the_character_and_passes_untouched() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/audio/speech", &[], SPOKEN);
    run.reaches_provider();
    let headers = [(":status", "200"), ("content-type", "audio/mpeg"), ("content-length", "5")];
    run.provider_answers(&headers, b"\xff\xfb\0\x01\x02", 2);
    assert_eq!(run.answer.body, b"\xff\xfb\0\x01\x02");
    assert_eq!(run.answer.header("content-length"), Some("5"));
    run.ends();

    let record = only_record(&mut host);
    assert_eq!(record.units.unwrap().characters, 5);
    assert_eq!(record.usage_source(), UsageSource::Counted);
    assert_eq!(record.cost_nanos, 5 * 15_000);
}

#[test]
fn moderations_need_no_model_where_openais_own_is_configured() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/moderations", &[], r#"{"input":"hello"}"#);
    run.reaches_provider();
    assert_eq!(run.sent().1["model"], "omni-moderation-real");
    run.provider_answers(&JSON, br#"{"id":"modr-1","model":"omni-moderation-real"}"#, 9);
    assert_eq!(run.answer.text(), r#"{"id":"modr-1","model":"omni-moderation-latest"}"#);
    run.ends();

    let record = only_record(&mut host);
    assert_eq!(record.provider_response_id.as_deref(), Some("modr-1"));
    assert_eq!(record.tokens.unwrap().output, 0);
}

#[test]
fn a_model_that_was_not_named_is_sent_where_it_is_called_the_same() {
    let mut host = open();
    let mut run = host.begin();
    let call = "/v1/engines/same/completions";
    let _ = run.client_sends(call, &[], r#"{"prompt":"hi"}"#);
    run.reaches_provider();

    assert_eq!(run.sent().1["model"], "same");
}

#[test]
fn an_error_costs_nothing() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/audio/speech", &[], SPOKEN);
    run.reaches_provider();
    let error = br#"{"error":{"message":"no","type":"x","code":"bad_voice"}}"#;
    run.provider_answers(&[(":status", "400"), ("content-type", "application/json")], error, 9);
    run.ends();

    let record = only_record(&mut host);
    assert_eq!((record.cost_nanos, record.units), (0, None));
    assert_eq!(record.error_code.as_deref(), Some("bad_voice"));
}

#[test]
fn a_hard_budget_refuses_what_could_exceed_it() {
    let meter = proto::Meter {
        id: 1,
        scope: proto::Scope::Key.into(),
        dimension: proto::Dimension::Money.into(),
        limit: 39_999_999,
        ..proto::Meter::default()
    };
    let policy = proto::KeyPolicy { meters: vec![meter], ..proto::KeyPolicy::default() };
    let mut host = serving(policy);
    let mut run = host.begin();

    let flow = run.client_sends("/v1/images/generations", &[], PICTURE);

    assert_eq!(flow, Flow::Pause);
    assert!(run.reply.is_none(), "two images for two cents each wait for a lease of four cents");
}

#[test]
fn a_provider_without_the_endpoint_is_not_asked() {
    let mut host = open();
    for model in ["claude", "gemini"] {
        let mut run = host.begin();
        let body = PICTURE.replace("picture", model);
        let _ = run.client_sends("/v1/images/generations", &[], &body);
        refused(&run, 400, "invalid_request_error", "unsupported_endpoint");
    }
}

#[test]
fn what_an_endpoint_needs_is_asked_for() {
    let mut host = open();
    for (path, body) in [
        ("/v1/images/generations", r#"{"model":"picture"}"#),
        ("/v1/audio/speech", r#"{"model":"voice"}"#),
        ("/v1/moderations", r#"{"model":"gpt"}"#),
    ] {
        let mut run = host.begin();
        let _ = run.client_sends(path, &[], body);
        refused(&run, 400, "invalid_request_error", "missing_field");
    }
}

#[test]
fn the_first_api_names_the_model_in_the_path() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends("/v1/engines/plain%2Fm/completions", &[], r#"{"prompt":"hi"}"#);
    run.reaches_provider();
    let (path, sent) = run.sent();
    assert_eq!((path, &sent["model"]), ("/v1/completions", &"m".into()));

    let mut run = host.begin();
    let _ = run.client_sends("/engines/gpt", &[], "");
    let shown = run.reply.unwrap().body;
    assert_eq!(shown, br#"{"id":"gpt","object":"engine","owner":"openai","ready":true}"#);
}
