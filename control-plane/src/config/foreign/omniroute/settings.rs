//! `settings`, and what else is in the database.

use serde_yaml_ng::{Mapping, Value};

use crate::config::foreign::fields::Section;
use crate::config::foreign::tree::{list, maybe, section};

/// Writes the system prompt and the budget of thinking into every model.
pub(super) fn of_models(settings: &Section<'_>, models: &mut [Value]) {
    let prompt = settings.section("systemPrompt");
    let on = prompt.flag("enabled") == Some(true);
    let text = prompt.text("prompt").or_else(|| prompt.text("prefixPrompt")).filter(|_| on);
    if text.is_some() {
        settings.notes().dead(
            prompt.place(),
            "in its first versions; here it is before the prompt of every model",
        );
    }
    let after = prompt.text("suffixPrompt").filter(|_| on);
    let thinking = settings.section("thinkingBudget");
    let mode = thinking.text("mode").filter(|mode| mode != "passthrough");
    let budget = section([
        ("mode", maybe(mode.clone())),
        ("budget", maybe(thinking.whole("customBudget").filter(|_| mode.is_some()))),
        ("effort", maybe(thinking.text("effortLevel").filter(|_| mode.is_some()))),
    ]);
    let system = section([("prefix", maybe(text)), ("suffix", maybe(after))]);
    for model in models.iter_mut().filter_map(Value::as_mapping_mut) {
        for (name, value) in [("system_prompt", &system), ("thinking", &budget)] {
            if value.as_mapping().is_some_and(|fields| !fields.is_empty()) {
                model.insert(name.into(), value.clone());
            }
        }
    }
    thinking.finish(|_| None);
    prompt.finish(|_| None);
}

/// Adds who may call.
pub(super) fn addresses(settings: &Section<'_>, gateway: Value) -> Value {
    let filter = settings.section("ipFilter");
    let (mode, on) = (filter.text("mode"), filter.flag("enabled") == Some(true));
    let (denied, allowed) = (filter.texts("blacklist"), filter.texts("whitelist"));
    filter.finish(|name| (name == "tempBans").then_some("addresses are not banned for a time"));
    if !on {
        return gateway;
    }
    settings.notes().dead(filter.place(), "in its first versions; here it holds");
    let (name, networks) = match mode.as_deref() {
        Some("whitelist") => ("allowed_ips", allowed),
        _ => ("denied_ips", denied),
    };
    let plain = networks.into_iter().filter(|network| {
        let known = tollgate_core::address::Network::parse(network).is_some();
        if !known {
            let message = format!("{network:?} is neither an address nor a network (CIDR)");
            settings.notes().lost(filter.at(name), message);
        }
        known
    });
    let mut fields = gateway.as_mapping().cloned().unwrap_or_else(Mapping::new);
    fields.insert(name.into(), list(plain));
    Value::Mapping(fields)
}

/// Notes what nothing here follows from.
pub(super) fn finish(whole: &Section<'_>, settings: &Section<'_>) {
    let keys = whole.list("apiKeys").len();
    if keys > 0 {
        let message = format!(
            "{keys} keys of clients are not in a file here; `tollgate key new key=env:NAME` \
             makes one that a client has already"
        );
        whole.notes().lost("apiKeys", message);
    }
    settings.finish(|name| {
        Some(match name {
            "theme"
            | "language"
            | "instanceName"
            | "setupComplete"
            | "baseUrl"
            | "cloudUrl"
            | "requireLogin"
            | "hideHealthCheckLogs"
            | "password"
            | "cloudEnabled" => "",
            "corsOrigins" => "no CORS headers are sent",
            "requireAuthForModels" => "lists of models always need a key",
            "fallbackStrategy" | "stickyRoundRobinLimit" => "write account_strategy of models",
            "comboDefaults" | "providerOverrides" => "write the fields of each combo",
            "blockedProviders" => "write enabled: false of the provider",
            "enableRequestLogs" | "logRetentionDays" => "the ledger has every request",
            _ => return None,
        })
    });
    whole.finish(|name| {
        Some(match name {
            "proxyConfig" => "write proxy of providers",
            "mitmAlias" => "requests of tools are not intercepted",
            "fallbackChains" => "write combos",
            "providerNodes" | "generatedAt" => "",
            _ => return None,
        })
    });
}
