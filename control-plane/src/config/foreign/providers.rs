//! Providers and accounts, found in what other gateways say of each model.

use serde_yaml_ng::Value;

use crate::catalogue::{Catalogue, KnownProvider};
use crate::config::foreign::naming::{free, slug};
use crate::config::foreign::tree::{list, maybe, number, section, variable};
use crate::config::{BaseUrl, ProviderDialect};
use crate::prices::PriceList;

/// Where a provider is and what it speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// Its name in the catalogue.
    pub(super) kind: Option<String>,
    /// Its name, where it is not in the catalogue.
    pub(super) name: Option<String>,
    /// Where it is, unless the catalogue says so.
    pub(super) base_url: Option<String>,
    pub(super) dialect: Option<ProviderDialect>,
    pub(super) api_version: Option<String>,
    /// Header of the credential, unless the dialect says so.
    pub(super) header: Option<String>,
    /// No request goes there.
    pub(super) disabled: bool,
    /// The provider's id, where the other gateway has one.
    pub(super) id: Option<String>,
}

impl Place {
    /// Returns what it speaks.
    pub(super) fn spoken(&self) -> ProviderDialect {
        let of_kind = self.known().map(|known| known.dialect);
        self.dialect.or(of_kind).unwrap_or_default()
    }

    /// Returns what is publicly known of it.
    pub(super) fn known(&self) -> Option<&'static KnownProvider> {
        Catalogue::built_in().find(self.kind.as_deref()?)
    }

    /// Returns an id that says where it is.
    fn wish(&self) -> String {
        if let Some(id) = &self.id {
            return slug(id);
        }
        let kind = self.kind.as_deref().or(self.name.as_deref());
        let host = self.base_url.as_deref().and_then(|url| BaseUrl::parse(url).ok());
        match (kind, host) {
            (Some(kind), None) => slug(kind),
            (Some(kind), Some(_)) if self.name.is_some() => slug(kind),
            (Some(kind), Some(url)) => format!("{}-{}", slug(kind), slug(first_label(&url.host))),
            (None, Some(url)) => slug(first_label(&url.host)),
            (None, None) => "provider".into(),
        }
    }
}

/// What may be sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Limits {
    pub(super) rpm: Option<u64>,
    pub(super) tpm: Option<u64>,
    pub(super) parallel: Option<u64>,
    pub(super) budget: Option<f64>,
    pub(super) period: Option<String>,
    /// They count and show, and refuse nothing.
    pub(super) observe_only: bool,
}

impl Limits {
    fn tree(&self) -> Value {
        section([
            ("rpm", maybe(self.rpm)),
            ("tpm", maybe(self.tpm)),
            ("max_parallel_requests", maybe(self.parallel)),
            ("max_budget", self.budget.map_or(Value::Null, number)),
            ("budget_duration", maybe(self.period.clone())),
            ("observe_only", maybe(self.observe_only.then_some(true))),
        ])
    }
}

/// All that were found.
#[derive(Debug, Default)]
pub(super) struct Providers {
    list: Vec<Provider>,
    /// How often each is asked whether it is there.
    pub(super) check_seconds: Option<f64>,
}

#[derive(Debug)]
struct Provider {
    id: String,
    place: Place,
    accounts: Vec<Account>,
}

#[derive(Debug)]
struct Account {
    id: String,
    credential: Option<String>,
    limits: Limits,
}

/// A provider's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Of {
    provider: usize,
    account: usize,
}

impl Providers {
    /// Finds or makes an account. One with limits of its own is shared by nobody.
    pub(super) fn account(
        &mut self,
        place: Place,
        credential: Option<String>,
        limits: Limits,
        wish: &str,
    ) -> Of {
        let known = self.list.iter().position(|provider| provider.place == place);
        let provider = known.unwrap_or_else(|| {
            let taken = |id: &str| self.list.iter().any(|provider| provider.id == id);
            let id = free(&place.wish(), '-', taken);
            self.list.push(Provider { id, place, accounts: Vec::new() });
            self.list.len() - 1
        });
        let Some(of) = self.list.get_mut(provider) else { return Of { provider, account: 0 } };
        let shared = limits == Limits::default();
        let same = of.accounts.iter().position(|account| {
            shared && account.limits == limits && account.credential == credential
        });
        let account = same.unwrap_or_else(|| {
            let wish = if shared { credential.as_deref().unwrap_or("none") } else { wish };
            let taken = |id: &str| of.accounts.iter().any(|account| account.id == id);
            let id = free(&slug(wish), '-', taken);
            of.accounts.push(Account { id, credential, limits });
            of.accounts.len() - 1
        });
        Of { provider, account }
    }

    /// Returns a provider's id, and the account's where there are several.
    pub(super) fn names(&self, of: Of) -> (String, Option<String>) {
        let Some(provider) = self.list.get(of.provider) else { return (String::new(), None) };
        let account = provider.accounts.get(of.account).filter(|_| provider.accounts.len() > 1);
        (provider.id.clone(), account.map(|account| account.id.clone()))
    }

    /// Writes the section `providers`.
    pub(super) fn tree(&self) -> Value {
        list(self.list.iter().map(|provider| provider.tree(self.check_seconds)))
    }
}

impl Provider {
    fn tree(&self, check_seconds: Option<f64>) -> Value {
        let only = self.accounts.first().filter(|_| self.accounts.len() == 1);
        let several = self.accounts.iter().filter(|_| only.is_none()).map(|account| {
            section([
                ("id", account.id.clone().into()),
                ("credential", variable(account.credential.as_deref())),
                ("limits", account.limits.tree()),
            ])
        });
        let place = &self.place;
        let own_dialect = place.dialect.filter(|dialect| {
            place.known().map_or(ProviderDialect::OpenAi, |known| known.dialect) != *dialect
        });
        section([
            ("id", self.id.clone().into()),
            ("kind", maybe(place.kind.clone())),
            ("base_url", maybe(place.base_url.clone())),
            ("dialect", maybe(own_dialect.map(ProviderDialect::name))),
            ("api_version", maybe(place.api_version.clone())),
            ("credential_header", maybe(place.header.clone())),
            ("enabled", maybe(place.disabled.then_some(false))),
            ("credential", variable(only.and_then(|account| account.credential.as_deref()))),
            ("check_seconds", check_seconds.map_or(Value::Null, number)),
            ("limits", only.map_or(Value::Null, |account| account.limits.tree())),
            ("accounts", list(several)),
        ])
    }
}

fn first_label(host: &str) -> &str {
    let numeric = host.parse::<std::net::IpAddr>().is_ok();
    if numeric { host } else { host.split('.').next().unwrap_or(host) }
}

/// Returns the models that price lists have of a provider, sorted.
pub(super) fn known_models<'a>(kind: &'a str, list: &'a PriceList) -> Vec<&'a str> {
    let known = Catalogue::built_in().find(kind);
    let aliases = known.into_iter().flat_map(|known| known.aliases.iter().map(String::as_str));
    let mut models: Vec<&str> =
        std::iter::once(kind).chain(aliases).flat_map(|name| list.models_of(name)).collect();
    models.sort_unstable();
    models.dedup();
    models
}
