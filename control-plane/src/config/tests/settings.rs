//! What is changed in every request for a model.

use serde_json::json;

use super::*;

/// A configuration with one model, to which cases add.
fn with(settings: &str) -> String {
    format!(
        "providers: [{{ id: p, base_url: \"https://p/v1\" }}]\n\
         models: [{{ name: m, targets: [{{ provider: p, model: x }}], {settings} }}]"
    )
}

fn settings(text: &str) -> ModelSettings {
    let config = read(&format!("{LEAST}{}", with(text)), &[]).unwrap();
    config.models.into_iter().next().unwrap().settings
}

#[test]
fn settings_of_a_model_arrive() {
    let text = "system_prompt: { prefix: A, suffix: B }, \
                defaults: { temperature: 0.7, options: { seed: 1 } }, \
                overrides: { user: null }, thinking: { mode: custom, budget: 0 }";

    let expected = ModelSettings {
        system_prefix: "A".to_owned(),
        system_suffix: "B".to_owned(),
        defaults: [
            ("temperature".to_owned(), json!(0.7)),
            ("options".to_owned(), json!({"seed": 1})),
        ]
        .into(),
        overrides: [("user".to_owned(), json!(null))].into(),
        thinking: Thinking::Custom(0),
    };
    assert_eq!(settings(text), expected);
    assert_eq!(settings("strict: true"), ModelSettings::default());
}

#[test]
fn thinking_has_documented_defaults() {
    let thinking = |text: &str| settings(&format!("thinking: {text}")).thinking;

    assert_eq!(thinking("{ effort: high }"), Thinking::Passthrough);
    assert_eq!(thinking("{ mode: auto }"), Thinking::Auto);
    assert_eq!(thinking("{ mode: custom }"), Thinking::Custom(10_240));
    assert_eq!(thinking("{ mode: adaptive }"), Thinking::Adaptive(10_240));
    assert_eq!(thinking("{ mode: adaptive, effort: none }"), Thinking::Adaptive(0));
}

#[test]
fn what_may_not_be_set_is_refused_by_name() {
    let cases = [
        ("defaults: { model: x }", "defaults.model", "what the client asks"),
        ("overrides: { stream: true }", "overrides.stream", "what the client asks"),
        ("overrides: { contents: [] }", "overrides.contents", "what the client asks"),
        ("overrides: { system: x }", "overrides.system", "`system_prompt`"),
        ("defaults: { instructions: x }", "defaults.instructions", "`system_prompt`"),
        ("defaults: { top_p: null }", "defaults.top_p", "`overrides`"),
        ("thinking: { mode: much }", "thinking.mode", "passthrough, auto, custom, adaptive"),
        ("thinking: { effort: much }", "thinking.effort", "none, low, medium, high"),
        ("thinking: { mode: custom, budget: 131073 }", "thinking.budget", "0..131072"),
    ];
    for (text, place, why) in cases {
        refused(&with(text), &format!("models[0].{place}"), why);
    }
}
