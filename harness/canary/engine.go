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
	// markTable is our own table.
	markTable = "seatrial_canary"
	// lockedFor is how long a locked database is waited for.
	lockedFor = 30 * time.Second
)

// engine knows one kind of database. What is done is the same in all of them; how it is
// said differs.
type engine struct {
	// settings are said before anything else, so that a value is written the same
	// whatever the server's settings are.
	settings []string
	// mark makes our table; the row is put into it in every kind alike.
	mark string
	// marks asks for the schema of each table that has our table's name.
	marks string
	// catalogue asks for the app's own tables, a row for each column: schema (empty
	// where there is none), table, column, its place in the primary key (0 if it has none),
	// and what kind of values it holds.
	catalogue string
	// quote makes a name of SQL out of any text.
	quote func(name string) string
	// key is a key column's value as text, so that a key that became text, or a number,
	// is the same key. The beginning of a long one will do.
	key func(column, kind string) string
	// join puts such texts together, with separator between.
	join func(texts []string) string

	// impatient are settings by which a database that is held is not waited for.
	impatient []string
	wait      time.Duration // how long one is waited for; 0: not at all

	busy       []string // a refusal that says so is only for now
	unwritable []string // takes no mark
	unreadable []string // of a table: nothing can be said about it
}

// engines are the kinds that we know, by app.Database.Engine.
var engines = map[string]engine{"sqlite": sqlite, "postgres": postgres, "mysql": mysql}

// patient is the engine with or without patience for databases that somebody holds.
func (e engine) patient(yes bool) engine {
	if e.wait = 0; yes {
		e.wait = lockedFor
	} else {
		e.settings = slices.Concat(e.settings, e.impatient)
	}
	return e
}

// plant puts our row into the database and records what else is in it.
func (e engine) plant(ctx context.Context, in app.Databases, db app.Database, token string, p Seeder) (content, error) {
	held := content{marked: !p.NoTable}
	var err error
	if held.marked {
		_, err = e.query(ctx, in, db, e.mark, "INSERT INTO "+markTable+" (token) VALUES ("+literal(token)+")")
	}
	switch {
	case err != nil && saysAny(err, e.unwritable...):
		held.marked = false
	case err != nil:
		return held, err
	}
	if held.tables, err = e.tables(ctx, in, db); err != nil {
		return held, err
	}
	for i := range held.tables {
		t := &held.tables[i]
		t.ignored = slices.ContainsFunc(p.Ignore, func(glob string) bool { return doublestar.MatchUnvalidated(glob, t.name) })
	}
	return held, nil
}

// holds says whether our row is there.
func (e engine) holds(ctx context.Context, in app.Databases, db app.Database, token string) (bool, error) {
	places, err := e.query(ctx, in, db, e.marks)
	if err != nil {
		return false, err
	}
	for _, place := range places[0] {
		answers, err := e.query(ctx, in, db, "SELECT count(*) FROM "+e.path(place[0], markTable)+" WHERE token = "+literal(token))
		if err != nil {
			return false, err
		}
		if n, err := number(answers[0]); err != nil || n > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// look says what of the content is no longer there.
func (e engine) look(ctx context.Context, in app.Databases, db app.Database, token string, before content, f *finding) error {
	now, err := e.tables(ctx, in, db)
	if err != nil {
		return err
	}
	held := !before.marked
	if before.marked {
		if held, err = e.holds(ctx, in, db, token); err != nil {
			return err
		}
	}
	rest := grown(before.tables, now)
	var tables finding
	tables.vouched = f.vouched
	for _, t := range before.tables {
		if t.ignored {
			continue
		}
		why, sure := t.lost(before.tables, now, rest)
		switch {
		case why == "":
		case sure:
			tables.lose(asGlob(t.name), "%s: %s", db.Name, why)
		default:
			tables.doubt(asGlob(t.name), "%s: %s", db.Name, why)
		}
		if t.sampled() {
			tables.note("%s: the table %s is too large for every row to be watched; its number of rows and both of its ends are", db.Name, t.name)
		}
	}
	switch text := fmt.Sprintf("%s no longer holds the row that was put into it", db.Name); {
	case held:
	case len(tables.lost) > 0:
		f.lose(asGlob(db.Name), "%s", text)
	default: // its own rows are all there
		f.doubt(asGlob(db.Name), "%s", text)
		f.tables = true
	}
	f.add(&tables)
	return nil
}

// query asks, and asks again while somebody else holds the database.
func (e engine) query(ctx context.Context, in app.Databases, db app.Database, statements ...string) ([]app.Rows, error) {
	all := append(slices.Clone(e.settings), statements...)
	return backoff.Retry(ctx, func() ([]app.Rows, error) {
		answers, err := in.SQL(ctx, db, all...)
		switch {
		case err == nil && len(answers) != len(all):
			return nil, backoff.Permanent(errors.New("the database did not answer every statement"))
		case err == nil:
			return answers[len(e.settings):], nil
		case saysAny(err, e.busy...):
			return nil, err
		}
		return nil, backoff.Permanent(err)
	}, backoff.WithMaxElapsedTime(max(e.wait, time.Nanosecond)))
}

// path is a table's name in SQL.
func (e engine) path(schema, table string) string {
	if schema == "" {
		return e.quote(table)
	}
	return e.quote(schema) + "." + e.quote(table)
}

func saysAny(err error, texts ...string) bool {
	said := strings.ToLower(err.Error())
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(said, text) })
}

func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
func literal(text string) string    { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
