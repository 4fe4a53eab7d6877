package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/harness/result"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/internal/state"
	"seatrial/store"
)

// keptRun is a run of somebody with its result, in a state folder.
func keptRun(t *testing.T, g *Globals, forge string, who run.Person, ended bool) (resultFile string) {
	t.Helper()
	db, err := store.Open(t.Context(), g.folder().Path(state.JournalFile), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	id := run.NewID(time.Now())
	request := run.Request{ID: id, Recipe: "guestbook", Code: run.Code{Forge: forge}, AskedBy: who}
	events := []run.Event{run.Event{Run: id, Source: run.Bridge, Seq: 1, Kind: run.KindRequested}.With(request)}
	if ended {
		events = append(events, run.Event{Run: id, Source: run.Bridge, Seq: 2, Kind: run.KindEnded})
	}
	if err := db.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	folder := dispatch.Folder(g.folder().Path(state.RunsDir), id, 1)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := result.Write(folder, run.Report{Request: request}); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, result.JSONFile)
}

func forget(t *testing.T, g *Globals, c forgetCommand) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	err := c.Run(t.Context(), g, streams{Out: &b})
	if coded := (*exit.Error)(nil); errors.As(err, &coded) {
		return b.String() + err.Error(), coded.Code
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), exit.Pass
}

func TestWhoIsKnownOnTwoForgesMayBeTwoPeople(t *testing.T) {
	g := &Globals{State: t.TempDir()}
	ours := keptRun(t, g, "gitea", run.Person{Login: "ada", ID: 7}, true)
	theirs := keptRun(t, g, "github", run.Person{Login: "ada", ID: 12}, true)
	if out, code := forget(t, g, forgetCommand{Person: "ada"}); code != exit.Usage || !strings.Contains(out, "ada is known on gitea and github, which may be two people: say whom with --forge") {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := forget(t, g, forgetCommand{Person: "ada", Forge: "gitea"}); code != exit.Pass || !strings.Contains(out, "Forgotten: ada #7 on gitea.") {
		t.Errorf("%d: %s", code, out)
	}
	for path, want := range map[string]bool{ours: false, theirs: true} {
		if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), `"ada"`) != want {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestFilesOfARunThatIsNotOverAreLeft(t *testing.T) {
	g := &Globals{State: t.TempDir()}
	over := keptRun(t, g, "gitea", run.Person{Login: "ada", ID: 7}, true)
	alive := keptRun(t, g, "gitea", run.Person{Login: "ada", ID: 7}, false)
	id := filepath.Base(filepath.Dir(filepath.Dir(alive)))
	out, code := forget(t, g, forgetCommand{Person: "ada"})
	if code != exit.Unavailable || strings.Count(out, id) != 1 || !strings.Contains(out, "run this again when they are over") {
		t.Errorf("%d: %s", code, out)
	}
	for path, want := range map[string]bool{over: false, alive: true} {
		if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), `"ada"`) != want {
			t.Errorf("%s, %v", text, err)
		}
	}
}
