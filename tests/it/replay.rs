//! Recorded exchanges with real providers, replayed through the gateway: the client gets the
//! recorded bytes with the model's name alone replaced, the ledger the recorded usage.

mod expected;

use std::collections::BTreeSet;
use std::io::Write as _;

use expected::Usage;
use serde_json::{Value, json};
use tollgate_e2e::simulator::{Replay, Script};
use tollgate_e2e::{Builder, Key, Model, Recording, Role, Stack, block_on, recordings};

#[test]
fn clients_get_the_recorded_bytes_and_the_ledger_the_recorded_usage() {
    replay_all(Role::Xds);
}

#[test]
fn the_same_in_role_standalone() {
    replay_all(Role::Standalone);
}

fn replay_all(role: Role) {
    let Some(all) = recordings() else {
        let _ = writeln!(std::io::stderr(), "replay skipped: TOLLGATE_RECORDINGS is not set");
        return;
    };
    let cases: Vec<Case> = all.into_iter().filter_map(Case::new).flat_map(Case::variants).collect();
    assert!(!cases.is_empty(), "the folder has no exchange with an OpenAI-compatible provider");
    block_on(async {
        let stack = builder(role, &cases).start().await;
        let mut failures = Vec::new();
        let mut played = Vec::new();
        for case in &cases {
            let (key, failure) = case.play(&stack).await;
            failures.extend(failure);
            played.push((case, key));
        }
        for (case, key) in played {
            failures.extend(case.check_ledger(&stack, &key).await);
        }
        let (failed, total) = (failures.len(), cases.len());
        assert!(failures.is_empty(), "{failed} of {total} fail:\n{}", failures.join("\n"));
        stack.stop().await;
    });
}

fn builder(role: Role, cases: &[Case]) -> Builder {
    let models: BTreeSet<&str> = cases.iter().map(|case| case.model.as_str()).collect();
    let start = Stack::bare().role(role).simulator("recorded");
    models.into_iter().fold(start, |builder, model| {
        builder.model(Model::new(&public_name(model), "recorded", model))
    })
}

fn public_name(model: &str) -> String {
    format!("as/{model}")
}

/// One exchange to replay.
struct Case {
    recording: Recording,
    /// What is being tried, for messages.
    variant: &'static str,
    endpoint: &'static str,
    model: String,
    request: Value,
    split: Option<usize>,
}

impl Case {
    /// Takes a recording. `None` when it is no exchange in the OpenAI dialect.
    fn new(recording: Recording) -> Option<Self> {
        let endpoint = ["/chat/completions", "/completions", "/embeddings"]
            .into_iter()
            .find(|end| recording.path.ends_with(end))?;
        let mut request = recording.request.clone();
        let model = match request.as_object_mut()?.get("model") {
            Some(model) => model.as_str()?.to_owned(),
            // Azure has it in the path.
            None => recording.path.split('/').rev().nth(2)?.to_owned(),
        };
        request["model"] = json!(public_name(&model));
        let variant = "as recorded";
        Some(Self { recording, variant, endpoint, model, request, split: None })
    }

    /// Returns this case and, for streams, the same cut at odd places and without the wish for
    /// usage.
    fn variants(self) -> Vec<Self> {
        if !self.is_stream() {
            return vec![self];
        }
        let cut = self.with("cut", |case| case.split = Some(11));
        let unasked = self.with("unasked", |case| {
            case.request.as_object_mut().unwrap().remove("stream_options");
        });
        vec![self, cut, unasked]
    }

    fn with(&self, variant: &'static str, change: impl FnOnce(&mut Self)) -> Self {
        let mut case = Self {
            recording: self.recording.clone(),
            variant,
            endpoint: self.endpoint,
            model: self.model.clone(),
            request: self.request.clone(),
            split: self.split,
        };
        change(&mut case);
        case
    }

    fn is_stream(&self) -> bool {
        self.recording.content_type.starts_with("text/event-stream")
    }

    fn wants_usage(&self) -> bool {
        self.request.pointer("/stream_options/include_usage") == Some(&json!(true))
    }

    /// Plays the exchange and compares what the client gets.
    async fn play(&self, stack: &Stack) -> (Key, Option<String>) {
        let simulator = stack.simulator("recorded");
        let Recording { status, response, content_type, .. } = &self.recording;
        let replay = if self.is_stream() {
            Replay::stream(*status, response.clone())
        } else {
            Replay::whole(*status, response.clone())
        };
        simulator.replay(replay.header("content-type", content_type.clone()));
        simulator.script(Script { split: self.split, ..Script::default() });
        let (key, client) = stack.key(&json!({})).await;

        let call = client.post(&format!("/v1{}", self.endpoint), &self.request);
        let mut answer = call.send().await;
        let got = answer.text().await;

        let expected = self.expected_bytes();
        let failure = if answer.status() != *status {
            Some(format!("{self}: status {} instead of {status}: {got}", answer.status()))
        } else if answer.header("content-type") != content_type {
            Some(format!("{self}: content-type {}", answer.header("content-type")))
        } else {
            expected::difference(&got, &expected).map(|text| format!("{self}: {text}"))
        };
        (key, failure)
    }

    fn expected_bytes(&self) -> String {
        let recorded = std::str::from_utf8(&self.recording.response).unwrap();
        let name = public_name(&self.model);
        if self.recording.status >= 400 {
            recorded.to_owned()
        } else if self.is_stream() {
            expected::stream(recorded, &name, self.wants_usage())
        } else {
            expected::json(recorded, &name)
        }
    }

    async fn check_ledger(&self, stack: &Stack, key: &Key) -> Option<String> {
        let row = stack.row(key).await;
        let recorded = std::str::from_utf8(&self.recording.response).unwrap();
        let usage = match self.recording.status {
            400.. => Usage::None,
            _ if self.is_stream() => expected::stream_usage(recorded),
            _ => expected::json_usage(recorded),
        };
        let right = match &usage {
            Usage::None => row.tokens() == (0, 0, 0) && row.usage_source() == "none",
            Usage::Missing => matches!(row.usage_source(), "counted" | "estimated"),
            Usage::Reported(tokens) => row.tokens() == *tokens && row.usage_source() == "provider",
        };
        let got = (row.tokens(), row.usage_source().to_owned());
        (!right).then(|| format!("{self}: ledger has {got:?}, recorded is {usage:?}"))
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({})", self.recording.place, self.variant)
    }
}
