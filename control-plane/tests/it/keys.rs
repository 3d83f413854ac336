//! Keys come, change, are shown, and go.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tollgate_control_plane::domain::KeyPolicy;
use tollgate_core::key::KeyHash;

use crate::app::TestApp;
use crate::key_limits::policy;

// shows: key.key_alias
#[tokio::test]
async fn generating_answers_in_litellms_shape() {
    let app = TestApp::start().await;

    let made = app
        .post(
            "/key/generate",
            json!({
                "key_alias": "a",
                "duration": "30d",
                "models": ["gpt-4o-mini"],
                "aliases": {"fast": "gpt-4o-mini"},
                "max_budget": 5,
                "metadata": {"a": 1},
                "tags": ["t"],
                "user_id": "u",
                "team_id": "t",
            }),
        )
        .await
        .ok();

    insta::assert_json_snapshot!(made);
}

#[tokio::test]
async fn info_answers_in_litellms_shape() {
    let app = TestApp::start().await;
    let key = app.key(json!({"key_alias": "a", "duration": "1mo", "max_budget": 0.25})).await;

    let info = app.get(&format!("/key/info?key={key}")).await.ok();

    insta::assert_json_snapshot!(info);
}

#[tokio::test]
async fn a_key_is_sk_and_22_characters_and_shown_once() {
    let app = TestApp::start().await;

    let made = app.post("/key/generate", json!({})).await.ok();

    let key = made["key"].as_str().unwrap();
    assert_eq!(key.len(), 25);
    let hash = KeyHash::of(key.as_bytes()).to_hex();
    assert_eq!((&made["token"], &made["token_id"]), (&json!(hash), &json!(hash)));
    assert_eq!(made["key_name"], json!(format!("sk-...{}", key.get(21..).unwrap())));
    for path in ["/key/list?return_full_object=true", "/spend/keys"] {
        assert!(!app.get(path).await.ok().to_string().contains(key), "{path}");
    }
}

#[tokio::test]
async fn a_key_may_ask_about_itself_alone() {
    let app = TestApp::start().await;
    let (own, other) = (app.key(json!({})).await, app.key(json!({})).await);
    let hash = KeyHash::of(own.as_bytes()).to_hex();
    let info = async |path: String| app.call(Method::GET, &path, Some(&own), Body::empty()).await;

    assert_eq!(info("/key/info".into()).await.ok()["key"], json!(hash));
    assert_eq!(info(format!("/key/info?key={own}")).await.ok()["key"], json!(own));
    assert_eq!(info(format!("/key/info?key={hash}")).await.ok()["key"], json!(hash));
    for asked in [other.as_str(), "sk-unknown", "nonsense"] {
        let (status, kind, _) = info(format!("/key/info?key={asked}")).await.refusal();
        assert_eq!((status, kind.as_str()), (403, "permission_error"), "{asked}");
    }
}

#[tokio::test]
async fn the_admin_finds_keys_by_key_and_hash() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let hash = KeyHash::of(key.as_bytes()).to_hex();

    for asked in [key.as_str(), hash.as_str()] {
        let info = app.get(&format!("/key/info?key={asked}")).await.ok();
        assert_eq!(info["key"], asked);
        assert_eq!(info["info"].get("token"), None);
    }
    for path in ["/key/info", "/key/info?key=", "/key/info?key=sk-unknown", "/key/info?key=x"] {
        let (status, kind, _) = app.get(path).await.refusal();
        assert_eq!((status, kind.as_str()), (404, "not_found_error"), "{path}");
    }
}

#[tokio::test]
async fn numbers_may_be_text_and_empty_text_is_not_given() {
    let app = TestApp::start().await;

    let made = app
        .post(
            "/key/generate",
            json!({"max_budget": "1e-7", "spend": "0.5", "key_alias": "", "user_id": "",
                   "duration": "", "blocked": "false", "models": null, "unknown": {"x": 1}}),
        )
        .await
        .ok();

    assert_eq!((&made["max_budget"], &made["spend"]), (&json!(1e-7), &json!(0.5)));
    assert_eq!((&made["key_alias"], &made["expires"]), (&Value::Null, &Value::Null));
    assert_eq!((&made["blocked"], &made["models"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn tags_are_kept_with_the_metadata() {
    let app = TestApp::start().await;

    let inner = app.post("/key/generate", json!({"metadata": {"tags": ["a"], "b": 1}})).await.ok();
    let key = inner["key"].clone();
    let added = app.post("/key/update", json!({"key": key, "tags": ["c"]})).await.ok();
    let replaced = app.post("/key/update", json!({"key": key, "metadata": {"d": 2}})).await.ok();

    assert_eq!(inner["metadata"], json!({"tags": ["a"], "b": 1}));
    assert_eq!(inner["tags"], Value::Null);
    assert_eq!(added["metadata"], json!({"tags": ["c"], "b": 1}));
    assert_eq!(replaced["metadata"], json!({"d": 2}));
}

#[tokio::test]
async fn posting_a_key_again_changes_it_and_keeps_its_spend() {
    let app = TestApp::start().await;
    let key = "sk-chosen-by-me-1234";
    app.post("/key/generate", json!({"key": key, "spend": 2, "max_budget": 5})).await.ok();
    app.post("/key/block", json!({"key": key})).await.ok();

    let again = app.post("/key/generate", json!({"key": key, "max_budget": 7})).await.ok();

    assert_eq!(again["key"], key);
    assert_eq!((&again["spend"], &again["max_budget"]), (&json!(2.0), &json!(7.0)));
    assert_eq!(again["blocked"], json!(true));
}

#[tokio::test]
async fn updating_changes_what_is_given_and_nothing_else() {
    let app = TestApp::start().await;
    let fields = json!({"key_alias": "a", "models": ["m"], "max_budget": 5, "duration": "1h"});
    let key = app.key(fields).await;
    app.clock.advance(Duration::from_mins(1));

    let changed = app.post("/key/update", json!({"key": key, "models": []})).await.ok();
    let opened = app
        .post("/key/update", json!({"key": key, "max_budget": null, "duration": "-1"}))
        .await
        .ok();
    let shortened = app.post("/key/update", json!({"key": key, "duration": "30s"})).await.ok();

    assert_eq!(changed["key"], json!(key));
    assert_eq!(changed["token"], json!(KeyHash::of(key.as_bytes()).to_hex()));
    assert_eq!((&changed["models"], &changed["key_alias"]), (&json!([]), &json!("a")));
    assert_eq!(changed["max_budget"], json!(5.0));
    assert_eq!(changed["expires"], "2026-11-21T09:08:24.551373+00:00");
    assert_eq!(changed["updated_at"], "2026-11-21T08:09:24.551373+00:00");
    assert_eq!((&opened["max_budget"], &opened["expires"]), (&Value::Null, &Value::Null));
    assert_eq!(shortened["expires"], "2026-11-21T08:09:54.551373+00:00");
}

#[tokio::test]
async fn blocking_and_unblocking_answer_the_row() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let hash = KeyHash::of(key.as_bytes()).to_hex();

    let blocked = app.post("/key/block", json!({"key": key})).await.ok();
    let open = app.post("/key/unblock", json!({"key": hash})).await.ok();

    assert_eq!((&blocked["blocked"], &blocked["token"]), (&json!(true), &json!(hash)));
    assert_eq!(open["blocked"], json!(false));
}

#[tokio::test]
async fn deleting_names_keys_as_they_were_asked_for() {
    let app = TestApp::start().await;
    let (one, two) = (app.key(json!({})).await, app.key(json!({})).await);
    let three = app.key(json!({"key_alias": "three"})).await;
    let hash = KeyHash::of(two.as_bytes()).to_hex();

    let by_key = app.post("/key/delete", json!({"keys": [one, hash, "sk-unknown-key"]})).await.ok();
    let by_alias = app.post("/key/delete", json!({"key_aliases": ["three"]})).await.ok();

    let mut deleted: Vec<&str> =
        by_key["deleted_keys"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    deleted.sort_unstable();
    let mut expected = [one.as_str(), hash.as_str()];
    expected.sort_unstable();
    assert_eq!(deleted, expected);
    assert_eq!(by_alias, json!({"deleted_keys": ["three"]}));
    for key in [one, two, three] {
        let answer = app.call(Method::GET, "/key/info", Some(&key), Body::empty()).await;
        assert_eq!(answer.refusal().1, "token_not_found_in_db");
    }
    assert_eq!(app.get("/key/list?status=deleted").await.ok()["total_count"], 3);
    assert_eq!(app.get("/key/list").await.ok()["total_count"], 0);
}

#[tokio::test]
async fn lists_are_paged_filtered_and_sorted() {
    let app = TestApp::start().await;
    let mut hashes = Vec::new();
    for (user, spend) in [("u", 3), ("v", 1), ("u", 2)] {
        let key = app.key(json!({"user_id": user, "spend": spend})).await;
        hashes.push(KeyHash::of(key.as_bytes()).to_hex());
        app.clock.advance(Duration::from_secs(1));
    }
    let [first, second, third] = hashes.as_slice() else { unreachable!() };

    let page = app.get("/key/list?size=2").await.ok();
    let by_spend = app.get("/key/list?sort_by=spend&sort_order=asc").await.ok();
    let of_user = app.get("/key/list?user_id=u&size=1&page=2").await.ok();
    let full = app.get(&format!("/key/list?key_hash={second}&return_full_object=true")).await.ok();
    let none = app.get("/key/list?organization_id=o").await.ok();

    assert_eq!(
        page,
        json!({"keys": [third, second], "total_count": 3, "current_page": 1, "total_pages": 2})
    );
    assert_eq!(by_spend["keys"], json!([second, third, first]));
    assert_eq!(
        of_user,
        json!({"keys": [first], "total_count": 2, "current_page": 2, "total_pages": 2})
    );
    assert_eq!(
        (&full["keys"][0]["token"], &full["keys"][0]["user_id"]),
        (&json!(second), &json!("v"))
    );
    assert_eq!(none["keys"], json!([]));
}

#[tokio::test]
async fn filters_hear_of_every_change_after_it_is_stored() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let hash = KeyHash::of(key.as_bytes());
    let mut revisions = app.told.take();

    for (path, body) in [
        ("/key/update", json!({"key": key, "models": ["m"]})),
        ("/key/block", json!({"key": key})),
        ("/key/unblock", json!({"key": key})),
        ("/key/delete", json!({"keys": [key]})),
    ] {
        app.post(path, body).await.ok();
        let told = app.told.take();
        assert_eq!(told.len(), 1, "{path}");
        revisions.extend(told);
        let resolved = app.service.resolve(&hash).await.unwrap();
        assert_eq!(revisions.last(), Some(&(hash, resolved.revision)), "{path}");
    }
    assert!(revisions.is_sorted_by(|(_, a), (_, b)| a < b), "{revisions:?}");
    assert_eq!(app.service.resolve(&hash).await.unwrap().policy, None);
}

#[tokio::test]
async fn the_master_key_resolves_to_a_policy_without_limits() {
    let app = TestApp::start().await;

    let resolved = app.service.resolve(&KeyHash::of(b"sk-master")).await.unwrap();

    let unlimited = KeyPolicy { tenant: "master".to_owned(), ..KeyPolicy::default() };
    assert_eq!(resolved.policy, Some(unlimited));
}

#[tokio::test]
async fn what_is_made_with_a_key_is_its_teams_else_its_users_else_its_own() {
    let app = TestApp::start().await;
    let team = app.post("/team/new", json!({"team_alias": "t"})).await.ok();
    let team = team["team_id"].as_str().unwrap();
    let user = app.post("/user/new", json!({"user_id": "u", "auto_create_key": false})).await;
    user.ok();
    let in_team = app.key(json!({"team_id": team, "user_id": "u"})).await;
    let of_user = app.key(json!({"user_id": "u"})).await;
    let (one, other) = (app.key(json!({})).await, app.key(json!({})).await);

    let mut tenants = Vec::new();
    for key in [&in_team, &of_user, &one, &other] {
        tenants.push(policy(&app, key).await.tenant);
    }

    assert_eq!(tenants[0], format!("team:{team}"));
    assert_eq!(tenants[1], "user:u");
    assert!(tenants[2].starts_with("key:") && tenants[2] != tenants[3], "{tenants:?}");
}
