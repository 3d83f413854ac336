-- Types and names are those of migrations/sqlite; a test compares the two.
-- Members of teams and organizations are entities of their own: who (`user_id`) is one of what
-- (`team_id`, `organization_id`). Routes that a key may call are a list of text; empty: all.
ALTER TABLE entities ADD COLUMN team_id TEXT;
ALTER TABLE entities ADD COLUMN user_id TEXT;
CREATE INDEX entities_team ON entities (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX entities_user ON entities (user_id) WHERE user_id IS NOT NULL;

ALTER TABLE api_keys ADD COLUMN allowed_routes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE deleted_keys ADD COLUMN allowed_routes TEXT NOT NULL DEFAULT '[]';
