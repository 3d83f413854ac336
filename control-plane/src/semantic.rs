//! What questions are compared with: the embedding model of the configuration that holds.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tollgate_core::price::{Price, TokenUsage};
use tollgate_core::tokens::{Family, text_tokens};

use crate::config::{Config, ProviderConfig, SemanticConfig};
use crate::domain::{Secret, Similarity, UsageSource};
use crate::outbound::Call;
use crate::outbound::embedding::{self, Embedded};

/// How questions are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Semantic {
    /// The public name of the model that embeds them.
    pub model: String,
    /// Who has it.
    pub provider: ProviderConfig,
    /// Which of the provider's accounts is used.
    pub account: String,
    credential: Option<Secret>,
    /// The provider's name of it.
    pub target: String,
    /// What it costs. `None`: not known.
    pub price: Option<Price>,
    settings: SemanticConfig,
}

/// What a user asks, and a hash over all else that the answer depends on.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// The hash: the tenant is part of it.
    pub context: [u8; 32],
    /// The text.
    pub text: String,
}

impl Semantic {
    /// Finds what a configuration compares questions with. `None`: nothing.
    pub fn of(config: &Config) -> Option<Self> {
        let settings = config.cache.as_ref()?.semantic.clone()?;
        let model = config.models.iter().find(|model| model.name == settings.embedding_model)?;
        let target = model.targets.first()?;
        let provider = config.providers.iter().find(|known| known.id == target.provider)?;
        let wanted = |id: &str| target.account.as_deref().is_none_or(|account| account == id);
        let account = provider.usable().find(|account| wanted(&account.id))?;
        Some(Self {
            model: model.name.clone(),
            provider: provider.clone(),
            account: account.id.clone(),
            credential: account.credential.clone(),
            target: target.model.clone(),
            price: target.price.clone(),
            settings,
        })
    }

    /// Names the model, whose vectors are compared with no other's.
    pub fn identity(&self) -> String {
        format!("{}/{}", self.provider.id, self.target)
    }

    /// Returns what the vector of a question is remembered by.
    pub fn name_of(&self, question: &Question) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.identity().as_bytes(), &question.context, question.text.as_bytes()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// Asks the model what it makes of a text.
    pub fn ask(&self, text: &str) -> Call {
        embedding::embed(&self.provider, self.credential.as_ref(), &self.target, text)
    }

    /// Reads what the model made of a text.
    pub fn read(&self, answer: &[u8]) -> Embedded {
        embedding::read(self.provider.dialect, answer)
    }

    /// Returns how many tokens were used, and who says so.
    pub fn used(&self, embedded: &Embedded, text: &str) -> (TokenUsage, UsageSource) {
        let counted = text_tokens(Family::for_model(&self.target), text);
        let (input, source) = match embedded.tokens {
            Some(tokens) => (tokens, UsageSource::Provider),
            None if counted.exact => (counted.tokens, UsageSource::Counted),
            None => (counted.tokens, UsageSource::Estimated),
        };
        (TokenUsage { input, total: input, ..TokenUsage::default() }, source)
    }

    /// Tells whether an answer serves for a question that is so similar.
    pub fn suffices(&self, similarity: Similarity) -> bool {
        similarity >= self.settings.threshold
    }

    /// Returns for how many microseconds an answer serves for similar questions.
    pub fn ttl_us(&self) -> i64 {
        i64::from(self.settings.ttl_ms).saturating_mul(1000)
    }

    /// Returns how long a request may wait for the model.
    pub fn timeout(&self) -> Duration {
        self.settings.timeout
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text is somebody's prompt.
        f.debug_struct("Question").finish_non_exhaustive()
    }
}
