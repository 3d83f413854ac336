-- Types and names are those of migrations/postgres; a test compares the two.
-- What the management API adds to the configuration file. Bodies are JSON without secrets;
-- credentials are sealed with a key that is not in the database.
CREATE TABLE items (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    sealed TEXT,
    created_at_us BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
