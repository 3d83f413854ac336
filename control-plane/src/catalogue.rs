//! Publicly known providers: where they are and what they speak, so that a name and a key are
//! enough. The list is compiled in.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::config::{BaseUrl, ProviderDialect};

/// Publicly known providers, by id.
#[derive(Debug, Default)]
pub struct Catalogue {
    providers: Vec<KnownProvider>,
}

/// What is publicly known of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownProvider {
    /// Its name here, `[a-z0-9_-]+`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Other gateways' names for it.
    pub aliases: Vec<String>,
    /// Where it is. `None`: each customer has another place.
    pub base_url: Option<BaseUrl>,
    /// The same, as text.
    pub url: Option<String>,
    /// What it speaks.
    pub dialect: ProviderDialect,
    /// Header that carries the credential. `None`: the dialect's own.
    pub credential_header: Option<String>,
    /// Query parameter that carries the credential.
    pub credential_query: Option<String>,
    /// It wants a credential.
    pub needs_credential: bool,
    /// It accepts `stream_options.include_usage`.
    pub stream_usage: bool,
    /// It has a list of its models.
    pub lists_models: bool,
    /// The page that says so.
    pub source: String,
}

impl Catalogue {
    /// Returns the list that is compiled in.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Finds a provider by its id or by one of its other names.
    pub fn find(&self, name: &str) -> Option<&KnownProvider> {
        let by_id = self.providers.iter().find(|known| known.id == name);
        by_id.or_else(|| {
            self.providers.iter().find(|known| known.aliases.iter().any(|alias| alias == name))
        })
    }

    /// Returns all of them, by id.
    pub fn providers(&self) -> &[KnownProvider] {
        &self.providers
    }

    fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let file: RawList = serde_json::from_slice(json)?;
        Ok(Self { providers: file.providers.into_iter().filter_map(RawEntry::known).collect() })
    }
}

#[derive(Deserialize)]
struct RawList {
    providers: Vec<RawEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    id: String,
    name: String,
    aliases: Vec<String>,
    base_url: Option<String>,
    dialect: String,
    credential_header: Option<String>,
    credential_query: Option<String>,
    #[serde(default = "yes")]
    needs_credential: bool,
    #[serde(default = "yes")]
    stream_usage: bool,
    #[serde(default = "yes")]
    lists_models: bool,
    source: String,
}

impl RawEntry {
    /// A test sees to it that no entry is left out.
    fn known(self) -> Option<KnownProvider> {
        let base_url = self.base_url.as_deref().map(BaseUrl::parse).transpose().ok()?;
        Some(KnownProvider {
            dialect: ProviderDialect::named(&self.dialect)?,
            base_url,
            url: self.base_url,
            id: self.id,
            name: self.name,
            aliases: self.aliases,
            credential_header: self.credential_header,
            credential_query: self.credential_query,
            needs_credential: self.needs_credential,
            stream_usage: self.stream_usage,
            lists_models: self.lists_models,
            source: self.source,
        })
    }
}

fn yes() -> bool {
    true
}

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::from_json(include_bytes!("../data/providers.json")).unwrap_or_else(|error| {
        tracing::error!(%error, "the list of known providers cannot be read");
        Catalogue::default()
    })
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_can_be_used_and_names_its_source() {
        let text = include_str!("../data/providers.json");
        let catalogue = Catalogue::from_json(text.as_bytes()).unwrap();

        let lines = text.lines().filter(|line| line.starts_with("{\"id\"")).count();
        assert_eq!(catalogue.providers.len(), lines);
        assert!(catalogue.providers.is_sorted_by_key(|known| &known.id));
        assert!(catalogue.providers.iter().all(|known| known.source.starts_with("https://")));
    }

    #[test]
    fn every_name_belongs_to_one_provider() {
        let mut names = BTreeSet::new();
        for known in Catalogue::built_in().providers() {
            assert!(crate::config::is_id(&known.id), "{}", known.id);
            for name in known.aliases.iter().chain([&known.id]) {
                assert!(names.insert(name.clone()), "{name} is there twice");
            }
        }
        assert_eq!(Catalogue::built_in().find("pplx").unwrap().id, "perplexity");
        assert_eq!(Catalogue::built_in().find("nobody"), None);
    }
}
