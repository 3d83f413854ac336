//! What was made over the management API and is part of the configuration.

use serde_json::{Map, Value};

use crate::domain::Stamps;

/// A part of the configuration that lives in the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Unique within its kind.
    pub id: String,
    /// What it says, without secrets.
    pub body: Map<String, Value>,
    /// Its credential, sealed. `None`: it has none.
    pub sealed: Option<String>,
    /// Who made and changed it, and when.
    pub stamps: Stamps,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// An account of a provider.
    Connection,
    /// A provider that is not in the catalogue.
    Node,
    /// A model of a provider, offered as `provider/model`.
    ProviderModel,
    /// A target of a model, in LiteLLM's terms.
    Deployment,
    /// A credential that deployments name.
    Credential,
    /// A named chain of models.
    Combo,
    /// A name that stands for a model.
    Alias,
    /// A section of settings.
    Setting,
}

impl ItemKind {
    /// Every kind with its name.
    pub const NAMES: [(&str, Self); 8] = [
        ("connection", Self::Connection),
        ("node", Self::Node),
        ("provider_model", Self::ProviderModel),
        ("deployment", Self::Deployment),
        ("credential", Self::Credential),
        ("combo", Self::Combo),
        ("alias", Self::Alias),
        ("setting", Self::Setting),
    ];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, kind)| *kind == self);
        found.map_or("setting", |(name, _)| name)
    }

    /// Finds a kind by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

impl Item {
    /// Returns what the body says under a name, when it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// Returns what the body says under a name, when it is yes or no.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.body.get(name).and_then(Value::as_bool)
    }

    /// Returns what the body says under a name, when it is a whole number.
    pub fn whole(&self, name: &str) -> Option<i64> {
        self.body.get(name).and_then(Value::as_i64)
    }
}
