//! What models are called besides their public names: aliases, and the provider's own names after
//! the provider's.

use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_proto::v1 as proto;

use super::{Model, Provider, Target, glob};

/// Models by the provider's name and theirs.
type ByProvider = BTreeMap<String, BTreeMap<String, Vec<Rc<Model>>>>;

/// Names of providers, and names that stand for models.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Ids and aliases of providers → ids.
    providers: BTreeMap<String, String>,
    /// By the provider's id: public names of the models that it serves, and its own names of
    /// them. Each model has the targets alone that the name stands for.
    served: ByProvider,
    /// By the name in lower case.
    aliases: BTreeMap<String, Alias>,
    /// The most specific ones first.
    patterns: Vec<Alias>,
}

/// A name that stands for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// A name, or a pattern with `*` and `?`.
    pub pattern: String,
    /// Public name of a model, or `provider/model`.
    pub target: String,
}

impl From<proto::Alias> for Alias {
    fn from(wire: proto::Alias) -> Self {
        Self { pattern: wire.pattern, target: wire.target }
    }
}

impl Names {
    /// Takes what a configuration says. The first of several like aliases counts.
    pub fn new<'a>(
        providers: impl Iterator<Item = &'a Rc<Provider>> + Clone,
        models: &BTreeMap<String, Rc<Model>>,
        aliases: impl IntoIterator<Item = Alias>,
    ) -> Self {
        let mut names = Self { served: served(models), ..Self::default() };
        let ids = providers.clone().map(|provider| (&provider.id, &provider.id));
        let others = providers.flat_map(|it| it.aliases.iter().map(|alias| (alias, &it.id)));
        for (name, id) in ids.chain(others) {
            names.providers.entry(name.clone()).or_insert_with(|| id.clone());
        }
        for alias in aliases {
            if glob::is_pattern(&alias.pattern) {
                names.patterns.push(alias);
            } else {
                names.aliases.entry(alias.pattern.to_lowercase()).or_insert(alias);
            }
        }
        names.patterns.sort_by_key(|alias| std::cmp::Reverse(glob::score(&alias.pattern)));
        names
    }

    /// Returns the id of a provider by its id or one of its aliases.
    pub fn provider(&self, name: &str) -> Option<&str> {
        self.providers.get(name).map(String::as_str)
    }

    /// Returns what a name stands for: as an alias that is just this, else as one that the most
    /// specific pattern matches.
    pub fn alias(&self, name: &str) -> Option<&str> {
        let exact =
            if self.aliases.is_empty() { None } else { self.aliases.get(&name.to_lowercase()) };
        let found = exact
            .or_else(|| self.patterns.iter().find(|alias| glob::matches(&alias.pattern, name)));
        found.map(|alias| alias.target.as_str())
    }

    /// Returns the aliases that are no patterns.
    pub fn aliases(&self) -> impl Iterator<Item = &Alias> {
        self.aliases.values()
    }

    /// Returns the models that a name stands for at one provider, by its id: the one of this
    /// public name before those whom the provider itself calls so.
    pub fn served(&self, provider: &str, name: &str) -> &[Rc<Model>] {
        let models = self.served.get(provider).and_then(|models| models.get(name));
        models.map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the models that `provider/model` stands for.
    pub fn prefixed(&self, name: &str) -> &[Rc<Model>] {
        let split = name.split_once('/').and_then(|(provider, model)| {
            let provider = self.provider(provider)?;
            Some(self.served(provider, model))
        });
        split.unwrap_or_default()
    }
}

fn served(models: &BTreeMap<String, Rc<Model>>) -> ByProvider {
    let mut served = ByProvider::new();
    for model in models.values() {
        for target in &model.targets {
            let at_provider = served.entry(target.provider.id.clone()).or_default();
            let of_name = at_provider.entry(model.name.clone()).or_default();
            if !of_name.iter().any(|other| other.name == model.name) {
                let id = &target.provider.id;
                of_name.push(with(model, |other| other.provider.id == *id));
            }
        }
    }
    for model in models.values() {
        for target in model.targets.iter().filter(|target| target.model != model.name) {
            let id = &target.provider.id;
            let at_provider = served.entry(id.clone()).or_default();
            let of_name = at_provider.entry(target.model.clone()).or_default();
            if !of_name.iter().any(|other| other.name == model.name) {
                let called = &target.model;
                of_name
                    .push(with(model, |other| other.provider.id == *id && other.model == *called));
            }
        }
    }
    served
}

/// Returns the model with some of its targets.
fn with(model: &Rc<Model>, wanted: impl Fn(&Target) -> bool) -> Rc<Model> {
    if model.targets.iter().all(|target| wanted(target)) {
        return Rc::clone(model);
    }
    let targets = model.targets.iter().filter(|target| wanted(target)).map(Rc::clone).collect();
    Rc::new(Model { targets, ..Model::clone(model) })
}
