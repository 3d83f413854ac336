//! Statements that prove totals: each finds rows whose `stored` figure is not the `proven` one.

pub(in crate::store) const KEYS: &str = "SELECT * FROM (
    SELECT api_keys.key_hash AS id, spend_nanos AS stored,
        CAST(spend_opening_nanos + COALESCE(sums.cost, 0) AS BIGINT) AS proven
    FROM api_keys LEFT JOIN (
        SELECT key_hash, SUM(cost_nanos) AS cost FROM ledger GROUP BY key_hash
    ) AS sums ON sums.key_hash = api_keys.key_hash
) AS totals WHERE stored <> proven ORDER BY id";

/// What entities of one kind spent: the records since each was made that name it.
macro_rules! spend_of_entities {
    ($kind:literal, $column:literal) => {
        concat!(
            "SELECT * FROM (
    SELECT entities.id, spend_nanos AS stored,
        CAST(spend_opening_nanos + COALESCE(SUM(cost_nanos), 0) AS BIGINT) AS proven
    FROM entities LEFT JOIN ledger
        ON ledger.",
            $column,
            " = entities.id AND ledger.revision >= since_revision
    WHERE entities.kind = '",
            $kind,
            "' GROUP BY entities.kind, entities.id
) AS totals WHERE stored <> proven ORDER BY id"
        )
    };
}

pub(in crate::store) const USERS: &str = spend_of_entities!("user", "user_id");

pub(in crate::store) const TEAMS: &str = spend_of_entities!("team", "team_id");

/// A member's part is what their keys of the team spent.
pub(in crate::store) const TEAM_MEMBERS: &str = "SELECT * FROM (
    SELECT entities.id, spend_nanos AS stored,
        CAST(spend_opening_nanos + COALESCE(SUM(cost_nanos), 0) AS BIGINT) AS proven
    FROM entities LEFT JOIN ledger ON ledger.team_id = entities.team_id
        AND ledger.user_id = entities.user_id AND ledger.revision >= since_revision
    WHERE entities.kind = 'team_member' GROUP BY entities.kind, entities.id
) AS totals WHERE stored <> proven ORDER BY id";

pub(in crate::store) const ORGANIZATIONS: &str =
    spend_of_entities!("organization", "organization_id");

pub(in crate::store) const CUSTOMERS: &str = spend_of_entities!("customer", "end_user");

/// Records name tags in a list, so what they spent is summed up by the reader.
pub(in crate::store) const TAGS: &str =
    "SELECT id, since_revision, spend_nanos AS stored, spend_opening_nanos AS opening
FROM entities WHERE kind = 'tag' ORDER BY id";

pub(in crate::store) const TAGGED: &str = "SELECT id, tags, revision, cost_nanos FROM ledger
WHERE tags <> '[]' AND id > $1 ORDER BY id LIMIT 5000";

/// What a day cost. The day is its number since the epoch.
pub(in crate::store) const DAYS: &str = "SELECT CAST(days.day AS TEXT) AS id,
    CAST(COALESCE(stored.cost, 0) AS BIGINT) AS stored,
    CAST(COALESCE(proven.cost, 0) AS BIGINT) AS proven
FROM (
    SELECT day FROM daily_usage UNION SELECT started_at_us / 86400000000 FROM ledger
) AS days LEFT JOIN (
    SELECT day, SUM(cost_nanos) AS cost FROM daily_usage WHERE scope = 'all' GROUP BY day
) AS stored ON stored.day = days.day LEFT JOIN (
    SELECT started_at_us / 86400000000 AS day, SUM(cost_nanos) AS cost FROM ledger GROUP BY 1
) AS proven ON proven.day = days.day
WHERE COALESCE(stored.cost, 0) <> COALESCE(proven.cost, 0) ORDER BY days.day";

pub(in crate::store) const GRANTED: &str = "SELECT * FROM (
    SELECT CAST(meters.id AS TEXT) AS id, granted AS stored,
        CAST(COALESCE(sums.held, 0) AS BIGINT) AS proven
    FROM meters LEFT JOIN (
        SELECT meter, SUM(held) AS held FROM leases GROUP BY meter
    ) AS sums ON sums.meter = meters.id
) AS totals WHERE stored <> proven ORDER BY id";

/// Meters that count what records tell, since ever. `counted` is what is not in records.
pub(in crate::store) const USED: &str = "SELECT meters.id, used AS stored,
    CAST(opening + COALESCE(sums.amount, 0) AS BIGINT) AS counted
FROM meters LEFT JOIN (
    SELECT meter, SUM(amount) AS amount FROM presumed WHERE resolved_us IS NULL GROUP BY meter
) AS sums ON sums.meter = meters.id
WHERE limit_window = 'none' AND dimension NOT IN ('requests', 'parallel') ORDER BY meters.id";

pub(in crate::store) const DEBITS: &str = "SELECT id, debits FROM ledger
WHERE debits IS NOT NULL AND id > $1 ORDER BY id LIMIT 5000";

pub(in crate::store) const RECORD: &str = "SELECT id FROM ledger WHERE id = $1";

pub(in crate::store) const PRESUMED: &str = "SELECT meters.*, presumed.holder,
    presumed.amount AS presumed_amount, presumed.presumed_us
FROM presumed JOIN meters ON meters.id = presumed.meter
WHERE presumed.resolved_us IS NULL ORDER BY presumed.holder, presumed.meter";

pub(in crate::store) const SET_KEY: &str =
    "UPDATE api_keys SET spend_nanos = $2 WHERE key_hash = $1";

pub(in crate::store) const SET_ENTITY: &str =
    "UPDATE entities SET spend_nanos = $3 WHERE kind = $1 AND id = $2";

pub(in crate::store) const SET_GRANTED: &str =
    "UPDATE meters SET granted = $2 WHERE CAST(id AS TEXT) = $1";

pub(in crate::store) const SET_USED: &str =
    "UPDATE meters SET used = $2 WHERE CAST(id AS TEXT) = $1";
