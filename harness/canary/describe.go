package canary

import (
	"context"
	"fmt"
	"strings"

	"seatrial/harness/app"
)

// tables describes the app's own tables.
func (e engine) tables(ctx context.Context, in app.Databases, db app.Database) ([]table, error) {
	list, err := e.query(ctx, in, db, e.catalogue)
	if err != nil {
		return nil, err
	}
	there, err := e.listed(list[0])
	if err != nil {
		return nil, err
	}
	if tables, err := e.describe(ctx, in, db, there); err == nil {
		return tables, nil
	}
	// One of them cannot be read, or went while we looked: one by one.
	var tables []table
	for _, t := range there {
		one, err := e.describe(ctx, in, db, []table{t})
		switch {
		case err == nil:
			tables = append(tables, one...)
		case saysAny(err, e.unreadable...):
			// It needs what only the app has, or is gone. Nothing can be said about it.
		default:
			return nil, err
		}
	}
	return tables, nil
}

// listed reads the answer to the catalogue's question.
func (e engine) listed(rows app.Rows) ([]table, error) {
	var tables []table
	for _, row := range rows {
		if len(row) != 5 {
			return nil, fmt.Errorf("the database did not list its tables: a row has %d values", len(row))
		}
		schema, name, column, place, kind := row[0], row[1], row[2], row[3], row[4]
		path := e.path(schema, name)
		if len(tables) == 0 || tables[len(tables)-1].path != path {
			tables = append(tables, table{name: called(schema, name), path: path})
		}
		t := &tables[len(tables)-1]
		t.columns = append(t.columns, column)
		if place != "0" {
			t.keys, t.kinds = append(t.keys, column), append(t.kinds, kind)
		}
	}
	return tables, nil
}

// called is a table's name for people, and for the globs of those that are ignored: with
// its schema if that is not the usual one. No two tables have the same: where there are
// schemas, a name with a dot in it is quoted.
func called(schema, name string) string {
	switch odd := strings.ContainsAny(schema+name, `."`); {
	case schema == "", schema == "public" && !odd:
		return name
	case schema == "public":
		return identifier(name)
	case odd:
		return identifier(schema) + "." + identifier(name)
	}
	return schema + "." + name
}

// describe counts the tables' rows and asks for their keys, several tables at a time:
// each question starts a program.
func (e engine) describe(ctx context.Context, in app.Databases, db app.Database, listed []table) ([]table, error) {
	if len(listed) == 0 {
		return nil, nil
	}
	var statements []string
	for _, t := range listed {
		statements = append(statements, "SELECT count(*) FROM "+t.path)
	}
	answers, err := e.query(ctx, in, db, statements...)
	if err != nil {
		return nil, err
	}
	tables := make([]table, len(listed))
	var about []int // the table that each of the next statements is about
	statements = nil
	left := keyBytes
	for i, t := range listed {
		t.whole, t.rows = true, map[string]bool{}
		if t.count, err = number(answers[i]); err != nil {
			return nil, fmt.Errorf("cannot count the rows of %s: %w", t.name, err)
		}
		if t.count > allKeys && len(t.keys) > 0 {
			left -= e.everyKey(ctx, in, db, &t, left)
		}
		for _, statement := range e.questions(&t) {
			statements, about = append(statements, statement), append(about, i)
		}
		tables[i] = t
	}
	if len(statements) == 0 {
		return tables, nil
	}
	if answers, err = e.query(ctx, in, db, statements...); err != nil {
		return nil, err
	}
	for i, rows := range answers {
		for _, row := range rows {
			tables[about[i]].rows[row[0]] = true
		}
	}
	return tables, nil
}

// everyKey asks for all keys of a large table, if they are at most so many bytes, and says
// how many they are. Whatever goes wrong, the table is sampled then.
func (e engine) everyKey(ctx context.Context, in app.Databases, db app.Database, t *table, most int) int {
	ctx, cancel := context.WithTimeout(ctx, keysWithin)
	defer cancel()
	answers, err := e.query(ctx, in, db, "SELECT sum(length("+e.keyOf(t)+")) FROM "+t.path)
	if err != nil {
		return 0
	}
	bytes, err := number(answers[0])
	if err != nil || bytes > most || t.count > most/minKey {
		return 0
	}
	answers, err = e.query(ctx, in, db, fmt.Sprintf("SELECT %s FROM %s LIMIT %d", e.keyOf(t), t.path, 2*t.count))
	if err != nil {
		return 0
	}
	for _, row := range answers[0] {
		t.rows[row[0]] = true
	}
	return bytes
}

// minKey is the least that a key counts for: what is remembered of one is more than it.
const minKey = 8

// keyOf is a row's key as one text.
func (e engine) keyOf(t *table) string {
	var keys []string
	for i, name := range t.keys {
		keys = append(keys, e.key(e.quote(name), t.kinds[i]))
	}
	return e.join(keys)
}

// questions ask for the keys that are not known yet, for those at both ends if there are
// many.
func (e engine) questions(t *table) []string {
	if len(t.keys) == 0 || len(t.rows) > 0 {
		return nil
	}
	var columns []string
	for _, name := range t.keys {
		columns = append(columns, e.quote(name))
	}
	ask := "SELECT " + e.keyOf(t) + " FROM " + t.path
	if t.whole = t.count <= allKeys; t.whole {
		return []string{fmt.Sprintf("%s LIMIT %d", ask, 2*allKeys)} // it may have grown meanwhile
	}
	return []string{
		fmt.Sprintf("%s ORDER BY %s LIMIT %d", ask, strings.Join(columns, ", "), sampleRows),
		fmt.Sprintf("%s ORDER BY %s LIMIT %d", ask, strings.Join(columns, " DESC, ")+" DESC", sampleRows),
	}
}
