//! Fields of a JSON body, read as leniently as LiteLLM does: numbers may be text, empty text is
//! not given, unknown fields are ignored. What is wrong is collected and told at once.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tollgate_core::money::NanoDollars;

use crate::http::error::ApiError;

/// A body that is being read. The outer `Option` of each answer says whether the field was
/// given, the inner one whether it was more than `null`.
pub(crate) struct Fields {
    body: Map<String, Value>,
    problems: Vec<Value>,
}

impl Fields {
    /// Reads a body that must be a JSON object.
    pub(crate) fn read(body: &[u8]) -> Result<Self, ApiError> {
        if body.is_empty() {
            return Err(ApiError::validation(vec![problem(
                "missing",
                &[],
                "Field required",
                &Value::Null,
            )]));
        }
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            ApiError::envelope(
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                Some("request_body"),
                format!("Invalid JSON payload: {error}"),
            )
        })?;
        match value {
            Value::Object(body) => Ok(Self { body, problems: Vec::new() }),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)) => Err(ApiError::validation(vec![problem(
                "model_attributes_type",
                &[],
                "Input should be a valid dictionary or object to extract fields from",
                &other,
            )])),
        }
    }

    /// Ends reading: all that was wrong, if anything was.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.problems.is_empty() { Ok(()) } else { Err(ApiError::validation(self.problems)) }
    }

    /// Returns a field as it was sent, unless it is empty.
    pub(crate) fn given(&self, name: &str) -> Option<&Value> {
        self.body.get(name).filter(|value| !is_empty(value))
    }

    /// A text. Empty text counts as not given.
    pub(crate) fn text(&mut self, name: &str) -> Option<Option<String>> {
        match self.body.get(name)?.clone() {
            Value::Null => Some(None),
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(Some(text)),
            other => self.wrong(name, "string_type", "Input should be a valid string", &other),
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, name: &str) -> Option<String> {
        let text = self.text(name).flatten();
        if text.is_none() && self.problems.is_empty() {
            let body = Value::Object(self.body.clone());
            self.problems.push(problem("missing", &[name], "Field required", &body));
        }
        text
    }

    /// An amount of dollars: a number, or text that is one.
    pub(crate) fn dollars(&mut self, name: &str) -> Result<Option<Option<NanoDollars>>, ApiError> {
        let text = match self.body.get(name).cloned() {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(None)),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Value::String(text)) => text,
            Some(other) => {
                return Ok(self.wrong(
                    name,
                    "float_type",
                    "Input should be a valid number",
                    &other,
                ));
            }
        };
        if let Some(amount) = NanoDollars::from_usd(&text) {
            return Ok(Some(Some(amount)));
        }
        if text.trim().parse::<f64>().is_ok() {
            return Err(ApiError::bad_request(
                name,
                format!("{name} must be a finite number of dollars, below a billion"),
            ));
        }
        let message = "Input should be a valid number, unable to parse string as a number";
        Ok(self.wrong(name, "float_parsing", message, &Value::from(text)))
    }

    /// A yes or no, in any of the forms that pydantic takes.
    pub(crate) fn flag(&mut self, name: &str) -> Option<Option<bool>> {
        let value = self.body.get(name)?.clone();
        let text = match &value {
            Value::Null => return Some(None),
            Value::Bool(flag) => return Some(Some(*flag)),
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => text.to_lowercase(),
            other => other.to_string(),
        };
        match text.as_str() {
            "true" | "1" | "yes" | "y" | "on" | "t" => Some(Some(true)),
            "false" | "0" | "no" | "n" | "off" | "f" => Some(Some(false)),
            _ => {
                let message = "Input should be a valid boolean, unable to interpret input";
                self.wrong(name, "bool_parsing", message, &value)
            }
        }
    }

    /// A list of texts. Empty text counts as not given.
    pub(crate) fn texts(&mut self, name: &str) -> Option<Option<Vec<String>>> {
        let items = match self.body.get(name)?.clone() {
            Value::Null => return Some(None),
            Value::String(text) if text.is_empty() => return None,
            Value::Array(items) => items,
            other => return self.wrong(name, "list_type", "Input should be a valid list", &other),
        };
        let mut texts = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let Some(text) = item.as_str() else {
                let at = at.to_string();
                let message = "Input should be a valid string";
                self.problems.push(problem("string_type", &[name, &at], message, item));
                return None;
            };
            texts.push(text.to_owned());
        }
        Some(Some(texts))
    }

    /// An object of texts.
    pub(crate) fn text_map(&mut self, name: &str) -> Option<Option<BTreeMap<String, String>>> {
        let Some(map) = self.object(name)? else { return Some(None) };
        let mut texts = BTreeMap::new();
        for (key, value) in map {
            let Some(text) = value.as_str() else {
                let message = "Input should be a valid string";
                self.problems.push(problem("string_type", &[name, &key], message, &value));
                return None;
            };
            texts.insert(key, text.to_owned());
        }
        Some(Some(texts))
    }

    /// A free object. Empty text counts as not given.
    pub(crate) fn object(&mut self, name: &str) -> Option<Option<Map<String, Value>>> {
        match self.body.get(name)?.clone() {
            Value::Null => Some(None),
            Value::Object(map) => Some(Some(map)),
            Value::String(text) if text.is_empty() => None,
            other => self.wrong(name, "dict_type", "Input should be a valid dictionary", &other),
        }
    }

    fn wrong<T>(&mut self, name: &str, kind: &str, message: &str, input: &Value) -> Option<T> {
        self.problems.push(problem(kind, &[name], message, input));
        None
    }
}

/// `null`, empty text, empty lists, `false`, and objects of nothing else: what clients send for
/// fields they leave alone.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
    }
}

fn problem(kind: &str, place: &[&str], message: &str, input: &Value) -> Value {
    let place: Vec<Value> = std::iter::once("body")
        .chain(place.iter().copied())
        .map(|part| part.parse::<usize>().map_or_else(|_| Value::from(part), Value::from))
        .collect();
    json!({"type": kind, "loc": place, "msg": message, "input": input})
}
