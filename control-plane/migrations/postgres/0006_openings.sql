-- Types and names are those of migrations/sqlite; a test compares the two.
-- What counts as spent and no ledger record tells about, because it was set by hand: spend =
-- opening + the sum of records. What was there before this migration is taken as right.
ALTER TABLE api_keys ADD COLUMN spend_opening_nanos BIGINT NOT NULL DEFAULT 0;
UPDATE api_keys SET spend_opening_nanos = spend_nanos - CAST(COALESCE(
    (SELECT SUM(cost_nanos) FROM ledger WHERE ledger.key_hash = api_keys.key_hash), 0
) AS BIGINT);

ALTER TABLE entities ADD COLUMN spend_opening_nanos BIGINT NOT NULL DEFAULT 0;
CREATE INDEX ledger_team ON ledger (team_id, started_at_us) WHERE team_id IS NOT NULL;
