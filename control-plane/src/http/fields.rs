//! Fields of a JSON body, read as leniently as LiteLLM does: numbers may be text, empty text is
//! not given, unknown fields are ignored. What is wrong is collected and told at once.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tollgate_core::money::NanoDollars;

use crate::domain::Edit;
use crate::http::error::ApiError;

/// A body that is being read. A field that is `null` is [`Edit::Clear`].
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

    /// Reads a body that may be left out: then it says nothing.
    pub(crate) fn read_or_none(body: &[u8]) -> Result<Self, ApiError> {
        Self::read(if body.is_empty() { b"{}" } else { body })
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
    pub(crate) fn text(&mut self, name: &str) -> Edit<String> {
        let Some(value) = self.present(name) else { return self.absent(name) };
        match value.as_str() {
            Some(text) => Edit::Set(text.to_owned()),
            None => self.wrong(name, "string_type", "Input should be a valid string", &value),
        }
    }

    /// Says of a field that is not there that it must be.
    pub(crate) fn required(&mut self, name: &str) {
        if self.present(name).is_none() {
            let body = Value::Object(self.body.clone());
            self.problems.push(problem("missing", &[name], "Field required", &body));
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, name: &str) -> String {
        let sound = self.problems.len();
        let text = self.text(name).value();
        if text.is_none() && self.problems.len() == sound {
            let body = Value::Object(self.body.clone());
            self.problems.push(problem("missing", &[name], "Field required", &body));
        }
        text.unwrap_or_default()
    }

    /// A list of texts that must be there.
    pub(crate) fn required_texts(&mut self, name: &str) -> Vec<String> {
        let sound = self.problems.len();
        let texts = self.texts(name).value();
        if texts.is_none() && self.problems.len() == sound {
            let body = Value::Object(self.body.clone());
            self.problems.push(problem("missing", &[name], "Field required", &body));
        }
        texts.unwrap_or_default()
    }

    /// An amount of dollars: a number, or text that is one.
    pub(crate) fn dollars(&mut self, name: &str) -> Result<Edit<NanoDollars>, ApiError> {
        let Some(value) = self.present(name) else { return Ok(self.absent(name)) };
        let text = match (value.as_str(), value.is_number()) {
            (Some(text), _) => text.to_owned(),
            (None, true) => value.to_string(),
            (None, false) => {
                return Ok(self.wrong(
                    name,
                    "float_type",
                    "Input should be a valid number",
                    &value,
                ));
            }
        };
        if let Some(amount) = NanoDollars::from_usd(&text) {
            return Ok(Edit::Set(amount));
        }
        if text.trim().parse::<f64>().is_ok() {
            let message = format!("{name} must be a finite number of dollars, below a billion");
            return Err(ApiError::bad_request(name, message));
        }
        let message = "Input should be a valid number, unable to parse string as a number";
        Ok(self.wrong(name, "float_parsing", message, &value))
    }

    /// A whole number, or text that is one.
    pub(crate) fn whole(&mut self, name: &str) -> Edit<i64> {
        let Some(value) = self.present(name) else { return self.absent(name) };
        match whole(&value) {
            Some(number) => Edit::Set(number),
            None => self.wrong(name, "int_parsing", "Input should be a valid integer", &value),
        }
    }

    /// An object of whole numbers.
    pub(crate) fn whole_map(&mut self, name: &str) -> Edit<BTreeMap<String, i64>> {
        let map = match self.object(name) {
            Edit::Keep => return Edit::Keep,
            Edit::Clear => return Edit::Clear,
            Edit::Set(map) => map,
        };
        let mut numbers = BTreeMap::new();
        for (key, value) in map {
            let Some(number) = whole(&value) else {
                let message = "Input should be a valid integer";
                self.problems.push(problem("int_type", &[name, &key], message, &value));
                return Edit::Keep;
            };
            numbers.insert(key, number);
        }
        Edit::Set(numbers)
    }

    /// A list of anything.
    pub(crate) fn list(&mut self, name: &str) -> Edit<Vec<Value>> {
        let Some(value) = self.present(name) else { return self.absent(name) };
        match value.as_array() {
            Some(items) => Edit::Set(items.clone()),
            None => self.wrong(name, "list_type", "Input should be a valid list", &value),
        }
    }

    /// A yes or no, in any of the forms that pydantic takes.
    pub(crate) fn flag(&mut self, name: &str) -> Edit<bool> {
        let Some(value) = self.present(name) else { return self.absent(name) };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
        match text.as_str() {
            "true" | "1" | "yes" | "y" | "on" | "t" => Edit::Set(true),
            "false" | "0" | "no" | "n" | "off" | "f" => Edit::Set(false),
            _ => {
                let message = "Input should be a valid boolean, unable to interpret input";
                self.wrong(name, "bool_parsing", message, &value)
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, name: &str) -> Edit<Vec<String>> {
        let Some(value) = self.present(name) else { return self.absent(name) };
        let Some(items) = value.as_array() else {
            return self.wrong(name, "list_type", "Input should be a valid list", &value);
        };
        let mut texts = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let Some(text) = item.as_str() else {
                return self.not_text(name, &at.to_string(), item);
            };
            texts.push(text.to_owned());
        }
        Edit::Set(texts)
    }

    /// An object of texts.
    pub(crate) fn text_map(&mut self, name: &str) -> Edit<BTreeMap<String, String>> {
        let map = match self.object(name) {
            Edit::Keep => return Edit::Keep,
            Edit::Clear => return Edit::Clear,
            Edit::Set(map) => map,
        };
        let mut texts = BTreeMap::new();
        for (key, value) in map {
            let Some(text) = value.as_str() else { return self.not_text(name, &key, &value) };
            texts.insert(key, text.to_owned());
        }
        Edit::Set(texts)
    }

    /// A free object.
    pub(crate) fn object(&mut self, name: &str) -> Edit<Map<String, Value>> {
        let Some(value) = self.present(name) else { return self.absent(name) };
        match value.as_object() {
            Some(map) => Edit::Set(map.clone()),
            None => self.wrong(name, "dict_type", "Input should be a valid dictionary", &value),
        }
    }

    /// Returns a field that was given as more than `null` or empty text.
    fn present(&self, name: &str) -> Option<Value> {
        let value = self.body.get(name).filter(|value| !value.is_null());
        value.filter(|value| value.as_str().is_none_or(|text| !text.trim().is_empty())).cloned()
    }

    /// Tells `null`, which clears, from a field that is missing or empty text.
    fn absent<T>(&self, name: &str) -> Edit<T> {
        if self.body.get(name).is_some_and(Value::is_null) { Edit::Clear } else { Edit::Keep }
    }

    fn not_text<T>(&mut self, name: &str, place: &str, value: &Value) -> Edit<T> {
        let message = "Input should be a valid string";
        self.problems.push(problem("string_type", &[name, place], message, value));
        Edit::Keep
    }

    fn wrong<T>(&mut self, name: &str, kind: &str, message: &str, input: &Value) -> Edit<T> {
        self.problems.push(problem(kind, &[name], message, input));
        Edit::Keep
    }
}

/// Reads `3`, `3.0` and `"3"`.
fn whole(value: &Value) -> Option<i64> {
    if let Some(number) = value.as_i64() {
        return Some(number);
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = text.trim();
    let digits = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0'));
    let whole = digits.map_or(text, |(whole, _)| whole);
    whole.parse().ok().filter(|_| !value.is_boolean())
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
