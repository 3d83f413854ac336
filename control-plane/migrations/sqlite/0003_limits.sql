-- Types and names are those of migrations/postgres; a test compares the two.
-- Limits as they were set; the meters that enforce them follow in the same transaction. `limits`
-- is JSON of all but max_budget_nanos. `budget_window` is the limit_window of the main budget's
-- meter, by which its use and end are found. NULL: the budget never begins anew.
ALTER TABLE api_keys ADD COLUMN organization_id TEXT;
ALTER TABLE api_keys ADD COLUMN budget_id TEXT;
ALTER TABLE api_keys ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN budget_window TEXT;
CREATE INDEX api_keys_budget ON api_keys (budget_id) WHERE budget_id IS NOT NULL;
CREATE INDEX api_keys_organization ON api_keys (organization_id) WHERE organization_id IS NOT NULL;

ALTER TABLE deleted_keys ADD COLUMN organization_id TEXT;
ALTER TABLE deleted_keys ADD COLUMN budget_id TEXT;
ALTER TABLE deleted_keys ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE deleted_keys ADD COLUMN budget_window TEXT;

-- What all control planes on this database agree on.
CREATE TABLE settings (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);
