//! Statements about objects that providers keep for tenants.

/// Begins every statement that reads them.
pub(in crate::store) const MANY: &str = "SELECT * FROM resources";

pub(in crate::store) const ONE: &str = "SELECT * FROM resources WHERE id = $1";

/// Takes the place of one that was deleted.
pub(in crate::store) const PUT: &str = "INSERT INTO resources (
    id, kind, provider, account, tenant, key_hash, model, purpose, tags, body, created_at_us, tries,
    reserved
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, '')
ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, provider = excluded.provider, account = excluded.account,
    tenant = excluded.tenant, key_hash = excluded.key_hash, model = excluded.model,
    purpose = excluded.purpose, tags = excluded.tags, body = excluded.body,
    created_at_us = excluded.created_at_us, deleted_at_us = NULL, due_at_us = NULL, tries = 0,
    charged_at_us = NULL, reserved = ''";

/// Leaves alone what somebody has.
pub(in crate::store) const ADOPT: &str = "INSERT INTO resources (
    id, kind, provider, account, tenant, key_hash, model, purpose, tags, body, created_at_us, tries,
    reserved
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, '') ON CONFLICT (id) DO NOTHING";

pub(in crate::store) const UPDATE: &str = "UPDATE resources SET
    body = $2, purpose = $3, model = CASE WHEN $4 = '' THEN model ELSE $4 END
WHERE id = $1";

pub(in crate::store) const FORGET: &str = "UPDATE resources SET deleted_at_us = $3 WHERE id = $1 AND tenant = $2 AND deleted_at_us IS NULL";
