//! Limits of keys are stored, shown as LiteLLM shows them, and told to filters.

use serde_json::{Value, json};
use tollgate_control_plane::domain::{KeyPolicy, MeterSpec};
use tollgate_core::key::KeyHash;

use crate::app::TestApp;

#[tokio::test]
async fn every_limit_is_shown_and_has_a_meter() {
    let app = TestApp::start().await;
    let fields = json!({
        "max_budget": 5, "soft_budget": "4", "budget_duration": "30d",
        "budget_limits": [{"budget_duration": "1d", "max_budget": 1}],
        "tpm_limit": 1000, "rpm_limit": "10", "tpd_limit": 9000.0, "max_parallel_requests": 3,
        "model_tpm_limit": {"gpt-4o": 100}, "metadata": {"model_rpm_limit": {"gpt-4o": 2}},
        "model_max_budget": {"gpt-4o": {"budget_limit": 0.5, "time_period": "1d"}},
    });

    let made = app.post("/key/generate", fields).await.ok();
    let key = made["key"].as_str().unwrap();
    let info = app.get(&format!("/key/info?key={key}")).await.ok()["info"].clone();

    for view in [&made, &info] {
        assert_eq!(view["max_budget"], 5.0);
        assert_eq!(view["budget_duration"], "30d");
        assert_eq!(view["budget_limits"], json!([{"budget_duration": "1d", "max_budget": 1.0}]));
        assert_eq!((&view["tpm_limit"], &view["rpm_limit"]), (&json!(1000), &json!(10)));
        assert_eq!((&view["tpd_limit"], &view["max_parallel_requests"]), (&json!(9000), &json!(3)));
        let budget = json!({"gpt-4o": {"budget_limit": 0.5, "time_period": "1d"}});
        assert_eq!(view["model_max_budget"], budget);
        let models = json!({"model_tpm_limit": {"gpt-4o": 100}, "model_rpm_limit": {"gpt-4o": 2}});
        assert_eq!(view["metadata"], models);
    }
    assert_eq!(made["model_tpm_limit"], Value::Null);
    assert_eq!(made["litellm_budget_table"]["soft_budget"], 4.0);
    assert_eq!(info["budget_reset_at"], "2026-12-01T00:00:00.000000+00:00");
    assert_eq!(
        meters(&app, key).await,
        [
            "key requests fixed:60 10",
            "key tokens fixed:60 1000",
            "key tokens fixed:86400 9000",
            "key parallel none 3",
            "key requests fixed:60 2 gpt-4o",
            "key tokens fixed:60 100 gpt-4o",
            "key money calendar:1d 500000000 gpt-4o",
            "key money calendar:1d 1000000000",
            "key money calendar:30d 5000000000",
        ]
    );
}

#[tokio::test]
async fn limits_are_taken_away_by_null_and_left_alone_by_silence() {
    let app = TestApp::start().await;
    let fields = json!({"tpm_limit": 5, "rpm_limit": 6, "budget_duration": "1d", "max_budget": 1,
        "model_rpm_limit": {"m": 1}});
    let key = app.key(fields).await;

    let kept = app.post("/key/update", json!({"key": key, "key_alias": "a"})).await.ok();
    let gone = json!({"key": key, "tpm_limit": null, "max_budget": null, "model_rpm_limit": null});
    let gone = app.post("/key/update", gone).await.ok();

    assert_eq!(
        (&kept["tpm_limit"], &kept["metadata"]["model_rpm_limit"]),
        (&json!(5), &json!({"m": 1}))
    );
    assert_eq!((&gone["tpm_limit"], &gone["max_budget"]), (&Value::Null, &Value::Null));
    assert_eq!((&gone["rpm_limit"], &gone["metadata"]), (&json!(6), &json!({})));
    assert_eq!(meters(&app, &key).await, ["key requests fixed:60 6"]);
}

#[tokio::test]
async fn a_limit_of_nothing_is_a_limit() {
    let app = TestApp::start().await;

    let key = app.key(json!({"rpm_limit": 0, "max_budget": 0})).await;

    assert_eq!(meters(&app, &key).await, ["key requests fixed:60 0", "key money none 0"]);
}

/// What a filter is told to count of a key.
pub(crate) async fn meters(app: &TestApp, key: &str) -> Vec<String> {
    policy(app, key).await.meters.into_iter().map(|meter| line(&meter.spec)).collect()
}

/// What a filter is told of a key.
pub(crate) async fn policy(app: &TestApp, key: &str) -> KeyPolicy {
    app.service.resolve(&KeyHash::of(key.as_bytes())).await.unwrap().policy.unwrap()
}

fn line(spec: &MeterSpec) -> String {
    let model = spec.model.as_ref().map_or(String::new(), |model| format!(" {model}"));
    let (scope, dimension) = (spec.scope.as_str(), spec.dimension.as_str());
    format!("{scope} {dimension} {} {}{model}", spec.window, spec.amount)
}
