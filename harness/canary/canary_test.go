package canary_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/canary"
	"seatrial/harness/run"
)

// files is an app whose volume is a folder with a real database in it.
type files struct {
	t       *testing.T
	dir     string
	outside []app.Database // of no volume
	// fleeting says that the databases lie where nothing outlives a start.
	fleeting bool
	// refuse may make a question fail. It may be nil.
	refuse func(db app.Database, statements []string) error
}

func (f *files) Volumes(context.Context) ([]app.Volume, error) {
	return []app.Volume{{Name: "data", Path: "/volumes/data"}}, nil
}

func (f *files) Files(context.Context, string) (app.Files, error) { return inside.Files(f.dir) }

func (f *files) Put(_ context.Context, volume, path string, content []byte) error {
	return os.WriteFile(filepath.Join(f.dir, path), content, 0o600)
}

func (f *files) Get(_ context.Context, volume, path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(f.dir, path))
}

func (f *files) Databases(context.Context) ([]app.Database, error) {
	found, err := filepath.Glob(filepath.Join(f.dir, "*.db"))
	list := f.outside
	for _, path := range found {
		name := filepath.Base(path)
		list = append(list, app.Database{Engine: "sqlite", Name: "data/" + name, Volume: "data", Path: "/volumes/data/" + name})
	}
	if f.fleeting {
		for i := range list {
			list[i].Name, list[i].Path = "/home/app/"+filepath.Base(list[i].Path), "/home/app/"+filepath.Base(list[i].Path)
			list[i].Volume, list[i].Fleeting = "", true
		}
	}
	return list, err
}

func (f *files) write(name, content string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *files) remove(names ...string) {
	f.t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(f.dir, name)); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *files) rename(from, to string) {
	f.t.Helper()
	if err := os.Rename(filepath.Join(f.dir, from), filepath.Join(f.dir, to)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *files) past() time.Time { return time.Now().Add(-time.Hour) }

func (f *files) SQL(ctx context.Context, asked app.Database, statements ...string) ([]app.Rows, error) {
	if f.refuse != nil {
		if err := f.refuse(asked, statements); err != nil {
			return nil, err
		}
	}
	// Nothing here outlives a crash of the machine: it need not wait for the disk.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(f.dir, filepath.Base(asked.Path))+"?_pragma=synchronous(off)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var answers []app.Rows
	for _, statement := range statements {
		rows, err := db.QueryContext(ctx, statement)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
		columns, _ := rows.Columns()
		answer := app.Rows{}
		for rows.Next() {
			row, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			var texts []string
			for _, v := range row {
				texts = append(texts, v.String)
			}
			answer = append(answer, texts)
		}
		rows.Close()
		answers = append(answers, answer)
	}
	return answers, nil
}

func (f *files) do(statements ...string) {
	f.t.Helper()
	if _, err := f.SQL(f.t.Context(), app.Database{Path: "app.db"}, statements...); err != nil {
		f.t.Fatal(err)
	}
}

func all(canary.Place) bool { return true }

func open(t *testing.T) *files {
	f := &files{t: t, dir: t.TempDir()}
	f.do(`CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT)`,
		`INSERT INTO entries (text) VALUES ('a'), ('b'), ('c')`,
		`CREATE TABLE "odd ""name" (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID`,
		`INSERT INTO "odd ""name" VALUES ('x''y', '1'), ('x''y', '2')`,
		`CREATE TABLE log (line TEXT)`,
		`INSERT INTO log VALUES ('one'), ('two')`,
		`CREATE TABLE vacant (id INTEGER PRIMARY KEY)`,
		`CREATE VIEW seen AS SELECT * FROM entries`,
		`CREATE VIRTUAL TABLE search USING fts5(text)`,
		`INSERT INTO search VALUES ('a')`)
	return f
}

func TestLook(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *files)
		ignore []string
		lost   []string // pieces of the evidence, in order; none: all is there
	}{
		"nothing changed": {change: func(f *files) {}},
		"rows were added and changed": {change: func(f *files) {
			f.do(`INSERT INTO entries (text) VALUES ('d')`, `UPDATE entries SET text = 'z'`, `INSERT INTO log VALUES ('three')`)
		}},
		"a column was added":  {change: func(f *files) { f.do(`ALTER TABLE entries ADD COLUMN colour TEXT`) }},
		"a table was renamed": {change: func(f *files) { f.do(`ALTER TABLE entries RENAME TO posts`) }},
		"a table was renamed and grew": {change: func(f *files) {
			f.do(`ALTER TABLE entries RENAME TO posts`, `INSERT INTO posts (text) VALUES ('d')`)
		}},
		"a number became a text": {change: func(f *files) {
			f.do(`DROP VIEW seen`, `CREATE TABLE e2 (id TEXT PRIMARY KEY, text TEXT)`, `INSERT INTO e2 SELECT id, text FROM entries`, `DROP TABLE entries`, `ALTER TABLE e2 RENAME TO entries`)
		}},
		"the database was moved": {change: func(f *files) {
			if err := os.Rename(filepath.Join(f.dir, "app.db"), filepath.Join(f.dir, "main.db")); err != nil {
				f.t.Fatal(err)
			}
		}},
		"the database was moved, and lost a row": {change: func(f *files) {
			f.do(`DELETE FROM entries WHERE id = 3`)
			if err := os.Rename(filepath.Join(f.dir, "app.db"), filepath.Join(f.dir, "main.db")); err != nil {
				f.t.Fatal(err)
			}
		}, lost: []string{"data/main.db: 1 row of entries is gone: id 3"}},
		"a table was dropped, and others have such keys": {change: func(f *files) {
			f.do(`DROP TABLE entries`, `INSERT INTO vacant VALUES (1), (2), (3), (4)`, `CREATE TABLE colours (id INTEGER PRIMARY KEY, r, g, b, name)`, `INSERT INTO colours (id) VALUES (1), (2), (3)`)
		}, lost: []string{"the table entries is gone, and its 3 rows with it"}},
		"rows were replaced": {change: func(f *files) {
			f.do(`DELETE FROM entries`, `INSERT INTO entries (id, text) VALUES (9, 'a'), (10, 'b'), (11, 'c'), (12, 'd')`)
		}, lost: []string{"3 rows of entries are gone: id 1, 2, 3"}},
		"an empty table was dropped": {change: func(f *files) { f.do(`DROP TABLE vacant`) }},
		"a table got another key": {change: func(f *files) {
			f.do(`DROP VIEW seen`, `CREATE TABLE e2 (uid TEXT PRIMARY KEY, text TEXT)`, `INSERT INTO e2 SELECT 'u' || id, text FROM entries`, `DROP TABLE entries`, `ALTER TABLE e2 RENAME TO entries`)
		}},
		"the search index was rebuilt": {change: func(f *files) { f.do(`DROP TABLE search`) }},
		"a row vanished": {change: func(f *files) { f.do(`DELETE FROM entries WHERE id = 2`) },
			lost: []string{"data/app.db: 1 row of entries is gone: id 2"}},
		"rows with two keys vanished": {change: func(f *files) { f.do(`DELETE FROM "odd ""name"`) },
			lost: []string{`2 rows of odd "name are gone: (a, b) (x'y, 1), (x'y, 2)`}},
		"a row of a table without a key vanished": {change: func(f *files) { f.do(`DELETE FROM log WHERE line = 'one'`) },
			lost: []string{"1 row of log is gone: there were 2, there are 1"}},
		"an ignored table was pruned": {change: func(f *files) { f.do(`DELETE FROM log`) }, ignore: []string{"lo*"}},
		"a table was dropped": {change: func(f *files) { f.do(`DROP TABLE entries`) },
			lost: []string{"the table entries is gone, and its 3 rows with it"}},
		"our table was dropped": {change: func(f *files) { f.do(`DROP TABLE seatrial_canary`) },
			lost: []string{"data/app.db no longer holds the row that was put into it"}},
		"the volume was emptied": {change: func(f *files) { os.RemoveAll(f.dir); os.Mkdir(f.dir, 0o700) },
			lost: []string{"the volume data no longer holds", "the database data/app.db is gone, and with it 7 rows in 4 tables"}},
		"an older copy came back": {change: func(f *files) {
			f.Put(f.t.Context(), "data", canary.FileName, []byte("older"))
			f.do(`DELETE FROM seatrial_canary`)
		}, lost: []string{"an older or changed copy", "no longer holds the row"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			set, err := canary.Seeder{App: f, Ignore: c.ignore}.Seed(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c.change(f)
			_, err = set.Look(t.Context(), all)
			if len(c.lost) == 0 {
				if err != nil {
					t.Fatal(err, err.(*run.Fault).Evidence)
				}
				return
			}
			var fault *run.Fault
			if !errors.As(err, &fault) || len(fault.Evidence) != len(c.lost) {
				t.Fatalf("got %v", err)
			}
			for i, want := range c.lost {
				if !strings.Contains(fault.Evidence[i], want) {
					t.Errorf("got %q, want %q", fault.Evidence[i], want)
				}
			}
		})
	}
}

func TestWhatIsNotCoveredIsListedAndNotExpected(t *testing.T) {
	f := open(t)
	set, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(f.dir)
	os.Mkdir(f.dir, 0o700)
	not, err := set.Look(t.Context(), func(p canary.Place) bool { return p.Volume != "data" })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"data/.seatrial-canary", "data/app.db"}, not); diff != "" {
		t.Fatal(diff)
	}
}

// large makes a table whose keys are known one by one, or only at both ends.
func (f *files) large(sampled bool) {
	f.do(`CREATE TABLE large (id INTEGER PRIMARY KEY)`, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO large SELECT i FROM n`)
	if sampled {
		f.refuse = func(_ app.Database, statements []string) error {
			if strings.Contains(statements[0], "sum(length(") {
				return errors.New("it takes too long")
			}
			return nil
		}
	}
}

func TestEveryRowOfALargeTableIsKnown(t *testing.T) {
	f := open(t)
	f.large(false)
	set, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.do(`INSERT INTO large VALUES (20001)`)
	if _, err := set.Look(t.Context(), all); err != nil || len(set.Notes()) > 0 {
		t.Fatal("rows were only added:", err, set.Notes())
	}
	f.do(`DELETE FROM large WHERE id BETWEEN 5001 AND 6000`, `INSERT INTO large SELECT id + 30000 FROM large WHERE id <= 1000`)
	set.Vouch(true)
	if _, err := set.Look(t.Context(), all); err == nil || !strings.Contains(err.Error(), "1000 rows of large are gone: id 5001, 5002, ") {
		t.Fatalf("got %v", err)
	}
}

func TestATableThatIsTooLargeIsSampledAndSaysSo(t *testing.T) {
	f := open(t)
	f.large(true)
	set, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.do(`INSERT INTO large VALUES (20001)`)
	if _, err := set.Look(t.Context(), all); err != nil {
		t.Fatal("rows were only added:", err)
	}
	if notes := set.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "the table large is too large for every row to be watched") {
		t.Fatalf("got %q", notes)
	}
	var fault *run.Fault
	f.do(`DELETE FROM large WHERE id BETWEEN 5001 AND 6000`)
	if _, err := set.Look(t.Context(), nil); !errors.As(err, &fault) || fault.Evidence[0] != "data/app.db: 999 rows of large are gone: there were 20000, there are 19001" {
		t.Fatalf("got %v", err)
	}
	f.do(`DELETE FROM large WHERE id > 100`)
	if _, err := set.Look(t.Context(), nil); !errors.As(err, &fault) || fault.Evidence[0] != "data/app.db: 19900 rows of large are gone: there were 20000, there are 100" {
		t.Fatalf("got %v, %q", err, fault.Evidence)
	}
}

func TestADatabaseThatTakesNoMarkIsWatchedAllTheSame(t *testing.T) {
	f := open(t)
	f.refuse = func(_ app.Database, statements []string) error {
		if strings.HasPrefix(statements[0], "CREATE TABLE") {
			return errors.New("attempt to write a readonly database (8)")
		}
		return nil
	}
	set, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Look(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	f.do(`DELETE FROM entries WHERE id = 2`)
	if _, err := set.Look(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "entries is gone: id 2") {
		t.Fatalf("got %v", err)
	}
}

func TestALockedDatabaseIsWaitedFor(t *testing.T) {
	f := open(t)
	locked := 2
	f.refuse = func(app.Database, []string) error {
		if locked--; locked >= 0 {
			return errors.New("database is locked (5) (SQLITE_BUSY)")
		}
		return nil
	}
	if _, err := (canary.Seeder{App: f}).Seed(t.Context()); err != nil || locked >= 0 {
		t.Fatalf("%v, and it was asked %d times too few", err, locked+1)
	}
}

func TestATableThatOnlyTheAppCanReadHidesNoOther(t *testing.T) {
	f := open(t)
	f.refuse = func(_ app.Database, statements []string) error {
		for _, s := range statements {
			if strings.Contains(s, `FROM "log"`) {
				return errors.New("no such collation sequence: unicode_nocase (1)")
			}
		}
		return nil
	}
	set, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.refuse = nil
	f.do(`DELETE FROM log`, `DELETE FROM entries WHERE id = 2`)
	var fault *run.Fault
	if _, err := set.Look(t.Context(), nil); !errors.As(err, &fault) || len(fault.Evidence) != 1 || !strings.Contains(fault.Evidence[0], "entries is gone: id 2") {
		t.Fatalf("got %v", err)
	}
}

func TestADatabaseOutsideOfEveryVolumeIsLeftAlone(t *testing.T) {
	f := open(t)
	f.outside = []app.Database{{Engine: "sqlite", Name: "/app/cities.db", Path: "/app/cities.db"}}
	f.refuse = func(db app.Database, _ []string) error {
		if db.Volume == "" {
			t.Errorf("%s was asked, or written to", db.Name)
		}
		return nil
	}
	set, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Look(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func TestADatabaseThatWentWhilePlanting(t *testing.T) {
	f := open(t)
	gone := filepath.Join(f.dir, "moment.db")
	if err := os.WriteFile(gone, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.refuse = func(db app.Database, _ []string) error {
		if db.Name != "data/moment.db" {
			return nil
		}
		os.Remove(gone)
		return errors.New("unable to open database file (14)")
	}
	if _, err := (canary.Seeder{App: f}).Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAnErrorOfOursBlamesNobody(t *testing.T) {
	f := open(t)
	set, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.refuse = func(app.Database, []string) error { return errors.New("the sandbox is gone") }
	var fault *run.Fault
	if _, err := set.Look(t.Context(), nil); err == nil || errors.As(err, &fault) {
		t.Fatalf("got %v", err)
	}
}

func TestASecondPlantingIsAnotherMark(t *testing.T) {
	f := open(t)
	first, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := canary.Seeder{App: f}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Look(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Look(t.Context(), all); err == nil {
		t.Fatal("the file of the first planting was overwritten, and nobody noticed")
	}
}
