package guestbook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite" // and the driver
)

const fileName = "guestbook.db"

// store is the database. It is never closed: the process ends without ceremony, as
// after a power cut, and SQLite's write-ahead log is made for that. So a copy of the
// database's file alone lacks what is in the log: it takes backup to make a whole one.
type store struct{ db *sql.DB }

func open(ctx context.Context, dir string) (*store, error) {
	file, err := filepath.Abs(filepath.Join(dir, fileName))
	if err != nil {
		return nil, err
	}
	settings := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
	address := url.URL{Scheme: "file", Path: file, RawQuery: settings.Encode()}
	db, err := sql.Open("sqlite", address.String())
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", file, err)
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", file, err)
	}
	return &store{db}, nil
}

// level is how many migrations the database has seen.
func (s *store) level(ctx context.Context) (n int, err error) {
	err = s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&n)
	return n, err
}

// check refuses a database that the program does not fit.
func (s *store) check(ctx context.Context, p *program) error {
	n, err := s.level(ctx)
	if err != nil {
		return err
	}
	if n != len(p.migrations) {
		return fmt.Errorf("the database is at schema %d, version %s needs schema %d: run guestbook migrate", n, p.version, len(p.migrations))
	}
	return nil
}

func (s *store) migrate(ctx context.Context, p *program, out io.Writer) error {
	n, err := s.level(ctx)
	if err != nil {
		return err
	}
	if n > len(p.migrations) {
		return fmt.Errorf("the database is at schema %d, which version %s does not know yet", n, p.version)
	}
	for i := n; i < len(p.migrations); i++ {
		m := p.migrations[i]
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, m.sql)
		if err == nil {
			_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", i+1))
		}
		if err != nil {
			return fmt.Errorf("cannot apply %s: %w", m.name, errors.Join(err, tx.Rollback()))
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("cannot apply %s: %w", m.name, err)
		}
		fmt.Fprintf(out, "applied %s\n", m.name)
	}
	return nil
}

// rows runs a query; each row is a map from the column's name.
func (s *store) rows(ctx context.Context, query string) ([]map[string]any, error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	all := []map[string]any{}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := map[string]any{}
		for i, c := range columns {
			row[c] = values[i]
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// backup writes a whole copy, while others may write to the original.
func backup(ctx context.Context, dir, file string) error {
	s, err := open(ctx, dir)
	if err != nil {
		return err
	}
	if file, err = filepath.Abs(file); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := s.db.ExecContext(ctx, "VACUUM INTO ?", file); err != nil {
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	return nil
}

// restore puts a copy that backup made in the place of the database. Nothing may run.
func restore(ctx context.Context, dir, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if err := whole(ctx, file); err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	database := filepath.Join(dir, fileName)
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(database + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := os.WriteFile(database+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(database+".new", database)
}

// load replaces what is in the database by a copy that backup made, while others may
// read and write.
func load(ctx context.Context, dir, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if err := whole(ctx, file); err != nil {
		return err
	}
	s, err := open(ctx, dir)
	if err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		into, ok := driver.(interface {
			NewRestore(string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("this SQLite cannot")
		}
		pages, err := into.NewRestore(file)
		if err != nil {
			return err
		}
		_, err = pages.Step(-1)
		return errors.Join(err, pages.Finish())
	})
	if err != nil {
		return fmt.Errorf("cannot load %s: %w", file, err)
	}
	return nil
}

// whole refuses a file that is no whole database.
func whole(ctx context.Context, file string) error {
	copied, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: file, RawQuery: "mode=ro"}).String())
	if err != nil {
		return err
	}
	var verdict string
	err = copied.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict)
	if err = errors.Join(err, copied.Close()); err != nil || verdict != "ok" {
		return fmt.Errorf("cannot restore from %s: it is no whole copy: %s %w", file, verdict, err)
	}
	return nil
}
