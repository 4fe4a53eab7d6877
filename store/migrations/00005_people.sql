-- +goose Up

-- Of a comment that is no command, only that it was seen is remembered.
UPDATE comments SET owner = '', name = '', pull = 0, author_id = 0, author = '', body = '', created = '', updated = '', url = ''
    WHERE state = 'ignored';

-- What is still known of commands that were decided, for a while.
CREATE INDEX comments_remembered ON comments (created) WHERE state = 'decided' AND author || body <> '';

-- The repositories that are not enrolled.
DROP INDEX strangers_by_last;
ALTER TABLE strangers RENAME TO unenrolled;
CREATE INDEX unenrolled_by_last ON unenrolled (last);
