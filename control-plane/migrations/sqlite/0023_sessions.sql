-- Types and names are those of migrations/postgres; a test compares the two.
-- People who signed in. `user_id` is NULL for the administrator, who signs in with a password.
-- `login` is what the session was begun with, which begins no other.
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY NOT NULL,
    user_id TEXT,
    login TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    seen_at_us BIGINT NOT NULL,
    ends_at_us BIGINT NOT NULL,
    ended_at_us BIGINT
);
CREATE UNIQUE INDEX sessions_login ON sessions (login);
CREATE INDEX sessions_end ON sessions (ends_at_us);

-- Who somebody is to us whom an OpenID provider knows as `subject`. A row outlives its user, so
-- that who was removed does not come back as somebody new.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX identities_user ON identities (issuer, user_id);
