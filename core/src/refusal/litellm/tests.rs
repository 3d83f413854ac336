//! Every refusal in every profile, as a table for review.

use std::fmt::Write as _;
use std::rc::Rc;

use crate::meter::leases::Shortage;
use crate::meter::{Dimension, Meter, Scope};
use crate::money::NanoDollars;
use crate::refusal::{Refusal, WorkFault};
use crate::settings::ErrorProfile;

fn reached(scope: Scope, name: &str, dimension: Dimension, model: Option<&str>) -> Refusal {
    let meter = Meter {
        id: 1,
        scope,
        name: name.to_owned(),
        dimension,
        model: model.map(str::to_owned),
        limit: 10,
        observe_only: false,
        window_seconds: 60,
    };
    let money = dimension == Dimension::Money;
    let unit = if money { 1_000_000_000 } else { 1 };
    let resets = dimension != Dimension::Parallel && !money;
    Refusal::LimitReached(Box::new(Shortage {
        meter: Rc::new(meter),
        limit: 10 * unit,
        used: 8 * unit,
        resets_at_us: resets.then_some(1_795_248_564_500_000),
        now_us: 1_795_248_540_000_000,
    }))
}

/// The hash of a key, which no answer may have.
const HASH: &str = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";

fn refusals() -> Vec<Refusal> {
    let model = || "gpt".to_owned();
    let mut all = vec![
        Refusal::NoKey,
        Refusal::UnknownKey,
        Refusal::ExpiredKey,
        Refusal::BlockedKey,
        Refusal::ModelNotAllowed(model()),
        Refusal::BudgetExceeded { limit: NanoDollars(10), used: NanoDollars(24_000) },
        Refusal::Unpriced(model()),
        Refusal::Work(WorkFault::Line { line: 3, why: "It has no 'body'.".to_owned() }),
        Refusal::Work(WorkFault::Uncapped("n_epochs".to_owned())),
        Refusal::InvalidJson("it ends too early".to_owned()),
        Refusal::MissingField("model"),
        Refusal::MissingField("messages"),
        Refusal::InvalidField { field: "model", expected: "a string" },
        Refusal::ModelNotFound(model()),
        Refusal::UnknownPath,
        Refusal::WrongMethod,
        Refusal::BodyTooLarge(1024),
        Refusal::RequestTimeout,
        Refusal::PolicyUnavailable,
        Refusal::HostCannotHold,
        Refusal::Unsupported(model()),
        Refusal::CannotCarry("logit_bias".to_owned()),
        Refusal::Internal,
        Refusal::ProviderFailed,
        Refusal::ProviderTimeout,
        Refusal::ProviderCredential(401),
        Refusal::AllFailed { model: model(), status: 429 },
        Refusal::AllFailed { model: model(), status: 502 },
        Refusal::AllFailed { model: model(), status: 503 },
        Refusal::AllFailed { model: model(), status: 504 },
        Refusal::NoProvider { retry_after_seconds: 7 },
        Refusal::PromptTooLong(4096),
    ];
    all.extend(limits());
    all
}

fn limits() -> Vec<Refusal> {
    let money = |scope, name| reached(scope, name, Dimension::Money, None);
    vec![
        money(Scope::Key, HASH),
        money(Scope::User, "u"),
        money(Scope::Team, "t"),
        money(Scope::Organization, "o"),
        money(Scope::Customer, "c"),
        money(Scope::Tag, "x"),
        money(Scope::Provider, "p/a"),
        money(Scope::Model, "gpt"),
        reached(Scope::Key, HASH, Dimension::Requests, None),
        reached(Scope::Key, HASH, Dimension::Tokens, Some("gpt")),
        reached(Scope::Team, "t", Dimension::Parallel, None),
        reached(Scope::Team, "t", Dimension::InputTokens, Some("gpt")),
        reached(Scope::Organization, "o", Dimension::OutputTokens, Some("gpt")),
        reached(Scope::Organization, "o", Dimension::Requests, None),
        reached(Scope::Customer, "c", Dimension::Requests, None),
        reached(Scope::User, "u", Dimension::Requests, None),
    ]
}

#[test]
fn each_profile_answers_as_its_clients_expect() {
    let mut table = String::new();
    for refusal in refusals() {
        let case = format!("{refusal:?}").replace(HASH, "<hash>");
        let case: String = case.chars().take(60).collect();
        let _ = writeln!(table, "{case}");
        for (name, profile) in PROFILES {
            let rendered = refusal.render_as(profile);
            let body = String::from_utf8(rendered.body).unwrap();
            // OpenAI's form says it in `error.limit`, to its owner.
            let shows = profile != ErrorProfile::OpenAi && body.contains(HASH);
            assert!(!shows, "a key's hash is shown: {body}");
            let body = body.replace(HASH, "<hash>");
            let _ = writeln!(table, "  {name} {} {body}", rendered.status);
        }
    }

    insta::assert_snapshot!("profiles", table);
}

#[test]
fn the_ledger_has_the_same_code_in_every_profile() {
    for refusal in refusals() {
        let codes = PROFILES.map(|(_, profile)| refusal.render_as(profile).code);
        assert_eq!(codes, [refusal.class().2; 3]);
    }
}

#[test]
fn the_code_is_the_status_as_text() {
    for refusal in refusals() {
        let rendered = refusal.render_as(ErrorProfile::LiteLlm);
        let body: serde_json::Value = serde_json::from_slice(&rendered.body).unwrap();
        let Some(error) = body.get("error") else {
            assert!(body["detail"].is_string(), "{body}");
            continue;
        };
        assert_eq!(error["code"], rendered.status.to_string());
    }
}

const PROFILES: [(&str, ErrorProfile); 3] = [
    ("openai      ", ErrorProfile::OpenAi),
    ("litellm     ", ErrorProfile::LiteLlm),
    ("litellm-1.83", ErrorProfile::LiteLlm183),
];
