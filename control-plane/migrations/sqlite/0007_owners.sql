-- Types and names are those of migrations/postgres; a test compares the two.
-- What proves totals of organizations, customers and tags. The ledger keeps the organization that
-- the key belonged to, and the revision at which each record was stored; an entity counts records
-- from the revision on at which it was made. Figures that were there before are taken as right.
ALTER TABLE ledger ADD COLUMN organization_id TEXT;
ALTER TABLE ledger ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

ALTER TABLE entities ADD COLUMN since_revision BIGINT NOT NULL DEFAULT 0;
UPDATE entities SET since_revision = 1, spend_opening_nanos = spend_nanos
WHERE kind IN ('organization', 'customer', 'tag');
