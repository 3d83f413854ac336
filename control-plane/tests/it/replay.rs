//! `/policy/replay`.

use serde_json::{Value, json};
use tollgate_control_plane::domain::LedgerRecord;
use tollgate_core::money::NanoDollars;

use crate::app::TestApp;
use crate::spend::record;

const DAY: i64 = 86_400_000_000;
/// 2026-11-20.
const FIRST: i64 = 20_777 * DAY;

/// Requests of a dollar each: four on the first of two days, the third for another model, and one
/// on the second.
async fn served(app: &TestApp) -> String {
    let key = app.key(json!({"max_budget": 100, "user_id": "u"})).await;
    let made = |number: u64, at: i64, model: &str| LedgerRecord {
        model: model.to_owned(),
        cost: NanoDollars(1_000_000_000),
        ..record(number, &key, at)
    };
    let second = 1_000_000;
    app.record(&[
        made(1, FIRST, "priced"),
        made(2, FIRST + second, "priced"),
        made(3, FIRST + 2 * second, "gpt-4o-mini"),
        made(4, FIRST + 3 * second, "priced"),
        made(5, FIRST + DAY, "priced"),
    ])
    .await;
    key
}

async fn replay(app: &TestApp, whose: (&str, &str), policy: Value) -> Value {
    let mut body = json!({"start_date": "2026-11-20", "end_date": "2026-11-21", "policy": policy});
    body[whose.0] = whose.1.into();
    app.post("/policy/replay", body).await.ok()
}

#[tokio::test]
async fn what_holds_lets_pass_what_was_served() {
    let app = TestApp::start().await;
    let key = served(&app).await;

    let said = replay(&app, ("key", &key), json!({})).await;

    assert_eq!(said["records"], 5);
    assert_eq!(said["passed"], json!({"requests": 5, "tokens": 600, "cost": 5.0}));
    assert_eq!((&said["rules"], &said["policy"]["max_budget"]), (&json!([]), &json!(100.0)));
}

#[tokio::test]
async fn a_changed_policy_says_what_it_would_have_refused_and_by_which_rule() {
    let app = TestApp::start().await;
    let key = served(&app).await;
    for (policy, refused, rule, limit, first) in [
        (json!({"blocked": true}), 5, "key_blocked", Value::Null, 1),
        (json!({"models": ["priced"]}), 1, "model_not_allowed", Value::Null, 3),
        (json!({"max_budget": 2}), 3, "limit_reached", json!(2.0), 3),
        (json!({"max_budget": 3, "budget_duration": "1d"}), 1, "limit_reached", json!(3.0), 4),
        (json!({"rpm_limit": 3}), 1, "limit_reached", json!(3), 4),
        (json!({"tpm_limit": 250}), 2, "limit_reached", json!(250), 3),
        (json!({"model_rpm_limit": {"priced": 2}}), 1, "limit_reached", json!(2), 4),
    ] {
        let said = replay(&app, ("key", &key), policy.clone()).await;

        assert_eq!(said["refused"]["requests"], refused, "{policy}: {said}");
        assert_eq!(said["passed"]["requests"], 5 - refused);
        let [found] = said["rules"].as_array().unwrap().as_slice() else { panic!("{said}") };
        assert_eq!((&found["rule"], &found["limit"]["limit"]), (&json!(rule), &limit), "{said}");
        assert_eq!(found["examples"][0], format!("{first:048x}"));
    }
    // The policy itself is as it was.
    let info = app.get(&format!("/key/info?key={key}")).await.ok();
    assert_eq!(info["info"]["max_budget"], 100.0);
    assert_eq!(info["info"]["rpm_limit"], Value::Null);
}

#[tokio::test]
async fn users_and_teams_are_played_with_all_their_keys() {
    let app = TestApp::start().await;
    app.post("/user/new", json!({"user_id": "u", "max_budget": 50})).await.ok();
    served(&app).await;

    let said = replay(&app, ("user_id", "u"), json!({"max_budget": 1})).await;

    assert_eq!((&said["records"], &said["passed"]["cost"]), (&json!(5), &json!(1.0)));
    let body = json!({"start_date": "2026-11-20", "end_date": "2026-11-21"});
    assert_eq!(app.post("/policy/replay", body.clone()).await.refusal().0, 400);
    let both = json!({"user_id": "u", "team_id": "t", "start_date": "x", "end_date": "x"});
    assert_eq!(app.post("/policy/replay", both).await.refusal().0, 400);
    let mut nobody = body;
    nobody["team_id"] = "nobody".into();
    assert_eq!(app.post("/policy/replay", nobody).await.status, 404);
}
