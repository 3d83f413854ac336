//! What filters are told: the small, shared part of the configuration.

pub mod health;
pub mod key;
pub mod lease;
pub mod meter;
mod replay;
pub mod resources;
mod routing;

use std::slice;

use tollgate_core::price::{Price, PriceTier};
use tollgate_proto::v1;

use crate::catalogue::Catalogue;
use crate::config::{
    AccountConfig, AliasConfig, Config, Members, ModelConfig, ModelSettings, ProviderConfig,
    ProviderDialect, RoutingConfig, TargetConfig, Thinking,
};
use crate::domain::{AddressLists, Secret};
use crate::store::SharedLimits;
use crate::xds::cluster;

/// Renders the snapshot of a configuration and of the limits in the store. It holds provider credentials: never log it.
pub fn render(config: &Config, limits: &SharedLimits, revision: u64) -> v1::Snapshot {
    v1::Snapshot {
        revision,
        providers: config.providers.iter().flat_map(accounts).collect(),
        models: config.models.iter().map(|it| model(it, &config.providers)).collect(),
        meters: limits.meters.iter().map(|it| meter::render(it, &it.spec.name)).collect(),
        customers: limits.customers,
        debug_headers: config.server.gateway.debug_headers,
        low_budget: Some(v1::LowBudget {
            refuse: config.limits.refuse_on_low_budget,
            floor_tokens: config.limits.output_floor_tokens,
        }),
        aliases: config.aliases.iter().map(alias).collect(),
        resilience: routing::resilience(config.resilience),
        // Whoever sends a snapshot adds what is out of rotation at that moment.
        health: Vec::new(),
        default_model: config.default_model.clone().unwrap_or_default(),
        addresses: addresses(&config.server.gateway.addresses),
        idempotency: replay::idempotency(config.idempotency),
        cache: config.cache.as_ref().map(|it| replay::cache(it, limits.cache_generation)),
        media_fetch: config.media_fetch.is_some(),
        resources_provider: config.server.gateway.resources_provider.clone().unwrap_or_default(),
    }
}

/// Renders lists of addresses. `None`: they say nothing.
pub fn addresses(lists: &AddressLists) -> Option<v1::AddressLists> {
    let AddressLists { allowed, denied } = lists.clone();
    (!lists.is_empty()).then_some(v1::AddressLists { allowed, denied })
}

fn alias(alias: &AliasConfig) -> v1::Alias {
    v1::Alias { pattern: alias.pattern.clone(), target: alias.target.clone() }
}

/// A provider is told once for each account that may be used.
fn accounts(config: &ProviderConfig) -> impl Iterator<Item = v1::Provider> {
    config.usable().map(|account| provider(config, account))
}

/// Renders an account of a provider, with its credential.
pub fn provider(provider: &ProviderConfig, account: &AccountConfig) -> v1::Provider {
    v1::Provider {
        id: provider.id.clone(),
        cluster: cluster::name(&provider.id),
        authority: provider.base_url.authority.clone(),
        base_path: provider.base_url.path.clone(),
        credential: account.credential.as_ref().map(Secret::expose).map(str::to_owned),
        stream_usage: provider.stream_usage,
        completion_tokens_cap: provider.completion_tokens_cap,
        dialect: dialect(provider.dialect).into(),
        api_version: provider.api_version.clone().unwrap_or_default(),
        responses: provider.responses,
        account: account.id.clone(),
        credential_header: provider.credential_header.clone().unwrap_or_default(),
        credential_query: provider.credential_query.clone().unwrap_or_default(),
        aliases: other_names(provider),
        realtime_cluster: cluster::realtime_name(provider).unwrap_or_default(),
        image_workflows: provider.image_workflows,
    }
}

/// What clients of other gateways call a provider of the catalogue.
fn other_names(provider: &ProviderConfig) -> Vec<String> {
    let known = provider.kind.as_deref().and_then(|kind| Catalogue::built_in().find(kind));
    known.map(|known| [slice::from_ref(&known.id), &known.aliases].concat()).unwrap_or_default()
}

fn dialect(dialect: ProviderDialect) -> v1::ProviderDialect {
    match dialect {
        ProviderDialect::OpenAi => v1::ProviderDialect::Unspecified,
        ProviderDialect::Responses => v1::ProviderDialect::Responses,
        ProviderDialect::Azure => v1::ProviderDialect::Azure,
        ProviderDialect::Anthropic => v1::ProviderDialect::Anthropic,
        ProviderDialect::Gemini => v1::ProviderDialect::Gemini,
        ProviderDialect::Ollama => v1::ProviderDialect::Ollama,
        ProviderDialect::Deepgram => v1::ProviderDialect::Deepgram,
        ProviderDialect::AssemblyAi => v1::ProviderDialect::Assemblyai,
    }
}

fn model(model: &ModelConfig, providers: &[ProviderConfig]) -> v1::Model {
    let entries = model.targets.iter().zip(0..);
    v1::Model {
        name: model.name.clone(),
        targets: entries.flat_map(|(target, entry)| entry_of(target, entry, providers)).collect(),
        created: CREATED,
        owned_by: if model.combo { COMBO } else { OWNER }.to_owned(),
        strict: model.strict,
        settings: (model.settings != ModelSettings::default()).then(|| settings(&model.settings)),
        routing: routing::routing(RoutingConfig {
            first_byte_timeout_ms: patience_ms(model, providers),
            ..model.routing
        }),
        groups: model.groups.clone(),
        kind: model.kind().into(),
    }
}

fn settings(settings: &ModelSettings) -> v1::ModelSettings {
    let json = |members: &Members| {
        let written = (!members.is_empty()).then(|| serde_json::to_string(members).ok());
        written.flatten().unwrap_or_default()
    };
    let thinking = |mode: v1::ThinkingMode, budget, base| {
        Some(v1::ThinkingSettings { mode: mode.into(), budget, base })
    };
    v1::ModelSettings {
        system_prefix: settings.system_prefix.clone(),
        system_suffix: settings.system_suffix.clone(),
        defaults: json(&settings.defaults),
        overrides: json(&settings.overrides),
        thinking: match settings.thinking {
            Thinking::Passthrough => None,
            Thinking::Auto => thinking(v1::ThinkingMode::Auto, 0, 0),
            Thinking::Custom(budget) => thinking(v1::ThinkingMode::Custom, budget, 0),
            Thinking::Adaptive(base) => thinking(v1::ThinkingMode::Adaptive, 0, base),
        },
    }
}

/// How long a model's targets may take to their first content: as it says itself, else as the
/// most patient of its providers says, when all of them say something. Envoy has one such time
/// for all attempts of a request.
fn patience_ms(model: &ModelConfig, providers: &[ProviderConfig]) -> Option<u32> {
    let own = model.routing.first_byte_timeout_ms;
    own.or_else(|| {
        let of = |id: &str| providers.iter().find(|provider| provider.id == id);
        let said = model.targets.iter().map(|it| of(&it.provider)?.first_byte_timeout_ms);
        said.collect::<Option<Vec<u32>>>()?.into_iter().max()
    })
}

/// One target for each account of its provider that may be used.
fn entry_of(
    config: &TargetConfig,
    entry: u32,
    providers: &[ProviderConfig],
) -> impl Iterator<Item = v1::Target> {
    let provider = providers.iter().find(|provider| provider.id == config.provider);
    let usable = provider.into_iter().flat_map(ProviderConfig::usable);
    let only = config.account.as_ref();
    let wanted = usable.filter(move |account| only.is_none_or(|id| *id == account.id));
    wanted.map(move |account| target(config, entry, account))
}

fn target(target: &TargetConfig, entry: u32, account: &AccountConfig) -> v1::Target {
    v1::Target {
        provider: target.provider.clone(),
        model: target.model.clone(),
        price: target.price.as_ref().map(price),
        max_output_tokens: target.max_output_tokens,
        max_input_tokens: target.max_input_tokens,
        free: target.free,
        account: account.id.clone(),
        weight: target.weight.saturating_mul(account.weight),
        entry,
        tools: target.tools,
        vision: target.vision,
    }
}

/// Renders a price.
pub fn price(price: &Price) -> v1::Price {
    v1::Price {
        input_token: price.input.0,
        output_token: price.output.0,
        cached_input_token: price.cached_input.map(|price| price.0),
        cache_write_token: price.cache_write.map(|price| price.0),
        reasoning_token: price.reasoning.map(|price| price.0),
        audio_input_token: price.audio_input.map(|price| price.0),
        audio_output_token: price.audio_output.map(|price| price.0),
        request: price.request.map(|price| price.0),
        tiers: price.tiers.iter().map(tier).collect(),
        image_input_token: price.units.image_input_token.map(|price| price.0),
        image_output_token: price.units.image_output_token.map(|price| price.0),
        image: price.units.image.map(|price| price.0),
        character: price.units.character.map(|price| price.0),
        audio_input_second: price.units.audio_input_second.map(|price| price.0),
        audio_output_second: price.units.audio_output_second.map(|price| price.0),
        batch_input_token: price.later.batch_input.map(|price| price.0),
        batch_output_token: price.later.batch_output.map(|price| price.0),
        training_token: price.later.training.map(|price| price.0),
    }
}

fn tier(tier: &PriceTier) -> v1::PriceTier {
    v1::PriceTier {
        above_input_tokens: tier.above,
        input_token: tier.input.map(|price| price.0),
        output_token: tier.output.map(|price| price.0),
        cached_input_token: tier.cached_input.map(|price| price.0),
        cache_write_token: tier.cache_write.map(|price| price.0),
    }
}

/// What LiteLLM says of every model, and its clients are used to.
const CREATED: i64 = 1_677_610_602;
const OWNER: &str = "openai";
/// What OmniRoute says of combos.
const COMBO: &str = "combo";

#[cfg(test)]
mod tests;
