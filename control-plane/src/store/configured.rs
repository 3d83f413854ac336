//! Limits that stand in the configuration, and those that every filter is told of.

use std::collections::BTreeSet;

use sqlx::SqlSafeStr;

use crate::domain::{Limits, RateWindow, Scope, Timestamp};
use crate::store::database::{self, SqlStore};
use crate::store::driver::Driver;
use crate::store::entities::locked_entity;
use crate::store::limits::{self, Opening, effective_limits, follow_limits};
use crate::store::rows::Fields;
use crate::store::told::Affected;
use crate::store::{SharedLimits, StoreError, sql};

/// What the configuration says about limits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// How rates are counted.
    pub rates: RateWindow,
    /// Limits of providers, models and tags.
    pub limits: Vec<(Scope, String, Limits)>,
}

impl<D: Driver> SqlStore<D> {
    /// Brings the meters of what is configured up to date.
    pub(super) async fn follow_configuration(
        &self,
        configured: &Configured,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.driver.begin().await?;
        if limits::rate_window::<D>(&mut tx).await? != configured.rates {
            limits::count_rates_as::<D>(&mut tx, configured.rates, at).await?;
        }
        let opening = Opening { at, spent: 0, set: false };
        let mut gone = metered::<D>(&mut tx).await?;
        let mut news = Affected::default();
        for (scope, name, limits) in &configured.limits {
            gone.remove(&(*scope, name.clone()));
            let limits = self.with_entity(&mut tx, (*scope, name), limits).await?;
            follow_limits::<D>(&mut tx, (*scope, name), &limits, opening, &mut news).await?;
        }
        for (scope, name) in gone {
            let none = Limits::default();
            follow_limits::<D>(&mut tx, (scope, &name), &none, opening, &mut news).await?;
        }
        let revision = database::next_revision::<D>(&mut tx).await?;
        let news = news.told::<D>(&mut tx, revision).await?;
        self.commit(tx, &news).await?;
        Ok(revision)
    }

    /// Returns the limits that every filter is told of.
    pub(super) async fn limits_of_all(&self) -> Result<SharedLimits, StoreError> {
        let rows = self.driver.read(sql::SHARED_METERS.into_sql_str(), Vec::new()).await?;
        let meters = rows.iter().map(|row| Fields::<D>(row).meter());
        let meters = meters.collect::<Result<_, _>>()?;
        let any = sql::entities::ANY_CUSTOMER.into_sql_str();
        let counted = self.driver.read(any, Vec::new()).await?;
        let customers = counted.first().map_or(Ok(0), |row| Fields::<D>(row).count("total"))?;
        let cache_generation = self.cache_generation().await?;
        Ok(SharedLimits { meters, customers: customers > 0, cache_generation })
    }

    /// A tag may have limits in the configuration and of its own; those of its own hold, and the
    /// configuration gives what they do not say.
    async fn with_entity(
        &self,
        tx: &mut D::Tx,
        (scope, name): (Scope, &str),
        limits: &Limits,
    ) -> Result<Limits, StoreError> {
        if scope != Scope::Tag {
            return Ok(limits.clone());
        }
        match locked_entity::<D>(tx, scope, name).await? {
            Some(tag) => {
                let own = effective_limits::<D>(tx, &tag.limits, tag.budget_id.as_ref()).await?;
                Ok(own.or(limits))
            }
            None => Ok(limits.clone()),
        }
    }
}

/// Returns the things that the configuration alone can have given meters.
async fn metered<D: Driver>(tx: &mut D::Tx) -> Result<BTreeSet<(Scope, String)>, StoreError> {
    let rows = D::run(tx, sql::CONFIGURED_METERS.into_sql_str(), Vec::new()).await?;
    rows.iter()
        .map(|row| {
            let spec = Fields::<D>(row).meter()?.spec;
            Ok((spec.scope, spec.name))
        })
        .collect()
}
