package canary_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"seatrial/harness/app"
	"seatrial/harness/canary"
	"seatrial/harness/run"
)

// TestWhatAHealthyMigrationDoes: each change is a fault that names the key that excuses it
// where nobody vouches for the data, and a note where the enrolment's own steps do.
func TestWhatAHealthyMigrationDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(f *files)
		hint   string
	}{
		"keys were made anew": {func(f *files) {
			f.do(`DROP VIEW seen`, `CREATE TABLE e2 (id TEXT PRIMARY KEY, text TEXT)`, `INSERT INTO e2 SELECT 'key-' || id, text FROM entries`, `DROP TABLE entries`, `ALTER TABLE e2 RENAME TO entries`)
		}, `canaries.ignore: ["entries"] in the enrolment`},
		"table and columns were renamed": {func(f *files) {
			f.do(`DROP VIEW seen`, `CREATE TABLE notes (number INTEGER PRIMARY KEY, words TEXT)`, `INSERT INTO notes SELECT id, text FROM entries`, `DROP TABLE entries`)
		}, `canaries.ignore: ["entries"] in the enrolment`},
		"a schema that knows its own tables only": {func(f *files) { f.do(`DROP TABLE seatrial_canary`) },
			`canaries.ignore: ["data/app.db"] in the enrolment or canaries.tables: off`},
		"rows were copied into another file": {func(f *files) {
			f.do(`DROP TABLE seatrial_canary`)
			f.rename("app.db", "main.db")
		}, `canaries.ignore: ["data/app.db"] in the enrolment`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			set, err := canary.Seeder{App: f}.Seed(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c.change(f)
			var fault *run.Fault
			if _, err := set.Look(t.Context(), nil); !errors.As(err, &fault) || !strings.Contains(fault.Hint, c.hint) {
				t.Fatalf("nobody vouched, and got %v, %+v", err, fault)
			}
			set.Vouch(true)
			if _, err := set.Look(t.Context(), nil); err != nil || len(set.Notes()) != 1 {
				t.Fatalf("vouched for, and got %v, %q", err, set.Notes())
			}
		})
	}
}

// TestWhatNobodyCanVouchFor is lost whatever the enrolment's own steps find.
func TestWhatNobodyCanVouchFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(f *files)
		lost   string
	}{
		"some keys of many":         {func(f *files) { f.do(`DELETE FROM entries WHERE id = 2`, `INSERT INTO entries VALUES (9, 'z')`) }, "1 row of entries is gone: id 2"},
		"fewer rows under new keys": {func(f *files) { f.do(`DELETE FROM entries`, `INSERT INTO entries VALUES (9, 'z')`) }, "3 rows of entries are gone"},
		"two tables into one": {func(f *files) {
			f.do(`DROP VIEW seen`, `CREATE TABLE notes (number INTEGER PRIMARY KEY, words TEXT)`, `INSERT INTO notes SELECT id, text FROM entries`, `DROP TABLE entries`, `DROP TABLE log`)
		}, "the table log is gone"},
		"a photo":           {func(f *files) { f.remove("photos/a.jpg") }, "the file data/photos/a.jpg is gone (4 bytes)"},
		"a photo's content": {func(f *files) { f.write("photos/a.jpg", "") }, "the file data/photos/a.jpg is empty, and held 4 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			f.write("photos/a.jpg", "ship")
			set, err := canary.Seeder{App: f}.Seed(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c.change(f)
			set.Vouch(true)
			if _, err := set.Look(t.Context(), nil); err == nil || !strings.Contains(err.Error(), c.lost) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// TestFilesThatMayGo holds that files may be moved, changed and, where their names say
// that they do not last, go.
func TestFilesThatMayGo(t *testing.T) {
	t.Parallel()
	f := open(t)
	for _, name := range []string{"photos/a.jpg", "settings.json", "app.pid", "cache/x", "thumbs/y", "logs/today"} {
		f.write(name, "content of "+name)
	}
	f.write("flag", "")
	set, err := canary.Seeder{App: f, Ignore: []string{"data/thumbs/**"}}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.write("media/1.jpg", "content of photos/a.jpg")
	f.write("settings.json", "more")
	for _, name := range []string{"photos/a.jpg", "app.pid", "cache/x", "thumbs/y", "logs/today", "flag"} {
		f.remove(name)
	}
	if _, err := set.Look(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(set.Notes(), "\n"); got != "Files that the app itself changed or removed: data/app.pid, data/cache/x, data/logs/today, data/settings.json" {
		t.Errorf("got %q", got)
	}
	left, err := set.Look(t.Context(), func(p canary.Place) bool { return !strings.HasSuffix(p.Path, ".jpg") && p.Database == nil })
	if err != nil || strings.Join(left, " ") != "data/app.db" || !strings.HasPrefix(set.Notes()[0], "Not backed up: data/photos/a.jpg") {
		t.Errorf("%v, %q, %q", err, left, set.Notes())
	}
}

// TestMarksWhereNobodyElseLooks: an app that tidies away what it does not know is no app
// that removes its data.
func TestMarksWhereNobodyElseLooks(t *testing.T) {
	t.Parallel()
	const plain = "seatrial-canary.txt"
	for name, c := range map[string]struct {
		change func(f *files)
		lost   string
	}{
		"nothing": {func(*files) {}, ""},
		"all that a shell's glob names, and then made anew": {func(f *files) {
			f.remove("photos/a.jpg", "photos/"+plain, plain, "app.db")
			os.Remove(filepath.Join(f.dir, "photos", canary.FileName))
			f.write("photos/a.jpg", "ship")
			f.do(`CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT)`)
		}, "the volume data no longer holds the file with an ordinary name"},
		"a folder's content, and then made anew": {func(f *files) {
			f.remove("photos/a.jpg", "photos/"+plain)
			f.write("photos/a.jpg", "ship")
		}, "the folder data/photos no longer holds the files that were put into it"},
		"tidied away": {func(f *files) { f.remove("photos/"+plain, plain) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			for _, name := range []string{"photos/a.jpg", "repo/HEAD", "repo/refs/main", "spool/1", ".hidden/x"} {
				f.write(name, "ship")
				long := f.past()
				if err := os.Chtimes(filepath.Join(f.dir, name), long, long); err != nil {
					t.Fatal(err)
				}
			}
			set, err := canary.Seeder{App: f, Alone: true}.Seed(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var marks []string
			for _, pattern := range []string{plain, "*/" + plain, "*/*/" + plain, "*/" + canary.FileName, ".hidden/" + canary.FileName} {
				found, _ := filepath.Glob(filepath.Join(f.dir, pattern))
				for _, name := range found {
					marks = append(marks, strings.TrimPrefix(name, f.dir+"/"))
				}
			}
			if got := strings.Join(marks, " "); got != plain+" photos/"+plain+" photos/"+canary.FileName {
				t.Errorf("marks lie at %s", got)
			}
			c.change(f)
			var fault *run.Fault
			_, err = set.Look(t.Context(), nil)
			if c.lost == "" && err != nil || c.lost != "" && (!errors.As(err, &fault) || !strings.Contains(strings.Join(fault.Evidence, "\n"), c.lost)) {
				t.Errorf("got %v, %+v", err, fault)
			}
		})
	}
}

// TestADatabaseThatIsNewAtEachStart: our row tells.
func TestADatabaseThatIsNewAtEachStart(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.fleeting = true
	set, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Look(t.Context(), nil); err != nil {
		t.Fatal("it is the same one:", err)
	}
	f.do(`DROP TABLE seatrial_canary`)
	var fault *run.Fault
	if _, err := set.Look(t.Context(), nil); !errors.As(err, &fault) || !strings.Contains(fault.Summary, "the database /home/app/app.db is new at each start") || !strings.Contains(fault.Hint, "/home/app/app.db") {
		t.Fatalf("got %v", err)
	}
	set.Vouch(true)
	if _, err := set.Look(t.Context(), nil); err != nil {
		t.Fatal("a cache of an app whose data is kept:", err)
	}
}

// TestADatabaseThatTheAppHoldsAlone is waited for once, and then told.
func TestADatabaseThatTheAppHoldsAlone(t *testing.T) {
	t.Parallel()
	f := open(t)
	asked := 0
	f.refuse = func(app.Database, []string) error { asked++; return errors.New("database is locked (5) (SQLITE_BUSY)") }
	held := map[string]bool{"data/app.db": true}
	set, err := canary.Seeder{App: f, Held: held}.Seed(t.Context())
	if err != nil || asked != 1 {
		t.Fatalf("%v after %d questions", err, asked)
	}
	if _, err := set.Look(t.Context(), nil); err != nil || len(set.Notes()) != 1 || !strings.Contains(set.Notes()[0], "data/app.db is held by the app alone") {
		t.Fatalf("got %v, %q", err, set.Notes())
	}
	f.remove("app.db")
	if _, err := set.Look(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "the database data/app.db is gone") {
		t.Fatalf("got %v", err)
	}
}

func TestNoTableOfOursWhereNoneIsWanted(t *testing.T) {
	t.Parallel()
	f := open(t)
	set, err := canary.Seeder{App: f, NoTable: true}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.do(`CREATE TABLE seatrial_canary (x)`) // which would be an error if it were there
	if _, err := set.Look(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	f.do(`DELETE FROM entries WHERE id = 2`)
	if _, err := set.Look(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "entries is gone: id 2") {
		t.Fatalf("got %v", err)
	}
}

// What a fault says excuses it does, whatever the file is called.
func TestTheExcuseThatIsNamedExcuses(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.write("photos/my [old] {cat}*.jpg", "a cat")
	set, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.remove("photos/my [old] {cat}*.jpg")
	_, err = set.Look(t.Context(), nil)
	var fault *run.Fault
	if !errors.As(err, &fault) {
		t.Fatalf("got %v", err)
	}
	quoted := fault.Hint[strings.Index(fault.Hint, "[")+1 : strings.LastIndex(fault.Hint, "]")]
	excuse, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%s: %v", quoted, err)
	}
	f.write("photos/my [old] {cat}*.jpg", "a cat")
	if set, err = (canary.Seeder{App: f, Ignore: []string{excuse}}).Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.remove("photos/my [old] {cat}*.jpg")
	if _, err := set.Look(t.Context(), nil); err != nil {
		t.Errorf("%s does not excuse it: %v", excuse, err)
	}
}

// renamed is an app whose volume has another name from some time on.
type renamed struct {
	*files
	dirs map[string]string
}

func (r *renamed) Volumes(context.Context) (all []app.Volume, err error) {
	for name := range r.dirs {
		all = append(all, app.Volume{Name: name})
	}
	return all, nil
}

func (r *renamed) Get(_ context.Context, volume, path string) ([]byte, error) {
	dir, ok := r.dirs[volume]
	if !ok {
		return nil, errors.New("the stack has no such volume")
	}
	return os.ReadFile(filepath.Join(dir, path))
}

func TestAVolumeThatWasRenamed(t *testing.T) {
	t.Parallel()
	f := open(t)
	r := &renamed{files: f, dirs: map[string]string{"data": f.dir}}
	set, err := canary.Seeder{App: r}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.dirs = map[string]string{"store": f.dir}
	if _, err := set.Look(t.Context(), nil); err != nil || len(set.Notes()) == 0 {
		t.Fatalf("its content was moved, and got %v, %q", err, set.Notes())
	}
	r.dirs = map[string]string{"store": t.TempDir()}
	f.remove("app.db")
	var fault *run.Fault
	if _, err := set.Look(t.Context(), nil); !errors.As(err, &fault) || !strings.Contains(fault.Evidence[0], "the volume data is no longer the app's") || !strings.Contains(fault.Evidence[1], "the database data/app.db is gone") {
		t.Fatalf("got %v", err)
	}
}
