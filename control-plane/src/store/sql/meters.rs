//! Statements about leases and where meters stand. Those for many rows use each value once, in
//! order.

use super::{Placeholder, values};

pub(in crate::store) const HOLDER: &str =
    "SELECT sequence, vanished_us FROM lease_holders WHERE holder = $1";

pub(in crate::store) const PUT_HOLDER: &str = "INSERT INTO lease_holders
(holder, sequence, seen_us) VALUES ($1, $2, $3) ON CONFLICT (holder) DO UPDATE SET
sequence = excluded.sequence, seen_us = excluded.seen_us, vanished_us = NULL";

pub(in crate::store) const OPEN_PRESUMED_OF: &str = "SELECT meter, amount, presumed_us
FROM presumed WHERE holder = $1 AND resolved_us IS NULL ORDER BY meter, presumed_us";

pub(in crate::store) const RESOLVE_PRESUMED_OF: &str =
    "UPDATE presumed SET resolved_us = $2, resolution = $3
WHERE holder = $1 AND resolved_us IS NULL";

pub(in crate::store) const UNSEEN: &str = "SELECT holder FROM lease_holders
WHERE vanished_us IS NULL AND seen_us < $1 ORDER BY holder LIMIT 100";

pub(in crate::store) const LEASED_BY: &str =
    "SELECT meter FROM leases WHERE holder = $1 ORDER BY meter";

pub(in crate::store) const PRESUME: &str =
    "INSERT INTO presumed (meter, holder, amount, presumed_us) VALUES ($1, $2, $3, $4)";

pub(in crate::store) const VANISH: &str =
    "UPDATE lease_holders SET vanished_us = $2 WHERE holder = $1";

pub(in crate::store) const FORGET_HOLDERS: &str = "DELETE FROM lease_holders
WHERE vanished_us < $1 AND NOT EXISTS (
    SELECT 1 FROM presumed WHERE presumed.holder = lease_holders.holder AND resolved_us IS NULL
)";

pub(in crate::store) const FORGET_SECONDS: &str =
    "DELETE FROM meter_seconds WHERE meter = $1 AND second < $2";

pub(in crate::store) fn by_id(rows: usize, placeholder: Placeholder) -> String {
    format!("SELECT * FROM meters WHERE id IN ({})", list(rows, 1, placeholder))
}

/// What is held of each meter in all, how much of it idle, and how much by the holder that is
/// bound twice before the meters.
pub(in crate::store) fn leases_of(rows: usize, placeholder: Placeholder) -> String {
    format!(
        "SELECT meter, CAST(SUM(idle) AS BIGINT) AS idle,
CAST(SUM(CASE WHEN holder = {} THEN held ELSE 0 END) AS BIGINT) AS own_held,
CAST(SUM(CASE WHEN holder = {} THEN idle ELSE 0 END) AS BIGINT) AS own_idle
FROM leases WHERE meter IN ({}) GROUP BY meter",
        placeholder(1),
        placeholder(2),
        list(rows, 3, placeholder)
    )
}

pub(in crate::store) fn seconds_of(rows: usize, placeholder: Placeholder) -> String {
    let list = list(rows, 1, placeholder);
    format!("SELECT meter, second, used FROM meter_seconds WHERE meter IN ({list})")
}

pub(in crate::store) fn update(rows: usize, placeholder: Placeholder) -> String {
    format!(
        "UPDATE meters SET used = page.column2, granted = page.column3, opening = page.column4,
window_began_us = page.column5, window_ends_us = page.column6, waited_us = page.column7
FROM (VALUES {}) AS page WHERE meters.id = page.column1",
        values(rows, 7, placeholder)
    )
}

pub(in crate::store) fn put_leases(rows: usize, placeholder: Placeholder) -> String {
    format!(
        "INSERT INTO leases (meter, holder, held, idle)
SELECT DISTINCT column1, column2, column3, column4 FROM (VALUES {}) AS lease WHERE TRUE
ON CONFLICT (meter, holder) DO UPDATE SET held = excluded.held, idle = excluded.idle",
        values(rows, 4, placeholder)
    )
}

/// Ends leases of the holder that is bound before the meters.
pub(in crate::store) fn end_leases(rows: usize, placeholder: Placeholder) -> String {
    format!(
        "DELETE FROM leases WHERE holder = {} AND meter IN ({})",
        placeholder(1),
        list(rows, 2, placeholder)
    )
}

pub(in crate::store) fn put_seconds(rows: usize, placeholder: Placeholder) -> String {
    format!(
        "INSERT INTO meter_seconds (meter, second, used)
SELECT DISTINCT column1, column2, column3 FROM (VALUES {}) AS slice WHERE TRUE
ON CONFLICT (meter, second) DO UPDATE SET used = excluded.used",
        values(rows, 3, placeholder)
    )
}

fn list(rows: usize, first: usize, placeholder: Placeholder) -> String {
    (first..first + rows).map(placeholder).collect::<Vec<_>>().join(", ")
}
