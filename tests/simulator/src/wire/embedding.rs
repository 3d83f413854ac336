//! `/v1/embeddings`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Answer, Bill, Error, Provider, json, model};
use crate::counts::Tokens;
use crate::script::{Script, Usage};
use crate::tokens;

/// Answers with one vector an input.
pub(super) fn answer(
    body: &Value,
    script: &Script,
    provider: &Provider<'_>,
) -> Result<Answer, Error> {
    let model = model(body, provider)?;
    let input = body.get("input").ok_or_else(|| Error::missing("input"))?;
    let base64 = body.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let dimensions = body.get("dimensions").and_then(Value::as_u64).unwrap_or(DIMENSIONS);
    let prompt = tokens::input(input);

    let data: Vec<String> = inputs(input)
        .into_iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, dimensions);
            let embedding = if base64 { packed(&vector) } else { listed(&vector) };
            format!(
                "    {{\n      \"object\": \"embedding\",\n      \"index\": {index},\n      \
                 \"embedding\": {embedding}\n    }}"
            )
        })
        .collect();
    let usage = match script.usage {
        Usage::Never => String::new(),
        Usage::AsAsked | Usage::Always => format!(
            ",\n  \"usage\": {{\n    \"prompt_tokens\": {prompt},\n    \"total_tokens\": {prompt}\n  }}"
        ),
    };
    let text = format!(
        "{{\n  \"object\": \"list\",\n  \"data\": [\n{}\n  ],\n  \"model\": {}{usage}\n}}\n",
        data.join(",\n"),
        Value::from(model),
    );
    let tokens = Tokens { answers: 1, prompt, completion: 0 };
    Ok(json(text, Some(Bill { model: model.to_owned(), tokens })))
}

/// The inputs, each to get a vector: a list of numbers is one text, already in tokens.
fn inputs(input: &Value) -> Vec<&Value> {
    input
        .as_array()
        .filter(|items| !items.iter().all(Value::is_number))
        .map_or_else(|| vec![input], |items| items.iter().collect())
}

/// Makes a vector of length one out of the text, the same each time. One that begins with `@` and
/// a number lies in one plane with all others that do, at this angle: `@20 a` and `@30 b` are as
/// similar as the cosine of 10 degrees.
fn vector(text: &Value, dimensions: u64) -> Vec<f32> {
    if let Some(angle) = angle(text) {
        let mut vector = vec![angle.cos(), angle.sin()];
        vector.resize(usize::try_from(dimensions).unwrap_or_default().max(2), 0.0);
        return vector;
    }
    let mut state = 0x811c_9dc5_u32;
    for byte in text.to_string().bytes() {
        state = (state ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let mut vector: Vec<f32> = (0..dimensions)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // The upper half of the state: its lower bits hardly change.
            let upper = u16::try_from(state >> 16).unwrap_or_default();
            f32::from(upper) / 32_768.0 - 1.0
        })
        .collect();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    for x in &mut vector {
        *x /= length;
    }
    vector
}

fn angle(text: &Value) -> Option<f32> {
    let (degrees, _) = text.as_str()?.strip_prefix('@')?.split_once(' ')?;
    degrees.parse::<f32>().ok().map(f32::to_radians)
}

fn listed(vector: &[f32]) -> String {
    let numbers: Vec<String> = vector.iter().map(|x| format!("        {x}")).collect();
    format!("[\n{}\n      ]", numbers.join(",\n"))
}

fn packed(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    format!("\"{}\"", STANDARD.encode(bytes))
}

const DIMENSIONS: u64 = 1536;
