//! Programs that people point at the gateway, unmodified and set up as `docs/clients.md` says.

use serde_json::json;
use tollgate_e2e::{Stack, on_every_role, program};

use crate::stacks::EVERY_ROLE;

const SAID: &str = "Hello! I am a simulated model";

#[test]
fn claude_code_talks_to_an_openai_model() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, _) = stack.key(&json!({})).await;
        let printed = program(
            "claude",
            &["-p", "Say hello"],
            &[],
            &[
                ("ANTHROPIC_BASE_URL", &stack.gateway_url()),
                ("ANTHROPIC_AUTH_TOKEN", &key.secret),
                ("ANTHROPIC_MODEL", "gpt-4o-mini"),
                ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ],
        );
        assert!(printed.contains(SAID), "{printed}");
        is_billed(stack, &key, "anthropic_messages").await;
    });
}

#[test]
fn codex_talks_over_responses() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, _) = stack.key(&json!({})).await;
        let config = format!(
            "model = \"gpt-4o-mini\"\nmodel_provider = \"tollgate\"\n\
             [model_providers.tollgate]\nname = \"Tollgate\"\nbase_url = \"{}/v1\"\n\
             env_key = \"TOLLGATE_KEY\"\nwire_api = \"responses\"\n",
            stack.gateway_url(),
        );
        let printed = program(
            "codex",
            &["exec", "--skip-git-repo-check", "Say hello"],
            &[(".codex/config.toml", &config)],
            &[("TOLLGATE_KEY", &key.secret)],
        );
        assert!(printed.contains(SAID), "{printed}");
        is_billed(stack, &key, "aresponses").await;
    });
}

#[test]
fn gemini_cli_talks_to_an_openai_model() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, _) = stack.key(&json!({})).await;
        let settings = json!({ "security": { "auth": { "selectedType": "gemini-api-key" } } });
        let printed = program(
            "gemini",
            &["-m", "gpt-4o-mini", "-p", "Say hello"],
            &[(".gemini/settings.json", &settings.to_string())],
            &[
                ("GOOGLE_GEMINI_BASE_URL", &stack.gateway_url()),
                ("GEMINI_API_KEY", &key.secret),
                ("GEMINI_CLI_TRUST_WORKSPACE", "true"),
            ],
        );
        assert!(printed.contains(SAID), "{printed}");
        is_billed(stack, &key, "agenerate_content").await;
    });
}

/// What the program used is in the ledger, as the provider counted it.
async fn is_billed(stack: &Stack, key: &tollgate_e2e::Key, call_type: &str) {
    let rows = stack.rows(key, 1).await;
    assert!(rows.iter().all(|row| row.text("call_type") == call_type), "{call_type}");
    assert!(rows.iter().all(|row| row.usage_source() == "provider" && row.tokens().2 > 0));
}
