//! Statements about the ledger, added up by day.

use super::{Placeholder, values};

/// Values bound for one row.
pub(in crate::store) const DAILY_VALUES: usize = 19;

/// A row, when the first day of the ledger was not added up.
pub(in crate::store) const OLDEST_IS_MISSING: &str = "SELECT oldest.day FROM (
    SELECT started_at_us / 86400000000 AS day FROM ledger ORDER BY started_at_us LIMIT 1
) AS oldest
WHERE NOT EXISTS (SELECT 1 FROM daily_usage WHERE scope = 'all' AND daily_usage.day = oldest.day)";

/// Days of the ledger that were not added up, the latest first.
pub(in crate::store) const MISSING: &str = "SELECT days.day FROM (
    SELECT DISTINCT started_at_us / 86400000000 AS day FROM ledger
) AS days
WHERE NOT EXISTS (SELECT 1 FROM daily_usage WHERE scope = 'all' AND daily_usage.day = days.day)
ORDER BY days.day DESC";

/// Takes days out, from one to before another.
pub(in crate::store) const FORGET: &str = "DELETE FROM daily_usage WHERE day >= $1 AND day < $2";

/// Tagged records of some time, in pages.
pub(in crate::store) const TAGGED: &str = "SELECT * FROM ledger WHERE tags <> '[]'
AND started_at_us >= $1 AND started_at_us < $2 AND id > $3 ORDER BY id LIMIT 5000";

/// Adds up the records of some time for a scope, but for tags: a record names those in a list,
/// which the databases take apart each in its own way.
macro_rules! add_up {
    ($scope:literal, $owner:literal, $whose:literal, $those:literal) => {
        concat!(
            "INSERT INTO daily_usage SELECT '",
            $scope,
            "', started_at_us / 86400000000, ",
            $owner,
            ", ",
            $whose,
            ", model, COALESCE(provider, ''), COALESCE(provider_model, ''), SUM(cost_nanos), \
             SUM(input_tokens), SUM(output_tokens), SUM(total_tokens), SUM(cached_input_tokens), \
             SUM(cache_write_tokens), SUM(CASE WHEN first_attempt IS NULL THEN 1 ELSE 0 END), \
             COUNT(*), SUM(CASE WHEN error_code IS NULL THEN 1 ELSE 0 END) FROM ledger WHERE ",
            $those,
            " AND started_at_us >= $1 AND started_at_us < $2 \
             GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10"
        )
    };
}

/// Adds up the records of some time for every scope but tags.
pub(in crate::store) const ADD_UP: [&str; 3] = [
    add_up!("all", "''", "'', '', '', ''", "1 = 1"),
    add_up!(
        "key",
        "''",
        "key_hash, COALESCE(user_id, ''), COALESCE(team_id, ''), COALESCE(organization_id, '')",
        "1 = 1"
    ),
    add_up!("customer", "end_user", "key_hash, '', '', ''", "end_user IS NOT NULL"),
];

/// Writes the statement that adds to `rows` rows, made when they are not there. The same row
/// twice counts once.
pub(in crate::store) fn add(rows: usize, placeholder: Placeholder) -> String {
    let mut sql = String::from("INSERT INTO daily_usage SELECT DISTINCT * FROM (VALUES ");
    sql.push_str(&values(rows, DAILY_VALUES, placeholder));
    sql.push_str(
        ") AS added WHERE 1 = 1 ON CONFLICT (scope, day, owner, key_hash, model, \
         provider, provider_model, user_id, team_id, organization_id)
DO UPDATE SET cost_nanos = daily_usage.cost_nanos + excluded.cost_nanos,
    input_tokens = daily_usage.input_tokens + excluded.input_tokens,
    output_tokens = daily_usage.output_tokens + excluded.output_tokens,
    total_tokens = daily_usage.total_tokens + excluded.total_tokens,
    cached_input_tokens = daily_usage.cached_input_tokens + excluded.cached_input_tokens,
    cache_write_tokens = daily_usage.cache_write_tokens + excluded.cache_write_tokens,
    requests = daily_usage.requests + excluded.requests,
    attempts = daily_usage.attempts + excluded.attempts,
    succeeded = daily_usage.succeeded + excluded.succeeded",
    );
    sql
}

/// Sums what each of a column cost, and all the rest.
pub(in crate::store) fn dearest(column: &str) -> String {
    format!("SELECT {column} AS name, {SUMS} FROM daily_usage")
}

/// Sums what each of a column cost on each day.
pub(in crate::store) fn by_day(column: &str) -> String {
    format!(
        "SELECT day, {column} AS name, CAST(SUM(cost_nanos) AS BIGINT) AS cost_nanos \
         FROM daily_usage"
    )
}

/// What a report reads of a day: `owner` and `key` are what it is told apart by.
pub(in crate::store) fn read(owner: Option<&str>, key: bool) -> String {
    let (owner, key) = (owner.unwrap_or("''"), if key { "key_hash" } else { "''" });
    format!(
        "SELECT day, {owner} AS owner, {key} AS key_hash, model, provider, {SUMS} FROM daily_usage"
    )
}

const SUMS: &str = "CAST(SUM(cost_nanos) AS BIGINT) AS cost_nanos, \
     CAST(SUM(input_tokens) AS BIGINT) AS input_tokens, \
     CAST(SUM(output_tokens) AS BIGINT) AS output_tokens, \
     CAST(SUM(total_tokens) AS BIGINT) AS total_tokens, \
     CAST(SUM(cached_input_tokens) AS BIGINT) AS cached_input_tokens, \
     CAST(SUM(cache_write_tokens) AS BIGINT) AS cache_write_tokens, \
     CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(attempts) AS BIGINT) AS attempts, \
     CAST(SUM(succeeded) AS BIGINT) AS succeeded";
