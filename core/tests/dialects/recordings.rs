//! Recorded traffic, and what is compared in it.
//!
//! It is not part of the project: `TOLLGATE_RECORDINGS` names its folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// One exchange with a provider.
pub(crate) struct Exchange {
    /// Names it in failures.
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) status: u16,
    pub(crate) request: Value,
    /// As it came: JSON, or the text of a stream.
    pub(crate) answer: String,
}

impl Exchange {
    /// Tells whether the answer was streamed as events.
    pub(crate) fn is_stream(&self) -> bool {
        !self.answer.trim_start().starts_with(['{', '['])
    }
}

/// Returns the exchanges whose path ends so. None, with a word on why, where there is no folder.
pub(crate) fn exchanges(path_end: &str) -> Vec<Exchange> {
    let Some(folder) = std::env::var_os("TOLLGATE_RECORDINGS").map(PathBuf::from) else {
        eprintln!("skipped: TOLLGATE_RECORDINGS is not set");
        return Vec::new();
    };
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files.iter().filter(|path| path.extension().is_some_and(|end| end == "jsonl")) {
        for line in fs::read_to_string(file).unwrap().lines() {
            let exchange: Value = serde_json::from_str(line).unwrap();
            if exchange["path"].as_str().is_some_and(|path| path.ends_with(path_end)) {
                found.push(read(&exchange));
            }
        }
    }
    found
}

fn read(exchange: &Value) -> Exchange {
    let status = match &exchange["status"] {
        Value::String(text) => text.split(' ').next().unwrap().parse().unwrap(),
        value => u16::try_from(value.as_u64().unwrap()).unwrap(),
    };
    let answer = match &exchange["response"] {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    Exchange {
        id: format!("{} {}", exchange["provider"], exchange["id"]),
        provider: exchange["provider"].as_str().unwrap().to_owned(),
        status,
        request: exchange["request"].clone(),
        answer,
    }
}

/// Counts the scalars of a value, wherever they stand. What means nothing is left out: null and
/// the empty text.
pub(crate) fn leaves(value: &Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            scalar => *counts.entry(scalar.to_string()).or_default() += 1,
        }
    }
    counts
}

/// Returns the scalars of `before` that `after` has not, or not as often.
pub(crate) fn lost(before: &Value, after: &Value) -> Vec<String> {
    let after = leaves(after);
    let missing = |(leaf, count): (String, usize)| {
        (after.get(&leaf).copied().unwrap_or(0) < count).then_some(leaf)
    };
    leaves(before).into_iter().filter_map(missing).collect()
}
