//! Statements about keys that are given new secrets.

pub(in crate::store) const RENEW_KEY: &str = "UPDATE api_keys SET
    key_hash = $2, name = $3, first_hash = COALESCE(first_hash, $1), renewals = renewals + 1,
    renewed_at_us = $4, spend_opening_nanos = spend_nanos - CAST(COALESCE(
        (SELECT SUM(cost_nanos) FROM ledger WHERE ledger.key_hash = $2), 0
    ) AS BIGINT)
WHERE key_hash = $1";

/// Its limits go on with what was used of them.
pub(in crate::store) const RENAME_METERS: &str =
    "UPDATE meters SET name = $2 WHERE scope = 'key' AND name = $1";

pub(in crate::store) const FOLLOW: &str =
    "UPDATE former_keys SET now_hash = $2 WHERE now_hash = $1";

pub(in crate::store) const PUT_FORMER: &str =
    "INSERT INTO former_keys (key_hash, now_hash, until_us) VALUES ($1, $2, $3)
ON CONFLICT (key_hash) DO UPDATE SET now_hash = excluded.now_hash, until_us = excluded.until_us";

pub(in crate::store) const FORGET_FORMER: &str = "DELETE FROM former_keys WHERE key_hash = $1";

pub(in crate::store) const FORGET_ALL_FORMER: &str = "DELETE FROM former_keys WHERE now_hash = $1";

pub(in crate::store) const FORMER_OF: &str = "SELECT key_hash FROM former_keys WHERE now_hash = $1";

pub(in crate::store) const FORMER: &str =
    "SELECT now_hash, until_us FROM former_keys WHERE key_hash = $1";

pub(in crate::store) const ANY_FORMER: &str = "SELECT key_hash FROM former_keys LIMIT 1";
