//! What lines are taken, and what they are said to use.

use serde_json::{Value, json};
use tollgate_core::money::NanoDollars;
use tollgate_proto::v1;

use super::*;
use crate::deferred::reading::tests::pieces;
use crate::deferred::worst::needs;
use crate::domain::Place;

/// One model at two providers, one at one of them, one that a key may not use, one without a price.
fn context() -> Context {
    let target = |provider: &str, model: &str, price: Option<v1::Price>| v1::Target {
        provider: provider.into(),
        model: model.into(),
        price,
        max_output_tokens: Some(1_000),
        ..v1::Target::default()
    };
    let price = v1::Price {
        input_token: 2_000_000_000,
        output_token: 20_000_000_000,
        batch_input_token: Some(1_000_000_000),
        batch_output_token: Some(10_000_000_000),
        ..v1::Price::default()
    };
    let model =
        |name: &str, targets| v1::Model { name: name.into(), targets, ..Default::default() };
    let settings = v1::ModelSettings { system_prefix: "x".into(), ..Default::default() };
    let provider = |id: &str| v1::Provider { id: id.into(), ..Default::default() };
    let snapshot = v1::Snapshot {
        providers: vec![provider("keeper"), provider("other")],
        models: vec![
            model(
                "m",
                vec![target("other", "x", None), target("keeper", "m", Some(price.clone()))],
            ),
            model("public", vec![target("keeper", "m-2", Some(price.clone()))]),
            model("elsewhere", vec![target("other", "e", Some(price.clone()))]),
            model("secret", vec![target("keeper", "s", Some(price.clone()))]),
            model("unpriced", vec![target("keeper", "u", None)]),
            v1::Model {
                settings: Some(settings),
                ..model("set", vec![target("keeper", "t", Some(price))])
            },
        ],
        ..v1::Snapshot::default()
    };
    let budget = v1::Meter {
        id: 7,
        scope: v1::Scope::Key.into(),
        dimension: v1::Dimension::Money.into(),
        limit: 1,
        ..v1::Meter::default()
    };
    let models = ["m", "public", "elsewhere", "unpriced", "set"].map(str::to_owned).to_vec();
    let aliases = [("nick".to_owned(), "public".to_owned())].into();
    Context {
        snapshot: std::sync::Arc::new(snapshot),
        policy: v1::KeyPolicy {
            models,
            aliases,
            meters: vec![budget],
            tenant: "team:t".into(),
            ..v1::KeyPolicy::default()
        },
        of_customer: Vec::new(),
        place: Place { provider: "keeper".into(), account: String::new() },
        tags: Vec::new(),
        customer: None,
    }
}

fn line(body: &Value) -> String {
    let line =
        json!({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body});
    format!("{line}\n")
}

fn chat(model: &str) -> Value {
    json!({"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]})
}

fn judged(text: &str) -> Result<Judged, Fault> {
    batch(&context(), Endpoint::ChatCompletions, pieces(text))
}

fn fault(text: &str) -> (u32, String) {
    match judged(text) {
        Err(Fault::Line(number, why)) => (number, why),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn lines_of_one_model_are_taken_at_the_prices_of_batches() {
    let two = [line(&chat("m")), "\n".into(), line(&chat("m"))].concat();

    let judged = judged(&two).unwrap();

    assert_eq!((&*judged.model, &*judged.provider_model, judged.renamed), ("m", "m", false));
    let worst = judged.worst.unwrap();
    assert_eq!(worst.output, 10);
    assert_eq!(worst.cost, NanoDollars(i64::try_from(worst.input).unwrap() + 10 * 10));
    assert_eq!(needs(&judged), Ok(vec![(7, worst.cost.0)]));
}

#[test]
fn other_names_of_the_model_are_noted() {
    for name in ["public", "nick", "keeper/public"] {
        let judged = judged(&line(&chat(name))).unwrap();
        assert_eq!((&*judged.model, &*judged.provider_model), ("public", "m-2"), "{name}");
        assert!(judged.renamed, "{name}");
    }
    assert!(judged(&[line(&chat("nick")), line(&chat("public"))].concat()).is_ok());
}

#[test]
fn a_line_that_cannot_be_taken_is_named() {
    let fine = line(&chat("m"));
    let with = |name: &str, value: Value| {
        let mut line: Value = serde_json::from_str(&fine).unwrap();
        line[name] = value;
        line.to_string()
    };
    for (second, part) in [
        ("[]".to_owned(), "no JSON object"),
        ("{\"custom_id\":".to_owned(), "no JSON object"),
        (with("custom_id", json!(3)), "'custom_id'"),
        (with("method", json!("GET")), "'method'"),
        (with("url", json!("/v1/embeddings")), "'url'"),
        (with("body", json!([])), "'body'"),
        (with("body", json!({"model": "m"})), "'messages'"),
        (with("body", json!({"messages": []})), "'model'"),
        (line(&chat("elsewhere")), "not served where the file is kept"),
        (line(&chat("secret")), "may not use model 'secret'"),
        (line(&chat("nothing")), "may not use model 'nothing'"),
        (line(&chat("public")), "one model"),
        (fine.replacen("\"body\"", "\"bod\\u0079\":{},\"body\"", 1), "'body' stands in it twice"),
        (fine.replacen("\"model\"", "\"mode\\u006c\":\"secret\",\"model\"", 1), "twice"),
    ] {
        let (number, why) = fault(&[&*fine, &*second].concat());
        assert!(number == 2 && why.contains(part), "{second}: {number} {why}");
    }
    assert!(fault(&line(&chat("set"))).1.contains("settings"));
    assert_eq!(fault("\n\n"), (0, "It has no lines.".into()));
}

#[test]
fn a_batch_has_no_more_lines_than_its_provider_takes() {
    let text = line(&chat("m")).repeat(MOST_LINES as usize + 1);

    assert_eq!(fault(&text).0, MOST_LINES + 1);
}

#[test]
fn objects_that_lines_name_are_asked_about() {
    let mut body = chat("m");
    body["messages"][0]["content"] = json!([{"type": "file", "file": {"file_id": "file-1"}}]);

    let judged = judged(&[line(&body), line(&body)].concat()).unwrap();

    assert_eq!(judged.named, [(Some(ResourceKind::File), "file-1".to_owned())]);
    let responses = json!({"model": "m", "input": "x", "conversation": "conv_1"});
    let text = line(&responses).replace("/v1/chat/completions", "/v1/responses");
    let fault = batch(&context(), Endpoint::Responses, pieces(&text));
    assert_eq!(fault, Err(Fault::Unknown(None, "conv_1".into())));
}

#[test]
fn a_model_without_a_price_is_refused_under_a_budget_alone() {
    let judged = judged(&line(&chat("unpriced"))).unwrap();
    assert_eq!(needs(&judged), Err(Fault::Unpriced("unpriced".into())));

    let unlimited = Judged { meters: Vec::new(), ..judged };
    assert_eq!(needs(&unlimited), Ok(Vec::new()));
}

#[test]
fn a_customer_is_named_for_the_whole_batch() {
    let mut body = chat("m");
    body["user"] = json!("c");
    let with = |customers, customer: Option<&str>| {
        let base = context();
        let snapshot = v1::Snapshot { customers, ..v1::Snapshot::clone(&base.snapshot) };
        let customer = customer.map(str::to_owned);
        let context = Context { snapshot: std::sync::Arc::new(snapshot), customer, ..base };
        batch(&context, Endpoint::ChatCompletions, pieces(&line(&body)))
    };

    assert!(with(false, None).is_ok() && with(true, Some("c")).is_ok());
    assert!(matches!(with(true, None), Err(Fault::Line(1, _))));
}

#[test]
fn runs_and_jobs_use_what_their_requests_say() {
    let run = super::super::run(&context(), "m", Some((100, 10))).unwrap();
    assert_eq!(run.worst.unwrap().cost, NanoDollars(2 * 100 + 20 * 10));
    let endless = super::super::run(&context(), "m", None).unwrap();
    assert!(matches!(needs(&endless), Err(Fault::Uncapped(_))));
    // No price for training is known.
    let job = super::super::job(&context(), "m", Some((100, 3))).unwrap();
    assert_eq!(needs(&job), Err(Fault::Unpriced("m".into())));
}

proptest::proptest! {
    #[test]
    fn no_file_makes_it_panic(noise in ".{0,80}", at in 0..200_usize) {
        let mut text = [line(&chat("m")), line(&chat("public"))].concat();
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.insert_str(at, &noise);

        let _ = judged(&text);
    }
}
