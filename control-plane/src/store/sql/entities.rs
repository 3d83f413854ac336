//! Statements about users, teams, organisations, customers, tags, and budgets they share.

/// Entities with where their main budgets stand. A budget that never begins anew is not joined:
/// what was spent of it is the entity's own figure.
macro_rules! entities_with_budgets {
    ($rest:literal) => {
        concat!(
            "SELECT entities.*, meters.used AS budget_used, \
             meters.window_ends_us AS budget_ends_us FROM entities \
             LEFT JOIN meters ON meters.scope = entities.kind \
             AND meters.name = entities.id AND meters.dimension = 'money' \
             AND meters.model = '' AND meters.limit_window = entities.budget_window",
            $rest
        )
    };
}

pub(in crate::store) const ENTITIES: &str = entities_with_budgets!("");

pub(in crate::store) const COUNT_ENTITIES: &str = "SELECT COUNT(*) AS total FROM entities";

pub(in crate::store) const ENTITY: &str =
    entities_with_budgets!(" WHERE entities.kind = $1 AND entities.id = $2");

pub(in crate::store) const ENTITIES_OF_BUDGET: &str =
    entities_with_budgets!(" WHERE entities.budget_id = $1");

/// The transaction counts the revision up, so records that follow have at least this one.
pub(in crate::store) const INSERT_ENTITY: &str = "INSERT INTO entities (
    kind, id, alias, email, organization_id, budget_id, models, metadata, details, limits,
    max_budget_nanos, budget_window, spend_nanos, blocked, created_at_us, created_by,
    updated_at_us, updated_by, team_id, user_id, spend_opening_nanos, since_revision
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $13,
    (SELECT value + 1 FROM revision)
)";

pub(in crate::store) const UPDATE_ENTITY: &str = "UPDATE entities SET
    alias = $3, email = $4, organization_id = $5, budget_id = $6, models = $7, metadata = $8,
    details = $9, limits = $10, max_budget_nanos = $11, budget_window = $12, spend_nanos = $13,
    spend_opening_nanos = spend_opening_nanos + $13 - spend_nanos,
    blocked = $14, created_at_us = $15, created_by = $16, updated_at_us = $17, updated_by = $18,
    team_id = $19, user_id = $20
WHERE kind = $1 AND id = $2";

pub(in crate::store) const DELETE_ENTITY: &str = "DELETE FROM entities WHERE kind = $1 AND id = $2";

pub(in crate::store) const PARTS_OF_USER: &str = "SELECT kind, id FROM entities
WHERE user_id = $1 AND kind IN ('team_member', 'organization_member')";

pub(in crate::store) const PARTS_OF_TEAM: &str =
    "SELECT kind, id FROM entities WHERE team_id = $1 AND kind = 'team_member'";

pub(in crate::store) const PARTS_OF_ORGANIZATION: &str = "SELECT kind, id FROM entities
WHERE organization_id = $1 AND kind IN ('team', 'organization_member')";

pub(in crate::store) const ANY_CUSTOMER: &str = "SELECT COUNT(*) AS total FROM (SELECT id FROM entities WHERE kind = 'customer' LIMIT 1) AS one";

pub(in crate::store) const KEYS_OF_USER: &str =
    "SELECT key_hash FROM api_keys WHERE user_id = $1 LIMIT $2";

pub(in crate::store) const KEYS_OF_TEAM: &str =
    "SELECT key_hash FROM api_keys WHERE team_id = $1 LIMIT $2";

/// What a user's keys of a team are.
pub(in crate::store) const KEYS_OF_TEAM_MEMBER: &str = "SELECT key_hash FROM entities
JOIN api_keys ON api_keys.team_id = entities.team_id AND api_keys.user_id = entities.user_id
WHERE entities.kind = 'team_member' AND entities.id = $1 LIMIT $2";

/// A key belongs to the organisation it names, else to its team's.
pub(in crate::store) const KEYS_OF_ORGANIZATION: &str = "SELECT key_hash FROM api_keys
WHERE organization_id = $1 OR (organization_id IS NULL AND team_id IN (
    SELECT id FROM entities WHERE kind = 'team' AND organization_id = $1
)) LIMIT $2";

pub(in crate::store) const BUDGET: &str = "SELECT * FROM budgets WHERE id = $1";

pub(in crate::store) const BUDGETS: &str = "SELECT * FROM budgets ORDER BY created_at_us, id";

pub(in crate::store) const INSERT_BUDGET: &str = "INSERT INTO budgets (
    id, limits, max_budget_nanos, created_at_us, created_by, updated_at_us, updated_by
) VALUES ($1, $2, $3, $4, $5, $6, $7)";

pub(in crate::store) const UPDATE_BUDGET: &str = "UPDATE budgets SET
    limits = $2, max_budget_nanos = $3, created_at_us = $4, created_by = $5, updated_at_us = $6,
    updated_by = $7
WHERE id = $1";

pub(in crate::store) const DELETE_BUDGET: &str = "DELETE FROM budgets WHERE id = $1";
