//! Providers, nodes, models, aliases and combos at run time.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use tollgate_proto::v1::Snapshot;

use crate::app::{Answer, MASTER, TestApp};
use crate::stub::Stub;

const SECRET: &str = "sk-provider-hush";

impl TestApp {
    async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(MASTER), body.to_string()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, Some(MASTER), Body::empty()).await
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::clone(&self.publisher.current().snapshot)
    }

    fn served(&self) -> Vec<String> {
        self.snapshot().models.into_iter().map(|model| model.name).collect()
    }
}

/// Makes a connection and returns its id.
async fn connection(app: &TestApp, body: Value) -> String {
    let made = app.post("/api/providers", body).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.body);
    made.body["connection"]["id"].as_str().unwrap().to_owned()
}

async fn node(app: &TestApp, prefix: &str, url: &str) -> String {
    let body = json!({"name": "n", "prefix": prefix, "type": "openai-compatible",
        "apiType": "chat", "baseUrl": url});
    let made = app.post("/api/provider-nodes", body).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.body);
    made.body["node"]["id"].as_str().unwrap().to_owned()
}

// proves: connection.{priority,weight,isActive,limits}
#[tokio::test]
async fn a_connection_is_served_changed_and_removed() {
    let app = TestApp::start().await;
    let body =
        json!({"provider": "groq", "name": "mine", "apiKey": SECRET, "defaultModel": "llama"});

    let id = connection(&app, body).await;

    let told = app.snapshot();
    let provider = told.providers.iter().find(|provider| provider.id == "groq").unwrap();
    assert_eq!((provider.credential.as_deref(), &*provider.account), (Some(SECRET), &*id));
    assert!(app.served().contains(&"groq/llama".to_owned()));
    let shown = app.get(&format!("/api/providers/{id}")).await.ok();
    assert_eq!(shown["connection"]["hasCredential"], true);

    let path = format!("/api/providers/{id}");
    let off = app.put(&path, json!({"isActive": false})).await.ok();
    assert_eq!(off["connection"]["isActive"], false);
    assert!(!app.snapshot().providers.iter().any(|provider| provider.id == "groq"));
    app.put(&path, json!({"isActive": true, "apiKey": "sk-next"})).await.ok();
    let told = app.snapshot();
    let provider = told.providers.iter().find(|provider| provider.id == "groq").unwrap();
    assert_eq!(provider.credential.as_deref(), Some("sk-next"));

    app.delete(&path).await.ok();
    assert!(!app.served().contains(&"groq/llama".to_owned()));
    assert_eq!(app.get(&path).await.status.as_u16(), 404);
}

#[tokio::test]
async fn secrets_come_back_nowhere() {
    let app = TestApp::start().await;
    let id = connection(&app, json!({"provider": "groq", "apiKey": SECRET})).await;
    let params =
        json!({"model": "openai/gpt-4o", "api_key": SECRET, "api_base": "http://10.0.0.1"});
    let made =
        app.post("/model/new", json!({"model_name": "m", "litellm_params": params})).await.ok();

    let mut texts = vec![made.to_string()];
    for path in ["/api/providers", &format!("/api/providers/{id}"), "/model/info", "/health"] {
        texts.push(app.get(path).await.ok().to_string());
    }
    let items = app.store.items().await.unwrap();
    texts.push(format!("{items:?}"));
    for item in &items {
        let object = format!("{}:{}", item.kind.name(), item.id);
        let audit = app.store.audit(&object).await.unwrap();
        assert_eq!(audit.len(), 1, "{object}");
        texts.push(format!("{audit:?}"));
    }

    for text in texts {
        assert!(!text.contains("hush"), "{text}");
    }
    let file = std::fs::read(app.folder().join("test.db")).unwrap();
    assert!(!file.windows(4).any(|bytes| bytes == b"hush"));
}

#[tokio::test]
async fn what_stands_in_the_file_is_not_changed_here() {
    let app = TestApp::start().await;

    let shadow = app.post("/api/providers", json!({"provider": "openai", "apiKey": "k"})).await;
    let edit = app.put("/api/providers/openai", json!({"name": "x"})).await;
    let taken = json!({"name": "n", "prefix": "openai", "apiType": "chat", "baseUrl": "http://h"});
    let node = app.post("/api/provider-nodes", taken).await;
    let combo = json!({"name": "priced", "models": ["small/embed"]});
    let combo = app.post("/api/combos", combo).await;
    let params = json!({"model": "openai/x", "api_key": "k"});
    let model = json!({"model_name": "priced", "litellm_params": params});
    let model = app.post("/model/new", model).await;

    for answer in [shadow, edit, node, combo, model] {
        assert_eq!(answer.status.as_u16(), 409, "{}", answer.body);
    }
    let listed = app.get("/api/providers").await.ok();
    assert_eq!(listed["connections"][0]["source"], "file");
    assert!(app.store.items().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_could_not_be_used_is_refused() {
    let app = TestApp::start().await;
    for (path, body) in [
        ("/api/providers", json!({"provider": "nobody", "apiKey": "k"})),
        ("/api/providers", json!({"provider": "groq"})),
        ("/api/providers", json!({"provider": "groq", "apiKey": "a\nb"})),
        ("/api/providers", json!({"provider": "azure", "apiKey": "k"})),
        ("/api/providers", json!({"provider": "groq", "apiKey": "k", "proxy": "socks5://1.2.3.4"})),
        ("/api/providers", json!({"provider": "groq", "apiKey": "k", "limits": {"rps": 1}})),
        ("/api/provider-nodes", json!({"prefix": "A", "apiType": "chat", "baseUrl": "http://h"})),
        ("/api/provider-nodes", json!({"prefix": "a", "baseUrl": "http://h"})),
        ("/api/provider-nodes", json!({"prefix": "a", "apiType": "chat", "baseUrl": "h"})),
        ("/api/provider-models", json!({"provider": "groq", "modelId": "m"})),
        ("/api/models/alias", json!({"alias": "a"})),
        ("/api/models/alias", json!({"alias": "a", "model": "nothing"})),
        ("/api/combos", json!({"name": "c", "models": []})),
        ("/api/combos", json!({"name": "c", "models": ["c"]})),
        ("/api/combos", json!({"name": "c", "models": ["priced"], "strategy": "best"})),
        ("/api/combos", json!({"name": "c", "models": ["priced"], "config": {"x": 1}})),
        ("/api/resilience", json!({"defaults": {"requestsPerMinute": 1}})),
        ("/api/resilience", json!({"resilience": {"failures": 0}})),
    ] {
        let method = if path == "/api/resilience" { Method::PATCH } else { Method::POST };
        let answer = app.call(method, path, Some(MASTER), body.to_string()).await;
        assert_eq!(answer.status.as_u16(), 400, "{path} {body}: {}", answer.body);
        assert!(answer.body["error"].is_string(), "{}", answer.body);
    }
    assert!(app.store.items().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_is_tested_and_models_are_discovered_at_the_provider() {
    let app = TestApp::start().await;
    let stub = Stub::answering(200, json!({"data": [{"id": "b"}, {"id": "a"}]})).await;
    let node = node(&app, "lan", &stub.url()).await;
    let id = connection(&app, json!({"provider": node, "apiKey": SECRET})).await;

    let tested = app.post(&format!("/api/providers/{id}/test"), json!({})).await.ok();
    let models = app.get(&format!("/api/providers/{id}/models")).await.ok();

    assert_eq!((&tested["valid"], &tested["diagnosis"]["type"]), (&json!(true), &json!("ok")));
    let names: Vec<&Value> =
        models["models"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(names, ["a", "b"]);
    let asked = ("/v1/models".to_owned(), format!("Bearer {SECRET}"));
    assert_eq!(stub.asked(), [asked.clone(), asked]);
    let shown = app.get(&format!("/api/providers/{id}")).await.ok();
    assert_eq!(shown["connection"]["testStatus"], "active");
}

#[tokio::test]
async fn a_refused_key_is_said() {
    let app = TestApp::start().await;
    let stub = Stub::answering(401, json!({"error": "no"})).await;
    let node = node(&app, "lan", &stub.url()).await;
    let id = connection(&app, json!({"provider": node, "apiKey": SECRET})).await;

    let tested = app.post(&format!("/api/providers/{id}/test"), json!({})).await.ok();
    let models = app.get(&format!("/api/providers/{id}/models")).await;

    assert_eq!(tested["diagnosis"]["type"], "upstream_auth_error");
    assert_eq!((&tested["valid"], &tested["statusCode"]), (&json!(false), &json!(401)));
    assert_eq!(models.status.as_u16(), 502);
}

#[tokio::test]
async fn calls_do_not_lead_into_our_own_network_unless_that_is_meant() {
    let app = TestApp::start().await;
    let stub = Stub::answering(200, json!({"data": []})).await;
    let ask = |url: &str, private: bool| {
        let body = json!({"baseUrl": url, "apiKey": "k", "type": "openai-compatible",
            "allowPrivate": private});
        app.post("/api/provider-nodes/validate", body)
    };
    let localhost = format!("http://localhost:{}/v1", stub.address.port());

    // What helps, where something does.
    for (url, private, why) in [
        (stub.url().as_str(), false, Some("allowPrivate")),
        (localhost.as_str(), false, Some("allowPrivate")),
        ("http://169.254.169.254/latest", true, Some("is a link-local address")),
        ("http://[::ffff:169.254.169.254]/", true, Some("is a link-local address")),
        (stub.url().as_str(), true, None),
    ] {
        let answer = ask(url, private).await.ok();
        assert_eq!(answer["valid"], why.is_none(), "{url}: {answer}");
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains(why.unwrap_or_default()), "{answer}");
    }
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn a_node_goes_with_all_that_belongs_to_it() {
    let app = TestApp::start().await;
    let node = node(&app, "lan", "http://10.0.0.1:8000/v1").await;
    connection(&app, json!({"provider": "lan"})).await;
    let model = json!({"provider": "lan", "modelId": "qwen"});
    app.post("/api/provider-models", model).await.ok();
    assert!(app.served().contains(&"lan/qwen".to_owned()));

    let path = format!("/api/provider-nodes/{node}");
    let moved = json!({"baseUrl": "http://10.0.0.2:8000/v1"});
    app.put(&path, moved).await.ok();
    let told = app.snapshot();
    let provider = told.providers.iter().find(|provider| provider.id == "lan").unwrap();
    assert_eq!(provider.authority, "10.0.0.2:8000");
    let listed = app.get("/api/provider-models?provider=lan").await.ok();
    assert_eq!(listed["models"][0]["id"], "qwen");

    app.delete(&path).await.ok();
    assert!(app.store.items().await.unwrap().is_empty());
    assert!(!app.served().contains(&"lan/qwen".to_owned()));
}

// proves: combo.{config,isActive}, provider_model.modelId
#[tokio::test]
async fn combos_and_aliases_are_told_to_filters() {
    let app = TestApp::start().await;
    let body = json!({"name": "chain", "strategy": "cost-optimized",
        "models": ["priced", {"model": "openai/gpt-4o-mini", "weight": 2}],
        "config": {"maxAttempts": 2}});

    let made = app.post("/api/combos", body).await;
    app.put("/api/models/alias", json!({"alias": "fast-*", "model": "chain"})).await.ok();

    assert_eq!(made.status.as_u16(), 201, "{}", made.body);
    assert_eq!(made.body["strategy"], "least-cost");
    let told = app.snapshot();
    let model = told.models.iter().find(|model| model.name == "chain").unwrap();
    assert_eq!((model.targets.len(), model.routing.unwrap().max_attempts), (2, 2));
    assert_eq!(told.aliases[0].pattern, "fast-*");
    assert_eq!(app.get("/api/models/alias").await.ok()["aliases"]["fast-*"], "chain");

    let path = format!("/api/combos/{}", made.body["id"].as_str().unwrap());
    let circle = app.put(&path, json!({"models": ["chain"]})).await;
    let used = app.put(&path, json!({"name": "other"})).await;
    assert_eq!((circle.status.as_u16(), used.status.as_u16()), (400, 400));
    assert!(used.body["error"].as_str().unwrap().contains("fast-*"), "{}", used.body);
    app.delete("/api/models/alias?alias=fast-*").await.ok();
    app.delete(&path).await.ok();
    assert!(!app.served().contains(&"chain".to_owned()));
}

#[tokio::test]
async fn members_of_a_combo_are_asked_for_a_few_words() {
    let app = TestApp::start().await;
    let good = Stub::answering(200, json!({})).await;
    let bad = Stub::answering(500, json!({})).await;
    for (prefix, stub) in [("good", &good), ("bad", &bad)] {
        node(&app, prefix, &stub.url()).await;
        connection(&app, json!({"provider": prefix, "apiKey": "k"})).await;
    }
    let models = json!(["bad/x", "good/y"]);
    app.post("/api/combos", json!({"name": "c", "models": models})).await;

    let tested = app.post("/api/combos/test", json!({"comboName": "c"})).await.ok();
    let metrics = app.get("/api/combos/metrics?combo=c").await.ok();

    let results = &tested["results"];
    assert_eq!((&results[0]["status"], &results[0]["statusCode"]), (&json!("error"), &json!(500)));
    assert_eq!((&results[1]["status"], &tested["resolvedBy"]), (&json!("ok"), &json!("good/y")));
    assert_eq!(good.asked()[0].0, "/v1/chat/completions");
    assert_eq!(metrics["metrics"]["c"]["totalRequests"], 0);
}

// proves: model.{model_name,litellm_params,model_info}
#[tokio::test]
async fn deployments_are_made_as_litellm_makes_them() {
    let app = TestApp::start().await;
    let params = json!({"model": "openai/gpt-4o", "api_base": "http://10.0.0.1:9/v1",
        "api_key": SECRET, "rpm": 5, "input_cost_per_token": 1e-6});
    let body = json!({"model_name": "m", "litellm_params": params, "model_info": {"id": "d-1"}});

    let made = app.post("/model/new", body).await.ok();
    let info = app.get("/model/info?litellm_model_id=d-1").await.ok();
    let patched = json!({"model_info": {"id": "d-1"}, "litellm_params": {"rpm": 6}});
    app.post("/model/update", patched).await.ok();

    assert_eq!((&made["model_id"], &made["model_name"]), (&json!("d-1"), &json!("m")));
    let entry = &info["data"][0];
    assert_eq!(entry["model_info"]["db_model"], true);
    assert_eq!(entry["model_info"]["input_cost_per_token"], 1e-6);
    assert_eq!(entry["litellm_params"]["api_key"], Value::Null);
    let told = app.snapshot();
    let model = told.models.iter().find(|model| model.name == "m").unwrap();
    let provider = told.providers.iter().find(|it| it.id == model.targets[0].provider).unwrap();
    assert_eq!((provider.credential.as_deref(), &*provider.account), (Some(SECRET), "d-1"));
    let meter = told.meters.iter().find(|meter| meter.name.ends_with("/d-1")).unwrap();
    assert_eq!(meter.limit, 6);

    let deleted = app.post("/model/delete", json!({"id": "d-1"})).await.ok();
    assert_eq!(deleted["message"], "Model: d-1 deleted successfully");
    assert!(!app.served().contains(&"m".to_owned()));
    let again = app.post("/model/delete", json!({"id": "d-1"})).await;
    assert!(again.body["error"]["message"].as_str().unwrap().contains("not found in db"));
    let unknown = app.get("/model/info?litellm_model_id=d-1").await;
    assert!(unknown.body["detail"]["error"].as_str().unwrap().contains("not found on litellm"));
}

// proves: resilience.{profiles,resilience}
#[tokio::test]
async fn resilience_is_changed_and_shown() {
    let app = TestApp::start().await;
    let profile = json!({"transientCooldown": 500, "rateLimitCooldown": 0, "maxBackoffLevel": 3,
        "circuitBreakerThreshold": 2, "circuitBreakerReset": 7000});

    let before = app.get("/api/resilience").await.ok();
    let changed = app.put("/api/resilience", json!({"profiles": {"apikey": profile}})).await.ok();
    let own = json!({"resilience": {"refused_ms": 9}});
    app.put("/api/resilience", own).await.ok();

    assert_eq!(before["profiles"]["apikey"]["circuitBreakerThreshold"], 5);
    assert_eq!(changed["profiles"]["apikey"], profile);
    let told = app.snapshot().resilience.unwrap();
    assert_eq!((told.failures, told.open_ms, told.cooldown_ms), (2, 7_000, 500));
    assert_eq!((told.longest_cooldown_ms, told.refused_ms), (4_000, 9));
}

#[tokio::test]
async fn the_catalogue_says_who_is_known() {
    let app = TestApp::start().await;

    let catalog = app.get("/api/models/catalog").await.ok();

    let openai = &catalog["catalog"]["openai"];
    assert_eq!(openai["active"], true);
    assert!(openai["models"].as_array().unwrap().iter().any(|model| model["id"] == "gpt-4o"));
    let known = catalog["providers"].as_array().unwrap();
    let telkom = known.iter().find(|known| known["id"] == "telkom").unwrap();
    assert_eq!(telkom["credentialHeader"], "x-api-key");
}

#[tokio::test]
async fn all_of_it_is_for_admins_alone() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    for path in [
        "/api/providers",
        "/api/providers/x",
        "/api/provider-nodes",
        "/api/provider-models",
        "/api/models/alias",
        "/api/models/catalog",
        "/api/combos",
        "/api/combos/metrics",
        "/api/resilience",
        "/health/latest",
    ] {
        for key in [None, Some(key.as_str())] {
            let answer = app.call(Method::GET, path, key, Body::empty()).await;
            assert_eq!(answer.status.as_u16(), 401, "{path}");
        }
    }
}
