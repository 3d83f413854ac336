//! What a deployment says that it costs.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

use crate::config::foreign::fields::{Section, number};
use crate::config::foreign::tree::{dollars, list, section};

/// Reads the prices of one or the other section; the first one wins.
pub(super) fn read(sections: [&Section<'_>; 2]) -> Value {
    let mut price = Mapping::new();
    for (theirs, ours) in FIELDS {
        let written: Vec<String> = sections.iter().filter_map(|it| amount(it, theirs)).collect();
        if let Some(written) = written.into_iter().next() {
            price.entry(ours.into()).or_insert(written.into());
        }
    }
    let tiers = tiers(sections);
    if !tiers.is_empty() {
        price.insert("tiers".into(), list(tiers));
    }
    Value::Mapping(price)
}

/// Reads prices for long input, such as `input_cost_per_token_above_200k_tokens`.
fn tiers(sections: [&Section<'_>; 2]) -> Vec<Value> {
    let mut tiers: BTreeMap<u64, BTreeMap<&str, String>> = BTreeMap::new();
    for part in sections {
        for name in part.rest() {
            let Some((class, above)) = name.split_once("_above_") else { continue };
            let above = above.strip_suffix("k_tokens").and_then(|text| text.parse::<u64>().ok());
            let ours = TIERED.iter().find(|(theirs, _)| *theirs == class);
            if let (Some(above), Some((_, ours))) = (above, ours)
                && let Some(written) = amount(part, &name)
            {
                let tier = tiers.entry(above.saturating_mul(1_000)).or_default();
                tier.entry(ours).or_insert(written);
            }
        }
    }
    let tiers = tiers.into_iter().map(|(above, prices)| {
        let prices = prices.into_iter().map(|(name, price)| (name, Value::from(price)));
        section([("above_input_tokens", above.into())].into_iter().chain(prices))
    });
    tiers.collect()
}

/// Writes a price without an exponent, as ours are written.
fn amount(of: &Section<'_>, name: &str) -> Option<String> {
    let value = of.value(name)?;
    let price = number(value).filter(|price| price.is_finite() && *price >= 0.0);
    if price.is_none() {
        of.notes().lost(of.at(name), "is no price");
    }
    price.map(dollars)
}

const FIELDS: [(&str, &str); 19] = [
    ("input_cost_per_token", "input_token"),
    ("output_cost_per_token", "output_token"),
    ("cache_read_input_token_cost", "cached_input_token"),
    ("cache_creation_input_token_cost", "cache_write_token"),
    ("output_cost_per_reasoning_token", "reasoning_token"),
    ("input_cost_per_audio_token", "audio_input_token"),
    ("output_cost_per_audio_token", "audio_output_token"),
    ("input_cost_per_request", "request"),
    ("output_cost_per_image", "image"),
    ("input_cost_per_image", "image"),
    ("input_cost_per_character", "character"),
    ("input_cost_per_second", "audio_input_second"),
    ("input_cost_per_audio_per_second", "audio_input_second"),
    ("output_cost_per_second", "audio_output_second"),
    ("input_cost_per_image_token", "image_input_token"),
    ("output_cost_per_image_token", "image_output_token"),
    ("input_cost_per_token_batches", "batch_input_token"),
    ("output_cost_per_token_batches", "batch_output_token"),
    ("training_cost_per_token", "training_token"),
];

const TIERED: [(&str, &str); 4] = [
    ("input_cost_per_token", "input_token"),
    ("output_cost_per_token", "output_token"),
    ("cache_read_input_token_cost", "cached_input_token"),
    ("cache_creation_input_token_cost", "cache_write_token"),
];
