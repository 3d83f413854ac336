//! The book: reading the pages of some meters inside of a transaction, and writing them back.

use std::collections::BTreeMap;

use sqlx::SqlSafeStr;

use crate::domain::meter::{Answer, Lease, Order, Page, Seconds, Statement};
use crate::domain::{Alert, HolderId, MeterRow, Timestamp, Window};
use crate::store::database::SqlStore;
use crate::store::driver::{Driver, Value};
use crate::store::rows::Fields;
use crate::store::{StoreError, alerts, sql};

/// Pages of some meters, seen from one holder, as they were and as they are to be.
pub(super) struct Book {
    holder: Option<HolderId>,
    before: BTreeMap<u64, Page>,
    pub(super) pages: BTreeMap<u64, Page>,
}

impl Book {
    /// Returns each meter that moved, as it was and as it is to be.
    pub(super) fn moves(&self) -> impl Iterator<Item = (&MeterRow, &MeterRow)> {
        let pages = self.pages.iter();
        let pairs = pages.filter_map(|(id, page)| Some((&self.before.get(id)?.row, &page.row)));
        pairs.filter(|(before, after)| before != after)
    }
}

impl<D: Driver> SqlStore<D> {
    /// Opens the pages of `meters`, which are sorted. Meters that do not exist have none.
    pub(super) async fn open_book(
        &self,
        tx: &mut D::Tx,
        holder: Option<HolderId>,
        meters: &[u64],
    ) -> Result<Book, StoreError> {
        let mut pages = BTreeMap::new();
        for (ids, statement) in self.batches.meters.filled(meters) {
            let args = ids.map(|id| (*id).into()).collect();
            for row in D::run(tx, statement, args).await? {
                let row = Fields::<D>(&row).meter_row()?;
                pages.insert(row.id, blank(row));
            }
        }
        let found: Vec<u64> = pages.keys().copied().collect();
        let name = holder.map(HolderId::to_hex).unwrap_or_default();
        for (ids, statement) in self.batches.leases.filled(&found) {
            let mut args: Vec<Value> = vec![name.as_str().into(), name.as_str().into()];
            args.extend(ids.map(|id| Value::from(*id)));
            for row in D::run(tx, statement, args).await? {
                let row = Fields::<D>(&row);
                let lease = Lease { held: row.int("own_held")?, idle: row.int("own_idle")? };
                if let Some(page) = pages.get_mut(&row.count("meter")?) {
                    page.lease = lease;
                    page.others_idle = row.int("idle")? - lease.idle;
                }
            }
        }
        self.read_seconds(tx, &mut pages).await?;
        Ok(Book { holder, before: pages.clone(), pages })
    }

    /// Opens the pages of what statements are about, and says what would be answered. Nothing is
    /// written back.
    pub(super) async fn looked_up(
        &self,
        statements: &[Statement],
        now: Timestamp,
    ) -> Result<Vec<(MeterRow, Answer)>, StoreError> {
        let mut meters: Vec<u64> = statements.iter().map(|statement| statement.meter).collect();
        meters.sort_unstable();
        let mut tx = self.driver.begin().await?;
        let mut book = self.open_book(&mut tx, None, &meters).await?;
        let answer = |statement: &Statement| {
            let page = book.pages.get_mut(&statement.meter)?;
            let answer = page.report(statement, Order::Next, &[], now);
            Some((page.row.clone(), answer))
        };
        Ok(statements.iter().filter_map(answer).collect())
    }

    async fn read_seconds(
        &self,
        tx: &mut D::Tx,
        pages: &mut BTreeMap<u64, Page>,
    ) -> Result<(), StoreError> {
        let sliding: Vec<u64> =
            pages.values().filter(|page| slides(&page.row)).map(|page| page.row.id).collect();
        let mut slices = BTreeMap::<u64, Vec<(i64, i64)>>::new();
        for (ids, statement) in self.batches.seconds.filled(&sliding) {
            let args = ids.map(|id| (*id).into()).collect();
            for row in D::run(tx, statement, args).await? {
                let row = Fields::<D>(&row);
                let slice = (row.int("second")?, row.int("used")?);
                slices.entry(row.count("meter")?).or_default().push(slice);
            }
        }
        for (meter, slices) in slices {
            if let Some(page) = pages.get_mut(&meter) {
                page.seconds = Seconds::new(slices);
            }
        }
        Ok(())
    }

    /// Writes what changed, and returns the alerts that it raises.
    pub(super) async fn close_book(
        &self,
        tx: &mut D::Tx,
        book: Book,
        now: Timestamp,
    ) -> Result<Vec<Alert>, StoreError> {
        let changed: Vec<(&Page, &Page)> = book
            .pages
            .iter()
            .filter_map(|(id, page)| book.before.get(id).map(|before| (before, page)))
            .filter(|(before, page)| before != page)
            .collect();
        let rows: Vec<&MeterRow> = changed
            .iter()
            .filter(|(before, page)| before.row != page.row)
            .map(|(_, page)| &page.row)
            .collect();
        for (rows, statement) in self.batches.update_meters.filled(&rows) {
            D::run(tx, statement, rows.flat_map(|row| standing(row)).collect()).await?;
        }
        if let Some(holder) = book.holder {
            self.write_leases(tx, holder, &changed).await?;
        }
        self.write_seconds(tx, &changed).await?;
        alerts::raise::<D>(tx, &book, now).await
    }

    async fn write_leases(
        &self,
        tx: &mut D::Tx,
        holder: HolderId,
        changed: &[(&Page, &Page)],
    ) -> Result<(), StoreError> {
        let leases = changed.iter().filter(|(before, page)| before.lease != page.lease);
        let (ended, kept): (Vec<&Page>, Vec<&Page>) =
            leases.map(|(_, page)| *page).partition(|page| page.lease == Lease::default());
        let name = holder.to_hex();
        for (pages, statement) in self.batches.put_leases.filled(&kept) {
            let args = pages.flat_map(|page| {
                let Lease { held, idle } = page.lease;
                [page.row.id.into(), name.as_str().into(), held.into(), idle.into()]
            });
            D::run(tx, statement, args.collect()).await?;
        }
        for (pages, statement) in self.batches.end_leases.filled(&ended) {
            let mut args: Vec<Value> = vec![name.as_str().into()];
            args.extend(pages.map(|page| Value::from(page.row.id)));
            D::run(tx, statement, args).await?;
        }
        Ok(())
    }

    async fn write_seconds(
        &self,
        tx: &mut D::Tx,
        changed: &[(&Page, &Page)],
    ) -> Result<(), StoreError> {
        let mut slices = Vec::new();
        for (before, page) in changed.iter().filter(|(before, page)| before.seconds != page.seconds)
        {
            let known: BTreeMap<i64, i64> = before.seconds.iter().collect();
            let id = page.row.id;
            let new = page.seconds.iter().filter(|(at, used)| known.get(at) != Some(used));
            slices.extend(new.map(|(at, used)| (id, at, used)));
            let first = page.seconds.iter().next().map_or(i64::MAX, |(at, _)| at);
            if known.first_key_value().is_some_and(|(at, _)| *at < first) {
                let args = vec![id.into(), first.into()];
                D::run(tx, sql::meters::FORGET_SECONDS.into_sql_str(), args).await?;
            }
        }
        for (slices, statement) in self.batches.put_seconds.filled(&slices) {
            let args =
                slices.flat_map(|(id, at, used)| [(*id).into(), (*at).into(), (*used).into()]);
            D::run(tx, statement, args.collect()).await?;
        }
        Ok(())
    }
}

fn blank(row: MeterRow) -> Page {
    Page { row, seconds: Seconds::default(), lease: Lease::default(), others_idle: 0 }
}

fn slides(row: &MeterRow) -> bool {
    matches!(row.spec.window, Window::Sliding(_))
}

fn standing(row: &MeterRow) -> [Value; 7] {
    [
        row.id.into(),
        row.used.into(),
        row.granted.into(),
        row.opening.into(),
        row.began.map(Timestamp::as_micros).into(),
        row.ends.map(Timestamp::as_micros).into(),
        row.waited.map(Timestamp::as_micros).into(),
    ]
}
