//! Images and documents that requests name by address.

use prost::Message;
use serde_json::{Value, json};
use tollgate_core::exchange::{CallFailed, Flow, Input, Question};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::configured::snapshot;
use crate::driver::{GATEWAY, Host, Run, error_in};

const PATH: &str = "/v1/chat/completions";

/// A gateway whose model `llava` is Ollama's, `gemini` Gemini's and `gpt` OpenAI's own.
fn host(media_fetch: bool) -> Host {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    let mut snapshot = snapshot();
    snapshot.media_fetch = media_fetch;
    let ollama = proto::Provider {
        id: "ollama".into(),
        cluster: "tollgate/ollama".into(),
        dialect: proto::ProviderDialect::Ollama.into(),
        ..proto::Provider::default()
    };
    snapshot.providers.push(ollama);
    let mut model = snapshot.models[0].clone();
    model.name = "llava".into();
    model.targets[0].provider = "ollama".into();
    snapshot.models.push(model);
    host.update(Event::Snapshot(snapshot));
    host
}

fn asks(model: &str, urls: &[&str]) -> String {
    let images = urls.iter().map(|url| json!({"type": "image_url", "image_url": {"url": url}}));
    json!({"model": model, "messages": [{"role": "user", "content": images.collect::<Value>()}]})
        .to_string()
}

fn refused(run: &Run<'_>) -> (u16, String) {
    let reply = run.reply.as_ref().unwrap();
    (reply.status, error_in(&reply.body).1)
}

/// Answers the question for media, of which there is one for each address.
fn fetched(run: &mut Run<'_>, contents: &[&str]) -> Flow {
    let (question, _) = run.questions.remove(0);
    assert_eq!(question, Question::Fetch);
    let medium = |content: &&str| proto::Medium {
        mime: "image/png".into(),
        content: content.as_bytes().to_vec(),
    };
    let media = contents.iter().map(medium).collect();
    let answer = proto::FetchResponse { media, fault: 0 }.encode_to_vec();
    run.hand(Input::KeyResolved(Ok(&answer)))
}

#[test]
fn a_target_that_takes_no_addresses_gets_the_content() {
    let mut host = host(true);
    let mut run = host.begin();
    let body = asks("llava", &["https://h/b", "https://h/a", "https://h/b"]);
    assert_eq!(run.client_sends(PATH, &[], &body), Flow::Pause);
    let question = proto::FetchRequest::decode(&*run.questions[0].1).unwrap();
    assert_eq!(question.urls, ["https://h/a", "https://h/b"]);

    assert_eq!(fetched(&mut run, &["aaa", "bbb"]), Flow::Continue);

    assert!(run.questions.is_empty());
    run.reaches_provider();
    let sent: Value = serde_json::from_slice(&run.request.body).unwrap();
    assert_eq!(sent["messages"][0]["images"], json!(["YmJi", "YWFh", "YmJi"]));
    run.ends();
}

#[test]
fn gemini_gets_the_content_where_it_is_fetched_and_the_address_where_it_is_not() {
    for (fetches, part) in [
        (true, json!({"inlineData": {"mimeType": "image/png", "data": "YWFh"}})),
        (false, json!({"fileData": {"mimeType": "image/jpeg", "fileUri": "https://h/a"}})),
    ] {
        let mut host = host(fetches);
        let mut run = host.begin();
        let _ = run.client_sends(PATH, &[], &asks("gemini", &["https://h/a"]));
        if fetches {
            assert_eq!(fetched(&mut run, &["aaa"]), Flow::Continue);
        }
        run.reaches_provider();
        let sent: Value = serde_json::from_slice(&run.request.body).unwrap();
        assert_eq!(sent["contents"][0]["parts"][0], part);
        run.ends();
    }
}

#[test]
fn nothing_is_fetched_for_who_takes_addresses_or_has_none() {
    let mut host = host(true);
    let data = "data:image/png;base64,YWFh";
    for (model, url) in
        [("gpt", "https://h/a"), ("claude", "https://h/a"), ("llava", data), ("gemini", data)]
    {
        let mut run = host.begin();
        assert_eq!(run.client_sends(PATH, &[], &asks(model, &[url])), Flow::Continue, "{model}");
        assert!(run.questions.is_empty());
        run.ends();
    }
}

#[test]
fn what_is_not_fetched_is_refused_where_nobody_takes_the_address() {
    let cases = [(false, "https://h/a"), (true, "file:///etc/passwd"), (true, "/etc/passwd")];
    for (fetches, url) in cases {
        let mut host = host(fetches);
        let mut run = host.begin();
        let _ = run.client_sends(PATH, &[], &asks("llava", &[url]));
        assert!(run.questions.is_empty());
        assert_eq!(refused(&run), (400, "invalid_field".to_owned()), "{url}");
        let body = String::from_utf8_lossy(&run.reply.as_ref().unwrap().body).into_owned();
        assert_eq!(body.contains("media_fetch.enabled"), !fetches, "{body}");
        run.ends();
    }
    let mut host = host(true);
    let urls: Vec<String> = (0..17).map(|number| format!("https://h/{number}")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[], &asks("llava", &urls));
    assert_eq!(refused(&run).0, 400);
}

#[test]
fn what_cannot_be_fetched_is_the_clients_fault_and_a_lost_control_plane_is_ours() {
    for (fault, status) in [(1, 400), (2, 400), (3, 400)] {
        let mut host = host(true);
        let mut run = host.begin();
        let _ = run.client_sends(PATH, &[], &asks("llava", &["https://h/a"]));
        let answer = proto::FetchResponse { media: Vec::new(), fault }.encode_to_vec();
        let _ = run.hand(Input::KeyResolved(Ok(&answer)));
        assert_eq!(refused(&run).0, status);
        run.ends();
    }
    let mut host = host(true);
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[], &asks("llava", &["https://h/a"]));
    let _ = run.hand(Input::KeyResolved(Err(CallFailed(14))));
    assert_eq!(refused(&run), (503, "policy_unavailable".to_owned()));
    run.ends();
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[], &asks("llava", &["https://h/a", "https://h/b"]));
    let _ = fetched(&mut run, &["one is missing"]);
    assert_eq!(refused(&run).0, 500);
}
