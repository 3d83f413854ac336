//! Reports of filters: records into the ledger, leases into the book, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::SqlSafeStr;

use crate::domain::meter::{Answer, Order};
use crate::domain::{Alert, HolderId, Holding, LedgerRecord, Report, Reported, Timestamp};
use crate::store::book::Book;
use crate::store::database::{self, SqlStore};
use crate::store::driver::Driver;
use crate::store::news::{changes_of, moves_of};
use crate::store::rows::Fields;
use crate::store::{StoreError, alerts, sql};

impl<D: Driver> SqlStore<D> {
    /// Takes back what was presumed of a holder, and returns the meters it was of.
    pub(super) async fn release_presumed(
        &self,
        tx: &mut D::Tx,
        holder: HolderId,
        now: Timestamp,
    ) -> Result<Vec<u64>, StoreError> {
        let presumed = presumed_of::<D>(tx, holder).await?;
        let meters: BTreeSet<u64> = presumed.iter().map(|it| it.meter).collect();
        let meters: Vec<u64> = meters.into_iter().collect();
        let mut book = self.open_book(tx, None, &meters).await?;
        for Presumed { meter, amount, at } in &presumed {
            if let Some(page) = book.pages.get_mut(meter) {
                page.row.release(&mut page.seconds, *amount, *at, now);
            }
        }
        self.close_book(tx, book, now).await?;
        Ok(meters)
    }

    /// Notes what became of all that was presumed of a holder.
    pub(super) async fn resolve_presumed(
        &self,
        tx: &mut D::Tx,
        holder: HolderId,
        resolution: &'static str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = vec![holder.to_hex().into(), now.as_micros().into(), resolution.into()];
        D::run(tx, sql::meters::RESOLVE_PRESUMED_OF.into_sql_str(), args).await?;
        Ok(())
    }
}

/// What records took from each meter: amounts, each with the moment its request ended.
type Debits = BTreeMap<u64, Vec<(i64, Timestamp)>>;

/// A holder as it was when it last reported.
struct Holder {
    sequence: u64,
    vanished: bool,
}

/// What was presumed when a holder vanished.
struct Presumed {
    meter: u64,
    amount: i64,
    at: Timestamp,
}

impl<D: Driver> SqlStore<D> {
    pub(super) async fn take_report(
        &self,
        report: &Report,
        now: Timestamp,
    ) -> Result<Reported, StoreError> {
        let mut tx = self.driver.begin().await?;
        let records = self.renewed(&mut tx, &report.records).await?;
        let added = self.add_usage(&mut tx, &records).await?;
        self.adopt_resources(&mut tx, &report.stored).await?;
        let debits = debits_of(report, &added.records);
        let (answers, alerts) = if let Some(holding) = &report.holding {
            self.settle(&mut tx, holding, &debits, now).await?
        } else {
            (Vec::new(), self.charge(&mut tx, &debits, now).await?)
        };
        let mut news = Vec::new();
        if !added.exhausted.is_empty() {
            let revision = database::next_revision::<D>(&mut tx).await?;
            news.extend(changes_of(&added.exhausted, revision));
        }
        news.extend(moves_of(
            &meters(&answers, |answer| answer.recall),
            &meters(&answers, |answer| answer.returned),
        ));
        self.commit(tx, &news).await?;
        alerts::announce(&alerts);
        Ok(Reported { added: added.records.len() as u64, exhausted: added.exhausted, answers })
    }

    /// Counts records of somebody who holds nothing.
    async fn charge(
        &self,
        tx: &mut D::Tx,
        debits: &Debits,
        now: Timestamp,
    ) -> Result<Vec<Alert>, StoreError> {
        let meters: Vec<u64> = debits.keys().copied().collect();
        let mut book = self.open_book(tx, None, &meters).await?;
        charge_rest(&mut book, debits, &BTreeSet::new(), now);
        self.close_book(tx, book, now).await
    }

    /// Counts records, takes what a holder says and grants.
    async fn settle(
        &self,
        tx: &mut D::Tx,
        holding: &Holding,
        debits: &Debits,
        now: Timestamp,
    ) -> Result<(Vec<Option<Answer>>, Vec<Alert>), StoreError> {
        let last = holder::<D>(tx, holding.holder).await?;
        let presumed = match &last {
            Some(Holder { vanished: true, .. }) => presumed_of::<D>(tx, holding.holder).await?,
            Some(_) | None => Vec::new(),
        };
        let named: BTreeSet<u64> = holding.statements.iter().map(|it| it.meter).collect();
        let mut meters = named.clone();
        meters.extend(debits.keys());
        meters.extend(presumed.iter().map(|it| it.meter));
        let meters: Vec<u64> = meters.into_iter().collect();
        let mut book = self.open_book(tx, Some(holding.holder), &meters).await?;
        welcome_back(&mut book, &presumed, now);
        charge_rest(&mut book, debits, &named, now);
        let order = Order::of(holding.sequence, last.map(|it| it.sequence));
        let answers = holding.statements.iter().map(|statement| {
            let debits = debits.get(&statement.meter).map_or(&[][..], Vec::as_slice);
            let page = book.pages.get_mut(&statement.meter)?;
            Some(page.report(statement, order, debits, now))
        });
        let answers = answers.collect();
        let alerts = self.close_book(tx, book, now).await?;
        let id = holding.holder.to_hex();
        if !presumed.is_empty() {
            self.resolve_presumed(tx, holding.holder, "returned", now).await?;
        }
        if order != Order::Late {
            let args = vec![id.into(), holding.sequence.into(), now.as_micros().into()];
            D::run(tx, sql::meters::PUT_HOLDER.into_sql_str(), args).await?;
        }
        Ok((answers, alerts))
    }
}

fn meters(answers: &[Option<Answer>], which: fn(&Answer) -> bool) -> Vec<u64> {
    answers.iter().flatten().filter(|it| which(it)).map(|it| it.meter).collect()
}

fn debits_of(report: &Report, records: &[&LedgerRecord]) -> Debits {
    let mut debits = Debits::new();
    for record in records {
        for debit in &record.debits {
            let of_meter = debits.entry(debit.meter).or_default();
            of_meter.push((debit.amount, report.ended_at(record)));
        }
    }
    debits
}

/// Counts what records took from meters that the report does not name otherwise.
fn charge_rest(book: &mut Book, debits: &Debits, named: &BTreeSet<u64>, now: Timestamp) {
    for (meter, debits) in debits.iter().filter(|(meter, _)| !named.contains(meter)) {
        if let Some(page) = book.pages.get_mut(meter) {
            page.charge(debits, now);
        }
    }
}

fn welcome_back(book: &mut Book, presumed: &[Presumed], now: Timestamp) {
    for Presumed { meter, amount, at } in presumed {
        if let Some(page) = book.pages.get_mut(meter) {
            page.row.come_back(&mut page.seconds, *amount, *at, now);
            page.lease.held = page.lease.held.saturating_add(*amount);
        }
    }
}

async fn holder<D: Driver>(tx: &mut D::Tx, id: HolderId) -> Result<Option<Holder>, StoreError> {
    let args = vec![id.to_hex().into()];
    let rows = D::run(tx, sql::meters::HOLDER.into_sql_str(), args).await?;
    let read = |row| {
        let row = Fields::<D>(row);
        let vanished = row.maybe_int("vanished_us")?.is_some();
        Ok(Holder { sequence: row.count("sequence")?, vanished })
    };
    rows.first().map(read).transpose()
}

async fn presumed_of<D: Driver>(tx: &mut D::Tx, id: HolderId) -> Result<Vec<Presumed>, StoreError> {
    let args = vec![id.to_hex().into()];
    let rows = D::run(tx, sql::meters::OPEN_PRESUMED_OF.into_sql_str(), args).await?;
    let read = |row| {
        let row = Fields::<D>(row);
        let (meter, amount) = (row.count("meter")?, row.int("amount")?);
        Ok(Presumed { meter, amount, at: Timestamp::from_micros(row.int("presumed_us")?) })
    };
    rows.iter().map(read).collect()
}
