//! Work that a provider does after it has answered: batches, runs, fine-tuning jobs. What it may
//! cost is reserved before it is asked for; when it is over it is charged, once.

use sha2::{Digest as _, Sha256};
use tollgate_core::money::NanoDollars;
use tollgate_core::price::{Price, TokenUsage};

use crate::domain::{
    Debit, Dimension, Endpoint, HolderId, LedgerRecord, Place, RecordId, Resource, ResourceKind,
    Timestamp, UsageSource,
};

/// What work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkKind {
    /// A batch of requests.
    Batch,
    /// A run of a thread.
    Run,
    /// A job that makes a model.
    Job,
}

/// What was reserved for work, and what follows when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// Holds what is reserved, as a filter's worker would. It never vanishes by silence.
    pub id: HolderId,
    /// When it was made.
    pub made_at: Timestamp,
    /// What follows.
    pub terms: Terms,
}

/// What work is charged by, as it was when it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What it is.
    pub kind: WorkKind,
    /// Who was to do it.
    pub place: Place,
    /// Public name of the model. Empty: it is not known.
    pub model: String,
    /// The provider's name of it.
    pub provider_model: String,
    /// What it costs. `None`: not known.
    pub price: Option<Price>,
    /// The most that it was expected to use. `None`: nobody knows.
    pub worst: Option<Worst>,
    /// Who is served in the end.
    pub customer: Option<String>,
    /// What is counted on when it is over, and in which dimension.
    pub meters: Vec<(u64, Dimension)>,
    /// The client's file, and the copy of it that the provider was given instead.
    pub files: Option<(String, String)>,
}

/// The most that work uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worst {
    /// Tokens of input.
    pub input: u64,
    /// Tokens of output.
    pub output: u64,
    /// What they cost.
    pub cost: NanoDollars,
}

/// What work has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// As the provider says.
    Said(TokenUsage, NanoDollars),
    /// Nobody says any more: what was expected at most counts.
    Unknown,
}

impl WorkKind {
    /// Returns what an object is as work. `None`: it is none.
    pub fn of(kind: ResourceKind) -> Option<Self> {
        match kind {
            ResourceKind::Batch => Some(Self::Batch),
            ResourceKind::Run => Some(Self::Run),
            ResourceKind::FineTuningJob => Some(Self::Job),
            ResourceKind::File
            | ResourceKind::Assistant
            | ResourceKind::Thread
            | ResourceKind::VectorStore
            | ResourceKind::FileBatch
            | ResourceKind::Response => None,
        }
    }

    /// Returns its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Run => "run",
            Self::Job => "job",
        }
    }

    /// Finds one by its name in the database.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Batch, Self::Run, Self::Job].into_iter().find(|kind| kind.name() == name)
    }

    /// Tells whether work is over when the provider calls it so.
    pub fn is_over(self, status: &str) -> bool {
        let goes_on = match self {
            Self::Batch => &["validating", "in_progress", "finalizing", "cancelling"],
            Self::Run => &["queued", "in_progress", "requires_action", "cancelling"],
            Self::Job => &["validating_files", "queued", "running", "paused"],
        };
        !goes_on.contains(&status)
    }

    /// Returns when nobody asks about it any more: no provider lets it last longer.
    pub fn given_up(self, made_at: Timestamp) -> Timestamp {
        let days = match self {
            // They expire after ten minutes.
            Self::Run => 1,
            // They expire after a day.
            Self::Batch => 8,
            Self::Job => 60,
        };
        made_at.plus_micros(days * 86_400 * SECOND)
    }

    fn endpoint(self) -> Endpoint {
        match self {
            Self::Batch => Endpoint::Batches,
            Self::Run => Endpoint::Runs,
            Self::Job => Endpoint::FineTuning,
        }
    }
}

impl Worst {
    /// Returns what it takes of a dimension. `None`: nothing, these count requests.
    pub fn of(&self, dimension: Dimension) -> Option<i64> {
        let units = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        match dimension {
            Dimension::Money => Some(self.cost.0),
            Dimension::Tokens => Some(units(self.input.saturating_add(self.output))),
            Dimension::InputTokens => Some(units(self.input)),
            Dimension::OutputTokens => Some(units(self.output)),
            Dimension::Requests | Dimension::Parallel => None,
        }
    }
}

impl Commitment {
    /// Makes the record of work that is over. It has always the same id.
    pub fn record(&self, of: &Resource, used: Used, now: Timestamp) -> LedgerRecord {
        let Terms { price, worst, .. } = &self.terms;
        let (tokens, cost, usage_source) = match used {
            Used::Said(tokens, cost) => (tokens, cost, UsageSource::Provider),
            Used::Unknown => {
                let Worst { input, output, cost } = worst.unwrap_or_default();
                let total = input.saturating_add(output);
                let tokens = TokenUsage { input, output, total, ..TokenUsage::default() };
                (tokens, cost, UsageSource::Presumed)
            }
        };
        let taken = Worst { input: tokens.input, output: tokens.output, cost };
        let debits = self.terms.meters.iter().filter_map(|(meter, dimension)| {
            let amount = taken.of(*dimension).filter(|amount| *amount > 0)?;
            Some(Debit { meter: *meter, amount })
        });
        LedgerRecord {
            id: record_id(of),
            key_hash: of.key_hash,
            started_at: self.made_at,
            first_byte_at: None,
            ended_at: now,
            endpoint: self.terms.kind.endpoint(),
            model: self.terms.model.clone(),
            provider: Some(of.place.provider.clone()),
            provider_model: Some(self.terms.provider_model.clone()),
            provider_response_id: Some(of.id.clone()),
            status: 200,
            streamed: false,
            aborted: false,
            tokens,
            usage_source,
            cost,
            unpriced: price.is_none(),
            end_user: self.terms.customer.clone(),
            tags: of.tags.clone(),
            error_code: None,
            debits: debits.collect(),
            account: Some(of.place.account.clone()).filter(|account| !account.is_empty()),
            attempt: 0,
            first_attempt: None,
            cached: false,
            units: None,
        }
    }
}

/// Returns when work is asked about again that was asked about so often.
pub fn asked_again(tries: u64, now: Timestamp) -> Timestamp {
    let pause = FIRST_PAUSE << tries.min(MOST_DOUBLED);
    now.plus_micros(pause.min(LONGEST_PAUSE))
}

/// One object, one record: whoever settles it, and however often.
fn record_id(of: &Resource) -> RecordId {
    let mut hash = Sha256::new();
    let parts = ["work", of.kind.name(), &of.place.provider, &of.place.account, &of.id];
    let made = of.created_at.as_micros().to_be_bytes();
    for part in parts.map(str::as_bytes).into_iter().chain([&made[..]]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0; 24];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    RecordId::from_array(id)
}

const SECOND: i64 = 1_000_000;
const FIRST_PAUSE: i64 = SECOND;
const LONGEST_PAUSE: i64 = 120 * SECOND;
const MOST_DOUBLED: u64 = 8;
/// What was reserved for work that no provider has taken, as far as anybody knows, is given back
/// after this time: longer than a provider may take to answer.
pub const ABANDONED_AFTER: i64 = 900 * SECOND;

#[cfg(test)]
mod tests {
    use tollgate_core::key::KeyHash;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * SECOND)
    }

    fn commitment() -> Commitment {
        let terms = Terms {
            kind: WorkKind::Batch,
            place: Place::default(),
            model: "m".into(),
            provider_model: "pm".into(),
            price: Some(Price::default()),
            worst: Some(Worst { input: 100, output: 50, cost: NanoDollars(7_000) }),
            customer: Some("c".into()),
            meters: vec![(1, Dimension::Money), (2, Dimension::Tokens), (3, Dimension::Requests)],
            files: None,
        };
        Commitment { id: HolderId::from_bytes(&[1; 16]).unwrap(), made_at: at(1), terms }
    }

    fn batch() -> Resource {
        Resource {
            id: "batch_1".into(),
            kind: ResourceKind::Batch,
            place: Place { provider: "p".into(), account: String::new() },
            tenant: "team:t".into(),
            key_hash: KeyHash::of(b"k"),
            model: String::new(),
            purpose: String::new(),
            tags: vec!["x".into()],
            body: "{}".into(),
            created_at: at(2),
            deleted_at: None,
            commitment: None,
        }
    }

    #[test]
    fn work_has_one_record_whoever_makes_it() {
        let tokens = TokenUsage { input: 10, output: 5, total: 15, ..TokenUsage::default() };
        let used = Used::Said(tokens, NanoDollars(900));

        let first = commitment().record(&batch(), used, at(9));
        let again = commitment().record(&batch(), Used::Unknown, at(99));
        let other = Resource { id: "batch_2".into(), ..batch() };
        let other = commitment().record(&other, used, at(9));

        assert_eq!(first.id, again.id);
        assert_ne!(first.id, other.id);
        assert_eq!(first.cost, NanoDollars(900));
        let debits: Vec<(u64, i64)> = first.debits.iter().map(|it| (it.meter, it.amount)).collect();
        assert_eq!(debits, [(1, 900), (2, 15)]);
    }

    #[test]
    fn what_nobody_says_any_more_counts_at_its_worst() {
        let record = commitment().record(&batch(), Used::Unknown, at(9));

        assert_eq!((record.cost, record.usage_source), (NanoDollars(7_000), UsageSource::Presumed));
        assert_eq!(record.tokens.total, 150);
    }

    #[test]
    fn pauses_grow_up_to_two_minutes() {
        let pause = |tries| asked_again(tries, at(0)).as_micros() / SECOND;

        assert_eq!([0, 1, 2, 6, 7, 63, 64, 9_999].map(pause), [1, 2, 4, 64, 120, 120, 120, 120]);
    }

    #[test]
    fn what_goes_on_is_not_over() {
        assert!(!WorkKind::Batch.is_over("finalizing") && WorkKind::Batch.is_over("expired"));
        assert!(!WorkKind::Run.is_over("requires_action"));
        assert!(WorkKind::Run.is_over("incomplete"));
        assert!(WorkKind::Job.is_over("succeeded"));
        for kind in [WorkKind::Batch, WorkKind::Run, WorkKind::Job] {
            assert_eq!(WorkKind::named(kind.name()), Some(kind));
        }
    }
}
