//! What a request costs: how often it crosses between Envoy and the VM. Deciding is a small part.

use std::fmt::Write as _;

use tollgate_proto::v1 as proto;

use super::fake_host::{Action, Crossing, Filter, Map};
use super::{ANSWER, CHAT, GATEWAY, STANDALONE, connected, resolve};

const UPSTREAM: &str = r#"{"role":"upstream"}"#;

/// As a client's SDK and Envoy together make them.
const REQUEST: &[(&str, &[u8])] = &[
    (":authority", b"gateway.example"),
    (":path", b"/v1/chat/completions"),
    (":method", b"POST"),
    (":scheme", b"http"),
    ("authorization", b"Bearer sk-1"),
    ("accept", b"application/json"),
    ("content-type", b"application/json"),
    ("user-agent", b"OpenAI/Python 3.54.0"),
    ("content-length", b"29"),
    ("x-forwarded-proto", b"http"),
];

const RESPONSE: &[(&str, &[u8])] = &[
    (":status", b"200"),
    ("content-type", b"application/json"),
    ("content-length", b"70"),
    ("date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
];

/// Makes a key known, and the role's first request: neither counts.
fn warm(filter: &Filter, root: u32) {
    let first = filter.open(root);
    filter.set(Map::Request, REQUEST);
    let _ = filter.request_headers(first, false);
    let _ = filter.request_body(first, CHAT, true);
    resolve(filter, Some(proto::KeyPolicy::default()));
    filter.close(first);
    filter.take_calls();
    filter.take_crossings();
}

/// Sends a request to its decision, as HTTP/1.1 does: the end comes by itself.
fn send(filter: &Filter, listener: u32) {
    filter.set(Map::Request, REQUEST);
    assert_eq!(filter.request_headers(listener, false), Action::Pause);
    assert_eq!(filter.request_body(listener, CHAT, false), Action::Pause);
    assert_eq!(filter.request_body(listener, CHAT, true), Action::Continue);
}

/// Renders who crossed how often, in order.
fn table(filter: &Filter, names: &[(u32, &str)]) -> String {
    let crossings = filter.take_crossings();
    let count = |wanted: fn(&Crossing) -> bool| {
        crossings.iter().filter(|(_, crossing)| wanted(crossing)).count()
    };
    let mut text = format!(
        "{} callbacks, {} host calls, {} allocations\n",
        count(|crossing| matches!(crossing, Crossing::Callback(_))),
        count(|crossing| matches!(crossing, Crossing::Host(_))),
        count(|crossing| matches!(crossing, Crossing::Malloc)),
    );
    for (context, crossing) in crossings {
        let name = names.iter().find(|(id, _)| *id == context).map_or("?", |(_, name)| name);
        let _ = match crossing {
            Crossing::Callback(callback) => write!(text, "\n{name} {callback}:"),
            Crossing::Host(function) => write!(text, " {function}"),
            Crossing::Malloc => write!(text, " (malloc)"),
        };
    }
    text + "\n"
}

#[test]
fn a_small_chat_crosses_no_more_often_than_it_must() {
    let (filter, root) = connected(GATEWAY);
    let upstream = filter.configure(UPSTREAM).unwrap();
    warm(&filter, root);

    let listener = filter.open(root);
    send(&filter, listener);
    filter.route_removes(&["x-tollgate-cluster", "x-forwarded-proto"]);
    let attempt = filter.open(upstream);
    assert_eq!(filter.request_headers(attempt, false), Action::Continue);
    assert_eq!(filter.request_body(attempt, CHAT, true), Action::Continue);
    filter.set(Map::Response, RESPONSE);
    assert_eq!(filter.response_headers(attempt, false), Action::Pause);
    filter.response_body(attempt, ANSWER, false);
    assert_eq!(filter.response_headers(listener, false), Action::Continue);
    filter.response_body(listener, ANSWER, false);
    filter.response_body(attempt, b"", true);
    filter.response_body(listener, b"", true);
    filter.close(attempt);
    filter.close(listener);

    insta::assert_snapshot!(table(&filter, &[(listener, "gateway"), (attempt, "upstream")]));
}

#[test]
fn the_role_that_does_both_crosses_no_more_often_than_it_must() {
    let (filter, root) = connected(STANDALONE);
    warm(&filter, root);

    let stream = filter.open(root);
    send(&filter, stream);
    filter.set(Map::Response, RESPONSE);
    filter.is_answered_by_upstream();
    assert_eq!(filter.response_headers(stream, false), Action::Pause);
    filter.response_body(stream, ANSWER, false);
    filter.response_body(stream, b"", true);
    filter.close(stream);

    insta::assert_snapshot!(table(&filter, &[(stream, "standalone")]));
}
