//! Proofs: totals are what the ledger says, or every difference is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use sqlx::SqlSafeStr;

use crate::domain::reconciliation::Presumed;
use crate::domain::{HolderId, LedgerRecord, RecordId, Scope, Timestamp};
use crate::store::database::{self, SqlStore};
use crate::store::driver::Driver;
use crate::store::news::{changes_of, moves_of};
use crate::store::rows::Fields;
use crate::store::{Store, StoreError, sql};

/// Proves totals, and repairs them.
#[async_trait]
pub trait Proofs: Store {
    /// Returns every total that is not what the ledger says, as of one moment.
    async fn verify(&self) -> Result<Vec<Difference>, StoreError>;

    /// Returns those records that are not in the ledger.
    async fn unrecorded(&self, ids: &[RecordId]) -> Result<Vec<RecordId>, StoreError>;

    /// Returns what is presumed of holders that vanished.
    async fn presumed(&self) -> Result<Vec<Presumed>, StoreError>;

    /// Puts records in the place of what was presumed of a holder. Their debits are what was
    /// presumed, and are not counted again.
    async fn reconcile(
        &self,
        holder: HolderId,
        records: &[LedgerRecord],
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Takes back what was presumed of a holder: it was not used.
    async fn release(&self, holder: HolderId, now: Timestamp) -> Result<(), StoreError>;

    /// Makes every total what the ledger says, in one transaction, and returns what it changed.
    async fn rebuild(&self) -> Result<Vec<Difference>, StoreError>;
}

/// A total that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What was added up.
    pub total: Total,
    /// Of what: the hash of a key, the id of an entity or a meter.
    pub id: String,
    /// The figure that is stored.
    pub stored: i64,
    /// The figure that the ledger proves.
    pub proven: i64,
}

/// What is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// What one of this kind spent.
    Spend(Scope),
    /// What is out of a meter in leases.
    Granted,
    /// What was used of a meter that has no window.
    Used,
    /// What all requests of a day cost.
    Day,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, id, stored, proven } = self;
        match total {
            Total::Spend(kind) => write!(f, "spend of {} ", kind.as_str())?,
            Total::Granted => f.write_str("units granted of meter ")?,
            Total::Used => f.write_str("units used of meter ")?,
            Total::Day => f.write_str("spend of day ")?,
        }
        write!(f, "{id}: {stored} stored, {proven} proven")
    }
}

#[async_trait]
impl<D: Driver> Proofs for SqlStore<D> {
    async fn verify(&self) -> Result<Vec<Difference>, StoreError> {
        let mut tx = self.driver.snapshot().await?;
        differences::<D>(&mut tx).await
    }

    async fn unrecorded(&self, ids: &[RecordId]) -> Result<Vec<RecordId>, StoreError> {
        let mut tx = self.driver.snapshot().await?;
        let mut missing = Vec::new();
        for id in ids {
            let args = vec![id.to_hex().into()];
            let known = D::run(&mut tx, sql::proofs::RECORD.into_sql_str(), args).await?;
            missing.extend(known.is_empty().then_some(*id));
        }
        Ok(missing)
    }

    async fn presumed(&self) -> Result<Vec<Presumed>, StoreError> {
        let rows = self.driver.read(sql::proofs::PRESUMED.into_sql_str(), Vec::new()).await?;
        let read = |row| {
            let row = Fields::<D>(row);
            let (holder, amount) = (row.holder()?, row.int("presumed_amount")?);
            let at = Timestamp::from_micros(row.int("presumed_us")?);
            Ok(Presumed { meter: row.meter()?, holder, amount, at })
        };
        rows.iter().map(read).collect()
    }

    async fn reconcile(
        &self,
        holder: HolderId,
        records: &[LedgerRecord],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.driver.begin().await?;
        let records = self.renewed(&mut tx, records).await?;
        let added = self.add_usage(&mut tx, &records).await?;
        let revision = database::next_revision::<D>(&mut tx).await?;
        let news = changes_of(&added.exhausted, revision);
        self.resolve_presumed(&mut tx, holder, "reconciled", now).await?;
        self.commit(tx, &news).await
    }

    async fn release(&self, holder: HolderId, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.driver.begin().await?;
        let freed = self.release_presumed(&mut tx, holder, now).await?;
        self.resolve_presumed(&mut tx, holder, "released", now).await?;
        self.commit(tx, &moves_of(&[], &freed)).await
    }

    async fn rebuild(&self) -> Result<Vec<Difference>, StoreError> {
        let mut tx = self.driver.begin().await?;
        let differences = differences::<D>(&mut tx).await?;
        for Difference { total, id, proven, .. } in &differences {
            let (name, proven) = (id.as_str().into(), (*proven).into());
            let (statement, args) = match total {
                Total::Day => {
                    let wrong = |_| StoreError::Inconsistent { column: "day", row: id.clone() };
                    let day: i64 = id.parse().map_err(wrong)?;
                    self.rebuild_days(&mut tx, day..day + 1).await?;
                    continue;
                }
                Total::Spend(Scope::Key) => (sql::proofs::SET_KEY, vec![name, proven]),
                Total::Spend(kind) => {
                    (sql::proofs::SET_ENTITY, vec![kind.as_str().into(), name, proven])
                }
                Total::Granted => (sql::proofs::SET_GRANTED, vec![name, proven]),
                Total::Used => (sql::proofs::SET_USED, vec![name, proven]),
            };
            D::run(&mut tx, statement.into_sql_str(), args).await?;
        }
        D::commit(tx).await?;
        Ok(differences)
    }
}

async fn differences<D: Driver>(tx: &mut D::Tx) -> Result<Vec<Difference>, StoreError> {
    let mut differences = Vec::new();
    for (total, statement) in [
        (Total::Spend(Scope::Key), sql::proofs::KEYS),
        (Total::Spend(Scope::User), sql::proofs::USERS),
        (Total::Spend(Scope::Team), sql::proofs::TEAMS),
        (Total::Spend(Scope::TeamMember), sql::proofs::TEAM_MEMBERS),
        (Total::Spend(Scope::Organization), sql::proofs::ORGANIZATIONS),
        (Total::Spend(Scope::Customer), sql::proofs::CUSTOMERS),
        (Total::Granted, sql::proofs::GRANTED),
        (Total::Day, sql::proofs::DAYS),
    ] {
        for row in D::run(tx, statement.into_sql_str(), Vec::new()).await? {
            let row = Fields::<D>(&row);
            let (id, stored, proven) = (row.text("id")?, row.int("stored")?, row.int("proven")?);
            differences.push(Difference { total, id, stored, proven });
        }
    }
    differences.extend(spent_by_tags::<D>(tx).await?);
    differences.extend(used::<D>(tx).await?);
    Ok(differences)
}

async fn spent_by_tags<D: Driver>(tx: &mut D::Tx) -> Result<Vec<Difference>, StoreError> {
    let rows = D::run(tx, sql::proofs::TAGS.into_sql_str(), Vec::new()).await?;
    let mut tags = BTreeMap::<String, Tag>::new();
    for row in &rows {
        let row = Fields::<D>(row);
        let (stored, proven) = (row.int("stored")?, row.int("opening")?);
        tags.insert(row.text("id")?, Tag { since: row.int("since_revision")?, stored, proven });
    }
    if !tags.is_empty() {
        each_record::<D>(tx, sql::proofs::TAGGED, |row| add_tagged(&mut tags, row)).await?;
    }
    let differ = tags.into_iter().filter(|(_, tag)| tag.stored != tag.proven);
    let named = differ.map(|(id, Tag { stored, proven, .. })| {
        let total = Total::Spend(Scope::Tag);
        Difference { total, id, stored, proven }
    });
    Ok(named.collect())
}

/// What a tag spent, and from which revision on records count.
struct Tag {
    since: i64,
    stored: i64,
    proven: i64,
}

fn add_tagged<D: Driver>(
    tags: &mut BTreeMap<String, Tag>,
    row: &Fields<'_, D>,
) -> Result<(), StoreError> {
    let (cost, revision) = (row.int("cost_nanos")?, row.int("revision")?);
    let named: BTreeSet<String> = row.json("tags")?;
    for name in named {
        if let Some(tag) = tags.get_mut(&name).filter(|tag| tag.since <= revision) {
            tag.proven = tag.proven.saturating_add(cost);
        }
    }
    Ok(())
}

async fn used<D: Driver>(tx: &mut D::Tx) -> Result<Vec<Difference>, StoreError> {
    let debits = debits::<D>(tx).await?;
    let mut differences = Vec::new();
    for row in D::run(tx, sql::proofs::USED.into_sql_str(), Vec::new()).await? {
        let row = Fields::<D>(&row);
        let (id, stored) = (row.count("id")?, row.int("stored")?);
        let debited = debits.get(&id).copied().unwrap_or(0);
        let proven = row.int("counted")?.saturating_add(debited);
        if stored != proven {
            let (total, id) = (Total::Used, id.to_string());
            differences.push(Difference { total, id, stored, proven });
        }
    }
    Ok(differences)
}

/// Returns what all records took, by meter.
async fn debits<D: Driver>(tx: &mut D::Tx) -> Result<BTreeMap<u64, i64>, StoreError> {
    let mut sums = BTreeMap::<u64, i64>::new();
    each_record::<D>(tx, sql::proofs::DEBITS, |row| {
        for debit in row.debits()? {
            let sum = sums.entry(debit.meter).or_default();
            *sum = sum.saturating_add(debit.amount);
        }
        Ok(())
    })
    .await?;
    Ok(sums)
}

/// Visits records in pages: all of them would not fit into memory.
async fn each_record<D: Driver>(
    tx: &mut D::Tx,
    page_after: &'static str,
    mut visit: impl FnMut(&Fields<'_, D>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut last = String::new();
    loop {
        let args = vec![last.as_str().into()];
        let rows = D::run(tx, page_after.into_sql_str(), args).await?;
        let Some(row) = rows.last() else { return Ok(()) };
        last = Fields::<D>(row).text("id")?;
        for row in &rows {
            visit(&Fields::<D>(row))?;
        }
    }
}
