-- Types and names are those of migrations/sqlite; a test compares the two.
-- Hashes and ids are lower-case hexadecimal, times microseconds since the epoch (UTC), money
-- nano-dollars, flags 0 or 1, lists and objects JSON text.

CREATE TABLE revision (
    id BIGINT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO revision (id, value) VALUES (1, 1);

CREATE TABLE api_keys (
    key_hash TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    alias TEXT,
    user_id TEXT,
    team_id TEXT,
    models TEXT NOT NULL,
    aliases TEXT NOT NULL,
    metadata TEXT NOT NULL,
    tags TEXT NOT NULL,
    expires_at_us BIGINT,
    max_budget_nanos BIGINT,
    spend_nanos BIGINT NOT NULL,
    blocked BIGINT,
    created_at_us BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    last_active_us BIGINT
);
CREATE UNIQUE INDEX api_keys_alias ON api_keys (alias);
CREATE INDEX api_keys_created ON api_keys (created_at_us, key_hash);
CREATE INDEX api_keys_user ON api_keys (user_id);
CREATE INDEX api_keys_team ON api_keys (team_id);

-- What a key was when it was deleted. A key may be made and deleted more than once.
CREATE TABLE deleted_keys (
    key_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    alias TEXT,
    user_id TEXT,
    team_id TEXT,
    models TEXT NOT NULL,
    aliases TEXT NOT NULL,
    metadata TEXT NOT NULL,
    tags TEXT NOT NULL,
    expires_at_us BIGINT,
    max_budget_nanos BIGINT,
    spend_nanos BIGINT NOT NULL,
    blocked BIGINT,
    created_at_us BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    last_active_us BIGINT,
    deleted_at_us BIGINT NOT NULL,
    deleted_by TEXT NOT NULL,
    deletion_id TEXT NOT NULL,
    PRIMARY KEY (key_hash, deletion_id)
);
CREATE INDEX deleted_keys_created ON deleted_keys (created_at_us, key_hash);

-- Append-only. user_id and team_id are the owners of the key when the record arrived.
CREATE TABLE ledger (
    id TEXT PRIMARY KEY NOT NULL,
    key_hash TEXT NOT NULL,
    user_id TEXT,
    team_id TEXT,
    started_at_us BIGINT NOT NULL,
    first_byte_at_us BIGINT,
    ended_at_us BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT,
    provider_model TEXT,
    provider_response_id TEXT,
    status BIGINT NOT NULL,
    streamed BIGINT NOT NULL,
    aborted BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    audio_input_tokens BIGINT NOT NULL,
    audio_output_tokens BIGINT NOT NULL,
    usage_source TEXT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    end_user TEXT,
    tags TEXT NOT NULL,
    error_code TEXT
);
CREATE INDEX ledger_started ON ledger (started_at_us);
CREATE INDEX ledger_key ON ledger (key_hash, started_at_us);
CREATE INDEX ledger_user ON ledger (user_id, started_at_us) WHERE user_id IS NOT NULL;

-- Written in the transaction of the change it tells about.
CREATE TABLE audit_log (
    change_id TEXT NOT NULL,
    object TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    state_before TEXT,
    state_after TEXT,
    request_id TEXT,
    PRIMARY KEY (change_id, object)
);
CREATE INDEX audit_log_object ON audit_log (object, at_us);
