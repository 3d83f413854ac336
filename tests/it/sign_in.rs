//! People sign in with a real identity provider, through Envoy, with as much of a browser as that
//! takes.

use hyper::Method;
use serde_json::{Value, json};
use tollgate_e2e::{Browser, IdentityProvider, Stack, block_on, eventually};

/// A gateway whose people sign in with a provider.
struct House {
    stack: Stack,
    provider: IdentityProvider,
    url: String,
}

impl House {
    async fn open() -> Self {
        let mut stack = Stack::builder().start().await;
        let url = stack.gateway_url();
        let team = json!({"team_id": "search-team"});
        assert_eq!(stack.admin().post("/team/new", &team).send().await.status(), 200);
        let back = format!("{url}/sso/callback");
        let provider = IdentityProvider::start("provider-secret-of-demo", &back).await;
        let section = json!({
            "public_url": url,
            "oidc": {
                "issuer": provider.issuer,
                "client_id": "tollgate",
                "client_secret": "env:E2E_DEMO_KEY",
                "scopes": ["email", "profile", "groups"],
                "allowed_email_domains": ["example.com"],
                "role_claim": "groups",
                "roles": { "admins": "proxy_admin" },
                "default_role": "internal_user",
                "teams": { "search": "search-team" },
            },
        });
        stack.reconfigure(|config| {
            config.sections.insert("sign_in".to_owned(), section);
        });
        let house = Self { stack, provider, url };
        eventually("people can sign in", async || {
            let ready = house.stack.admin().get("/sso/readiness").send().await.json().await;
            (ready["sso_configured"] == true).then_some(())
        })
        .await;
        house
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Begins at the gateway and signs somebody in at the provider; returns the answer that the
    /// browser is to bring back.
    async fn answer(&self, browser: &mut Browser, name: &str) -> String {
        let begun = browser.open(&self.at("/sso/key/generate")).await;
        assert_eq!(begun.status, 303, "{}", begun.text);
        self.provider.sign_in(browser, &begun.place.unwrap(), name).await
    }

    /// Signs somebody in; returns the status, and what is said.
    async fn sign_in(&self, browser: &mut Browser, name: &str) -> (u16, String) {
        let answer = self.answer(browser, name).await;
        let page = browser.open(&answer).await;
        (page.status, page.place.unwrap_or(page.text))
    }

    async fn session(&self, browser: &mut Browser) -> Value {
        browser.ask(Method::GET, &self.at("/session"), |call| call).await.json().await
    }

    async fn close(self) {
        self.provider.stop().await;
        self.stack.stop().await;
    }
}

// proves: config.sign_in.public_url
// proves: config.sign_in.oidc.{issuer,client_id,client_secret,scopes,userinfo}
#[test]
fn people_sign_in_with_a_real_provider() {
    block_on(async {
        let house = House::open().await;
        somebody_new_gets_what_their_claims_say(&house).await;
        claims_are_followed_at_each_login(&house).await;
        who_is_not_wanted_stays_outside(&house).await;
        an_answer_is_good_once_and_where_it_was_asked_for(&house).await;
        pages_of_others_change_nothing(&house).await;
        an_unverified_address_takes_nobody_over(&house).await;
        house.close().await;
    });
}

async fn somebody_new_gets_what_their_claims_say(house: &House) {
    let (mut ada, mut ben) = (Browser::default(), Browser::default());

    let (status, place) = house.sign_in(&mut ada, "ada").await;

    assert_eq!((status, place), (303, house.at("/session")));
    let session = house.session(&mut ada).await;
    assert_eq!(session["user_id"], "ada");
    assert_eq!(session["user_email"], "ada@example.com");
    assert_eq!(session["user_role"], "proxy_admin");
    assert_eq!(house.sign_in(&mut ben, "ben").await.0, 303);
    let session = house.session(&mut ben).await;
    assert_eq!(session["user_role"], "internal_user");
    let user = house.stack.admin().get("/user/info?user_id=ben").send().await.json().await;
    assert_eq!(user["user_info"]["sso_user_id"], "ben");
    assert_eq!(user["user_info"]["teams"], json!(["search-team"]));
}

async fn claims_are_followed_at_each_login(house: &House) {
    let mut ben = Browser::default();
    house.provider.change("ben", &json!({"groups": ["admins"]})).await;

    assert_eq!(house.sign_in(&mut ben, "ben").await.0, 303);

    assert_eq!(house.session(&mut ben).await["user_role"], "proxy_admin");
    let user = house.stack.admin().get("/user/info?user_id=ben").send().await.json().await;
    assert_eq!(user["user_info"]["teams"], json!([]));
    let gone = json!({"user_ids": ["ben"]});
    assert_eq!(house.stack.admin().post("/user/delete", &gone).send().await.status(), 200);
    assert_eq!(house.session(&mut ben).await["error"]["type"], "expired_session");
    let (status, said) = house.sign_in(&mut ben, "ben").await;
    assert!(status == 403 && said.contains("was removed"), "{status} {said}");
}

async fn who_is_not_wanted_stays_outside(house: &House) {
    let mut zed = Browser::default();
    let (status, said) = house.sign_in(&mut zed, "zed").await;
    assert!(status == 403 && said.contains("may not sign in here"), "{status} {said}");
    assert_eq!(house.session(&mut zed).await["error"]["code"], "401");

    let begun = zed.open(&house.at("/sso/key/generate")).await.place.unwrap();
    let state = begun.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let denied = house.at(&format!("/sso/callback?error=access_denied&state={state}"));
    let page = zed.open(&denied).await;
    assert!(page.status == 401 && page.text.contains("access_denied"), "{}", page.text);
    let wrong = house.at(&format!("/sso/callback?code=made-up&state={state}"));
    let page = zed.open(&wrong).await;
    assert!(page.status == 401 && page.text.contains("refused the code"), "{}", page.text);
}

async fn an_answer_is_good_once_and_where_it_was_asked_for(house: &House) {
    let mut ada = Browser::default();
    let answer = house.answer(&mut ada, "ada").await;
    let before = ada.clone();

    let stranger = Browser::default().open(&answer).await;
    assert!(stranger.status == 401 && stranger.text.contains("has not begun"), "{}", stranger.text);
    let other = answer.replace("state=", "state=x");
    assert_eq!(ada.open(&other).await.status, 401);
    assert_eq!(ada.open(&answer).await.status, 303);
    assert_eq!(ada.open(&answer).await.status, 401, "the cookie is gone");
    let replayed = before.clone().open(&answer).await;
    assert_eq!(replayed.status, 401, "the code is used: {}", replayed.text);
}

async fn pages_of_others_change_nothing(house: &House) {
    let mut ada = Browser::default();
    assert_eq!(house.sign_in(&mut ada, "ada").await.0, 303);
    let csrf = house.session(&mut ada).await["csrf_token"].as_str().unwrap().to_owned();
    let make = house.at("/key/generate");

    let forged = ada.ask(Method::POST, &make, |call| call.body("{}")).await;
    assert_eq!(forged.status(), 403);
    let elsewhere = ada
        .ask(Method::POST, &make, |call| {
            call.header("x-csrf-token", &csrf).header("origin", "http://evil.example").body("{}")
        })
        .await;
    assert_eq!(elsewhere.status(), 403);
    let own = ada
        .ask(Method::POST, &make, |call| {
            call.header("x-csrf-token", &csrf).header("origin", &house.url).body("{}")
        })
        .await;
    assert_eq!(own.status(), 200);
    let left = house.at("/logout");
    let left =
        ada.clone().ask(Method::POST, &left, |call| call.header("x-csrf-token", &csrf)).await;
    assert_eq!(left.status(), 200);
    assert_eq!(house.session(&mut ada).await["error"]["type"], "expired_session");
}

async fn an_unverified_address_takes_nobody_over(house: &House) {
    let boss = json!({"user_id": "boss", "user_email": "boss@example.com",
        "user_role": "proxy_admin", "auto_create_key": false});
    assert_eq!(house.stack.admin().post("/user/new", &boss).send().await.status(), 200);
    let mut eve = Browser::default();

    let (status, said) = house.sign_in(&mut eve, "eve").await;

    assert!(status == 403 && said.contains("verified"), "{status} {said}");
    house.provider.change("eve", &json!({"email_verified": true})).await;
    assert_eq!(house.sign_in(&mut eve, "eve").await.0, 303);
    assert_eq!(house.session(&mut eve).await["user_id"], "boss", "now it is surely theirs");
}
