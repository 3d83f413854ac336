//! Keys that are given new secrets.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tollgate_core::key::KeyHash;

use crate::app::TestApp;
use crate::key_limits::{meters, policy};

async fn status(app: &TestApp, key: &str) -> u16 {
    app.call(Method::GET, "/key/info", Some(key), Body::empty()).await.status.as_u16()
}

fn hash(key: &str) -> KeyHash {
    KeyHash::of(key.as_bytes())
}

#[tokio::test]
async fn a_key_gets_a_new_secret_and_stays_what_it_is() {
    let app = TestApp::start().await;
    let old = app.key(json!({"key_alias": "a", "max_budget": 5, "models": ["m"]})).await;
    let before = policy(&app, &old).await;
    app.told.take();

    let made = app.post("/key/regenerate", json!({"key": old, "rpm_limit": 3})).await.ok();

    let new = made["key"].as_str().unwrap();
    assert_ne!(new, old);
    assert_eq!((&made["key_alias"], &made["rpm_limit"]), (&json!("a"), &json!(3)));
    assert_eq!((status(&app, &old).await, status(&app, new).await), (401, 200));
    let after = policy(&app, new).await;
    assert_eq!((&after.models, &after.tenant), (&before.models, &before.tenant));
    assert_eq!(meters(&app, new).await, ["key money none 5000000000", "key requests fixed:60 3"]);
    assert!(app.service.resolve(&hash(&old)).await.unwrap().policy.is_none());
    let told: Vec<KeyHash> = app.told.take().into_iter().map(|(hash, _)| hash).collect();
    assert!(told.contains(&hash(&old)), "filters hear that the old secret is no more");
    let info = app.get(&format!("/key/info?key={new}")).await.ok();
    assert_eq!(info["info"]["rotation_count"], 1);
    assert_ne!(info["info"]["last_rotation_at"], Value::Null);
}

#[tokio::test]
async fn a_former_secret_is_good_for_the_grace_period_and_no_longer() {
    let app = TestApp::start().await;
    let old = app.key(json!({})).await;
    let path = format!("/key/{old}/regenerate");
    let chosen = json!({"grace_period": "1h", "new_key": "sk-chosen-by-hand-1"});

    let made = app.post(&path, chosen).await.ok();

    assert_eq!(made["key"], "sk-chosen-by-hand-1");
    let end = app.service.now().plus_micros(3_600_000_000);
    assert_eq!(policy(&app, &old).await.expires_at, Some(end));
    assert_eq!(policy(&app, "sk-chosen-by-hand-1").await.expires_at, None);
    assert_eq!(status(&app, &old).await, 200);
    app.clock.advance(Duration::from_hours(1));
    assert_eq!(status(&app, &old).await, 401);
    assert_eq!(status(&app, "sk-chosen-by-hand-1").await, 200);
    assert!(app.service.resolve(&hash(&old)).await.unwrap().policy.is_none());
}

#[tokio::test]
async fn what_cannot_be_renewed_is_told() {
    let app = TestApp::start().await;
    let (key, other) = (app.key(json!({})).await, app.key(json!({})).await);

    for (body, expected) in [
        (json!({}), 400),
        (json!({"key": "sk-unknown"}), 404),
        (json!({"key": key, "new_key": "short"}), 400),
        (json!({"key": key, "new_key": other}), 400),
        (json!({"key": key, "grace_period": "soon"}), 400),
        (json!({"key": key, "new_master_key": "sk-x"}), 400),
        (json!({"key": key, "auto_rotate": true}), 400),
        (json!({"key": key, "rotation_interval": "30d"}), 400),
    ] {
        let answer = app.post("/key/regenerate", body.clone()).await;
        assert_eq!(answer.status.as_u16(), expected, "{body}: {}", answer.body);
    }
    assert_eq!(status(&app, &key).await, 200);
}

#[tokio::test]
async fn a_user_renews_keys_of_their_own_and_nobody_gets_anothers() {
    let app = TestApp::start().await;
    let user = async |id: &str| {
        let made = app.post("/user/new", json!({"user_id": id})).await.ok();
        made["key"].as_str().unwrap().to_owned()
    };
    let (own, admin) = (user("u").await, user("a").await);
    let members = json!([{"role": "admin", "user_id": "a"}, {"role": "user", "user_id": "u"}]);
    app.post("/team/new", json!({"team_id": "t", "members_with_roles": members})).await.ok();
    let of_team = app.key(json!({"team_id": "t", "user_id": "u"})).await;
    let of_service = app.key(json!({"team_id": "t"})).await;

    let renew = async |by: &str, key: &str| {
        let body = json!({"key": key}).to_string();
        let answer = app.call(Method::POST, "/key/regenerate", Some(by), body).await;
        (answer.status.as_u16(), answer.body["key"].as_str().map(str::to_owned))
    };
    assert_eq!(renew(&admin, &own).await.0, 403);
    assert_eq!(renew(&admin, &of_team).await.0, 403, "who has it acts as the user");
    assert_eq!(renew(&admin, &of_service).await.0, 200);
    assert_eq!(renew(&own, &of_team).await.0, 403, "the team does not permit it");
    let (renewed, new) = renew(&own, &own).await;
    assert_eq!((renewed, status(&app, &own).await), (200, 401));
    assert_eq!(status(&app, &new.unwrap()).await, 200);
}
