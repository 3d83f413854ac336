//! Which questions are similar enough for one answer.

use std::time::Duration;

use tollgate_core::snapshot::ModelKind;

use crate::config::parse::Reader;
use crate::config::raw::RawSemantic;
use crate::config::{ModelConfig, ProviderConfig, ProviderDialect};
use crate::domain::Similarity;

/// How similar questions are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemanticConfig {
    /// Name of the model that texts are compared with.
    pub embedding_model: String,
    /// How similar a question must be.
    pub threshold: Similarity,
    /// For how long an answer serves for similar questions.
    pub ttl_ms: u32,
    /// Names of models. Empty: all whose answers are kept.
    pub models: Vec<String>,
    /// Longer texts are not compared.
    pub max_text_bytes: u32,
    /// How long a request may wait for the embedding model.
    pub timeout: Duration,
}

impl Reader<'_> {
    /// Reads how similar questions are found. `None`: they are not. `ttl_ms` is how long answers
    /// are kept.
    pub(super) fn semantic(
        &mut self,
        raw: RawSemantic,
        ttl_ms: u32,
        models: &[ModelConfig],
        providers: &[ProviderConfig],
    ) -> Option<SemanticConfig> {
        self.known_models("cache.semantic.models", &raw.models, models);
        let threshold = raw.threshold.unwrap_or(0.95);
        if !(LEAST_THRESHOLD..=1.0).contains(&threshold) {
            let message = format!("{threshold} is not within {LEAST_THRESHOLD}..1");
            self.problem("cache.semantic.threshold", message);
        }
        let ttl = self.millis("cache.semantic.ttl_seconds", raw.ttl_seconds).unwrap_or(ttl_ms);
        if ttl > ttl_ms {
            let message = "longer than cache.ttl_seconds, after which the answer is forgotten";
            self.problem("cache.semantic.ttl_seconds", message);
        }
        let bytes = raw.max_text_bytes.and_then(|bytes| {
            self.within("cache.semantic.max_text_bytes", bytes, 1..=MOST_TEXT_BYTES)
        });
        let timeout = raw
            .timeout_ms
            .and_then(|millis| self.within("cache.semantic.timeout_ms", millis, 10..=MOST_MILLIS));
        let place = "cache.semantic.embedding_model";
        let embedding_model = self.required(place, raw.embedding_model, "name of a model")?;
        if let Err(why) = embeds(&embedding_model, models, providers) {
            self.problem(place, why);
        }
        Some(SemanticConfig {
            embedding_model,
            threshold: Similarity::of(threshold),
            ttl_ms: ttl,
            models: raw.models,
            max_text_bytes: bytes.and_then(|bytes| u32::try_from(bytes).ok()).unwrap_or(8192),
            timeout: Duration::from_millis(timeout.unwrap_or(300)),
        })
    }
}

/// Tells why a model cannot be asked for embeddings.
fn embeds(name: &str, models: &[ModelConfig], providers: &[ProviderConfig]) -> Result<(), String> {
    let model = models.iter().find(|model| model.name == name);
    let model = model.ok_or_else(|| format!("there is no model {name:?}"))?;
    if model.kind() != ModelKind::Embeddings {
        return Err(format!("{name:?} is no embedding model; if it is one, set its mode"));
    }
    let target = model.targets.first().ok_or("it has no target")?;
    let provider = providers.iter().find(|provider| provider.id == target.provider);
    let provider = provider.ok_or("its provider is not known")?;
    if provider.proxy.is_some() {
        return Err("its provider is behind a proxy, through which no texts are compared".into());
    }
    match provider.dialect {
        ProviderDialect::OpenAi
        | ProviderDialect::Azure
        | ProviderDialect::Gemini
        | ProviderDialect::Ollama => Ok(()),
        ProviderDialect::Responses
        | ProviderDialect::Anthropic
        | ProviderDialect::Deepgram
        | ProviderDialect::AssemblyAi => Err("its provider's dialect has no embeddings".into()),
    }
}

/// Below, nearly everything is similar to everything.
const LEAST_THRESHOLD: f64 = 0.5;
const MOST_TEXT_BYTES: u64 = 64 << 10;
/// Filters wait two seconds for the whole answer.
const MOST_MILLIS: u64 = 1_500;
