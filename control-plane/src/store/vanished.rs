//! Giving up holders that vanished.

use sqlx::SqlSafeStr;

use crate::domain::meter::{Fate, Lease};
use crate::domain::{Alert, HolderId, Timestamp};
use crate::store::database::SqlStore;
use crate::store::driver::Driver;
use crate::store::news::moves_of;
use crate::store::rows::Fields;
use crate::store::{StoreError, alerts, sql};

impl<D: Driver> SqlStore<D> {
    /// Gives up holders that were not seen since `unseen_since`, and returns how many.
    pub(super) async fn give_up_unseen(
        &self,
        unseen_since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        // Nearly always there is none; then nobody has to take turns for it.
        let args = vec![unseen_since.as_micros().into()];
        let unseen = self.driver.read(sql::meters::UNSEEN.into_sql_str(), args.clone()).await?;
        if unseen.is_empty() {
            return Ok(0);
        }
        let mut tx = self.driver.begin().await?;
        let rows = D::run(&mut tx, sql::meters::UNSEEN.into_sql_str(), args).await?;
        let (mut freed, mut raised) = (Vec::new(), Vec::new());
        for row in &rows {
            let holder = Fields::<D>(row).holder()?;
            freed.extend(self.give_up(&mut tx, holder, &mut raised, now).await?);
        }
        let forgotten = now.plus_micros(-FORGOTTEN_AFTER);
        let args = vec![forgotten.as_micros().into()];
        D::run(&mut tx, sql::meters::FORGET_HOLDERS.into_sql_str(), args).await?;
        freed.sort_unstable();
        freed.dedup();
        self.commit(tx, &moves_of(&[], &freed)).await?;
        alerts::announce(&raised);
        Ok(rows.len() as u64)
    }

    /// Takes what a holder held, and returns the meters of which it is free again.
    async fn give_up(
        &self,
        tx: &mut D::Tx,
        holder: HolderId,
        raised: &mut Vec<Alert>,
        now: Timestamp,
    ) -> Result<Vec<u64>, StoreError> {
        let id = holder.to_hex();
        let args = vec![id.as_str().into()];
        let rows = D::run(tx, sql::meters::LEASED_BY.into_sql_str(), args).await?;
        let meters = rows.iter().map(|row| Fields::<D>(row).count("meter"));
        let meters: Vec<u64> = meters.collect::<Result<_, _>>()?;
        let mut book = self.open_book(tx, Some(holder), &meters).await?;
        let (mut freed, mut presumed) = (Vec::new(), Vec::new());
        for (meter, page) in &mut book.pages {
            let Lease { held, .. } = std::mem::take(&mut page.lease);
            match page.row.vanish(&mut page.seconds, held, now) {
                Fate::Presumed => presumed.push((*meter, held)),
                Fate::Dropped => freed.push(*meter),
            }
        }
        raised.extend(self.close_book(tx, book, now).await?);
        for (meter, held) in presumed.into_iter().filter(|(_, held)| *held > 0) {
            let args = vec![meter.into(), id.as_str().into(), held.into(), now.as_micros().into()];
            D::run(tx, sql::meters::PRESUME.into_sql_str(), args).await?;
        }
        let args = vec![id.as_str().into(), now.as_micros().into()];
        D::run(tx, sql::meters::VANISH.into_sql_str(), args).await?;
        if rows.is_empty() {
            tracing::debug!(holder = id, "a worker that held nothing was not heard of");
        } else {
            tracing::warn!(holder = id, "a worker was not heard of; what it held counts as used");
        }
        Ok(freed)
    }
}

/// Thirty days: so long a repeated report of a holder is known to be one.
const FORGOTTEN_AFTER: i64 = 30 * 86_400 * 1_000_000;
