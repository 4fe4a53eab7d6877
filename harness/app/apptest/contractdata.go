package apptest

import (
	"archive/tar"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app"
)

// eachWay runs a test on the running app and on the stopped one.
func eachWay(test func(t *testing.T, f Fixture)) func(t *testing.T, f Fixture) {
	return func(t *testing.T, f Fixture) {
		f.deploys(t, f.One)
		test(t, f)
		noError(t, f.App.Stop(t.Context()))
		test(t, f)
	}
}

var volumes = []clause{
	{"Volumes are listed", eachWay(func(t *testing.T, f Fixture) {
		list, err := f.App.Volumes(t.Context())
		noError(t, err)
		if len(list) == 0 || list[0].Name != f.Volume || list[0].Path == "" {
			t.Errorf("volumes: %+v", list)
		}
	})},
	{"Put adds a file or overwrites it, Get reads it", eachWay(func(t *testing.T, f Fixture) {
		for _, content := range []string{"first, and longer", "second"} {
			noError(t, f.App.Put(t.Context(), f.Volume, "a/b/c", []byte(content)))
			f.holds(t, "a/b/c", content)
		}
	})},
	{"Put leaves the mode and the times of the folder as they were, also where its owner may not write", eachWay(func(t *testing.T, f Fixture) {
		was := tar.Header{Name: "kept/", Typeflag: tar.TypeDir, Mode: 0o555, ModTime: time.Unix(1e9, 5)}
		root, err := tar.NewReader(f.exported(t)).Next()
		noError(t, err)
		stream := &bytes.Buffer{}
		w := tar.NewWriter(stream)
		noError(t, w.WriteHeader(&tar.Header{Name: was.Name, Typeflag: was.Typeflag, Mode: was.Mode, ModTime: was.ModTime, Uid: root.Uid, Gid: root.Gid, Format: tar.FormatPAX}))
		noError(t, w.Close())
		f.imports(t, stream)
		noError(t, f.App.Put(t.Context(), f.Volume, "kept/file", []byte("x")))
		f.holds(t, "kept/file", "x")
		for in := tar.NewReader(f.exported(t)); ; {
			h, err := in.Next()
			noError(t, err)
			if h.Name == was.Name {
				if h.Mode != was.Mode || !h.ModTime.Equal(was.ModTime) {
					t.Errorf("the folder has the mode %o and the time %v", h.Mode, h.ModTime)
				}
				return
			}
		}
	})},
	{"Files lists regular files with size, time and sum", eachWay(func(t *testing.T, f Fixture) {
		f.imports(t, archive(t, entry{name: "folder/", mode: 0o700}, entry{name: "folder/file", content: "content", mode: 0o600}, entry{name: "same", content: "content", mode: 0o600}, entry{name: "link", link: "same"}))
		list, err := f.App.Files(t.Context(), f.Volume)
		noError(t, err)
		if len(list.All) != 2 || list.All[0].Path != "folder/file" || list.All[0].Size != 7 || list.All[0].Sum == "" || list.All[0].Sum != list.All[1].Sum || list.All[0].Modified.IsZero() || list.Cut {
			t.Errorf("files: %+v", list)
		}
	})},
	{"Get of what is not there matches fs.ErrNotExist", eachWay(func(t *testing.T, f Fixture) { f.lacks(t, "nothing") })},
	{"Put and Get stay inside the volume", eachWay(func(t *testing.T, f Fixture) {
		ourError(t, f.App.Put(t.Context(), f.Volume, "../out", []byte("x")))
		_, err := f.App.Get(t.Context(), f.Volume, "../../etc/passwd")
		ourError(t, err)
	})},
	{"Export writes paths relative to the volume, modes, and links as links", eachWay(func(t *testing.T, f Fixture) {
		f.imports(t, archive(t, sample...))
		compare(t, f.exported(t), sample)
	})},
	{"Import replaces the volume's content by the stream's", eachWay(func(t *testing.T, f Fixture) {
		noError(t, f.App.Put(t.Context(), f.Volume, "before", []byte("x")))
		f.imports(t, archive(t, sample...))
		f.lacks(t, "before")
		f.holds(t, "folder/file", "content")
	})},
	{"Entries that would leave the volume are refused, and nothing is replaced", eachWay(func(t *testing.T, f Fixture) {
		f.imports(t, archive(t, sample...))
		for _, bad := range [][]entry{
			{{name: "../out", content: "x", mode: 0o644}},
			{{name: "/../../etc/out", content: "x", mode: 0o644}},
			{{name: "way", link: "/tmp"}, {name: "way/out", content: "x", mode: 0o644}},
			{{name: "hard", link: "../../etc/passwd", hard: true}},
		} {
			f.refuses(t, archive(t, bad...))
			f.holds(t, "folder/file", "content")
		}
	})},
	{"A stream that is cut off replaces nothing", eachWay(func(t *testing.T, f Fixture) {
		f.imports(t, archive(t, sample...))
		cut := io.LimitReader(archive(t, entry{name: "large", content: strings.Repeat("x", 5000), mode: 0o644}), 2000)
		f.refuses(t, cut)
		f.holds(t, "folder/file", "content")
	})},
	{"A volume that does not exist blames us", func(t *testing.T, f Fixture) {
		noError(t, f.App.Deploy(t.Context(), f.One))
		_, err := f.App.Export(t.Context(), "no-such-volume", io.Discard)
		ourError(t, err)
		_, err = f.App.Import(t.Context(), "no-such-volume", archive(t))
		ourError(t, err)
		ourError(t, f.App.Put(t.Context(), "../"+f.Volume, "x", nil))
	}},
}

var databases = []clause{
	{"Databases lists what is found in the volumes", eachWay(func(t *testing.T, f Fixture) {
		f.putDatabase(t, "deep/app.db")
		noError(t, f.App.Put(t.Context(), f.Volume, "deep/not.db", []byte("SQLite? no")))
		db := f.onlyDatabase(t)
		if db.Engine != "sqlite" || db.Volume != f.Volume || db.Name != f.Volume+"/deep/app.db" || !strings.HasSuffix(db.Path, "deep/app.db") {
			t.Errorf("database: %+v", db)
		}
	})},
	{"SQL runs statements in order and returns each one's rows as text, NULL as an empty string", eachWay(func(t *testing.T, f Fixture) {
		f.putDatabase(t, "app.db")
		rows, err := f.App.SQL(t.Context(), f.onlyDatabase(t),
			"INSERT INTO words VALUES (2, 'zwei', NULL)", "SELECT * FROM words ORDER BY id", "SELECT count(*) FROM words WHERE id > 5")
		noError(t, err)
		if len(rows) != 3 || len(rows[0]) != 0 || len(rows[1]) != 2 || strings.Join(rows[1][1], "|") != "2|zwei|" || rows[2][0][0] != "0" {
			t.Errorf("rows: %q", rows)
		}
	})},
	{"A refused statement is an error with the database's message", eachWay(func(t *testing.T, f Fixture) {
		f.putDatabase(t, "app.db")
		_, err := f.App.SQL(t.Context(), f.onlyDatabase(t), "SELECT * FROM nowhere")
		ourError(t, err)
		if !strings.Contains(err.Error(), "no such table: nowhere") {
			t.Error(err)
		}
	})},
	{"A database outside of every volume is marked so, and is a stray", func(t *testing.T, f Fixture) {
		noError(t, f.App.Deploy(t.Context(), f.One))
		strays, err := f.App.Strays(t.Context())
		noError(t, err)
		if len(strays) > 0 {
			t.Errorf("strays of a good app: %+v", strays)
		}
		f.putDatabase(t, "app.db")
		result, err := f.App.Exec(t.Context(), app.Command{Shell: `cp "$DATA_DIR/app.db" ./state.db && echo note > note.txt && rm "$DATA_DIR/app.db"`})
		noError(t, err)
		if result.ExitCode != 0 {
			t.Fatal(result.Output)
		}
		db := f.onlyDatabase(t)
		if db.Volume != "" || !strings.HasSuffix(db.Path, "/state.db") {
			t.Errorf("database: %+v", db)
		}
		rows, err := f.App.SQL(t.Context(), db, "SELECT word FROM words")
		noError(t, err)
		if len(rows) != 1 || rows[0][0][0] != "one" {
			t.Errorf("rows: %q", rows)
		}
		strays, err = f.App.Strays(t.Context())
		noError(t, err)
		if len(strays) != 2 || strays[0].Database || strays[0].Size != 5 || !strays[1].Database || strays[1].Path != db.Path {
			t.Errorf("strays: %+v", strays)
		}
	}},
	{"A database among the temporary files is marked so, and no stray to tell of", func(t *testing.T, f Fixture) {
		if _, fake := f.App.(*Fake); fake {
			t.Skip("a Fake has no temporary files of its own")
		}
		noError(t, f.App.Deploy(t.Context(), f.One))
		f.putDatabase(t, "app.db")
		result, err := f.App.Exec(t.Context(), app.Command{Shell: `mkdir -p "${TMPDIR:-/tmp}" && cd "${TMPDIR:-/tmp}" && cp "$DATA_DIR/app.db" state.db && echo note > note.txt && rm "$DATA_DIR/app.db"`})
		noError(t, err)
		if result.ExitCode != 0 {
			t.Fatal(result.Output)
		}
		db := f.onlyDatabase(t)
		if db.Volume != "" || !db.Fleeting || !strings.HasSuffix(db.Path, "/state.db") {
			t.Errorf("database: %+v", db)
		}
		rows, err := f.App.SQL(t.Context(), db, "SELECT word FROM words")
		noError(t, err)
		if len(rows) != 1 || rows[0][0][0] != "one" {
			t.Errorf("rows: %q", rows)
		}
		strays, err := f.App.Strays(t.Context())
		noError(t, err)
		for _, s := range strays {
			if !s.Fleeting {
				t.Errorf("stray: %+v", s)
			}
		}
	}},
}

var others = []clause{
	{"Exec gives exit code and output", eachWay(func(t *testing.T, f Fixture) {
		got, err := f.App.Exec(t.Context(), app.Command{Shell: "echo out; echo err >&2; exit 3"})
		noError(t, err)
		if got.ExitCode != 3 || got.Output != "out\nerr\n" {
			t.Errorf("result: %+v", got)
		}
	})},
	{"Exec passes arguments as they are, and standard input", eachWay(func(t *testing.T, f Fixture) {
		got, err := f.App.Exec(t.Context(), app.Command{Args: []string{"sh", "-c", `cat; echo "[$1]"`, "sh", "; $HOME *"}, Stdin: strings.NewReader("in\n")})
		noError(t, err)
		if got.ExitCode != 0 || got.Output != "in\n[; $HOME *]\n" {
			t.Errorf("result: %+v", got)
		}
	})},
	{"Exec sees the app's files", eachWay(func(t *testing.T, f Fixture) {
		noError(t, f.App.Put(t.Context(), f.Volume, "word", []byte("hello")))
		got, err := f.App.Exec(t.Context(), app.Command{Shell: `cat "$DATA_DIR/word"`})
		noError(t, err)
		if got.Output != "hello" {
			t.Errorf("result: %+v", got)
		}
	})},
	{"Exec ends when its context does", eachWay(func(t *testing.T, f Fixture) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := f.App.Exec(ctx, app.Command{Args: []string{"sleep", "60"}})
		matches(t, err, context.DeadlineExceeded)
	})},
	{"Freeze holds the app still until it is thawed, and thawing twice is safe", func(t *testing.T, f Fixture) {
		f.deploys(t, f.One)
		thaw, err := f.App.Freeze(t.Context())
		noError(t, err)
		client := http.Client{Timeout: 200 * time.Millisecond, Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return f.App.Dial(ctx) },
		}}
		if answer, err := client.Get("http://app/version"); err == nil {
			answer.Body.Close()
			t.Error("a frozen app answers")
		}
		noError(t, f.App.Put(t.Context(), f.Volume, "meanwhile", []byte("x")))
		f.exported(t)
		noError(t, thaw())
		noError(t, thaw())
		f.answers(t, f.One.Name)
		noError(t, f.App.Stop(t.Context()))
	}},
	{"Freeze of a stopped app does nothing", func(t *testing.T, f Fixture) {
		noError(t, f.App.Deploy(t.Context(), f.One))
		noError(t, f.App.Stop(t.Context()))
		thaw, err := f.App.Freeze(t.Context())
		noError(t, err)
		noError(t, thaw())
	}},
}

// imports replaces the volume's content.
func (f Fixture) imports(t *testing.T, r io.Reader) (notKept []string) {
	t.Helper()
	notKept, err := f.App.Import(t.Context(), f.Volume, r)
	noError(t, err)
	return notKept
}

// refuses wants a stream to be taken for none.
func (f Fixture) refuses(t *testing.T, r io.Reader) {
	t.Helper()
	_, err := f.App.Import(t.Context(), f.Volume, r)
	ourError(t, err)
}

func (f Fixture) exported(t *testing.T) *bytes.Buffer {
	t.Helper()
	var got bytes.Buffer
	_, err := f.App.Export(t.Context(), f.Volume, &got)
	noError(t, err)
	return &got
}

func (f Fixture) holds(t *testing.T, path, want string) {
	t.Helper()
	got, err := f.App.Get(t.Context(), f.Volume, path)
	noError(t, err)
	if string(got) != want {
		t.Fatalf("%s holds %q, want %q", path, got, want)
	}
}

func (f Fixture) lacks(t *testing.T, path string) {
	t.Helper()
	_, err := f.App.Get(t.Context(), f.Volume, path)
	matches(t, err, fs.ErrNotExist)
}

// putDatabase puts a database with one table and one row into the volume.
func (f Fixture) putDatabase(t *testing.T, path string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "new.db")
	db, err := sql.Open("sqlite", file)
	noError(t, err)
	_, err = db.Exec("CREATE TABLE words (id INTEGER, word TEXT, note TEXT); INSERT INTO words VALUES (1, 'one', 'x')")
	noError(t, errors.Join(err, db.Close()))
	content, err := os.ReadFile(file)
	noError(t, err)
	noError(t, f.App.Put(t.Context(), f.Volume, path, content))
}

func (f Fixture) onlyDatabase(t *testing.T) app.Database {
	t.Helper()
	list, err := f.App.Databases(t.Context())
	noError(t, err)
	if len(list) != 1 {
		t.Fatalf("want one database, got %+v", list)
	}
	return list[0]
}

// entry is one entry of a tar stream.
type entry struct {
	name, content, link string
	hard                bool
	mode                int64
}

var sample = []entry{
	{name: "folder/", mode: 0o755},
	{name: "folder/file", content: "content", mode: 0o640},
	{name: "folder/script", content: "#!/bin/sh", mode: 0o755},
	{name: "inward", link: "folder/file"},
	{name: "locked/", mode: 0o555},
	{name: "locked/file", content: "", mode: 0o400},
	{name: "outward", link: "/etc/passwd"},
	{name: "ünïcode name", content: "x", mode: 0o600},
}

func archive(t *testing.T, entries ...entry) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.content)), Typeflag: tar.TypeReg}
		switch {
		case e.hard:
			h.Typeflag, h.Linkname = tar.TypeLink, e.link
		case e.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag = tar.TypeDir
		}
		noError(t, w.WriteHeader(h))
		_, err := io.WriteString(w, e.content)
		noError(t, err)
	}
	noError(t, w.Close())
	return &out
}

// compare reads a tar stream and wants exactly these entries, in any order.
func compare(t *testing.T, r io.Reader, want []entry) {
	t.Helper()
	missing := map[string]entry{}
	for _, e := range want {
		missing[e.name] = e
	}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		noError(t, err)
		if h.Name == "./" {
			continue // the volume's own folder
		}
		e, ok := missing[h.Name]
		if !ok {
			t.Errorf("an entry too many: %s", h.Name)
			continue
		}
		delete(missing, h.Name)
		content, err := io.ReadAll(in)
		noError(t, err)
		if string(content) != e.content || h.Linkname != e.link || e.link == "" && h.Mode&0o777 != e.mode {
			t.Errorf("%s: %q → %q, mode %o", h.Name, content, h.Linkname, h.Mode)
		}
	}
	for name := range missing {
		t.Errorf("an entry is missing: %s", name)
	}
}
