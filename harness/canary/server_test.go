package canary_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/app"
	"seatrial/harness/app/dbserver/dbservertest"
	"seatrial/harness/canary"
	"seatrial/harness/run"
)

// served is an app without files whose rows are in one database of a real server.
type served struct {
	*dbservertest.Server
	t        *testing.T
	database string
	volume   *string // instead of the server's own
}

func (s served) Volumes(context.Context) ([]app.Volume, error)       { return nil, nil }
func (s served) Files(context.Context, string) (app.Files, error)    { return app.Files{}, nil }
func (s served) Put(context.Context, string, string, []byte) error   { return fs.ErrPermission }
func (s served) Get(context.Context, string, string) ([]byte, error) { return nil, fs.ErrNotExist }
func (s served) SQL(ctx context.Context, db app.Database, statements ...string) ([]app.Rows, error) {
	return s.Server.SQL(ctx, s.Exec, db, statements...)
}

// Databases lists the app's database only: others run beside it.
func (s served) Databases(ctx context.Context) ([]app.Database, error) {
	list, err := s.Server.Databases(ctx, s.Exec)
	list = slices.DeleteFunc(list, func(d app.Database) bool { return !strings.HasPrefix(d.Name, "db/"+s.database) })
	for i := range list {
		if s.volume != nil {
			list[i].Volume = *s.volume
		}
	}
	return list, err
}

func (s served) do(statements ...string) { s.t.Helper(); s.Do(s.t, s.database, statements...) }

// sql writes a statement for the server: "name" is quoted as it quotes names.
func (s served) sql(statements ...string) {
	s.t.Helper()
	if s.Engine == "mysql" {
		for i := range statements {
			statements[i] = strings.ReplaceAll(statements[i], `"`, "`")
		}
	}
	s.do(statements...)
}

var maintenance = map[string]string{"postgres": "postgres", "mysql": "mysql"}

func (s served) create(name string) {
	s.Do(s.t, maintenance[s.Engine], "CREATE DATABASE "+name+map[string]string{"mysql": " CHARACTER SET utf8mb4"}[s.Engine])
}
func (s served) drop(name string) { s.Do(s.t, maintenance[s.Engine], "DROP DATABASE "+name) }

// fill makes the app's tables. Their names, keys and values are of the nasty kind.
func (s served) fill() {
	s.t.Helper()
	s.sql(`CREATE TABLE entries (id INT PRIMARY KEY, text TEXT)`, `INSERT INTO entries VALUES (1, 'a'), (2, 'b'), (3, 'c')`,
		`CREATE TABLE pairs (b VARCHAR(40), a INT, note TEXT, PRIMARY KEY (a, b))`, `INSERT INTO pairs VALUES ('x''y', 1, 'n'), ('x; y', 1, 'n')`,
		`CREATE TABLE log (line TEXT)`, `INSERT INTO log VALUES ('one'), ('two')`,
		`CREATE TABLE vacant (id INT PRIMARY KEY)`,
		`CREATE VIEW seen AS SELECT * FROM entries`,
		`CREATE TABLE "odd 'na me; -- \ %s \" (id INT PRIMARY KEY, "co l'umn" INT)`, `INSERT INTO "odd 'na me; -- \ %s \" VALUES (7, 1)`,
		`CREATE TABLE words ("the word" VARCHAR(200) PRIMARY KEY)`, "INSERT INTO words VALUES ('two\nlines'), ('a\ttab'), ('it''s'), ('\"q\"'), ('grüße 🐘'), ('NULL'), ('a,b'), ('<&>')",
		`CREATE TABLE "Users" (id INT PRIMARY KEY)`, `INSERT INTO "Users" VALUES (1), (2)`,
		`CREATE TABLE "users" (id INT PRIMARY KEY)`, `INSERT INTO "users" VALUES (1), (2), (3)`,
		`CREATE TABLE "shop.orders" (id INT PRIMARY KEY)`, `INSERT INTO "shop.orders" VALUES (1)`,
		`CREATE TABLE moments (at TIMESTAMP(0) PRIMARY KEY)`, `INSERT INTO moments VALUES ('2024-02-29 12:00:00')`)
	if s.Engine == "mysql" {
		s.sql(`CREATE TABLE uuids (id BINARY(4) PRIMARY KEY)`, `INSERT INTO uuids VALUES (0xff00fe01), (0x00000002)`,
			`CREATE TABLE inmemory (id INT PRIMARY KEY) ENGINE=MEMORY`, `INSERT INTO inmemory VALUES (1)`)
		return
	}
	s.do(`CREATE TABLE uuids (id BYTEA PRIMARY KEY)`, `INSERT INTO uuids VALUES ('\xff00fe01'), ('\x00000002')`,
		`CREATE UNLOGGED TABLE inmemory (id INT PRIMARY KEY)`, `INSERT INTO inmemory VALUES (1)`,
		`CREATE SCHEMA shop`, `CREATE TABLE shop.orders (id INT PRIMARY KEY)`, `INSERT INTO shop.orders VALUES (1), (2)`,
		`CREATE TABLE parted (id INT PRIMARY KEY) PARTITION BY RANGE (id)`, `CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (0) TO (10)`, `INSERT INTO parted VALUES (1), (2)`,
		`CREATE TABLE covering (id INT, more TEXT, PRIMARY KEY (id) INCLUDE (more))`, `INSERT INTO covering VALUES (1, 'x')`)
}

type serverCase struct {
	change func(s served)
	only   string // the one kind of server that this is about
	ignore []string
	lost   []string // pieces of the evidence, in order; none: all is there
}

var serverCases = map[string]serverCase{
	"what may change changed": {change: func(s served) {
		s.sql(`INSERT INTO entries VALUES (4, 'd')`, `UPDATE entries SET text = 'z'`, `INSERT INTO log VALUES ('three')`, `DROP TABLE vacant`, `DELETE FROM inmemory`,
			`ALTER TABLE pairs RENAME TO couples`, `ALTER TABLE words ADD COLUMN more INT`)
	}},
	"a number became a text": {change: func(s served) {
		s.sql(`CREATE TABLE e2 (id VARCHAR(20) PRIMARY KEY, text TEXT)`, `INSERT INTO e2 SELECT id, text FROM entries`, `DROP VIEW seen`, `DROP TABLE entries`, `ALTER TABLE e2 RENAME TO entries`)
	}},
	"rows vanished": {change: func(s served) {
		s.sql(`DELETE FROM entries WHERE id = 2`, `DELETE FROM pairs`, `DELETE FROM log WHERE line = 'one'`, `DELETE FROM words WHERE "the word" LIKE 'two%' OR "the word" LIKE 'gr%'`)
		s.do(map[string]string{"mysql": `DELETE FROM uuids WHERE id = 0xff00fe01`, "postgres": `DELETE FROM uuids WHERE id = '\xff00fe01'`}[s.Engine])
	}, lost: []string{
		"1 row of entries is gone: id 2", "1 row of log is gone: there were 2, there are 1", `2 rows of pairs are gone: (a, b) (1, x'y), (1, x; y)`,
		"1 row of uuids is gone: id ", "2 rows of words are gone: the word grüße 🐘, two\nlines",
	}},
	"tables were dropped": {change: func(s served) {
		s.sql(`DROP VIEW seen`, `DROP TABLE entries`, `DROP TABLE "odd 'na me; -- \ %s \"`, `DROP TABLE "Users"`)
	}, lost: []string{
		"the table Users is gone, and its 2 rows with it", "the table entries is gone, and its 3 rows with it", `the table odd 'na me; -- \ %s \ is gone, and its 1 row with it`,
	}},
	"an ignored table was pruned": {change: func(s served) { s.sql(`DELETE FROM log`) }, ignore: []string{"lo*"}},
	"our table was dropped":       {change: func(s served) { s.sql(`DROP TABLE seatrial_canary`) }, lost: []string{"no longer holds the row that was put into it"}},
	"an older copy came back":     {change: func(s served) { s.sql(`DELETE FROM seatrial_canary`) }, lost: []string{"no longer holds the row that was put into it"}},
	"the server writes times otherwise": {only: "postgres", change: func(s served) {
		s.do("ALTER DATABASE "+s.database+" SET TimeZone = 'Asia/Tokyo'", "ALTER DATABASE "+s.database+" SET DateStyle = 'German'", "ALTER DATABASE "+s.database+" SET bytea_output = 'escape'", "ALTER DATABASE "+s.database+" SET search_path = shop")
	}},
	"it was dumped and restored": {change: func(s served) {
		dump := s.Dump(s.t, s.database)
		s.drop(s.database)
		s.create(s.database)
		s.Load(s.t, s.database, dump)
	}},
	"it was dropped": {change: func(s served) { s.drop(s.database) },
		lost: []string{"is gone, and with it "}},
	"it was made anew, empty": {change: func(s served) {
		s.drop(s.database)
		s.create(s.database)
		s.sql(`CREATE TABLE entries (id INT PRIMARY KEY, text TEXT)`)
	},
		ignore: []string{"[!e]*"}, lost: []string{"no longer holds the row", "3 rows of entries are gone: id 1, 2, 3"}},
	"it has another name now": {change: func(s served) {
		dump := s.Dump(s.t, s.database)
		s.create(s.database + "x")
		s.Load(s.t, s.database+"x", dump)
		s.drop(s.database)
	}},
	"a table of a schema lost a row": {only: "postgres", change: func(s served) { s.do(`DELETE FROM shop.orders WHERE id = 1`) },
		lost: []string{"1 row of shop.orders is gone: id 1"}},
	"a table of a schema is ignored": {only: "postgres", change: func(s served) { s.do(`DELETE FROM shop.orders`) }, ignore: []string{"shop.*"}},
	"a partition was cut off": {only: "postgres", change: func(s served) { s.do(`DROP TABLE part1`) },
		lost: []string{"2 rows of parted are gone: id 1, 2"}},
	"rows moved to another partition": {only: "postgres", change: func(s served) {
		s.do(`ALTER TABLE parted DETACH PARTITION part1`, `CREATE TABLE part2 PARTITION OF parted FOR VALUES FROM (0) TO (20)`, `INSERT INTO parted SELECT * FROM part1`, `DROP TABLE part1`)
	}},
}

func TestLookInServers(t *testing.T) {
	for _, kind := range dbservertest.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := dbservertest.Start(t, kind)
			// First and alone, for it makes the whole server read-only.
			t.Run("readonly", func(t *testing.T) { readOnly(t, served{Server: server, t: t, database: "readonly"}) })
			n := 0
			for name, c := range serverCases {
				if c.only != "" && c.only != server.Engine {
					continue
				}
				n++
				s := served{Server: server, database: fmt.Sprintf("app%03d", n)}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					s.t = t
					c.check(t, s)
				})
			}
			for name, check := range map[string]func(*testing.T, served){"many": manyRows, "covered": asksWhatIsCovered} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					check(t, served{Server: server, t: t, database: name})
				})
			}
		})
	}
}

func (c serverCase) check(t *testing.T, s served) {
	s.create(s.database)
	s.fill()
	set, err := canary.Seeder{App: s, Ignore: c.ignore}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.change(s)
	_, err = set.Look(t.Context(), nil)
	var fault *run.Fault
	switch {
	case err != nil && !errors.As(err, &fault):
		t.Fatal(err)
	case fault == nil:
		fault = &run.Fault{}
	}
	if len(fault.Evidence) != len(c.lost) {
		t.Fatalf("lost is %q", fault.Evidence)
	}
	for i, want := range c.lost {
		if !strings.Contains(fault.Evidence[i], want) {
			t.Errorf("got %q, want %q", fault.Evidence[i], want)
		}
	}
}

func manyRows(t *testing.T, s served) {
	s.create(s.database)
	s.sql(`CREATE TABLE large (id INT PRIMARY KEY)`, `INSERT INTO large WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 950) SELECT a.i * 1000 + b.i FROM n a, n b WHERE b.i <= 13`)
	set, err := canary.Seeder{App: s}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.sql(`INSERT INTO large VALUES (5)`)
	if _, err := set.Look(t.Context(), nil); err != nil {
		t.Fatal("a row was only added:", err)
	}
	s.sql(`DELETE FROM large WHERE id BETWEEN 400000 AND 500000`)
	if _, err := set.Look(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "1300 rows of large are gone: id 400001, 400002, ") {
		t.Fatalf("got %v", err)
	}
}

func readOnly(t *testing.T, s served) {
	s.create(s.database)
	s.sql(`CREATE TABLE entries (id INT PRIMARY KEY)`, `INSERT INTO entries VALUES (1), (2)`)
	on, off := "ALTER DATABASE readonly SET default_transaction_read_only = on", "ALTER DATABASE readonly RESET default_transaction_read_only"
	at := maintenance[s.Engine]
	if s.Engine == "mysql" {
		on, off = "SET GLOBAL tx_read_only = 1", "SET GLOBAL tx_read_only = 0"
	}
	s.Do(t, at, on)
	set, err := canary.Seeder{App: s}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Look(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if s.Engine == "mysql" {
		s.Do(t, at, "SET SESSION TRANSACTION READ WRITE", off)
	} else {
		s.Do(t, at, off)
	}
	s.sql(`DELETE FROM entries WHERE id = 2`)
	if _, err := set.Look(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "1 row of entries is gone: id 2") {
		t.Fatalf("got %v", err)
	}
}

func asksWhatIsCovered(t *testing.T, s served) {
	s.create(s.database)
	list, err := s.Databases(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	set, err := canary.Seeder{App: s}.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	s.drop(s.database)
	not, err := set.Look(t.Context(), func(p canary.Place) bool { asked = append(asked, p.Volume, p.Database.Service); return false })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{list[0].Volume, "db"}, asked); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"db/covered"}, not); diff != "" {
		t.Error(diff)
	}

	// Without a volume it is left alone.
	s.create(s.database)
	s.volume = new(string)
	if _, err := (canary.Seeder{App: s}).Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := s.Do(t, s.database, "SELECT count(*) FROM information_schema.tables WHERE table_name = 'seatrial_canary' AND table_schema IN ('public', 'covered')")
	if diff := cmp.Diff([]app.Rows{{{"0"}}}, left); diff != "" {
		t.Error(diff)
	}
}
