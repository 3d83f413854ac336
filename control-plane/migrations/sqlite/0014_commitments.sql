-- Types and names are those of migrations/postgres; a test compares the two.
-- What was reserved for work that providers do after they have answered. `id` is the holder of the
-- leases. `terms` is JSON: what follows when it is over. `resource` is the object that it became;
-- empty while none is known.
CREATE TABLE commitments (
    id TEXT PRIMARY KEY NOT NULL,
    made_at_us BIGINT NOT NULL,
    terms TEXT NOT NULL,
    resource TEXT NOT NULL
);
CREATE INDEX commitments_open ON commitments (made_at_us) WHERE resource = '';
