//! Models of a provider, with what they cost: dollars a token in version 2, a million tokens
//! later.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use crate::config::foreign::fields::{Section, number, text};
use crate::config::foreign::providers::known_models;
use crate::config::foreign::tree::{dollars, section};
use crate::prices::PriceList;

/// A provider's model, as clients call it.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) name: String,
    /// The provider's name of it.
    pub(super) id: String,
    pub(super) price: Value,
    pub(super) max_input_tokens: Option<u64>,
    pub(super) max_output_tokens: Option<u64>,
    pub(super) tools: Option<bool>,
    pub(super) vision: Option<bool>,
}

/// Reads `models`, which has the provider's name of each, and `pricing`.
pub(super) fn of_version_2(of: &Section<'_>) -> Vec<Model> {
    let (pricing, models) = (of.section("pricing"), of.section("models"));
    let usual = of.value("default_pricing");
    let read = models.entries().filter_map(|(name, id)| {
        let id = text(id)?;
        let price = pricing.value(&id).or(usual).map_or(Value::Null, |it| price(it, 1.0));
        Some(Model { name, id, price, ..Model::default() })
    });
    read.collect()
}

/// Reads `models` where there are any, else takes those that are publicly known; `map_models` has
/// other names for them.
pub(super) fn of_catalogue(of: &Section<'_>, kind: &str, list: &PriceList) -> Vec<Model> {
    let models = of.section("models");
    let mut read: Vec<Model> = models.entries().map(|(id, it)| described(id, it)).collect();
    if read.is_empty() {
        let known = known_models(kind, list).into_iter();
        let known = known.map(|id| Model { name: id.into(), id: id.into(), ..Model::default() });
        read.extend(known);
        let message = format!("has the {} models that are known now", read.len());
        of.notes().changed(of.at("models"), message);
    }
    let others = of.section("map_models");
    let others: BTreeMap<String, String> =
        others.entries().filter_map(|(name, id)| Some((text(id)?, name))).collect();
    for model in &mut read {
        if let Some(name) = others.get(&model.id) {
            model.name.clone_from(name);
        }
    }
    read
}

fn described(key: String, it: &Value) -> Model {
    let limit = |name: &str| it.get("limit").and_then(|limit| limit.get(name))?.as_u64();
    let inputs = it.get("modalities").and_then(|kinds| kinds.get("input"));
    let inputs = inputs.and_then(Value::as_sequence);
    let blind = inputs.is_some_and(|kinds| !kinds.iter().any(|kind| kind == "image"));
    Model {
        id: it.get("id").and_then(text).unwrap_or_else(|| key.clone()),
        name: key,
        price: it.get("cost").map_or(Value::Null, |cost| price(cost, 1_000_000.0)),
        max_input_tokens: limit("context"),
        max_output_tokens: limit("output"),
        tools: it.get("tool_call").and_then(Value::as_bool).filter(|able| !able),
        vision: blind.then_some(false),
    }
}

/// Reads a price for `tokens` tokens.
fn price(written: &Value, tokens: f64) -> Value {
    let class = |name: &str| {
        let price = written.get(name).and_then(number).filter(|price| *price >= 0.0);
        price.map_or(Value::Null, |price| dollars(price / tokens).into())
    };
    section([
        ("input_token", class("input")),
        ("output_token", class("output")),
        ("cached_input_token", class("cache_read")),
        ("cache_write_token", class("cache_write")),
    ])
}
