-- Types and names are those of migrations/sqlite; a test compares the two.
-- One limit: of one thing (scope, name), in one dimension, over one window.
-- `amount` is the limit, in units of the dimension (requests, tokens, nano-dollars, slots).
-- `limit_window` is 'none', 'fixed:SECONDS' (begins with the first use), 'sliding:SECONDS' or
-- 'calendar:DURATION' (resets as budget_duration does). `model` is '' when it counts all models.
-- used + granted never exceeds amount by a grant: `granted` is the sum over `leases`.
-- `opening` is what was used before anything was counted here, or was set by hand since: used =
-- opening + debits + presumed. `waited_us` is when a holder was last told to wait for units.
CREATE TABLE meters (
    id BIGINT PRIMARY KEY NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    dimension TEXT NOT NULL,
    model TEXT NOT NULL,
    limit_window TEXT NOT NULL,
    amount BIGINT NOT NULL,
    soft_amount BIGINT,
    observe_only BIGINT NOT NULL,
    window_began_us BIGINT,
    window_ends_us BIGINT,
    used BIGINT NOT NULL,
    granted BIGINT NOT NULL,
    opening BIGINT NOT NULL DEFAULT 0,
    waited_us BIGINT,
    UNIQUE (scope, name, dimension, model, limit_window)
);

-- Use within a sliding window, by second. Seconds that left the window are deleted.
CREATE TABLE meter_seconds (
    meter BIGINT NOT NULL,
    second BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (meter, second)
);

-- Who holds leases: one VM of one Envoy. `vanished_us` is when it was given up, until it is back.
CREATE TABLE lease_holders (
    holder TEXT PRIMARY KEY NOT NULL,
    sequence BIGINT NOT NULL,
    seen_us BIGINT NOT NULL,
    vanished_us BIGINT
);

-- What each of them holds, and how much of it idle when it last said so.
CREATE TABLE leases (
    meter BIGINT NOT NULL,
    holder TEXT NOT NULL,
    held BIGINT NOT NULL,
    idle BIGINT NOT NULL,
    PRIMARY KEY (meter, holder)
);
CREATE INDEX leases_holder ON leases (holder);

-- What holders held that vanished: counted as used until they come back or it is reconciled.
CREATE TABLE presumed (
    meter BIGINT NOT NULL,
    holder TEXT NOT NULL,
    amount BIGINT NOT NULL,
    presumed_us BIGINT NOT NULL,
    resolved_us BIGINT,
    resolution TEXT,
    PRIMARY KEY (meter, holder, presumed_us)
);
CREATE INDEX presumed_open ON presumed (holder) WHERE resolved_us IS NULL;

-- The last id that was given to a meter. Ids are never used again.
CREATE TABLE meter_id (
    id BIGINT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO meter_id (id, value) VALUES (1, 0);

-- What the record took from meters: 'METER:AMOUNT' with commas between. NULL: nothing.
ALTER TABLE ledger ADD COLUMN debits TEXT;
