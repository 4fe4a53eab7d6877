package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	suites "seatrial/internal/must"
	"seatrial/recipes"
)

// guest is the test app, built once: see testdata/guest.
var guest string

func TestMain(m *testing.M) {
	Main()
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if os.Getenv(harnessEnv) != "" {
		return m.Run() // its parent has built the app
	}
	dir, err := os.MkdirTemp("", "seatrial-guest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	guest = filepath.Join(dir, "guest")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", guest, "./testdata/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the test app: %v\n%s", err, said)
		return 1
	}
	return m.Run()
}

// mode is whether the apps of a test are isolated.
type mode bool

const (
	plain    mode = false
	isolated mode = true
)

// inBothModes runs a test isolated, where this machine can, and not isolated.
func inBothModes(t *testing.T, test func(t *testing.T, m mode)) {
	t.Run("isolated", func(t *testing.T) {
		t.Parallel()
		needIsolation(t)
		test(t, isolated)
	})
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		test(t, plain)
	})
}

// needIsolation skips a test where isolation cannot be had. CI names this suite
// among those that may not be skipped.
func needIsolation(t *testing.T) {
	t.Helper()
	err := CheckIsolation()
	suites.Have(t, "isolation", err == nil, fmt.Sprint(err))
}

// logBook keeps what an app prints.
type logBook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logBook) add(source, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, source+": "+line)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// fixture is an app under test and what a test needs of its surroundings.
type fixture struct {
	*App
	log *logBook
	cfg Config
}

var uids = struct {
	sync.Mutex
	next int
}{next: 61000}

func nextUID() int {
	uids.Lock()
	defer uids.Unlock()
	uids.next++
	return uids.next
}

// newApp makes an app for one test and takes it down at its end, which must leave
// nothing.
func newApp(t *testing.T, m mode, change ...func(*Config)) *fixture {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped by -short: apps take their time to start and to stop")
	}
	book := &logBook{}
	cfg := Config{
		Labels:  run.Labels{Instance: "test", Run: run.NewID(time.Now()), Attempt: 1, Expires: time.Now().Add(time.Hour)},
		Label:   "gues-012345",
		BaseURL: "http://gues-012345.localhost:8080",
		Enrolment: recipes.Enrolment{
			Volumes:   []string{"data", "up-loads"},
			Env:       map[string]string{"COLOUR": "green"},
			Timeouts:  recipes.Timeouts{Stop: recipes.Duration(8 * time.Second), Hook: recipes.Duration(20 * time.Second)},
			Resources: recipes.Resources{Memory: 256 << 20, Processes: 64, CPUs: 2},
		},
		WorkRoot: filepath.Join(t.TempDir(), "work"),
		UID:      nextUID(),
		Isolate:  bool(m),
		Log:      book.add,
	}
	for _, c := range change {
		c(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Destroy(context.Background()); err != nil {
			t.Errorf("Destroy: %v", err)
		}
		left, err := a.Inventory(context.Background())
		if err != nil || len(left) > 0 {
			t.Errorf("after Destroy: %v %v", left, err)
		}
		if t.Failed() {
			t.Logf("the app printed:\n%s", book)
		}
	})
	return &fixture{App: a, log: book, cfg: cfg}
}

// release writes a release: the guest program, a VERSION, and the given files. A
// name that ends in * is executable.
func release(t *testing.T, version string, files map[string]string) app.Release {
	t.Helper()
	dir := t.TempDir()
	copyGuest(t, filepath.Join(dir, "guest"), version)
	all := map[string]string{"VERSION": version, "Procfile": "web: ./guest serve\n"}
	for name, content := range files {
		all[name] = content
	}
	for name, content := range all {
		mode := os.FileMode(0o644)
		if trimmed, ok := strings.CutSuffix(name, "*"); ok {
			name, mode = trimmed, 0o755
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	return app.Release{Name: version, Tree: "tree-of-" + version, Dir: dir}
}

// copyGuest makes the program of one release: its content differs from the others'. The
// kernel copies it: the race detector would look at each of its bytes, hundreds of times.
func copyGuest(t *testing.T, to, version string) {
	t.Helper()
	from, err := os.Open(guest)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(file, from)
	if err == nil {
		_, err = file.WriteString(version)
	}
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request to the app's web service, waiting until it answers.
func (f *fixture) ask(t *testing.T, path string) string {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return f.Dial(ctx) },
	}}
	deadline := time.Now().Add(15 * time.Second)
	for {
		answer, err := client.Get("http://app" + path)
		if err == nil {
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(bytes.TrimSpace(body))
		}
		if alive := f.Alive(t.Context()); alive != nil || time.Now().After(deadline) {
			t.Fatalf("GET %s: %v; alive: %v", path, err, alive)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// must stops the test at an error, with a fault's evidence.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(describe(err))
	}
}

func describe(err error) string {
	if f, ok := err.(*app.Fault); ok {
		return "fault: " + f.Summary + "\n" + strings.Join(f.Evidence, "\n")
	}
	return fmt.Sprint(err)
}

// wantFault checks that an error is the recipe's fault and says what it must.
func wantFault(t *testing.T, err error, says string) *app.Fault {
	t.Helper()
	f, ok := err.(*app.Fault)
	if !ok {
		t.Fatalf("want a fault that says %q, got %v", says, err)
	}
	if !strings.Contains(f.Summary, says) {
		t.Fatalf("want a fault that says %q, got %q", says, f.Summary)
	}
	return f
}
