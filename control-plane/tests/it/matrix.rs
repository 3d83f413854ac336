//! Who may do what, as tables to read: every route by role, and what is done to things of one's
//! own and of others.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tollgate_control_plane::http::access::TABLE;

use crate::app::{Answer, MASTER, TestApp};

/// Somebody who asks.
struct Who {
    name: &'static str,
    key: Option<String>,
    /// Who signed in, instead of sending a key.
    user: Option<&'static str>,
    sees_all: bool,
    changes_all: bool,
}

/// Users with a role of their own; `oa`, `ta` and `tm` are made something by what is set up.
const USERS: [(&str, &str, &str); 7] = [
    ("admin", "pa", "proxy_admin"),
    ("viewer", "pv", "proxy_admin_viewer"),
    ("orgadm", "oa", "org_admin"),
    ("teamadm", "ta", "internal_user"),
    ("member", "tm", "internal_user"),
    ("user", "iu", "internal_user"),
    ("looker", "iv", "internal_user_viewer"),
];

async fn everybody(app: &TestApp, sessions: bool) -> Vec<Who> {
    let master = Some(MASTER.to_owned());
    let mut all =
        vec![Who { name: "master", key: master, user: None, sees_all: true, changes_all: true }];
    for (name, id, role) in USERS {
        let made = app.post("/user/new", json!({"user_id": id, "user_role": role})).await.ok();
        all.push(Who {
            name,
            key: made["key"].as_str().map(str::to_owned),
            user: sessions.then_some(id),
            sees_all: role.starts_with("proxy_admin"),
            changes_all: role == "proxy_admin",
        });
    }
    let plain = Some(app.key(json!({})).await);
    for (name, key) in [("plain", plain), ("nobody", None)] {
        all.push(Who { name, key, user: None, sees_all: false, changes_all: false });
    }
    all
}

async fn ask(app: &TestApp, who: &Who, (method, path): (&str, &str), body: &str) -> Answer {
    let method: Method = method.parse().unwrap();
    if let Some(user) = who.user {
        let session = app.session(Some(user)).await;
        return app.send(session.request(method, path, body)).await;
    }
    app.call(method, path, who.key.as_deref(), Body::from(body.to_owned())).await
}

fn header(all: &[Who]) -> String {
    let mut line = String::new();
    for who in all {
        let _ = write!(line, "{:<8}", who.name);
    }
    line
}

/// `-`: the route is not for them. `+`: their request is looked at.
#[tokio::test]
async fn every_route_is_for_those_of_the_table() {
    let table = routes(false).await;
    insta::assert_snapshot!("routes", table);
}

#[tokio::test]
async fn a_session_reaches_what_a_key_of_its_user_does() {
    let table = routes(true).await;
    insta::assert_snapshot!("routes", table);
}

async fn routes(sessions: bool) -> String {
    let app = TestApp::start().await;
    let all = everybody(&app, sessions).await;
    let mut table = format!("{}\n", header(&all));
    for (method, path, _) in TABLE {
        let asked = path.replace(['{', '}'], "");
        for who in &all {
            let answer = ask(&app, who, (method, &asked), "{}").await;
            let said = answer.body["error"]["message"].as_str().unwrap_or_default();
            let refused = match answer.status.as_u16() {
                401 => said.contains("Only proxy admin") || said.contains("No api key"),
                403 => said.contains("may look, and change nothing"),
                _ => false,
            };
            let _ = write!(table, "{:<8}", if refused { "-" } else { "+" });
        }
        let _ = writeln!(table, "{method} {path}");
    }
    table
}

/// What is asked of a thing, whose name stands for `ID`.
const DEEDS: &[(&str, &str, &str, &str)] = &[
    ("key", "GET", "/key/info?key=ID", "{}"),
    ("key", "POST", "/v2/key/info", r#"{"keys": ["ID"]}"#),
    ("key", "POST", "/key/update", r#"{"key": "ID", "models": ["m"]}"#),
    ("key", "POST", "/key/update", r#"{"key": "ID", "max_budget": 9}"#),
    ("key", "POST", "/key/update", r#"{"key": "ID", "user_id": "tm"}"#),
    ("key", "POST", "/key/block", r#"{"key": "ID"}"#),
    ("key", "POST", "/key/unblock", r#"{"key": "ID"}"#),
    ("key", "POST", "/key/ID/reset_spend", r#"{"reset_to": 0}"#),
    ("key", "POST", "/key/regenerate", r#"{"key": "ID"}"#),
    ("key", "POST", "/key/delete", r#"{"keys": ["ID"]}"#),
    ("team", "GET", "/team/info?team_id=ID", "{}"),
    ("team", "GET", "/team/permissions_list?team_id=ID", "{}"),
    ("team", "GET", "/team/ID/members/me", "{}"),
    ("team", "GET", "/key/list?team_id=ID", "{}"),
    ("team", "GET", "/key/aliases?team_id=ID", "{}"),
    ("team", "GET", "/spend/logs?team_id=ID", "{}"),
    ("team", "POST", "/key/generate", r#"{"team_id": "ID"}"#),
    ("team", "POST", "/key/service-account/generate", r#"{"team_id": "ID"}"#),
    ("team", "POST", "/team/update", r#"{"team_id": "ID", "team_alias": "new"}"#),
    ("team", "POST", "/team/update", r#"{"team_id": "ID", "max_budget": 9}"#),
    ("team", "PATCH", "/team/ID", r#"{"models": []}"#),
    ("team", "POST", "/team/model/add", r#"{"team_id": "ID", "models": ["m"]}"#),
    ("team", "POST", "/team/block", r#"{"team_id": "ID"}"#),
    ("team", "POST", "/team/permissions_update", PERMIT),
    ("team", "POST", "/team/member_add", JOIN),
    (
        "team",
        "POST",
        "/team/member_update",
        r#"{"team_id": "ID", "user_id": "x", "role": "admin"}"#,
    ),
    ("team", "POST", "/team/ID/member/x/reset_spend", r#"{"reset_to": 0}"#),
    ("team", "POST", "/team/member_delete", r#"{"team_id": "ID", "user_id": "x"}"#),
    ("team", "POST", "/team/delete", r#"{"team_ids": ["ID"]}"#),
    ("user", "GET", "/user/info?user_id=ID", "{}"),
    ("user", "GET", "/v2/user/info?user_id=ID", "{}"),
    ("user", "GET", "/key/list?user_id=ID", "{}"),
    ("user", "GET", "/team/list?user_id=ID", "{}"),
    ("user", "POST", "/key/generate", r#"{"user_id": "ID"}"#),
    ("user", "POST", "/user/update", r#"{"user_id": "ID", "user_alias": "new"}"#),
    ("user", "POST", "/user/update", r#"{"user_id": "ID", "user_role": "proxy_admin"}"#),
    ("user", "POST", "/user/delete", r#"{"user_ids": ["ID"]}"#),
    ("organization", "GET", "/organization/info?organization_id=ID", "{}"),
    ("organization", "POST", "/team/new", r#"{"organization_id": "ID"}"#),
    ("organization", "POST", "/key/generate", r#"{"organization_id": "ID"}"#),
    ("organization", "POST", "/user/new", ENROL),
    ("organization", "POST", "/organization/member_add", TAKE_IN),
    ("organization", "PATCH", "/organization/update", RENAME),
    ("organization", "DELETE", "/organization/delete", r#"{"organization_ids": ["ID"]}"#),
];

const PERMIT: &str = r#"{"team_id": "ID", "team_member_permissions": ["/key/generate"]}"#;
const JOIN: &str = r#"{"team_id": "ID", "member": {"role": "user", "user_id": "y"}}"#;
const ENROL: &str = r#"{"organizations": ["ID"], "auto_create_key": false}"#;
const TAKE_IN: &str =
    r#"{"organization_id": "ID", "member": {"role": "internal_user", "user_id": "ID-new"}}"#;
const RENAME: &str = r#"{"organization_id": "ID", "organization_alias": "new"}"#;

/// Makes a thing and returns its name, and where it is shown. Near ones belong to an organisation
/// that `oa` manages, and to a team that `ta` manages and `tm` is a member of; far ones to others.
async fn made(app: &TestApp, kind: &str, near: bool, number: usize) -> (String, String) {
    let id = format!("{}-{number}", if near { "near" } else { "far" });
    let alias = if near { format!("alias-{number}") } else { format!("SECRET-{number}") };
    let organization = json!({"organization_id": id, "organization_alias": alias});
    app.post("/organization/new", organization).await.ok();
    let manager = if near { "oa" } else { "stranger" };
    let member = json!({"role": "org_admin", "user_id": manager});
    let member = json!({"organization_id": id, "member": member});
    app.post("/organization/member_add", member).await.ok();
    let members: &[(&str, &str)] =
        if near { &[("ta", "admin"), ("tm", "user"), ("x", "user")] } else { &[("x", "user")] };
    let members: Vec<Value> =
        members.iter().map(|(user, role)| json!({"user_id": user, "role": role})).collect();
    let team = json!({"team_id": id, "team_alias": alias, "organization_id": id,
        "members_with_roles": members});
    app.post("/team/new", team).await.ok();
    let user = json!({"user_id": id, "user_alias": alias, "organizations": [id],
        "auto_create_key": false});
    app.post("/user/new", user).await.ok();
    let key = app.key(json!({"team_id": id, "user_id": id, "key_alias": alias})).await;
    match kind {
        "key" => (key.clone(), format!("/key/info?key={key}")),
        "team" => (id.clone(), format!("/team/info?team_id={id}")),
        "user" => (id.clone(), format!("/user/info?user_id={id}")),
        _ => (id.clone(), format!("/organization/info?organization_id={id}")),
    }
}

#[tokio::test]
async fn nobody_sees_or_changes_what_is_not_theirs() {
    let table = deeds(false).await;
    insta::assert_snapshot!("deeds", table);
}

#[tokio::test]
async fn a_session_does_what_a_key_of_its_user_does() {
    let table = deeds(true).await;
    insta::assert_snapshot!("deeds", table);
}

async fn deeds(sessions: bool) -> String {
    let app = TestApp::start().await;
    let all = everybody(&app, sessions).await;
    let (mut table, mut number) = (format!("     {}\n", header(&all)), 0);
    let mut known = BTreeMap::new();
    for (kind, method, path, body) in DEEDS {
        for near in [true, false] {
            let _ = write!(table, "{:<5}", if near { "near" } else { "far" });
            for who in &all {
                let (id, shown) = if let Some(known) = known.get(&(kind, near)) {
                    Clone::clone(known)
                } else {
                    number += 1;
                    let new = made(&app, kind, near, number).await;
                    known.insert((kind, near), new.clone());
                    new
                };
                let before = if near { Value::Null } else { app.get(&shown).await.ok() };

                let deed = (*method, &*path.replace("ID", &id));
                let answer = ask(&app, who, deed, &body.replace("ID", &id)).await;

                let _ = write!(table, "{:<8}", answer.status.as_u16());
                // What was changed is not what the next one would find.
                if *method != "GET" && answer.status.as_u16() < 400 {
                    known.remove(&(kind, near));
                }
                if !near && !who.sees_all {
                    let told = answer.body.to_string();
                    assert!(!told.contains("SECRET"), "{} saw it: {deed:?} {told}", who.name);
                }
                if !near && !who.changes_all {
                    let after = app.get(&shown).await.ok();
                    assert_eq!(before, after, "{} changed it: {deed:?}", who.name);
                }
            }
            let _ = writeln!(table, "{method} {path} {body}");
        }
    }
    table
}
