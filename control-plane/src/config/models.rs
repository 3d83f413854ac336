//! Models: what can be asked for.

use std::collections::BTreeSet;

use tollgate_core::price::Price;
use tollgate_core::snapshot::ModelKind;

use crate::config::parse::Reader;
use crate::config::raw::{RawModel, RawTarget};
use crate::config::{ModelSettings, ProviderConfig, RoutingConfig};
use crate::domain::Limits;
use crate::prices::{self, PriceList};

/// Something clients may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelConfig {
    /// The name clients write.
    pub name: String,
    /// Where it can be had, in order of preference; at least one.
    pub targets: Vec<TargetConfig>,
    /// Refuse what a provider's dialect cannot carry, instead of leaving it out.
    pub strict: bool,
    /// What is changed in every request for it.
    pub settings: ModelSettings,
    /// What may be asked of it.
    pub limits: Limits,
    /// How its targets are tried.
    pub routing: RoutingConfig,
    /// Access groups it belongs to.
    pub groups: Vec<String>,
    /// It is made of a combo.
    pub combo: bool,
    /// What it is for. `None`: what all of its targets are for.
    pub kind: Option<ModelKind>,
}

impl ModelConfig {
    /// Returns what it is for, as far as known.
    pub fn kind(&self) -> ModelKind {
        let mut of_targets = self.targets.iter().map(|target| target.kind);
        let first = of_targets.next().filter(|first| of_targets.all(|other| other == *first));
        self.kind.or(first).unwrap_or_default()
    }
}

/// A provider's model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetConfig {
    /// Id of a provider in the same configuration.
    pub provider: String,
    /// The only account of it that is used. `None`: all.
    pub account: Option<String>,
    /// The provider's name of the model.
    pub model: String,
    /// The configured price, else the list price. `None`: not known.
    pub price: Option<Price>,
    /// Longest prompt, in tokens. `None`: not known.
    pub max_input_tokens: Option<u64>,
    /// Longest answer, in tokens. `None`: not known.
    pub max_output_tokens: Option<u64>,
    /// It costs nothing: served under a money budget without a price.
    pub free: bool,
    /// Its share where weights count. 0: only after all others.
    pub weight: u32,
    /// It can be given tools. `None`: not known.
    pub tools: Option<bool>,
    /// It can be given images. `None`: not known.
    pub vision: Option<bool>,
    /// What it is for, as far as known.
    pub kind: ModelKind,
}

impl TargetConfig {
    /// Takes what is publicly known of a provider's model.
    pub fn listed(provider: &ProviderConfig, model: &str, prices: &PriceList) -> Self {
        let listed = prices.find(provider.listed_as(), model);
        Self {
            provider: provider.id.clone(),
            account: None,
            model: model.to_owned(),
            price: listed.map(|listed| listed.price.clone()),
            max_input_tokens: listed.and_then(|listed| listed.max_input_tokens),
            max_output_tokens: listed.and_then(|listed| listed.max_output_tokens),
            free: false,
            weight: 1,
            tools: None,
            vision: None,
            kind: listed.map(|listed| listed.kind).unwrap_or_default(),
        }
    }
}

impl Reader<'_> {
    pub(super) fn models(
        &mut self,
        raw: Vec<RawModel>,
        providers: &[ProviderConfig],
    ) -> Vec<ModelConfig> {
        let mut seen = BTreeSet::new();
        let mut models = Vec::new();
        for (at, raw) in raw.into_iter().enumerate() {
            let place = format!("models[{at}]");
            let name_place = format!("{place}.name");
            let name = self.required(&name_place, raw.name.clone(), "name that clients write");
            if let Some(name) = &name
                && !seen.insert(name.clone())
            {
                self.problem(name_place, format!("{name:?} is taken by another model"));
            }
            if raw.targets.is_empty() {
                self.problem(format!("{place}.targets"), "missing: at least one target");
            }
            let routing = self.routing(&place, &raw.routing());
            let settings = self.settings(
                &place,
                raw.system_prompt,
                [raw.defaults, raw.overrides],
                &raw.thinking,
            );
            let targets = raw.targets.into_iter().enumerate();
            let targets = targets.filter_map(|(nth, raw)| {
                self.target(&format!("{place}.targets[{nth}]"), raw, providers)
            });
            let targets = targets.collect();
            let limits = self.limits(&format!("{place}.limits"), raw.limits);
            let kind = raw.mode.and_then(|mode| self.mode(format!("{place}.mode"), &mode));
            models.extend(name.map(|name| ModelConfig {
                name,
                targets,
                strict: raw.strict,
                settings,
                limits,
                routing,
                groups: raw.groups,
                combo: false,
                kind,
            }));
        }
        models
    }

    fn target(
        &mut self,
        place: &str,
        raw: RawTarget,
        providers: &[ProviderConfig],
    ) -> Option<TargetConfig> {
        let provider_place = format!("{place}.provider");
        let id = self.required(&provider_place, raw.provider, "id of a provider")?;
        let provider = providers.iter().find(|known| known.id == id);
        if provider.is_none() {
            self.problem(provider_place, format!("there is no provider {id:?}"));
        }
        let model = self.required(&format!("{place}.model"), raw.model, "provider's model name")?;
        let known_as = raw.base_model.as_deref().unwrap_or(&model);
        let mut target = TargetConfig::listed(provider?, known_as, self.prices);
        target.model = model;
        if let Some(account) = raw.account {
            if !provider?.accounts.iter().any(|known| known.id == account) {
                let message = format!("provider {id:?} has no account {account:?}");
                self.problem(format!("{place}.account"), message);
            }
            target.account = Some(account);
        }
        target.max_input_tokens = raw.max_input_tokens.or(target.max_input_tokens);
        target.max_output_tokens = raw.max_output_tokens.or(target.max_output_tokens);
        match raw.price.map(|price| price.parse()) {
            Some(Ok(price)) => target.price = Some(price),
            Some(Err((field, text))) => {
                let message = format!("{text:?} is not dollars per token, such as \"0.00000015\"");
                self.problem(format!("{place}.price.{field}"), message);
            }
            None if raw.free => target.price = None,
            None => {}
        }
        target.weight = self.weight(&format!("{place}.weight"), raw.weight);
        Some(TargetConfig { free: raw.free, tools: raw.tools, vision: raw.vision, ..target })
    }

    fn mode(&mut self, place: String, mode: &str) -> Option<ModelKind> {
        let kind = prices::kind(mode);
        if kind.is_none() {
            let known = "chat, embedding, image_generation, audio_speech, \
                         audio_transcription, moderation";
            self.problem(place, format!("{mode:?} is none of {known}"));
        }
        kind
    }

    /// Reads a share; 1 when there is none.
    pub(super) fn weight(&mut self, place: &str, weight: Option<u64>) -> u32 {
        let weight = self.within(place, weight.unwrap_or(1), 0..=1_000);
        weight.and_then(|weight| u32::try_from(weight).ok()).unwrap_or(1)
    }
}
