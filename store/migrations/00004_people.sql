-- +goose Up

-- Who asked for a run, by their number on its forge; 0 where nobody did. How many runs
-- one person asks for in an hour is limited.
ALTER TABLE runs ADD COLUMN asker INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET asker = coalesce((SELECT json_extract(body, '$.data.asked_by.id') FROM events
    WHERE events.run = runs.id AND kind = 'requested' ORDER BY position LIMIT 1), 0);
CREATE INDEX runs_of_person ON runs (forge, asker, asked_at) WHERE asker <> 0;
