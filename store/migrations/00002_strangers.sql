-- +goose Up

-- Repositories whose signed hooks came although they are not enrolled.
CREATE TABLE strangers (
    forge TEXT NOT NULL,
    owner TEXT NOT NULL,
    name  TEXT NOT NULL,
    first TEXT NOT NULL,
    last  TEXT NOT NULL,
    PRIMARY KEY (forge, owner, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX strangers_by_last ON strangers (last);
