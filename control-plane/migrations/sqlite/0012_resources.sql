-- Types and names are those of migrations/postgres; a test compares the two.
-- Objects that providers keep for tenants. Bodies are what the provider last said of them; empty
-- where it has not said anything yet. What is due is asked about again at that time.
CREATE TABLE resources (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    tenant TEXT NOT NULL,
    key_hash TEXT NOT NULL,
    model TEXT NOT NULL,
    purpose TEXT NOT NULL,
    tags TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    deleted_at_us BIGINT,
    due_at_us BIGINT,
    tries BIGINT NOT NULL,
    charged_at_us BIGINT,
    reserved TEXT NOT NULL
);
CREATE INDEX resources_by_tenant ON resources (tenant, kind, created_at_us, id);
CREATE INDEX resources_by_due ON resources (due_at_us);
