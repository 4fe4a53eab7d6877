package canary

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"seatrial/harness/app"
)

// database is what is remembered of one.
type database struct {
	app.Database
	content
}

// content is what a database held.
type content struct {
	marked bool // our row is in it; an app's read-only database takes none
	held   bool // the app lets nobody else ask it
	tables []table
}

// lookInDatabases looks in each of them, and says in which volumes one is whole.
func (s *Set) lookInDatabases(ctx context.Context, f *finding, covered func(Place) bool) (intact map[string]bool, err error) {
	there, err := s.app.Databases(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot look for canaries in databases: %w", err)
	}
	intact = map[string]bool{}
	for _, db := range s.databases {
		if !covered(placeOf(db.Database)) {
			f.uncovered = append(f.uncovered, db.Name)
			continue
		}
		one := &finding{vouched: f.vouched}
		err := s.lookInDatabase(ctx, one, db, there)
		switch e := engines[db.Engine]; {
		case err != nil && saysAny(err, e.busy...) && ctx.Err() == nil:
			f.note("The database %s is held by the app alone, so its rows were not looked at", db.Name)
			continue
		case err != nil:
			return nil, fmt.Errorf("cannot look for canaries in the database %s: %w", db.Name, err)
		}
		if isCache(db.Name) && len(one.lost) > 0 {
			f.note("Made anew, as its name says that it may be: %s", strings.Join(one.lost, "; "))
			continue
		}
		intact[db.Volume] = intact[db.Volume] || len(one.lost) == 0 && db.marked
		f.add(one)
	}
	return intact, nil
}

func (s *Set) lookInDatabase(ctx context.Context, f *finding, db database, there []app.Database) error {
	e := engines[db.Engine].patient(!db.held)
	for _, now := range there {
		if now.Engine != db.Engine || now.Name != db.Name {
			continue
		}
		switch {
		case db.held:
			f.note("The database %s is held by the app alone, so its rows were not looked at", db.Name)
			return nil
		case db.Fleeting:
			return s.lookInFleeting(ctx, f, e, db)
		}
		return e.look(ctx, s.app, now, s.token, db.content, f)
	}
	if db.Fleeting {
		f.note("The database %s was there for a while only", db.Name)
		return nil
	}
	// A new release may keep it elsewhere: where our row is, the others must be. Each of
	// several that were moved holds our row; it is the one that has all of the others.
	var lost *finding
	for _, now := range there {
		if now.Engine != db.Engine || now.Volume == "" || !db.marked || s.knows(now) {
			continue
		}
		held, err := e.holds(ctx, s.app, now, s.token)
		if err != nil {
			return err
		}
		if !held {
			continue
		}
		one := &finding{vouched: f.vouched}
		if err := e.look(ctx, s.app, now, s.token, db.content, one); err != nil {
			return err
		}
		if len(one.lost) == 0 {
			f.add(one)
			return nil
		}
		if lost == nil || path.Base(now.Name) == path.Base(db.Name) {
			lost = one
		}
	}
	if lost != nil {
		f.add(lost)
		return nil
	}
	return s.lookForRows(ctx, f, e, db, there)
}

// lookInFleeting is for a database in a folder that is emptied whenever the app starts: it
// is another one if our row is gone.
func (s *Set) lookInFleeting(ctx context.Context, f *finding, e engine, db database) error {
	held, err := e.holds(ctx, s.app, db.Database, s.token)
	if err != nil || held || !db.marked || len(db.tables) == 0 {
		return err
	}
	f.doubt(asGlob(db.Name), "the database %s is new at each start: what the app keeps there, and not in $DATA_DIR, is lost (it held %s)", db.Name, rowsOf(db.tables))
	return nil
}

// lookForRows is for a database that is gone. A migration may have copied its rows into a
// new one; that there are as many is no proof.
func (s *Set) lookForRows(ctx context.Context, f *finding, e engine, db database, there []app.Database) error {
	said := fmt.Sprintf("the database %s is gone, and with it %s", db.Name, rowsOf(db.tables))
	for _, now := range there {
		if now.Engine != db.Engine || now.Volume == "" || s.knows(now) {
			continue
		}
		tables, err := e.tables(ctx, s.app, now)
		if err != nil {
			return err
		}
		if rows(tables) >= rows(db.tables) {
			f.doubt(asGlob(db.Name), "%s; %s has as many", said, now.Name)
			return nil
		}
	}
	if len(db.tables) > 0 && rows(db.tables) == 0 {
		f.doubt(asGlob(db.Name), "%s", said)
		return nil
	}
	f.lose(asGlob(db.Name), "%s", said)
	return nil
}

// knows says whether the database was there when the marks were planted.
func (s *Set) knows(db app.Database) bool {
	return slices.ContainsFunc(s.databases, func(d database) bool { return d.Name == db.Name })
}

// rowsOf says how much a database held.
func rowsOf(tables []table) string {
	return fmt.Sprintf("%s in %s", count(rows(tables), "row"), count(len(tables), "table"))
}

func rows(tables []table) (sum int) {
	for _, t := range tables {
		sum += t.count
	}
	return sum
}
