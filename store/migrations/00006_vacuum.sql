-- +goose NO TRANSACTION
-- +goose Up

-- What was erased until now still lay in the file's free space.
VACUUM;
