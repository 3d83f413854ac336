//! Connections are accounts of providers; nodes are providers that the catalogue has not.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use crate::catalogue::Catalogue;
use crate::config::foreign::deployments::{Deployment, Deployments};
use crate::config::foreign::fields::{Section, number};
use crate::config::foreign::providers::{Limits, Of, Place, known_models};
use crate::config::foreign::tree::{dollars, section};
use crate::config::foreign::variables::Variables;
use crate::config::{BaseUrl, ProviderDialect};
use crate::prices::PriceList;

/// The connections, by the provider that OmniRoute has them for.
pub(super) struct Connections {
    list: Vec<Connection>,
}

struct Connection {
    place: String,
    /// OmniRoute's id of the provider or node.
    provider: String,
    /// What models are written with.
    prefix: String,
    of: Of,
    dialect: ProviderDialect,
    default_model: Option<String>,
    priority: u64,
}

impl Connections {
    pub(super) fn read(
        whole: &Section<'_>,
        variables: &Variables<'_>,
        all: &mut Deployments,
    ) -> Self {
        let nodes = nodes(whole);
        let mut list = Vec::new();
        for (at, entry) in whole.list("providerConnections").iter().enumerate() {
            let place = format!("providerConnections[{at}]");
            let entry = Section::new(place, entry, whole.notes());
            list.extend(connection(&entry, &nodes, variables, all));
            entry.finish(|_| Some(""));
        }
        list.sort_by_key(|connection| connection.priority);
        Self { list }
    }

    /// Returns `provider/model` as it is written here.
    pub(super) fn written(&self, name: &str) -> Option<String> {
        let (provider, model) = name.split_once('/')?;
        let known = Catalogue::built_in().find(provider).map(|known| known.id.as_str());
        let same = |it: &&Connection| {
            it.prefix == provider || it.provider == provider || Some(it.prefix.as_str()) == known
        };
        let found = self.list.iter().find(same)?;
        Some(format!("{}/{model}", found.prefix))
    }

    /// Makes a deployment of each model of each connection: those that are named somewhere, and
    /// those that the price list has.
    pub(super) fn models(&self, whole: &Section<'_>, list: &PriceList, all: &mut Deployments) {
        let (custom, prices) = (whole.section("customModels"), whole.section("pricing"));
        let combos = whole.value("combos").map(named_models).unwrap_or_default();
        for connection in &self.list {
            let prefix = format!("{}/", connection.prefix);
            let own = custom.value(&connection.provider).and_then(Value::as_sequence);
            let own =
                own.into_iter().flatten().filter_map(|it| it.get("id").unwrap_or(it).as_str());
            let in_combos = combos.iter().filter_map(|name| self.written(name));
            let in_combos = in_combos.filter_map(|it| it.strip_prefix(&prefix).map(str::to_owned));
            let same = self.list.iter().filter(|it| it.prefix == connection.prefix);
            let mut ids: Vec<String> = same.filter_map(|it| it.default_model.clone()).collect();
            ids.extend(own.map(str::to_owned));
            ids.extend(in_combos);
            ids.extend(known_models(&connection.prefix, list).into_iter().map(str::to_owned));
            let mut seen = std::collections::BTreeSet::new();
            for id in ids.into_iter().filter(|id| seen.insert(id.clone())) {
                let priced = prices.value(&connection.provider).and_then(|it| it.get(&*id));
                let name = format!("{prefix}{id}");
                all.list.push(Deployment {
                    dialect: connection.dialect,
                    price: priced.map_or(Value::Null, price),
                    ..Deployment::new(connection.place.clone(), name, connection.of, id)
                });
            }
        }
        for section in [&custom, &prices] {
            let unused = section.rest();
            for name in unused {
                section.notes().lost(section.at(&name), "there is no connection to this provider");
            }
        }
    }
}

fn connection(
    entry: &Section<'_>,
    nodes: &BTreeMap<String, Place>,
    variables: &Variables<'_>,
    all: &mut Deployments,
) -> Option<Connection> {
    let provider = entry.text("provider")?;
    let lost = |why: String| entry.notes().lost(entry.place(), why);
    let kind = entry.text("authType").unwrap_or_else(|| "apikey".into());
    if entry.value("apiKey").is_none() && (kind == "oauth" || entry.value("accessToken").is_some())
    {
        lost(format!("{provider}: accounts of people (OAuth) are not used here; it is left out"));
        return None;
    }
    let node = nodes.get(&provider).cloned();
    let known = Catalogue::built_in().find(&provider);
    let place = node.or_else(|| {
        let known = known.filter(|known| known.base_url.is_some())?;
        Some(Place { kind: Some(known.id.clone()), ..Place::default() })
    });
    let Some(place) = place else {
        lost(format!("the API of {provider} is not spoken here; it is left out"));
        return None;
    };
    if entry.value("isActive").and_then(Value::as_bool) == Some(false) {
        lost("is not active, and is left out".into());
        return None;
    }
    let name = entry.text("name").unwrap_or_default();
    let credential = entry.text("apiKey").and_then(|key| {
        if key.starts_with("enc:") {
            let message = "is encrypted there; set the variable of this account yourself";
            entry.notes().lost(entry.at("apiKey"), message);
            return None;
        }
        let id = place.kind.as_deref().or(place.id.as_deref()).unwrap_or(&provider);
        Some(variables.literal(&entry.at("apiKey"), &format!("{id}_API_KEY"), &key))
    });
    let prefix = place.id.clone().or_else(|| place.kind.clone()).unwrap_or_default();
    let dialect = place.spoken();
    let of = all.providers.account(place, credential, Limits::default(), &name);
    Some(Connection {
        place: entry.place().to_owned(),
        provider,
        prefix,
        of,
        dialect,
        default_model: entry.text("defaultModel"),
        priority: entry.whole("priority").unwrap_or(u64::MAX),
    })
}

/// Reads providers that are not in OmniRoute's own list.
fn nodes(whole: &Section<'_>) -> BTreeMap<String, Place> {
    let mut nodes = BTreeMap::new();
    for (at, entry) in whole.list("providerNodes").iter().enumerate() {
        let entry = Section::new(format!("providerNodes[{at}]"), entry, whole.notes());
        let (id, url) = (entry.text("id"), entry.text("baseUrl"));
        let prefix = entry.text("prefix").or_else(|| entry.text("name"));
        let responses = entry.text("apiType").as_deref() == Some("responses");
        let kind = entry.text("type").unwrap_or_default();
        let (Some(id), Some(url), Some(prefix)) = (id, url, prefix) else {
            entry.notes().lost(entry.place(), "has no id, prefix or baseUrl, and is left out");
            continue;
        };
        if let Err(why) = BaseUrl::parse(&url) {
            entry.notes().lost(entry.place(), format!("baseUrl {why}; it is left out"));
            continue;
        }
        let dialect = match kind.as_str() {
            "anthropic-compatible" => ProviderDialect::Anthropic,
            _ if responses => ProviderDialect::Responses,
            _ => ProviderDialect::OpenAi,
        };
        let prefix = crate::config::foreign::naming::slug(&prefix);
        let place = Place {
            id: Some(prefix),
            base_url: Some(url.trim_end_matches('/').to_owned()),
            dialect: Some(dialect),
            ..Place::default()
        };
        nodes.insert(id, place);
        entry.finish(|name| (name == "name" || name.ends_with("At")).then_some(""));
    }
    nodes
}

/// Collects every text in combos that may be a model.
fn named_models(combos: &Value) -> Vec<String> {
    let members = combos.as_sequence().into_iter().flatten();
    let members = members.filter_map(|combo| combo.get("models")?.as_sequence()).flatten();
    members.filter_map(|it| it.get("model").unwrap_or(it).as_str()).map(str::to_owned).collect()
}

/// Reads a price for a million tokens.
fn price(written: &Value) -> Value {
    let class = |name: &str| {
        let price = written.get(name).and_then(number).filter(|price| *price >= 0.0);
        price.map_or(Value::Null, |price| dollars(price / 1_000_000.0).into())
    };
    section([
        ("input_token", class("input")),
        ("output_token", class("output")),
        ("cached_input_token", class("cached")),
        ("reasoning_token", class("reasoning")),
        ("cache_write_token", class("cache_creation")),
    ])
}
