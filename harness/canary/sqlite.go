package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/cenkalti/backoff/v5"

	"seatrial/harness/app"
)

const (
	// ours is our own table.
	ours = "seatrial_canary"
	// lockedFor is how long a locked database is waited for.
	lockedFor = 30 * time.Second
)

// sqlite knows SQLite. https://sqlite.org/pragma.html#pragma_table_list
type sqlite struct{}

func (s sqlite) plant(ctx context.Context, in app.Databases, db app.Database, token string, ignore []string) (content, error) {
	held := content{marked: true}
	_, err := query(ctx, in, db,
		"CREATE TABLE IF NOT EXISTS "+ours+" (token TEXT PRIMARY KEY)",
		"INSERT INTO "+ours+" (token) VALUES ("+literal(token)+")")
	switch {
	case err != nil && saysAny(err, "readonly database", "read-only"):
		held.marked = false
	case err != nil:
		return held, err
	}
	if held.tables, err = s.tables(ctx, in, db); err != nil {
		return held, err
	}
	for i := range held.tables {
		t := &held.tables[i]
		t.ignored = slices.ContainsFunc(ignore, func(glob string) bool { return doublestar.MatchUnvalidated(glob, t.name) })
	}
	return held, nil
}

func (sqlite) holds(ctx context.Context, in app.Databases, db app.Database, token string) (bool, error) {
	for _, question := range []string{
		"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = " + literal(ours),
		"SELECT count(*) FROM " + ours + " WHERE token = " + literal(token),
	} {
		answers, err := query(ctx, in, db, question)
		if err != nil {
			return false, err
		}
		if n, err := number(answers[0]); err != nil || n == 0 {
			return false, err
		}
	}
	return true, nil
}

func (s sqlite) look(ctx context.Context, in app.Databases, db app.Database, token string, before content) (lost []string, err error) {
	now, err := s.tables(ctx, in, db)
	if err != nil {
		return nil, err
	}
	if before.marked {
		held, err := s.holds(ctx, in, db, token)
		if err != nil {
			return nil, err
		}
		if !held {
			lost = append(lost, fmt.Sprintf("%s no longer holds the row that was put into it", db.Name))
		}
	}
	for _, t := range before.tables {
		if why := t.lost(before.tables, now); why != "" && !t.ignored {
			lost = append(lost, fmt.Sprintf("%s: %s", db.Name, why))
		}
	}
	return lost, nil
}

// tables describes the app's own tables: no views, no virtual tables and what
// belongs to them (a search index can be built anew), nothing of SQLite's own.
func (s sqlite) tables(ctx context.Context, in app.Databases, db app.Database) ([]table, error) {
	list, err := query(ctx, in, db,
		"SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name <> "+literal(ours)+" ORDER BY name")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, row := range list[0] {
		names = append(names, row[0])
	}
	if tables, err := s.describe(ctx, in, db, names); err == nil {
		return tables, nil
	}
	// One of them cannot be read, or went while we looked: one by one.
	var tables []table
	for _, name := range names {
		one, err := s.describe(ctx, in, db, []string{name})
		switch {
		case err == nil:
			tables = append(tables, one...)
		case saysAny(err, "no such table", "no such collation", "no such function", "no such module", "unknown tokenizer", "no such tokenizer"):
			// It needs what only the app has. Nothing can be said about it.
		default:
			return nil, err
		}
	}
	return tables, nil
}

// describe asks about several tables at a time: each question starts a program.
func (s sqlite) describe(ctx context.Context, in app.Databases, db app.Database, names []string) ([]table, error) {
	if len(names) == 0 {
		return nil, nil
	}
	var statements []string
	for _, name := range names {
		statements = append(statements,
			"SELECT name, pk FROM pragma_table_info("+literal(name)+") ORDER BY pk",
			"SELECT count(*) FROM "+identifier(name))
	}
	answers, err := query(ctx, in, db, statements...)
	if err != nil {
		return nil, err
	}
	tables := make([]table, len(names))
	var about []int // the table that each of the next statements is about
	statements = nil
	for i, name := range names {
		t := &tables[i]
		*t = table{name: name, whole: true, rows: map[string]bool{}}
		if t.count, err = number(answers[2*i+1]); err != nil {
			return nil, fmt.Errorf("cannot count the rows of %s: %w", name, err)
		}
		for _, column := range answers[2*i] {
			t.columns = append(t.columns, column[0])
			if column[1] != "0" {
				t.keys = append(t.keys, column[0])
			}
		}
		for _, statement := range t.questions() {
			statements, about = append(statements, statement), append(about, i)
		}
	}
	if len(statements) == 0 {
		return tables, nil
	}
	if answers, err = query(ctx, in, db, statements...); err != nil {
		return nil, err
	}
	for i, rows := range answers {
		for _, row := range rows {
			tables[about[i]].rows[row[0]] = true
		}
	}
	return tables, nil
}

// questions ask for the table's keys, for those at both ends if there are many.
func (t *table) questions() []string {
	if len(t.keys) == 0 {
		return nil
	}
	var keys, columns []string
	for _, name := range t.keys {
		column := identifier(name)
		columns = append(columns, column)
		// As text, so that a key that became text, or a number, is the same key. The
		// beginning of a long one will do.
		keys = append(keys, fmt.Sprintf("CASE WHEN %[1]s IS NULL THEN 'NULL' WHEN typeof(%[1]s) = 'blob' THEN hex(substr(%[1]s, 1, 100)) ELSE substr(CAST(%[1]s AS TEXT), 1, 200) END", column))
	}
	ask := "SELECT " + strings.Join(keys, " || char(31) || ") + " FROM " + identifier(t.name)
	if t.whole = t.count <= allKeys; t.whole {
		return []string{fmt.Sprintf("%s LIMIT %d", ask, 2*allKeys)} // it may have grown meanwhile
	}
	return []string{
		fmt.Sprintf("%s ORDER BY %s LIMIT %d", ask, strings.Join(columns, ", "), sample),
		fmt.Sprintf("%s ORDER BY %s LIMIT %d", ask, strings.Join(columns, " DESC, ")+" DESC", sample),
	}
}

// query asks, and asks again while somebody else holds the database.
func query(ctx context.Context, in app.Databases, db app.Database, statements ...string) ([]app.Rows, error) {
	return backoff.Retry(ctx, func() ([]app.Rows, error) {
		answers, err := in.SQL(ctx, db, statements...)
		switch {
		case err == nil && len(answers) != len(statements):
			return nil, backoff.Permanent(errors.New("the database did not answer every statement"))
		case err == nil, saysAny(err, "database is locked", "database table is locked", "database schema has changed", "sqlite_busy"):
			return answers, err
		}
		return nil, backoff.Permanent(err)
	}, backoff.WithMaxElapsedTime(lockedFor))
}

func saysAny(err error, texts ...string) bool {
	said := strings.ToLower(err.Error())
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(said, text) })
}

func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
func literal(text string) string    { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
