//! Where clients may call from.

use serde_json::{Map, Value};
use tollgate_core::address::Network;

/// Addresses and networks such as `10.0.0.0/8`, each as somebody wrote it and readable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressLists {
    /// Empty: from anywhere that is not denied.
    pub allowed: Vec<String>,
    /// Wins over `allowed`.
    pub denied: Vec<String>,
}

impl AddressLists {
    /// Tells whether they say nothing.
    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty() && self.denied.is_empty()
    }

    /// Reads what the metadata of a key, user or team say. What cannot be read stays: filters then
    /// admit nobody.
    pub fn in_metadata(metadata: &Map<String, Value>) -> Self {
        let list = |name: &str| {
            let entries = metadata.get(name).and_then(Value::as_array).into_iter().flatten();
            entries.map(|entry| entry.as_str().unwrap_or_default().to_owned()).collect()
        };
        Self { allowed: list(ALLOWED), denied: list(DENIED) }
    }

    /// Finds what is wrong with what metadata say: the name of the list.
    pub fn fault(metadata: &Map<String, Value>) -> Option<&'static str> {
        [ALLOWED, DENIED].into_iter().find(|name| match metadata.get(*name) {
            None | Some(Value::Null) => false,
            Some(list) => !list.as_array().is_some_and(|list| list.iter().all(is_network)),
        })
    }
}

fn is_network(entry: &Value) -> bool {
    entry.as_str().and_then(Network::parse).is_some()
}

const ALLOWED: &str = "allowed_ips";
const DENIED: &str = "denied_ips";
