-- Types and names are those of migrations/sqlite; a test compares the two.
-- Accounts of providers that are out of rotation. An empty model stands for all of the account's.
CREATE TABLE health_marks (
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    model TEXT NOT NULL,
    state TEXT NOT NULL,
    until_us BIGINT NOT NULL,
    level BIGINT NOT NULL,
    reason TEXT NOT NULL,
    since_us BIGINT NOT NULL,
    PRIMARY KEY (provider, account, model)
);
