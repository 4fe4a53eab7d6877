package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
	"seatrial/store"
)

// Whatever lies in the journal's place, each way to open it says what is wrong and what to
// do, in a sentence, and leaves what lies there alone.
func TestOpenRefusesWhatIsNoJournal(t *testing.T) {
	t.Parallel()
	const damaged, moveAway = "the journal is damaged", "move it away"
	rewrite := func(change func(b []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			must(t, os.WriteFile(path, change([]byte(content(t, path))), 0o600))
		}
	}
	instead := func(make func(path string) error) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			_ = os.Remove(path) // it may not be there
			must(t, make(path))
		}
	}
	folder := instead(func(path string) error { return os.Mkdir(path, 0o700) })
	for name, test := range map[string]struct {
		spoil func(t *testing.T, path string)
		says  []string
		also  error
	}{
		"empty":            {rewrite(func([]byte) []byte { return nil }), []string{damaged, "it is empty", moveAway}, store.ErrDamaged},
		"of one byte":      {rewrite(func(b []byte) []byte { return b[:1] }), []string{damaged, moveAway}, store.ErrDamaged},
		"cut in its head":  {rewrite(func(b []byte) []byte { return b[:60] }), []string{damaged, moveAway}, store.ErrDamaged},
		"its head alone":   {rewrite(func(b []byte) []byte { return b[:100] }), []string{damaged, moveAway}, store.ErrDamaged},
		"cut after a page": {rewrite(func(b []byte) []byte { return b[:4096] }), []string{damaged, moveAway}, store.ErrDamaged},
		"cut in half":      {rewrite(func(b []byte) []byte { return b[:len(b)/2] }), []string{damaged, moveAway}, store.ErrDamaged},
		"without its end":  {rewrite(func(b []byte) []byte { return b[:len(b)-4096] }), []string{damaged, moveAway}, store.ErrDamaged},
		"all zeros":        {rewrite(func(b []byte) []byte { return make([]byte, len(b)) }), []string{damaged, moveAway}, store.ErrDamaged},
		"not a database":   {rewrite(func([]byte) []byte { return []byte(strings.Repeat("not a database, but long enough\n", 40)) }), []string{damaged, moveAway}, store.ErrDamaged},
		"overwritten": {rewrite(func(b []byte) []byte {
			return append(b[:8192], bytes.Repeat([]byte{0xA5}, len(b)-8192)...)
		}), []string{damaged, moveAway}, store.ErrDamaged},
		"a directory":           {folder, []string{"a directory", moveAway, "--state"}, nil},
		"a pipe":                {instead(func(path string) error { return unix.Mkfifo(path, 0o600) }), []string{"not a regular file", moveAway, "--state"}, nil},
		"a link to itself":      {instead(func(path string) error { return os.Symlink(path, path) }), []string{"too many levels of symbolic links", "--state"}, nil},
		"a log that is none":    {func(t *testing.T, path string) { folder(t, path+"-wal") }, []string{"-wal is a directory", moveAway}, nil},
		"an index that is none": {func(t *testing.T, path string) { folder(t, path+"-shm") }, []string{"-shm is a directory", moveAway}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := closed(t)
			test.spoil(t, path)
			var before []byte
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				before = []byte(content(t, path))
			}
			for _, o := range []store.Options{{}, {Light: true}} {
				if o.Light && name == "overwritten" {
					continue // it shows when that part is read
				}
				err := wantRefused(t, path, o, test.says...)
				if test.also != nil && !errors.Is(err, test.also) {
					t.Errorf("%v does not match %v", err, test.also)
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("%q is not one line", err)
				}
			}
			if before != nil && content(t, path) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

// Root may read everything, so the file system is asked as somebody else.
func TestOpenSaysThatItMayNotRead(t *testing.T) {
	path := closed(t)
	must(t, os.Chmod(path, 0))
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		must(t, os.Chmod(dir, 0o755))
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if os.Geteuid() == 0 {
		must(t, unix.Setfsuid(65534))
		defer unix.Setfsuid(0)
	}
	wantRefused(t, path, store.Options{}, "look at the rights of the file and its folder")
}

// grown is a journal with a history of so many MiB, closed.
func grown(t *testing.T, mebibytes int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal.db")
	db, err := store.Open(t.Context(), path, store.Options{})
	must(t, err)
	story := journaltest.Story(journaltest.Request("guestbook", 1))
	events := story[:3]
	for n := range mebibytes << 4 {
		events = append(events, run.Event{Run: story[0].Run, Attempt: 1, Source: run.Harness, Seq: int64(100 + n), Kind: run.KindWarning, Note: strings.Repeat(strconv.Itoa(n%10), 1<<16)})
	}
	must(t, db.Append(t.Context(), events...))
	must(t, db.Close())
	return path
}

// bytesRead is what this process has read from files.
func bytesRead(t *testing.T) int {
	t.Helper()
	for line := range strings.Lines(content(t, "/proc/self/io")) {
		var n int
		if _, err := fmt.Sscanf(line, "rchar: %d", &n); err == nil {
			return n
		}
	}
	t.Fatal("the kernel does not count what is read")
	return 0
}

func TestAStartReadsABoundedPartOfALongHistory(t *testing.T) {
	read := func(mebibytes int) int {
		path := grown(t, mebibytes)
		before := bytesRead(t)
		db, err := store.Open(t.Context(), path, store.Options{})
		must(t, err)
		n := bytesRead(t) - before
		must(t, db.Close())
		return n
	}
	short, long := read(1), read(16)
	if long > short+1<<20 {
		t.Errorf("with 1 MiB of history a start reads %d KiB, with 16 MiB %d KiB", short>>10, long>>10)
	}
}

// hurt overwrites a page in the middle of a file.
func hurt(t *testing.T, path string) {
	t.Helper()
	b := []byte(content(t, path))
	// A page that begins a table or its branches would be found at once; in a long history
	// nearly all others hold the text of events.
	middle := len(b) / 2 &^ 4095
	copy(b[middle:middle+4096], bytes.Repeat([]byte{0xA5}, 4096))
	must(t, os.WriteFile(path, b, 0o600))
}

func TestDamageInTheMiddleIsFoundAfterTheStart(t *testing.T) {
	t.Parallel()
	path := grown(t, 4)
	hurt(t, path)
	db := open(t, path, store.Options{})
	if err := db.Check(t.Context()); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("Check = %v; want that it is damaged", err)
	}
	sound := grown(t, 1)
	if err := open(t, sound, store.Options{}).Check(t.Context()); err != nil {
		t.Errorf("of a sound one: %v", err)
	}
}

func TestDamageInTheMiddleIsFoundAtTheStartAfterACrash(t *testing.T) {
	t.Parallel()
	path := grown(t, 4)
	db, err := store.Open(t.Context(), path, store.Options{})
	must(t, err)
	must(t, db.Append(t.Context(), run.Event{Run: "another", Source: run.Bridge, Kind: run.KindJoined}))
	// What a crash leaves, and what a look at it does not take away.
	crashed := filepath.Join(t.TempDir(), "journal.db")
	for _, end := range []string{"", "-wal"} {
		must(t, os.WriteFile(crashed+end, []byte(content(t, path+end)), 0o600))
	}
	must(t, db.Close())
	look, err := store.Open(t.Context(), crashed, store.Options{Light: true})
	must(t, err)
	must(t, look.Close())
	hurt(t, crashed)
	wantRefused(t, crashed, store.Options{}, "the journal is damaged", "move it away")
}
