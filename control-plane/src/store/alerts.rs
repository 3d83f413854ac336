//! Statements about soft limits that were crossed.

use sqlx::SqlSafeStr;

use crate::domain::{Alert, Timestamp};
use crate::store::book::Book;
use crate::store::database::SqlStore;
use crate::store::driver::Driver;
use crate::store::rows::Fields;
use crate::store::{AlertPage, StoreError, sql};

impl<D: Driver> SqlStore<D> {
    pub(super) async fn page_of_alerts(
        &self,
        limit: u32,
        offset: u32,
    ) -> Result<AlertPage, StoreError> {
        let rows = self.driver.read(sql::COUNT_ALERTS.into_sql_str(), Vec::new()).await?;
        let total = rows.first().map_or(Ok(0), |row| Fields::<D>(row).count("total"))?;
        let (statement, args) = sql::Select::new(sql::ALERTS).page(limit, offset).finish();
        let rows = self.driver.read(statement, args).await?;
        let alerts = rows.iter().map(|row| Fields::<D>(row).alert());
        Ok(AlertPage { alerts: alerts.collect::<Result<_, _>>()?, total })
    }
}

/// Notes which soft limits were crossed while a book was open.
pub(super) async fn raise<D: Driver>(
    tx: &mut D::Tx,
    book: &Book,
    at: Timestamp,
) -> Result<Vec<Alert>, StoreError> {
    let alerts: Vec<Alert> =
        book.moves().filter_map(|(before, after)| Alert::between(before, after, at)).collect();
    for alert in &alerts {
        let spec = &alert.meter.spec;
        let args = vec![
            alert.meter.id.into(),
            at.as_micros().into(),
            spec.scope.as_str().into(),
            spec.name.as_str().into(),
            spec.dimension.as_str().into(),
            spec.model.as_deref().unwrap_or_default().into(),
            spec.window.to_string().into(),
            spec.amount.into(),
            spec.soft_amount.into(),
            spec.observe_only.into(),
            alert.used.into(),
        ];
        D::run(tx, sql::INSERT_ALERT.into_sql_str(), args).await?;
    }
    Ok(alerts)
}

/// Tells the operator, once what raised them is committed.
pub(super) fn announce(alerts: &[Alert]) {
    for Alert { meter, used, .. } in alerts {
        tracing::warn!(
            meter.id,
            meter.scope = meter.spec.scope.as_str(),
            // A key's name is its hash.
            meter.name = meter.spec.name,
            meter.dimension = meter.spec.dimension.as_str(),
            soft_limit = meter.spec.soft_amount,
            limit = meter.spec.amount,
            used,
            "a soft limit was crossed"
        );
    }
}
