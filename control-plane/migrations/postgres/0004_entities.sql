-- Types and names are those of migrations/sqlite; a test compares the two.
-- Whom spend and limits are counted for besides keys: users, teams, organizations, customers, tags.
-- `kind` is a scope of meters. `details` is JSON of what is shown and does nothing.
CREATE TABLE entities (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    alias TEXT,
    email TEXT,
    organization_id TEXT,
    budget_id TEXT,
    models TEXT NOT NULL,
    metadata TEXT NOT NULL,
    details TEXT NOT NULL,
    limits TEXT NOT NULL,
    max_budget_nanos BIGINT,
    budget_window TEXT,
    spend_nanos BIGINT NOT NULL,
    blocked BIGINT,
    created_at_us BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX entities_email ON entities (email);
CREATE INDEX entities_budget ON entities (budget_id) WHERE budget_id IS NOT NULL;
CREATE INDEX entities_organization ON entities (organization_id) WHERE organization_id IS NOT NULL;

-- Limits that keys and entities share by name. Each counts for itself.
CREATE TABLE budgets (
    id TEXT PRIMARY KEY NOT NULL,
    limits TEXT NOT NULL,
    max_budget_nanos BIGINT,
    created_at_us BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);
