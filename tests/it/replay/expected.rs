//! What a client should get for a recording, worked out without the gateway's code.

use serde_json::Value;

/// What the ledger should have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// Nothing: the request failed.
    None,
    /// An estimate: the provider told nothing.
    Missing,
    /// Prompt, completion and total as the provider told them.
    Reported((u64, u64, u64)),
}

/// Replaces the model's name at the top level of a JSON object.
pub(super) fn json(text: &str, model: &str) -> String {
    match model_value(text) {
        Some((start, end)) => format!("{}\"{model}\"{}", &text[..start], &text[end..]),
        None => text.to_owned(),
    }
}

/// Replaces the model's name in each event. Usage that the client wants says what it costs. Unless the client wants usage, what a provider sends
/// for the wish alone is left out: events with nothing but usage, and its `null` elsewhere.
pub(super) fn stream(text: &str, model: &str, wants_usage: bool) -> String {
    let keep = |event: &&str| {
        let chunk: Value =
            data(event).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let only_usage = chunk["choices"] == Value::Array(Vec::new()) && chunk["usage"].is_object();
        wants_usage || !only_usage
    };
    let renamed = |event: &str| match data(event) {
        Some(text) if wants_usage => event.replacen(text, &with_cost(&json(text, model)), 1),
        Some(text) => event.replacen(text, &json(&without_null_usage(text), model), 1),
        None => event.to_owned(),
    };
    text.split_inclusive("\n\n").filter(keep).map(renamed).collect()
}

/// Adds to the usage what it costs at the harness's prices, in the place of what is said there.
fn with_cost(text: &str) -> String {
    let chunk: Value = serde_json::from_str(text).unwrap_or_default();
    let Usage::Reported((prompt, completion, _)) = reported(&chunk) else { return text.to_owned() };
    // One provider reasoned more than it completed.
    let reasoning = &chunk["usage"]["completion_tokens_details"]["reasoning_tokens"];
    let output = completion.max(reasoning.as_u64().unwrap_or(0));
    let cost = format!("0.{:09}", prompt * 150 + output * 600);
    let cost = cost.trim_end_matches('0');
    let (head, tail) = text.split_at(text.find("\"usage\":").unwrap());
    if let Some(at) = tail.find("\"cost\":") {
        // In the recordings it stands before anything that is nested.
        let (before, said) = tail.split_at(at + "\"cost\":".len());
        return format!("{head}{before}{cost}{}", &said[said.find(',').unwrap()..]);
    }
    let mut depth = 0;
    let end = tail.find(|sign| {
        depth += i32::from(sign == '{') - i32::from(sign == '}');
        sign == '}' && depth == 0
    });
    let (usage, after) = tail.split_at(end.unwrap());
    format!("{head}{usage},\"cost\":{cost}{after}")
}

fn without_null_usage(text: &str) -> String {
    text.replacen(",\"usage\":null", "", 1)
}

pub(super) fn json_usage(text: &str) -> Usage {
    reported(&serde_json::from_str(text).unwrap_or_default())
}

/// The last usage of a stream counts.
pub(super) fn stream_usage(text: &str) -> Usage {
    text.split_inclusive("\n\n")
        .filter_map(|event| serde_json::from_str(data(event)?).ok())
        .map(|chunk: Value| reported(&chunk))
        .filter(|usage| *usage != Usage::Missing)
        .last()
        .unwrap_or(Usage::Missing)
}

/// Describes the first place where two texts differ. `None` when they are the same.
pub(super) fn difference(got: &str, expected: &str) -> Option<String> {
    if got == expected {
        return None;
    }
    let same = got.bytes().zip(expected.bytes()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| {
        let bytes = text.as_bytes();
        let piece = &bytes[same.saturating_sub(60)..bytes.len().min(same + 100)];
        String::from_utf8_lossy(piece).into_owned()
    };
    Some(format!("at byte {same}: got {:?}, expected {:?}", around(got), around(expected)))
}

fn reported(answer: &Value) -> Usage {
    let usage = &answer["usage"];
    if !usage.is_object() {
        return Usage::Missing;
    }
    let number = |field: &str| usage[field].as_u64();
    let prompt = number("prompt_tokens").unwrap_or_default();
    let completion = number("completion_tokens").unwrap_or_default();
    Usage::Reported((prompt, completion, number("total_tokens").unwrap_or(prompt + completion)))
}

/// The JSON of an event. `None` for comments and `[DONE]`.
fn data(event: &str) -> Option<&str> {
    let line = event.lines().find(|line| line.starts_with("data:"))?;
    let data = line.strip_prefix("data:")?.trim();
    data.starts_with('{').then_some(data)
}

/// Finds the value of the member `model` at the top level, if it is a string: where it begins
/// and where it ends, quotes included.
fn model_value(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut depth = 0;
    let mut place = 0;
    let mut last_key = None;
    while place < bytes.len() {
        match bytes[place] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let end = end_of_string(bytes, place)?;
                let after = text[end..].trim_start();
                if depth == 1 && after.starts_with(':') {
                    last_key = Some(&text[place..end]);
                } else if depth == 1 && last_key.take() == Some("\"model\"") {
                    return Some((place, end));
                }
                place = end;
                continue;
            }
            b',' if depth == 1 => last_key = None,
            _ => {}
        }
        place += 1;
    }
    None
}

fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut place = start + 1;
    loop {
        match bytes.get(place)? {
            b'\\' => place += 2,
            b'"' => return Some(place + 1),
            _ => place += 1,
        }
    }
}

#[test]
fn the_models_name_is_replaced_at_the_top_level_alone() {
    let text = r#"{"a":{"model":"x"},"b":["model","x"],"c":"model", "model" : "x" ,"d":"\"}"}"#;

    let expected = r#"{"a":{"model":"x"},"b":["model","x"],"c":"model", "model" : "y" ,"d":"\"}"}"#;
    assert_eq!(json(text, "y"), expected);
    assert_eq!(json(r#"{"model":null}"#, "y"), r#"{"model":null}"#);
}
