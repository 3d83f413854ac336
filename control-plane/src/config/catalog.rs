//! Providers and models: what can be asked for, and of whom.

use std::collections::BTreeSet;

use crate::config::parse::Reader;
use crate::config::raw::{RawModel, RawProvider, RawTarget};
use crate::config::{BaseUrl, ModelConfig, ProviderConfig, ProviderDialect, TargetConfig};

impl Reader<'_> {
    pub(super) fn providers(&mut self, raw: Vec<RawProvider>) -> Vec<ProviderConfig> {
        let mut seen = BTreeSet::new();
        let mut providers = Vec::new();
        for (at, raw) in raw.into_iter().enumerate() {
            let place = |field: &str| format!("providers[{at}].{field}");
            let id = self.required(&place("id"), raw.id, "unique name, [a-z0-9_-]+");
            if let Some(id) = &id {
                if id.is_empty() || !id.bytes().all(is_id_byte) {
                    let message = format!("{id:?} may hold lower-case letters, digits, - and _");
                    self.problem(place("id"), message);
                } else if !seen.insert(id.clone()) {
                    self.problem(place("id"), format!("{id:?} is taken by another provider"));
                }
            }
            let url = self.required(&place("base_url"), raw.base_url, "such as https://host/v1");
            let base_url = url.and_then(|text| match BaseUrl::parse(&text) {
                Ok(url) => Some(url),
                Err(message) => {
                    self.problem(place("base_url"), message);
                    None
                }
            });
            let credential = self.secret(&place("credential"), raw.credential);
            let limits = self.limits(&place("limits"), raw.limits);
            let dialect = self.dialect(place("dialect"), raw.dialect.as_deref());
            let api_version = self.api_version(place("api_version"), dialect, raw.api_version);
            if let (Some(id), Some(base_url)) = (id, base_url) {
                let cap = raw.completion_tokens_cap;
                let azure = dialect == ProviderDialect::Azure;
                providers.push(ProviderConfig {
                    completion_tokens_cap: cap.unwrap_or_else(|| azure || is_openai(&base_url)),
                    responses: raw.responses.unwrap_or_else(|| is_openai(&base_url)),
                    dialect,
                    api_version,
                    stream_usage: raw.stream_usage.unwrap_or(true),
                    id,
                    base_url,
                    credential,
                    limits,
                });
            }
        }
        providers
    }

    fn dialect(&mut self, place: String, name: Option<&str>) -> ProviderDialect {
        let Some(name) = name else { return ProviderDialect::default() };
        let known = ProviderDialect::NAMES;
        if let Some((_, dialect)) = known.iter().find(|(known, _)| *known == name) {
            return *dialect;
        }
        let names = known.map(|(name, _)| name).join(", ");
        self.problem(place, format!("{name:?} is no dialect; write one of {names}"));
        ProviderDialect::default()
    }

    fn api_version(
        &mut self,
        place: String,
        dialect: ProviderDialect,
        version: Option<String>,
    ) -> Option<String> {
        let version = version?;
        if dialect != ProviderDialect::Azure {
            self.problem(place, "only providers with `dialect: azure` have one");
        } else if !version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        {
            self.problem(place, format!("{version:?} is not like 2024-10-21 or preview"));
        }
        Some(version)
    }

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
            let name = self.required(&name_place, raw.name, "name that clients write");
            if let Some(name) = &name
                && !seen.insert(name.clone())
            {
                self.problem(name_place, format!("{name:?} is taken by another model"));
            }
            if raw.targets.is_empty() {
                self.problem(format!("{place}.targets"), "missing: at least one target");
            }
            let strict = raw.strict;
            let settings = self.settings(
                &place,
                raw.system_prompt,
                [raw.defaults, raw.overrides],
                &raw.thinking,
            );
            let targets = raw.targets.into_iter().enumerate();
            let targets = targets
                .filter_map(|(nth, raw)| {
                    self.target(&format!("{place}.targets[{nth}]"), raw, providers)
                })
                .collect();
            let limits = self.limits(&format!("{place}.limits"), raw.limits);
            models.extend(name.map(|name| ModelConfig { name, targets, strict, settings, limits }));
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
        let provider = self.required(&provider_place, raw.provider, "id of a provider")?;
        if !providers.iter().any(|known| known.id == provider) {
            self.problem(provider_place, format!("there is no provider {provider:?}"));
        }
        let model = self.required(&format!("{place}.model"), raw.model, "provider's model name")?;
        let listed = self.prices.find(&provider, &model);
        let max_input_tokens =
            raw.max_input_tokens.or(listed.and_then(|listed| listed.max_input_tokens));
        let max_output_tokens =
            raw.max_output_tokens.or(listed.and_then(|listed| listed.max_output_tokens));
        let price = match raw.price.map(|price| price.parse()) {
            Some(Ok(price)) => Some(price),
            Some(Err((field, text))) => {
                let message = format!("{text:?} is not dollars per token, such as \"0.00000015\"");
                self.problem(format!("{place}.price.{field}"), message);
                None
            }
            None => listed.map(|listed| listed.price.clone()).filter(|_| !raw.free),
        };
        Some(TargetConfig {
            provider,
            model,
            price,
            max_input_tokens,
            max_output_tokens,
            free: raw.free,
        })
    }
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}

/// Tells whether it is `OpenAI` or Azure's, which have renamed `max_tokens`; others' newest
/// models still take the old name alone.
fn is_openai(url: &BaseUrl) -> bool {
    let host = url.authority.split(':').next().unwrap_or_default();
    host == "api.openai.com" || host.ends_with(".azure.com")
}
