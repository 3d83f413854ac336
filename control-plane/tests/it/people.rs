//! Who somebody becomes whom an identity provider vouches for.

use std::collections::BTreeMap;

use serde_json::json;
use tollgate_control_plane::domain::{Person, Role, Scope};
use tollgate_control_plane::service::{Actor, Admission, Stranger};

use crate::app::TestApp;

const ISSUER: &str = "https://id.example.com";

fn person(subject: &str) -> Person {
    Person { subject: subject.into(), email: None, name: None, role: None, teams: BTreeMap::new() }
}

fn with_email(subject: &str, email: &str, sure: bool) -> Person {
    Person { email: Some((email.into(), sure)), ..person(subject) }
}

async fn let_in_by(app: &TestApp, issuer: &str, person: &Person) -> Result<String, Stranger> {
    let admission = Admission { issuer, creates: true, default_role: Role::InternalUserViewer };
    app.service.let_in(person, admission).await.unwrap()
}

async fn let_in(app: &TestApp, person: &Person) -> Result<String, Stranger> {
    let_in_by(app, ISSUER, person).await
}

async fn user(app: &TestApp, id: &str, email: &str) {
    let user = json!({"user_id": id, "user_email": email, "user_role": "proxy_admin",
        "auto_create_key": false});
    app.post("/user/new", user).await.ok();
}

#[tokio::test]
async fn somebody_new_gets_a_user_once() {
    let app = TestApp::start().await;
    let ada = Person { name: Some("Ada".into()), ..with_email("s-1", "ada@b.example", true) };

    assert_eq!(let_in(&app, &ada).await, Ok("s-1".into()));
    assert_eq!(let_in(&app, &ada).await, Ok("s-1".into()));

    let shown = app.get("/v2/user/info?user_id=s-1").await.ok();
    assert_eq!(shown["user_email"], "ada@b.example");
    assert_eq!(shown["user_alias"], "Ada");
    assert_eq!(shown["user_role"], "internal_user_viewer");
    assert_eq!(shown["sso_user_id"], "s-1");
    let told = app.get("/audit?object_id=s-1&action=created").await.ok();
    assert_eq!(told["audit_logs"][0]["changed_by"], "sign-in");
}

#[tokio::test]
async fn an_id_that_somebody_has_is_not_taken_over() {
    let app = TestApp::start().await;
    user(&app, "boss", "boss@b.example").await;

    let id = let_in(&app, &person("boss")).await.unwrap();

    assert_ne!(id, "boss");
    assert_eq!(let_in(&app, &person("boss")).await, Ok(id));
    assert_ne!(let_in(&app, &person("default_user_id")).await, Ok("default_user_id".into()));
}

#[tokio::test]
async fn only_a_sure_address_leads_to_a_user_and_only_the_first() {
    let app = TestApp::start().await;
    user(&app, "boss", "boss@b.example").await;

    let unsure = with_email("s-1", "boss@b.example", false);
    assert_eq!(let_in(&app, &unsure).await, Err(Stranger::Unverified));
    let sure = with_email("s-1", "boss@b.example", true);
    assert_eq!(let_in(&app, &sure).await, Ok("boss".into()));
    let later = with_email("s-2", "boss@b.example", true);
    assert_eq!(let_in(&app, &later).await, Err(Stranger::Taken));
    let elsewhere = let_in_by(&app, "https://other.example", &later).await;
    assert_eq!(elsewhere, Ok("boss".into()), "another provider has names of its own");
    let moved = with_email("s-1", "new@b.example", true);
    assert_eq!(let_in(&app, &moved).await, Ok("boss".into()), "the name counts from then on");
}

#[tokio::test]
async fn an_unsure_address_that_nobody_has_is_not_kept() {
    let app = TestApp::start().await;

    let_in(&app, &with_email("s-1", "victim@b.example", false)).await.unwrap();

    let shown = app.get("/v2/user/info?user_id=s-1").await.ok();
    assert_eq!(shown["user_email"], json!(null));
    let owner = with_email("s-2", "victim@b.example", true);
    assert_eq!(let_in(&app, &owner).await, Ok("s-2".into()));
}

// proves: config.sign_in.oidc.create_users
#[tokio::test]
async fn who_is_blocked_removed_or_unknown_is_not_let_in() {
    let app = TestApp::start().await;
    let actor = Actor { name: "test".into(), request_id: None };
    let_in(&app, &person("s-1")).await.unwrap();

    app.service.block_entity(Scope::User, "s-1", true, &actor).await.unwrap();
    assert_eq!(let_in(&app, &person("s-1")).await, Err(Stranger::Blocked));
    app.post("/user/delete", json!({"user_ids": ["s-1"]})).await.ok();
    assert_eq!(let_in(&app, &person("s-1")).await, Err(Stranger::Removed));
    user(&app, "s-1", "s1@b.example").await;
    assert_eq!(let_in(&app, &person("s-1")).await, Ok("s-1".into()), "an admin wants them back");

    let closed =
        Admission { issuer: ISSUER, creates: false, default_role: Role::InternalUserViewer };
    let refused = app.service.let_in(&person("s-2"), closed).await.unwrap();
    assert_eq!(refused, Err(Stranger::Unknown));
}

#[tokio::test]
async fn roles_and_teams_follow_the_claims() {
    let app = TestApp::start().await;
    for team in ["t1", "t2", "own"] {
        app.post("/team/new", json!({ "team_id": team })).await.ok();
    }
    let teams = |t1, t2| BTreeMap::from([("t1".into(), t1), ("t2".into(), t2), ("no".into(), t1)]);
    let ada = Person { role: Some(Role::ProxyAdmin), teams: teams(true, false), ..person("s-1") };
    let shown = async || {
        let shown = app.get("/v2/user/info?user_id=s-1").await.ok();
        (shown["user_role"].clone(), shown["teams"].clone())
    };

    let_in(&app, &ada).await.unwrap();
    assert_eq!(shown().await, (json!("proxy_admin"), json!(["t1"])));
    let join = json!({"team_id": "own", "member": {"role": "user", "user_id": "s-1"}});
    app.post("/team/member_add", join).await.ok();
    let moved = Person { role: Some(Role::InternalUser), teams: teams(false, true), ..ada };
    let_in(&app, &moved).await.unwrap();
    assert_eq!(shown().await, (json!("internal_user"), json!(["own", "t2"])));

    let silent = Person { role: None, ..moved };
    app.post("/user/update", json!({"user_id": "s-1", "user_role": "org_admin"})).await.ok();
    let_in(&app, &silent).await.unwrap();
    assert_eq!(shown().await.0, "org_admin", "no claim says otherwise");
}
