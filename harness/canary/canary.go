// Package canary plants marks in an app's volumes and databases and looks for them
// later: after an upgrade, a restart, a restore.
//
// A mark is a small file in every volume, a row in a table of ours in every database
// of a volume, and a record of the app's own rows: how many each table had, and which
// keys. What was added or changed meanwhile is the app's business; what vanished is
// a *run.Fault that names it. A table that was renamed, or a database that was moved,
// did not vanish. Marks are planted when the app is up, so that nothing of ours is
// there at its first start. A database outside of every volume is left alone, a file
// and a server's alike: it may be part of the release, and whether it may be there is
// asked elsewhere. The package decides nothing about stages.
package canary

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"seatrial/harness/app"
	"seatrial/harness/run"
)

// FileName is the file that is put into every volume.
const FileName = ".seatrial-canary"

// Place is where something was planted.
type Place struct {
	Volume   string
	Path     string        // within the volume; empty for a server's database
	Database *app.Database // nil for a volume's file
}

// String names the place as Look lists it.
func (p Place) String() string {
	if p.Database != nil {
		return p.Database.Name
	}
	return p.Volume + "/" + p.Path
}

// App is what the marks are planted in.
type App interface {
	Volumes(ctx context.Context) ([]app.Volume, error)
	Put(ctx context.Context, volume, path string, content []byte) error
	Get(ctx context.Context, volume, path string) ([]byte, error)
	app.Databases
}

// Seeder seeds.
type Seeder struct {
	App App
	// Ignore are globs over the names of tables whose rows the app removes by itself,
	// such as sessions. What vanishes from them is not told.
	Ignore []string
}

// Set is what was planted at one time.
type Set struct {
	app       App
	token     string
	volumes   []string
	databases []database
}

// database is what is remembered of one.
type database struct {
	app.Database
	content
}

// content is what a database held.
type content struct {
	marked bool // our row is in it; an app's read-only database takes none
	tables []table
}

// Seed plants a mark in every volume and every database that there is now.
func (p Seeder) Seed(ctx context.Context) (*Set, error) {
	s := &Set{app: p.App, token: rand.Text()}
	volumes, err := p.App.Volumes(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot plant canaries: %w", err)
	}
	for _, v := range volumes {
		if err := p.App.Put(ctx, v.Name, FileName, []byte(s.token+"\n")); err != nil {
			return nil, fmt.Errorf("cannot plant a canary in the volume %s: %w", v.Name, err)
		}
		s.volumes = append(s.volumes, v.Name)
	}
	found, err := p.App.Databases(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot plant canaries in databases: %w", err)
	}
	for _, db := range found {
		if db.Volume == "" {
			continue
		}
		e, ok := engines[db.Engine]
		if !ok {
			return nil, fmt.Errorf("cannot plant a canary in %s: nothing is known about databases of the kind %q", db.Name, db.Engine)
		}
		held, err := e.plant(ctx, p.App, db, s.token, p.Ignore)
		if err != nil && p.gone(ctx, db) {
			continue // it was there for a moment only
		}
		if err != nil {
			return nil, fmt.Errorf("cannot plant a canary in the database %s: %w", db.Name, err)
		}
		s.databases = append(s.databases, database{db, held})
	}
	return s, nil
}

func (p Seeder) gone(ctx context.Context, db app.Database) bool {
	now, err := p.App.Databases(ctx)
	return err == nil && !slices.ContainsFunc(now, func(d app.Database) bool { return d.Name == db.Name })
}

// Look looks for every mark in a place that is covered, and lists the places that
// are not. What vanished is a *run.Fault. Every place is covered if covered is nil.
func (s *Set) Look(ctx context.Context, covered func(Place) bool) (notCovered []string, err error) {
	if covered == nil {
		covered = func(Place) bool { return true }
	}
	var lost []string
	for _, volume := range s.volumes {
		if p := (Place{Volume: volume, Path: FileName}); !covered(p) {
			notCovered = append(notCovered, p.String())
			continue
		}
		why, err := s.lookInVolume(ctx, volume)
		if err != nil {
			return nil, err
		}
		lost = append(lost, why...)
	}
	there, err := s.app.Databases(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot look for canaries in databases: %w", err)
	}
	for _, db := range s.databases {
		if !covered(placeOf(db.Database)) {
			notCovered = append(notCovered, db.Name)
			continue
		}
		why, err := s.lookInDatabase(ctx, db, there)
		if err != nil {
			return nil, fmt.Errorf("cannot look for canaries in the database %s: %w", db.Name, err)
		}
		lost = append(lost, why...)
	}
	if len(lost) == 0 {
		return notCovered, nil
	}
	summary := "data is lost: " + lost[0]
	if len(lost) > 1 {
		summary = fmt.Sprintf("%s, and %d more", summary, len(lost)-1)
	}
	return notCovered, &run.Fault{Summary: summary, Evidence: lost}
}

func (s *Set) lookInVolume(ctx context.Context, volume string) ([]string, error) {
	content, err := s.app.Get(ctx, volume, FileName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []string{fmt.Sprintf("the volume %s no longer holds the file that was put into it", volume)}, nil
	case err != nil:
		return nil, fmt.Errorf("cannot look for the canary in the volume %s: %w", volume, err)
	case strings.TrimSpace(string(content)) != s.token:
		return []string{fmt.Sprintf("the volume %s holds an older or changed copy of the file that was put into it", volume)}, nil
	}
	return nil, nil
}

func (s *Set) lookInDatabase(ctx context.Context, db database, there []app.Database) ([]string, error) {
	e := engines[db.Engine]
	for _, now := range there {
		if now.Engine == db.Engine && now.Name == db.Name {
			return e.look(ctx, s.app, now, s.token, db.content)
		}
	}
	// A new release may keep it elsewhere: where our row is, the others must be. Each of
	// several that were moved holds our row; it is the one that has all of the others.
	var lost []string
	for _, now := range there {
		if now.Engine != db.Engine || now.Volume == "" || !db.marked || s.knows(now) {
			continue
		}
		held, err := e.holds(ctx, s.app, now, s.token)
		if err != nil {
			return nil, err
		}
		if !held {
			continue
		}
		why, err := e.look(ctx, s.app, now, s.token, db.content)
		if err != nil || len(why) == 0 {
			return nil, err
		}
		if lost == nil || path.Base(now.Name) == path.Base(db.Name) {
			lost = why
		}
	}
	if lost != nil {
		return lost, nil
	}
	return []string{fmt.Sprintf("the database %s is gone, and with it %s", db.Name, rowsOf(db.tables))}, nil
}

// knows says whether the database was there when the marks were planted.
func (s *Set) knows(db app.Database) bool {
	return slices.ContainsFunc(s.databases, func(d database) bool { return d.Name == db.Name })
}

// rowsOf says how much a database held.
func rowsOf(tables []table) string {
	rows := 0
	for _, t := range tables {
		rows += t.count
	}
	return fmt.Sprintf("%s in %s", count(rows, "row"), count(len(tables), "table"))
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// placeOf is a database's place. A file's name is volume and path.
func placeOf(db app.Database) Place {
	p := Place{Volume: db.Volume, Database: &db}
	if db.Service == "" {
		p.Path = strings.TrimPrefix(strings.TrimPrefix(db.Name, db.Volume), "/")
	}
	return p
}
