//! Forms with files: held when they are short, flowing when they are not.

use tollgate_core::exchange::{Flow, Input};
use tollgate_core::headers::Headers;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::UsageSource;

use crate::driver::{Host, KEY, Run};
use crate::media::{only_record, open};
use crate::scripts::refused;

const PATH: &str = "/v1/audio/transcriptions";
const KIND: &str = "multipart/form-data; boundary=x";
const JSON: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/json")];

fn part(name: &str, value: &str) -> String {
    format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(bytes: usize) -> String {
    part("file\"; filename=\"a.mp3", &"a".repeat(bytes))
}

fn form(parts: &[String]) -> String {
    format!("{}--x--\r\n", parts.concat())
}

/// The client's headers arrive.
fn begins(run: &mut Run<'_>, length: Option<usize>) -> Flow {
    let auth = format!("Bearer {KEY}");
    let length = length.map(|length| length.to_string());
    let mut headers = vec![
        (":method", "POST"),
        (":path", PATH),
        ("authorization", &auth),
        ("content-type", KIND),
    ];
    headers.extend(length.as_deref().map(|length| ("content-length", length)));
    let pairs: Vec<(&str, &[u8])> = headers.iter().map(|(k, v)| (*k, v.as_bytes())).collect();
    run.request.headers =
        headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    run.hand(Input::RequestHeaders { headers: Headers(&pairs), end: false })
}

/// Pieces of the body arrive until they are not held any more. Returns what was held.
fn flows(run: &mut Run<'_>, body: &str, size: usize) -> usize {
    let mut held = 0;
    for piece in body.as_bytes().chunks(size) {
        held += piece.len();
        run.request.body = body.as_bytes()[..held].to_vec();
        let flow = run.hand(Input::RequestPiece { piece, held: held as u64 });
        if flow == Flow::Continue || run.reply.is_some() {
            break;
        }
    }
    held
}

#[test]
fn a_long_form_flows_when_its_file_begins() {
    let body = form(&[part("language", "de"), part("model", "whisper"), file(600_000)]);
    for size in [1, 7, 100, 4_000] {
        let mut host = open();
        let mut run = host.begin();
        assert_eq!(begins(&mut run, Some(body.len())), Flow::Pause);
        assert!(run.exchange.reads_pieces());

        let held = flows(&mut run, &body, size);

        assert!(held < 5_000, "{held} held");
        assert!(run.exchange.reads_pieces(), "what follows is watched");
        let expected = body[..held].replace("whisper", "whisper-1");
        assert_eq!(run.request.text(), expected);
        let length = (body.len() + 2).to_string();
        assert_eq!(run.request.header("content-length"), Some(&*length));
        assert_eq!(run.request.header("x-envoy-retry-on"), None);
        for piece in body.as_bytes()[held..].chunks(10_000) {
            let flow = run.hand(Input::RequestPiece { piece, held: piece.len() as u64 });
            assert_eq!(flow, Flow::Continue);
        }
        run.request.body = expected.clone().into_bytes();
        run.reaches_provider();
        assert_eq!(run.request.text(), expected, "nothing is replaced any more");
        assert_eq!(run.request.header(":path"), Some(PATH));
        run.provider_answers(&JSON, br#"{"text":"hi"}"#, 5);
        run.ends();

        let record = only_record(&mut host);
        assert_eq!(record.endpoint(), proto::Endpoint::Transcriptions);
        assert_eq!(record.usage_source(), UsageSource::Estimated);
        // 16,000 bytes a second is what most mp3 has.
        assert_eq!(record.units.unwrap().audio_ms, 37_500);
        assert_eq!(record.cost_nanos, 3_750_000);
    }
}

#[test]
fn a_form_waits_for_its_key_and_goes_on() {
    let body = form(&[part("model", "whisper"), file(600_000)]);
    let mut host = Host::new(crate::driver::GATEWAY);
    host.update(proto::update::Event::Snapshot(crate::configured::with_media()));
    let mut run = host.begin();
    let _ = begins(&mut run, Some(body.len()));
    run.request.body = body.as_bytes()[..900].to_vec();

    let flow = run.hand(Input::RequestPiece { piece: &body.as_bytes()[..900], held: 900 });
    assert_eq!((flow, run.resumed), (Flow::Pause, 0));
    assert!(run.exchange.holds_body() && !run.exchange.awaits_whole_body());
    let policy = Some(proto::KeyPolicy::default());
    let _ = run.key_resolves(Ok(proto::ResolveKeyResponse { policy, revision: 1 }));

    assert_eq!(run.resumed, 1);
    assert_eq!(run.request.text(), body[..900].replace("whisper", "whisper-1"));
}

#[test]
fn a_second_model_cannot_follow_in_a_form_that_flows() {
    let body = form(&[part("model", "whisper"), file(600_000), part("model", "dear")]);
    let mut host = open();
    let mut run = host.begin();
    let _ = begins(&mut run, Some(body.len()));
    let held = flows(&mut run, &body, 1_000);

    let rest = &body.as_bytes()[held..];
    let _ = run.hand(Input::RequestPiece { piece: rest, held: rest.len() as u64 });

    refused(&run, 400, "invalid_request_error", "field_after_file");
}

#[test]
fn a_short_form_is_held_and_may_name_its_model_last() {
    let body = form(&[file(300), part("model", "whisper")]);
    let mut host = open();
    let mut run = host.begin();
    let _ = begins(&mut run, Some(body.len()));
    assert!(!run.exchange.reads_pieces() && run.exchange.awaits_whole_body());

    assert_eq!(run.hand(Input::RequestBody(body.clone().into_bytes())), Flow::Continue);
    run.reaches_provider();

    assert_eq!(
        run.request.text(),
        body.replace("\"whisper", "whisper").replace("whisper", "whisper-1")
    );
    run.provider_answers(&JSON, br#"{"text":"hi","usage":{"type":"duration","seconds":3}}"#, 9);
    run.ends();
    let record = only_record(&mut host);
    assert_eq!(record.usage_source(), UsageSource::Provider);
    assert_eq!((record.units.unwrap().audio_ms, record.cost_nanos), (3_000, 300_000));
}

#[test]
fn a_file_before_its_model_is_refused_where_it_cannot_be_held() {
    let body = form(&[file(700_000), part("model", "whisper")]);
    for length in [Some(body.len()), None] {
        let mut host = open();
        let mut run = host.begin();
        let _ = begins(&mut run, length);

        let held = flows(&mut run, &body, 500);

        assert!(held <= 1_500, "{held}");
        let reply = run.reply.as_ref().unwrap();
        let text = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!(reply.status, 413);
        if length.is_some() {
            assert!(text.contains("Send the field 'model' before the file"), "{text}");
        }
    }
}

#[test]
fn what_is_no_form_is_refused() {
    let mut host = open();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[("content-type", "application/json")], "{}");
    refused(&run, 400, "invalid_request_error", "invalid_field");

    let mut run = host.begin();
    let _ = begins(&mut run, Some(3));
    let _ = run.hand(Input::RequestBody(b"abc".to_vec()));
    refused(&run, 400, "invalid_request_error", "invalid_form");
}

#[test]
fn subtitles_say_how_long_the_sound_was() {
    let body = form(&[part("model", "whisper"), part("response_format", "srt"), file(10)]);
    let mut host = open();
    let mut run = host.begin();
    let _ = begins(&mut run, Some(body.len()));
    let _ = run.hand(Input::RequestBody(body.into_bytes()));
    run.reaches_provider();
    let srt = b"1\n00:00:00,000 --> 00:00:04,500\nHi\n\n";
    run.provider_answers(&[(":status", "200"), ("content-type", "text/plain")], srt, 4);
    run.ends();

    let record = only_record(&mut host);
    assert_eq!(record.usage_source(), UsageSource::Counted);
    assert_eq!(record.units.unwrap().audio_ms, 4_500);
}
