// Package canary plants marks in an app's volumes and databases and looks for them
// later: after an upgrade, a restart, a restore.
//
// A mark is a small file in every volume, a row in a table of ours in every database
// of a volume, and a record of the app's own rows and files: how many each table had, and
// which keys; each file's name, size and sum. What was added or changed meanwhile is the
// app's business; what vanished is a *run.Fault that names it, and the key of the
// enrolment by which it may. A table that was renamed, or a database or a file that was
// moved, did not vanish. What both a loss and a healthy migration look like is a fault
// unless the enrolment's own steps vouch for the data. Marks are planted when the app is
// up, so that nothing of ours is there at its first start, and leave modes and times of
// the app's folders as they were. A database outside of every volume is left alone, a file
// and a server's alike: it may be part of the release, and whether it may be there is
// asked elsewhere. One in a folder that is emptied at each start is watched like the
// others. The package decides nothing about stages.
package canary

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"seatrial/harness/app"
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
	Files(ctx context.Context, volume string) (app.Files, error)
	Put(ctx context.Context, volume, path string, content []byte) error
	Get(ctx context.Context, volume, path string) ([]byte, error)
	app.Databases
}

// Seeder seeds.
type Seeder struct {
	App App
	// Ignore are globs over the names of tables whose rows the app removes by itself, such
	// as sessions, of databases, and of files and folders as <volume>/<path>. What vanishes
	// from them is not told.
	Ignore []string
	// NoTable puts no table of ours into databases: some apps drop what they do not know.
	NoTable bool
	// Alone says that nobody but us looks for the app's data: then marks are put into
	// folders within the volumes, too, and under names that no glob passes over.
	Alone bool
	// Held remembers from one planting to the next which databases an app keeps to itself,
	// so that each is waited for once. It may be nil.
	Held map[string]bool
}

// Set is what was planted at one time.
type Set struct {
	app       App
	token     string
	ignore    []string
	volumes   []volume
	databases []database
	vouched   bool
	notes     []string
}

// Vouch says whether the enrolment's own steps find the data that was seeded. Where they
// do, what a healthy migration may do as well is a note.
func (s *Set) Vouch(yes bool) { s.vouched = yes }

// Notes are what the latest look saw that is worth a word.
func (s *Set) Notes() []string { return s.notes }

// Seed plants a mark in every volume and every database that there is now, and records
// the app's own files and rows.
func (p Seeder) Seed(ctx context.Context) (*Set, error) {
	s := &Set{app: p.App, token: rand.Text(), ignore: p.Ignore}
	volumes, err := p.App.Volumes(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot plant canaries: %w", err)
	}
	found, err := p.App.Databases(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot plant canaries in databases: %w", err)
	}
	for _, v := range volumes {
		planted, err := p.plant(ctx, v.Name, s.token, found)
		if err != nil {
			return nil, err
		}
		s.volumes = append(s.volumes, planted)
	}
	for _, db := range found {
		if db.Volume == "" && !db.Fleeting || ignored(p.Ignore, db.Name) {
			continue
		}
		e, ok := engines[db.Engine]
		if !ok {
			return nil, fmt.Errorf("cannot plant a canary in %s: nothing is known about databases of the kind %q", db.Name, db.Engine)
		}
		held, err := e.patient(!p.Held[db.Name]).plant(ctx, p.App, db, s.token, p)
		switch {
		case err == nil:
		case p.gone(ctx, db):
			continue // it was there for a moment only
		case saysAny(err, e.busy...) && ctx.Err() == nil:
			held = content{held: true}
			if p.Held != nil {
				p.Held[db.Name] = true
			}
		default:
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
	f := &finding{vouched: s.vouched}
	intact, err := s.lookInDatabases(ctx, f, covered)
	if err != nil {
		return nil, err
	}
	fromDatabases := *f
	f.lost, f.uncovered = nil, nil // volumes are told first
	if err := s.lookInVolumes(ctx, f, covered, intact); err != nil {
		return nil, err
	}
	f.lost, f.uncovered = append(f.lost, fromDatabases.lost...), append(f.uncovered, fromDatabases.uncovered...)
	s.notes = f.notes
	return f.uncovered, f.fault()
}

// lookInVolumes asks for the files of every volume that there is now and looks. intact are
// the volumes in which a database is whole.
func (s *Set) lookInVolumes(ctx context.Context, f *finding, covered func(Place) bool, intact map[string]bool) error {
	now, err := s.app.Volumes(ctx)
	if err != nil {
		return fmt.Errorf("cannot look for canaries: %w", err)
	}
	all, sums := map[string]app.Files{}, map[string]bool{}
	for _, v := range now {
		list, err := s.app.Files(ctx, v.Name)
		if err != nil {
			return fmt.Errorf("cannot list the files of the volume %s: %w", v.Name, err)
		}
		all[v.Name] = list
		for _, file := range list.All {
			sums[file.Sum] = true
		}
	}
	for _, v := range s.volumes {
		if err := s.lookInVolume(ctx, f, v, covered, all, sums, intact[v.name]); err != nil {
			return err
		}
	}
	return nil
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
