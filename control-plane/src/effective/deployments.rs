//! Targets of models that were made over LiteLLM's `/model/*`: each brings its own place and key.

use std::collections::BTreeMap;

use serde_json::Value;
use tollgate_core::key::KeyHash;
use tollgate_core::price::Price;

use crate::catalogue::Catalogue;
use crate::config::{
    AccountConfig, ProviderConfig, ProviderDialect, RoutingConfig, Strategy, TargetConfig, is_id,
};
use crate::domain::{Item, ItemKind, Secret};
use crate::effective::connections::limits;
use crate::effective::names::model;
use crate::effective::{IN_FILE, Merge};
use crate::outbound;
use crate::prices::RawPrice;

/// What LiteLLM calls a deployment.
#[derive(Debug)]
struct Deployment {
    /// The item, with what its credential says.
    item: Item,
    /// The name clients write.
    name: String,
    /// What its provider is asked with.
    secret: Option<Secret>,
}

/// What LiteLLM calls `litellm_params`.
#[derive(Debug, Clone, Copy)]
struct Params<'a>(&'a Value);

impl Deployment {
    /// Reads a deployment, or says what is missing.
    fn read(item: Item, secret: Option<Secret>) -> Result<Self, String> {
        let name = item.text("model_name").filter(|name| !name.trim().is_empty());
        let name = name.ok_or("model_name is missing")?.to_owned();
        let deployment = Self { item, name, secret };
        deployment.params().text("model").ok_or("litellm_params.model is missing")?;
        Ok(deployment)
    }

    /// Returns where it is, and how.
    fn params(&self) -> Params<'_> {
        Params(self.item.body.get("litellm_params").unwrap_or(&Value::Null))
    }

    /// Returns what its account is called.
    fn account(&self) -> String {
        if is_id(&self.item.id) {
            return self.item.id.clone();
        }
        short_hash(&self.item.id)
    }

    fn groups(&self) -> Vec<String> {
        let groups = self.item.body.get("model_info").and_then(|info| info.get("access_groups"));
        let groups = groups.and_then(Value::as_array).into_iter().flatten();
        groups.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

impl<'a> Params<'a> {
    /// Returns a text.
    fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn whole(self, name: &str) -> Option<u32> {
        self.0.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
    }

    /// Returns the provider's name and its name of the model.
    fn target(self) -> (&'a str, &'a str) {
        let whole = self.text("model").unwrap_or_default();
        if let Some(provider) = self.text("custom_llm_provider") {
            let bare = whole.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
            return (provider, bare.unwrap_or(whole));
        }
        whole.split_once('/').filter(|(_, model)| !model.is_empty()).unwrap_or(("openai", whole))
    }

    /// Makes the provider that it describes, or says what is missing.
    fn provider(self) -> Result<ProviderConfig, String> {
        let (name, _) = self.target();
        let url = self.text("api_base").map(outbound::base_url).transpose()?;
        let azure_version = self.text("api_version").map(str::to_owned);
        let mut provider = match (Catalogue::built_in().find(name), url) {
            (Some(known), url) => ProviderConfig::known(known.id.clone(), known, url)
                .ok_or_else(|| format!("litellm_params.api_base is needed for {name}"))?,
            (None, Some(url)) if is_id(name) => {
                ProviderConfig::new(name.to_owned(), url, ProviderDialect::OpenAi)
            }
            (None, _) => {
                return Err(format!(
                    "{name:?} is not in the catalogue; write litellm_params.api_base"
                ));
            }
        };
        let azure = provider.dialect == ProviderDialect::Azure;
        provider.api_version = azure_version.filter(|_| azure);
        provider.first_byte_timeout_ms = self.seconds("timeout");
        Ok(provider)
    }

    fn seconds(self, name: &str) -> Option<u32> {
        let seconds = self.0.get(name).and_then(Value::as_f64)?;
        let millis = std::time::Duration::try_from_secs_f64(seconds).ok()?.as_millis();
        u32::try_from(millis).ok().filter(|millis| *millis > 0)
    }

    /// Reads what it costs, when it says so; or which field is no price.
    fn price(self) -> Result<Option<Price>, String> {
        let amount = |name: &str| {
            let value = self.0.get(name).filter(|value| !value.is_null())?;
            Some(value.as_str().map_or_else(|| plain(value), str::to_owned))
        };
        let (input, output) = (amount("input_cost_per_token"), amount("output_cost_per_token"));
        let image = amount("output_cost_per_image").or_else(|| amount("input_cost_per_image"));
        let character = amount("input_cost_per_character");
        let (heard, made) = (amount("input_cost_per_second"), amount("output_cost_per_second"));
        if [&input, &output, &image, &character, &heard, &made].iter().all(|it| it.is_none()) {
            return Ok(None);
        }
        let raw = RawPrice {
            image,
            character,
            audio_input_second: heard,
            audio_output_second: made,
            image_input_token: amount("input_cost_per_image_token"),
            image_output_token: amount("output_cost_per_image_token"),
            input_token: input,
            output_token: output,
            cached_input_token: amount("cache_read_input_token_cost"),
            cache_write_token: amount("cache_creation_input_token_cost"),
            batch_input_token: amount("input_cost_per_token_batches"),
            batch_output_token: amount("output_cost_per_token_batches"),
            training_token: amount("training_cost_per_token"),
            ..RawPrice::default()
        };
        raw.parse().map(Some).map_err(|(field, text)| format!("{text:?} is no price ({field})"))
    }
}

impl Merge<'_> {
    pub(super) fn deployments(&mut self, items: &[Item]) {
        let mut models: BTreeMap<String, Vec<(Deployment, TargetConfig)>> = BTreeMap::new();
        for item in items.iter().filter(|item| item.kind == ItemKind::Deployment) {
            match self.deployment(item, items) {
                Ok((deployment, target)) => {
                    models.entry(deployment.name.clone()).or_default().push((deployment, target));
                }
                Err(why) => self.leave_out(item, why),
            }
        }
        for (name, mut parts) in models {
            let order = |part: &Deployment| part.params().whole("order").unwrap_or(u32::MAX);
            let ordered = parts.iter().any(|(part, _)| order(part) != u32::MAX);
            parts.sort_by_key(|(part, _)| order(part));
            let strategy = match parts.len() {
                1 => Strategy::Priority,
                _ if ordered => Strategy::Priority,
                _ => Strategy::Weighted,
            };
            let mut groups: Vec<String> = parts.iter().flat_map(|(it, _)| it.groups()).collect();
            groups.sort();
            groups.dedup();
            let targets = parts.into_iter().map(|(_, target)| target).collect();
            let mut model = model(name, targets);
            model.routing = RoutingConfig { strategy, ..RoutingConfig::default() };
            model.groups = groups;
            self.config.models.push(model);
        }
    }

    fn deployment(
        &mut self,
        item: &Item,
        items: &[Item],
    ) -> Result<(Deployment, TargetConfig), String> {
        let (item, secret) = self.filled(item, items)?;
        let deployment = Deployment::read(item, secret)?;
        if self.file.models.iter().any(|model| model.name == deployment.name) {
            return Err(format!("{IN_FILE} a model {:?}", deployment.name));
        }
        let params = deployment.params();
        let (name, model) = params.target();
        let own = deployment.secret.is_some() || params.text("api_base").is_some();
        let (provider, account) = if own {
            let account = self.own_account(&deployment)?;
            (account.0, Some(account.1))
        } else if self.config.providers.iter().any(|known| known.id == name) {
            (name.to_owned(), None)
        } else {
            // A provider that wants no key.
            let account = self.own_account(&deployment)?;
            (account.0, Some(account.1))
        };
        let known = self.config.providers.iter().find(|known| known.id == provider);
        let known = known.ok_or("its provider is gone")?;
        let mut target = TargetConfig::listed(known, model, self.prices);
        target.account = account;
        target.weight = params.whole("weight").unwrap_or(1);
        if let Some(price) = params.price()? {
            target.price = Some(price);
        }
        Ok((deployment, target))
    }

    /// Adds the account that a deployment brings, and returns its provider and its name.
    fn own_account(&mut self, deployment: &Deployment) -> Result<(String, String), String> {
        let mut provider = deployment.params().provider()?;
        let elsewhere = self.config.providers.iter().any(|known| {
            known.id == provider.id
                && (self.file.providers.iter().any(|file| file.id == known.id)
                    || known.base_url != provider.base_url
                    || known.api_version != provider.api_version
                    || known.proxy.is_some())
        });
        if elsewhere {
            let url = &provider.base_url;
            let place = format!("{}{}{:?}", url.authority, url.path, provider.api_version);
            provider.id = format!("{}-{}", provider.id, short_hash(&place));
        }
        let account = AccountConfig {
            id: deployment.account(),
            credential: deployment.secret.clone(),
            enabled: true,
            weight: 1,
            limits: limits(Some(deployment.params().0)),
        };
        let made = (provider.id.clone(), account.id.clone());
        self.add_account(provider, account, None)?;
        Ok(made)
    }
}

fn short_hash(text: &str) -> String {
    KeyHash::of(text.as_bytes()).to_hex().chars().take(8).collect()
}

/// Writes a number without exponent: clients send `1.5e-7`.
fn plain(value: &Value) -> String {
    let Some(number) = value.as_f64() else { return value.to_string() };
    let text = format!("{number:.18}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
