//! The configuration that holds: the file, and what the management API adds to it.
//!
//! The file wins where both name the same thing. What cannot be used is left out and said, never
//! in the way of the rest.

mod connections;
mod credentials;
mod deployments;
mod names;

use crate::config::{Config, Known};
use crate::domain::{Item, ItemKind, Secret};
use crate::prices::PriceList;
use crate::vault::Vault;

pub use crate::effective::connections::{Node, provider_of};
pub use crate::effective::credentials::credential_of;
pub use crate::effective::names::{combo_of, resilience_of};

/// A configuration, and what of the items is not in it.
#[derive(Debug)]
pub struct Effective {
    /// The file with the items.
    pub config: Config,
    /// What was left out.
    pub left_out: Vec<LeftOut>,
}

/// An item that is not part of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is.
    pub kind: ItemKind,
    /// Which one.
    pub id: String,
    /// Why.
    pub why: String,
}

impl LeftOut {
    /// Tells whether the file has something of that name, which wins.
    pub fn is_in_file(&self) -> bool {
        self.why.starts_with(IN_FILE)
    }
}

/// Adds items to what the file says.
pub fn effective(file: &Config, items: &[Item], vault: &Vault, prices: &PriceList) -> Effective {
    let mut merge = Merge { file, vault, prices, config: file.clone(), left_out: Vec::new() };
    let of = |kind| items.iter().filter(move |item| item.kind == kind);
    let nodes: Vec<Node> = of(ItemKind::Node).filter_map(|item| merge.node(item)).collect();
    for item in of(ItemKind::Connection) {
        merge.connection(item, &nodes);
    }
    merge.deployments(items);
    merge.offered(items, &nodes);
    merge.combos(of(ItemKind::Combo));
    merge.aliases(of(ItemKind::Alias));
    for item in of(ItemKind::Setting).filter(|item| item.id == RESILIENCE) {
        merge.config.resilience = file.resilience.or(resilience_of(&item.body));
    }
    Effective { config: merge.config, left_out: merge.left_out }
}

/// Takes items into a configuration, one kind after the other.
struct Merge<'a> {
    file: &'a Config,
    vault: &'a Vault,
    prices: &'a PriceList,
    config: Config,
    left_out: Vec<LeftOut>,
}

impl Merge<'_> {
    fn leave_out(&mut self, item: &Item, why: impl Into<String>) {
        self.left_out.push(LeftOut { kind: item.kind, id: item.id.clone(), why: why.into() });
    }

    /// Opens the credential of an item. `Err`: it has one that cannot be opened.
    fn credential(&self, item: &Item) -> Result<Option<Secret>, String> {
        let opened = item.sealed.as_ref().map(|sealed| self.vault.unseal(sealed, &owner(item)));
        opened.transpose().map_err(|error| format!("its credential cannot be read: {error}"))
    }

    fn known(&self) -> Known<'_> {
        Known {
            providers: &self.config.providers,
            models: &self.config.models,
            combos: &self.config.combos,
            prices: self.prices,
        }
    }
}

/// Names whom the credential of an item belongs to.
pub fn owner(item: &Item) -> String {
    format!("{}:{}", item.kind.name(), item.id)
}

/// How sentences begin that say of something that it stands in the file.
const IN_FILE: &str = "the file has";

/// The setting that says when accounts go out of rotation.
pub const RESILIENCE: &str = "resilience";

#[cfg(test)]
mod tests;
