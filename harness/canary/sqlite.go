package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/cenkalti/backoff/v5"

	"seatrial/harness/app"
)

const (
	// ours is our own table.
	ours = "seatrial_canary"
	// allKeys is up to how many rows every key is remembered; of larger tables, the
	// sample's number from either end.
	allKeys = 10_000
	sample  = 500
	// namedRows is how many vanished rows are named.
	namedRows = 10
	// lockedFor is how long a locked database is waited for.
	lockedFor = 30 * time.Second
)

// sqlite knows SQLite. https://sqlite.org/pragma.html#pragma_table_list
type sqlite struct{}

func (s sqlite) plant(ctx context.Context, in app.Databases, db app.Database, token string, ignore []string) ([]table, error) {
	_, err := query(ctx, in, db,
		"CREATE TABLE IF NOT EXISTS "+ours+" (token TEXT PRIMARY KEY)",
		"INSERT INTO "+ours+" (token) VALUES ("+literal(token)+")")
	if err != nil {
		return nil, err
	}
	tables, err := s.tables(ctx, in, db)
	return slices.DeleteFunc(tables, func(t table) bool {
		return slices.ContainsFunc(ignore, func(glob string) bool { return doublestar.MatchUnvalidated(glob, t.name) })
	}), err
}

func (s sqlite) look(ctx context.Context, in app.Databases, db app.Database, token string, before []table) (lost []string, err error) {
	now, err := s.tables(ctx, in, db)
	if err != nil {
		return nil, err
	}
	rows, err := query(ctx, in, db, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = "+literal(ours))
	if err == nil && rows[0][0][0] != "0" {
		rows, err = query(ctx, in, db, "SELECT count(*) FROM "+ours+" WHERE token = "+literal(token))
	}
	if err != nil {
		return nil, err
	}
	if rows[0][0][0] == "0" {
		lost = append(lost, fmt.Sprintf("%s no longer holds the row that was put into it", db.Name))
	}
	for _, t := range before {
		if why := t.lost(now); why != "" {
			lost = append(lost, fmt.Sprintf("%s: %s", db.Name, why))
		}
	}
	return lost, nil
}

// tables describes the app's own tables: no views, no virtual tables and what
// belongs to them, nothing of SQLite's own.
func (s sqlite) tables(ctx context.Context, in app.Databases, db app.Database) ([]table, error) {
	list, err := query(ctx, in, db,
		"SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name <> "+literal(ours)+" ORDER BY name")
	if err != nil {
		return nil, err
	}
	var tables []table
	for _, row := range list[0] {
		t, err := s.describe(ctx, in, db, row[0])
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func (s sqlite) describe(ctx context.Context, in app.Databases, db app.Database, name string) (table, error) {
	t := table{name: name, rows: map[string]bool{}}
	answers, err := query(ctx, in, db,
		"SELECT name FROM pragma_table_info("+literal(name)+") WHERE pk > 0 ORDER BY pk",
		"SELECT count(*) FROM "+identifier(name))
	if err != nil {
		return t, err
	}
	if t.count, err = strconv.Atoi(answers[1][0][0]); err != nil {
		return t, fmt.Errorf("cannot count the rows of %s: %w", name, err)
	}
	var quoted, columns []string
	for _, row := range answers[0] {
		t.keys = append(t.keys, row[0])
		columns = append(columns, identifier(row[0]))
		quoted = append(quoted, "quote("+identifier(row[0])+")")
	}
	if len(t.keys) == 0 {
		return t, nil
	}
	key := strings.Join(quoted, " || ', ' || ")
	statements := []string{"SELECT " + key + " FROM " + identifier(name)}
	if t.count > allKeys {
		order := strings.Join(columns, ", ")
		descending := strings.Join(columns, " DESC, ") + " DESC"
		statements = []string{
			fmt.Sprintf("SELECT %s FROM %s ORDER BY %s LIMIT %d", key, identifier(name), order, sample),
			fmt.Sprintf("SELECT %s FROM %s ORDER BY %s LIMIT %d", key, identifier(name), descending, sample),
		}
	}
	answers, err = query(ctx, in, db, statements...)
	if err != nil {
		return t, err
	}
	for _, rows := range answers {
		for _, row := range rows {
			t.rows[row[0]] = true
		}
	}
	return t, nil
}

// query asks, and asks again while somebody else holds the database.
func query(ctx context.Context, in app.Databases, db app.Database, statements ...string) ([]app.Rows, error) {
	return backoff.Retry(ctx, func() ([]app.Rows, error) {
		answers, err := in.SQL(ctx, db, statements...)
		switch {
		case err == nil && len(answers) != len(statements):
			return nil, backoff.Permanent(errors.New("the database did not answer every statement"))
		case err == nil, locked(err):
			return answers, err
		}
		return nil, backoff.Permanent(err)
	}, backoff.WithMaxElapsedTime(lockedFor))
}

func locked(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "database is locked") || strings.Contains(text, "database table is locked") || strings.Contains(text, "sqlite_busy")
}

func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
func literal(text string) string    { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
