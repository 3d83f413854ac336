//! `model_list`: an entry has its provider as `params`, in LiteLLM's words, or as `provider`.

use serde_yaml_ng::{Mapping, Value};

use crate::catalogue::Catalogue;
use crate::config::BaseUrl;
use crate::config::foreign::deployments::{Deployment, Deployments, Fields};
use crate::config::foreign::fields::{Section, number};
use crate::config::foreign::pllm::{reference, seconds};
use crate::config::foreign::providers::{Limits, Place};
use crate::config::foreign::tree::{dollars, section};
use crate::config::foreign::variables::Variables;

/// Reads all entries.
pub(super) fn read(whole: &Section<'_>, variables: &Variables<'_>, all: &mut Deployments) {
    for (at, entry) in whole.list("model_list").iter().enumerate() {
        let entry = Section::new(format!("model_list[{at}]"), entry, whole.notes());
        let Some(deployment) = deployment(&entry, variables, all) else { continue };
        if all.list.iter().any(|known| known.name == deployment.name) {
            let message = "entries of one name replaced each other; here they share its requests";
            entry.notes().dead(entry.at("model_name"), message);
        }
        all.list.push(deployment);
    }
}

fn deployment(
    entry: &Section<'_>,
    variables: &Variables<'_>,
    all: &mut Deployments,
) -> Option<Deployment> {
    let params = entry.section("params");
    let provider = entry.section("provider");
    let model = params.text("model").or_else(|| provider.text("model"));
    let (Some(name), Some(model)) = (entry.text("model_name"), model) else {
        entry.notes().lost(entry.place(), "has no model_name or no model, and is left out");
        return None;
    };
    if entry.flag("enabled") == Some(false) {
        entry.notes().lost(entry.place(), "is not enabled, and is left out");
        return None;
    }
    let sections = [&params, &provider];
    let (place, model) = place(entry, sections, &model)?;
    let dialect = place.spoken();
    let usual = place.kind.clone().unwrap_or_else(|| "openai".into());
    let credential = credential(sections, &usual, variables);
    let id = entry.text("id").unwrap_or_else(|| name.clone());
    let account = all.providers.account(place, credential, limits(entry), &id);
    let info = entry.section("model_info");
    let priority = entry.whole("priority");
    let made = Deployment {
        dialect,
        price: price(entry),
        max_input_tokens: info.whole("max_input_tokens"),
        max_output_tokens: info.whole("max_output_tokens"),
        tools: info.flag("supports_functions").filter(|able| !able),
        vision: info.flag("supports_vision").filter(|able| !able),
        mode: info.text("mode").filter(|mode| crate::prices::kind(mode).is_some()),
        groups: Vec::new(),
        defaults: defaults(sections),
        order: priority.map(|priority| HIGHEST.saturating_sub(priority)),
        weight: entry.number("weight"),
        timeout: seconds(entry, "timeout"),
        ..Deployment::new(entry.place().to_owned(), name, account, model)
    };
    for section in sections {
        section.finish(|_| None);
    }
    info.finish(|name| (name == "max_tokens" || name.starts_with("supports_")).then_some(""));
    entry.finish(|name| match name {
        "tags" => Some("tags of models have no effect"),
        "instance_name" => Some(""),
        _ => None,
    });
    Some(made)
}

/// Finds out where an entry is, and the provider's name of its model.
fn place(entry: &Section<'_>, sections: [&Section<'_>; 2], model: &str) -> Option<(Place, String)> {
    let either = |name: &str| sections.iter().find_map(|section| section.text(name));
    let url = either("api_base").or_else(|| either("base_url"));
    let url = url.map(|url| url.trim_end_matches('/').to_owned());
    let version = either("api_version");
    let named = either("type").map(|name| (name, model.to_owned()));
    let (vendor, model) = named.unwrap_or_else(|| match (&url, model.split_once('/')) {
        // At OpenRouter the part before the slash is whose model it is.
        (Some(url), _) if url.contains("openrouter.ai") => ("openrouter".into(), model.into()),
        (_, Some((vendor, rest))) => (vendor.to_owned(), rest.to_owned()),
        (_, None) => ("openai".into(), model.to_owned()),
    });
    let at_url = url.as_deref().and_then(|url| {
        let mut known = Catalogue::built_in().providers().iter();
        known.find(|known| known.url.as_deref() == Some(url))
    });
    let known = at_url.or_else(|| Catalogue::built_in().find(&vendor));
    let Some(known) = known else {
        let message = format!("the API of {vendor} is not spoken here; it is left out");
        entry.notes().lost(entry.place(), message);
        return None;
    };
    let elsewhere = url.filter(|_| at_url.is_none());
    let bad = elsewhere.as_deref().and_then(|url| BaseUrl::parse(url).err());
    let missing = elsewhere.is_none() && known.base_url.is_none();
    if let Some(why) = bad.or_else(|| missing.then(|| "there is no base_url".to_owned())) {
        entry.notes().lost(entry.place(), format!("{why}; it is left out"));
        return None;
    }
    let place = Place {
        kind: Some(known.id.clone()),
        base_url: elsewhere,
        api_version: version.filter(|_| known.id == "azure"),
        ..Place::default()
    };
    Some((place, model))
}

fn credential(
    sections: [&Section<'_>; 2],
    usual: &str,
    variables: &Variables<'_>,
) -> Option<String> {
    let (place, written) =
        sections.iter().find_map(|it| Some((it.at("api_key"), it.text("api_key")?)))?;
    Some(match reference(&written) {
        Some(name) => name.to_owned(),
        None => variables.literal(&place, &format!("{usual}_API_KEY"), &written),
    })
}

/// Limits that PLLM kept and did not look at: here they count, and refuse nothing.
fn limits(entry: &Section<'_>) -> Limits {
    let (rpm, tpm) = (entry.whole("rpm"), entry.whole("tpm"));
    for (name, _) in [("rpm", rpm), ("tpm", tpm)].iter().filter(|(_, limit)| limit.is_some()) {
        let message = "here it counts and is shown (observe_only), and refuses once that is out";
        entry.notes().dead(entry.at(name), message);
    }
    let observe_only = rpm.is_some() || tpm.is_some();
    Limits { rpm, tpm, observe_only, ..Limits::default() }
}

fn price(entry: &Section<'_>) -> Value {
    let class = |name: &str| {
        let price = entry.value(name).and_then(number).filter(|price| *price >= 0.0);
        price.map_or(Value::Null, |price| dollars(price).into())
    };
    section([
        ("input_token", class("input_cost_per_token")),
        ("output_token", class("output_cost_per_token")),
    ])
}

fn defaults(sections: [&Section<'_>; 2]) -> Fields {
    let mut defaults = Fields::new();
    for section in sections {
        for name in ["temperature", "max_tokens", "top_p", "reasoning_effort"] {
            let value = section.value(name).cloned();
            defaults.extend(value.map(|value| (name.to_owned(), value)));
        }
        let headers = section.value("headers").and_then(Value::as_mapping);
        if headers.is_some_and(|headers: &Mapping| !headers.is_empty()) {
            let message = "headers of its own are not sent to providers from here";
            section.notes().lost(section.at("headers"), message);
        }
    }
    defaults
}

/// Above every priority that people write; higher ones come first there.
const HIGHEST: u64 = 1_000_000;
