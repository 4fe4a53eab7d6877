package ledger

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/semver"
)

// migration is a step of the schema, and the first version that has it.
type migration struct{ since, sql string }

var migrations = []migration{
	{"1.0.0", `CREATE TABLE entries (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		what text NOT NULL,
		cents bigint NOT NULL,
		at timestamptz NOT NULL DEFAULT now())`},
	{"1.1.0", `CREATE TABLE accounts (
			id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
			name text NOT NULL UNIQUE);
		INSERT INTO accounts (name) VALUES ('cash');
		ALTER TABLE entries ADD COLUMN account bigint REFERENCES accounts;
		UPDATE entries SET account = (SELECT id FROM accounts WHERE name = 'cash');
		ALTER TABLE entries ALTER COLUMN account SET NOT NULL`},
	// What a mutant upgrades to: it cleans up too much.
	{"2.0.0", `DELETE FROM entries WHERE cents > 0`},
}

// knows says whether a version has what came with another.
func knows(version, since string) bool { return semver.Compare("v"+version, "v"+since) >= 0 }

// migrate brings the database to the version's schema, and refuses a newer one.
func migrate(ctx context.Context, pool *pgxpool.Pool, version string, out io.Writer) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// One at a time, though two may start at once.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(20260101)"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS schema_migrations (step int PRIMARY KEY, since text NOT NULL)"); err != nil {
			return err
		}
		var done int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM schema_migrations").Scan(&done); err != nil {
			return err
		}
		for i, m := range migrations {
			switch known := knows(version, m.since); {
			case i < done && !known:
				return fmt.Errorf("the database is at version %s, which version %s does not know yet", m.since, version)
			case i < done || !known:
				continue
			}
			if _, err := tx.Exec(ctx, m.sql); err != nil {
				return fmt.Errorf("cannot migrate to %s: %w", m.since, err)
			}
			if _, err := tx.Exec(ctx, "INSERT INTO schema_migrations (step, since) VALUES ($1, $2)", i, m.since); err != nil {
				return err
			}
			fmt.Fprintln(out, "ledger migrated the database to", m.since)
		}
		return nil
	})
}
