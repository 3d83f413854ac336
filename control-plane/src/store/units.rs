//! Units as the ledger keeps them: a JSON object of those that are not 0.

use std::collections::BTreeMap;

use crate::domain::Units;

/// Writes units.
pub(super) fn text(units: &Units) -> String {
    let counts = units.counts().into_iter().filter(|(_, count)| *count > 0);
    serde_json::json!(counts.collect::<BTreeMap<_, _>>()).to_string()
}

/// Reads units; what a newer version counts is left out. `None`: it is no such object.
pub(super) fn read(text: &str) -> Option<Units> {
    let counts: BTreeMap<String, u64> = serde_json::from_str(text).ok()?;
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    Some(Units {
        images: count("images"),
        characters: count("characters"),
        audio_ms: count("audio_ms"),
        image_input_tokens: count("image_input_tokens"),
        image_output_tokens: count("image_output_tokens"),
    })
}
