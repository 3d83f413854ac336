//! Statements that prove totals: each finds rows whose `stored` figure is not the `proven` one.

pub(in crate::store) const KEYS: &str = "SELECT * FROM (
    SELECT api_keys.key_hash AS id, spend_nanos AS stored,
        CAST(spend_opening_nanos + COALESCE(sums.cost, 0) AS BIGINT) AS proven
    FROM api_keys LEFT JOIN (
        SELECT key_hash, SUM(cost_nanos) AS cost FROM ledger GROUP BY key_hash
    ) AS sums ON sums.key_hash = api_keys.key_hash
) AS totals WHERE stored <> proven ORDER BY id";

pub(in crate::store) const USERS: &str = "SELECT * FROM (
    SELECT entities.id, spend_nanos AS stored,
        CAST(spend_opening_nanos + COALESCE(sums.cost, 0) AS BIGINT) AS proven
    FROM entities LEFT JOIN (
        SELECT user_id, SUM(cost_nanos) AS cost FROM ledger
        WHERE user_id IS NOT NULL GROUP BY user_id
    ) AS sums ON sums.user_id = entities.id WHERE entities.kind = 'user'
) AS totals WHERE stored <> proven ORDER BY id";

pub(in crate::store) const TEAMS: &str = "SELECT * FROM (
    SELECT entities.id, spend_nanos AS stored,
        CAST(spend_opening_nanos + COALESCE(sums.cost, 0) AS BIGINT) AS proven
    FROM entities LEFT JOIN (
        SELECT team_id, SUM(cost_nanos) AS cost FROM ledger
        WHERE team_id IS NOT NULL GROUP BY team_id
    ) AS sums ON sums.team_id = entities.id WHERE entities.kind = 'team'
) AS totals WHERE stored <> proven ORDER BY id";

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

pub(in crate::store) const SET_USER: &str =
    "UPDATE entities SET spend_nanos = $2 WHERE kind = 'user' AND id = $1";

pub(in crate::store) const SET_TEAM: &str =
    "UPDATE entities SET spend_nanos = $2 WHERE kind = 'team' AND id = $1";

pub(in crate::store) const SET_GRANTED: &str =
    "UPDATE meters SET granted = $2 WHERE CAST(id AS TEXT) = $1";

pub(in crate::store) const SET_USED: &str =
    "UPDATE meters SET used = $2 WHERE CAST(id AS TEXT) = $1";
