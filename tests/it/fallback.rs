//! The fault matrix: each failure of the first provider, with each strategy, streamed and whole,
//! for clients of two dialects. The client gets one complete answer, and the ledger knows of each
//! attempt.

use serde_json::{Value, json};
use tollgate_e2e::simulator::{Fault, Replay, Request, Script, Simulator};
use tollgate_e2e::{Answer, Client, Model, Provider, Shared, Stack};

/// Providers that fail in their own ways, and one that serves.
static STACK: Shared = Shared::new(|| {
    let mut stack = Stack::bare().simulator("first").simulator("second");
    for provider in [REFUSED, UNRESOLVED] {
        stack = stack.provider(Provider::new(provider.0, provider.1));
    }
    for strategy in STRATEGIES {
        for first in ["first", REFUSED.0, UNRESOLVED.0] {
            stack = stack.model(model(&name(first, strategy), first, strategy));
        }
        let brief = model(&name(BRIEF, strategy), "first", strategy);
        stack = stack.model(brief.with("first_byte_timeout_seconds", PATIENCE_SECONDS));
    }
    // Who failed is tried again with the next request: each cell begins anew.
    let at_once = json!({
        "failures": 1000, "cooldown_ms": 1, "longest_cooldown_ms": 1, "refused_ms": 1,
    });
    stack.section("resilience", at_once)
});

const STRATEGIES: [&str; 9] = [
    "priority",
    "weighted",
    "round-robin",
    "random",
    "least-used",
    "least-cost",
    "least-latency",
    "usage-headroom",
    "sticky",
];

/// Nobody listens there.
const REFUSED: (&str, &str) = ("refused", "http://127.0.0.1:2/v1");
/// No resolver knows it (RFC 6761).
const UNRESOLVED: (&str, &str) = ("unresolved", "http://no-such-host.invalid/v1");

/// Begins the names of models whose targets have little time to their first content.
const BRIEF: &str = "brief";
const PATIENCE_SECONDS: f64 = 0.5;

fn model(name: &str, first: &str, strategy: &str) -> Model {
    let mut model = Model::new(name, first, "gpt-4o-mini").or("second");
    if let Some(second) = model.others.first_mut() {
        second["max_input_tokens"] = json!(1_000_000);
        second["weight"] = json!(1);
    }
    model.with("strategy", strategy)
}

fn name(first: &str, strategy: &str) -> String {
    format!("{first}-{strategy}")
}

/// What goes wrong with the first provider.
struct Failure {
    name: &'static str,
    /// Which of the first providers.
    provider: &'static str,
    /// How the names of the models begin that it comes first in.
    models: &'static str,
    /// Makes it go wrong.
    script: fn(&Simulator),
    /// Only in answers that are streamed, or only in others.
    streamed: Option<bool>,
}

fn of(name: &'static str, script: fn(&Simulator)) -> Failure {
    Failure { name, provider: "first", models: "first", script, streamed: None }
}

fn connections() -> Vec<Failure> {
    let nothing: fn(&Simulator) = |_| {};
    vec![
        Failure { provider: REFUSED.0, models: REFUSED.0, ..of("no connection", nothing) },
        Failure {
            provider: UNRESOLVED.0,
            models: UNRESOLVED.0,
            ..of("a name that does not resolve", nothing)
        },
        of("a connection that breaks before the answer", |it| {
            breaks(it, Fault::CloseBeforeHead);
        }),
        of("a connection that breaks after the head", |it| breaks(it, Fault::CloseAfterHead)),
        Failure { models: BRIEF, ..of("no answer in time", |it| breaks(it, Fault::Hang)) },
        of("no HTTP", |it| breaks(it, Fault::Garbage)),
        Failure {
            streamed: Some(false),
            ..of("half an answer", |it| breaks(it, Fault::CloseMidBody))
        },
    ]
}

fn statuses() -> Vec<Failure> {
    vec![
        of("408", |it| fails(it, 408)),
        of("429", |it| fails(it, 429)),
        of("500", |it| fails(it, 500)),
        of("503", |it| fails(it, 503)),
        of("529", |it| fails(it, 529)),
        of("401", |it| fails(it, 401)),
        of("402", |it| fails(it, 402)),
        of("403", |it| fails(it, 403)),
        of("no quota", |it| {
            says(
                it,
                429,
                r#"{"error":{"message":"You exceeded your current quota",
                "type":"insufficient_quota","code":"insufficient_quota"}}"#,
            );
        }),
        of("a prompt that is too long for it", |it| {
            says(
                it,
                400,
                r#"{"error":{"message":"This model's maximum context length is 10",
                "type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            );
        }),
    ]
}

fn answers() -> Vec<Failure> {
    vec![
        of("an answer without content", |it| {
            it.always(Script { tokens: Some(0), ..Script::default() });
        }),
        Failure {
            streamed: Some(false),
            ..of("200 with an error", |it| says(it, 200, r#"{"error":{"message":"overloaded"}}"#))
        },
        Failure {
            streamed: Some(true),
            ..of("a stream that begins with an error", |it| {
                let event = "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n";
                let replay =
                    || Replay::stream(200, event).header("content-type", "text/event-stream");
                (0..CALLS).for_each(|_| it.replay(replay()));
            })
        },
    ]
}

/// Requests of one cell: more than one, so that strategies that take turns fail too.
const CALLS: usize = 2;

fn fails(simulator: &Simulator, status: u16) {
    simulator.always(Script { status: Some(status), ..Script::default() });
}

fn breaks(simulator: &Simulator, fault: Fault) {
    simulator.always(Script { fault: Some(fault), ..Script::default() });
}

fn says(simulator: &Simulator, status: u16, body: &'static str) {
    let replay = || Replay::whole(status, body).header("content-type", "application/json");
    (0..CALLS).for_each(|_| simulator.replay(replay()));
}

#[derive(Debug, Clone, Copy)]
enum Dialect {
    OpenAi,
    Anthropic,
}

async fn ask(client: &Client, dialect: Dialect, model: &str, stream: bool, text: &str) -> Answer {
    let messages = json!([{ "role": "user", "content": text }]);
    match dialect {
        Dialect::OpenAi => {
            client.chat(model, &json!({ "stream": stream, "messages": messages })).send().await
        }
        Dialect::Anthropic => {
            let body = json!({ "model": model, "max_tokens": 100, "stream": stream, "messages": messages });
            client.post("/v1/messages", &body).send().await
        }
    }
}

/// Checks that an answer is one whole answer.
async fn check(answer: &mut Answer, dialect: Dialect, stream: bool, cell: &str) {
    assert_eq!(answer.status(), 200, "{cell}: {}", answer.text().await);
    let text = answer.text().await;
    let whole = || serde_json::from_str::<Value>(&text).unwrap();
    let times = |mark: &str| text.matches(mark).count();
    match (dialect, stream) {
        (Dialect::OpenAi, false) => {
            let choice = &whole()["choices"][0];
            assert_ne!(choice["message"]["content"], "", "{cell}: {text}");
            assert_eq!(choice["finish_reason"], "stop", "{cell}: {text}");
        }
        (Dialect::OpenAi, true) => {
            assert_eq!(times("\"role\":\"assistant\""), 1, "{cell}: {text}");
            assert_eq!(times("\"finish_reason\":\"stop\""), 1, "{cell}: {text}");
            assert!(text.ends_with("data: [DONE]\n\n"), "{cell}: {text}");
        }
        (Dialect::Anthropic, false) => {
            assert_ne!(whole()["content"][0]["text"], "", "{cell}: {text}");
            assert_eq!(whole()["stop_reason"], "end_turn", "{cell}: {text}");
        }
        (Dialect::Anthropic, true) => {
            assert_eq!(times("event: message_start"), 1, "{cell}: {text}");
            assert_eq!(times("event: message_stop"), 1, "{cell}: {text}");
            assert!(!text.contains("event: error"), "{cell}: {text}");
        }
    }
}

async fn cell(stack: &Stack, failure: &Failure, strategy: &str, dialect: Dialect, stream: bool) {
    let cell = format!("{}, {strategy}, {dialect:?}, stream: {stream}", failure.name);
    let (first, second) = (stack.simulator("first"), stack.simulator("second"));
    first.reset();
    second.reset();
    (failure.script)(first);
    let (key, client) = stack.key(&json!({})).await;
    let mut expected = Vec::new();
    let always = ["priority", "usage-headroom", "least-cost"].contains(&strategy);
    let calls = if always { 1 } else { CALLS };
    for call in 0..calls {
        let model = name(failure.models, strategy);
        let text = format!("{cell} {call}");
        let mut answer = ask(&client, dialect, &model, stream, &text).await;
        check(&mut answer, dialect, stream, &cell).await;
        let tried = answer.header("x-tollgate-attempts");
        if !tried.is_empty() {
            let named = format!("{}/gpt-4o-mini=", failure.provider);
            assert!(tried.starts_with(&named), "{cell}: {tried}");
            assert!(tried.ends_with("second/gpt-4o-mini=200"), "{cell}: {tried}");
            expected.push((failure.provider, "failure"));
        }
        expected.push(("second", "success"));
    }
    assert!(!always || expected.len() == 2 * calls, "{cell}: nothing was tried again");
    assert_eq!(second.requests().len(), calls, "{cell}");
    second.requests().iter().for_each(|request| check_request(request, &cell));
    let rows = stack.rows(&key, expected.len()).await;
    let mut found: Vec<_> =
        rows.iter().map(|row| (row.text("custom_llm_provider"), row.text("status"))).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{cell}");
}

/// A provider gets its own credential, and nothing of others or of ours.
fn check_request(request: &Request, cell: &str) {
    assert_eq!(request.header("authorization"), Some("Bearer provider-secret-of-second"), "{cell}");
    for (name, value) in &request.headers {
        let value = String::from_utf8_lossy(value);
        assert!(!value.contains("secret-of-first"), "{cell}: {name}");
        assert!(!name.to_lowercase().starts_with("x-tollgate"), "{cell}: {name}");
        assert!(!name.to_lowercase().starts_with("x-envoy"), "{cell}: {name}");
    }
}

async fn matrix(stack: &Stack, failures: &[Failure]) {
    for failure in failures {
        for stream in [false, true] {
            if failure.streamed.is_some_and(|only| only != stream) {
                continue;
            }
            for strategy in STRATEGIES {
                for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
                    cell(stack, failure, strategy, dialect, stream).await;
                }
            }
        }
    }
}

#[test]
fn a_provider_that_cannot_be_reached_is_replaced() {
    STACK.story(async |stack| matrix(stack, &connections()).await);
}

// proves: config.resilience.{cooldown_ms,longest_cooldown_ms}
#[test]
fn a_provider_that_answers_with_an_error_is_replaced() {
    STACK.story(async |stack| matrix(stack, &statuses()).await);
}

#[test]
fn a_provider_that_answers_nothing_is_replaced() {
    STACK.story(async |stack| matrix(stack, &answers()).await);
}
