//! Who spent how much: totals, reports, pages, and setting them back.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tollgate_control_plane::domain::{Debit, LedgerRecord};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::app::TestApp;
use crate::key_limits::policy;
use crate::spend::{DAY, MIDNIGHT, record};

#[tokio::test]
async fn spend_is_counted_for_all_whom_a_request_belongs_to() {
    let app = TestApp::start().await;
    let organization = json!({"organization_id": "o", "organization_alias": "O"});
    app.post("/organization/new", organization).await.ok();
    app.post("/team/new", json!({"team_id": "t", "organization_id": "o"})).await.ok();
    app.post("/user/new", json!({"user_id": "u", "auto_create_key": false})).await.ok();
    app.post("/customer/new", json!({"user_id": "customer"})).await.ok();
    app.post("/tag/new", json!({"name": "t"})).await.ok();
    let of_team = app.key(json!({"team_id": "t", "user_id": "u"})).await;
    let other = app.key(json!({"team_id": "t", "organization_id": "elsewhere"})).await;
    let batch = [record(1, &of_team, MIDNIGHT), record(2, &other, MIDNIGHT)];

    app.record(&batch).await;
    app.record(&batch).await;

    let spend = async |path: &str, pointer: &str| {
        app.get(path).await.ok().pointer(pointer).unwrap().clone()
    };
    let (one, both) = (json!(2.4e-5), json!(4.8e-5));
    assert_eq!(spend("/user/info?user_id=u", "/user_info/spend").await, one);
    assert_eq!(spend("/team/info?team_id=t", "/team_info/spend").await, both);
    assert_eq!(spend("/organization/info?organization_id=o", "/spend").await, one);
    assert_eq!(spend("/customer/info?end_user_id=customer", "/spend").await, both);
    assert_eq!(spend("/tag/list", "/0/spend").await, both);
    let users = app.get("/spend/users").await.ok();
    assert_eq!((&users[0]["user_id"], &users[0]["spend"]), (&json!("u"), &one));
    let own = app.call(Method::GET, "/spend/users", Some(&other), Body::empty()).await.ok();
    assert_eq!(own, json!([]));
}

#[tokio::test]
async fn tags_are_summed_one_by_one() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let tagged = |number, tags: &[&str], started| LedgerRecord {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..record(number, &key, started)
    };
    let batch = [
        tagged(1, &["a", "b"], MIDNIGHT),
        tagged(2, &["a"], MIDNIGHT),
        tagged(3, &["a"], MIDNIGHT + DAY),
        tagged(4, &[], MIDNIGHT),
    ];
    app.record(&batch).await;

    let tags = app.get("/spend/tags?start_date=2026-11-21&end_date=2026-11-21").await.ok();

    assert_eq!(
        tags,
        json!([
            {"individual_request_tag": "a", "log_count": 2, "total_spend": 4.8e-5},
            {"individual_request_tag": "b", "log_count": 1, "total_spend": 2.4e-5},
        ])
    );
}

#[tokio::test]
async fn logs_come_in_pages_with_their_number() {
    let app = TestApp::start().await;
    let key = app.key(json!({"team_id": "t"})).await;
    let failed = LedgerRecord { error_code: Some("x".into()), ..record(3, &key, MIDNIGHT + 2) };
    app.record(&[record(1, &key, MIDNIGHT), record(2, &key, MIDNIGHT + 1), failed]).await;
    let page = async |path: &str| {
        let page = app.get(path).await.ok();
        let ids = page["data"].as_array().unwrap().iter();
        let ids: Vec<u64> = ids.map(|row| number(&row["request_id"])).collect();
        (ids, page["total"].as_u64().unwrap(), page["total_pages"].as_u64().unwrap())
    };

    assert_eq!(page("/spend/logs/v2?page=1&page_size=2").await, (vec![3, 2], 3, 2));
    assert_eq!(page("/spend/logs?page=2&page_size=2").await, (vec![1], 3, 2));
    assert_eq!(page("/spend/logs/ui?status_filter=failure").await, (vec![3], 1, 1));
    assert_eq!(page("/spend/logs/v2?status=success&team_id=t").await.1, 2);
    assert_eq!(page("/spend/logs/v2?team_id=x").await.1, 0);
    assert_eq!(page("/spend/logs/v2?end_user=customer&model=gpt-4o-mini").await.1, 3);
    assert_eq!(page("/spend/logs/v2?model=gpt-4o-mini-2024-07-18").await.1, 3);
    assert_eq!(page("/spend/logs/v2?request_id=none").await.1, 0);
    for query in ["status=perhaps", "min_spend=1", "page=0", "page_size=0"] {
        assert!(app.get(&format!("/spend/logs/v2?{query}")).await.status.is_client_error());
    }
}

#[tokio::test]
async fn reports_sum_by_team_customer_and_key() {
    let app = TestApp::start().await;
    app.post("/team/new", json!({"team_id": "t", "team_alias": "Team"})).await.ok();
    let (one, other) = (app.key(json!({"team_id": "t"})).await, app.key(json!({})).await);
    let mut dear = record(3, &other, MIDNIGHT + DAY);
    dear.cost = NanoDollars(1_000_000);
    dear.end_user = None;
    app.record(&[record(1, &one, MIDNIGHT), record(2, &one, MIDNIGHT), dear]).await;
    let report = async |query: &str| {
        let days = "start_date=2026-11-21&end_date=2026-11-22";
        app.get(&format!("/global/spend/report?{days}&{query}")).await.ok()
    };
    let hash = |key: &str| KeyHash::of(key.as_bytes()).to_hex();

    let teams = report("group_by=team").await;
    let customers = report("group_by=customer").await;
    let keys = report("group_by=api_key").await;
    let of_one = report(&format!("api_key={one}")).await;

    assert_eq!(
        teams[0],
        json!({"group_by_day": "2026-11-21T00:00:00+00:00", "teams": [
            {"team_name": "Team", "total_spend": 4.8e-5, "metadata": [
                {"model": "gpt-4o-mini", "spend": 4.8e-5, "total_tokens": 240, "api_key": hash(&one)}
            ]}
        ]})
    );
    assert_eq!(teams[1]["teams"][0]["team_name"], "Unassigned");
    assert_eq!(customers[0]["customers"][0]["customer"], "customer");
    assert_eq!(
        (&keys[0]["api_key"], &keys[0]["total_cost"]),
        (&json!(hash(&other)), &json!(0.001))
    );
    assert_eq!(
        of_one,
        json!([{"api_key": hash(&one), "total_cost": 4.8e-5, "total_input_tokens": 200,
            "total_output_tokens": 40, "model_details": [{"model": "gpt-4o-mini",
            "total_cost": 4.8e-5, "total_input_tokens": 200, "total_output_tokens": 40}]}])
    );
    let missing = app.get("/global/spend/report").await;
    assert_eq!(missing.status.as_u16(), 422);
}

#[tokio::test]
async fn spend_can_be_set_back() {
    let app = TestApp::start().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let windowed = json!({"team_id": "t", "spend": 5, "max_budget": 9, "budget_duration": "30d"});
    let (key, windowed) = (app.key(json!({"spend": 5})).await, app.key(windowed).await);
    app.record(&[record(1, &windowed, MIDNIGHT)]).await;
    let spend = async |key: &str| {
        app.get(&format!("/key/info?key={key}")).await.ok()["info"]["spend"].clone()
    };

    let lowered = app.post(&format!("/key/{windowed}/reset_spend"), json!({"reset_to": 2})).await;
    let raised = app.post(&format!("/key/{key}/reset_spend"), json!({"reset_to": 6})).await;
    let unsaid = app.post(&format!("/key/{key}/reset_spend"), json!({})).await;
    let lowered = lowered.ok();

    assert_eq!((&lowered["spend"], &lowered["previous_spend"]), (&json!(2.0), &json!(5.0)));
    assert_eq!(lowered["budget_reset_at"], "2026-12-01T00:00:00.000000+00:00");
    assert_eq!((raised.status.as_u16(), unsaid.status.as_u16()), (400, 422));
    assert!(raised.body["detail"]["error"].is_string());
    assert_eq!((spend(&key).await, spend(&windowed).await), (json!(5.0), json!(2.0)));

    let done = app.post("/global/spend/reset", json!({})).await.ok();

    assert_eq!(done["status"], "success");
    assert_eq!((spend(&key).await, spend(&windowed).await), (json!(0.0), json!(0.0)));
    assert_eq!(app.get("/team/info?team_id=t").await.ok()["team_info"]["spend"], 0.0);
    assert_eq!(app.get("/spend/logs").await.ok().as_array().unwrap().len(), 1);
    let refused = app.call(Method::POST, "/global/spend/reset", Some(&key), "{}").await;
    assert_eq!(refused.refusal().0, 401);
}

#[tokio::test]
async fn costs_and_tokens_are_counted_on_request() {
    let app = TestApp::start().await;
    let messages = json!([{"role": "user", "content": "hello world"}]);

    let prompt = json!({"model": "priced", "messages": messages});
    let prompt = app.post("/spend/calculate", prompt).await.ok();
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 20});
    let answer = json!({"completion_response": {"model": "gpt-4o", "usage": usage}});
    let answer = app.post("/spend/calculate", answer).await.ok();
    let counted = json!({"model": "gpt-4o-mini", "messages": messages});
    let counted = app.post("/utils/token_counter", counted).await.ok();
    let plain = json!({"model": "gpt-4o-mini", "prompt": "hello world"});
    let plain = app.post("/utils/token_counter", plain).await.ok();

    // Nine tokens of framing and text, at a dollar each.
    assert_eq!(prompt["cost"], 9.0);
    assert_eq!(answer["cost"], 140.0);
    assert_eq!(
        (&counted["total_tokens"], &counted["model_used"]),
        (&json!(9), &json!("gpt-4o-mini-2024-07-18"))
    );
    assert_eq!(
        (&plain["total_tokens"], &plain["tokenizer_type"]),
        (&json!(2), &json!("openai_tokenizer"))
    );
    for body in [json!({}), json!({"model": "unknown", "messages": []})] {
        assert_eq!(app.post("/spend/calculate", body).await.refusal().0, 400);
    }
    assert_eq!(app.post("/utils/token_counter", json!({"model": "m"})).await.refusal().0, 400);
}

#[tokio::test]
async fn crossing_a_soft_budget_raises_one_alert() {
    let app = TestApp::start().await;
    let key = app.key(json!({"soft_budget": 4e-5, "key_alias": "a"})).await;
    let meter = policy(&app, &key).await.meters[0].id;
    let spent = |number| LedgerRecord {
        debits: vec![Debit { meter, amount: 24_000 }],
        ..record(number, &key, MIDNIGHT)
    };

    app.record(&[spent(1)]).await;
    let before = app.get("/budget/alerts").await.ok();
    app.record(&[spent(2)]).await;
    app.record(&[spent(2), spent(3)]).await;
    let after = app.get("/budget/alerts").await.ok();

    assert_eq!((&before["alerts"], &before["total"]), (&json!([]), &json!(0)));
    let expected = json!([{
        "event": "soft_budget_crossed",
        "event_group": "key",
        "event_message": "Soft Budget Crossed",
        "id": KeyHash::of(key.as_bytes()).to_hex(),
        "model": null,
        "spend": 4.8e-5,
        "soft_budget": 4e-5,
        "max_budget": null,
        "at": "2026-11-21T08:08:24.551373Z",
    }]);
    assert_eq!((&after["alerts"], &after["total"]), (&expected, &json!(1)));
}

/// The number that a record was given.
fn number(id: &Value) -> u64 {
    u64::from_str_radix(id.as_str().unwrap().get(32..).unwrap(), 16).unwrap()
}
