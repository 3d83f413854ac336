//! Work that a provider does after it has answered: looked into before it is asked for, and given
//! back when it is not taken.

use prost::Message;
use serde_json::json;
use tollgate_core::exchange::{Flow, Input, Question};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::assess_response::Verdict;

use crate::driver::{GATEWAY, Host, Run};

const BATCH: &str = r#"{"endpoint":"/v1/chat/completions","input_file_id":"file-1","n":1}"#;

fn host() -> Host {
    let tags = vec!["t".to_owned()];
    let policy =
        proto::KeyPolicy { tenant: "team:a".to_owned(), tags, ..proto::KeyPolicy::default() };
    Host::knowing(GATEWAY, policy)
}

fn answer(run: &mut Run<'_>, message: &impl Message) -> Flow {
    run.hand(Input::KeyResolved(Ok(&message.encode_to_vec())))
}

/// Sends a request whose objects are the tenant's.
fn asks(run: &mut Run<'_>, path: &str, body: &str, models: &[&str]) -> proto::AssessRequest {
    assert_eq!(run.client_sends(path, &[(":method", "POST")], body), Flow::Pause);
    let models = models.iter().map(|&name| name.to_owned()).collect();
    let at = proto::AdmitResponse { provider: "openai".to_owned(), models, ..Default::default() };
    assert_eq!(answer(run, &at), Flow::Pause);
    let (question, message) = run.questions.last().unwrap();
    assert_eq!(*question, Question::Assess);
    assert!(run.led_to.is_none() && run.resumed == 0);
    proto::AssessRequest::decode(&**message).unwrap()
}

fn says(run: &mut Run<'_>, verdict: Verdict) -> Flow {
    answer(run, &proto::AssessResponse { verdict: Some(verdict) })
}

fn committed(input_file: &str) -> Verdict {
    Verdict::Commitment(proto::Commitment { id: vec![7; 16], input_file: input_file.to_owned() })
}

#[test]
fn a_batch_is_looked_into_before_it_is_asked_for() {
    let mut host = host();
    let mut run = host.begin();
    let asked = asks(&mut run, "/v1/batches", BATCH, &[""]);

    assert_eq!((asked.kind(), &*asked.tenant), (proto::ResourceKind::Batch, "team:a"));
    assert_eq!(
        (asked.endpoint(), &*asked.input_file),
        (proto::Endpoint::ChatCompletions, "file-1")
    );
    assert_eq!((&*asked.provider, &*asked.tags), ("openai", &["t".to_owned()][..]));

    assert_eq!(says(&mut run, committed("")), Flow::Continue);
    run.reaches_provider();
    assert_eq!(run.request.text(), BATCH);
}

#[test]
fn a_provider_is_given_the_copy_and_the_client_sees_its_own_file() {
    let mut host = host();
    let mut run = host.begin();
    let _ = asks(&mut run, "/v1/batches", BATCH, &[""]);
    assert_eq!(says(&mut run, committed("file-copy")), Flow::Continue);
    run.reaches_provider();
    assert_eq!(run.request.text(), BATCH.replace("file-1", "file-copy"));

    let made = json!({"id": "batch_1", "input_file_id": "file-copy"}).to_string();
    run.provider_answers(
        &[(":status", "200"), ("content-type", "application/json")],
        made.as_bytes(),
        99,
    );
    let held = run.answer.body.clone();
    let _ = run.hand(Input::HeldAnswer { body: &held, end: true });
    let (question, message) = run.questions.last().unwrap();
    assert_eq!(*question, Question::Register);
    let registered = proto::RegisterRequest::decode(&**message).unwrap();
    assert_eq!(registered.commitment, [7; 16]);
    let shown = made.replace("file-copy", "file-1").into_bytes();
    let length = shown.len().to_string();
    let _ = answer(&mut run, &proto::RegisterResponse { taken: false, shown: shown.clone() });

    assert_eq!(run.answer.take_replaced(), shown);
    assert_eq!(run.answer.header("content-length"), Some(&*length));
    run.ends();
    assert!(host.gateway.take_releases().is_empty());
}

#[test]
fn runs_and_jobs_say_what_they_use_at_most() {
    let mut host = host();
    let mut run = host.begin();
    let body = r#"{"assistant_id":"a","max_prompt_tokens":9,"max_completion_tokens":5}"#;
    let asked = asks(&mut run, "/v1/threads/t/runs", body, &["", "gpt"]);
    assert_eq!((asked.kind(), &*asked.model), (proto::ResourceKind::Run, "gpt"));
    assert_eq!((asked.max_prompt_tokens, asked.max_completion_tokens), (Some(9), Some(5)));

    let mut host = self::host();
    let mut run = host.begin();
    let body = r#"{"model":"gpt","training_file":"f","hyperparameters":{"n_epochs":2}}"#;
    let asked = asks(&mut run, "/v1/fine_tuning/jobs", body, &[""]);
    assert_eq!((asked.kind(), &*asked.model), (proto::ResourceKind::FineTuningJob, "gpt"));
    assert_eq!((&*asked.input_file, asked.epochs), ("f", Some(2)));
}

#[test]
fn what_may_not_be_asked_for_is_refused_and_goes_nowhere() {
    let line = proto::WrongLine { line: 3, why: "It is bad.".into() };
    let file = proto::ResourceId { kind: proto::ResourceKind::File.into(), id: "file-9".into() };
    let meter = proto::Meter {
        scope: proto::Scope::Key.into(),
        dimension: proto::Dimension::Money.into(),
        limit: 5,
        ..Default::default()
    };
    let lack = proto::Lack { meter: Some(meter), used: 4, resets_at_us: None };
    for (verdict, status, code, part) in [
        (Verdict::WrongLine(line), 400, "invalid_line", "Line 3"),
        (Verdict::Unknown(file), 404, "not_found", "No such File object: file-9"),
        (Verdict::Unpriced("gpt".into()), 403, "model_not_priced", "gpt"),
        (Verdict::Uncapped("n_epochs".into()), 400, "missing_field", "n_epochs"),
        (Verdict::Lack(lack), 429, "budget_exceeded", "Budget exceeded"),
    ] {
        let mut host = host();
        let mut run = host.begin();
        let _ = asks(&mut run, "/v1/batches", BATCH, &[""]);
        let _ = says(&mut run, verdict);

        let refusal = run.refusal();
        assert_eq!((refusal.0, &*refusal.2), (status, code));
        let said = String::from_utf8(run.reply.as_ref().unwrap().body.clone()).unwrap();
        assert!(said.contains(part), "{said}");
        assert!(run.led_to.is_none() && run.resumed == 0, "{code}");
    }
    let mut host = host();
    let mut run = host.begin();
    let _ = asks(&mut run, "/v1/batches", BATCH, &[""]);
    let _ = answer(&mut run, &proto::AssessResponse::default());
    assert_eq!(run.refusal().0, 503);
}

#[test]
fn what_a_provider_refuses_is_given_back() {
    for (status, given_back) in [("400", 1), ("429", 1), ("502", 0)] {
        let mut host = host();
        let mut run = host.begin();
        let _ = asks(&mut run, "/v1/batches", BATCH, &[""]);
        let _ = says(&mut run, committed(""));
        run.reaches_provider();
        run.provider_answers(
            &[(":status", status), ("content-type", "application/json")],
            b"{}",
            99,
        );
        run.ends();

        let releases = host.gateway.take_releases();
        assert_eq!(releases.len(), given_back, "{status}");
        for release in releases {
            let release = proto::ReleaseRequest::decode(&*release).unwrap();
            assert_eq!(release.commitment, [7; 16]);
        }
    }
}
