//! What a new configuration changes, in words for a log. No value is named, so that no secret is.

use std::collections::BTreeSet;

use crate::config::{AccountConfig, Config, ModelConfig, ProviderConfig};

impl Config {
    /// Says what `new` changes: what is added, removed or changed, and there which fields.
    pub fn changes(&self, new: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        named("provider", &self.providers, &new.providers, |it| &it.id, provider, &mut lines);
        named("model", &self.models, &new.models, |it| &it.name, model, &mut lines);
        named(
            "alias",
            &self.aliases,
            &new.aliases,
            |it| &it.pattern,
            |_, _| Vec::new(),
            &mut lines,
        );
        named("tag", &self.tags, &new.tags, |it| &it.name, |_, _| Vec::new(), &mut lines);
        let settings = [
            ("server.gateway", self.server.gateway != new.server.gateway),
            ("server.admin", self.server.admin != new.server.admin),
            ("sign_in", self.sign_in != new.sign_in),
            ("filter.file", self.filter_file != new.filter_file),
            ("default_model", self.default_model != new.default_model),
            ("resilience", self.resilience != new.resilience),
            ("limits", self.limits != new.limits),
            ("idempotency", self.idempotency != new.idempotency),
            ("cache", self.cache != new.cache),
            ("media_fetch", self.media_fetch != new.media_fetch),
        ];
        let changed = settings.into_iter().filter(|(_, changed)| *changed);
        lines.extend(changed.map(|(name, _)| format!("{name} changed")));
        if lines.is_empty() && self != new {
            lines.push("the order of entries changed".to_owned());
        }
        lines
    }
}

/// Compares two lists of named things.
fn named<T: PartialEq>(
    what: &str,
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> &str,
    fields: impl Fn(&T, &T) -> Vec<String>,
    lines: &mut Vec<String>,
) {
    let names = |list: &[T]| list.iter().map(|it| name(it).to_owned()).collect::<BTreeSet<_>>();
    let (before, after) = (names(old), names(new));
    lines.extend(after.difference(&before).map(|name| format!("{what} {name} added")));
    lines.extend(before.difference(&after).map(|name| format!("{what} {name} removed")));
    for one in new {
        let Some(other) = old.iter().find(|it| name(it) == name(one)).filter(|it| *it != one)
        else {
            continue;
        };
        let fields = fields(other, one).join(", ");
        let fields = if fields.is_empty() { fields } else { format!(": {fields}") };
        lines.push(format!("{what} {} changed{fields}", name(one)));
    }
}

fn provider(old: &ProviderConfig, new: &ProviderConfig) -> Vec<String> {
    let mut fields = differing([
        ("kind", old.kind != new.kind),
        ("base_url", old.base_url != new.base_url),
        ("enabled", old.enabled != new.enabled),
        ("dialect", old.dialect != new.dialect),
        ("proxy", old.proxy != new.proxy),
        ("limits", old.limits != new.limits),
        ("check_seconds", old.check_every != new.check_every),
        ("api_version", old.api_version != new.api_version),
    ]);
    if let ([old], [new]) = (&*old.accounts, &*new.accounts)
        && old.id == new.id
    {
        fields.extend(account(old, new));
    } else {
        named("account", &old.accounts, &new.accounts, |it| &it.id, account, &mut fields);
    }
    fields
}

fn account(old: &AccountConfig, new: &AccountConfig) -> Vec<String> {
    differing([
        ("credential", old.credential != new.credential),
        ("enabled", old.enabled != new.enabled),
        ("weight", old.weight != new.weight),
        ("limits", old.limits != new.limits),
    ])
}

fn model(old: &ModelConfig, new: &ModelConfig) -> Vec<String> {
    differing([
        ("targets", old.targets != new.targets),
        ("strict", old.strict != new.strict),
        ("settings of requests", old.settings != new.settings),
        ("limits", old.limits != new.limits),
        ("routing", old.routing != new.routing),
        ("groups", old.groups != new.groups),
        ("mode", old.kind != new.kind),
    ])
}

fn differing<const N: usize>(fields: [(&str, bool); N]) -> Vec<String> {
    let changed = fields.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| name.to_owned()).collect()
}
