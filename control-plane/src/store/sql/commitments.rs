//! Statements about work that providers do after they have answered.

pub(in crate::store) const PUT: &str =
    "INSERT INTO commitments (id, made_at_us, terms, resource) VALUES ($1, $2, $3, '')";

pub(in crate::store) const ONE: &str = "SELECT * FROM commitments WHERE id = $1";

pub(in crate::store) const AMEND: &str = "UPDATE commitments SET terms = $2 WHERE id = $1";

/// Only while no object is known of it.
pub(in crate::store) const FORGET: &str =
    "DELETE FROM commitments WHERE id = $1 AND resource = '' RETURNING id";

pub(in crate::store) const END: &str = "DELETE FROM commitments WHERE id = $1";

pub(in crate::store) const ABANDONED: &str = "SELECT id AS holder FROM commitments
WHERE resource = '' AND made_at_us < $1 ORDER BY made_at_us LIMIT 100";

pub(in crate::store) const BIND: &str =
    "UPDATE commitments SET resource = $2 WHERE id = $1 AND resource IN ('', $2) RETURNING id";

pub(in crate::store) const FOLLOW: &str = "UPDATE resources SET reserved = $2, due_at_us = $3
WHERE id = $1 AND charged_at_us IS NULL AND reserved = ''";

pub(in crate::store) const DUE: &str =
    "SELECT id FROM resources WHERE due_at_us <= $1 ORDER BY due_at_us LIMIT 1";

pub(in crate::store) const CLAIM: &str = "UPDATE resources SET due_at_us = $2, tries = tries + 1
WHERE id IN (SELECT id FROM resources WHERE due_at_us <= $1 ORDER BY due_at_us LIMIT $3)
RETURNING *";

pub(in crate::store) const PUT_OFF: &str = "UPDATE resources SET due_at_us = $2
WHERE id = $1 AND reserved <> '' AND charged_at_us IS NULL";

pub(in crate::store) const CHARGE: &str =
    "UPDATE resources SET charged_at_us = $2, due_at_us = NULL
WHERE id = $1 AND charged_at_us IS NULL RETURNING id";
