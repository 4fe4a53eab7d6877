package e2e_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/harness/app"
	"seatrial/harness/app/swarm"
	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/harness/journal/journaltest"
	"seatrial/harness/run"
	"seatrial/recipes"
	"seatrial/recipes/examples"
	"seatrial/store"
)

// harbour is an installation, and the engine that its runs' apps are on.
type harbour struct {
	engine *swarmtest.Engine
	client *swarm.Engine
	dir    string
	state  string
	long   time.Time // when its runs were asked for
}

const benchInstance = "bench"

func newHarbour(b *testing.B, e *swarmtest.Engine, dir string) *harbour {
	b.Helper()
	h := &harbour{engine: e, dir: dir, state: filepath.Join(dir, "state"), long: time.Now().Add(-time.Hour)}
	err := os.MkdirAll(h.state, 0o711)
	if err == nil {
		err = os.WriteFile(filepath.Join(h.state, "instance"), []byte(benchInstance+"\n"), 0o600)
	}
	if err == nil {
		h.client, err = swarm.Connect(e.Host, "")
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.client.Close() })
	return h
}

func (h *harbour) labels(id run.ID) run.Labels {
	return run.Labels{Instance: benchInstance, Run: id, Attempt: 1, Expires: time.Now().Add(time.Hour)}
}

// note writes the first events of a run into the journal; all of them end it.
func (h *harbour) note(b *testing.B, l run.Labels, events int) {
	b.Helper()
	db, err := store.Open(b.Context(), filepath.Join(h.state, "journal.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	request := journaltest.Request("guestbook-swarm", 1)
	request.ID = l.Run
	story := journaltest.Story(request)
	if events == 0 {
		events = len(story)
	}
	if err := db.Append(b.Context(), story[:events]...); err != nil {
		b.Fatal(err)
	}
}

// deploy deploys the example for a run, as its harness does.
func (h *harbour) deploy(b *testing.B, l run.Labels) *swarm.App {
	b.Helper()
	source, release, scratch := filepath.Join(h.dir, "guestbook-swarm"), filepath.Join(h.dir, "release"), filepath.Join(h.dir, "scratch")
	err := errors.Join(examples.Write(b.Context(), "guestbook-swarm", source), os.Mkdir(scratch, 0o700))
	if err == nil {
		err = exec.Command("git", "clone", "--quiet", "--branch", examples.PullBranch, source, release).Run()
	}
	if err != nil {
		b.Fatal(err)
	}
	enrolment, problems, err := recipes.LoadFile(swarmEnrolmentFile)
	if err != nil || len(problems) > 0 {
		b.Fatal(err, problems)
	}
	label := l.Run.Label("guestbook-swarm")
	a, err := swarm.New(swarm.Config{
		Engine: h.client, Labels: l, Label: label, BaseURL: "http://" + label + ".localhost", Enrolment: enrolment, Scratch: scratch,
	})
	if err == nil {
		err = a.Deploy(b.Context(), app.Release{Name: "head", Dir: release})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := a.Destroy(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return a
}

// strand leaves the stacks of dead runs on the engine: of half of them the journal says
// that they have ended, of the others it knows nothing.
func (h *harbour) strand(b *testing.B) {
	b.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for i := range orphans {
		l := h.labels(run.NewID(h.long.Add(time.Duration(i) * time.Second)))
		if i%2 == 0 {
			h.note(b, l, 0)
		}
		group.Go(func() error { return h.leave(b.Context(), l, i < awake) })
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Minute)
	for ; ; time.Sleep(500 * time.Millisecond) {
		up, err := h.engine.Docker(b.Context(), "ps", "--quiet", "--filter", "label=seatrial.app")
		if err != nil {
			b.Fatal(err)
		}
		n := len(strings.Fields(up))
		if n >= awake+2 { // and the live run's two
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("of %d containers %d came up", awake+2, n)
		}
	}
}

func (h *harbour) orphan(b *testing.B, l run.Labels, runs bool) {
	b.Helper()
	if err := h.leave(b.Context(), l, runs); err != nil {
		b.Fatal(err)
	}
}

// seen lists a run's objects by what would change if somebody touched them.
func (h *harbour) seen(b *testing.B, id run.ID) []string {
	b.Helper()
	return h.list(b, "seatrial.run="+string(id))
}

func (h *harbour) instances(b *testing.B) []string {
	b.Helper()
	return h.list(b, "seatrial.instance="+benchInstance)
}

// list asks the docker program.
func (h *harbour) list(b *testing.B, label string) (all []string) {
	b.Helper()
	for kind, format := range map[string]string{
		"service": "{{.ID}} {{.Version.Index}}", "container": "{{.Id}} {{.State.StartedAt}}", "secret": "{{.ID}} {{.Version.Index}}",
		"config": "{{.ID}} {{.Version.Index}}", "volume": "{{.Name}} {{.CreatedAt}}", "network": "{{.Id}} {{.Created}}",
	} {
		ls := []string{kind, "ls", "--quiet", "--filter", "label=" + label}
		if kind == "container" {
			ls = append(ls, "--all")
		}
		out, err := h.engine.Docker(b.Context(), ls...)
		if names := strings.Fields(out); err == nil && len(names) > 0 {
			out, err = h.engine.Docker(b.Context(), append([]string{kind, "inspect", "--format", format}, names...)...)
		}
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(out) {
			all = append(all, kind+" "+strings.TrimSpace(line))
		}
	}
	return all
}
