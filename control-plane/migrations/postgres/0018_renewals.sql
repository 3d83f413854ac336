-- Types and names are those of migrations/sqlite; a test compares the two.
-- Hashes that keys had before they were given new secrets: a former one is good until `until_us`,
-- and what is recorded of it is the key's. `first_hash` is what a key was made with: what is made
-- with it stays its own. NULL: it never had another one.
CREATE TABLE former_keys (
    key_hash TEXT PRIMARY KEY NOT NULL,
    now_hash TEXT NOT NULL,
    until_us BIGINT NOT NULL
);
CREATE INDEX former_keys_now ON former_keys (now_hash);

ALTER TABLE api_keys ADD COLUMN first_hash TEXT;
ALTER TABLE api_keys ADD COLUMN renewals BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN renewed_at_us BIGINT;
ALTER TABLE deleted_keys ADD COLUMN first_hash TEXT;
ALTER TABLE deleted_keys ADD COLUMN renewals BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deleted_keys ADD COLUMN renewed_at_us BIGINT;
