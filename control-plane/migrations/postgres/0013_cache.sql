-- Types and names are those of migrations/sqlite; a test compares the two.
-- Answers that are kept for whoever asks the same. The key is a hash over everything that an
-- answer depends on; tokens are a JSON object of counts.
CREATE TABLE kept_answers (
    cache_key TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    model TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body TEXT NOT NULL,
    tokens TEXT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL
);

CREATE INDEX kept_answers_by_end ON kept_answers (expires_at_us);

-- Who gave the answer. NULL: a provider, or nobody.
ALTER TABLE ledger ADD COLUMN served TEXT;
