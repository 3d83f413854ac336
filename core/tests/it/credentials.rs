//! Where a provider's credential stands in what reaches it.

use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::configured::snapshot;
use crate::driver::{GATEWAY, Host, Run, STANDALONE};
use crate::fallback::{JSON, answers};

const CHAT: &str = r#"{"model":"gpt","messages":[{"role":"user","content":"Hi"}]}"#;
const OWN: [&str; 5] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "x-litellm-api-key"];

/// A host whose `openai` wants its credential elsewhere.
fn host(settings: &str, change: impl FnOnce(&mut proto::Provider)) -> Host {
    let mut host = Host::knowing(settings, proto::KeyPolicy::default());
    let mut snapshot = snapshot();
    snapshot.revision += 1;
    change(&mut snapshot.providers[0]);
    host.update(Event::Snapshot(snapshot));
    host
}

fn reach<'a>(host: &'a mut Host, settings: &str, extra: &[(&str, &str)]) -> Run<'a> {
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", extra, CHAT);
    if settings != STANDALONE {
        run.reaches_provider();
    }
    run
}

/// The headers in which anything but `expected` stands that could be a credential.
fn check_none_but(run: &Run<'_>, expected: &[&str]) {
    let present: Vec<_> = run.request.headers.iter().map(|(name, _)| &**name).collect();
    let left = OWN.iter().filter(|name| present.contains(*name) && !expected.contains(name));
    assert_eq!(left.count(), 0, "{present:?}");
}

#[test]
fn a_configured_header_carries_it_as_it_is() {
    for settings in [GATEWAY, STANDALONE] {
        let mut host = host(settings, |it| it.credential_header = "X-Custom-Auth".into());

        let run =
            reach(&mut host, settings, &[("x-custom-auth", "mine"), ("api-key", "sk-test-key")]);

        assert_eq!(run.request.header("x-custom-auth"), Some("secret-of-openai"));
        check_none_but(&run, &[]);
    }
}

#[test]
fn the_authorization_header_can_carry_it_without_a_scheme() {
    let mut host = host(GATEWAY, |it| it.credential_header = "authorization".into());

    let run = reach(&mut host, GATEWAY, &[]);

    assert_eq!(run.request.header("authorization"), Some("secret-of-openai"));
}

#[test]
fn a_query_parameter_carries_it_encoded_and_no_header() {
    for settings in [GATEWAY, STANDALONE] {
        let mut host = host(settings, |it| {
            it.credential_query = "key".into();
            it.credential = Some("a b&c".into());
        });

        let run = reach(&mut host, settings, &[]);

        let path = run.request.header(":path");
        assert_eq!(path, Some("/v1/chat/completions?key=a%20b%26c"));
        check_none_but(&run, &[]);
    }
}

#[test]
fn a_provider_without_one_gets_none() {
    let mut host = host(GATEWAY, |it| it.credential = None);

    let run = reach(&mut host, GATEWAY, &[("x-goog-api-key", "sk-test-key")]);

    check_none_but(&run, &[]);
}

#[test]
fn what_one_provider_got_never_reaches_the_next() {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    let mut snapshot = snapshot();
    snapshot.revision += 1;
    let wants = [("x-first", ""), ("", "key"), ("authorization", "")];
    let providers = ["openai", "plain", "responses"];
    let mut targets = Vec::new();
    for ((entry, provider), (header, query)) in (0..).zip(providers).zip(wants) {
        let known = snapshot.providers.iter_mut().find(|it| it.id == provider).unwrap();
        known.credential_header = header.to_owned();
        known.credential_query = query.to_owned();
        let (provider, model) = (provider.to_owned(), "m".to_owned());
        targets.push(proto::Target { provider, model, entry, ..proto::Target::default() });
    }
    let name = "many".to_owned();
    snapshot.models.push(proto::Model { name, targets, ..proto::Model::default() });
    host.update(Event::Snapshot(snapshot));
    let mut run = host.begin();
    let _ = run.client_sends("/v1/chat/completions", &[], &CHAT.replace("gpt", "many"));

    let mut seen = Vec::new();
    for _ in providers {
        run.reaches_provider();
        let path = run.request.header(":path").unwrap();
        let headers = ["x-first", "authorization"].map(|name| run.request.header(name));
        let headers = headers.map(|value| value.map(str::to_owned));
        seen.push((path.split_once('?').map(|(_, query)| query.to_owned()), headers));
        answers(&mut run, "503", JSON, "{}");
    }

    let secret = |provider: &str| Some(format!("secret-of-{provider}"));
    let expected = [
        (None, [secret("openai"), None]),
        (Some("key=secret-of-plain".to_owned()), [None, None]),
        (None, [None, secret("responses")]),
    ];
    assert_eq!(seen, expected);
}
