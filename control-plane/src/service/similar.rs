//! Kept answers that serve for similar questions.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use crate::domain::kept::{KeptAnswer, KeptVector};
use crate::domain::{
    Endpoint, LedgerRecord, RecordId, Report, Similarity, Timestamp, UsageSource, Vector,
};
use crate::outbound::embedding::Embedded;
use crate::outbound::{self, Reach};
use crate::semantic::{Question, Semantic};
use crate::service::{Service, ServiceError};

mod remembered;

use remembered::{Known, Remembered};

/// What this process knows of questions and of those that it asks about them.
#[derive(Debug)]
pub(super) struct Similar {
    remembered: Mutex<Remembered>,
    /// So many questions are put to the embedding model at once.
    room: Arc<Semaphore>,
    /// Failures since the last success.
    failures: AtomicU32,
    /// Until when nothing is asked, in microseconds.
    paused_until: AtomicI64,
    hits: AtomicU64,
    asked: AtomicU64,
    failed: AtomicU64,
}

/// What is kept for a question.
#[derive(Debug, Default)]
pub struct Recalled {
    /// The answer. `None`: there is none.
    pub kept: Option<KeptAnswer>,
    /// How similar the question was to which it is the answer. `None`: it was the same.
    pub similarity: Option<Similarity>,
    /// What [`Service::keep_answer`] knows the question by.
    pub asked: Option<[u8; 32]>,
}

/// How it goes with similar questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimilarFigures {
    /// Answers that were served for similar questions.
    pub hits: u64,
    /// Questions that were put to the embedding model.
    pub asked: u64,
    /// Those of them that failed.
    pub failed: u64,
}

impl Service {
    /// Finds the answer to the most similar question of the same context, as far as it is similar
    /// enough. What fails or takes too long finds nothing.
    pub(super) async fn recall_similar(
        &self,
        semantic: &Arc<Semantic>,
        question: Question,
    ) -> Result<Recalled, ServiceError> {
        let context = question.context;
        let name = semantic.name_of(&question);
        let known = self.similar.remembered().find(&name).map(|known| known.vector.clone());
        let vector = match known {
            Some(vector) => Some(vector),
            None => self.embedded_in_time(semantic, question, name).await,
        };
        let Some(vector) = vector else { return Ok(Recalled::default()) };
        let (identity, now) = (semantic.identity(), self.now());
        let others = self.store.kept_vectors(&context, &identity, now).await?;
        let compared = others.iter().filter_map(|other| {
            let similarity = other.vector.similarity(&vector)?;
            semantic.suffices(similarity).then_some((similarity, other))
        });
        // The first of equal ones is the newest.
        let best = compared.rev().max_by_key(|(similarity, _)| *similarity);
        let kept = match best {
            None => None,
            Some((_, found)) => self.store.kept_answer(&found.key, now).await?.map(|kept| {
                let expires_at = kept.expires_at.min(found.expires_at);
                KeptAnswer { expires_at, ..kept }
            }),
        };
        let similarity = best.map(|(similarity, _)| similarity).filter(|_| kept.is_some());
        Ok(Recalled { kept, similarity, asked: Some(name) })
    }

    /// Returns what an answer is found by, if its question was put to the embedding model a moment
    /// ago.
    pub(super) fn found_by(
        &self,
        kept: &KeptAnswer,
        asked: &[u8; 32],
        semantic: &Semantic,
    ) -> Option<KeptVector> {
        let remembered = self.similar.remembered();
        let known = remembered.find(asked).filter(|it| it.embedding == semantic.identity())?;
        Some(KeptVector {
            key: kept.key,
            context: known.context,
            embedding: known.embedding.clone(),
            vector: Vector::clone(&known.vector),
            expires_at: kept.expires_at.min(kept.created_at.plus_micros(semantic.ttl_us())),
        })
    }

    /// Counts answers that were served for similar questions.
    pub fn count_similar(&self, hits: u64) {
        self.similar.hits.fetch_add(hits, Ordering::Relaxed);
    }

    /// Returns how it goes with similar questions.
    pub fn similar_figures(&self) -> SimilarFigures {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Similar { hits, asked, failed, .. } = &*self.similar;
        SimilarFigures { hits: count(hits), asked: count(asked), failed: count(failed) }
    }

    /// Asks the embedding model. What comes too late for this request is remembered for when its
    /// answer is kept.
    async fn embedded_in_time(
        &self,
        semantic: &Arc<Semantic>,
        question: Question,
        name: [u8; 32],
    ) -> Option<Arc<Vector>> {
        let permit = self.similar.permit(self.now())?;
        let (service, timeout) = (self.clone(), semantic.timeout());
        let semantic = Arc::clone(semantic);
        let call = tokio::spawn(async move {
            let vector = service.embed(&semantic, question, name).await;
            drop(permit);
            vector
        });
        tokio::time::timeout(timeout, call).await.ok()?.ok()?
    }

    async fn embed(
        &self,
        semantic: &Semantic,
        question: Question,
        name: [u8; 32],
    ) -> Option<Arc<Vector>> {
        let started_at = self.now();
        let Question { context, text } = question;
        let url = &semantic.provider.base_url;
        let answer = outbound::send(url, semantic.ask(&text), Reach::Private).await;
        let embedded = match &answer {
            Ok(reply) if reply.status == 200 => semantic.read(&reply.body),
            Ok(_) | Err(_) => Embedded::default(),
        };
        if answer.is_ok_and(|reply| reply.status == 200) {
            let (tokens, source) = semantic.used(&embedded, &text);
            let cost = semantic.price.as_ref().map(|price| price.cost(&tokens));
            let record = LedgerRecord {
                started_at,
                tokens,
                usage_source: source,
                cost: cost.unwrap_or(NanoDollars::ZERO),
                ..self.blank_record(semantic)
            };
            self.enter(record).await;
        }
        let vector = embedded.vector.map(Arc::new);
        self.similar.note(vector.is_some(), self.now(), &semantic.model);
        let known =
            vector.clone().map(|vector| Known { context, embedding: semantic.identity(), vector });
        if let Some(known) = known {
            self.similar.remembered().remember(name, known);
        }
        vector
    }

    /// The gateway asks for itself: no key's budget pays, and the ledger says who was paid. The
    /// record is the master's, and nobody's where there is none.
    fn blank_record(&self, semantic: &Semantic) -> LedgerRecord {
        let mut id = [0; 24];
        self.entropy.fill(&mut id);
        let now = self.now();
        LedgerRecord {
            id: RecordId::new(id),
            key_hash: self.master.unwrap_or_else(|| KeyHash::of(b"")),
            started_at: now,
            first_byte_at: Some(now),
            ended_at: now,
            endpoint: Endpoint::Embeddings,
            model: semantic.model.clone(),
            provider: Some(semantic.provider.id.clone()),
            provider_model: Some(semantic.target.clone()),
            provider_response_id: None,
            status: 200,
            streamed: false,
            aborted: false,
            tokens: TokenUsage::default(),
            usage_source: UsageSource::None,
            cost: NanoDollars::ZERO,
            unpriced: semantic.price.is_none(),
            end_user: None,
            tags: vec![TAG.to_owned()],
            error_code: None,
            debits: Vec::new(),
            account: Some(semantic.account.clone()).filter(|account| !account.is_empty()),
            attempt: 0,
            first_attempt: None,
            cached: false,
            units: None,
        }
    }

    async fn enter(&self, record: LedgerRecord) {
        let report = Report { records: vec![record], ..Report::default() };
        if let Err(error) = self.report(report).await {
            let error = crate::telemetry::chain(&error);
            tracing::error!(error, "what an embedding cost is not in the ledger");
        }
    }
}

impl Similar {
    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        // Nothing that is done under it leaves it half done.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one ask, unless many are asking or the last ones failed.
    fn permit(&self, now: Timestamp) -> Option<OwnedSemaphorePermit> {
        if now.as_micros() < self.paused_until.load(Ordering::Relaxed) {
            return None;
        }
        let permit = Arc::clone(&self.room).try_acquire_owned().ok()?;
        self.asked.fetch_add(1, Ordering::Relaxed);
        Some(permit)
    }

    /// Notes what came of asking. While nothing comes of it, requests are not kept waiting.
    fn note(&self, worked: bool, now: Timestamp, model: &str) {
        if worked {
            self.failures.store(0, Ordering::Relaxed);
            return;
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures >= FAILURES_BEFORE_PAUSE {
            self.paused_until.store(now.plus_micros(PAUSE_US).as_micros(), Ordering::Relaxed);
        }
        if failures == 1 {
            tracing::warn!(model.name = model, "no embeddings: similar questions are not found");
        }
    }
}

impl Default for Similar {
    fn default() -> Self {
        Self {
            remembered: Mutex::default(),
            room: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            failures: AtomicU32::new(0),
            paused_until: AtomicI64::new(0),
            hits: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }
}

/// What one process knows.
pub(super) type Shared = Arc<Similar>;

/// Tag of what the gateway asks embedding models for itself.
const TAG: &str = "tollgate:semantic-cache";
const MOST_AT_ONCE: usize = 64;
const FAILURES_BEFORE_PAUSE: u32 = 3;
const PAUSE_US: i64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_fails_again_and_again_is_left_alone_for_a_while() {
        let similar = Similar::default();
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        for _ in 0..3 {
            assert!(similar.permit(at(1)).is_some());
            similar.note(false, at(1), "m");
        }

        assert!(similar.permit(at(10)).is_none());
        assert!(similar.permit(at(11)).is_some());
        similar.note(true, at(11), "m");
        similar.note(false, at(12), "m");
        assert!(similar.permit(at(12)).is_some());
    }
}
