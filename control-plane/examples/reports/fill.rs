//! Fills a database faster than requests would.

use std::time::Instant;

use sqlx::{AssertSqlSafe, PgPool};

use crate::Size;

/// Fills an empty database, and tells whether it was empty.
pub(crate) async fn fill(url: &str, size: Size) -> anyhow::Result<bool> {
    let pool = PgPool::connect(url).await?;
    let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM api_keys").fetch_one(&pool).await?;
    if known > 0 {
        return Ok(false);
    }
    for statement in [organizations(), teams(size), users(size), members(size), keys(size)] {
        sqlx::query(AssertSqlSafe(statement)).execute(&pool).await?;
    }
    let start = Instant::now();
    for from in (0..size.rows).step_by(PIECE) {
        let until = size.rows.min(from + i64::try_from(PIECE)?);
        sqlx::query(AssertSqlSafe(records(size, from, until))).execute(&pool).await?;
        println!("{until} records, {:.0} s", start.elapsed().as_secs_f64());
    }
    sqlx::query(SPENT).execute(&pool).await?;
    pool.close().await;
    Ok(true)
}

/// Has the database look at what it holds, as it would by itself some minutes later.
pub(crate) async fn settle(url: &str) -> anyhow::Result<()> {
    let pool = PgPool::connect(url).await?;
    sqlx::query("VACUUM ANALYZE").execute(&pool).await?;
    pool.close().await;
    Ok(())
}

const PIECE: usize = 500_000;

const ENTITY: &str = "INSERT INTO entities (kind, id, alias, email, organization_id, models, \
    metadata, details, limits, spend_nanos, created_at_us, created_by, updated_at_us, updated_by, \
    team_id, user_id) ";

/// Now, in microseconds, less a moment each.
const MADE: &str = "CAST(EXTRACT(EPOCH FROM now()) * 1e6 AS BIGINT) - 1000000 * CAST(n AS BIGINT), 'bench', \
    CAST(EXTRACT(EPOCH FROM now()) * 1e6 AS BIGINT) - 1000000 * CAST(n AS BIGINT), 'bench'";

fn organizations() -> String {
    format!(
        "{ENTITY} SELECT 'organization', 'organization-' || n, 'Organization ' || n, NULL, NULL, \
         '[]', '{{}}', '{{}}', '{{}}', 0, {MADE}, NULL, NULL FROM generate_series(0, 99) AS n"
    )
}

fn teams(size: Size) -> String {
    format!(
        "{ENTITY} SELECT 'team', 'team-' || n, 'Team ' || n, NULL, 'organization-' || n % 100, \
         '[]', '{{}}', '{{}}', '{{}}', 0, {MADE}, NULL, NULL FROM generate_series(0, {}) AS n",
        size.teams - 1
    )
}

fn users(size: Size) -> String {
    format!(
        "{ENTITY} SELECT 'user', 'user-' || n, NULL, 'user-' || n || '@example.com', NULL, \
         '[]', '{{}}', '{{\"user_role\": \"internal_user\"}}', '{{}}', 0, {MADE}, NULL, NULL \
         FROM generate_series(0, {}) AS n",
        size.users - 1
    )
}

/// Every user is in one team.
fn members(size: Size) -> String {
    format!(
        "{ENTITY} SELECT 'team_member', 'user-' || n || ':team-' || n % {}, NULL, NULL, NULL, \
         '[]', '{{}}', '{{\"role\": \"user\"}}', '{{}}', 0, {MADE}, 'team-' || n % {}, \
         'user-' || n FROM generate_series(0, {}) AS n",
        size.teams,
        size.teams,
        size.users - 1
    )
}

fn keys(size: Size) -> String {
    format!(
        "INSERT INTO api_keys (key_hash, name, alias, user_id, team_id, models, aliases, \
         metadata, tags, spend_nanos, created_at_us, created_by, updated_at_us, updated_by, \
         limits) SELECT encode(sha256(('sk-' || n)::bytea), 'hex'), 'sk-...' || n % 10000, \
         'key-' || n, 'user-' || n % {}, 'team-' || n % {}, '[]', '{{}}', '{{}}', '[]', 0, {MADE}, \
         '{{}}' FROM generate_series(0, {}) AS n",
        size.users,
        size.teams,
        size.keys - 1
    )
}

/// Records, older ones first. Some keys are used much more than others, as they are.
fn records(size: Size, from: i64, until: i64) -> String {
    format!(
        "INSERT INTO ledger (id, key_hash, user_id, team_id, organization_id, started_at_us, \
         first_byte_at_us, ended_at_us, endpoint, model, provider, provider_model, \
         provider_response_id, status, streamed, aborted, input_tokens, output_tokens, \
         total_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, \
         audio_input_tokens, audio_output_tokens, usage_source, cost_nanos, unpriced, end_user, \
         tags, error_code, revision) \
         SELECT lpad(to_hex(n % 8), 32, '0') || lpad(to_hex(n), 16, '0'), \
         encode(sha256(('sk-' || key)::bytea), 'hex'), 'user-' || key % {users}, \
         'team-' || key % {teams}, 'organization-' || key % {teams} % 100, \
         at, at + 400000, at + 2000000, 'chat_completions', 'model-' || n % 20, \
         'provider-' || n % 4, 'provider-model-' || n % 20, 'chatcmpl-' || md5(n::text), \
         CASE WHEN n % 100 = 0 THEN 502 ELSE 200 END, n % 2, 0, 900, 120, 1020, 0, 0, 0, 0, 0, \
         'provider', 1000 * (n % 1000), 0, \
         CASE WHEN n % 10 = 0 THEN 'customer-' || n % {customers} END, \
         CASE WHEN n % 3 = 0 THEN '[\"tag-' || n % 50 || '\"]' ELSE '[]' END, \
         CASE WHEN n % 100 = 0 THEN 'provider_error' END, 1 FROM ( \
           SELECT n, CAST({keys} * power(((n * 7919) % 1000003) / 1000003.0, 3) AS BIGINT) AS key, \
           CAST((EXTRACT(EPOCH FROM date_trunc('day', now())) + 86400 \
           - 30 * 86400.0 * ({rows} - n) / {rows}) * 1e6 AS BIGINT) AS at \
           FROM generate_series(CAST({from} AS BIGINT), {until} - 1) AS n) AS made",
        users = size.users,
        teams = size.teams,
        customers = size.customers,
        keys = size.keys - 1,
        rows = size.rows,
    )
}

/// What keys spent follows from the ledger.
const SPENT: &str = "UPDATE api_keys SET spend_nanos = sums.cost, last_active_us = sums.at FROM ( \
    SELECT key_hash, SUM(cost_nanos) AS cost, MAX(started_at_us) AS at FROM ledger GROUP BY 1 \
    ) AS sums WHERE sums.key_hash = api_keys.key_hash";
