//! Every statement, once, for both databases.

pub(super) mod commitments;
pub(super) mod daily;
pub(super) mod entities;
pub(super) mod kept;
pub(super) mod meters;
pub(super) mod proofs;
pub(super) mod renewals;
pub(super) mod resources;
mod select;
pub(super) mod sessions;

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::domain::Scope;
use crate::store::driver::Value;

pub(super) use select::Select;

pub(super) const PING: &str = "SELECT 1 AS one";

pub(super) const REVISION: &str = "SELECT value FROM revision";

pub(super) const NEXT_REVISION: &str = "UPDATE revision SET value = value + 1 RETURNING value";

/// Keys with where their main budgets stand. A budget that never begins anew is not joined: what
/// was spent of it is the key's own figure.
macro_rules! keys_with_budgets {
    ($table:literal, $rest:literal) => {
        concat!(
            "SELECT keys.*, meters.used AS budget_used, meters.window_ends_us AS budget_ends_us \
             FROM ",
            $table,
            " AS keys LEFT JOIN meters ON meters.scope = 'key' \
             AND meters.name = keys.key_hash AND meters.dimension = 'money' \
             AND meters.model = '' AND meters.limit_window = keys.budget_window",
            $rest
        )
    };
}

pub(super) const KEYS: &str = keys_with_budgets!("api_keys", "");

pub(super) const COUNT_KEYS: &str = "SELECT COUNT(*) AS total FROM api_keys AS keys";

pub(super) const COUNT_KEYS_BY_USER: &str = "SELECT user_id, COUNT(*) AS total FROM api_keys";

pub(super) const COUNT_DELETED_KEYS: &str = "SELECT COUNT(*) AS total FROM deleted_keys AS keys";

pub(super) const DELETED_KEYS: &str = keys_with_budgets!("deleted_keys", "");

pub(super) const KEY_BY_HASH: &str = keys_with_budgets!("api_keys", " WHERE keys.key_hash = $1");

pub(super) const KEYS_OF_BUDGET: &str =
    keys_with_budgets!("api_keys", " WHERE keys.budget_id = $1");

pub(super) const KEY_BY_ALIAS: &str = keys_with_budgets!("api_keys", " WHERE keys.alias = $1");

pub(super) const INSERT_KEY: &str = "INSERT INTO api_keys (
    key_hash, name, alias, user_id, team_id, models, aliases, metadata, tags, expires_at_us,
    max_budget_nanos, spend_nanos, blocked, created_at_us, created_by, updated_at_us, updated_by,
    last_active_us, organization_id, budget_id, limits, budget_window, allowed_routes,
    spend_opening_nanos
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
    $22, $23, $12 - CAST(COALESCE((SELECT SUM(cost_nanos) FROM ledger WHERE key_hash = $1), 0) AS BIGINT)
)";

pub(super) const UPDATE_KEY: &str = "UPDATE api_keys SET
    name = $2, alias = $3, user_id = $4, team_id = $5, models = $6, aliases = $7, metadata = $8,
    tags = $9, expires_at_us = $10, max_budget_nanos = $11, spend_nanos = $12,
    spend_opening_nanos = spend_opening_nanos + $12 - spend_nanos, blocked = $13,
    created_at_us = $14, created_by = $15, updated_at_us = $16, updated_by = $17,
    last_active_us = $18, organization_id = $19, budget_id = $20, limits = $21, budget_window = $22,
    allowed_routes = $23
WHERE key_hash = $1";

pub(super) const COPY_DELETED_KEY: &str = "INSERT INTO deleted_keys (
    key_hash, name, alias, user_id, team_id, models, aliases, metadata, tags, expires_at_us,
    max_budget_nanos, spend_nanos, blocked, created_at_us, created_by, updated_at_us, updated_by,
    last_active_us, organization_id, budget_id, limits, budget_window, allowed_routes,
    first_hash, renewals, renewed_at_us, deleted_at_us, deleted_by, deletion_id
) SELECT
    key_hash, name, alias, user_id, team_id, models, aliases, metadata, tags, expires_at_us,
    max_budget_nanos, spend_nanos, blocked, created_at_us, created_by, updated_at_us, updated_by,
    last_active_us, organization_id, budget_id, limits, budget_window, allowed_routes,
    first_hash, renewals, renewed_at_us, $2, $3, $4
FROM api_keys WHERE key_hash = $1";

pub(super) const DELETE_KEY: &str = "DELETE FROM api_keys WHERE key_hash = $1";

pub(super) const SETTING: &str = "SELECT value FROM settings WHERE name = $1";

pub(super) const SET_SETTING: &str = "INSERT INTO settings (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// A row for whatever there is: a setting, keys, users and the like.
pub(super) const ANYTHING: &str = "SELECT name FROM settings WHERE name = $1
UNION ALL SELECT key_hash AS name FROM api_keys UNION ALL SELECT id AS name FROM entities LIMIT 1";

/// Meters that the configuration alone can have made.
pub(super) const CONFIGURED_METERS: &str = "SELECT * FROM meters
WHERE scope IN ('provider', 'model') OR (scope = 'tag' AND name NOT IN (
    SELECT id FROM entities WHERE kind = 'tag'
))";

/// Meters that every filter is told of.
pub(super) const SHARED_METERS: &str =
    "SELECT * FROM meters WHERE scope IN ('provider', 'model', 'tag') ORDER BY id";

pub(super) const USE_IN_SECONDS: &str = "INSERT INTO meter_seconds (meter, second, used)
SELECT id, $1, used FROM meters WHERE limit_window = $2 AND used > 0
ON CONFLICT DO NOTHING";

pub(super) const RECOUNT_METERS: &str = "UPDATE meters SET
    limit_window = $1, window_began_us = $2, window_ends_us = $3
WHERE limit_window = $4";

pub(super) const FORGET_SECONDS: &str = "DELETE FROM meter_seconds WHERE meter IN (
    SELECT id FROM meters WHERE limit_window LIKE 'fixed:%'
)";

pub(super) const FORGET_SPEND_OF_KEYS: &str =
    "UPDATE api_keys SET spend_opening_nanos = spend_opening_nanos - spend_nanos, spend_nanos = 0
WHERE spend_nanos <> 0";

pub(super) const FORGET_SPEND_OF_TEAMS: &str =
    "UPDATE entities SET spend_opening_nanos = spend_opening_nanos - spend_nanos, spend_nanos = 0
WHERE kind = 'team' AND spend_nanos <> 0";

pub(super) const FORGET_USED: &str = "UPDATE meters SET opening = opening - used, used = 0
WHERE scope IN ('key', 'team') AND dimension = 'money' AND used <> 0 RETURNING id";

pub(super) const INSERT_ALERT: &str = "INSERT INTO alerts (
    meter, at_us, scope, name, dimension, model, limit_window, amount, soft_amount, observe_only,
    used
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";

pub(super) const COUNT_ALERTS: &str = "SELECT COUNT(*) AS total FROM alerts";

pub(super) const ALERTS: &str =
    "SELECT alerts.*, meter AS id FROM alerts ORDER BY at_us DESC, meter DESC";

pub(super) const METERS_OF: &str = "SELECT * FROM meters WHERE scope = $1 AND name = $2";

pub(super) const NEXT_METER_ID: &str = "UPDATE meter_id SET value = value + 1 RETURNING value";

pub(super) const INSERT_METER: &str = "INSERT INTO meters (
    id, scope, name, dimension, model, limit_window, amount, soft_amount, observe_only,
    window_began_us, window_ends_us, used, opening, granted
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 0)";

pub(super) const CHANGE_METER: &str = "UPDATE meters SET
    amount = $2, soft_amount = $3, observe_only = $4, used = used + $5, opening = opening + $5
WHERE id = $1";

pub(super) const REWINDOW_METER: &str = "UPDATE meters SET
    amount = $2, soft_amount = $3, observe_only = $4, limit_window = $5, window_began_us = $6,
    window_ends_us = $7, used = $8, opening = $8
WHERE id = $1";

pub(super) const RESERVED_OF: &str =
    "SELECT CAST(COALESCE(SUM(held - idle), 0) AS BIGINT) AS reserved FROM leases WHERE meter = $1";

pub(super) const DELETE_METER: &str = "DELETE FROM meters WHERE id = $1";

pub(super) const DELETE_METER_SECONDS: &str = "DELETE FROM meter_seconds WHERE meter = $1";

pub(super) const DELETE_METER_LEASES: &str = "DELETE FROM leases WHERE meter = $1";

/// What was presumed is part of what was used when that is set by hand, and stays there.
pub(super) const OPEN_WITH_PRESUMED: &str = "UPDATE meters SET opening = opening + CAST(COALESCE(
    (SELECT SUM(amount) FROM presumed WHERE meter = $1 AND resolved_us IS NULL), 0
) AS BIGINT) WHERE id = $1";

pub(super) const FORGET_PRESUMED: &str = "UPDATE presumed
SET resolved_us = $2, resolution = $3 WHERE meter = $1 AND resolved_us IS NULL";

pub(super) const HEALTH_MARKS: &str =
    "SELECT * FROM health_marks ORDER BY provider, account, model";

pub(super) const PUT_HEALTH_MARK: &str = "INSERT INTO health_marks (
    provider, account, model, state, until_us, level, reason, since_us
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (provider, account, model) DO UPDATE SET
    state = excluded.state, until_us = excluded.until_us, level = excluded.level,
    reason = excluded.reason, since_us = excluded.since_us";

pub(super) const DELETE_HEALTH_MARK: &str =
    "DELETE FROM health_marks WHERE provider = $1 AND account = $2 AND model = $3";

pub(super) const FORGET_HEALTH_MARKS: &str = "DELETE FROM health_marks WHERE until_us < $1";

pub(super) const ITEMS: &str = "SELECT * FROM items ORDER BY created_at_us, kind, id";

pub(super) const ITEM: &str = "SELECT * FROM items WHERE kind = $1 AND id = $2";

pub(super) const PUT_ITEM: &str = "INSERT INTO items (
    kind, id, body, sealed, created_at_us, created_by, updated_at_us, updated_by
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (kind, id) DO UPDATE SET
    body = excluded.body, sealed = excluded.sealed, created_at_us = excluded.created_at_us,
    created_by = excluded.created_by, updated_at_us = excluded.updated_at_us,
    updated_by = excluded.updated_by";

pub(super) const RESEAL_ITEM: &str = "UPDATE items SET sealed = $4
WHERE kind = $1 AND id = $2 AND sealed = $3 RETURNING id";

pub(super) const DELETE_ITEM: &str = "DELETE FROM items WHERE kind = $1 AND id = $2";

pub(super) const INSERT_AUDIT: &str = "INSERT INTO audit_log (
    change_id, object, at_us, actor, action, state_before, state_after, request_id
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

pub(super) const AUDIT: &str =
    "SELECT * FROM audit_log WHERE object = $1 ORDER BY at_us, change_id";

pub(super) const COUNT_AUDIT: &str = "SELECT COUNT(*) AS total FROM audit_log";

pub(super) const AUDIT_PAGE: &str = "SELECT * FROM audit_log";

/// Values bound for one ledger record.
pub(super) const LEDGER_VALUES: usize = 33;

/// Writes the `n`th placeholder of a statement, counted from 1.
///
/// SQLite keeps the names of placeholders in a list that it walks for each value it binds, which
/// is most of the work when there are thousands. Nameless ones cost nothing, but PostgreSQL has
/// none; so statements for many rows use each value once, in order, and take either.
pub(super) type Placeholder = fn(usize) -> String;

/// Writes the statement that adds `rows` records, with whom their keys belong to, and returns the
/// ids of those that are new, and that again.
pub(super) fn insert_usage(rows: usize, placeholder: Placeholder) -> String {
    let mut sql = String::from(
        "INSERT INTO ledger (
    id, key_hash, started_at_us, first_byte_at_us, ended_at_us, endpoint, model, provider,
    provider_model, provider_response_id, status, streamed, aborted, input_tokens, output_tokens,
    total_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, audio_input_tokens,
    audio_output_tokens, usage_source, cost_nanos, unpriced, end_user, tags, error_code, debits,
    account, attempt, first_attempt, units, served, user_id, team_id, organization_id, revision
) SELECT added.*, keys.user_id, keys.team_id,
    COALESCE(keys.organization_id, teams.organization_id), revision.value
FROM (VALUES ",
    );
    sql.push_str(&values(rows, LEDGER_VALUES, placeholder));
    sql.push_str(
        ") AS added LEFT JOIN api_keys AS keys ON keys.key_hash = added.column2 \
         LEFT JOIN entities AS teams ON teams.kind = 'team' AND teams.id = keys.team_id \
         CROSS JOIN revision WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING id, user_id, \
         team_id, organization_id",
    );
    sql
}

/// Writes the statement that adds cost to `rows` keys and returns where they stand.
pub(super) fn add_spend(rows: usize, placeholder: Placeholder) -> String {
    let mut sql = String::from(
        "UPDATE api_keys SET spend_nanos = spend_nanos + added.column2, \
         last_active_us = CASE WHEN last_active_us > added.column3 \
         THEN last_active_us ELSE added.column3 END FROM (VALUES ",
    );
    sql.push_str(&values(rows, 3, placeholder));
    sql.push_str(
        ") AS added WHERE api_keys.key_hash = added.column1 \
         RETURNING key_hash, spend_nanos, max_budget_nanos, user_id, team_id, organization_id",
    );
    sql
}

/// Writes the statement that adds cost to `rows` entities and returns those that are there.
pub(super) fn add_entity_spend(rows: usize, placeholder: Placeholder) -> String {
    let mut sql =
        String::from("UPDATE entities SET spend_nanos = spend_nanos + added.column3 FROM (VALUES ");
    sql.push_str(&values(rows, 3, placeholder));
    sql.push_str(
        ") AS added WHERE entities.kind = added.column1 AND entities.id = added.column2 \
         RETURNING entities.kind, entities.id, entities.organization_id",
    );
    sql
}

/// Writes so many rows of values.
fn values(rows: usize, columns: usize, placeholder: Placeholder) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            text.push_str(if column == 1 { "" } else { ", " });
            text.push_str(&placeholder(row * columns + column));
        }
        text.push(')');
    }
    text
}

/// Writes the statement that reads the meters of some things.
pub(super) fn meters_of_any(of: &[(Scope, String)]) -> (SqlStr, Vec<Value>) {
    let mut sql = String::from("SELECT * FROM meters WHERE ");
    let mut args = Vec::with_capacity(of.len() * 2);
    for (at, (scope, name)) in of.iter().enumerate() {
        let or = if at == 0 { "" } else { " OR " };
        let _ = write!(sql, "{or}(scope = ${} AND name = ${})", at * 2 + 1, at * 2 + 2);
        args.extend([Value::from(scope.as_str()), name.as_str().into()]);
    }
    sql.push_str(" ORDER BY id");
    (AssertSqlSafe(sql).into_sql_str(), args)
}

/// What matching records cost, by tags.
pub(super) const SPEND_OF_TAGS: &str = "SELECT tags,
    CAST(SUM(CASE WHEN first_attempt IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS total,
    CAST(SUM(cost_nanos) AS BIGINT) AS cost_nanos FROM ledger";

/// What matching records cost, by day, key, user and model.
pub(super) const SPEND_OF_DAYS: &str =
    "SELECT started_at_us / 86400000000 AS day, key_hash, user_id,
    model, CAST(SUM(cost_nanos) AS BIGINT) AS cost_nanos FROM ledger";

/// Sums matching records by day, owner, key and model.
pub(super) fn spend_parts(owner: &str) -> String {
    format!(
        "SELECT started_at_us / 86400000000 AS day, CAST({owner} AS TEXT) AS owner, key_hash, \
         model, CAST(SUM(cost_nanos) AS BIGINT) AS cost_nanos, \
         CAST(SUM(input_tokens) AS BIGINT) AS input_tokens, \
         CAST(SUM(output_tokens) AS BIGINT) AS output_tokens, \
         CAST(SUM(total_tokens) AS BIGINT) AS total_tokens FROM ledger"
    )
}
