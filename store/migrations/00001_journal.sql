-- +goose Up

-- "trial", so that file(1) and we know our own files.
PRAGMA application_id = 1953655137;

-- Facts. The only table that cannot be made again from the others.
CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    run      TEXT    NOT NULL,
    attempt  INTEGER NOT NULL,
    source   TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    at       TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    body     TEXT    NOT NULL, -- JSON: stage, outcome, took, note, data
    UNIQUE (run, attempt, source, seq)
) STRICT;
CREATE INDEX events_of_run ON events (run, position);

-- +goose StatementBegin
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events never change');
END;
-- +goose StatementEnd

-- What queries ask of runs, folded from events in the transaction that appends them.
CREATE TABLE runs (
    id            TEXT    NOT NULL PRIMARY KEY,
    recipe        TEXT    NOT NULL,
    forge         TEXT    NOT NULL,
    repo          TEXT    NOT NULL,
    pull          INTEGER NOT NULL,
    commit_hash   TEXT    NOT NULL,
    tree          TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    asked_at      TEXT    NOT NULL,
    ended_at      TEXT    NOT NULL,
    last_position INTEGER NOT NULL,
    announced     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_of_recipe ON runs (recipe, id);
CREATE INDEX runs_of_repo ON runs (forge, repo, id);
CREATE INDEX runs_of_commit ON runs (commit_hash) WHERE commit_hash <> '';
CREATE INDEX runs_of_tree ON runs (tree) WHERE tree <> '';
CREATE INDEX runs_open ON runs (id) WHERE state <> 'ended';
CREATE INDEX runs_unannounced ON runs (id) WHERE announced = 0;
CREATE INDEX runs_for_badge ON runs (forge, repo, ended_at, id) WHERE state = 'ended' AND tree <> '';

CREATE TABLE cursors (
    scope  TEXT NOT NULL PRIMARY KEY,
    cursor TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE comments (
    forge      TEXT    NOT NULL,
    id         INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    pull       INTEGER NOT NULL,
    author_id  INTEGER NOT NULL,
    author     TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created    TEXT    NOT NULL,
    updated    TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    reacted    INTEGER NOT NULL DEFAULT 0,
    tries      INTEGER NOT NULL DEFAULT 0,
    not_before TEXT    NOT NULL DEFAULT '',
    run        TEXT    NOT NULL DEFAULT '',
    refusal    TEXT    NOT NULL DEFAULT '',
    starter    INTEGER NOT NULL DEFAULT 0, -- it started the run, rather than joining it
    announced  INTEGER NOT NULL DEFAULT 0, -- the last word of its refusal was said
    PRIMARY KEY (forge, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX comments_open ON comments (created, forge, id) WHERE state = 'open';
CREATE INDEX comments_refused ON comments (created, forge, id) WHERE refusal <> '' AND announced = 0;
CREATE UNIQUE INDEX comments_starting ON comments (run) WHERE starter = 1;

CREATE TABLE announcements (
    key        TEXT    NOT NULL PRIMARY KEY,
    comment_id INTEGER NOT NULL,
    intent     INTEGER NOT NULL,
    body_hash  TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    done       INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    updated_at TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE trees (
    forge       TEXT NOT NULL,
    repo        TEXT NOT NULL,
    tree        TEXT NOT NULL,
    commit_hash TEXT NOT NULL,
    at          TEXT NOT NULL,
    PRIMARY KEY (forge, repo, tree)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    who     TEXT NOT NULL,
    what    TEXT NOT NULL,
    subject TEXT NOT NULL,
    why     TEXT NOT NULL
) STRICT;
