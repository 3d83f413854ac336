//! Statements about answers that are kept, and about what they are found by where the question is
//! similar.

pub(in crate::store) const KEPT_ANSWER: &str =
    "SELECT * FROM kept_answers WHERE cache_key = $1 AND expires_at_us > $2";

pub(in crate::store) const KEEP_ANSWER: &str = "INSERT INTO kept_answers (
    cache_key, tenant, model, content_type, body, tokens, cost_nanos, created_at_us, expires_at_us
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (cache_key) DO UPDATE SET
    content_type = excluded.content_type, body = excluded.body, tokens = excluded.tokens,
    cost_nanos = excluded.cost_nanos, created_at_us = excluded.created_at_us,
    expires_at_us = excluded.expires_at_us";

pub(in crate::store) const FORGET_ANSWERS: &str = "DELETE FROM kept_answers RETURNING cache_key";

pub(in crate::store) const FORGET_ANSWERS_OF: &str =
    "DELETE FROM kept_answers WHERE model = $1 RETURNING cache_key";

pub(in crate::store) const FORGET_ANSWER: &str =
    "DELETE FROM kept_answers WHERE cache_key = $1 RETURNING cache_key";

pub(in crate::store) const FORGET_ANSWERS_BEFORE: &str =
    "DELETE FROM kept_answers WHERE created_at_us < $1 RETURNING cache_key";

pub(in crate::store) const FORGET_OLD_ANSWERS: &str =
    "DELETE FROM kept_answers WHERE expires_at_us <= $1 RETURNING cache_key";

pub(in crate::store) const KEPT_FIGURES: &str = "SELECT COUNT(*) AS total,
    CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT) AS bytes
FROM kept_answers WHERE expires_at_us > $1";

/// The newest first, so that a context with many of them costs no more than one with some.
pub(in crate::store) const VECTORS: &str = "SELECT cache_key, vector, expires_at_us
FROM kept_vectors WHERE context = $1 AND embedding = $2 AND expires_at_us > $3
ORDER BY created_at_us DESC LIMIT $4";

pub(in crate::store) const KEEP_VECTOR: &str = "INSERT INTO kept_vectors (
    cache_key, context, embedding, vector, created_at_us, expires_at_us
) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (cache_key) DO UPDATE SET
    context = excluded.context, embedding = excluded.embedding, vector = excluded.vector,
    created_at_us = excluded.created_at_us, expires_at_us = excluded.expires_at_us";

pub(in crate::store) const FORGET_OLD_VECTORS: &str =
    "DELETE FROM kept_vectors WHERE expires_at_us <= $1";

pub(in crate::store) const VECTOR_FIGURES: &str =
    "SELECT COUNT(*) AS total FROM kept_vectors WHERE expires_at_us > $1";
