//! People who signed in: what their browser must show, and when that is over.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use tollgate_control_plane::domain::Scope;
use tollgate_control_plane::service::Actor;

use crate::app::{Answer, BrowserSession, MASTER, TestApp};

const KEY: &str = r#"{"key_alias": "made"}"#;

async fn user(app: &TestApp, id: &str, role: &str) {
    let user = json!({"user_id": id, "user_role": role, "auto_create_key": false});
    app.post("/user/new", user).await.ok();
}

async fn sign_in(app: &TestApp, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "password": password});
    app.call(Method::POST, "/v2/login", None, body.to_string()).await
}

async fn shown(app: &TestApp, session: &BrowserSession) -> Answer {
    app.send(session.request(Method::GET, "/session", "")).await
}

#[tokio::test]
async fn the_administrator_signs_in_with_the_master_key() {
    let app = TestApp::start().await;

    let answer = sign_in(&app, "admin", MASTER).await;

    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert_eq!(answer.ok(), json!({"redirect_url": "/session"}));
    let (cookie, rest) = cookie.split_once(';').unwrap();
    assert_eq!(rest, " Path=/; Max-Age=43200; HttpOnly; SameSite=Lax");
    let request = Request::get("/session").header("cookie", format!("other=1; {cookie}"));
    let view = app.send(request.body(Body::empty()).unwrap()).await.ok();
    assert_eq!(view["user_role"], "proxy_admin");
    assert_eq!(view["signed_in"], true);
    assert_eq!(view["expires_at"], "2026-11-21T09:08:24Z");
    assert_eq!(view["user_id"], Value::Null);
}

#[tokio::test]
async fn a_form_sends_the_browser_on() {
    let app = TestApp::start().await;
    let form = |password: &str| {
        let request = Request::post("/login");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(Body::from(format!("username=admin&password={password}"))).unwrap()
    };

    let answer = app.send(form(MASTER)).await;

    assert_eq!(
        (answer.status.as_u16(), &answer.headers["location"]),
        (303, &"/session".parse().unwrap())
    );
    assert!(answer.headers.contains_key("set-cookie"));
    let refused = app.send(form("wrong")).await;
    assert!(!refused.headers.contains_key("set-cookie"));
    assert_eq!(refused.refusal(), (401, "auth_error".into(), json!("invalid_credentials")));
}

#[tokio::test]
async fn a_session_makes_keys_of_its_user() {
    let app = TestApp::start().await;
    user(&app, "ada", "internal_user").await;
    let session = app.session(Some("ada")).await;

    let made = app.send(session.request(Method::POST, "/key/generate", KEY)).await.ok();

    assert_eq!(made["user_id"], "ada");
    let seen = app.send(session.request(Method::GET, "/key/list", "")).await.ok();
    assert_eq!(seen["total_count"], 1);
    let entry = app.get("/audit?action=created&table_name=LiteLLM_VerificationToken").await.ok();
    assert_eq!(entry["audit_logs"][0]["changed_by"], "ada");
}

#[tokio::test]
async fn what_changes_something_needs_the_token_of_a_page_of_ours() {
    let app = TestApp::start().await;
    user(&app, "ada", "internal_user").await;
    let session = app.session(Some("ada")).await;
    let other = app.session(Some("ada")).await;
    let ask = async |csrf: Option<&str>, headers: &[(&str, &str)]| {
        let mut request = Request::post("/key/generate").header("cookie", &session.cookie);
        for (name, value) in csrf.map(|csrf| ("x-csrf-token", csrf)).iter().chain(headers) {
            request = request.header(*name, *value);
        }
        app.send(request.body(Body::from("{}")).unwrap()).await.status.as_u16()
    };

    assert_eq!(ask(None, &[]).await, 403);
    assert_eq!(ask(Some(&other.csrf), &[]).await, 403, "that of another session");
    let good = Some(session.csrf.as_str());
    for headers in [
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("origin", "https://evil.example")],
        [("origin", "null")],
    ] {
        assert_eq!(ask(good, &headers).await, 403, "{headers:?}");
    }
    assert_eq!(ask(good, &[("host", "a.example"), ("origin", "http://a.example")]).await, 200);
    assert_eq!(ask(good, &[("sec-fetch-site", "same-origin")]).await, 200);
    let key = format!("Bearer {MASTER}");
    assert_eq!(ask(None, &[("authorization", &key)]).await, 200, "a key needs no token");
}

#[tokio::test]
async fn a_key_beside_a_session_counts() {
    let app = TestApp::start().await;
    user(&app, "ada", "proxy_admin").await;
    let session = app.session(Some("ada")).await;
    let mut request = session.request(Method::GET, "/session", "");
    request.headers_mut().insert("x-api-key", "sk-unknown".parse().unwrap());

    assert_eq!(app.send(request).await.status.as_u16(), 401);
}

#[tokio::test]
async fn a_session_ends() {
    let app = TestApp::start().await;
    user(&app, "ada", "internal_user").await;
    let is_over = async |session: &BrowserSession| {
        let answer = shown(&app, session).await;
        (answer.status.as_u16() == 401).then(|| answer.refusal().1)
            == Some("expired_session".into())
    };

    let left = app.session(Some("ada")).await;
    let answer = app.send(left.request(Method::POST, "/logout", "")).await;
    assert!(answer.headers["set-cookie"].to_str().unwrap().contains("=; Path=/; Max-Age=0;"));
    assert!(is_over(&left).await);

    let idle = app.session(Some("ada")).await;
    app.clock.advance(Duration::from_mins(59));
    assert!(!is_over(&idle).await);
    let used = app.session(Some("ada")).await;
    app.clock.advance(Duration::from_mins(59));
    assert!(is_over(&idle).await, "it was begun for an hour");
    shown(&app, &used).await.ok();
    app.clock.advance(Duration::from_mins(1));
    assert!(is_over(&used).await);
}

#[tokio::test]
async fn sessions_of_who_is_blocked_or_gone_are_over() {
    let app = TestApp::start().await;
    let actor = Actor { name: "test".into(), request_id: None };
    user(&app, "ada", "internal_user").await;
    let session = app.session(Some("ada")).await;

    app.service.block_entity(Scope::User, "ada", true, &actor).await.unwrap();
    assert_eq!(shown(&app, &session).await.status.as_u16(), 401);
    app.service.block_entity(Scope::User, "ada", false, &actor).await.unwrap();
    assert_eq!(shown(&app, &session).await.ok()["user_role"], "internal_user");

    app.post("/user/update", json!({"user_id": "ada", "user_role": "proxy_admin"})).await.ok();
    assert_eq!(shown(&app, &session).await.ok()["user_role"], "proxy_admin", "asked each time");

    app.post("/user/delete", json!({"user_ids": ["ada"]})).await.ok();
    assert_eq!(shown(&app, &session).await.status.as_u16(), 401);
    app.clock.advance(Duration::from_secs(1));
    user(&app, "ada", "internal_user").await;
    assert_eq!(shown(&app, &session).await.status.as_u16(), 401, "another one of that name");
}

#[tokio::test]
async fn who_guesses_a_password_has_to_wait() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        assert_eq!(sign_in(&app, "admin", "guess").await.status.as_u16(), 401);
    }

    let answer = sign_in(&app, "admin", MASTER).await;
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.refusal(), (429, "throttling_error".into(), Value::Null));
    let elsewhere = sign_in_from(&app, "192.0.2.1:1", "admin", MASTER).await;
    assert_eq!(elsewhere.status.as_u16(), 429, "the account has to wait as well");
    let stranger = sign_in_from(&app, "192.0.2.2:1", "else", "guess").await;
    assert_eq!(stranger.status.as_u16(), 401);

    app.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in(&app, "admin", "guess").await.status.as_u16(), 401);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in(&app, "admin", MASTER).await.headers["retry-after"], "1");
    app.clock.advance(Duration::from_secs(1));
    sign_in(&app, "admin", MASTER).await.ok();
    assert_eq!(sign_in(&app, "admin", "guess").await.status.as_u16(), 401, "forgiven");
}

async fn sign_in_from(app: &TestApp, peer: &str, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "password": password}).to_string();
    let request = Request::post("/v2/login").body(Body::from(body)).unwrap();
    app.send(from(peer, request)).await
}

fn from(peer: &str, mut request: Request<Body>) -> Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

// proves: config.server.admin.bad_keys_per_minute
#[tokio::test]
async fn who_tries_keys_has_to_wait_and_others_at_the_address_do_not() {
    let app = TestApp::start().await;
    let good = app.key(json!({})).await;
    let new = app.key(json!({})).await;
    let ask = async |peer: &str, key: &str| {
        let request = Request::get("/key/info").header("x-api-key", key);
        app.send(from(peer, request.body(Body::empty()).unwrap())).await
    };
    let here = "192.0.2.1:1";
    ask(here, &good).await.ok();
    for number in 0..60 {
        assert_eq!(ask(here, &format!("sk-{number}")).await.status.as_u16(), 401);
    }

    let refused = ask(here, &new).await;
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.refusal(), (429, "throttling_error".into(), Value::Null));
    ask(here, &good).await.ok();
    ask("192.0.2.2:1", &new).await.ok();
    app.clock.advance(Duration::from_secs(1));
    ask(here, &new).await.ok();
}

// proves: config.server.admin.requests_per_minute
#[tokio::test]
async fn callers_are_served_so_often_a_minute() {
    let app = TestApp::start().await;
    let (busy, calm) = (app.key(json!({})).await, app.key(json!({})).await);
    let ask =
        async |key: &str| app.call(Method::POST, "/key/health", Some(key), Body::empty()).await;
    for _ in 0..6_000 {
        ask(&busy).await.ok();
    }

    assert_eq!(ask(&busy).await.refusal(), (429, "throttling_error".into(), Value::Null));
    ask(&calm).await.ok();
    app.clock.advance(Duration::from_millis(10));
    ask(&busy).await.ok();
    let health = app.call(Method::GET, "/health/readiness", None, Body::empty()).await;
    assert_eq!(health.status.as_u16(), 200);
}
