//! Every official client against a provider of every dialect: both sides check what they are given
//! with the types of the SDKs, and the ledger has the usage that clients were told.

use serde_json::{Value, json};
use tollgate_e2e::{Model, Provider, Role, Row, Stack, StandIn, block_on, node, python};

/// Providers, each with a model of the same name: their dialects and where their APIs begin.
const PROVIDERS: [(&str, &str, &str); 5] = [
    ("openai", "openai", "/openai/v1"),
    ("responses", "openai-responses", "/responses/v1"),
    ("anthropic", "anthropic", "/anthropic/v1"),
    ("google", "gemini", "/gemini/v1beta"),
    ("ollama", "ollama", "/ollama"),
];

#[test]
fn every_python_client_works_with_every_provider() {
    tell(Role::Xds, |environment| python("matrix.py", environment));
}

#[test]
fn every_python_client_works_with_every_provider_in_role_standalone() {
    tell(Role::Standalone, |environment| python("matrix.py", environment));
}

#[test]
fn every_node_client_works_with_every_provider() {
    tell(Role::Xds, |environment| node("matrix.mjs", environment));
}

fn tell(role: Role, run: impl FnOnce(&[(&str, &str)]) -> String) {
    block_on(async {
        let stand_in = StandIn::start(CREDENTIAL, TARGET).await;
        let stack = stack(role, &stand_in).await;
        let (key, _) = stack.key(&json!({})).await;

        let printed = run(&[("GATEWAY_URL", &stack.gateway_url()), ("KEY", &key.secret)]);

        let told: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
        let told: Vec<Option<Tokens>> = serde_json::from_value(told).unwrap();
        let rows = stack.rows(&key, told.len()).await;
        assert_eq!(unmatched(told, &rows), (vec![], vec![]), "told, billed");
        stack.stop().await;
        stand_in.stop().await;
    });
}

/// Returns what clients were told that no row has, and what rows have that no client was told.
/// Who was told nothing has a row with anything.
fn unmatched(told: Vec<Option<Tokens>>, rows: &[Row]) -> (Vec<Tokens>, Vec<Tokens>) {
    let mut billed: Vec<_> = rows.iter().map(Row::tokens).collect();
    let mut only_told = Vec::new();
    let untold = told.iter().filter(|tokens| tokens.is_none()).count();
    for tokens in told.into_iter().flatten() {
        match billed.iter().position(|row| *row == tokens) {
            Some(at) => drop(billed.swap_remove(at)),
            None => only_told.push(tokens),
        }
    }
    if only_told.is_empty() && billed.len() == untold && billed.iter().all(|row| row.0 > 0) {
        billed.clear();
    }
    (only_told, billed)
}

async fn stack(role: Role, stand_in: &StandIn) -> Stack {
    let mut builder = Stack::bare().role(role);
    for (name, dialect, path) in PROVIDERS {
        let provider = Provider {
            credential: Some(CREDENTIAL.to_owned()),
            dialect: Some(dialect),
            ..Provider::new(name, stand_in.url(path))
        };
        builder = builder.provider(provider).model(Model::new(name, name, TARGET));
    }
    builder.start().await
}

/// Of prompt, completion, and both.
type Tokens = (u64, u64, u64);

const CREDENTIAL: &str = "the-providers-secret";

/// What the providers call their model.
const TARGET: &str = "a-model-1.5:latest";
