//! Users, teams, organisations, customers, tags and budgets, in LiteLLM's shapes.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{MASTER, TestApp};
use crate::key_limits::{meters, policy};

// shows: team.team_alias
#[tokio::test]
async fn a_team_answers_in_litellms_shape() {
    let app = TestApp::start().await;
    let fields = json!({"team_id": "t", "team_alias": "a", "organization_id": "o",
        "max_budget": 5, "soft_budget": 4, "budget_duration": "30d", "rpm_limit": 7,
        "models": ["m"], "metadata": {"a": 1, "model_rpm_limit": {"m": 3}}});

    let made = app.post("/team/new", fields).await.ok();
    app.key(json!({"team_id": "t", "key_alias": "k"})).await;
    let info = app.get("/team/info?team_id=t").await.ok();
    let list = app.get("/team/list").await.ok();

    insta::assert_json_snapshot!(made);
    assert_eq!(info["team_info"]["rpm_limit"], 7);
    assert_eq!((&info["keys"][0]["key_alias"], &list[0]["keys"]), (&json!("k"), &info["keys"]));
    assert_eq!(list[0]["team_alias"], "a");
}

// proves: user.auto_create_key
#[tokio::test]
async fn a_user_comes_with_a_key_unless_told_not_to() {
    let app = TestApp::start().await;
    let fields = json!({"user_id": "u", "user_email": "a@b", "user_alias": "n",
        "user_role": "internal_user", "max_budget": 5, "models": ["m"], "key_alias": "k"});

    let made = app.post("/user/new", fields).await.ok();
    app.clock.advance(Duration::from_secs(1));
    let without = json!({"auto_create_key": false, "user_email": "c@d"});
    let without = app.post("/user/new", without).await.ok();
    let info = app.get("/user/info?user_id=u").await.ok();
    let list = app.get("/user/list?page_size=1&page=2").await.ok();
    let key = made["key"].as_str().unwrap();
    let own = app.call(Method::GET, "/user/info", Some(key), Body::empty()).await.ok();

    insta::assert_json_snapshot!(made);
    assert_eq!((&without["key"], &without["user_email"]), (&json!(""), &json!("c@d")));
    assert_eq!(without["user_id"].as_str().unwrap().len(), 36);
    assert_eq!(info["user_info"]["max_budget"], 5.0);
    let listed = &info["keys"][0];
    assert_eq!((&listed["key_alias"], &listed["team_alias"]), (&json!("k"), &json!("None")));
    // The budget is the user's, not the key's.
    assert_eq!(listed["max_budget"], Value::Null);
    assert_eq!(meters(&app, key).await, ["user money none 5000000000"]);
    assert_eq!((&list["total"], &list["total_pages"]), (&json!(2), &json!(2)));
    assert_eq!((&list["users"][0]["user_id"], &own["user_id"]), (&without["user_id"], &json!("u")));
}

// shows: user.user_email
#[tokio::test]
async fn users_are_changed_by_id_or_email_and_made_when_unknown() {
    let app = TestApp::start().await;
    app.post("/user/new", json!({"user_id": "u", "user_email": "a@b"})).await.ok();

    let by_email = json!({"user_email": "a@b", "tpm_limit": 3});
    let by_email = app.post("/user/update", by_email).await.ok();
    let made = app.post("/user/update", json!({"user_id": "new", "rpm_limit": 1})).await.ok();
    let unnamed = app.post("/user/update", json!({"rpm_limit": 1})).await;
    let taken = app.post("/user/new", json!({"user_id": "u"})).await.refusal();
    let email = app.post("/user/new", json!({"user_email": "a@b"})).await.refusal();
    let role = app.post("/user/new", json!({"user_role": "king"})).await;
    let deleted = app.post("/user/delete", json!({"user_ids": ["u", "new"]})).await.ok();
    let unknown = app.post("/user/delete", json!({"user_ids": ["u"]})).await;

    assert_eq!((&by_email["user_id"], &by_email["data"]["tpm_limit"]), (&json!("u"), &json!(3)));
    assert_eq!(made["data"]["rpm_limit"], 1);
    assert_eq!((unnamed.status.as_u16(), role.status.as_u16()), (422, 422));
    assert_eq!((taken.0, email.0), (409, 409));
    assert_eq!(deleted, json!(2));
    assert_eq!(unknown.status.as_u16(), 404);
    assert_eq!(app.get("/key/list").await.ok()["total_count"], 0);
}

// proves: key.{user_id,team_id,models}, team.{organization_id,models}
#[tokio::test]
async fn limits_of_those_a_key_belongs_to_go_with_it() {
    let app = TestApp::start().await;
    let organization = json!({"organization_id": "o", "organization_alias": "O", "max_budget": 9});
    app.post("/organization/new", organization).await.ok();
    let team = json!({"team_id": "t", "organization_id": "o", "rpm_limit": 2, "models": ["a/*"]});
    app.post("/team/new", team).await.ok();
    let user = json!({"user_id": "u", "tpm_limit": 3, "auto_create_key": false});
    app.post("/user/new", user).await.ok();

    let personal = app.key(json!({"user_id": "u", "models": ["x"]})).await;
    let of_team = json!({"user_id": "u", "team_id": "t", "models": ["a/b", "x"]});
    let of_team = app.key(of_team).await;
    let all = app.key(json!({"team_id": "t", "models": ["all-team-models"]})).await;

    assert_eq!(meters(&app, &personal).await, ["user tokens fixed:60 3"]);
    let expected = ["organization money none 9000000000", "team requests fixed:60 2"];
    assert_eq!(meters(&app, &of_team).await, expected);
    assert_eq!(policy(&app, &personal).await.models, ["x"]);
    assert_eq!(policy(&app, &of_team).await.models, ["a/b"]);
    assert_eq!(policy(&app, &all).await.models, ["a/*"]);
}

// proves: team.metadata, key.tags
#[tokio::test]
async fn tags_of_a_team_go_with_its_keys() {
    let app = TestApp::start().await;
    app.post("/team/new", json!({"team_id": "t", "metadata": {"tags": ["a", "b"]}})).await.ok();

    let key = app.key(json!({"team_id": "t", "tags": ["b", "c"]})).await;

    assert_eq!(policy(&app, &key).await.tags, ["b", "c", "a"]);
}

#[tokio::test]
async fn keys_of_a_blocked_team_are_blocked() {
    let app = TestApp::start().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let key = app.key(json!({"team_id": "t"})).await;

    let blocked = app.post("/team/block", json!({"team_id": "t"})).await.ok();
    let refused = policy(&app, &key).await.blocked;
    let management = app.call(Method::GET, "/key/info", Some(&key), Body::empty()).await;
    app.post("/team/unblock", json!({"team_id": "t"})).await.ok();

    assert_eq!((&blocked["blocked"], refused), (&json!(true), true));
    assert_eq!(management.refusal().0, 401);
    assert!(!policy(&app, &key).await.blocked);
}

#[tokio::test]
async fn deleting_a_team_deletes_its_keys() {
    let app = TestApp::start().await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    app.key(json!({"team_id": "t"})).await;
    let kept = app.key(json!({})).await;

    let deleted = app.post("/team/delete", json!({"team_ids": ["t"]})).await.ok();

    assert_eq!(deleted, json!({"deleted_teams": ["t"]}));
    assert_eq!(app.get("/key/list").await.ok()["total_count"], 1);
    app.get(&format!("/key/info?key={kept}")).await.ok();
    assert_eq!(app.get("/team/info?team_id=t").await.refusal().0, 404);
}

// shows: customer.alias
#[tokio::test]
async fn customers_are_limited_and_blocked() {
    let app = TestApp::start().await;
    app.post("/budget/new", json!({"budget_id": "b", "max_budget": 2, "rpm_limit": 4})).await.ok();
    let fields = json!({"user_id": "c", "alias": "C", "budget_id": "b", "tpm_limit": 6});

    let made = app.post("/customer/new", fields.clone()).await.ok();
    let twice = app.post("/end_user/new", fields).await.refusal();
    let resolved = app.service.resolve_customer("c").await.unwrap().customer.unwrap();
    let blocked = app.post("/customer/block", json!({"user_ids": ["c", "new"]})).await.ok();
    let open = app.post("/customer/unblock", json!({"user_ids": ["c"]})).await.ok();
    let list = app.get("/end_user/list").await.ok();

    insta::assert_json_snapshot!(made);
    assert_eq!((twice.0, twice.2), (400, json!("user_id")));
    let amounts: Vec<i64> = resolved.1.iter().map(|meter| meter.spec.amount).collect();
    assert_eq!((resolved.0, amounts), (false, vec![4, 6, 2_000_000_000]));
    assert_eq!(blocked["blocked_users"][1]["user_id"], "new");
    assert_eq!(open, json!({"blocked_users": ["new"]}));
    assert_eq!(list.as_array().unwrap().len(), 2);
    let unknown = app.get("/customer/info?end_user_id=x").await.refusal();
    assert_eq!((unknown.0, unknown.1.as_str()), (404, "not_found"));
    let deleted = app.post("/customer/delete", json!({"user_ids": ["c", "new"]})).await.ok();
    assert_eq!(deleted["deleted_customers"], 2);
    assert_eq!(app.service.resolve_customer("c").await.unwrap().customer, None);
}

// shows: organization.organization_alias, tag.description
#[tokio::test]
async fn organizations_and_tags_come_change_and_go() {
    let app = TestApp::start().await;
    let organization = json!({"organization_id": "o", "organization_alias": "O", "rpm_limit": 1});
    app.post("/organization/new", organization).await.ok();
    let patch = json!({"organization_id": "o", "rpm_limit": 2}).to_string();
    let patched = app.call(Method::PATCH, "/organization/update", Some(MASTER), patch).await.ok();
    app.post("/team/new", json!({"team_id": "t", "organization_id": "o"})).await.ok();
    let info = app.get("/organization/info?organization_id=o").await.ok();
    let asked = json!({"organizations": ["o", "nothing"]});
    assert_eq!(app.post("/organization/info", asked).await.ok(), json!([info]));
    let ids = json!({"organization_ids": ["o"]}).to_string();
    let path = "/organization/delete";
    let gone = app.call(Method::DELETE, path, Some(MASTER), ids.clone()).await.ok();
    let again = app.call(Method::DELETE, path, Some(MASTER), ids).await;

    assert_eq!(patched["litellm_budget_table"]["rpm_limit"], 2);
    assert_eq!(
        (&info["teams"][0]["team_id"], &gone[0]["organization_id"]),
        (&json!("t"), &json!("o"))
    );
    assert_eq!(again.body, json!({"detail": {"error": "Organization=o not found"}}));
    assert_eq!(app.get("/team/list").await.ok(), json!([]));

    let tag = app.post("/tag/new", json!({"name": "x", "description": "d", "max_budget": 3})).await;
    app.post("/tag/update", json!({"name": "x", "max_budget": 4})).await.ok();
    let info = app.post("/tag/info", json!({"names": ["x"]})).await.ok();
    assert_eq!(tag.ok()["tag"]["description"], "d");
    assert_eq!(info["x"]["max_budget"], 4.0);
    assert_eq!(app.get("/tag/list").await.ok()[0]["name"], "x");
    app.post("/tag/delete", json!({"name": "x"})).await.ok();
    assert_eq!(app.post("/tag/delete", json!({"name": "x"})).await.status.as_u16(), 404);
}

#[tokio::test]
async fn budgets_answer_in_litellms_shape_and_limit_their_keys() {
    let app = TestApp::start().await;

    let fields = json!({"budget_id": "b", "max_budget": 2, "budget_duration": "1d"});
    let made = app.post("/budget/new", fields.clone()).await.ok();
    let twice = app.post("/budget/new", fields).await;
    let key = app.key(json!({"budget_id": "b"})).await;
    let before = meters(&app, &key).await;
    app.post("/budget/update", json!({"budget_id": "b", "max_budget": 3})).await.ok();
    let after = meters(&app, &key).await;
    let info = app.post("/budget/info", json!({"budgets": ["b", "x"]})).await.ok();
    let settings = app.get("/budget/settings?budget_id=b").await.ok();
    let unknown = app.post("/key/generate", json!({"budget_id": "x"})).await.refusal();

    insta::assert_json_snapshot!(made);
    assert_eq!(twice.status.as_u16(), 400);
    assert_eq!(
        (before, after),
        (
            vec!["key money calendar:1d 2000000000".to_owned()],
            vec!["key money calendar:1d 3000000000".to_owned()],
        )
    );
    assert_eq!(info[0]["max_budget"], 3.0);
    let shown = app.get(&format!("/key/info?key={key}")).await.ok();
    let table = &shown["info"]["litellm_budget_table"];
    assert_eq!((&table["budget_id"], &table["max_budget"]), (&json!("b"), &json!(3.0)));
    assert_eq!(
        (&settings[0]["field_name"], &settings[0]["field_value"]),
        (&json!("max_budget"), &json!(3.0))
    );
    assert_eq!((unknown.0, unknown.2), (400, json!("budget_id")));
    app.post("/budget/delete", json!({"id": "b"})).await.ok();
    assert_eq!(app.get("/budget/list").await.ok(), json!([]));
    assert_eq!(meters(&app, &key).await, Vec::<String>::new());
    for (path, body) in
        [("/budget/update", json!({"budget_id": "b"})), ("/budget/delete", json!({"id": "b"}))]
    {
        assert_eq!(app.post(path, body).await.status.as_u16(), 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_enforced_for_them_is_not_accepted() {
    let app = TestApp::start().await;

    for (path, body, param) in [
        ("/team/new", json!({"allowed_routes": ["/v1/models"]}), "allowed_routes"),
        ("/team/new", json!({"team_member_permissions": ["/x"]}), "team_member_permissions"),
        ("/team/new", json!({"guardrails": ["g"]}), "guardrails"),
        ("/team/new", json!({"tags": ["t"]}), "tags"),
        ("/team/new", json!({"metadata": {"tags": "t"}}), "metadata"),
        ("/team/new", json!({"max_budget": 1, "soft_budget": 2}), "soft_budget"),
        ("/team/new", json!({"max_budget": "nan"}), "max_budget"),
        ("/team/new", json!({"team_id": "x".repeat(300)}), "team_id"),
        ("/user/new", json!({"password": "p"}), "password"),
        ("/customer/new", json!({"user_id": "c", "default_model": "m"}), "default_model"),
        ("/customer/new", json!({"user_id": "c", "budget_id": "none"}), "budget_id"),
        ("/tag/new", json!({"name": "t", "models": ["m"]}), "models"),
    ] {
        let (status, _, named) = app.post(path, body.clone()).await.refusal();
        assert_eq!((status, named), (400, json!(param)), "{path} {body}");
    }
    let key = app.key(json!({})).await;
    for path in ["/team/new", "/user/new", "/customer/new", "/tag/new", "/budget/new"] {
        let answer = app.call(Method::POST, path, Some(&key), "{}").await;
        assert_eq!(answer.refusal().0, 401, "{path}");
    }
}

#[tokio::test]
async fn users_and_teams_are_sorted_as_asked() {
    let app = TestApp::start().await;
    for (id, alias) in [("1", "b"), ("2", "a")] {
        app.post("/user/new", json!({"user_id": id, "user_alias": alias})).await.ok();
        app.post("/team/new", json!({"team_id": id, "team_alias": alias})).await.ok();
    }

    for (path, list, id) in
        [("/user/list", "users", "user_id"), ("/v2/team/list", "teams", "team_id")]
    {
        let column = id.replace("_id", "_alias");
        let sorted = app.get(&format!("{path}?sort_by={column}&sort_order=asc")).await.ok();
        assert_eq!(sorted[list][0][id], "2", "{path}");
        let sorted = app.get(&format!("{path}?sort_by={column}&sort_order=desc")).await.ok();
        assert_eq!(sorted[list][0][id], "1", "{path}");
        assert_eq!(app.get(&format!("{path}?sort_by=nothing")).await.refusal().0, 400);
        assert_eq!(app.get(&format!("{path}?sort_order=up")).await.refusal().0, 400);
    }
}
