//! Statements about people who signed in.

pub(in crate::store) const INSERT_SESSION: &str = "INSERT INTO sessions (
    token_hash, user_id, login, created_at_us, seen_at_us, ends_at_us
) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING token_hash";

pub(in crate::store) const SESSION: &str = "SELECT * FROM sessions WHERE token_hash = $1";

pub(in crate::store) const SEE_SESSION: &str =
    "UPDATE sessions SET seen_at_us = $2 WHERE token_hash = $1 AND seen_at_us < $2";

pub(in crate::store) const END_SESSION: &str =
    "UPDATE sessions SET ended_at_us = $2 WHERE token_hash = $1 AND ended_at_us IS NULL";

pub(in crate::store) const FORGET_SESSIONS: &str =
    "DELETE FROM sessions WHERE ends_at_us <= $1 RETURNING token_hash";

pub(in crate::store) const IDENTITY: &str =
    "SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2";

pub(in crate::store) const INSERT_IDENTITY: &str = "INSERT INTO identities (
    issuer, subject, user_id, created_at_us
) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING user_id";
