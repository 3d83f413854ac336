//! Statements about accounts that are out of rotation.

use std::collections::BTreeMap;

use sqlx::SqlSafeStr;

use crate::domain::{HealthMark, HealthState, Marked, Timestamp};
use crate::store::database::SqlStore;
use crate::store::driver::Driver;
use crate::store::news::health_of;
use crate::store::rows::Fields;
use crate::store::{StoreError, sql};

impl<D: Driver> SqlStore<D> {
    /// Keeps marks that say something new, and tells them.
    pub(super) async fn put_marks(
        &self,
        marks: &[HealthMark],
        now: Timestamp,
    ) -> Result<Vec<HealthMark>, StoreError> {
        let mut tx = self.driver.begin().await?;
        let rows = D::run(&mut tx, sql::HEALTH_MARKS.into_sql_str(), Vec::new()).await?;
        let known = rows.iter().map(|row| Fields::<D>(row).health_mark());
        let known: Vec<HealthMark> = known.collect::<Result<_, _>>()?;
        let mut known: BTreeMap<Marked, HealthMark> =
            known.into_iter().map(|mark| (mark.of.clone(), mark)).collect();
        let mut news = Vec::new();
        for mark in marks {
            let before = known.get(&mark.of);
            let fit = mark.state == HealthState::Fit;
            if before.map_or(fit, |before| !before.differs(mark)) {
                continue;
            }
            // Out again before it was tried: out since the first time.
            let since = before.filter(|before| before.until > now).map(|before| before.since);
            let mark = HealthMark { since: since.unwrap_or(mark.since), ..mark.clone() };
            write::<D>(&mut tx, &mark).await?;
            known.insert(mark.of.clone(), mark.clone());
            news.push(mark);
        }
        if news.is_empty() {
            return Ok(news);
        }
        let forgotten = now.plus_micros(-KEPT_US).as_micros();
        D::run(&mut tx, sql::FORGET_HEALTH_MARKS.into_sql_str(), vec![forgotten.into()]).await?;
        self.commit(tx, &health_of(&news)).await?;
        Ok(news)
    }

    /// Returns what is out of rotation.
    pub(super) async fn marks(&self, now: Timestamp) -> Result<Vec<HealthMark>, StoreError> {
        let rows = self.driver.read(sql::HEALTH_MARKS.into_sql_str(), Vec::new()).await?;
        let marks = rows.iter().map(|row| Fields::<D>(row).health_mark());
        let marks: Vec<HealthMark> = marks.collect::<Result<_, _>>()?;
        Ok(marks.into_iter().filter(|mark| mark.until > now).collect())
    }
}

async fn write<D: Driver>(tx: &mut D::Tx, mark: &HealthMark) -> Result<(), StoreError> {
    let Marked { provider, account, model } = &mark.of;
    let mut args = vec![provider.as_str().into(), account.as_str().into(), model.as_str().into()];
    if mark.state == HealthState::Fit {
        D::run(tx, sql::DELETE_HEALTH_MARK.into_sql_str(), args).await?;
        return Ok(());
    }
    args.extend([
        mark.state.name().into(),
        mark.until.as_micros().into(),
        i64::from(mark.level).into(),
        mark.reason.as_str().into(),
        mark.since.as_micros().into(),
    ]);
    D::run(tx, sql::PUT_HEALTH_MARK.into_sql_str(), args).await?;
    Ok(())
}

/// A mark that is over stays for a while, so that its end is still told to those who keep it.
const KEPT_US: i64 = 600 * 1_000_000;
