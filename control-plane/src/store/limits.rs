//! Meters follow limits: whatever changes the limits of something brings its meters up to date in
//! the same transaction.

use sqlx::SqlSafeStr;

use crate::domain::{
    Dimension, Limits, Meter, MeterSpec, RateWindow, Scope, Timestamp, Window, limits::DAY,
    limits::MINUTE, meters_of,
};
use crate::store::database::SqlStore;
use crate::store::driver::{Driver, Value};
use crate::store::rows::Fields;
use crate::store::told::Affected;
use crate::store::{StoreError, sql};

/// What the main budget of something begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// When.
    pub(super) at: Timestamp,
    /// What was spent so far: a budget that never begins anew begins with it.
    pub(super) spent: i64,
    /// What was spent was set by hand.
    pub(super) set: bool,
}

/// A meter as it stands.
struct Row {
    meter: Meter,
    used: i64,
}

impl<D: Driver> SqlStore<D> {
    /// Returns the meters of some things.
    pub(super) async fn meters_of_any(
        &self,
        of: &[(Scope, String)],
    ) -> Result<Vec<Meter>, StoreError> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let (statement, args) = sql::meters_of_any(of);
        let rows = self.driver.read(statement, args).await?;
        rows.iter().map(|row| Fields::<D>(row).meter()).collect()
    }
}

/// Makes the meters of one thing those that its limits ask for. Returns those that were there and
/// are not what they were: whoever commits tells their holders ([`moves_of`]).
///
/// [`moves_of`]: crate::store::news::moves_of
pub(super) async fn follow_limits<D: Driver>(
    tx: &mut D::Tx,
    (scope, name): (Scope, &str),
    limits: &Limits,
    opening: Opening,
    news: &mut Affected,
) -> Result<(), StoreError> {
    let specs = meters_of(scope, name, limits, rate_window::<D>(tx).await?);
    let main = limits.budget_window();
    let moved = sync_meters::<D>(tx, (scope, name), &specs, main, opening).await?;
    news.moved.extend(moved);
    Ok(())
}

/// Returns what something may use: its own limits, and those of the budget it shares.
pub(super) async fn effective_limits<D: Driver>(
    tx: &mut D::Tx,
    own: &Limits,
    budget_id: Option<&String>,
) -> Result<Limits, StoreError> {
    let Some(id) = budget_id else { return Ok(own.clone()) };
    let args = vec![id.as_str().into()];
    let rows = D::run(tx, sql::entities::BUDGET.into_sql_str(), args).await?;
    match rows.first() {
        Some(row) => Ok(own.or(&Fields::<D>(row).limits()?)),
        None => Ok(own.clone()),
    }
}

/// Names the window of the main budget, by which its meter is joined.
pub(super) fn window_name(limits: &Limits) -> Option<String> {
    let window = limits.budget_window().filter(|window| *window != Window::Never);
    window.map(|window| window.to_string())
}

/// Makes the meters of one thing what `specs` says.
///
/// A meter whose identity stays keeps what was used and granted. One whose window alone changes
/// keeps its id, so that what is under way is still counted; it begins a new window. Returns
/// those that were there and are not what they were.
pub(super) async fn sync_meters<D: Driver>(
    tx: &mut D::Tx,
    (scope, name): (Scope, &str),
    specs: &[MeterSpec],
    main: Option<Window>,
    opening: Opening,
) -> Result<Vec<u64>, StoreError> {
    let args = vec![scope.as_str().into(), name.into()];
    let rows = D::run(tx, sql::METERS_OF.into_sql_str(), args).await?;
    let mut old: Vec<Row> = rows
        .iter()
        .map(|row| {
            let row = Fields::<D>(row);
            Ok(Row { meter: row.meter()?, used: row.int("used")? })
        })
        .collect::<Result<_, StoreError>>()?;
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for spec in specs {
        let Some(at) = old.iter().position(|row| is_same(&row.meter.spec, spec)) else {
            new.push(spec);
            continue;
        };
        let row = old.swap_remove(at);
        if keep::<D>(tx, &row, spec, main, opening).await? {
            changed.push(row.meter.id);
        }
    }
    for spec in new {
        let Some(at) = old.iter().position(|row| is_similar(&row.meter.spec, spec)) else {
            add::<D>(tx, spec, main, opening).await?;
            continue;
        };
        let row = old.swap_remove(at);
        if spec.window == Window::Never {
            make_endless::<D>(tx, &row, spec, main, opening).await?;
        } else {
            begin_anew::<D>(tx, &row, spec, main, opening).await?;
        }
        changed.push(row.meter.id);
    }
    for row in old {
        remove::<D>(tx, row.meter.id, opening.at).await?;
        changed.push(row.meter.id);
    }
    Ok(changed)
}

fn is_similar(one: &MeterSpec, other: &MeterSpec) -> bool {
    (one.dimension, &one.model) == (other.dimension, &other.model)
}

fn is_same(one: &MeterSpec, other: &MeterSpec) -> bool {
    is_similar(one, other) && one.window == other.window
}

/// Tells whether it is the meter of `max_budget`.
fn is_main(spec: &MeterSpec, main: Option<Window>) -> bool {
    (spec.dimension, &spec.model) == (Dimension::Money, &None) && Some(spec.window) == main
}

/// Tells whether anything had to be changed.
async fn keep<D: Driver>(
    tx: &mut D::Tx,
    row: &Row,
    spec: &MeterSpec,
    main: Option<Window>,
    opening: Opening,
) -> Result<bool, StoreError> {
    let by_hand = opening.set && is_main(spec, main);
    let correction = if by_hand { opening.spent.saturating_sub(row.used) } else { 0 };
    if row.meter.spec == *spec && correction == 0 {
        return Ok(false);
    }
    let args = vec![
        row.meter.id.into(),
        spec.amount.into(),
        spec.soft_amount.into(),
        spec.observe_only.into(),
        correction.into(),
    ];
    D::run(tx, sql::CHANGE_METER.into_sql_str(), args).await?;
    if by_hand {
        let id = row.meter.id;
        D::run(tx, sql::OPEN_WITH_PRESUMED.into_sql_str(), vec![id.into()]).await?;
        forget_presumed::<D>(tx, id, opening.at, "set by hand").await?;
    }
    Ok(true)
}

async fn begin_anew<D: Driver>(
    tx: &mut D::Tx,
    row: &Row,
    spec: &MeterSpec,
    main: Option<Window>,
    opening: Opening,
) -> Result<(), StoreError> {
    let mut args = vec![
        row.meter.id.into(),
        spec.amount.into(),
        spec.soft_amount.into(),
        spec.observe_only.into(),
        spec.window.to_string().into(),
    ];
    args.extend(window_begins(spec, opening.at));
    args.push(begins_with(spec, main, opening).into());
    D::run(tx, sql::REWINDOW_METER.into_sql_str(), args).await?;
    let id = vec![row.meter.id.into()];
    D::run(tx, sql::DELETE_METER_SECONDS.into_sql_str(), id).await?;
    forget_presumed::<D>(tx, row.meter.id, opening.at, "window changed").await
}

/// Puts a meter without windows in the place of one with windows. It needs an id of its own: what
/// records took from the other one in windows that are over is no part of it. What is reserved
/// for requests under way is counted as used, since their records will name the other one.
async fn make_endless<D: Driver>(
    tx: &mut D::Tx,
    row: &Row,
    spec: &MeterSpec,
    main: Option<Window>,
    opening: Opening,
) -> Result<(), StoreError> {
    let args = vec![row.meter.id.into()];
    let rows = D::run(tx, sql::RESERVED_OF.into_sql_str(), args).await?;
    let reserved = rows.first().map_or(Ok(0), |row| Fields::<D>(row).int("reserved"))?;
    let spent = opening.spent.saturating_add(reserved);
    add::<D>(tx, spec, main, Opening { spent, ..opening }).await?;
    remove::<D>(tx, row.meter.id, opening.at).await
}

async fn add<D: Driver>(
    tx: &mut D::Tx,
    spec: &MeterSpec,
    main: Option<Window>,
    opening: Opening,
) -> Result<(), StoreError> {
    let rows = D::run(tx, sql::NEXT_METER_ID.into_sql_str(), Vec::new()).await?;
    let row = rows.first().ok_or(StoreError::Inconsistent { column: "value", row: "1".into() })?;
    let mut args: Vec<Value> = vec![
        Fields::<D>(row).count("value")?.into(),
        spec.scope.as_str().into(),
        spec.name.as_str().into(),
        spec.dimension.as_str().into(),
        spec.model.as_deref().unwrap_or_default().into(),
        spec.window.to_string().into(),
        spec.amount.into(),
        spec.soft_amount.into(),
        spec.observe_only.into(),
    ];
    args.extend(window_begins(spec, opening.at));
    args.push(begins_with(spec, main, opening).into());
    D::run(tx, sql::INSERT_METER.into_sql_str(), args).await?;
    Ok(())
}

/// Takes a meter away, with what is held of it. What was presumed of it is settled by that.
async fn remove<D: Driver>(tx: &mut D::Tx, id: u64, at: Timestamp) -> Result<(), StoreError> {
    for statement in [sql::DELETE_METER, sql::DELETE_METER_SECONDS, sql::DELETE_METER_LEASES] {
        D::run(tx, statement.into_sql_str(), vec![id.into()]).await?;
    }
    forget_presumed::<D>(tx, id, at, "meter deleted").await
}

async fn forget_presumed<D: Driver>(
    tx: &mut D::Tx,
    meter: u64,
    at: Timestamp,
    why: &'static str,
) -> Result<(), StoreError> {
    let args = vec![meter.into(), at.as_micros().into(), why.into()];
    D::run(tx, sql::FORGET_PRESUMED.into_sql_str(), args).await?;
    Ok(())
}

/// A window of the calendar begins at once, others with the first use.
fn window_begins(spec: &MeterSpec, at: Timestamp) -> [Value; 2] {
    match spec.window {
        Window::Calendar(period) => {
            [at.as_micros().into(), period.ends_after(at).as_micros().into()]
        }
        Window::Never | Window::Fixed(_) | Window::Sliding(_) => {
            [Value::Int(None), Value::Int(None)]
        }
    }
}

fn begins_with(spec: &MeterSpec, main: Option<Window>, opening: Opening) -> i64 {
    let carries = opening.set || spec.window == Window::Never;
    if is_main(spec, main) && carries { opening.spent } else { 0 }
}

/// Reads how rates are counted.
pub(super) async fn rate_window<D: Driver>(tx: &mut D::Tx) -> Result<RateWindow, StoreError> {
    let rows = D::run(tx, sql::SETTING.into_sql_str(), vec![RATE_WINDOW.into()]).await?;
    let value = rows.first().map(|row| Fields::<D>(row).text("value")).transpose()?;
    Ok(if value.as_deref() == Some("sliding") { RateWindow::Sliding } else { RateWindow::Fixed })
}

/// Counts rates in another way from now on. What was used stays used for as long as it did.
pub(super) async fn count_rates_as<D: Driver>(
    tx: &mut D::Tx,
    rates: RateWindow,
    at: Timestamp,
) -> Result<(), StoreError> {
    let name = match rates {
        RateWindow::Fixed => "fixed",
        RateWindow::Sliding => "sliding",
    };
    let args = vec![RATE_WINDOW.into(), name.into()];
    D::run(tx, sql::SET_SETTING.into_sql_str(), args).await?;
    for seconds in [MINUTE, DAY] {
        let (fixed, sliding) = (Window::Fixed(seconds), Window::Sliding(seconds));
        let (from, to) = match rates {
            RateWindow::Fixed => (sliding, fixed),
            RateWindow::Sliding => (fixed, sliding),
        };
        if rates == RateWindow::Sliding {
            let second = at.as_micros().div_euclid(1_000_000);
            let args = vec![second.into(), from.to_string().into()];
            D::run(tx, sql::USE_IN_SECONDS.into_sql_str(), args).await?;
        }
        let began = to.ends_after(at).map(|_| at.as_micros());
        let args = vec![
            to.to_string().into(),
            began.into(),
            to.ends_after(at).map(Timestamp::as_micros).into(),
            from.to_string().into(),
        ];
        D::run(tx, sql::RECOUNT_METERS.into_sql_str(), args).await?;
    }
    if rates == RateWindow::Fixed {
        D::run(tx, sql::FORGET_SECONDS.into_sql_str(), Vec::new()).await?;
    }
    Ok(())
}

const RATE_WINDOW: &str = "rate_window";
