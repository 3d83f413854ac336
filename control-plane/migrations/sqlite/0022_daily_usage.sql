-- Types and names are those of migrations/postgres; a test compares the two.
-- The ledger, added up by UTC day: reports read this instead of every record. `scope` is 'all',
-- where owner and key_hash are empty, 'key', where owner is empty, or the scope of an owner. What
-- is in the ledger already is added up when the control plane starts.
CREATE TABLE daily_usage (
    scope TEXT NOT NULL,
    day BIGINT NOT NULL,
    owner TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    PRIMARY KEY (scope, day, owner, key_hash, model, provider)
);
CREATE INDEX daily_usage_owner ON daily_usage (scope, owner, day);
CREATE INDEX daily_usage_key ON daily_usage (scope, key_hash, day);
