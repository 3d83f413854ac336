//! What is publicly known of models: list prices and how long prompts and answers may be, for
//! targets whose configuration does not say. The list is compiled in.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_core::money::AttoDollars;
use tollgate_core::price::{LaterPrices, Price, PriceTier, UnitPrices};
use tollgate_core::snapshot::ModelKind;

/// List prices by provider and model.
#[derive(Debug, Default)]
pub struct PriceList {
    /// Model → provider → what is known, so that a bare name finds its providers in order.
    models: BTreeMap<String, BTreeMap<String, Listed>>,
}

/// What is publicly known of a provider's model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// What it costs.
    pub price: Price,
    /// Longest prompt, in tokens. `None`: not known.
    pub max_input_tokens: Option<u64>,
    /// Longest answer, in tokens. `None`: not known.
    pub max_output_tokens: Option<u64>,
    /// What it is for.
    pub kind: ModelKind,
}

impl PriceList {
    /// Reads the list that is compiled in.
    ///
    /// # Errors
    /// When the list was edited into something that is not a list of prices; a test reads it.
    pub fn built_in() -> Result<Self, PriceError> {
        Self::from_json(include_bytes!("../data/model_prices.json"))
    }

    fn from_json(json: &[u8]) -> Result<Self, PriceError> {
        let file: RawList = serde_json::from_slice(json)?;
        let mut models = BTreeMap::<String, BTreeMap<String, Listed>>::new();
        for entry in file.models {
            let price = entry.usd_per.parse().map_err(|(field, value)| PriceError::Amount {
                model: entry.model.clone(),
                field,
                value,
            })?;
            let kind = entry.mode.as_deref().and_then(kind).unwrap_or_default();
            let RawEntry { max_input_tokens, max_output_tokens, .. } = entry;
            let listed = Listed { price, max_input_tokens, max_output_tokens, kind };
            models.entry(entry.model).or_default().insert(entry.provider, listed);
        }
        Ok(Self { models })
    }

    /// Returns everything that is known, each with provider and model.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, &Listed)> {
        self.models.iter().flat_map(|(model, by)| {
            by.iter().map(move |(provider, listed)| (provider.as_str(), model.as_str(), listed))
        })
    }

    /// Returns the models of a provider, sorted.
    pub fn models_of<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a str> {
        let listed = self.models.iter().filter(move |(_, by)| by.contains_key(provider));
        listed.map(|(model, _)| model.as_str())
    }

    /// Finds a provider's model: the provider's own entry, else the one of `openai`
    /// under the bare name, else the first provider's in alphabetical order. `None`: not known.
    pub fn find(&self, provider: &str, model: &str) -> Option<&Listed> {
        let by_provider = self.models.get(model)?;
        by_provider
            .get(provider)
            .or_else(|| by_provider.get("openai"))
            .or_else(|| by_provider.values().next())
    }
}

/// Why a price list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// It is not the JSON we expect.
    #[error("price list is not valid")]
    Json(#[from] serde_json::Error),
    /// An amount is not a decimal number of dollars.
    #[error("price list: {field} of {model} is not a price: {value:?}")]
    Amount {
        /// The model.
        model: String,
        /// The token class.
        field: &'static str,
        /// What stands there.
        value: String,
    },
}

#[derive(Deserialize)]
struct RawList {
    models: Vec<RawEntry>,
}

#[derive(Deserialize)]
struct RawEntry {
    provider: String,
    model: String,
    usd_per: RawPrice,
    max_input_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    mode: Option<String>,
}

/// Reads what a model is for. `None`: nothing that we tell apart.
pub(crate) fn kind(mode: &str) -> Option<ModelKind> {
    match mode {
        "chat" | "completion" => Some(ModelKind::Unspecified),
        "embedding" => Some(ModelKind::Embeddings),
        "image_generation" => Some(ModelKind::Images),
        "audio_speech" => Some(ModelKind::Speech),
        "audio_transcription" => Some(ModelKind::Transcriptions),
        "moderation" => Some(ModelKind::Moderations),
        _ => None,
    }
}

/// A price as people write it: dollars per token or other unit, as decimal strings.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawPrice {
    pub(crate) input_token: Option<String>,
    pub(crate) output_token: Option<String>,
    pub(crate) cached_input_token: Option<String>,
    pub(crate) cache_write_token: Option<String>,
    pub(crate) reasoning_token: Option<String>,
    pub(crate) audio_input_token: Option<String>,
    pub(crate) audio_output_token: Option<String>,
    pub(crate) request: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) character: Option<String>,
    pub(crate) audio_input_second: Option<String>,
    pub(crate) audio_output_second: Option<String>,
    pub(crate) image_input_token: Option<String>,
    pub(crate) image_output_token: Option<String>,
    pub(crate) batch_input_token: Option<String>,
    pub(crate) batch_output_token: Option<String>,
    pub(crate) training_token: Option<String>,
    pub(crate) tiers: Vec<RawTier>,
}

/// What replaces a price when the input is long.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTier {
    pub(crate) above_input_tokens: u64,
    pub(crate) input_token: Option<String>,
    pub(crate) output_token: Option<String>,
    pub(crate) cached_input_token: Option<String>,
    pub(crate) cache_write_token: Option<String>,
}

impl RawPrice {
    /// Parses every class, or returns the name and text of the first that is not a price.
    pub(crate) fn parse(&self) -> Result<Price, (&'static str, String)> {
        let tiers = self.tiers.iter().map(RawTier::parse);
        let mut tiers = tiers.collect::<Result<Vec<PriceTier>, _>>()?;
        tiers.sort_by_key(|tier| tier.above);
        Ok(Price {
            input: amount("input_token", self.input_token.as_ref())?.unwrap_or_default(),
            output: amount("output_token", self.output_token.as_ref())?.unwrap_or_default(),
            cached_input: amount("cached_input_token", self.cached_input_token.as_ref())?,
            cache_write: amount("cache_write_token", self.cache_write_token.as_ref())?,
            reasoning: amount("reasoning_token", self.reasoning_token.as_ref())?,
            audio_input: amount("audio_input_token", self.audio_input_token.as_ref())?,
            audio_output: amount("audio_output_token", self.audio_output_token.as_ref())?,
            request: amount("request", self.request.as_ref())?,
            tiers,
            units: self.units()?,
            later: LaterPrices {
                batch_input: amount("batch_input_token", self.batch_input_token.as_ref())?,
                batch_output: amount("batch_output_token", self.batch_output_token.as_ref())?,
                training: amount("training_token", self.training_token.as_ref())?,
            },
        })
    }

    fn units(&self) -> Result<UnitPrices, (&'static str, String)> {
        Ok(UnitPrices {
            image: amount("image", self.image.as_ref())?,
            character: amount("character", self.character.as_ref())?,
            audio_input_second: amount("audio_input_second", self.audio_input_second.as_ref())?,
            audio_output_second: amount("audio_output_second", self.audio_output_second.as_ref())?,
            image_input_token: amount("image_input_token", self.image_input_token.as_ref())?,
            image_output_token: amount("image_output_token", self.image_output_token.as_ref())?,
        })
    }
}

impl RawTier {
    fn parse(&self) -> Result<PriceTier, (&'static str, String)> {
        Ok(PriceTier {
            above: self.above_input_tokens,
            input: amount("tiers.input_token", self.input_token.as_ref())?,
            output: amount("tiers.output_token", self.output_token.as_ref())?,
            cached_input: amount("tiers.cached_input_token", self.cached_input_token.as_ref())?,
            cache_write: amount("tiers.cache_write_token", self.cache_write_token.as_ref())?,
        })
    }
}

fn amount(
    field: &'static str,
    text: Option<&String>,
) -> Result<Option<AttoDollars>, (&'static str, String)> {
    match text {
        None => Ok(None),
        Some(text) => AttoDollars::from_usd(text).map(Some).ok_or_else(|| (field, text.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> AttoDollars {
        AttoDollars::from_usd(text).unwrap()
    }

    #[test]
    fn knows_the_price_of_gpt_4o_mini() {
        let list = PriceList::built_in().unwrap();

        let listed = list.find("openai", "gpt-4o-mini").unwrap();
        let price = &listed.price;

        assert_eq!(listed.max_input_tokens, Some(128_000));
        assert_eq!(listed.max_output_tokens, Some(16_384));
        assert_eq!(price.input, usd("0.00000015"));
        assert_eq!(price.output, usd("0.0000006"));
        assert_eq!(price.cached_input, Some(usd("0.000000075")));
        assert_eq!(price.reasoning, None);
    }

    #[test]
    fn knows_what_batches_cost() {
        let list = PriceList::built_in().unwrap();

        let price = list.find("openai", "gpt-4o-mini").unwrap().price.of_batch();

        assert_eq!((price.input, price.output), (usd("0.000000075"), usd("0.0000003")));
    }

    #[test]
    fn knows_what_images_and_sound_cost() {
        let list = PriceList::built_in().unwrap();
        let units = |provider, model| list.find(provider, model).unwrap().price.units;

        assert_eq!(units("openai", "tts-1").character, Some(usd("0.000015")));
        assert_eq!(units("openai", "whisper-1").audio_input_second, Some(usd("0.0001")));
        assert_eq!(units("openai", "gpt-image-1").image_output_token, Some(usd("0.00004")));
        assert_eq!(units("xai", "grok-imagine-image").image, Some(usd("0.02")));
        let judge = list.find("openai", "omni-moderation-latest").unwrap();
        assert_eq!((&judge.price, judge.kind), (&Price::default(), ModelKind::Moderations));
    }

    #[test]
    fn knows_that_long_input_is_dearer() {
        let list = PriceList::built_in().unwrap();

        let price = &list.find("azure", "apac/gpt-6.1-sol").unwrap().price;

        let [tier] = price.tiers.as_slice() else { panic!("{price:?}") };
        assert_eq!((tier.above, tier.input), (272_000, Some(usd("0.0000048"))));
    }

    #[test]
    fn a_bare_name_prefers_openai_then_the_first_provider() {
        let list = PriceList::from_json(
            br#"{"models":[
                {"provider":"b","model":"m","usd_per":{"input_token":"2"}},
                {"provider":"a","model":"m","usd_per":{"input_token":"1"}},
                {"provider":"a","model":"n","usd_per":{"input_token":"1"}},
                {"provider":"openai","model":"n","usd_per":{"input_token":"3"}}]}"#,
        )
        .unwrap();

        assert_eq!(list.find("b", "m").map(|listed| listed.price.input), Some(usd("2")));
        assert_eq!(list.find("mine", "m").map(|listed| listed.price.input), Some(usd("1")));
        assert_eq!(list.find("mine", "n").map(|listed| listed.price.input), Some(usd("3")));
        assert_eq!(list.find("mine", "o"), None);
    }

    #[test]
    fn decimals_are_exact_up_to_the_eighteenth_digit() {
        let raw =
            RawPrice { input_token: Some("0.000015000020000000002".into()), ..RawPrice::default() };

        assert_eq!(raw.parse().unwrap().input, AttoDollars(15_000_020_000_000));
    }

    #[test]
    fn an_amount_that_is_not_a_number_is_named() {
        let broken =
            br#"{"models":[{"provider":"a","model":"m","usd_per":{"output_token":"cheap"}}]}"#;

        let error = PriceList::from_json(broken).unwrap_err().to_string();

        assert_eq!(error, "price list: output_token of m is not a price: \"cheap\"");
    }
}
