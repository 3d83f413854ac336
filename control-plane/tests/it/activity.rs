//! Spend by day: `/…/daily/activity`, `/global/spend/*`, `/global/activity`.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tollgate_control_plane::domain::{LedgerRecord, RecordId};
use tollgate_core::key::KeyHash;

use crate::app::TestApp;
use crate::spend::{DAY, MIDNIGHT, record};

const TWO_DAYS: &str = "start_date=2026-11-21&end_date=2026-11-22";

/// Team `t` has a key of user `u` and one of nobody; another key is of no team. Each is used once
/// on the first day, the user's again on the second, where it fails at first.
async fn used(app: &TestApp) -> [String; 3] {
    app.post("/team/new", json!({"team_id": "t", "team_alias": "The team"})).await.ok();
    app.post("/user/new", json!({"user_id": "u", "auto_create_key": false})).await.ok();
    let own = app.key(json!({"team_id": "t", "user_id": "u", "key_alias": "mine"})).await;
    let teams = app.key(json!({"team_id": "t"})).await;
    let alone = app.key(json!({})).await;
    let failed = LedgerRecord {
        error_code: Some("x".into()),
        cost: tollgate_core::money::NanoDollars(0),
        ..record(4, &own, MIDNIGHT + DAY)
    };
    let first: Option<RecordId> = Some(failed.id);
    let again =
        LedgerRecord { first_attempt: first, attempt: 2, ..record(5, &own, MIDNIGHT + DAY) };
    app.record(&[
        record(1, &own, MIDNIGHT),
        record(2, &teams, MIDNIGHT),
        record(3, &alone, MIDNIGHT),
        failed,
        again,
    ])
    .await;
    [own, teams, alone]
}

fn hash(key: &str) -> String {
    KeyHash::of(key.as_bytes()).to_hex()
}

async fn as_key(app: &TestApp, key: &str, path: &str) -> crate::app::Answer {
    app.call(Method::GET, path, Some(key), Body::empty()).await
}

#[tokio::test]
async fn days_are_told_by_model_provider_key_and_team() {
    let app = TestApp::start().await;
    let [own, teams, alone] = used(&app).await;

    let all = app.get(&format!("/user/daily/activity?{TWO_DAYS}")).await.ok();
    assert_eq!(all["results"][0]["date"], "2026-11-22");
    let (second, first) = (&all["results"][0], &all["results"][1]);
    assert_eq!(second["metrics"]["api_requests"], 1);
    assert_eq!(second["metrics"]["successful_requests"], 1);
    assert_eq!(second["metrics"]["failed_requests"], 0);
    assert_eq!(first["metrics"]["spend"], json!(7.2e-5));
    assert_eq!(all["metadata"]["total_api_requests"], 4);
    assert_eq!(all["metadata"]["total_spend"], json!(9.6e-5));
    assert_eq!(all["metadata"]["has_more"], false);
    let keys = &first["breakdown"]["api_keys"];
    assert_eq!(keys.as_object().unwrap().len(), 3);
    assert_eq!(keys[hash(&own)]["metadata"]["key_alias"], "mine");
    assert_eq!(keys[hash(&alone)]["metrics"]["spend"], json!(2.4e-5));
    let model = &first["breakdown"]["models"]["gpt-4o-mini"];
    assert_eq!(model["metrics"]["api_requests"], 3);
    assert_eq!(model["api_key_breakdown"][hash(&teams)]["metrics"]["api_requests"], 1);

    let team = app.get(&format!("/team/daily/activity?{TWO_DAYS}&team_ids=t")).await.ok();
    assert_eq!(team["metadata"]["total_api_requests"], 3);
    let entity = &team["results"][1]["breakdown"]["entities"]["t"];
    assert_eq!(entity["metadata"]["alias"], "The team");
    assert_eq!(entity["metrics"]["spend"], json!(4.8e-5));
    for without in ["exclude_team_ids=t", "team_ids=nobody", "model=nothing"] {
        let none = app.get(&format!("/team/daily/activity?{TWO_DAYS}&{without}")).await.ok();
        assert_eq!(none["results"], json!([]), "{without}");
    }
    let one = format!("/user/daily/activity/aggregated?{TWO_DAYS}&api_key={alone}");
    assert_eq!(app.get(&one).await.ok()["metadata"]["total_api_requests"], 1);
    let user = app.get(&format!("/user/daily/activity?{TWO_DAYS}&user_id=u")).await.ok();
    assert_eq!(user["metadata"]["total_api_requests"], 2);
}

#[tokio::test]
async fn days_come_in_pages() {
    let app = TestApp::start().await;
    used(&app).await;

    let page = async |page: u32| {
        let path = format!("/user/daily/activity?{TWO_DAYS}&page_size=1&page={page}");
        app.get(&path).await.ok()
    };
    let (first, second, third) = (page(1).await, page(2).await, page(3).await);

    assert_eq!(first["results"].as_array().unwrap().len(), 1);
    assert_eq!(first["results"][0]["date"], "2026-11-22");
    assert_eq!(first["metadata"]["total_pages"], 2);
    assert_eq!(first["metadata"]["has_more"], true);
    assert_eq!(second["results"][0]["date"], "2026-11-21");
    assert_eq!(third["results"], json!([]));
    assert_eq!(app.get("/user/daily/activity").await.status, 400);
    let wrong = app.get("/user/daily/activity?start_date=x&end_date=y").await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn who_is_no_admin_sees_their_own_days_alone() {
    let app = TestApp::start().await;
    let [own, teams, alone] = used(&app).await;
    let path = |kind: &str, more: &str| format!("/{kind}/daily/activity?{TWO_DAYS}{more}");
    let requests = async |key: &str, path: &str| {
        as_key(&app, key, path).await.ok()["metadata"]["total_api_requests"].clone()
    };

    assert_eq!(requests(&own, &path("user", "")).await, 2);
    assert_eq!(requests(&own, &path("user", "&user_id=u")).await, 2);
    assert_eq!(requests(&teams, &path("team", "")).await, 3);
    assert_eq!(requests(&alone, &path("user", "")).await, 1);
    assert_eq!(requests(&alone, &path("team", "")).await, 1);
    for (key, path) in [
        (&own, path("user", "&user_id=other")),
        (&own, path("team", "&team_ids=t,other")),
        (&alone, path("team", "&team_ids=t")),
    ] {
        assert_eq!(as_key(&app, key, &path).await.status, 403, "{path}");
    }
    for path in [path("tag", ""), path("customer", ""), "/global/spend".to_owned()] {
        assert_eq!(as_key(&app, &own, &path).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn everybodys_spend_is_told_by_day_and_by_whom() {
    let app = TestApp::start().await;
    let [own, ..] = used(&app).await;
    app.clock.advance(std::time::Duration::from_hours(24));
    let get = async |path: &str| app.get(path).await.ok();

    assert_eq!(get("/global/spend").await, json!({"spend": 9.6e-5, "max_budget": null}));
    let dated = |date: &str, spend: f64| json!({"date": date, "spend": spend});
    let days = get("/global/spend/logs").await;
    assert_eq!(days, json!([dated("2026-11-21", 7.2e-5), dated("2026-11-22", 2.4e-5)]));
    let days = get(&format!("/global/spend/logs?api_key={own}")).await;
    assert_eq!(days, json!([dated("2026-11-21", 2.4e-5), dated("2026-11-22", 2.4e-5)]));
    let keys = get("/global/spend/keys?limit=1").await;
    assert_eq!(keys[0]["key_alias"], "mine");
    assert_eq!((&keys[0]["total_spend"], &keys[1]), (&json!(4.8e-5), &Value::Null));
    let models = get("/global/spend/models").await;
    assert_eq!(models, json!([{"model": "gpt-4o-mini", "total_spend": 9.6e-5}]));
    let teams = get("/global/spend/teams").await;
    let first = json!({"date": "2026-11-21", "t": 4.8e-5, "Unassigned": 2.4e-5});
    assert_eq!(teams["daily_spend"][0], first);
    assert_eq!(teams["total_spend_per_team"], json!([{"team_id": "t", "total_spend": 7.2e-5}]));
    let activity = get("/global/activity").await;
    assert_eq!(activity["sum_api_requests"], 4);
    assert_eq!(activity["daily_data"][0]["date"], "Nov 21");
    let by_model = get(&format!("/global/activity/model?{TWO_DAYS}")).await;
    assert_eq!(by_model[0]["model"], "gpt-4o-mini");
    assert_eq!(
        get(&format!("/global/spend/tags?{TWO_DAYS}")).await["spend_per_tag"][0]["log_count"],
        4
    );
    assert_eq!(app.get("/global/spend/tags").await.status, 400);
    assert!(!get("/global/spend/all_tag_names").await["tag_names"].as_array().unwrap().is_empty());
    let providers = get("/global/spend/provider").await;
    assert_eq!(providers[0]["spend"], json!(9.6e-5));
    let customers = app.post("/global/spend/end_users", json!({})).await.ok();
    assert_eq!(customers[0]["total_count"], 4, "{customers}");
}

#[tokio::test]
async fn the_ledger_is_reported_by_key_user_and_team() {
    let app = TestApp::start().await;
    let [own, ..] = used(&app).await;
    let report = async |path: &str| app.get(&format!("{path}{TWO_DAYS}")).await.ok();

    let keys = report(&format!("/key/spend/report?api_key={own}&")).await;
    assert_eq!((&keys[0]["api_key"], &keys[0]["total_cost"]), (&json!(hash(&own)), &json!(4.8e-5)));
    assert_eq!(keys[1], Value::Null);
    let user = report("/user/spend/report?internal_user_id=u&").await;
    assert_eq!(user, keys);
    let team = report("/team/spend/report?team_id=t&").await;
    assert_eq!(team[0]["teams"][0]["team_name"], "The team");
    assert_eq!(team[0]["teams"][0]["total_spend"], json!(4.8e-5));
    assert_eq!(app.get("/team/spend/report").await.status, 422);
}

#[tokio::test]
async fn routes_are_listed_to_anybody() {
    let app = TestApp::start().await;
    let answer = app.call(Method::GET, "/routes", None, Body::empty()).await.ok();
    let routes = answer["routes"].as_array().unwrap();
    let generate = routes.iter().find(|route| route["path"] == "/key/generate").unwrap();
    assert_eq!(generate["methods"], json!(["POST"]));
}

#[tokio::test]
async fn keys_are_ranked_by_what_they_spent() {
    let app = TestApp::start().await;
    let [own, teams, alone] = used(&app).await;
    let ranking = |path: &str| format!("/{path}?{TWO_DAYS}");

    let first = app.get(&format!("{}&limit=1", ranking(KEYS))).await.ok();
    assert_eq!((&first["total_api_keys"], &first["limit"]), (&json!(3), &json!(1)));
    let [dearest] = first["api_keys"].as_array().unwrap().as_slice() else { panic!("{first}") };
    assert_eq!(dearest["api_key"], hash(&own));
    assert_eq!(dearest["metrics"]["api_requests"], 2);
    assert_eq!(dearest["metadata"]["key_alias"], "mine");

    let found = app.get(&format!("{}&search=INE", ranking(SEARCH))).await.ok();
    assert_eq!(found["api_keys"][0]["api_key"], hash(&own));
    assert_eq!(found["api_keys"].as_array().unwrap().len(), 1);
    let model = "team/daily/activity/aggregated/model_top_keys";
    let of_team = app.get(&format!("{}&model_group=gpt-4o-mini", ranking(model))).await.ok();
    let keys: Vec<&Value> =
        of_team["api_keys"].as_array().unwrap().iter().map(|row| &row["api_key"]).collect();
    assert_eq!(keys, [&json!(hash(&own)), &json!(hash(&teams))]);
    let users = app.get(&ranking("user/daily/activity/aggregated/users")).await.ok();
    assert_eq!(users["users"][0]["user_id"], "u");
    assert_eq!(users["total_users"], 1);

    // Others see themselves alone.
    let path = ranking(KEYS);
    let mine = as_key(&app, &alone, &path).await.ok();
    assert_eq!(mine["total_api_keys"], 1);
    assert_eq!(mine["api_keys"][0]["api_key"], hash(&alone));
    let foreign = as_key(&app, &alone, &ranking("tag/daily/activity/aggregated/keys")).await;
    assert_eq!(foreign.status.as_u16() / 100, 4);
}

const KEYS: &str = "user/daily/activity/aggregated/keys";
const SEARCH: &str = "user/daily/activity/aggregated/search";

#[tokio::test]
async fn days_are_exported_as_tables() {
    let app = TestApp::start().await;
    used(&app).await;
    let path = format!("/team/daily/activity/export?{TWO_DAYS}");

    let rows = app.get(&format!("{path}&format=json&export_type=daily_with_models")).await.ok();
    assert_eq!(rows[0]["date"], "2026-11-21");
    assert_eq!((&rows[0]["team_id"], &rows[0]["model"]), (&json!("t"), &json!("gpt-4o-mini")));
    let answer = app.get(&path).await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.status, 200);
    assert_eq!(app.get(&format!("{path}&format=xml")).await.refusal().0, 400);
}
