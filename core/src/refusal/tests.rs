//! How refusals look to clients of the OpenAI API.

use std::rc::Rc;

use super::*;
use crate::meter::{Meter, Scope};

fn check(refusal: &Refusal, status: u16, kind: &str, code: &str, param: Option<&str>) {
    let rendered = refusal.render();
    let body: serde_json::Value = serde_json::from_slice(&rendered.body).unwrap();
    assert_eq!((rendered.status, rendered.code), (status, code));
    assert_eq!(body["error"]["type"], kind);
    assert_eq!(body["error"]["code"], code);
    assert_eq!(body["error"]["param"].as_str(), param);
    assert!(!body["error"]["message"].as_str().unwrap().is_empty());
}

#[test]
fn follows_the_error_table() {
    let auth = "authentication_error";
    let permission = "permission_error";
    let invalid = "invalid_request_error";
    check(&Refusal::NoKey, 401, auth, "invalid_api_key", None);
    check(&Refusal::UnknownKey, 401, auth, "invalid_api_key", None);
    check(&Refusal::ExpiredKey, 401, auth, "expired_api_key", None);
    check(&Refusal::BlockedKey, 403, permission, "key_blocked", None);
    let foreign = Refusal::ModelNotAllowed("m".into());
    check(&foreign, 403, permission, "model_not_allowed", Some("model"));
    check(&Refusal::RouteNotAllowed, 403, permission, "route_not_allowed", None);
    check(&Refusal::AddressNotAllowed, 403, permission, "ip_not_allowed", None);
    check(&Refusal::InvalidJson("x".into()), 400, invalid, "invalid_json", None);
    check(&Refusal::MissingField("model"), 400, invalid, "missing_field", Some("model"));
    let unknown = Refusal::ModelNotFound("x".into());
    check(&unknown, 404, invalid, "model_not_found", Some("model"));
    check(&Refusal::IdempotencyConflict, 409, invalid, "idempotency_conflict", None);
    check(&Refusal::BodyTooLarge(1), 413, invalid, "payload_too_large", None);
    check(&Refusal::RequestTimeout, 408, invalid, "request_timeout", None);
    check(&SPENT, 429, "insufficient_quota", "budget_exceeded", None);
    check(&Refusal::Internal, 500, "server_error", "internal_error", None);
    check(&Refusal::ProviderFailed, 502, "api_error", "provider_error", None);
    check(&Refusal::ProviderTimeout, 504, "api_error", "provider_error", None);
    let away = "service_unavailable_error";
    check(&Refusal::PolicyUnavailable, 503, away, "policy_unavailable", None);
}

#[test]
fn a_hostile_model_name_is_escaped() {
    let rendered = Refusal::ModelNotFound("\"}\n\u{1}</script>".into()).render();

    assert!(serde_json::from_slice::<serde_json::Value>(&rendered.body).is_ok());
}

#[test]
fn tells_clients_when_to_come_back() {
    assert_eq!(Refusal::PolicyUnavailable.render().headers, [("retry-after", "1".into())]);
    assert_eq!(SPENT.render().headers, [("x-should-retry", "false".into())]);
}

#[test]
fn tells_programs_which_limit_was_reached() {
    let facts = |refusal: &Refusal| {
        let body: Value = serde_json::from_slice(&refusal.render().body).unwrap();
        body["error"]["limit"].clone()
    };
    let meter = Meter {
        id: 1,
        scope: Scope::Team,
        name: "t".to_owned(),
        dimension: Dimension::Tokens,
        model: Some("gpt".to_owned()),
        limit: 9,
        observe_only: false,
        window_seconds: 60,
    };
    let shortage = Shortage {
        meter: Rc::new(meter),
        limit: 10,
        used: 8,
        resets_at_us: Some(1_795_248_564_500_000),
        now_us: 1_795_248_540_000_000,
    };
    let refusal = Refusal::LimitReached(Box::new(shortage));

    let expected = json!({
        "scope": "team", "name": "t", "dimension": "tokens", "model": "gpt", "limit": 10,
        "used": 8, "resets_at": "2026-11-21T08:09:25Z", "resets_in_seconds": 25,
    });
    assert_eq!(facts(&refusal), expected);
    let headers = refusal.render().headers;
    assert!(headers.contains(&("reset_at", "2026-11-21 08:09:25 UTC".into())), "{headers:?}");
    let spent = facts(&SPENT);
    assert_eq!((&spent["scope"], &spent["dimension"]), (&json!("key"), &json!("money")));
    assert_eq!((&spent["limit"], &spent["used"]), (&json!(1.5), &json!(2.0)));
    assert_eq!(facts(&Refusal::NoKey), Value::Null);
}

const SPENT: Refusal =
    Refusal::BudgetExceeded { limit: NanoDollars(1_500_000_000), used: NanoDollars(2_000_000_000) };
