//! Models by public name, and in pages.

use serde_json::{Value, json};

use crate::app::TestApp;

async fn with_two_deployments() -> TestApp {
    let app = TestApp::start().await;
    for (id, input) in [("d1", 2e-6), ("d2", 3e-6)] {
        let params = json!({"model": "openai/gpt-4o-mini", "api_key": "sk-secret-of-provider",
            "api_base": "http://127.0.0.1:1/v1", "input_cost_per_token": input,
            "output_cost_per_token": 1e-6});
        let new =
            json!({"model_name": "grouped", "litellm_params": params, "model_info": {"id": id}});
        app.post("/model/new", new).await.ok();
    }
    app
}

#[tokio::test]
async fn a_group_shows_what_its_dearest_target_costs() {
    let app = with_two_deployments().await;

    let groups = app.get("/model_group/info?model_group=grouped").await.ok();

    let [group] = groups["data"].as_array().unwrap().as_slice() else { panic!("{groups}") };
    assert_eq!(group["model_group"], "grouped");
    assert_eq!(group["input_cost_per_token"], 3e-6);
    assert_eq!(group["mode"], "chat");
    assert_eq!(app.get("/model_group/info?model_group=none").await.ok(), json!({"data": []}));
}

#[tokio::test]
async fn deployments_are_shown_in_pages_without_their_keys() {
    let app = with_two_deployments().await;

    let page = app.get("/v2/model/info?search=group&page=2&size=1").await.ok();
    let one = app.get("/v2/model/info?modelId=d1").await.ok();

    assert_eq!((&page["total_count"], &page["total_pages"]), (&json!(2), &json!(2)));
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["data"][0]["model_info"]["id"], "d1");
    assert!(!Value::to_string(&one).contains("sk-secret"), "{one}");
    let none = json!({"success": true, "credentials": []});
    assert_eq!(app.get("/credentials").await.ok(), none);
}
