-- Types and names are those of migrations/sqlite; a test compares the two.
-- Pages of lists are found in the order that they are asked for most.
CREATE INDEX entities_created ON entities (kind, created_at_us, id);
