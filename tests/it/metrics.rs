//! What Envoy shows of it.

use serde_json::json;
use tollgate_e2e::{Stack, eventually, on_every_role};

use crate::stacks::{EVERY_ROLE, RENAMED};

#[test]
fn prometheus_gets_figures_with_labels() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (_, client) = stack.key(&json!({})).await;
        let target = format!("provider=\"demo\",model=\"{RENAMED}\"");
        let figures = [
            format!("tollgate_requests{{{target},status=\"2xx\"}}"),
            format!("tollgate_requests{{{target},status=\"4xx\"}}"),
            format!("tollgate_tokens{{{target},kind=\"input\"}}"),
            format!("tollgate_tokens{{{target},kind=\"output\"}}"),
            format!("tollgate_cost_nanodollars{{{target}}}"),
            "tollgate_refusals{code=\"model_not_found\"}".to_owned(),
        ];
        let before = read(stack, &figures).await;

        let answer = client.chat(RENAMED, &json!({})).send().await.json().await;
        let failed = client.chat(RENAMED, &json!({})).header("x-sim-status", "400");
        assert_eq!(failed.send().await.status(), 400);
        assert_eq!(client.chat("nothing/like-it", &json!({})).send().await.status(), 404);

        let tokens = |field: &str| answer["usage"][field].as_u64().unwrap();
        let (input, output) = (tokens("prompt_tokens"), tokens("completion_tokens"));
        let grown = [1, 1, input, output, input * 150 + output * 600, 1];
        let expected: Vec<u64> = before.iter().zip(grown).map(|(had, more)| had + more).collect();
        eventually("the figures have grown", async || {
            (read(stack, &figures).await == expected).then_some(())
        })
        .await;
        let all = text(stack).await;
        assert!(all.contains("\ntollgate_keys{} "), "{all}");
        assert!(!all.contains("tollgate_requests_"), "a label is left in a name: {all}");
    });
}

/// Reads figures; one that is not there yet is 0.
async fn read(stack: &Stack, figures: &[String]) -> Vec<u64> {
    let text = text(stack).await;
    let value = |figure: &String| {
        let line = text.lines().find_map(|line| line.strip_prefix(figure.as_str()));
        line.map_or(0, |value| value.trim().parse().unwrap())
    };
    figures.iter().map(value).collect()
}

async fn text(stack: &Stack) -> String {
    stack.envoy().admin().get("/stats/prometheus").send().await.text().await
}
