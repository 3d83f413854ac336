//! Prompts of whole bodies: framing, and bounds that are never exceeded.

use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::tokens::{
    Counted, Encoding, Family, count, request_tokens, text_tokens, upper_bound,
};

const FAMILIES: &[Family] = &[
    Family::Gpt4o,
    Family::Gpt4oMini,
    Family::Reasoning,
    Family::GptOss,
    Family::Cl100k,
    Family::Claude,
    Family::Gemini,
    Family::Llama,
    Family::Mistral,
    Family::Other,
];

#[track_caller]
fn check(family: Family, body: &str, tokens: u64, exact: bool) {
    assert_eq!(request_tokens(family, body.as_bytes()), Counted { tokens, exact });
}

#[test]
fn frames_messages_as_documented() {
    let hi = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
    check(Family::Gpt4o, hi, 3 + 3 + 1 + 1, true);
    check(Family::Cl100k, hi, 3 + 3 + 1 + 1, true);
    check(Family::Reasoning, hi, 2 + 3 + 1 + 1, true);
    check(
        Family::Cl100k,
        r#"{"model":"gpt-4","messages":[{"role":"system","name":"bob","content":[{"type":"text","text":"Hi"}]}]}"#,
        3 + 3 + 1 + 1 + 1 + 1,
        true,
    );
    check(
        Family::Gpt4o,
        r#"{"messages":[{"role":"user","content":"caf\u00e9\n"}]}"#,
        3 + 3 + 1 + 3,
        true,
    );
}

#[test]
fn counts_prompts_and_inputs_without_framing() {
    check(Family::Cl100k, r#"{"prompt":"Hello world"}"#, 2, true);
    check(Family::Cl100k, r#"{"prompt":["Hello","Hello world"]}"#, 3, true);
    check(Family::Cl100k, r#"{"input":[1,2,3,4]}"#, 4, true);
    check(Family::Cl100k, r#"{"input":[[1,2],[3]]}"#, 3, true);
    check(Family::Cl100k, "not json", 0, true);
}

#[test]
fn says_when_it_estimates() {
    let exact = |family, body: &Value| request_tokens(family, body.to_string().as_bytes()).exact;
    let message = json!([{"role": "user", "content": "Hi"}]);
    let image =
        json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]);
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);

    assert!(exact(Family::Gpt4o, &json!({"messages": message})));
    assert!(!exact(Family::Claude, &json!({"messages": message})));
    assert!(!exact(Family::Gpt4o, &json!({"messages": image})));
    assert!(!exact(Family::Gpt4o, &json!({"messages": message, "tools": tool})));
    assert!(!exact(Family::Gpt4o, &json!({"input": message})));
    assert!(!exact(Family::Gpt4o, &json!({"messages": message, "web_search_options": {}})));
    assert!(!exact(Family::Cl100k, &json!({"input": [["long text"]]})));
    assert!(!exact(Family::Routed, &json!({"messages": message})));
}

#[test]
fn an_image_is_bounded_by_its_maximum_and_not_by_its_length() {
    let body = |data: &str| {
        let url = format!("data:image/png;base64,{data}");
        let part = json!({"type": "image_url", "image_url": {"url": url}});
        json!({"messages": [{"role": "user", "content": [part]}]}).to_string()
    };
    let image = body(&"QUJD".repeat(100_000));
    let text = body(&"not an image ".repeat(30_000));

    assert!(upper_bound(Family::Gpt4o, image.as_bytes()) < 5_000);
    assert!(upper_bound(Family::Gpt4o, text.as_bytes()) > 390_000);
}

#[test]
fn estimates_texts_of_other_families() {
    let text = "Some words that are counted. ".repeat(50);
    let counted = count(Encoding::O200k, &text);

    assert_eq!(text_tokens(Family::Gpt4o, &text), Counted { tokens: counted, exact: true });
    assert!(text_tokens(Family::Claude, &text).tokens > counted);
    assert!(!text_tokens(Family::Claude, &text).exact);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,40}", "[a-zA-Z0-9 .,'\\n]{0,80}", any::<String>()]
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(|about| json!({"type": "string", "description": about})),
        Just(json!({})),
        Just(json!({"type": ["integer", "null"], "default": 1})),
        proptest::collection::vec(text(), 0..4).prop_map(|values| json!({"enum": values})),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::btree_map(text(), inner.clone(), 0..4)
                .prop_map(|properties| json!({"type": "object", "properties": properties})),
            inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            proptest::collection::vec(inner, 0..3).prop_map(|any| json!({"anyOf": any})),
        ]
    })
}

fn tool() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        (text(), text(), schema()).prop_map(|(name, about, schema)| {
            json!({"type": "function", "function": {"name": name, "description": about, "parameters": schema}})
        }),
    ]
}

fn message() -> impl Strategy<Value = Value> {
    let call = (text(), text()).prop_map(|(name, arguments)| {
        json!({"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}})
    });
    prop_oneof![
        Just(json!({})),
        (text(), text()).prop_map(|(role, content)| json!({"role": role, "content": content})),
        (text(), text()).prop_map(|(name, content)| {
            json!({"role": "user", "name": name, "content": [{"type": "text", "text": content}]})
        }),
        proptest::collection::vec(call, 0..3)
            .prop_map(|calls| json!({"role": "assistant", "content": null, "tool_calls": calls})),
        Just(json!({"content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]})),
    ]
}

proptest! {
    #[test]
    fn no_count_exceeds_its_bound(
        messages in proptest::collection::vec(message(), 0..6),
        tools in proptest::collection::vec(tool(), 0..4),
        prompt in text(),
    ) {
        let bodies = [
            json!({"messages": messages}),
            json!({"messages": messages, "tools": tools}),
            json!({"prompt": prompt}),
            json!({"input": [prompt, prompt]}),
        ];
        for body in bodies.map(|body| body.to_string()) {
            for family in FAMILIES {
                let counted = request_tokens(*family, body.as_bytes());
                prop_assert!(counted.tokens <= upper_bound(*family, body.as_bytes()), "{body}");
            }
        }
    }

    #[test]
    fn any_bytes_are_counted(body in any::<Vec<u8>>()) {
        for family in FAMILIES {
            let counted = request_tokens(*family, &body);
            prop_assert!(counted.tokens <= upper_bound(*family, &body));
        }
    }
}
