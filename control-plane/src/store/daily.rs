//! The ledger, added up by day in the transaction that adds to it.

use std::collections::BTreeMap;
use std::ops::Range;

use sqlx::SqlSafeStr;
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::{LedgerRecord, Scope, Timestamp};
use crate::store::database::SqlStore;
use crate::store::driver::{Driver, Value};
use crate::store::rows::Fields;
use crate::store::{StoreError, sql};

/// Which days to read, of whom, and told apart by what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DailyQuery {
    /// Of those of a kind. `None`: of all requests, whoever made them.
    pub scope: Option<Scope>,
    /// Of these only.
    pub owners: Option<Vec<String>>,
    /// Not of these.
    pub without: Vec<String>,
    /// Of these keys only.
    pub keys: Option<Vec<KeyHash>>,
    /// For this model only, by public name.
    pub model: Option<String>,
    /// First day, since the epoch.
    pub from: Option<i64>,
    /// Last day.
    pub until: Option<i64>,
    /// Tell owners apart.
    pub by_owner: bool,
    /// Tell keys apart.
    pub by_key: bool,
}

/// Whom the dearest are looked for among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dearest {
    /// Keys, by their hashes.
    Keys,
    /// Owners.
    Owners,
    /// Models, by public name.
    Models,
}

/// What was used on a day of a model and provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyUsage {
    /// Days since the epoch, UTC.
    pub day: i64,
    /// Whose; empty when owners are not told apart.
    pub owner: String,
    /// With which key. `None`: keys are not told apart.
    pub key: Option<KeyHash>,
    /// The model, as clients asked for it.
    pub model: String,
    /// The provider; empty: none was chosen.
    pub provider: String,
    /// How much.
    pub counts: Counts,
}

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
    /// Attempts that ended without an error: at most one of each request.
    pub succeeded: u64,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.cost = self.cost.saturating_add(other.cost);
        for (sum, more) in [
            (&mut self.input, other.input),
            (&mut self.output, other.output),
            (&mut self.total, other.total),
            (&mut self.cached_input, other.cached_input),
            (&mut self.cache_write, other.cache_write),
            (&mut self.requests, other.requests),
            (&mut self.succeeded, other.succeeded),
        ] {
            *sum = sum.saturating_add(more);
        }
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

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    scope: &'static str,
    day: i64,
    owner: String,
    key: String,
    model: String,
    provider: String,
}

/// What a batch of records adds to which days.
#[derive(Default)]
pub(super) struct Days(BTreeMap<Place, Counts>);

impl Days {
    /// Adds a record that is new in the ledger.
    pub(super) fn add(&mut self, record: &LedgerRecord, owners: Owners) {
        self.put(ALL, String::new(), record);
        self.put(Scope::Key.as_str(), String::new(), record);
        for (scope, owner) in [
            (Scope::User, owners.user),
            (Scope::Team, owners.team),
            (Scope::Organization, owners.organization),
            (Scope::Customer, record.end_user.clone()),
        ] {
            if let Some(owner) = owner {
                self.put(scope.as_str(), owner, record);
            }
        }
        self.add_tags(record);
    }

    fn add_tags(&mut self, record: &LedgerRecord) {
        for (at, tag) in record.tags.iter().enumerate() {
            if !record.tags.iter().take(at).any(|earlier| earlier == tag) {
                self.put(Scope::Tag.as_str(), tag.clone(), record);
            }
        }
    }

    fn put(&mut self, scope: &'static str, owner: String, record: &LedgerRecord) {
        let key = if scope == ALL { String::new() } else { record.key_hash.to_hex() };
        let place = Place {
            scope,
            day: record.started_at.day(),
            owner,
            key,
            model: record.model.clone(),
            provider: record.provider.clone().unwrap_or_default(),
        };
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

    pub(super) async fn dearest_of_days(
        &self,
        query: &DailyQuery,
        among: Dearest,
        limit: u32,
    ) -> Result<Vec<(String, NanoDollars)>, StoreError> {
        let head = sql::daily::dearest(match among {
            Dearest::Keys => "key_hash",
            Dearest::Owners => "owner",
            Dearest::Models => "model",
        });
        let (statement, args) = matching(&head, query, among == Dearest::Keys)
            .then("GROUP BY 1 ORDER BY 2 DESC, 1")
            .page(limit, 0)
            .finish();
        let rows = self.driver.read(statement, args).await?;
        let read = |row| {
            let row = Fields::<D>(row);
            Ok((row.text("name")?, NanoDollars(row.int("cost_nanos")?)))
        };
        rows.iter().map(read).collect()
    }

    pub(super) async fn usage_of_days(
        &self,
        query: &DailyQuery,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        let head = sql::daily::read(query.by_owner, query.by_key);
        let (statement, args) = matching(&head, query, query.by_key)
            .then("GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5")
            .finish();
        let rows = self.driver.read(statement, args).await?;
        rows.iter().map(|row| daily_usage(&Fields::<D>(row))).collect()
    }
}

/// Selects the rows that a query is about; `by_key` says that keys are told apart.
fn matching(head: &str, query: &DailyQuery, by_key: bool) -> sql::Select {
    let keys = query.keys.as_ref();
    let keys: Option<Vec<String>> = keys.map(|keys| keys.iter().map(KeyHash::to_hex).collect());
    // Keys are told apart below every other scope.
    let scope = match query.scope {
        None if by_key || keys.is_some() => Scope::Key.as_str(),
        None => ALL,
        Some(scope) => scope.as_str(),
    };
    sql::Select::new(head)
        .when("scope =", Some(scope))
        .among("owner", query.owners.as_deref())
        .none_of("owner", &query.without)
        .among("key_hash", keys.as_deref())
        .when("model =", query.model.as_deref())
        .when("day >=", query.from)
        .when("day <=", query.until)
}

fn daily_usage<D: Driver>(row: &Fields<'_, D>) -> Result<DailyUsage, StoreError> {
    Ok(DailyUsage {
        day: row.int("day")?,
        owner: row.text("owner")?,
        key: KeyHash::from_hex(&row.text("key_hash")?),
        model: row.text("model")?,
        provider: row.text("provider")?,
        counts: Counts {
            cost: NanoDollars(row.int("cost_nanos")?),
            input: row.count("input_tokens")?,
            output: row.count("output_tokens")?,
            total: row.count("total_tokens")?,
            cached_input: row.count("cached_input_tokens")?,
            cache_write: row.count("cache_write_tokens")?,
            requests: row.count("requests")?,
            succeeded: row.count("succeeded")?,
        },
    })
}

fn values((place, counts): &(Place, Counts)) -> [Value; sql::daily::DAILY_VALUES] {
    [
        place.scope.into(),
        place.day.into(),
        place.owner.as_str().into(),
        place.key.as_str().into(),
        place.model.as_str().into(),
        place.provider.as_str().into(),
        counts.cost.0.into(),
        counts.input.into(),
        counts.output.into(),
        counts.total.into(),
        counts.cached_input.into(),
        counts.cache_write.into(),
        counts.requests.into(),
        counts.succeeded.into(),
    ]
}

/// The scope of everything, whoever made it.
const ALL: &str = "all";
