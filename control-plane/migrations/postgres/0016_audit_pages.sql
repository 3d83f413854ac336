-- Types and names are those of migrations/sqlite; a test compares the two.
-- The audit log is read by time, and by who did something.
CREATE INDEX audit_log_by_time ON audit_log (at_us, change_id);
CREATE INDEX audit_log_by_actor ON audit_log (actor, at_us);
