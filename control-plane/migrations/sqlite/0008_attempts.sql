-- Types and names are those of migrations/postgres; a test compares the two.
-- A request that was tried more than once has a record of each attempt. `attempt` counts from 1;
-- 0 says that there was only one. `first_attempt` is the id of the record of the first one, and
-- NULL in that record itself. `account` is the provider's, NULL when it has only one.
ALTER TABLE ledger ADD COLUMN account TEXT;
ALTER TABLE ledger ADD COLUMN attempt BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN first_attempt TEXT;
