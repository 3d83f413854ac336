//! What users may do with keys of theirs, by role and by what they are a member of.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::key_limits::{meters, policy};

/// Makes a user and returns a key of theirs.
async fn user(app: &TestApp, fields: Value) -> String {
    app.post("/user/new", fields).await.ok()["key"].as_str().unwrap().to_owned()
}

async fn post(app: &TestApp, key: &str, path: &str, body: Value) -> Answer {
    app.call(Method::POST, path, Some(key), body.to_string()).await
}

async fn get(app: &TestApp, key: &str, path: &str) -> Answer {
    app.call(Method::GET, path, Some(key), Body::empty()).await
}

// proves: user.user_role
#[tokio::test]
async fn a_key_acts_with_the_role_of_its_user() {
    let app = TestApp::start().await;
    for (role, read, written) in [
        ("proxy_admin", 200, 200),
        ("proxy_admin_viewer", 200, 403),
        ("org_admin", 401, 401),
        ("internal_user", 401, 401),
        ("internal_user_viewer", 401, 401),
    ] {
        let key = user(&app, json!({"user_id": role, "user_role": role})).await;

        let list = get(&app, &key, "/budget/list").await;
        let new = post(&app, &key, "/budget/new", json!({"budget_id": role})).await;

        assert_eq!(list.status.as_u16(), read, "{role}");
        assert_eq!(new.status.as_u16(), written, "{role}");
        if read == 401 {
            let said = list.body["error"]["message"].as_str().unwrap().to_owned();
            assert!(said.ends_with(&format!("Your role={role}.")), "{said}");
        }
    }
    let demoted = json!({"user_id": "proxy_admin", "user_role": "internal_user"});
    let key = user(&app, json!({"user_role": "proxy_admin"})).await;
    post(&app, &key, "/user/update", demoted).await.ok();
    post(&app, &key, "/global/spend/reset", json!({})).await.refusal();
}

#[tokio::test]
async fn a_user_makes_and_changes_keys_of_their_own_alone() {
    let app = TestApp::start().await;
    let own = user(&app, json!({"user_id": "u"})).await;
    let foreign = user(&app, json!({"user_id": "v", "key_alias": "secret"})).await;

    let made = post(&app, &own, "/key/generate", json!({"models": ["m"]})).await.ok();
    assert_eq!((&made["user_id"], &made["created_by"]), (&json!("u"), &json!("u")));
    let name = made["key"].as_str().unwrap();
    post(&app, &own, "/key/update", json!({"key": name, "rpm_limit": 1})).await.ok();
    assert_eq!(get(&app, &own, "/key/list").await.ok()["total_count"], 2);
    let infos = json!({"keys": [name, own]});
    assert_eq!(post(&app, &own, "/v2/key/info", infos).await.ok()["info"][1]["user_id"], "u");

    for (path, body) in [
        ("/key/generate", json!({"user_id": "v"})),
        ("/key/generate", json!({"allowed_routes": ["/v1/models"]})),
        ("/key/generate", json!({"team_id": "t"})),
        ("/key/generate", json!({"organization_id": "o"})),
        ("/key/generate", json!({"key": foreign})),
        ("/key/generate", json!({"spend": 1})),
        ("/key/update", json!({"key": foreign, "rpm_limit": 9})),
        ("/key/update", json!({"key": "sk-unknown", "rpm_limit": 9})),
        ("/key/update", json!({"key": name, "user_id": "v"})),
        ("/key/update", json!({"key": name, "user_id": null})),
        ("/key/update", json!({"key": name, "spend": 0})),
        ("/key/update", json!({"key": name, "max_budget": 9})),
        ("/key/delete", json!({"keys": [foreign]})),
        ("/key/delete", json!({"key_aliases": ["secret"]})),
        ("/key/block", json!({"key": foreign})),
        ("/key/unblock", json!({"key": own})),
        ("/v2/key/info", json!({"keys": [foreign]})),
    ] {
        let answer = post(&app, &own, path, body.clone()).await;
        assert_eq!(answer.status.as_u16(), 403, "{path} {body}: {}", answer.body);
    }
    for path in ["/key/list?user_id=v", "/user/info?user_id=v", "/user/list"] {
        assert_eq!(get(&app, &own, path).await.status.as_u16(), 403, "{path}");
    }
    let info = format!("/key/info?key={foreign}");
    assert_eq!(get(&app, &own, &info).await.status.as_u16(), 403);
    let gone = post(&app, &own, "/key/delete", json!({"keys": [name]})).await.ok();
    assert_eq!(gone["deleted_keys"], json!([name]));
    get(&app, &foreign, "/key/info").await.ok();
}

#[tokio::test]
async fn a_key_without_a_user_looks_at_itself_alone() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let shared = app.key(json!({"user_id": "default_user_id"})).await;
    let other = app.key(json!({"user_id": "default_user_id"})).await;

    for key in [&key, &shared] {
        get(&app, key, "/key/info").await.ok();
        assert_eq!(get(&app, key, "/spend/keys").await.ok().as_array().unwrap().len(), 1);
        let foreign = format!("/key/info?key={other}");
        for path in ["/key/list", "/user/info", &foreign] {
            assert_eq!(get(&app, key, path).await.status.as_u16(), 403, "{path}");
        }
        assert_eq!(get(&app, key, "/team/list").await.status.as_u16(), 401);
        assert_eq!(post(&app, key, "/key/generate", json!({})).await.refusal().0, 401);
    }
}

// proves: key.{allowed_routes,key_type}
#[tokio::test]
async fn a_key_with_a_list_of_routes_calls_no_other() {
    let app = TestApp::start().await;
    let admin = user(&app, json!({"user_id": "a", "user_role": "proxy_admin"})).await;
    for (routes, info, list) in [
        (json!({"allowed_routes": ["/key/info"]}), 200, 403),
        (json!({"allowed_routes": ["/key/*"]}), 200, 200),
        (json!({"key_type": "llm_api"}), 403, 403),
        (json!({"key_type": "management"}), 200, 200),
        (json!({"key_type": "default"}), 200, 200),
        (json!({"allowed_routes": ["/budget"]}), 403, 403),
    ] {
        let mut fields = routes.clone();
        fields["user_id"] = json!("a");
        let made = post(&app, &admin, "/key/generate", fields).await.ok();
        let key = made["key"].as_str().unwrap();

        assert_eq!(get(&app, key, "/key/info").await.status.as_u16(), info, "{routes}");
        let refused = get(&app, key, "/key/list").await;
        assert_eq!(refused.status.as_u16(), list, "{routes}");
        if list == 403 {
            let said = refused.body["detail"].as_str().unwrap();
            assert!(said.starts_with("Virtual key is not allowed to call this route."), "{said}");
        }
        if let Some(kind) = routes.get("key_type") {
            assert_eq!(&made["key_type"], kind);
        }
        assert_eq!(json!(policy(&app, key).await.allowed_routes), made["allowed_routes"]);
    }
}

#[tokio::test]
async fn who_may_not_give_routes_may_not_take_the_list_away() {
    let app = TestApp::start().await;
    let own = user(&app, json!({"user_id": "u"})).await;
    let kept = app.key(json!({"user_id": "u", "allowed_routes": ["/v1/models"]})).await;

    for change in [json!({"allowed_routes": []}), json!({"key_type": "default"})] {
        let mut fields = change.clone();
        fields["key"] = json!(kept);
        let answer = post(&app, &own, "/key/update", fields.clone()).await;
        assert_eq!(answer.status.as_u16(), 403, "{change}");
        let answer = post(&app, &own, "/key/regenerate", fields).await;
        assert_eq!(answer.status.as_u16(), 403, "{change}");
    }
    let same = json!({"key": kept, "allowed_routes": ["/v1/models"], "rpm_limit": 1});
    post(&app, &own, "/key/update", same).await.ok();
    assert_eq!(policy(&app, &kept).await.allowed_routes, ["/v1/models"]);
}

/// A team `t` with an admin `a` and a member `m`, and a user `s` who is no member. Their keys.
async fn team(app: &TestApp) -> [String; 3] {
    let keys = [
        user(app, json!({"user_id": "a"})).await,
        user(app, json!({"user_id": "m"})).await,
        user(app, json!({"user_id": "s"})).await,
    ];
    let members = json!([{"role": "admin", "user_id": "a"}, {"role": "user", "user_id": "m"}]);
    let team = json!({"team_id": "t", "members_with_roles": members, "max_budget": 10});
    app.post("/team/new", team).await.ok();
    keys
}

// proves: member.role
#[tokio::test]
async fn members_are_added_changed_and_removed_by_the_admins_of_their_team() {
    let app = TestApp::start().await;
    let [admin, member, stranger] = team(&app).await;

    let add = json!({"team_id": "t", "member": {"role": "user", "user_id": "new"},
        "max_budget_in_team": 2, "allowed_models": ["small/*"]});
    for key in [&member, &stranger] {
        let refused = post(&app, key, "/team/member_add", add.clone()).await;
        assert_eq!(refused.status.as_u16(), 403);
    }
    let added = post(&app, &admin, "/team/member_add", add.clone()).await.ok();
    let part = &added["updated_team_memberships"][0];
    assert_eq!(part["litellm_budget_table"]["max_budget"], 2.0);
    assert_eq!(added["updated_users"][0]["user_id"], "new");
    assert_eq!(
        app.get("/user/info?user_id=new").await.ok()["user_info"]["user_role"],
        "internal_user"
    );
    let twice = post(&app, &admin, "/team/member_add", add).await.refusal();
    assert_eq!((twice.0, twice.1.as_str()), (400, "team_member_already_in_team"));

    let key = app.key(json!({"team_id": "t", "user_id": "new"})).await;
    let money = "team_member money none 2000000000";
    assert_eq!(meters(&app, &key).await, ["team money none 10000000000", money]);
    assert_eq!(policy(&app, &key).await.models, ["small/*"]);
    let change = json!({"team_id": "t", "user_id": "new", "rpm_limit": 3, "role": "admin",
        "max_budget_in_team": null});
    let changed = post(&app, &admin, "/team/member_update", change).await.ok();
    assert_eq!((&changed["rpm_limit"], &changed["role"]), (&json!(3), &json!("admin")));
    let requests = "team_member requests fixed:60 3";
    assert_eq!(meters(&app, &key).await, ["team money none 10000000000", requests]);

    let own = json!({"user_id": "new", "auto_create_key": false});
    app.post("/user/update", own).await.ok();
    let me = get(&app, &key, "/team/t/members/me").await.ok();
    assert_eq!((&me["user_id"], &me["role"]), (&json!("new"), &json!("admin")));
    get(&app, &stranger, "/team/t/members/me").await.refusal();

    let gone = json!({"team_id": "t", "user_id": "new"});
    let left = post(&app, &admin, "/team/member_delete", gone.clone()).await.ok();
    assert_eq!(left["admins"], json!(["a"]));
    assert_eq!(get(&app, &key, "/key/info").await.status.as_u16(), 401, "their key went along");
    let unknown = post(&app, &admin, "/team/member_delete", gone).await;
    assert_eq!(unknown.status.as_u16(), 400);
}

// proves: team.{team_member_permissions,members_with_roles}
#[tokio::test]
async fn what_a_member_may_do_to_keys_of_a_team_is_the_teams_to_say() {
    let app = TestApp::start().await;
    let [admin, member, stranger] = team(&app).await;
    let of_team = json!({"team_id": "t"});
    assert_eq!(post(&app, &member, "/key/generate", of_team.clone()).await.status.as_u16(), 403);

    let say = json!({"team_id": "t", "team_member_permissions": ["/key/generate"]});
    assert_eq!(post(&app, &member, "/team/permissions_update", say.clone()).await.status, 403);
    post(&app, &admin, "/team/permissions_update", say).await.ok();
    let made = post(&app, &member, "/key/generate", of_team.clone()).await.ok();
    assert_eq!((&made["team_id"], &made["user_id"]), (&json!("t"), &json!("m")));
    let said = get(&app, &member, "/team/permissions_list?team_id=t").await.ok();
    assert_eq!(said["team_member_permissions"], json!(["/key/generate"]));
    assert_eq!(post(&app, &stranger, "/key/generate", of_team).await.status.as_u16(), 403);

    let name = made["key"].as_str().unwrap();
    let change = json!({"key": name, "max_budget": 1});
    assert_eq!(post(&app, &member, "/key/update", change.clone()).await.status.as_u16(), 403);
    post(&app, &admin, "/key/update", change).await.ok();
    post(&app, &admin, "/key/block", json!({"key": name})).await.ok();
    let listed = get(&app, &admin, "/key/list?team_id=t").await.ok();
    assert_eq!(listed["total_count"], 1);
    let info = get(&app, &stranger, "/team/info?team_id=t").await;
    assert_eq!(info.status.as_u16(), 403);
    let seen = get(&app, &member, "/team/info?team_id=t").await.ok();
    assert_eq!(seen["team_memberships"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_admin_of_a_team_does_not_say_what_the_team_may_use() {
    let app = TestApp::start().await;
    let [admin, member, _] = team(&app).await;

    let rename = json!({"team_id": "t", "team_alias": "x"});
    assert_eq!(post(&app, &member, "/team/update", rename.clone()).await.status.as_u16(), 403);
    let renamed = post(&app, &admin, "/team/update", rename).await.ok();
    assert_eq!(renamed["data"]["team_alias"], "x");
    for mut body in [
        json!({"max_budget": 99}),
        json!({"models": []}),
        json!({"blocked": false}),
        json!({"organization_id": "o"}),
        json!({"rpm_limit": 9}),
    ] {
        body["team_id"] = json!("t");
        let refused = post(&app, &admin, "/team/update", body.clone()).await;
        assert_eq!(refused.status.as_u16(), 403, "{body}");
    }
    for path in ["/team/block", "/team/unblock"] {
        let refused = post(&app, &admin, path, json!({"team_id": "t"})).await;
        assert_eq!(refused.status.as_u16(), 403, "{path}");
    }
    let add = json!({"team_id": "t", "models": ["m"]});
    assert_eq!(post(&app, &admin, "/team/model/add", add.clone()).await.status.as_u16(), 403);
    assert_eq!(app.post("/team/model/add", add.clone()).await.ok()["models"], json!(["m"]));
    let left = app.post("/team/model/delete", add).await.ok();
    assert_eq!(left["models"], json!(["no-default-models"]), "an empty list would open all");
    assert_eq!(get(&app, &admin, "/team/list?user_id=a").await.ok()[0]["team_id"], "t");
    assert_eq!(get(&app, &admin, "/team/list").await.ok().as_array().unwrap().len(), 1);
    assert_eq!(get(&app, &member, "/team/list?user_id=a").await.status.as_u16(), 401);
}

// proves: organization_member.{member,role}, user.organizations
#[tokio::test]
async fn an_admin_of_an_organization_manages_what_is_in_it_and_no_more() {
    let app = TestApp::start().await;
    for id in ["o", "p"] {
        let body = json!({"organization_id": id, "organization_alias": id});
        app.post("/organization/new", body).await.ok();
    }
    let admin = user(&app, json!({"user_id": "a", "user_role": "org_admin"})).await;
    user(&app, json!({"user_id": "s"})).await;
    let member = json!({"organization_id": "o", "member": {"role": "org_admin", "user_id": "a"}});
    app.post("/organization/member_add", member).await.ok();

    let team = json!({"team_id": "t", "organization_id": "o", "max_budget": 5});
    let made = post(&app, &admin, "/team/new", team).await.ok();
    assert_eq!(
        made["members_with_roles"],
        json!([{"user_id": "a", "user_email": null, "role": "admin"}])
    );
    post(&app, &admin, "/team/update", json!({"team_id": "t", "max_budget": 6})).await.ok();
    let new = json!({"user_id": "n", "organizations": ["o"], "auto_create_key": false});
    assert_eq!(
        post(&app, &admin, "/user/new", new).await.ok()["organization_memberships"][0]["organization_id"],
        "o"
    );
    post(&app, &admin, "/user/update", json!({"user_id": "n", "user_alias": "N"})).await.ok();
    let users = get(&app, &admin, "/user/list").await.ok();
    assert_eq!(users["total"], 2, "{users}");
    get(&app, &admin, "/organization/info?organization_id=o").await.ok();
    assert_eq!(get(&app, &admin, "/organization/list").await.ok().as_array().unwrap().len(), 1);

    app.post("/team/new", json!({"team_id": "u"})).await.ok();
    for (path, body) in [
        ("/team/new", json!({"team_id": "v"})),
        ("/team/new", json!({"team_id": "v", "organization_id": "p"})),
        ("/team/update", json!({"team_id": "t", "organization_id": "p"})),
        ("/team/update", json!({"team_id": "u", "max_budget": 1})),
        ("/team/delete", json!({"team_ids": ["u"]})),
        ("/user/new", json!({"user_id": "x"})),
        ("/user/new", json!({"user_id": "x", "organizations": ["p"]})),
        ("/user/new", json!({"user_id": "x", "organizations": ["o"], "user_role": "proxy_admin"})),
        ("/user/new", json!({"user_id": "x", "organizations": ["o"], "teams": ["u"]})),
        ("/user/update", json!({"user_id": "n", "user_role": "proxy_admin"})),
        ("/user/update", json!({"user_id": "s", "user_alias": "mine"})),
        ("/user/delete", json!({"user_ids": ["s"]})),
        (
            "/organization/member_add",
            json!({"organization_id": "p", "member": {"role": "org_admin", "user_id": "a"}}),
        ),
        (
            "/organization/member_add",
            json!({"organization_id": "o", "member": {"role": "internal_user", "user_id": "s"}}),
        ),
    ] {
        let answer = post(&app, &admin, path, body.clone()).await;
        assert_eq!(answer.status.as_u16(), 403, "{path} {body}: {}", answer.body);
    }
    let foreign = get(&app, &admin, "/organization/info?organization_id=p").await;
    assert_eq!(foreign.status.as_u16(), 403);
}
