//! Answers that are kept for whoever asks the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::LedgerRecord;
use crate::domain::kept::{CacheKey, KeptAnswer, KeptFigures, Purge};
use crate::semantic::{Question, Semantic};
use crate::service::{Actor, Recalled, Service, ServiceError};

/// What came of requests whose answers may be kept, since this process began.
#[derive(Debug, Default)]
pub(super) struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    tokens_saved: AtomicU64,
}

/// How the cache does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStanding {
    /// What is kept.
    pub kept: KeptFigures,
    /// Answers that were served from it.
    pub hits: u64,
    /// Requests that found none.
    pub misses: u64,
    /// Tokens that did not have to be made again.
    pub tokens_saved: u64,
}

impl Service {
    /// Returns an answer that is kept: to exactly this, else to a similar question.
    pub async fn recall_answer(
        &self,
        key: &CacheKey,
        question: Option<(&Arc<Semantic>, Question)>,
    ) -> Result<Recalled, ServiceError> {
        let kept = self.store.kept_answer(key, self.now()).await?;
        let recalled = match (kept, question) {
            (None, Some((semantic, question))) => self.recall_similar(semantic, question).await?,
            (kept, _) => Recalled { kept, ..Recalled::default() },
        };
        if recalled.kept.is_none() {
            self.cache.misses.fetch_add(1, Ordering::Relaxed);
        }
        Ok(recalled)
    }

    /// Keeps an answer, unless all was purged since it was asked for. `question` is what the
    /// question was `asked` by.
    pub async fn keep_answer(
        &self,
        kept: &KeptAnswer,
        generation: u64,
        question: Option<(&Semantic, [u8; 32])>,
    ) -> Result<(), ServiceError> {
        let vector = question.and_then(|(semantic, asked)| self.found_by(kept, &asked, semantic));
        self.store.keep_answer(kept, vector.as_ref(), generation).await?;
        Ok(())
    }

    /// Forgets answers, everywhere, and returns how many there were here.
    pub async fn purge_answers(
        &self,
        purge: &Purge,
        actor: &Actor,
    ) -> Result<(u64, u64), ServiceError> {
        let change = self.change("cache.purge", actor);
        Ok(self.store.purge_answers(purge, &change).await?)
    }

    /// Forgets answers that are too old.
    pub async fn sweep_answers(&self) -> Result<u64, ServiceError> {
        Ok(self.store.sweep_answers(self.now()).await?)
    }

    /// Returns how the cache does.
    pub async fn cache_standing(&self) -> Result<CacheStanding, ServiceError> {
        let kept = self.store.kept_figures(self.now()).await?;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(CacheStanding {
            kept,
            hits: count(&self.cache.hits),
            misses: count(&self.cache.misses),
            tokens_saved: count(&self.cache.tokens_saved),
        })
    }

    /// Counts what records say of the cache.
    pub(super) fn count_served(&self, records: &[LedgerRecord]) {
        for record in records.iter().filter(|record| record.cached) {
            self.cache.hits.fetch_add(1, Ordering::Relaxed);
            self.cache.tokens_saved.fetch_add(record.tokens.total, Ordering::Relaxed);
        }
    }
}

/// The counters of one process.
pub(super) type Shared = Arc<Counters>;
