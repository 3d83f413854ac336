//! Each setting of signing in, and what it changes.

use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::app::{Answer, MASTER, TestApp};

async fn sign_in(app: &TestApp, name: &str, password: &str) -> Answer {
    let body = json!({"username": name, "password": password});
    app.call(Method::POST, "/v2/login", None, body.to_string()).await
}

fn cookie(answer: &Answer) -> (String, String) {
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let (pair, rules) = cookie.split_once(';').unwrap();
    (pair.to_owned(), rules.to_owned())
}

async fn session(app: &TestApp, cookie: &str) -> Answer {
    let request = Request::get("/session").header("cookie", cookie);
    app.send(request.body(Body::empty()).unwrap()).await
}

// proves: config.sign_in.public_url
#[tokio::test]
async fn cookies_of_an_encrypted_address_go_nowhere_else() {
    let app = TestApp::configured("sign_in: { public_url: 'https://g.example.com/llm' }").await;

    let answer = sign_in(&app, "admin", MASTER).await;

    let (pair, rules) = cookie(&answer);
    assert!(pair.starts_with("__Host-tollgate_session="), "{pair}");
    assert!(rules.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{rules}");
    assert_eq!(answer.body["redirect_url"], "https://g.example.com/llm/session");
    session(&app, &pair).await.ok();
    let plain = pair.trim_start_matches("__Host-");
    assert_eq!(session(&app, plain).await.status.as_u16(), 401, "anybody could have set that");
    for (origin, status) in [("https://g.example.com", 200), ("http://g.example.com", 403)] {
        let body = json!({"username": "admin", "password": MASTER}).to_string();
        let request = Request::post("/v2/login").header("origin", origin).body(Body::from(body));
        assert_eq!(app.send(request.unwrap()).await.status.as_u16(), status, "{origin}");
    }
}

// proves: config.sign_in.{username,password}
#[tokio::test]
async fn the_administrator_has_a_name_and_a_password_of_their_own() {
    let app = TestApp::configured("sign_in: { username: boss, password: env:WORD }").await;

    assert_eq!(sign_in(&app, "boss", MASTER).await.status.as_u16(), 401);
    assert_eq!(sign_in(&app, "admin", "open sesame").await.status.as_u16(), 401);
    sign_in(&app, "boss", "open sesame").await.ok();
}

// proves: config.sign_in.by_password
#[tokio::test]
async fn nobody_signs_in_with_a_password_where_that_is_not_wanted() {
    let app = TestApp::configured("sign_in: { by_password: false }").await;

    assert_eq!(sign_in(&app, "admin", MASTER).await.refusal().0, 403);
}

// proves: config.sign_in.{session_idle_minutes,session_max_hours}
#[tokio::test]
async fn sessions_last_as_long_as_they_are_said_to() {
    let text = "sign_in: { session_idle_minutes: 5, session_max_hours: 1 }";
    let app = TestApp::configured(text).await;
    let (pair, rules) = cookie(&sign_in(&app, "admin", MASTER).await);
    assert!(rules.contains("Max-Age=3600"), "{rules}");

    for _ in 0..14 {
        app.clock.advance(Duration::from_mins(4));
        session(&app, &pair).await.ok();
    }
    app.clock.advance(Duration::from_mins(4));
    assert_eq!(session(&app, &pair).await.status.as_u16(), 401, "an hour is over");
    let (pair, _) = cookie(&sign_in(&app, "admin", MASTER).await);
    app.clock.advance(Duration::from_mins(5));
    assert_eq!(session(&app, &pair).await.status.as_u16(), 401, "nobody used it");
}

// proves: config.server.admin.{requests_per_minute,bad_keys_per_minute}
#[tokio::test]
async fn rates_are_those_of_the_configuration() {
    let text = "server: { admin: { requests_per_minute: 3, bad_keys_per_minute: 2 } }";
    let app = TestApp::configured(text).await;
    let ask = async |key: &str| {
        let answer = app.call(Method::GET, "/key/list", Some(key), Body::empty()).await;
        (answer.status.as_u16(), answer.headers.get("retry-after").cloned())
    };

    for _ in 0..3 {
        assert_eq!(ask(MASTER).await.0, 200);
    }
    assert_eq!(ask(MASTER).await, (429, Some("20".parse().unwrap())));
    for status in [401, 401, 429] {
        assert_eq!(ask("sk-none").await.0, status);
    }
    let page = app.call(Method::GET, "/routes", None, Body::empty()).await;
    assert_eq!(page.status.as_u16(), 200, "nobody has a bucket of their own");
}

// proves: config.server.admin.trusted_proxies
#[tokio::test]
async fn proxies_are_believed_where_they_are_trusted() {
    let text = "server: { admin: { bad_keys_per_minute: 1, trusted_proxies: [192.0.2.0/24] } }";
    let app = TestApp::configured(text).await;
    let ask = async |peer: &str, client: &str| {
        let request = Request::get("/key/list").header("x-api-key", "sk-none");
        let request = request.header("x-forwarded-for", client);
        let mut request = request.body(Body::empty()).unwrap();
        let peer: std::net::SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        app.send(request).await.status.as_u16()
    };

    assert_eq!(ask("192.0.2.1:1", "198.51.100.1").await, 401);
    assert_eq!(ask("192.0.2.1:1", "198.51.100.1").await, 429);
    assert_eq!(ask("192.0.2.1:1", "198.51.100.2").await, 401, "another client of the proxy");
    assert_eq!(ask("203.0.113.1:1", "198.51.100.3").await, 401);
    assert_eq!(ask("203.0.113.1:1", "198.51.100.4").await, 429, "anybody can write that");
}

#[tokio::test]
async fn settings_of_the_provider_are_shown_without_its_secret() {
    let text = "sign_in: { public_url: 'https://g.example.com', oidc: { \
                issuer: 'https://id.example.com', client_id: c, client_secret: env:WORD } }";
    let app = TestApp::configured(text).await;

    let shown = app.get("/get/sso_settings").await.ok();

    assert_eq!(shown["values"]["issuer"], "https://id.example.com");
    assert_eq!(shown["values"]["generic_client_secret"], "…");
    assert!(!shown.to_string().contains("sesame"));
    let ready = app.get("/sso/readiness").await.ok();
    assert_eq!(ready["sso_configured"], true);
    let nobody = TestApp::start().await.get("/sso/readiness").await.ok();
    assert_eq!((&nobody["sso_configured"], &nobody["provider"]), (&json!(false), &Value::Null));
}
