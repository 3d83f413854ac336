-- Types and names are those of migrations/postgres; a test compares the two.
-- Days tell how many records there are and which model of a provider answered: so they count what
-- matches, and lists of records need not. What a key used is kept once, with whom the key belonged
-- to, instead of once for each of these; '' stands for nobody. `scope` is 'all', where only the
-- models tell rows apart, 'key', or 'customer' and 'tag', where `owner` is which. The sums are made
-- anew when the control plane starts.
DROP TABLE daily_usage;
CREATE TABLE daily_usage (
    scope TEXT NOT NULL,
    day BIGINT NOT NULL,
    owner TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    user_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    provider_model TEXT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    PRIMARY KEY (
        scope, day, owner, key_hash, model, provider, provider_model, user_id, team_id,
        organization_id
    )
);
CREATE INDEX daily_usage_owner ON daily_usage (scope, owner, day) WHERE owner <> '';
CREATE INDEX daily_usage_key ON daily_usage (key_hash, day) WHERE key_hash <> '';
CREATE INDEX daily_usage_user ON daily_usage (user_id, day) WHERE user_id <> '';
CREATE INDEX daily_usage_team ON daily_usage (team_id, day) WHERE team_id <> '';
CREATE INDEX daily_usage_organization ON daily_usage (organization_id, day)
WHERE organization_id <> '';

-- A page of records is found without looking at those before it.
DROP INDEX ledger_started;
CREATE INDEX ledger_started ON ledger (started_at_us, id);
CREATE INDEX ledger_model ON ledger (model, started_at_us);
CREATE INDEX ledger_customer ON ledger (end_user, started_at_us) WHERE end_user IS NOT NULL;
CREATE INDEX ledger_failed ON ledger (started_at_us) WHERE error_code IS NOT NULL;
