//! Work that providers do after they have answered: what is reserved for it, when it is asked
//! about, and its one record in the end.

use async_trait::async_trait;
use sqlx::SqlSafeStr;

use crate::domain::meter::{Answer, Order, Outlook, Statement};
use crate::domain::{
    Alert, Commitment, Dimension, HolderId, LedgerRecord, Resource, Scope, Terms, Timestamp,
};
use crate::store::database::{self, SqlStore};
use crate::store::driver::Driver;
use crate::store::news::{changes_of, moves_of};
use crate::store::rows::Fields;
use crate::store::{StoreError, alerts, sql};

mod terms;

/// Keeps what is reserved for work, until that is over.
#[async_trait]
pub trait Commitments: Send + Sync {
    /// Reserves all that work needs of some meters, or nothing.
    async fn commit(
        &self,
        commitment: &Commitment,
        needs: &[(u64, i64)],
    ) -> Result<Committed, StoreError>;

    /// Looks a commitment up. `None` when there is none.
    async fn commitment(&self, id: HolderId) -> Result<Option<Commitment>, StoreError>;

    /// Changes the terms of a commitment.
    async fn amend(&self, id: HolderId, terms: &Terms) -> Result<(), StoreError>;

    /// Gives back what is reserved for work that no object is known of. False: there is no such.
    async fn withdraw(&self, id: HolderId, now: Timestamp) -> Result<bool, StoreError>;

    /// Returns some commitments made before a moment that no object is known of.
    async fn abandoned(&self, before: Timestamp) -> Result<Vec<HolderId>, StoreError>;

    /// Returns some of the work that is due by `now`, with how often it was, and puts it off to
    /// `until`: whoever calls asks about it before.
    async fn claim_work(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Resource, u64)>, StoreError>;

    /// Sets when work that is not charged is due.
    async fn put_off(&self, resource: &str, due: Timestamp) -> Result<(), StoreError>;

    /// Charges work that is over, once: its record goes into the ledger, and what is reserved for it
    /// is given back, in one transaction. False: it was charged before.
    async fn settle_work(
        &self,
        resource: &Resource,
        commitment: &Commitment,
        record: &LedgerRecord,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}

/// What came of reserving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// All of it is reserved.
    Made,
    /// A meter has not enough left.
    Short {
        /// Which.
        meter: u64,
        /// What kind of thing it limits.
        scope: Scope,
        /// In which dimension.
        dimension: Dimension,
        /// How it stands.
        answer: Answer,
    },
}

impl Committed {
    /// Tells whether others may give enough back.
    pub fn may_change(&self) -> bool {
        matches!(self, Self::Short { answer, .. } if answer.outlook == Outlook::Wait)
    }
}

#[async_trait]
impl<D: Driver> Commitments for SqlStore<D> {
    async fn commit(
        &self,
        commitment: &Commitment,
        needs: &[(u64, i64)],
    ) -> Result<Committed, StoreError> {
        let now = commitment.made_at;
        let mut tx = self.driver.begin().await?;
        let mut needs = needs.to_vec();
        needs.sort_unstable();
        let meters: Vec<u64> = needs.iter().map(|(meter, _)| *meter).collect();
        let mut book = self.open_book(&mut tx, Some(commitment.id), &meters).await?;
        let before = book.pages.clone();
        for (meter, need) in &needs {
            let Some(page) = book.pages.get_mut(meter).filter(|page| page.row.leases()) else {
                continue;
            };
            let answer = page.report(&says(*meter, *need, now), Order::Next, &[], now);
            // What is held for work comes back when that is over, and never before.
            page.lease.idle = 0;
            if answer.granted >= *need {
                continue;
            }
            let (scope, dimension) = (page.row.spec.scope, page.row.spec.dimension);
            let asked = page.clone();
            book.pages = before;
            book.pages.insert(*meter, asked);
            self.close_book(&mut tx, book, now).await?;
            let recalled = answer.recall.then_some(*meter);
            self.commit(tx, &moves_of(recalled.as_slice(), &[])).await?;
            return Ok(Committed::Short { meter: *meter, scope, dimension, answer });
        }
        let raised = self.close_book(&mut tx, book, now).await?;
        let args = vec![
            commitment.id.to_hex().into(),
            now.as_micros().into(),
            terms::text(&commitment.terms).into(),
        ];
        D::run(&mut tx, sql::commitments::PUT.into_sql_str(), args).await?;
        D::commit(tx).await?;
        alerts::announce(&raised);
        Ok(Committed::Made)
    }

    async fn commitment(&self, id: HolderId) -> Result<Option<Commitment>, StoreError> {
        let args = vec![id.to_hex().into()];
        let rows = self.driver.read(sql::commitments::ONE.into_sql_str(), args).await?;
        let read = |row| {
            let row = Fields::<D>(row);
            let made_at = Timestamp::from_micros(row.int("made_at_us")?);
            let terms = terms::read(&row.text("terms")?).ok_or_else(|| row.broken("terms"))?;
            Ok(Commitment { id, made_at, terms })
        };
        rows.first().map(read).transpose()
    }

    async fn amend(&self, id: HolderId, terms: &Terms) -> Result<(), StoreError> {
        let mut tx = self.driver.begin().await?;
        let args = vec![id.to_hex().into(), terms::text(terms).into()];
        D::run(&mut tx, sql::commitments::AMEND.into_sql_str(), args).await?;
        D::commit(tx).await?;
        Ok(())
    }

    async fn withdraw(&self, id: HolderId, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.driver.begin().await?;
        let args = vec![id.to_hex().into()];
        let forgotten = D::run(&mut tx, sql::commitments::FORGET.into_sql_str(), args).await?;
        if forgotten.is_empty() {
            return Ok(false);
        }
        let (returned, raised) = self.give_back(&mut tx, id, &[], now).await?;
        self.commit(tx, &moves_of(&[], &returned)).await?;
        alerts::announce(&raised);
        Ok(true)
    }

    async fn abandoned(&self, before: Timestamp) -> Result<Vec<HolderId>, StoreError> {
        let args = vec![before.as_micros().into()];
        let rows = self.driver.read(sql::commitments::ABANDONED.into_sql_str(), args).await?;
        rows.iter().map(|row| Fields::<D>(row).holder()).collect()
    }

    async fn claim_work(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Resource, u64)>, StoreError> {
        // Nearly always there is none; then nobody has to take turns for it.
        let args = vec![now.as_micros().into()];
        let due = self.driver.read(sql::commitments::DUE.into_sql_str(), args).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.driver.begin().await?;
        let args = vec![now.as_micros().into(), until.as_micros().into(), i64::from(limit).into()];
        let rows = D::run(&mut tx, sql::commitments::CLAIM.into_sql_str(), args).await?;
        D::commit(tx).await?;
        let read = |row| {
            let row = Fields::<D>(row);
            Ok((row.resource()?, row.count("tries")?))
        };
        rows.iter().map(read).collect()
    }

    async fn put_off(&self, resource: &str, due: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.driver.begin().await?;
        let args = vec![resource.into(), due.as_micros().into()];
        D::run(&mut tx, sql::commitments::PUT_OFF.into_sql_str(), args).await?;
        D::commit(tx).await?;
        Ok(())
    }

    async fn settle_work(
        &self,
        resource: &Resource,
        commitment: &Commitment,
        record: &LedgerRecord,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.driver.begin().await?;
        let args = vec![resource.id.as_str().into(), now.as_micros().into()];
        let charged = D::run(&mut tx, sql::commitments::CHARGE.into_sql_str(), args).await?;
        if charged.is_empty() {
            return Ok(false);
        }
        let records = self.renewed(&mut tx, std::slice::from_ref(record)).await?;
        let added = self.add_usage(&mut tx, &records).await?;
        let new: &[LedgerRecord] = if added.records.is_empty() { &[] } else { &records };
        let (returned, raised) = self.give_back(&mut tx, commitment.id, new, now).await?;
        let mut news = moves_of(&[], &returned);
        if !added.exhausted.is_empty() {
            let revision = database::next_revision::<D>(&mut tx).await?;
            news.extend(changes_of(&added.exhausted, revision));
        }
        let args = vec![commitment.id.to_hex().into()];
        D::run(&mut tx, sql::commitments::END.into_sql_str(), args).await?;
        self.commit(tx, &news).await?;
        alerts::announce(&raised);
        Ok(true)
    }
}

impl<D: Driver> SqlStore<D> {
    /// Gives back all that a commitment holds, and counts what records took. Returns the meters of
    /// which units came back that somebody waits for.
    async fn give_back(
        &self,
        tx: &mut D::Tx,
        id: HolderId,
        records: &[LedgerRecord],
        now: Timestamp,
    ) -> Result<(Vec<u64>, Vec<Alert>), StoreError> {
        let args = vec![id.to_hex().into()];
        let rows = D::run(tx, sql::meters::LEASED_BY.into_sql_str(), args).await?;
        let held = rows.iter().map(|row| Fields::<D>(row).count("meter"));
        let mut meters: Vec<u64> = held.collect::<Result<_, _>>()?;
        let debits = || records.iter().flat_map(|record| &record.debits);
        meters.extend(debits().map(|debit| debit.meter));
        meters.sort_unstable();
        meters.dedup();
        let mut book = self.open_book(tx, Some(id), &meters).await?;
        let mut returned = Vec::new();
        for (meter, page) in &mut book.pages {
            let own = debits().filter(|debit| debit.meter == *meter);
            let own: Vec<(i64, Timestamp)> = own.map(|debit| (debit.amount, now)).collect();
            if page.report(&says(*meter, 0, now), Order::Next, &own, now).returned {
                returned.push(*meter);
            }
        }
        let raised = self.close_book(tx, book, now).await?;
        Ok((returned, raised))
    }

    /// Makes an object the one that its commitment is for, and has it asked about.
    pub(super) async fn bind_commitment(
        &self,
        tx: &mut D::Tx,
        resource: &Resource,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(commitment) = resource.commitment else { return Ok(()) };
        let id = commitment.to_hex();
        let args = vec![id.as_str().into(), resource.id.as_str().into()];
        let bound = D::run(tx, sql::commitments::BIND.into_sql_str(), args).await?;
        if bound.is_empty() {
            tracing::error!(resource.id = resource.id, "work came too late to be charged");
            return Ok(());
        }
        let args = vec![resource.id.as_str().into(), id.as_str().into(), due.as_micros().into()];
        D::run(tx, sql::commitments::FOLLOW.into_sql_str(), args).await?;
        Ok(())
    }
}

/// Says that nothing is held, and what is needed.
fn says(meter: u64, need: i64, now: Timestamp) -> Statement {
    Statement { meter, consumed: 0, consumed_at: now, idle: 0, reserved: 0, need, want: need }
}
