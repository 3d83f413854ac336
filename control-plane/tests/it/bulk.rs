//! Many users, teams and keys of teams, changed at once.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;

#[tokio::test]
async fn users_are_changed_at_once_each_for_themselves() {
    let app = TestApp::start().await;
    let made = app.post("/user/new", json!({"user_id": "a", "user_role": "internal_user"})).await;
    let key = made.ok()["key"].as_str().unwrap().to_owned();
    app.post("/user/new", json!({"user_id": "b", "auto_create_key": false})).await.ok();

    let users = json!([{"user_id": "a", "max_budget": 3}, {"user_id": "b", "max_budget": "much"}]);
    let answer = app.post("/user/bulk_update", json!({ "users": users })).await.ok();
    assert_eq!((&answer["successful_updates"], &answer["failed_updates"]), (&json!(1), &json!(1)));
    assert_eq!(answer["results"][0]["updated_user"]["max_budget"], 3.0);
    assert_eq!(answer["results"][1]["success"], false);

    let all = json!({"all_users": true, "user_updates": {"rpm_limit": 7}});
    let answer = app.post("/user/bulk_update", all.clone()).await.ok();
    assert_eq!(answer["successful_updates"], 2);
    assert_eq!(app.get("/user/info?user_id=b").await.ok()["user_info"]["rpm_limit"], 7);

    let foreign = app.call(Method::POST, "/user/bulk_update", Some(&key), all.to_string()).await;
    assert_eq!(foreign.status, 403);
    let other = json!({"users": [{"user_id": "b", "max_budget": 9}]}).to_string();
    let other = app.call(Method::POST, "/user/bulk_update", Some(&key), other).await.ok();
    assert_eq!(other["failed_updates"], 1);
}

#[tokio::test]
async fn keys_of_a_team_are_changed_at_once_and_no_others() {
    let app = TestApp::start().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let own = app.key(json!({"team_id": "t"})).await;
    let foreign = app.key(json!({})).await;
    let change = |more: Value| {
        let mut body = json!({"team_id": "t", "update_fields": {"rpm_limit": 5}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };

    let path = "/team/key/bulk_update";
    let named = app.post(path, change(json!({"key_ids": [own, foreign]}))).await.ok();
    let all = app.post(path, change(json!({"all_keys_in_team": true}))).await.ok();
    let alias = json!({"all_keys_in_team": true, "update_fields": {"key_alias": "x"}});
    let alias = app.post(path, change(alias)).await;

    assert_eq!(named["successful_updates"][0]["key"], own);
    assert_eq!(named["failed_updates"][0]["key"], foreign);
    assert_eq!(all["successful_updates"].as_array().map(Vec::len), Some(1));
    assert_eq!(alias.refusal().0, 400);
    let info = app.get(&format!("/key/info?key={own}")).await.ok();
    assert_eq!(info["info"]["rpm_limit"], 5);
}

#[tokio::test]
async fn permissions_are_added_to_those_that_teams_have() {
    let app = TestApp::start().await;
    let had = json!({"team_id": "t", "team_member_permissions": ["/key/list"]});
    app.post("/team/new", had).await.ok();
    app.post("/team/new", json!({"team_id": "other"})).await.ok();
    let path = "/team/permissions_bulk_update";

    let body = json!({"permissions": ["/key/list", "/key/info"], "team_ids": ["t"]});
    let answer = app.post(path, body).await.ok();
    assert_eq!(answer["teams_updated"], 1);
    let now = app.get("/team/permissions_list?team_id=t").await.ok();
    assert_eq!(now["team_member_permissions"], json!(["/key/list", "/key/info"]));

    let all = json!({"permissions": ["/key/info"], "apply_to_all_teams": true});
    assert_eq!(app.post(path, all).await.ok()["teams_updated"], 1);
    let none = json!({"permissions": ["/key/info"]});
    assert_eq!(app.post(path, none).await.status, 400);
    let wrong = json!({"permissions": ["/key/steal"], "team_ids": ["t"]});
    assert_eq!(app.post(path, wrong).await.refusal().0, 400);
}

#[tokio::test]
async fn a_members_own_budget_is_taken_away() {
    let app = TestApp::start().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let member = json!({"team_id": "t", "member": {"role": "user", "user_id": "u"},
        "max_budget_in_team": 5, "rpm_limit": 3});
    app.post("/team/member_add", member).await.ok();

    let answer = app.post("/team/t/member/u/reset_budget", json!({})).await.ok();

    assert_eq!(answer["budget_source"], "none");
    let info = app.get("/team/info?team_id=t").await.ok();
    let table = &info["team_memberships"][0]["litellm_budget_table"];
    assert_eq!((&table["max_budget"], &table["rpm_limit"]), (&Value::Null, &json!(3)));
}
