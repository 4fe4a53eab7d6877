package nomadvars_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"go.uber.org/goleak"

	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/internal/must"
	"seatrial/recipes"
	"seatrial/recipes/nomadvars"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const forge = "https://git.example.org"

// start starts a cluster of one server.
func start(t *testing.T) (*agent.Agent, *cluster.Client) {
	t.Helper()
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil, "there is no nomad: dev/nomad/build")
	a, err := agent.Start(t.Context(), agent.Options{Program: program, Dir: filepath.Join(t.TempDir(), "n"), NoClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Wipe(); err != nil {
			t.Error(err)
		}
	})
	token, err := a.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, err := cluster.NewClient(cluster.Config{Address: a.HTTP, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if _, err := client.Namespaces().Register(&api.Namespace{Name: "ci"}, nil); err != nil {
		t.Fatal(err)
	}
	return a, client
}

func put(t *testing.T, client *cluster.Client, path string, items api.VariableItems) {
	t.Helper()
	if _, _, err := client.Variables().Update(&api.Variable{Namespace: "ci", Path: path, Items: items}, nil); err != nil {
		t.Fatal(err)
	}
}

func names(b *recipes.Book) string {
	var all []string
	for _, e := range b.Enrolments {
		all = append(all, e.Name)
	}
	return strings.Join(all, " ")
}

func TestEnrolmentsAreCheckedLikeFiles(t *testing.T) {
	t.Parallel()
	_, client := start(t)
	at := func(repo string) string { return nomadvars.Path(forge + "/" + repo) }
	text := func(s string) api.VariableItems { return api.VariableItems{"enrolment": s} }
	put(t, client, at("harbour/Wiki"), text("version: 1\nrepo: harbour/wiki\n"))
	put(t, client, at("harbour/json"), api.VariableItems{"enrolment": `{"version": 1, "repo": "harbour/json"}`, "name": "notes"})
	put(t, client, at("harbour/bad"), text("version: 1\nrepo: harbour/bad\nhelth: {}\n"))
	put(t, client, at("harbour/name"), api.VariableItems{"enrolment": "version: 1\nrepo: harbour/name\n", "name": "a/../b"})
	put(t, client, at("harbour/other"), text("version: 1\nrepo: harbour/elsewhere\n"))
	put(t, client, at("harbour/empty"), api.VariableItems{"enrolement": "x"})
	put(t, client, nomadvars.Prefix+"a", text("version: 1\nrepo: harbour/a\n"))
	put(t, client, at("harbour/twin"), text("version: 1\nrepo: harbour/twin\n"))
	put(t, client, at("harbour/twin.git"), text("version: 1\nrepo: harbour/twin\n"))
	put(t, client, at("harbour/one"), api.VariableItems{"enrolment": "version: 1\nrepo: harbour/one\n", "name": "same"})
	put(t, client, at("harbour/two"), api.VariableItems{"enrolment": "version: 1\nrepo: harbour/two\n", "name": "same"})
	put(t, client, "seatrial/leases/x", text("none of ours"))

	book, err := nomadvars.Load(t.Context(), client, "ci")
	if err != nil {
		t.Fatal(err)
	}
	if names(book) != "notes wiki" {
		t.Errorf("enrolled: %s", names(book))
	}
	var problems strings.Builder
	for _, p := range book.Problems {
		problems.WriteString(p.String() + "\n")
	}
	for _, want := range []string{
		at("harbour/bad") + "/enrolment:3:1: unknown key helth; did you mean health?",
		at("harbour/name") + "/enrolment: \"a/../b\" is not a name for a recipe",
		"the enrolment is of harbour/elsewhere, but the variable's path names",
		"has no item enrolment", "names no repository", "harbour/twin is enrolled twice", "the recipe same is enrolled twice",
	} {
		if !strings.Contains(problems.String(), want) {
			t.Errorf("%q is not in:\n%s", want, problems.String())
		}
	}
	if len(book.Problems) != 9 {
		t.Errorf("%d problems:\n%s", len(book.Problems), problems.String())
	}
}

func TestPushing(t *testing.T) {
	t.Parallel()
	_, client := start(t)
	p := nomadvars.Pushing{Forge: forge + "/", Enrolment: recipes.Enrolment{Name: "notes", Repo: "harbour/wiki"}, Text: []byte("version: 1\nrepo: harbour/wiki\n")}
	push := func(dry bool, want nomadvars.Did) {
		t.Helper()
		if got, err := nomadvars.Push(t.Context(), client, "ci", p, dry); err != nil || got != want {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	push(true, nomadvars.Made)
	push(false, nomadvars.Made)
	push(false, nomadvars.Unchanged)
	p.Text = append(p.Text, "needs: [large]\n"...)
	push(true, nomadvars.Changed)
	push(false, nomadvars.Changed)
	push(true, nomadvars.Unchanged)
	book, err := nomadvars.Load(t.Context(), client, "ci")
	if err != nil || names(book) != "notes" || len(book.Problems) != 0 || len(book.Enrolments[0].Needs) != 1 {
		t.Errorf("%+v, %v", book, err)
	}
	p.Enrolment.Repo = strings.Repeat("long", 30) + "/wiki"
	if _, err := nomadvars.Push(t.Context(), client, "ci", p, false); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%v", err)
	}
	p.Enrolment.Repo, p.Text = "harbour/wiki", make([]byte, 70<<10)
	if _, err := nomadvars.Push(t.Context(), client, "ci", p, false); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v", err)
	}
}

func TestFilesAndVariablesAreOneBook(t *testing.T) {
	t.Parallel()
	a, client := start(t)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	tests := t.TempDir()
	file := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(tests, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tests, name, "recipe.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file("guestbook", "version: 1\nrepo: harbour/guestbook\n")
	folder, err := recipes.Watch(tests, log)
	if err != nil {
		t.Fatal(err)
	}
	w := nomadvars.Watch(t.Context(), folder, client, "ci", log)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	await := func(want string, problems int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			b := w.Book()
			if names(b) == want && len(b.Problems) == problems {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("enrolled %q, want %q; problems %v, want %d", names(b), want, b.Problems, problems)
			}
		}
	}
	wiki := nomadvars.Path(forge + "/harbour/wiki")
	await("guestbook", 0)
	put(t, client, wiki, api.VariableItems{"enrolment": "version: 1\nrepo: harbour/wiki\n"})
	await("guestbook wiki", 0)
	// A variable that goes bad keeps its last good version.
	put(t, client, wiki, api.VariableItems{"enrolment": "version: 1\nrepo: [\n"})
	await("guestbook wiki", 1)
	// A twin is a problem, and the file counts.
	put(t, client, wiki, api.VariableItems{"enrolment": "version: 1\nrepo: harbour/wiki\n", "name": "guestbook"})
	await("guestbook", 1)
	if e, _ := w.Book().ByName("guestbook"); e.Repo != "harbour/guestbook" {
		t.Errorf("the variable won: %+v", e)
	}
	put(t, client, wiki, api.VariableItems{"enrolment": "version: 1\nrepo: harbour/wiki\n"})
	await("guestbook wiki", 0)

	// A Nomad that is away changes nothing, and files are read all the same.
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	file("notes", "version: 1\nrepo: harbour/notes\n")
	if err := w.Reload(); err == nil || !strings.Contains(err.Error(), "variables") {
		t.Errorf("reloading without Nomad: %v", err)
	}
	await("guestbook notes wiki", 0)
	if err := a.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := client.Variables().Delete(wiki, &api.WriteOptions{Namespace: "ci"}); err == nil || time.Now().After(deadline) {
			break
		}
	}
	await("guestbook notes", 0)
}

func TestWithoutNomadAtTheStart(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	client, err := cluster.NewClient(cluster.Config{Address: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	folder, err := recipes.Watch(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	if b := nomadvars.Watch(t.Context(), folder, client, "ci", log).Book(); len(b.Enrolments)+len(b.Problems) != 0 {
		t.Errorf("%+v", b)
	}
}
