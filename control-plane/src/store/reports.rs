//! What days say: the sums of the ledger, read for reports.

use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::Scope;
use crate::store::daily::{ALL, Counts};
use crate::store::database::SqlStore;
use crate::store::driver::Driver;
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
    /// For this model only, by the name that clients or that providers use.
    pub model: Option<String>,
    /// First day, since the epoch.
    pub from: Option<i64>,
    /// Last day.
    pub until: Option<i64>,
    /// Tell owners apart.
    pub by_owner: bool,
    /// Tell keys apart.
    pub by_key: bool,
    /// Refuse to return more sums than this.
    pub most: Option<u32>,
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

impl DailyQuery {
    /// The column that says whose sums they are.
    fn owner(&self) -> &'static str {
        match self.scope {
            Some(Scope::User) => "user_id",
            Some(Scope::Team) => "team_id",
            Some(Scope::Organization) => "organization_id",
            None
            | Some(
                Scope::Key
                | Scope::TeamMember
                | Scope::OrganizationMember
                | Scope::Customer
                | Scope::Tag
                | Scope::Provider
                | Scope::Model,
            ) => "owner",
        }
    }

    /// What makes an index of the owners useful.
    fn owned(&self) -> &'static str {
        match self.owner() {
            "user_id" => "user_id <> ''",
            "team_id" => "team_id <> ''",
            "organization_id" => "organization_id <> ''",
            _ => "owner <> ''",
        }
    }

    fn column(&self, of: Dearest) -> &'static str {
        match of {
            Dearest::Keys => "key_hash",
            Dearest::Owners => self.owner(),
            Dearest::Models => "model",
        }
    }
}

impl<D: Driver> SqlStore<D> {
    /// Returns who cost most.
    pub(super) async fn dearest_of_days(
        &self,
        query: &DailyQuery,
        among: Dearest,
        limit: u32,
    ) -> Result<Vec<(String, Counts)>, StoreError> {
        let head = sql::daily::dearest(query.column(among));
        let (statement, args) = matching(&head, query, among == Dearest::Keys)
            .then("GROUP BY 1 ORDER BY cost_nanos DESC, 1")
            .page(limit, 0)
            .finish();
        let rows = self.driver.read(statement, args).await?;
        let read = |row| {
            let row = Fields::<D>(row);
            Ok((row.text("name")?, counts(&row)?))
        };
        rows.iter().map(read).collect()
    }

    /// Returns the sums, told apart as the query says.
    pub(super) async fn usage_of_days(
        &self,
        query: &DailyQuery,
    ) -> Result<Vec<DailyUsage>, StoreError> {
        let head = sql::daily::read(query.by_owner.then(|| query.owner()), query.by_key);
        let select = matching(&head, query, query.by_key)
            .then("GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5");
        let most = query.most.unwrap_or(u32::MAX - 1);
        let (statement, args) = select.page(most + 1, 0).finish();
        let rows = self.driver.read(statement, args).await?;
        check_number(rows.len(), most)?;
        rows.iter().map(|row| daily_usage(&Fields::<D>(row))).collect()
    }

    /// Returns what each of a column cost on each day.
    pub(super) async fn costs_of_days(
        &self,
        query: &DailyQuery,
        of: Dearest,
    ) -> Result<Vec<(i64, String, NanoDollars)>, StoreError> {
        let head = sql::daily::by_day(query.column(of));
        let (statement, args) = matching(&head, query, of == Dearest::Keys)
            .then("GROUP BY 1, 2 ORDER BY 1, 2")
            .page(MOST_SUMS + 1, 0)
            .finish();
        let rows = self.driver.read(statement, args).await?;
        check_number(rows.len(), MOST_SUMS)?;
        let read = |row| {
            let row = Fields::<D>(row);
            Ok((row.int("day")?, row.text("name")?, NanoDollars(row.int("cost_nanos")?)))
        };
        rows.iter().map(read).collect()
    }
}

/// Answers are built in memory: so many sums at most.
pub(super) const MOST_SUMS: u32 = 100_000;

pub(super) fn check_number(rows: usize, most: u32) -> Result<(), StoreError> {
    let fits = u32::try_from(rows).is_ok_and(|rows| rows <= most);
    if fits { Ok(()) } else { Err(StoreError::TooMany { most }) }
}

/// Selects the rows that a query is about; `by_key` says that keys are told apart.
fn matching(head: &str, query: &DailyQuery, by_key: bool) -> sql::Select {
    let keys = query.keys.as_ref();
    let keys: Option<Vec<String>> = keys.map(|keys| keys.iter().map(KeyHash::to_hex).collect());
    let owner = query.owner();
    let scope = match query.scope {
        // Keys are not told apart where all are added up.
        None if !by_key && keys.is_none() => ALL,
        None | Some(Scope::User | Scope::Team | Scope::Organization) => Scope::Key.as_str(),
        Some(scope) => scope.as_str(),
    };
    sql::Select::new(head)
        .when("scope =", Some(scope))
        .none_of(owner, &query.without)
        .fact(query.owned(), query.scope.is_some_and(|scope| scope != Scope::Key))
        .fact("key_hash <> ''", keys.is_some())
        .among(owner, query.owners.as_deref())
        .among("key_hash", keys.as_deref())
        .either(["model", "provider_model"], query.model.as_deref())
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
        counts: counts(row)?,
    })
}

fn counts<D: Driver>(row: &Fields<'_, D>) -> Result<Counts, StoreError> {
    Ok(Counts {
        cost: NanoDollars(row.int("cost_nanos")?),
        input: row.count("input_tokens")?,
        output: row.count("output_tokens")?,
        total: row.count("total_tokens")?,
        cached_input: row.count("cached_input_tokens")?,
        cache_write: row.count("cache_write_tokens")?,
        requests: row.count("requests")?,
        attempts: row.count("attempts")?,
        succeeded: row.count("succeeded")?,
    })
}
