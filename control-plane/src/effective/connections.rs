//! Accounts that were made over the management API, and the providers they are of.

use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::config::{
    AccountConfig, BaseUrl, ProviderConfig, ProviderDialect, ProxyUrl, TargetConfig, is_id,
};
use crate::domain::{Item, ItemKind, Limits};
use crate::effective::names::model;
use crate::effective::{IN_FILE, Merge};
use crate::outbound;

/// A provider that is not in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id, which connections name.
    pub id: String,
    /// What models are written with: `prefix/model`. The provider's id.
    pub prefix: String,
    /// Where it is.
    pub base_url: BaseUrl,
    /// What it speaks.
    pub dialect: ProviderDialect,
}

impl Node {
    /// Reads a node, or says what is wrong with it.
    pub fn read(item: &Item) -> Result<Self, String> {
        let prefix = item.text("prefix").unwrap_or_default().to_owned();
        if !is_id(&prefix) {
            return Err(format!("prefix {prefix:?} may hold lower-case letters, digits, - and _"));
        }
        let base_url = outbound::base_url(item.text("baseUrl").unwrap_or_default())?;
        let dialect = match (item.text("type"), item.text("apiType")) {
            (Some("anthropic-compatible"), _) => ProviderDialect::Anthropic,
            (_, Some("responses")) => ProviderDialect::Responses,
            _ => ProviderDialect::OpenAi,
        };
        Ok(Self { id: item.id.clone(), prefix, base_url, dialect })
    }
}

/// Makes the provider of a connection, without accounts, or says what is missing.
pub fn provider_of(item: &Item, nodes: &[Node]) -> Result<ProviderConfig, String> {
    let name = item.text("provider").unwrap_or_default();
    let url = item.text("baseUrl").map(outbound::base_url).transpose()?;
    let node = nodes.iter().find(|node| node.id == name || node.prefix == name);
    let mut provider = match (node, Catalogue::built_in().find(name)) {
        (Some(node), _) => {
            ProviderConfig::new(node.prefix.clone(), node.base_url.clone(), node.dialect)
        }
        (None, Some(known)) => ProviderConfig::known(known.id.clone(), known, url)
            .ok_or_else(|| format!("baseUrl is needed: each customer of {name} has another"))?,
        (None, None) => return Err(format!("there is no provider {name:?}")),
    };
    let proxy = item.text("proxy").map(|url| ProxyUrl::tunnel(url, &provider.base_url));
    provider.proxy = proxy.transpose()?;
    provider.api_version = item.text("apiVersion").map(str::to_owned);
    Ok(provider)
}

impl Merge<'_> {
    pub(super) fn node(&mut self, item: &Item) -> Option<Node> {
        let node = Node::read(item).map_err(|why| self.leave_out(item, why)).ok()?;
        if self.in_file(&node.prefix) {
            let why = format!("{IN_FILE} a provider {:?}", node.prefix);
            self.leave_out(item, why);
            return None;
        }
        Some(node)
    }

    fn in_file(&self, provider: &str) -> bool {
        self.file.providers.iter().any(|known| known.id == provider)
    }

    /// Adds an account, and its provider when it is the first one of it.
    pub(super) fn connection(&mut self, item: &Item, nodes: &[Node]) {
        if let Err(why) = self.try_connection(item, nodes) {
            self.leave_out(item, why);
        }
    }

    fn try_connection(&mut self, item: &Item, nodes: &[Node]) -> Result<(), String> {
        let provider = provider_of(item, nodes)?;
        if self.in_file(&provider.id) {
            return Err(format!("{IN_FILE} a provider {:?}", provider.id));
        }
        if !is_id(&item.id) {
            return Err(format!("id {:?} may hold lower-case letters, digits, - and _", item.id));
        }
        let account = AccountConfig {
            id: item.id.clone(),
            credential: self.credential(item)?,
            enabled: item.flag("isActive").unwrap_or(true),
            weight: whole(item, "weight").unwrap_or(1),
            limits: limits(item.body.get("limits")),
        };
        self.add_account(provider, account, item.whole("priority"))
    }

    /// Puts an account where its priority says; without one, after all others.
    pub(super) fn add_account(
        &mut self,
        mut provider: ProviderConfig,
        account: AccountConfig,
        priority: Option<i64>,
    ) -> Result<(), String> {
        let Some(known) = self.config.providers.iter_mut().find(|it| it.id == provider.id) else {
            provider.accounts = vec![account];
            self.config.providers.push(provider);
            return Ok(());
        };
        let same = known.base_url == provider.base_url
            && known.proxy == provider.proxy
            && known.api_version == provider.api_version;
        if !same {
            let id = &provider.id;
            return Err(format!("another account of {id:?} is elsewhere (URL, proxy or version)"));
        }
        let last = known.accounts.len();
        let place =
            priority.and_then(|at| usize::try_from(at).ok()).map_or(last, |at| at.min(last));
        known.accounts.insert(place, account);
        Ok(())
    }

    /// Offers models that were named for a provider as `provider/model`.
    pub(super) fn offered(&mut self, items: &[Item], nodes: &[Node]) {
        for item in items {
            let name = match item.kind {
                ItemKind::Connection => item.text("defaultModel"),
                ItemKind::ProviderModel => item.text("modelId"),
                ItemKind::Node
                | ItemKind::Deployment
                | ItemKind::Credential
                | ItemKind::Combo
                | ItemKind::Alias
                | ItemKind::Setting => None,
            };
            let Some(name) = name else { continue };
            let Ok(provider) = provider_of(item, nodes) else { continue };
            let public = format!("{}/{name}", provider.id);
            if self.config.models.iter().any(|known| known.name == public) {
                continue;
            }
            let Some(provider) = self.config.providers.iter().find(|it| it.id == provider.id)
            else {
                if item.kind == ItemKind::ProviderModel {
                    self.leave_out(item, "its provider has no connection");
                }
                continue;
            };
            let target = TargetConfig::listed(provider, name, self.prices);
            self.config.models.push(model(public, vec![target]));
        }
    }
}

fn whole(item: &Item, name: &str) -> Option<u32> {
    item.whole(name).and_then(|number| u32::try_from(number).ok())
}

/// Reads the limits of an account.
pub(super) fn limits(section: Option<&Value>) -> Limits {
    let number = |name: &str| section.and_then(|it| it.get(name)).and_then(Value::as_i64);
    Limits {
        rpm: number("rpm"),
        tpm: number("tpm"),
        tpd: number("tpd"),
        parallel: number("max_parallel_requests"),
        ..Limits::default()
    }
}
