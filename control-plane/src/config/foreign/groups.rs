//! Deployments of one name become a model with several targets.

use serde_yaml_ng::{Mapping, Value};

use crate::config::Strategy;
use crate::config::foreign::deployments::{Deployment, Deployments, Fields};
use crate::config::foreign::fallbacks::Fallbacks;
use crate::config::foreign::notes::Notes;
use crate::config::foreign::tree::{list, maybe, number, section};

/// How requests are shared among the deployments of a name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sharing {
    pub(super) strategy: Strategy,
    /// Attempts after the first one, where a deployment says nothing of it.
    pub(super) retries: Option<u64>,
    /// Seconds that a deployment may take which says nothing of it.
    pub(super) timeout: Option<f64>,
}

/// Writes the models, in the order in which they are first named.
pub(super) fn models(
    all: &Deployments,
    sharing: Sharing,
    fallbacks: &Fallbacks,
    notes: &Notes,
) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for deployment in &all.list {
        if !names.contains(&deployment.name.as_str()) {
            names.push(&deployment.name);
        }
    }
    let models = names.iter().map(|name| {
        let group = Group { name, own: of_name(all, name), all, sharing, notes };
        group.tree(fallbacks)
    });
    models.collect()
}

/// Returns the deployments of a name: those that are written out, else those of wildcards.
fn of_name<'a>(all: &'a Deployments, name: &str) -> Vec<&'a Deployment> {
    let named: Vec<_> = all.list.iter().filter(|it| it.name == name).collect();
    let exact: Vec<_> = named.iter().copied().filter(|it| !it.wild).collect();
    if exact.is_empty() { named } else { exact }
}

struct Group<'a> {
    name: &'a str,
    own: Vec<&'a Deployment>,
    all: &'a Deployments,
    sharing: Sharing,
    notes: &'a Notes,
}

impl Group<'_> {
    fn tree(mut self, fallbacks: &Fallbacks) -> Value {
        self.own.sort_by_key(|deployment| deployment.order.unwrap_or(u64::MAX));
        let (place, names) = fallbacks.of(self.name);
        let later = self.later(place, names);
        let (strategy, weights) = self.shares(!later.is_empty());
        let targets = self.own.iter().zip(weights).map(|(it, weight)| self.target(it, weight));
        let after =
            later.iter().map(|it| self.target(it, (strategy == Strategy::Weighted).then_some(0)));
        let targets = targets.chain(after).collect::<Vec<Value>>();
        let longest = self.own.iter().filter_map(|it| it.timeout).reduce(f64::max);
        let timeout = longest.or(self.sharing.timeout);
        let retries = self.own.iter().filter_map(|it| it.retries).max().or(self.sharing.retries);
        let attempts = retries.filter(|_| later.is_empty()).map(|more| (more + 1).min(100));
        let mut groups: Vec<&str> = Vec::new();
        for group in self.own.iter().flat_map(|it| &it.groups) {
            if !groups.contains(&group.as_str()) {
                groups.push(group);
            }
        }
        let strategy = Some(strategy.name()).filter(|_| targets.len() > 1);
        section([
            ("name", self.name.into()),
            ("mode", maybe(self.own.iter().find_map(|it| it.mode.clone()))),
            ("groups", list(groups)),
            ("strategy", maybe(strategy)),
            ("max_attempts", maybe(attempts)),
            ("first_byte_timeout_seconds", timeout.map_or(Value::Null, |it| number(it.min(DAY)))),
            ("defaults", self.fields(|it| &it.defaults)),
            ("overrides", self.fields(|it| &it.overrides)),
            ("targets", list(targets)),
        ])
    }

    /// Returns the deployments that are tried after its own.
    fn later(&self, place: Option<&str>, names: Vec<&str>) -> Vec<&Deployment> {
        let mut later: Vec<&Deployment> = Vec::new();
        for name in names.into_iter().filter(|name| *name != self.name) {
            let found = of_name(self.all, name);
            if found.is_empty()
                && let Some(place) = place
            {
                self.notes.lost(place, format!("there is no model {name:?} in the list"));
            }
            let known = |one: &Deployment, other: &Deployment| {
                one.of == other.of && one.model == other.model
            };
            for one in found {
                if !self.own.iter().chain(&later).any(|other| known(one, other)) {
                    later.push(one);
                }
            }
        }
        later
    }

    /// Decides how requests are shared, and each deployment's weight where that counts.
    fn shares(&self, has_later: bool) -> (Strategy, Vec<Option<u64>>) {
        let none = vec![None; self.own.len()];
        let first = self.own.first().and_then(|it| it.order);
        let level = self.own.iter().filter(|it| it.order == first).count();
        let levels: std::collections::BTreeSet<_> = self.own.iter().map(|it| it.order).collect();
        if self.own.len() == 1 || level == 1 && levels.len() == self.own.len() {
            return (Strategy::Priority, none);
        }
        let strategy = self.sharing.strategy;
        if strategy != Strategy::Weighted && !has_later && levels.len() == 1 {
            return (strategy, none);
        }
        let place = self.own.first().map_or_else(String::new, |it| format!("{}.order", it.place));
        if strategy != Strategy::Weighted {
            let message = format!(
                "{:?} has several deployments and others after them: those share by weight here, \
                 not by {}",
                self.name,
                strategy.name()
            );
            self.notes.changed(place, message);
        } else if levels.len() > 2 {
            let message = "all after the first level stand in line, without sharing";
            self.notes.changed(place, message);
        }
        let weights = weights(self.own.iter().take(level));
        let rest = std::iter::repeat_n(Some(0), self.own.len() - level);
        (Strategy::Weighted, weights.into_iter().map(Some).chain(rest).collect())
    }

    fn target(&self, deployment: &Deployment, weight: Option<u64>) -> Value {
        let (provider, account) = self.all.providers.names(deployment.of);
        section([
            ("provider", provider.into()),
            ("account", maybe(account)),
            ("model", deployment.model.clone().into()),
            ("base_model", maybe(deployment.base_model.clone())),
            ("weight", maybe(weight.filter(|weight| *weight != 1))),
            ("tools", maybe(deployment.tools)),
            ("vision", maybe(deployment.vision)),
            ("max_input_tokens", maybe(deployment.max_input_tokens)),
            ("max_output_tokens", maybe(deployment.max_output_tokens)),
            ("price", deployment.price.clone()),
        ])
    }

    /// Takes fields of requests that all deployments set alike.
    fn fields(&self, of: impl Fn(&Deployment) -> &Fields) -> Value {
        let Some(first) = self.own.first() else { return Value::Null };
        let same = |it: &&&Deployment| of(it) != of(first) || it.dialect != first.dialect;
        let has_any = self.own.iter().any(|it| !of(it).is_empty());
        if let Some(other) = self.own.iter().find(same).filter(|_| has_any) {
            let message = format!(
                "deployments of {:?} differ in the fields that they set, or in their dialects; \
                 none of these fields is set here",
                self.name
            );
            self.notes.lost(format!("{}.fields", other.place), message);
            return Value::Null;
        }
        tree(of(first))
    }
}

fn tree(fields: &Fields) -> Value {
    let fields = fields.iter().map(|(name, value)| (name.as_str().into(), value.clone()));
    Value::Mapping(fields.collect::<Mapping>())
}

/// Returns shares within 0..1000: by `weight` where one has any, else by requests a minute, else
/// by tokens.
fn weights<'a>(deployments: impl Iterator<Item = &'a &'a Deployment>) -> Vec<u64> {
    let deployments: Vec<_> = deployments.collect();
    let by = |of: &dyn Fn(&Deployment) -> Option<f64>| -> Option<Vec<f64>> {
        let shares: Vec<_> = deployments.iter().map(|it| of(it)).collect();
        let any = shares.iter().any(|it| it.is_some_and(|share| share > 0.0));
        any.then(|| shares.into_iter().map(Option::unwrap_or_default).collect())
    };
    let float = |number: Option<u64>| number.and_then(|it| u32::try_from(it).ok()).map(f64::from);
    let shares = by(&|it| it.weight)
        .or_else(|| by(&|it| float(it.rpm)))
        .or_else(|| by(&|it| float(it.tpm)))
        .unwrap_or_else(|| vec![1.0; deployments.len()]);
    let most = shares.iter().copied().fold(0.0, f64::max);
    let plain = most <= MOST && shares.iter().all(|share| share.fract() == 0.0);
    let scale = if plain { 1.0 } else { MOST / most };
    let scaled = shares.iter().map(|share| {
        let least = if *share > 0.0 { 1.0 } else { 0.0 };
        format!("{:.0}", (share * scale).max(least)).parse().unwrap_or(1)
    });
    scaled.collect()
}

/// The largest weight.
const MOST: f64 = 1_000.0;
/// The longest timeout, in seconds.
const DAY: f64 = 86_400.0;
