//! Writes our own format: sections without what has nothing to say.

use serde_yaml_ng::{Mapping, Value};

/// Makes a section of its fields, those left out that are null or empty.
pub(super) fn section<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Sequence(list) => !list.is_empty(),
        Value::Mapping(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => true,
    };
    let fields = fields.into_iter().filter(|(_, value)| says(value));
    Value::Mapping(fields.map(|(name, value)| (name.into(), value)).collect::<Mapping>())
}

/// Makes a value of what may be missing.
pub(super) fn maybe(value: Option<impl Into<Value>>) -> Value {
    value.map_or(Value::Null, Into::into)
}

/// Makes a list.
pub(super) fn list<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Value {
    Value::Sequence(values.into_iter().map(Into::into).collect())
}

/// Makes a reference to a variable.
pub(super) fn variable(name: Option<&str>) -> Value {
    maybe(name.map(|name| format!("env:{name}")))
}

/// Writes seconds or a share: a whole number without a point.
pub(super) fn number(number: f64) -> Value {
    let whole = format!("{number:.0}").parse::<u64>().ok().filter(|_| number.fract() == 0.0);
    whole.map_or_else(|| number.into(), Into::into)
}

/// Writes a price: a decimal without exponent, and without what a division by millions leaves
/// behind.
pub(super) fn dollars(price: f64) -> String {
    let text = format!("{price:.15}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
