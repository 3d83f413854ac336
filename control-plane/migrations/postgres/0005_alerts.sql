-- Types and names are those of migrations/sqlite; a test compares the two.
-- Soft limits that were crossed: once in each window of their meter.
CREATE TABLE alerts (
    meter BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    dimension TEXT NOT NULL,
    model TEXT NOT NULL,
    limit_window TEXT NOT NULL,
    amount BIGINT NOT NULL,
    soft_amount BIGINT NOT NULL,
    observe_only BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (meter, at_us)
);
CREATE INDEX alerts_at ON alerts (at_us);
