//! Configurations of other gateways: what they become in ours, and what is lost.
//!
//! Pure functions: text and environment in, a tree in our own format out. The tree is then read
//! like a file of ours, so nothing that is translated escapes its rules.

mod deployments;
mod fallbacks;
mod fields;
mod groups;
mod litellm;
mod llms_py;
mod naming;
mod notes;
mod omniroute;
mod pllm;
mod providers;
#[cfg(test)]
mod tests;
mod tree;
mod variables;

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

pub use crate::config::foreign::notes::{Fate, Note};
use crate::domain::Secret;
use crate::prices::PriceList;

/// A gateway whose configuration can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// `LiteLLM`'s proxy: its `config.yaml`.
    LiteLlm,
    /// llms.py: its `llms.json`, of versions 2 to 4.
    LlmsPy,
    /// PLLM: its `config.yaml`.
    Pllm,
    /// OmniRoute: its database, as a tree in the form of its former `db.json`.
    OmniRoute,
}

/// What surrounds a configuration that is translated.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Variables that it may refer to.
    pub env: &'a BTreeMap<String, String>,
    /// It is about to be served: what refers to a variable that is not there is left out.
    pub serving: bool,
    /// Names and prices of models.
    pub prices: &'a PriceList,
}

/// What another gateway's configuration becomes.
#[derive(Debug)]
pub struct Translation {
    /// A configuration in our format.
    pub tree: Value,
    /// Secrets that stood in the file, by the variables that [`Self::tree`] names for them.
    pub variables: BTreeMap<String, Secret>,
    /// What was lost or changed.
    pub notes: Vec<Note>,
}

impl System {
    /// Tells whose configuration a tree is, when it is another gateway's and of use as it is.
    pub fn recognise(tree: &Value) -> Option<Self> {
        litellm::is_one(tree).then_some(Self::LiteLlm)
    }

    /// Returns its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::LiteLlm => "LiteLLM",
            Self::LlmsPy => "llms.py",
            Self::Pllm => "PLLM",
            Self::OmniRoute => "OmniRoute",
        }
    }

    /// Translates a configuration, or says why that is none.
    pub fn translate(self, tree: &Value, around: Surroundings<'_>) -> Result<Translation, String> {
        match self {
            Self::LiteLlm => litellm::translate(tree, around),
            Self::LlmsPy => llms_py::translate(tree, around),
            Self::Pllm => pllm::translate(tree, around),
            Self::OmniRoute => omniroute::translate(tree, around),
        }
    }
}
