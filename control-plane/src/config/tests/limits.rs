//! Limits, prices by tier, and what is known of models.

use tollgate_core::money::NanoDollars;

use super::super::LimitsConfig;
use super::{read, refused};
use crate::domain::{Limits, Period, RateWindow};

#[test]
fn limits_and_tiers_arrive() {
    let text = r#"
filter: { file: f.wasm }
limits: { on_low_budget: refuse, output_floor_tokens: 64, window: sliding }
providers:
  - id: openai
    base_url: https://api.openai.com/v1
    limits: { max_budget: 100, soft_budget: "80.5", budget_duration: 1mo, tpd: 9 }
  - { id: other, base_url: https://other.example/v1 }
  - { id: azure, base_url: https://x.openai.azure.com:443/v1 }
  - { id: odd, base_url: https://api.openai.com/v1, completion_tokens_cap: false }
models:
  - name: m
    limits: { rpm: 5, tpm: 6, max_parallel_requests: 7, observe_only: true }
    targets:
      - provider: openai
        model: gpt-4o-mini
        max_output_tokens: 99
      - provider: other
        model: own
        max_input_tokens: 5
        price: { tiers: [{ above_input_tokens: 9 }, { above_input_tokens: 3, input_token: "1" }] }
      - { provider: other, model: gpt-4o-mini, free: true }
tags:
  - { name: t, limits: { max_budget: 1 } }
"#;

    let config = read(text, &[]).unwrap();

    let expected = LimitsConfig {
        refuse_on_low_budget: true,
        output_floor_tokens: 64,
        window: RateWindow::Sliding,
    };
    assert_eq!(config.limits, expected);
    let caps: Vec<bool> = config.providers.iter().map(|it| it.completion_tokens_cap).collect();
    assert_eq!(caps, [true, false, true, false]);
    let limits = Limits {
        max_budget: NanoDollars::from_usd("100"),
        soft_budget: NanoDollars::from_usd("80.5"),
        budget_duration: Period::parse("1mo"),
        tpd: Some(9),
        ..Limits::default()
    };
    assert_eq!(config.providers[0].limits, limits);
    let model = &config.models[0];
    let limits = Limits {
        rpm: Some(5),
        tpm: Some(6),
        parallel: Some(7),
        observe_only: true,
        ..Limits::default()
    };
    assert_eq!(model.limits, limits);
    let [listed, own, free] = model.targets.as_slice() else { panic!("{model:?}") };
    assert_eq!((listed.max_input_tokens, listed.max_output_tokens), (Some(128_000), Some(99)));
    assert_eq!((own.max_input_tokens, own.max_output_tokens), (Some(5), None));
    let tiers = &own.price.as_ref().unwrap().tiers;
    assert_eq!(tiers.iter().map(|tier| tier.above).collect::<Vec<_>>(), [3, 9]);
    assert_eq!((free.free, &free.price), (true, &None));
    assert_eq!(config.tags[0].name, "t");
}

// proves: config.models[].targets[].base_model
#[test]
fn a_model_of_another_name_is_priced_as_what_it_is() {
    let text = r"
filter: { file: f.wasm }
providers: [{ id: openai, base_url: https://api.openai.com/v1 }]
models:
  - name: m
    targets:
      - { provider: openai, model: our-deployment, base_model: gpt-4o-mini }
      - { provider: openai, model: our-deployment }
";

    let config = read(text, &[]).unwrap();

    let [named, unnamed] = config.models[0].targets.as_slice() else { panic!("{config:?}") };
    assert_eq!(named.model, "our-deployment");
    assert!(named.price.is_some() && named.max_input_tokens == Some(128_000));
    assert_eq!((&unnamed.price, unnamed.max_input_tokens), (&None, None));
}

#[test]
fn limits_that_cannot_be_are_named() {
    for (limits, field) in [
        ("{ rpm: -1 }", "rpm"),
        ("{ max_parallel_requests: -1 }", "max_parallel_requests"),
        ("{ max_budget: .nan }", "max_budget"),
        ("{ max_budget: -2 }", "max_budget"),
        ("{ budget_duration: 2mo }", "budget_duration"),
    ] {
        let text = format!("tags: [{{ name: t, limits: {limits} }}]");
        refused(&text, &format!("tags[0].limits.{field}"), "");
    }
    refused("tags: [{ name: a }, { name: a }]", "tags[1].name", "twice");
    refused("limits: { window: rolling }", "limits.window", "sliding");
    refused("limits: { on_low_budget: ask }", "limits.on_low_budget", "refuse");
    refused("limits: { output_floor_tokens: 0 }", "limits.output_floor_tokens", "within");
}
