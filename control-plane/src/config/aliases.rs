//! Names that stand for models.

use std::collections::BTreeMap;

use crate::config::parse::Reader;
use crate::config::{ModelConfig, ProviderConfig, ServerConfig};

/// A name that stands for a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasConfig {
    /// A name, or a pattern with `*` and `?`.
    pub pattern: String,
    /// Public name of a model, or `provider/model`.
    pub target: String,
}

impl AliasConfig {
    /// Takes a pattern and what it stands for, or says why it cannot stand for that.
    pub fn check(
        pattern: &str,
        target: &str,
        models: &[ModelConfig],
        providers: &[ProviderConfig],
    ) -> Result<Self, String> {
        if pattern.trim().is_empty() {
            return Err("an alias needs a name".into());
        }
        if models.iter().any(|model| model.name == pattern) {
            return Err(format!("{pattern:?} is the name of a model"));
        }
        if !names_a_model(target, models, providers) {
            return Err(format!(
                "{target:?} is neither a model nor provider/model; an alias cannot stand for \
                 another one"
            ));
        }
        Ok(Self { pattern: pattern.to_owned(), target: target.to_owned() })
    }

    fn is_exact(&self) -> bool {
        !self.pattern.contains(['*', '?'])
    }

    /// Tells how much of a name a pattern says: letters count, wildcards cost.
    fn specificity(&self) -> i64 {
        let text = &self.pattern;
        let count = |wanted: fn(char) -> bool| {
            i64::try_from(text.chars().filter(|letter| wanted(*letter)).count()).unwrap_or(i64::MAX)
        };
        let letters = count(|letter| !matches!(letter, '*' | '?' | '/'));
        let (stars, marks) = (count(|it| it == '*'), count(|it| it == '?'));
        10 * letters - 50 * stars - 5 * marks + count(|_| true)
    }
}

impl Reader<'_> {
    /// Reads aliases: exact ones before patterns, and of these the most specific first.
    pub(super) fn aliases(
        &mut self,
        raw: BTreeMap<String, String>,
        models: &[ModelConfig],
        providers: &[ProviderConfig],
    ) -> Vec<AliasConfig> {
        let mut aliases = Vec::new();
        for (pattern, target) in raw {
            match AliasConfig::check(&pattern, &target, models, providers) {
                Ok(alias) => aliases.push(alias),
                Err(message) => self.problem(format!("aliases.{pattern}"), message),
            }
        }
        in_order(&mut aliases);
        aliases
    }

    /// Checks the models of requests that name none.
    pub(super) fn default_models(
        &mut self,
        of_all: Option<&str>,
        server: Option<&ServerConfig>,
        names: &Names<'_>,
    ) {
        let of_paths = server.map(|server| &*server.gateway.base_paths).unwrap_or_default();
        let of_paths = of_paths.iter().filter_map(|base| {
            let place = format!("server.gateway.base_paths: {}: default_model", base.path);
            Some((place, base.default_model.as_deref()?))
        });
        let of_all = of_all.map(|name| ("default_model".to_owned(), name));
        for (place, name) in of_all.into_iter().chain(of_paths) {
            if !names.has(name) {
                self.problem(place, format!("there is no model {name:?}"));
            }
        }
    }
}

/// What a model can be called.
pub(super) struct Names<'a> {
    pub(super) models: &'a [ModelConfig],
    pub(super) providers: &'a [ProviderConfig],
    pub(super) aliases: &'a [AliasConfig],
}

impl Names<'_> {
    fn has(&self, name: &str) -> bool {
        self.aliases.iter().any(|alias| alias.pattern == name)
            || names_a_model(name, self.models, self.providers)
    }
}

/// Brings aliases into the order in which they are looked at.
pub fn in_order(aliases: &mut [AliasConfig]) {
    aliases.sort_by_key(|alias| (!alias.is_exact(), -alias.specificity(), alias.pattern.clone()));
}

/// Tells whether a name is a model's, or a provider and its name of a model.
fn names_a_model(name: &str, models: &[ModelConfig], providers: &[ProviderConfig]) -> bool {
    models.iter().any(|model| model.name == name)
        || name.split_once('/').is_some_and(|(provider, model)| {
            !model.is_empty() && providers.iter().any(|known| known.id == provider)
        })
}
