//! Query parameters, read as `FastAPI` does: the last one counts, empty ones are not given.

use std::collections::HashMap;

use serde_json::{Value, json};
use time::macros::format_description;
use tollgate_core::key::KeyHash;

use crate::domain::Timestamp;
use crate::http::error::ApiError;

/// The query of a request.
pub(crate) struct Query(HashMap<String, String>);

impl Query {
    /// Takes the part after `?` apart.
    pub(crate) fn read(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.filter(|(_, value)| !value.is_empty()).map(owned).collect())
    }

    /// Takes what a body says as if it stood in a query.
    pub(crate) fn of<const N: usize>(fields: [(&str, Option<String>); N]) -> Self {
        let given = fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?)));
        Self(given.collect())
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A text that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name).ok_or_else(|| {
            ApiError::validation(vec![json!({"type": "missing", "loc": ["query", name],
                "msg": "Field required", "input": null})])
        })
    }

    /// A list with commas between. `None`: it was not given.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        let items = self.text(name)?.split(',').map(str::trim).filter(|item| !item.is_empty());
        Some(items.map(str::to_owned).collect())
    }

    /// Refuses parameters that would change the answer and that we do not know.
    pub(crate) fn refuse(&self, names: &[&str]) -> Result<(), ApiError> {
        match names.iter().find(|name| self.text(name).is_some()) {
            Some(name) => Err(ApiError::bad_request(name, format!("{name} is not supported yet"))),
            None => Ok(()),
        }
    }

    /// The column to sort by, and whether the largest comes first; `usual` is what holds when
    /// nothing is said.
    pub(crate) fn order<T: Copy>(
        &self,
        columns: &[(&str, T)],
        usual: (T, bool),
    ) -> Result<(T, bool), ApiError> {
        let column = match self.text("sort_by") {
            None => usual.0,
            Some(name) => {
                let found = columns.iter().find(|(known, _)| *known == name);
                let names: Vec<&str> = columns.iter().map(|(known, _)| *known).collect();
                let names = names.join(", ");
                found.map(|(_, column)| *column).ok_or_else(|| {
                    let message = format!("Invalid sort column: {name:?}. Use one of {names}.");
                    ApiError::bad_request("sort_by", message)
                })?
            }
        };
        match self.text("sort_order").map(str::to_lowercase).as_deref() {
            None => Ok((column, usual.1)),
            Some("desc") => Ok((column, true)),
            Some("asc") => Ok((column, false)),
            Some(_) => Err(ApiError::bad_request("sort_order", "sort_order must be asc or desc")),
        }
    }

    /// A yes or no.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.to_lowercase().as_str() {
            "true" | "1" | "yes" | "y" | "on" | "t" => Ok(Some(true)),
            "false" | "0" | "no" | "n" | "off" | "f" => Ok(Some(false)),
            _ => Err(wrong(
                "bool_parsing",
                name,
                "Input should be a valid boolean, unable to interpret input",
                text,
            )),
        }
    }

    /// A number between two others.
    pub(crate) fn number(
        &self,
        name: &str,
        least: u32,
        most: u32,
    ) -> Result<Option<u32>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let message = "Input should be a valid integer, unable to parse string as an integer";
        let number: i64 =
            text.trim().parse().map_err(|_| wrong("int_parsing", name, message, text))?;
        match u32::try_from(number) {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ if number < i64::from(least) => {
                let message = format!("Input should be greater than or equal to {least}");
                Err(wrong("greater_than_equal", name, &message, text))
            }
            _ => {
                let message = format!("Input should be less than or equal to {most}");
                Err(wrong("less_than_equal", name, &message, text))
            }
        }
    }

    /// Midnight (UTC) at the start of a day written `YYYY-MM-DD`.
    pub(crate) fn day(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let date = time::Date::parse(text, format_description!("[year]-[month]-[day]"));
        let Ok(date) = date else {
            let message = format!("{name} must be a date such as 2026-11-21");
            return Err(ApiError::bad_request(name, message));
        };
        let seconds = date.midnight().assume_utc().unix_timestamp();
        Ok(Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000))))
    }
}

/// Names a key as callers do: by itself or by its hash.
pub(crate) fn key_hash(text: &str) -> Option<KeyHash> {
    if text.starts_with("sk-") {
        return Some(KeyHash::of(text.as_bytes()));
    }
    KeyHash::from_hex(text)
}

fn owned(
    (name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>),
) -> (String, String) {
    (name.into_owned(), value.into_owned())
}

fn wrong(kind: &str, name: &str, message: &str, input: &str) -> ApiError {
    let problem: Value =
        json!({"type": kind, "loc": ["query", name], "msg": message, "input": input});
    ApiError::validation(vec![problem])
}
