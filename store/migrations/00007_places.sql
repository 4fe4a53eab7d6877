-- +goose Up

-- How many commits behind the tip of the default branch a tree was when it was read last;
-- -1 where it is older than what is read.
ALTER TABLE trees ADD COLUMN behind INTEGER NOT NULL DEFAULT -1;
