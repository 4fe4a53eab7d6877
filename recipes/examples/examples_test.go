package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/recipes"
	"seatrial/recipes/git"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(swarmtest.Main(m))
}

// The published enrolments and those that are part of the program are the same.
func TestEnrolmentsAreTheOnesInTests(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			text, err := Enrolment(name)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("..", "..", "tests", name, "recipe.yaml")
			published, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(text), string(published)); diff != "" {
				t.Errorf("copy %s here:\n%s", file, diff)
			}
			dir := t.TempDir()
			if err := WriteEnrolment(name, "acme/other", dir); err != nil {
				t.Fatal(err)
			}
			book, err := recipes.Load(dir)
			if err != nil || len(book.Problems) > 0 {
				t.Fatal(err, book.Problems)
			}
			e, ok := book.ByRepo("", "acme/other")
			if !ok || e.Name != name || len(e.Checks) == 0 || len(e.Canaries.Seed) == 0 || len(e.Canaries.Expect) == 0 {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestWriteMakesTheSameRepositoryEveryTime(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			var heads [2]string
			for i := range heads {
				dir := filepath.Join(t.TempDir(), "repo")
				if err := Write(t.Context(), name, dir); err != nil {
					t.Fatal(err)
				}
				g := &git.Git{}
				repo, err := g.Open(t.Context(), dir)
				if err != nil {
					t.Fatal(err)
				}
				if heads[i], err = repo.Resolve(t.Context(), PullBranch); err != nil {
					t.Fatal(err)
				}
				versions, err := repo.Versions(t.Context(), "*", heads[i])
				if err != nil || len(versions) != 2 {
					t.Errorf("%d published versions, %v", len(versions), err)
				}
				if _, err := os.Stat(filepath.Join(dir, mainFile(t, name))); err != nil {
					t.Error(err)
				}
			}
			if heads[0] != heads[1] {
				t.Errorf("%s and %s", heads[0], heads[1])
			}
		})
	}
	if err := Write(t.Context(), "nothing", t.TempDir()); err == nil {
		t.Error("an example that is not there was written")
	}
}

// mainFile is the file that makes a repository a recipe for the enrolment's target.
func mainFile(t *testing.T, name string) string {
	t.Helper()
	text, err := Enrolment(name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("\ntarget: swarm\n")) {
		return "compose.yml"
	}
	return "Procfile"
}

// book is a guestbook's release, built and ready to run.
type book struct {
	t    *testing.T
	dir  string
	data string
	port string
}

func build(t *testing.T, rev, data string) *book {
	t.Helper()
	variable, _, err := Toolchain(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	repo, dir := filepath.Join(t.TempDir(), "repo"), filepath.Join(t.TempDir(), rev)
	if err := Write(t.Context(), "guestbook", repo); err != nil {
		t.Fatal(err)
	}
	g := &git.Git{}
	r, err := g.Open(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := r.Resolve(t.Context(), rev)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Checkout(t.Context(), commit, dir); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b := &book{t: t, dir: dir, data: data, port: port}
	b.sh(`"$GUESTBOOK_ENGINE" build guestbook`, variable)
	return b
}

func (b *book) command(line string, env ...string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = b.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "DATA_DIR=" + b.data, "PORT=" + b.port}, env...)
	return cmd
}

func (b *book) sh(line string, env ...string) string {
	b.t.Helper()
	out, err := b.command(line, env...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// up starts the guestbook; the returned function stops it.
func (b *book) up() func() {
	b.t.Helper()
	var log bytes.Buffer
	cmd := b.command("exec ./guestbook serve")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			b.t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			b.t.Errorf("%v\n%s", err, log.String())
		}
	}
	b.t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	for {
		response, err := http.Get(b.url("/healthz"))
		if err == nil {
			if err := response.Body.Close(); err != nil {
				b.t.Error(err)
			}
			if response.StatusCode == http.StatusOK {
				return stop
			}
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("gave up waiting for the guestbook: %v\n%s", err, log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (b *book) url(path string) string { return "http://127.0.0.1:" + b.port + path }

func (b *book) get(path string) string {
	b.t.Helper()
	response, err := http.Get(b.url(path))
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(body)
}

func (b *book) post(name, text string) {
	b.t.Helper()
	response, err := http.PostForm(b.url("/entries"), url.Values{"name": {name}, "text": {text}})
	if err != nil || response.StatusCode != http.StatusOK {
		b.t.Fatal(err, response)
	}
	if err := response.Body.Close(); err != nil {
		b.t.Error(err)
	}
}

func (b *book) entries() (all []string) {
	b.t.Helper()
	var answer struct {
		Entries []struct{ Name, Text string } `json:"entries"`
	}
	if err := json.Unmarshal([]byte(b.get("/entries.json")), &answer); err != nil {
		b.t.Fatal(err)
	}
	for _, e := range answer.Entries {
		all = append(all, e.Name+": "+e.Text)
	}
	return all
}

func TestGuestbookKeepsItsEntriesThroughItsReleases(t *testing.T) {
	data := t.TempDir()
	first := build(t, "1.0.0", data)
	first.sh("./guestbook migrate")
	stop := first.up()
	first.post("Ada", "one")
	stop()

	second := build(t, "1.1.0", data)
	if out, err := second.command("./guestbook serve").CombinedOutput(); err == nil || !strings.Contains(string(out), "run guestbook migrate") {
		t.Errorf("it started on an older schema: %v %s", err, out)
	}
	if out := second.sh("./guestbook migrate"); out != "applied 002.sql\n" {
		t.Errorf("got %q", out)
	}
	stop = second.up()
	second.post("Grace", "two")
	second.post("<i>", "<script>")
	stop()

	head := build(t, PullBranch, data)
	head.sh("./guestbook migrate")
	stop = head.up()
	want := []string{"somebody: one", "Grace: two", "<i>: <script>"}
	if diff := cmp.Diff(want, head.entries()); diff != "" {
		t.Error(diff)
	}
	page := head.get("/")
	if !strings.Contains(page, "Entries: 3, guests: 3") || strings.Contains(page, "<script>") || head.get("/version") != "1.2.0\n" {
		t.Error(page)
	}

	// A backup is whole while the app runs; a copy of the file alone is not.
	copied := filepath.Join(data, "backup", "guestbook.db")
	head.sh(fmt.Sprintf("./guestbook backup %s", copied))
	naive, err := os.ReadFile(filepath.Join(data, "guestbook.db"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(naive, []byte("two")) || !bytes.Contains(whole, []byte("two")) {
		t.Error("the log is not what this example is about")
	}
	head.post("Late", "four")
	head.sh(fmt.Sprintf("./guestbook load %s", copied))
	if diff := cmp.Diff(want, head.entries()); diff != "" {
		t.Errorf("loaded while it runs: %s", diff)
	}
	head.post("Late", "four")
	stop()
	head.sh(fmt.Sprintf("./guestbook restore %s", copied))
	stop = head.up()
	if diff := cmp.Diff(want, head.entries()); diff != "" {
		t.Error(diff)
	}
	stop()
	if out, err := first.command("./guestbook migrate").CombinedOutput(); err == nil || !strings.Contains(string(out), "does not know yet") {
		t.Errorf("an old release took a newer database: %v %s", err, out)
	}
}

func TestReleasesDifferInWhatIsExecuted(t *testing.T) {
	a, b := build(t, "1.1.0", t.TempDir()), build(t, PullBranch, t.TempDir())
	// A release can build another one: what is appended is replaced, not piled up.
	b.sh(a.dir + "/guestbook build again && cmp again guestbook")
	if a.sh("./guestbook version") != "1.1.0\n" || b.sh("./guestbook version") != "1.2.0\n" {
		t.Error("both are one version")
	}
	one, err := os.Stat(filepath.Join(a.dir, "guestbook"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Stat(filepath.Join(b.dir, "guestbook"))
	if err != nil || one.Size() == other.Size() {
		t.Errorf("%v: both have %d bytes", err, one.Size())
	}
}

func TestGuestbookRefusesWhatCannotWork(t *testing.T) {
	b := build(t, PullBranch, t.TempDir())
	for name, tt := range map[string]struct{ line, want string }{
		"a template that does not parse": {"echo '{{if}}' > app/page.html; ./guestbook build x", "page.html:1"},
		"a gap between migrations":       {"mv app/migrations/002.sql app/migrations/004.sql; ./guestbook build x", "should be 002.sql"},
		"no version":                     {"rm VERSION; ./guestbook build x", "VERSION"},
		"no data folder":                 {"unset DATA_DIR; ./guestbook migrate", "DATA_DIR is not set"},
		"a restore from a broken copy":   {"echo broken > x; ./guestbook restore x", "no whole copy"},
		"a broken copy that is loaded":   {"echo broken > x; ./guestbook load x", "no whole copy"},
		"a command that is none":         {"./guestbook dance", "usage"},
		"too many arguments":             {"./guestbook serve x", "usage"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b.sh("cp -r . " + dir)
			own := *b
			own.dir = dir
			out, err := own.command(tt.line).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
