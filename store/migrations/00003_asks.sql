-- +goose Up

-- Wishes for runs that came without a comment, for a day.
CREATE TABLE asks (
    key     TEXT    NOT NULL PRIMARY KEY,
    what    TEXT    NOT NULL,
    at      TEXT    NOT NULL,
    who     TEXT    NOT NULL,
    run     TEXT    NOT NULL,
    refusal TEXT    NOT NULL,
    joined  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX asks_by_time ON asks (at);
