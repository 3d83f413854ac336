//! The ledger, added up by day in the transaction that adds to it.

use std::collections::BTreeMap;
use std::ops::Range;

use sqlx::SqlSafeStr;
use tollgate_core::money::NanoDollars;

use crate::domain::{LedgerRecord, Scope, Timestamp};
use crate::store::database::SqlStore;
use crate::store::driver::{Driver, Value};
use crate::store::rows::Fields;
use crate::store::{StoreError, sql};

/// Sums over records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// What they cost.
    pub cost: NanoDollars,
    /// Tokens in.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Tokens, as providers sum them.
    pub total: u64,
    /// Of those in, read from a provider's cache.
    pub cached_input: u64,
    /// Of those in, written to a provider's cache.
    pub cache_write: u64,
    /// Requests, however many attempts each took.
    pub requests: u64,
    /// Attempts, each a record of the ledger.
    pub attempts: u64,
    /// Attempts that ended without an error: at most one of each request.
    pub succeeded: u64,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.cost = self.cost.saturating_add(other.cost);
        for (sum, more) in self.numbers().into_iter().zip({ *other }.numbers()) {
            *sum = sum.saturating_add(*more);
        }
    }

    /// Takes others away, which are part of it.
    pub(super) fn take(&mut self, other: &Self) {
        self.cost = NanoDollars(self.cost.0.saturating_sub(other.cost.0));
        for (sum, less) in self.numbers().into_iter().zip({ *other }.numbers()) {
            *sum = sum.saturating_sub(*less);
        }
    }

    /// All but the cost.
    fn numbers(&mut self) -> [&mut u64; 8] {
        [
            &mut self.input,
            &mut self.output,
            &mut self.total,
            &mut self.cached_input,
            &mut self.cache_write,
            &mut self.requests,
            &mut self.attempts,
            &mut self.succeeded,
        ]
    }

    fn of(record: &LedgerRecord) -> Self {
        let tokens = &record.tokens;
        Self {
            cost: record.cost,
            input: tokens.input,
            output: tokens.output,
            total: tokens.total,
            cached_input: tokens.cached_input,
            cache_write: tokens.cache_write,
            requests: u64::from(record.first_attempt.is_none()),
            attempts: 1,
            succeeded: u64::from(record.error_code.is_none()),
        }
    }
}

/// Whom a record's key belonged to when it arrived.
#[derive(Debug, Default)]
pub(super) struct Owners {
    pub(super) user: Option<String>,
    pub(super) team: Option<String>,
    pub(super) organization: Option<String>,
}

impl Owners {
    /// Reads whom a ledger record belongs to.
    pub(super) fn of<D: Driver>(row: &Fields<'_, D>) -> Result<Self, StoreError> {
        Ok(Self {
            user: row.maybe_text("user_id")?,
            team: row.maybe_text("team_id")?,
            organization: row.maybe_text("organization_id")?,
        })
    }
}

/// What tells sums apart. Nobody is ''.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    scope: &'static str,
    day: i64,
    owner: String,
    key: String,
    user: String,
    team: String,
    organization: String,
    model: String,
    provider: String,
    provider_model: String,
}

impl Place {
    fn of(scope: &'static str, record: &LedgerRecord) -> Self {
        Self {
            scope,
            day: record.started_at.day(),
            model: record.model.clone(),
            provider: record.provider.clone().unwrap_or_default(),
            provider_model: record.provider_model.clone().unwrap_or_default(),
            ..Self::default()
        }
    }

    fn owned(scope: Scope, owner: &str, record: &LedgerRecord) -> Self {
        let (owner, key) = (owner.to_owned(), record.key_hash.to_hex());
        Self { owner, key, ..Self::of(scope.as_str(), record) }
    }
}

/// What a batch of records adds to which days.
#[derive(Default)]
pub(super) struct Days(BTreeMap<Place, Counts>);

impl Days {
    /// Adds a record that is new in the ledger.
    pub(super) fn add(&mut self, record: &LedgerRecord, owners: Owners) {
        self.put(Place::of(ALL, record), record);
        let place = Place {
            user: owners.user.unwrap_or_default(),
            team: owners.team.unwrap_or_default(),
            organization: owners.organization.unwrap_or_default(),
            ..Place::owned(Scope::Key, "", record)
        };
        self.put(place, record);
        if let Some(customer) = &record.end_user {
            self.put(Place::owned(Scope::Customer, customer, record), record);
        }
        self.add_tags(record);
    }

    fn add_tags(&mut self, record: &LedgerRecord) {
        for (at, tag) in record.tags.iter().enumerate() {
            if !record.tags.iter().take(at).any(|earlier| earlier == tag) {
                self.put(Place::owned(Scope::Tag, tag, record), record);
            }
        }
    }

    fn put(&mut self, place: Place, record: &LedgerRecord) {
        self.0.entry(place).or_default().add(&Counts::of(record));
    }
}

impl<D: Driver> SqlStore<D> {
    /// Adds to days.
    pub(super) async fn add_days(&self, tx: &mut D::Tx, days: Days) -> Result<(), StoreError> {
        let days: Vec<(Place, Counts)> = days.0.into_iter().collect();
        for (piece, statement) in self.batches.days.filled(&days) {
            D::run(tx, statement, piece.flat_map(values).collect()).await?;
        }
        Ok(())
    }

    /// Adds up what was in the ledger before days were added up, one day after the other, so that
    /// other control planes wait for a day at most. The oldest comes last: once it is there, so
    /// is all.
    pub(super) async fn add_up_days(&self) -> Result<(), StoreError> {
        let missing = self.driver.read(sql::daily::OLDEST_IS_MISSING.into_sql_str(), Vec::new());
        if missing.await?.is_empty() {
            return Ok(());
        }
        let rows = self.driver.read(sql::daily::MISSING.into_sql_str(), Vec::new()).await?;
        tracing::info!(days = rows.len(), "adding up the ledger by day, for once");
        for row in &rows {
            let day = Fields::<D>(row).int("day")?;
            let mut tx = self.driver.begin().await?;
            // Another control plane may have done it meanwhile: what is there is taken out first.
            self.rebuild_days(&mut tx, day..day + 1).await?;
            D::commit(tx).await?;
        }
        Ok(())
    }

    /// Adds up days anew.
    pub(super) async fn rebuild_days(
        &self,
        tx: &mut D::Tx,
        days: Range<i64>,
    ) -> Result<(), StoreError> {
        let args = vec![days.start.into(), days.end.into()];
        D::run(tx, sql::daily::FORGET.into_sql_str(), args).await?;
        let (from, until) = (days.start * Timestamp::A_DAY, days.end * Timestamp::A_DAY);
        for statement in sql::daily::ADD_UP {
            D::run(tx, statement.into_sql_str(), vec![from.into(), until.into()]).await?;
        }
        let mut last = String::new();
        loop {
            let args = vec![from.into(), until.into(), last.as_str().into()];
            let rows = D::run(tx, sql::daily::TAGGED.into_sql_str(), args).await?;
            let Some(row) = rows.last() else { return Ok(()) };
            last = Fields::<D>(row).text("id")?;
            let mut days = Days::default();
            for row in &rows {
                days.add_tags(&Fields::<D>(row).ledger_record()?);
            }
            self.add_days(tx, days).await?;
        }
    }
}

fn values((place, counts): &(Place, Counts)) -> [Value; sql::daily::DAILY_VALUES] {
    [
        place.scope.into(),
        place.day.into(),
        place.owner.as_str().into(),
        place.key.as_str().into(),
        place.user.as_str().into(),
        place.team.as_str().into(),
        place.organization.as_str().into(),
        place.model.as_str().into(),
        place.provider.as_str().into(),
        place.provider_model.as_str().into(),
        counts.cost.0.into(),
        counts.input.into(),
        counts.output.into(),
        counts.total.into(),
        counts.cached_input.into(),
        counts.cache_write.into(),
        counts.requests.into(),
        counts.attempts.into(),
        counts.succeeded.into(),
    ]
}

/// The scope of everything, whoever made it.
pub(super) const ALL: &str = "all";
