//! Objects that providers keep: who may use which, who serves, and what is held until the control
//! plane knows of it.

use prost::Message;
use serde_json::{Value, json};
use tollgate_core::exchange::{Flow, Input, Question};
use tollgate_core::path::resources::{Action, Row, TABLE};
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::configured::snapshot;
use crate::driver::{GATEWAY, Host, Run, error_in};

fn tenant() -> proto::KeyPolicy {
    proto::KeyPolicy { tenant: "team:a".to_owned(), ..proto::KeyPolicy::default() }
}

fn host() -> Host {
    Host::knowing(GATEWAY, tenant())
}

/// Sends a request; `body` stands for any that is not JSON, too.
fn send(run: &mut Run<'_>, method: &str, path: &str, body: &str) -> Flow {
    run.client_sends(path, &[(":method", method)], body)
}

fn answer(run: &mut Run<'_>, message: &impl Message) -> Flow {
    run.hand(Input::KeyResolved(Ok(&message.encode_to_vec())))
}

fn held(run: &mut Run<'_>) -> Flow {
    let at = proto::AdmitResponse {
        provider: "openai".to_owned(),
        models: vec![String::new()],
        ..Default::default()
    };
    answer(run, &at)
}

/// What the control plane says of work that may be asked for.
fn committed(input_file: &str) -> proto::AssessResponse {
    let commitment = proto::Commitment { id: vec![7; 16], input_file: input_file.to_owned() };
    let verdict = Some(proto::assess_response::Verdict::Commitment(commitment));
    proto::AssessResponse { verdict }
}

fn admitted(run: &Run<'_>) -> proto::AdmitRequest {
    let (question, message) = run.questions.last().unwrap();
    assert_eq!(*question, Question::Admit);
    proto::AdmitRequest::decode(&**message).unwrap()
}

/// Every route with ids in its path.
fn routes() -> impl Iterator<Item = (&'static Row, String, usize)> {
    TABLE.iter().filter(|row| !matches!(row.action, Action::List(_))).map(|row| {
        let ids: Vec<String> = (0..row.kinds().count()).map(|at| format!("id-{at}")).collect();
        (row, format!("/v1{}", row.path(&ids)), row.kinds().flatten().count())
    })
}

#[test]
fn every_id_in_every_path_is_asked_about_before_anything_is_sent() {
    for (row, path, ids) in routes().filter(|(_, _, ids)| *ids > 0) {
        for unknown in 0..ids {
            let mut host = host();
            let mut run = host.begin();
            let body = if row.method == "POST" { "{}" } else { "" };
            assert_eq!(send(&mut run, row.method, &path, body), Flow::Pause, "{path}");
            let asked = admitted(&run);
            assert_eq!((&*asked.tenant, asked.ids.len()), ("team:a", ids), "{path}");
            let index = u32::try_from(unknown).unwrap();
            let _ = answer(
                &mut run,
                &proto::AdmitResponse { unknown: Some(index), ..Default::default() },
            );
            let (status, kind, code) = run.refusal();
            assert_eq!((status, &*kind, &*code), (404, "invalid_request_error", "not_found"));
            let said = String::from_utf8(run.reply.as_ref().unwrap().body.clone()).unwrap();
            assert!(said.contains(&asked.ids[unknown].id), "{said}");
            assert!(run.led_to.is_none() && run.resumed == 0, "{path}");
        }
    }
}

#[test]
fn every_id_in_a_body_is_asked_about() {
    let file = json!({"attachments": [{"file_id": "f"}], "content": "x"});
    let cases = [
        ("/v1/batches", json!({"input_file_id": "f", "endpoint": "/v1/embeddings"}), vec!["f"]),
        (
            "/v1/fine_tuning/jobs",
            json!({"model": "gpt", "training_file": "a", "validation_file": "b"}),
            vec!["a", "b"],
        ),
        (
            "/v1/assistants",
            json!({"model": "gpt", "tool_resources": {"file_search": {"vector_store_ids": ["v"]}}}),
            vec!["v"],
        ),
        ("/v1/threads", json!({"messages": [file.clone()]}), vec!["f"]),
        ("/v1/threads/t/messages", file, vec!["t", "f"]),
        (
            "/v1/threads/t/runs",
            json!({"assistant_id": "a", "additional_messages": [{"attachments": [{"file_id": "f"}]}]}),
            vec!["t", "f", "a"],
        ),
        (
            "/v1/threads/runs",
            json!({"assistant_id": "a", "thread": {"tool_resources": {"code_interpreter": {"file_ids": ["f"]}}}}),
            vec!["a", "f"],
        ),
        ("/v1/vector_stores", json!({"file_ids": ["f", "g"]}), vec!["f", "g"]),
        ("/v1/vector_stores/v/files", json!({"file_id": "f"}), vec!["v", "f"]),
        ("/v1/vector_stores/v/file_batches", json!({"files": [{"file_id": "f"}]}), vec!["v", "f"]),
        (
            "/v1/chat/completions",
            json!({"model": "gpt", "messages": [{"content": [{"file": {"file_id": "f"}}]}]}),
            vec!["f"],
        ),
        (
            "/v1/responses",
            json!({"model": "gpt", "input": "x", "previous_response_id": "r"}),
            vec!["r"],
        ),
        (
            "/v1/messages",
            json!({"model": "claude", "messages": [{"content": [{"source": {"file_id": "f"}}]}]}),
            vec!["f"],
        ),
    ];
    for (path, body, expected) in cases {
        let mut host = host();
        let mut run = host.begin();
        assert_eq!(send(&mut run, "POST", path, &body.to_string()), Flow::Pause, "{path}");
        let ids: Vec<String> = admitted(&run).ids.into_iter().map(|it| it.id).collect();
        assert_eq!(ids, expected, "{path}");
        let _ = answer(&mut run, &proto::AdmitResponse { unknown: Some(0), ..Default::default() });
        assert_eq!(run.reply.as_ref().unwrap().status, 404, "{path}");
    }
}

#[test]
fn every_id_in_a_query_is_asked_about() {
    for (path, expected) in [
        ("/v1/threads/t/messages?run_id=r", ["t", "r"]),
        ("/v1/threads/t/runs?%61fter=r", ["t", "r"]),
        ("/v1/vector_stores/v/files?before=f", ["v", "f"]),
    ] {
        let mut host = host();
        let mut run = host.begin();
        assert_eq!(send(&mut run, "GET", path, ""), Flow::Pause, "{path}");
        let ids: Vec<String> = admitted(&run).ids.into_iter().map(|it| it.id).collect();
        assert_eq!(ids, expected, "{path}");
    }
}

#[test]
fn what_cannot_be_anybodys_is_not_even_asked_about() {
    for (method, path, body) in [
        ("GET", "/v1/files/a%2Fb", ""),
        ("GET", "/v1/files/%3Fx", ""),
        ("GET", "/v1/threads/t/messages/..%2F..%2Fsecret", ""),
        ("POST", "/v1/responses", r#"{"model":"gpt","input":"x","conversation":"conv_1"}"#),
        (
            "POST",
            "/v1/responses",
            r#"{"model":"gpt","input":[{"type":"item_reference","id":"m"}]}"#,
        ),
    ] {
        let mut host = host();
        let mut run = host.begin();
        let _ = send(&mut run, method, path, body);
        assert_eq!(run.refusal().0, 404, "{path} {body}");
        assert_eq!(run.questions, []);
    }
}

#[test]
fn a_request_goes_to_who_holds_its_objects_with_nothing_of_ours() {
    let mut host = host();
    let mut run = host.begin();
    let path = "/v1/vector_stores/vs-1/search?limit=3&key=sk-secret&custom_llm_provider=x";
    let body = r#"{"query":"x","custom_llm_provider":"y"}"#;
    assert_eq!(send(&mut run, "POST", path, body), Flow::Pause);
    assert_eq!(held(&mut run), Flow::Continue);
    assert_eq!(run.resumed, 1);
    run.reaches_provider();

    assert_eq!(run.request.header(":path"), Some("/v1/vector_stores/vs-1/search?limit=3"));
    assert_eq!(run.request.text(), r#"{"query":"x"}"#);
    assert_eq!(run.request.header(":authority"), Some("openai.example"));
    assert_eq!(run.request.header("authorization"), Some("Bearer secret-of-openai"));
}

#[test]
fn an_upload_goes_by_without_being_held() {
    let mut host = host();
    let mut run = host.begin();
    let extra = [(":method", "POST"), ("content-length", "209715200")];
    assert_eq!(run.client_sends("/v1/files", &extra, "form"), Flow::Continue);
    assert!(!run.exchange.holds_body() && run.exchange.streams_body());
    run.reaches_provider();

    assert_eq!(run.request.text(), "form");
    assert_eq!(run.request.header("content-length"), Some("209715200"));
    assert_eq!(run.request.header(":path"), Some("/v1/files"));
}

const CREATED: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/json")];

#[test]
fn the_client_hears_of_an_object_once_the_control_plane_has() {
    let mut host = host();
    let mut run = host.begin();
    let body = r#"{"model":"gpt","name":"x"}"#;
    assert_eq!(send(&mut run, "POST", "/v1/assistants", body), Flow::Continue);
    run.reaches_provider();
    assert_eq!(run.sent().1["model"], "gpt-4o-2024");
    let made = json!({"id": "asst_1", "object": "assistant", "model": "gpt-4o-2024"}).to_string();
    run.provider_answers(CREATED, made.as_bytes(), 7);
    assert!(run.exchange.keeps_answer());
    let shown = run.answer.body.clone();
    assert_eq!(run.hand(Input::HeldAnswer { body: &shown, end: true }), Flow::Pause);

    let (question, message) = run.questions.last().unwrap();
    assert_eq!(*question, Question::Register);
    let registered = proto::RegisterRequest::decode(&**message).unwrap();
    let kept: Value = serde_json::from_slice(&registered.body).unwrap();
    assert_eq!((&kept["id"], &kept["model"]), (&json!("asst_1"), &json!("gpt")));
    assert_eq!(
        (&*registered.tenant, &*registered.provider, &*registered.model, registered.new),
        ("team:a", "openai", "gpt", true)
    );
    assert!(!run.answer_resumed);
    let _ = answer(&mut run, &proto::RegisterResponse::default());
    assert!(run.answer_resumed && !run.exchange.keeps_answer());
    run.ends();
    let record = host.records().remove(0);
    assert_eq!(
        (record.endpoint(), record.cost_nanos, record.unpriced, record.status),
        (proto::Endpoint::Assistants, 0, false, 200)
    );
}

#[test]
fn an_object_that_is_not_kept_is_not_shown() {
    let taken = proto::RegisterResponse { taken: true, shown: Vec::new() }.encode_to_vec();
    for (answer, status) in
        [(Ok(&*taken), "502"), (Err(tollgate_core::exchange::CallFailed(14)), "503")]
    {
        let mut host = host();
        let mut run = host.begin();
        let _ = send(&mut run, "POST", "/v1/threads", "{}");
        run.reaches_provider();
        run.provider_answers(CREATED, br#"{"id":"thread_1"}"#, 99);
        let shown = run.answer.body.clone();
        let _ = run.hand(Input::HeldAnswer { body: &shown, end: true });
        let _ = run.hand(Input::KeyResolved(answer));

        assert_eq!(run.answer.header(":status"), Some(status));
        let lost = run.answer.take_replaced();
        let _ = error_in(&lost);
        assert!(run.answer_resumed);
    }
}

#[test]
fn a_stream_is_held_until_it_shows_its_run() {
    let mut host = host();
    let mut run = host.begin();
    let body = r#"{"assistant_id":"asst","stream":true}"#;
    let _ = send(&mut run, "POST", "/v1/threads/runs", body);
    assert_eq!(held(&mut run), Flow::Pause);
    assert_eq!(answer(&mut run, &committed("")), Flow::Continue);
    run.reaches_provider();
    run.provider_begins(&[(":status", "200"), ("content-type", "text/event-stream")]);
    let thread = b"event: thread.created\ndata: {\"id\":\"t\",\"object\":\"thread\"}\n\n";
    let all = [&thread[..], b"event: thread.run.created\ndata: {\"object\":\"thread.run\",\"id\":\"r\",\"thread_id\":\"t\"}\n\n"].concat();
    let _ = run.hand(Input::HeldAnswer { body: thread, end: false });
    assert_eq!(run.questions.len(), 2);
    let _ = run.hand(Input::HeldAnswer { body: &all, end: false });

    let registered = proto::RegisterRequest::decode(&*run.questions[2].1).unwrap();
    assert_eq!(registered.kind(), proto::ResourceKind::Run);
    assert!(registered.body.starts_with(br#"{"object":"thread.run","id":"r""#));
    let _ = answer(&mut run, &proto::RegisterResponse::default());
    assert!(run.answer_resumed && !run.exchange.keeps_answer());
}

#[test]
fn lists_are_the_control_planes() {
    let mut host = host();
    let mut run = host.begin();
    let flow = send(&mut run, "GET", "/v1/files?limit=5&after=f&order=asc&purpose=batch", "");
    assert_eq!(flow, Flow::Pause);
    let (question, message) = run.questions.last().unwrap();
    assert_eq!(*question, Question::List);
    let asked = proto::ListRequest::decode(&**message).unwrap();
    assert_eq!((asked.limit, asked.after.as_deref(), asked.ascending), (Some(5), Some("f"), true));
    assert_eq!(asked.purpose.as_deref(), Some("batch"));
    let page = proto::ListResponse { body: b"{}".to_vec(), unknown: None };
    let _ = answer(&mut run, &page);
    assert_eq!(
        run.reply.as_ref().map(|reply| (reply.status, &*reply.body)),
        Some((200, &b"{}"[..]))
    );

    let mut host = self::host();
    let mut run = host.begin();
    let _ = send(&mut run, "GET", "/v1/batches?after=guessed", "");
    let unknown = proto::ListResponse { unknown: Some("guessed".to_owned()), ..Default::default() };
    let _ = answer(&mut run, &unknown);
    assert_eq!(run.refusal().0, 404);
}

#[test]
fn a_deletion_is_noted_before_the_client_hears_of_it() {
    let mut host = host();
    let mut run = host.begin();
    let _ = send(&mut run, "DELETE", "/v1/files/file-1", "");
    assert_eq!(held(&mut run), Flow::Continue);
    run.reaches_provider();
    run.provider_answers(CREATED, br#"{"id":"file-1","deleted":true}"#, 99);
    let shown = run.answer.body.clone();
    let _ = run.hand(Input::HeldAnswer { body: &shown, end: true });

    let (question, message) = run.questions.last().unwrap();
    assert_eq!(*question, Question::Forget);
    let forgotten = proto::ForgetRequest::decode(&**message).unwrap();
    assert_eq!((&*forgotten.tenant, &*forgotten.id), ("team:a", "file-1"));
}

#[test]
fn who_shares_nothing_makes_nothing() {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    let mut run = host.begin();
    let _ = send(&mut run, "POST", "/v1/threads", "{}");
    assert_eq!(run.refusal().0, 503);
    let mut run = host.begin();
    let _ = send(&mut run, "GET", "/v1/threads/t", "");
    assert_eq!(run.refusal().0, 404);
    assert_eq!(run.questions, []);
}

#[test]
fn a_model_must_be_one_that_the_key_may_use() {
    let policy = proto::KeyPolicy { models: vec!["claude".to_owned()], ..tenant() };
    let mut host = Host::knowing(GATEWAY, policy);
    let mut run = host.begin();
    let _ = send(&mut run, "POST", "/v1/assistants", r#"{"model":"gpt"}"#);
    assert_eq!(run.refusal().2, "model_not_allowed");
    let mut run = host.begin();
    let _ = send(&mut run, "POST", "/v1/threads/t/runs", r#"{"assistant_id":"a"}"#);
    let models = vec![String::new(), "gpt".to_owned()];
    let at = proto::AdmitResponse { provider: "openai".to_owned(), models, ..Default::default() };
    let _ = answer(&mut run, &at);
    assert_eq!(run.refusal().2, "model_not_allowed");
}

// proves: config.server.gateway.resources_provider
#[test]
fn objects_whose_request_names_no_provider_are_kept_by_the_configured_one() {
    for (configured, keeper) in [("", Some("openai")), ("plain", Some("plain")), ("gone", None)] {
        let mut host = host();
        let mut snapshot = snapshot();
        snapshot.revision += 1;
        configured.clone_into(&mut snapshot.resources_provider);
        host.update(Event::Snapshot(snapshot));
        let mut run = host.begin();

        let flow = send(&mut run, "POST", "/v1/threads", "{}");

        if let Some(keeper) = keeper {
            assert_eq!(flow, Flow::Continue, "{configured}");
            run.reaches_provider();
            let authority = format!("{keeper}.example");
            assert_eq!(run.request.header(":authority"), Some(&*authority), "{configured}");
        } else {
            assert_eq!(run.refusal().0, 400, "{configured}");
        }
    }
}
