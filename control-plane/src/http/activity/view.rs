//! Sums of days in the form that LiteLLM gives them.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Entity};
use crate::http::entity_view::fields;
use crate::http::key_view::dollars;
use crate::http::spend_logs::date;
use crate::store::{Counts, DailyUsage};

/// What was found, each with another thing told apart.
pub(super) struct Found {
    /// By model and provider alone.
    pub(super) all: Vec<DailyUsage>,
    /// By key, too.
    pub(super) by_key: Vec<DailyUsage>,
    /// By owner, too.
    pub(super) by_owner: Vec<DailyUsage>,
}

/// What is known of those that are named. `None`: they are gone.
#[derive(Default)]
pub(super) struct Names {
    pub(super) keys: HashMap<KeyHash, Option<ApiKey>>,
    pub(super) owners: HashMap<String, Option<Entity>>,
}

/// Writes all days, the latest first, and their totals.
pub(super) fn days(found: &Found, names: &Names) -> Value {
    let mut total = Counts::default();
    let mut by_day = BTreeMap::<i64, Counts>::new();
    for part in &found.all {
        total.add(&part.counts);
        by_day.entry(part.day).or_default().add(&part.counts);
    }
    let results: Vec<Value> = by_day
        .iter()
        .rev()
        .map(|(day, counts)| {
            json!({
                "date": date(*day),
                "metrics": metrics(counts),
                "breakdown": breakdown(*day, found, names),
            })
        })
        .collect();
    let totals = metrics(&total).into_iter().map(|(name, value)| (format!("total_{name}"), value));
    json!({ "results": results, "metadata": totals.collect::<Map<String, Value>>() })
}

fn breakdown(day: i64, found: &Found, names: &Names) -> Value {
    let of_day = |part: &&DailyUsage| part.day == day;
    let keys = |wanted: &dyn Fn(&DailyUsage) -> bool| {
        let parts = found.by_key.iter().filter(of_day).filter(|part| wanted(part));
        let hash = |part: &DailyUsage| part.key.as_ref().map(KeyHash::to_hex).unwrap_or_default();
        grouped(parts, hash, |hash| json!({ "metadata": metadata_of(hash, names) }))
    };
    let all = || found.all.iter().filter(of_day);
    let models = grouped(
        all(),
        |part| part.model.clone(),
        |name| json!({ "metadata": {}, "api_key_breakdown": keys(&|it| it.model == name) }),
    );
    let providers = grouped(
        all(),
        |part| part.provider.clone(),
        |name| json!({ "metadata": {}, "api_key_breakdown": keys(&|it| it.provider == name) }),
    );
    let owners = found.by_owner.iter().filter(of_day);
    let entities = grouped(
        owners,
        |part| part.owner.clone(),
        |id| {
            let known = names.owners.get(id).and_then(Option::as_ref);
            let alias = known.and_then(|it| it.alias.clone());
            json!({ "metadata": { "alias": alias }, "api_key_breakdown": {} })
        },
    );
    json!({
        "models": models,
        // Models are told by the names that clients write, which are LiteLLM's groups.
        "model_groups": models,
        "providers": providers,
        "api_keys": keys(&|_| true),
        "entities": entities,
        "mcp_servers": {},
        "endpoints": {},
        "guardrails": {},
    })
}

/// Sums parts that have one name, and says more of each name.
fn grouped<'a>(
    parts: impl Iterator<Item = &'a DailyUsage>,
    name: impl Fn(&DailyUsage) -> String,
    more: impl Fn(&str) -> Value,
) -> Value {
    let mut sums = BTreeMap::<String, Counts>::new();
    for part in parts {
        sums.entry(name(part)).or_default().add(&part.counts);
    }
    let view = |(name, counts): (String, Counts)| {
        let mut view = fields(more(&name));
        view.insert("metrics".into(), metrics(&counts).into());
        (name, Value::Object(view))
    };
    sums.into_iter().map(view).collect::<Map<String, Value>>().into()
}

fn metadata_of(hash: &str, names: &Names) -> Value {
    key_metadata(KeyHash::from_hex(hash).and_then(|hash| names.keys.get(&hash)?.as_ref()))
}

/// Says whose a key is.
pub(super) fn key_metadata(key: Option<&ApiKey>) -> Value {
    json!({
        "key_alias": key.and_then(|key| key.alias.clone()),
        "team_id": key.and_then(|key| key.team_id.clone()),
        "user_id": key.and_then(|key| key.user_id.clone()),
        "user_email": null,
        "key_exists": key.is_some(),
    })
}

/// Writes sums.
pub(super) fn metrics(counts: &Counts) -> Map<String, Value> {
    fields(json!({
        "spend": dollars(counts.cost),
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "cache_read_input_tokens": counts.cached_input,
        "cache_creation_input_tokens": counts.cache_write,
        "total_tokens": counts.total,
        "successful_requests": counts.succeeded,
        "failed_requests": counts.requests.saturating_sub(counts.succeeded),
        "api_requests": counts.requests,
    }))
}
