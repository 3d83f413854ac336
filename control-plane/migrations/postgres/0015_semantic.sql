-- Types and names are those of migrations/sqlite; a test compares the two.
-- What kept answers are found by where the question is similar. The context is a hash over all else
-- that the answer depends on; the vector is base64 of little-endian singles. Whoever forgets an
-- answer forgets its vector.
CREATE TABLE kept_vectors (
    cache_key TEXT NOT NULL PRIMARY KEY REFERENCES kept_answers (cache_key) ON DELETE CASCADE,
    context TEXT NOT NULL,
    embedding TEXT NOT NULL,
    vector TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL
);

CREATE INDEX kept_vectors_by_context ON kept_vectors (context, embedding, created_at_us);

CREATE INDEX kept_vectors_by_end ON kept_vectors (expires_at_us);
