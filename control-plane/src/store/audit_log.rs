//! The audit log, as it is read. It is only ever added to.

use crate::domain::Timestamp;
use crate::store::database::SqlStore;
use crate::store::driver::Driver;
use crate::store::rows::Fields;
use crate::store::{StoreError, sql};

/// One change, as the audit log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The change's id.
    pub change_id: String,
    /// What was changed: a key's hash, or the id of something else behind its kind and a colon.
    pub object: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was asked for.
    pub action: String,
    /// The object before, as JSON. `None`: it did not exist.
    pub before: Option<String>,
    /// The object after, as JSON. `None`: it exists no more.
    pub after: Option<String>,
    /// The request that asked.
    pub request_id: Option<String>,
}

/// Which changes to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditQuery {
    /// Of this id.
    pub change_id: Option<String>,
    /// Of one of these objects.
    pub objects: Option<Vec<String>>,
    /// By whom.
    pub actor: Option<String>,
    /// Of such things: what stands before the dot of an action.
    pub of: Option<&'static str>,
    /// What was done.
    pub kind: Option<ChangeKind>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub before: Option<Timestamp>,
    /// Oldest first.
    pub ascending: bool,
    /// How many to skip.
    pub offset: u32,
    /// How many to return.
    pub limit: u32,
}

/// What was done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was deleted.
    Deleted,
    /// It was blocked.
    Blocked,
    /// It was opened again.
    Unblocked,
}

/// A part of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditPage {
    /// Changes of the page.
    pub entries: Vec<AuditEntry>,
    /// How many there are in all.
    pub total: u64,
}

impl AuditEntry {
    /// Returns what was done.
    pub fn kind(&self) -> ChangeKind {
        let done = self.action.rsplit('.').next().unwrap_or_default();
        match (&self.before, &self.after, done) {
            (None, _, _) => ChangeKind::Created,
            (_, None, _) => ChangeKind::Deleted,
            (_, _, "block") => ChangeKind::Blocked,
            (_, _, "unblock") => ChangeKind::Unblocked,
            _ => ChangeKind::Updated,
        }
    }
}

impl<D: Driver> SqlStore<D> {
    pub(super) async fn page_of_changes(
        &self,
        query: &AuditQuery,
    ) -> Result<AuditPage, StoreError> {
        let select = |head| {
            sql::Select::new(head)
                .when("change_id =", query.change_id.as_deref())
                .among("object", query.objects.as_deref())
                .when("actor =", query.actor.as_deref())
                .when("action LIKE", query.of.map(|of| format!("{of}.%")))
                .when("at_us >=", query.from.map(Timestamp::as_micros))
                .when("at_us <", query.before.map(Timestamp::as_micros))
                .fact("state_before IS NULL", query.kind == Some(ChangeKind::Created))
                .fact("state_after IS NULL", query.kind == Some(ChangeKind::Deleted))
                .fact("action LIKE '%.block'", query.kind == Some(ChangeKind::Blocked))
                .fact("action LIKE '%.unblock'", query.kind == Some(ChangeKind::Unblocked))
                .fact(
                    "state_before IS NOT NULL AND state_after IS NOT NULL \
                     AND action NOT LIKE '%block'",
                    query.kind == Some(ChangeKind::Updated),
                )
        };
        let (statement, args) = select(sql::COUNT_AUDIT).finish();
        let rows = self.driver.read(statement, args).await?;
        let total = rows.first().map_or(Ok(0), |row| Fields::<D>(row).count("total"))?;
        let order = if query.ascending {
            "ORDER BY at_us, change_id, object"
        } else {
            "ORDER BY at_us DESC, change_id DESC, object DESC"
        };
        let (statement, args) =
            select(sql::AUDIT_PAGE).then(order).page(query.limit, query.offset).finish();
        let rows = self.driver.read(statement, args).await?;
        let entries = rows.iter().map(|row| Fields::<D>(row).audit_entry());
        Ok(AuditPage { entries: entries.collect::<Result<Vec<AuditEntry>, _>>()?, total })
    }
}
