//! From the wire to a snapshot, with every way that the wire can be wrong.

use std::collections::BTreeMap;
use std::rc::Rc;

use thiserror::Error;
use tollgate_proto::v1::{self as proto, ProviderDialect};

use super::names::{Alias, Names};
use super::replay::{CacheSettings, Idempotency};
use super::routing::{Resilience, Routing};
use super::settings::ModelSettings;
use super::{Credential, LowBudget, Model, Provider, Snapshot, Target};
use crate::address::AddressLists;
use crate::key::KeyHash;
use crate::meter::{Meter, Scope};
use crate::money::AttoDollars;
use crate::path::percent::encode;
use crate::price::{LaterPrices, Price, PriceTier, UnitPrices};
use crate::tokens::Family;

/// Why a snapshot cannot be used. The previous one stays in force.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidSnapshot {
    /// Two providers have one id.
    #[error("provider {0} is given twice")]
    RepeatedProvider(String),
    /// Two models have one name.
    #[error("model {0} is given twice")]
    RepeatedModel(String),
    /// A target names a provider that is not there.
    #[error("model {model} has a target at provider {provider}, which is not given")]
    UnknownProvider {
        /// The model's public name.
        model: String,
        /// The id that is not there.
        provider: String,
    },
    /// Settings of a model that are no JSON objects.
    #[error("model {0} has defaults or overrides that are no objects")]
    UnreadableSettings(String),
    /// A limit of a kind that this version cannot keep.
    #[error("a limit is of a kind that this filter does not know: update the filter")]
    UnknownMeter,
    /// A value that cannot stand where it is to be sent.
    #[error("provider {provider}: {field} holds a character that cannot be sent")]
    UnsafeHeader {
        /// The provider's id.
        provider: String,
        /// Which value.
        field: &'static str,
    },
}

impl TryFrom<proto::Snapshot> for Snapshot {
    type Error = InvalidSnapshot;

    fn try_from(wire: proto::Snapshot) -> Result<Self, InvalidSnapshot> {
        let meters = Meter::read(wire.meters).ok_or(InvalidSnapshot::UnknownMeter)?;
        let (mut providers, mut in_order) = (BTreeMap::new(), Vec::new());
        for provider in wire.providers {
            let mut provider = Provider::try_from(provider)?;
            provider.meters = of_provider(&meters, &provider);
            let key = (provider.id.clone(), provider.account.clone());
            let provider = Rc::new(provider);
            in_order.push(Rc::clone(&provider));
            if let Some(first) = providers.insert(key, provider) {
                return Err(InvalidSnapshot::RepeatedProvider(first.id.clone()));
            }
        }
        let mut models = BTreeMap::new();
        for model in wire.models {
            let name = model.name.clone();
            let mut model = model_from(model, &providers)?;
            model.meters = of(&meters, Scope::Model, &name);
            if models.insert(name.clone(), Rc::new(model)).is_some() {
                return Err(InvalidSnapshot::RepeatedModel(name));
            }
        }
        let mut tag_meters = BTreeMap::<String, Vec<Rc<Meter>>>::new();
        for meter in meters.iter().filter(|meter| meter.scope == Scope::Tag) {
            tag_meters.entry(meter.name.clone()).or_default().push(Rc::clone(meter));
        }
        let aliases = wire.aliases.into_iter().map(Alias::from);
        let names = Names::new(providers.values(), &models, aliases);
        Ok(Self {
            revision: wire.revision,
            providers: in_order,
            models,
            tag_meters,
            customers: wire.customers,
            debug_headers: wire.debug_headers,
            low_budget: wire.low_budget.map(LowBudget::from).unwrap_or_default(),
            names,
            default_model: wire.default_model,
            resources_provider: wire.resources_provider,
            media_fetch: wire.media_fetch,
            resilience: wire.resilience.map(Resilience::from).unwrap_or_default(),
            addresses: wire.addresses.map(AddressLists::from),
            idempotency: wire.idempotency.map(Idempotency::from),
            cache: wire.cache.map(|cache| Rc::new(CacheSettings::from(cache))),
        })
    }
}

/// Limits of the provider, and of the account alone: `provider/account`.
fn of_provider(meters: &[Rc<Meter>], provider: &Provider) -> Vec<Rc<Meter>> {
    let mut all = of(meters, Scope::Provider, &provider.id);
    if !provider.account.is_empty() {
        let account = format!("{}/{}", provider.id, provider.account);
        all.extend(of(meters, Scope::Provider, &account));
    }
    all
}

fn of(meters: &[Rc<Meter>], scope: Scope, name: &str) -> Vec<Rc<Meter>> {
    let of_this = |meter: &&Rc<Meter>| meter.scope == scope && meter.name == name;
    meters.iter().filter(of_this).map(Rc::clone).collect()
}

impl From<proto::LowBudget> for LowBudget {
    fn from(wire: proto::LowBudget) -> Self {
        Self { refuse: wire.refuse, floor_tokens: u64::from(wire.floor_tokens) }
    }
}

impl TryFrom<proto::Provider> for Provider {
    type Error = InvalidSnapshot;

    fn try_from(wire: proto::Provider) -> Result<Self, InvalidSnapshot> {
        let fields = [
            ("cluster", wire.cluster.as_str()),
            ("realtime_cluster", &wire.realtime_cluster),
            ("authority", &wire.authority),
            ("base_path", &wire.base_path),
            ("api_version", &wire.api_version),
            ("credential", wire.credential.as_deref().unwrap_or_default()),
            ("credential_query", &wire.credential_query),
        ];
        for (field, value) in fields {
            if value.bytes().any(|byte| byte.is_ascii_control()) {
                return Err(InvalidSnapshot::UnsafeHeader { provider: wire.id, field });
            }
        }
        if !wire.credential_header.bytes().all(is_in_header_names) {
            let field = "credential_header";
            return Err(InvalidSnapshot::UnsafeHeader { provider: wire.id, field });
        }
        let dialect = wire.dialect();
        let credential = wire.credential.map(|secret| {
            credential(dialect, &wire.credential_header, &wire.credential_query, secret)
        });
        Ok(Self {
            id: wire.id,
            account: wire.account,
            cluster: wire.cluster,
            authority: wire.authority,
            base_path: wire.base_path.trim_end_matches('/').to_owned(),
            dialect,
            aliases: wire.aliases,
            credential,
            api_version: wire.api_version,
            responses: wire.responses,
            realtime_cluster: wire.realtime_cluster,
            image_workflows: wire.image_workflows,
            stream_usage: wire.stream_usage,
            completion_tokens_cap: wire.completion_tokens_cap,
            meters: Vec::new(),
        })
    }
}

fn credential(dialect: ProviderDialect, header: &str, query: &str, secret: String) -> Credential {
    if !query.is_empty() {
        return Credential::Query([&encode(query), "=", &encode(&secret)].concat());
    }
    let (header, value) = match dialect {
        _ if !header.is_empty() => (header, secret),
        ProviderDialect::Anthropic => ("x-api-key", secret),
        ProviderDialect::Gemini => ("x-goog-api-key", secret),
        ProviderDialect::Azure => ("api-key", secret),
        ProviderDialect::Deepgram => ("authorization", format!("Token {secret}")),
        ProviderDialect::Assemblyai => ("authorization", secret),
        ProviderDialect::Unspecified | ProviderDialect::Responses | ProviderDialect::Ollama => {
            ("authorization", format!("Bearer {secret}"))
        }
    };
    Credential::Header(header.to_ascii_lowercase().into(), value)
}

/// Tells whether a byte may stand in the name of a header (RFC 9110, section 5.6.2).
fn is_in_header_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn model_from(
    wire: proto::Model,
    providers: &BTreeMap<(String, String), Rc<Provider>>,
) -> Result<Model, InvalidSnapshot> {
    let kind = wire.kind();
    let mut targets = Vec::with_capacity(wire.targets.len());
    for target in wire.targets {
        let key = (target.provider, target.account);
        let Some(provider) = providers.get(&key) else {
            return Err(InvalidSnapshot::UnknownProvider { model: wire.name, provider: key.0 });
        };
        targets.push(Rc::new(Target {
            id: target_id(provider, &target.model),
            provider: Rc::clone(provider),
            family: Family::for_model(&target.model),
            model: target.model,
            price: target.price.as_ref().map(Price::from),
            max_output_tokens: target.max_output_tokens,
            max_input_tokens: target.max_input_tokens,
            free: target.free,
            weight: target.weight,
            entry: target.entry,
            tools: target.tools,
            vision: target.vision,
        }));
    }
    let settings = match &wire.settings {
        None => None,
        Some(settings) => match ModelSettings::read(settings) {
            None => return Err(InvalidSnapshot::UnreadableSettings(wire.name)),
            read => read,
        },
    };
    Ok(Model {
        name: wire.name,
        settings,
        targets,
        created: wire.created,
        owned_by: wire.owned_by,
        strict: wire.strict,
        routing: wire.routing.map(Routing::from).unwrap_or_default(),
        kind,
        groups: wire.groups,
        meters: Vec::new(),
    })
}

fn target_id(provider: &Provider, model: &str) -> String {
    let mut named = format!("{}\0{model}", provider.id);
    if !provider.account.is_empty() {
        named.push('\0');
        named.push_str(&provider.account);
    }
    KeyHash::of(named.as_bytes()).to_hex()
}

impl From<&proto::Price> for Price {
    fn from(wire: &proto::Price) -> Self {
        Self {
            input: AttoDollars(wire.input_token),
            output: AttoDollars(wire.output_token),
            cached_input: wire.cached_input_token.map(AttoDollars),
            cache_write: wire.cache_write_token.map(AttoDollars),
            reasoning: wire.reasoning_token.map(AttoDollars),
            audio_input: wire.audio_input_token.map(AttoDollars),
            audio_output: wire.audio_output_token.map(AttoDollars),
            request: wire.request.map(AttoDollars),
            tiers: wire.tiers.iter().map(PriceTier::from).collect(),
            units: UnitPrices {
                image: wire.image.map(AttoDollars),
                character: wire.character.map(AttoDollars),
                audio_input_second: wire.audio_input_second.map(AttoDollars),
                audio_output_second: wire.audio_output_second.map(AttoDollars),
                image_input_token: wire.image_input_token.map(AttoDollars),
                image_output_token: wire.image_output_token.map(AttoDollars),
            },
            later: LaterPrices {
                batch_input: wire.batch_input_token.map(AttoDollars),
                batch_output: wire.batch_output_token.map(AttoDollars),
                training: wire.training_token.map(AttoDollars),
            },
        }
    }
}

impl From<&proto::PriceTier> for PriceTier {
    fn from(wire: &proto::PriceTier) -> Self {
        Self {
            above: wire.above_input_tokens,
            input: wire.input_token.map(AttoDollars),
            output: wire.output_token.map(AttoDollars),
            cached_input: wire.cached_input_token.map(AttoDollars),
            cache_write: wire.cache_write_token.map(AttoDollars),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(id: &str) -> proto::Provider {
        proto::Provider { id: id.into(), base_path: "/v1/".into(), ..proto::Provider::default() }
    }

    fn model(name: &str, provider: &str) -> proto::Model {
        let target = proto::Target { provider: provider.into(), ..proto::Target::default() };
        proto::Model { name: name.into(), targets: vec![target], ..proto::Model::default() }
    }

    fn check(wire: proto::Snapshot, expected: InvalidSnapshot) {
        assert_eq!(Snapshot::try_from(wire), Err(expected));
    }

    #[test]
    fn links_targets_to_their_providers() {
        let wire = proto::Snapshot {
            revision: 3,
            providers: vec![provider("a")],
            models: vec![model("x/y", "a")],
            ..Default::default()
        };

        let snapshot = Snapshot::try_from(wire).unwrap();

        assert_eq!(snapshot.revision, 3);
        assert_eq!(snapshot.models["x/y"].targets[0].provider.base_path, "/v1");
    }

    #[test]
    fn refuses_what_does_not_fit_together() {
        let twice = vec![provider("a"), provider("a")];
        check(
            proto::Snapshot { providers: twice, ..Default::default() },
            InvalidSnapshot::RepeatedProvider("a".into()),
        );
        check(
            proto::Snapshot { models: vec![model("m", "b")], ..Default::default() },
            InvalidSnapshot::UnknownProvider { model: "m".into(), provider: "b".into() },
        );
        let smuggled = proto::Provider { credential: Some("x\r\ny".into()), ..provider("a") };
        check(
            proto::Snapshot { providers: vec![smuggled], ..Default::default() },
            InvalidSnapshot::UnsafeHeader { provider: "a".into(), field: "credential" },
        );
        let smuggled = proto::Provider { credential_header: ":path".into(), ..provider("a") };
        check(
            proto::Snapshot { providers: vec![smuggled], ..Default::default() },
            InvalidSnapshot::UnsafeHeader { provider: "a".into(), field: "credential_header" },
        );
    }

    #[test]
    fn credentials_stand_where_the_provider_wants_them() {
        let sent = |dialect: ProviderDialect, header: &str, query: &str| {
            let wire = proto::Provider {
                dialect: dialect.into(),
                credential: Some("s t".into()),
                credential_header: header.into(),
                credential_query: query.into(),
                ..provider("a")
            };
            Provider::try_from(wire).unwrap().credential.unwrap()
        };
        let header = |name: &str, value: &str| Credential::Header(name.into(), value.to_owned());
        let openai = ProviderDialect::Unspecified;

        assert!(sent(openai, "", "") == header("authorization", "Bearer s t"));
        assert!(sent(ProviderDialect::Anthropic, "", "") == header("x-api-key", "s t"));
        assert!(sent(openai, "X-API-Key", "") == header("x-api-key", "s t"));
        assert!(sent(openai, "authorization", "") == header("authorization", "s t"));
        assert!(sent(openai, "", "api key") == Credential::Query("api%20key=s%20t".into()));
    }

    #[test]
    fn debug_does_not_show_credentials() {
        let query = proto::Provider { credential_query: "key".into(), ..provider("a") };
        for wire in [provider("a"), query] {
            let wire = proto::Provider { credential: Some("sk-secret".into()), ..wire };

            let shown = format!("{:?}", Provider::try_from(wire).unwrap());

            assert!(!shown.contains("secret"), "{shown}");
        }
    }
}
