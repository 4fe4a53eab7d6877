package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/dispatch/local"
	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/recipes"
)

const childFolder = "LOCAL_TEST_CHILD_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		child(folder)
		return
	}
	goleak.VerifyTestMain(m)
}

// child is a harness that does what its recipe's name says.
func child(folder string) {
	asked, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if os.Getenv("LOCAL_TEST_CHILD_FAILS") != "" {
		fmt.Println("cannot read the sea chart")
		os.Exit(3)
	}
	job, err := local.ReadJob(folder)
	if err != nil {
		panic(err)
	}
	if err := local.Stamp(folder); err != nil {
		panic(err)
	}
	starts, _ := os.OpenFile(filepath.Join(folder, "starts"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	fmt.Fprintln(starts, "start")
	var seq int64
	emit := func(kind run.Kind) {
		seq++
		b, _ := json.Marshal(run.Event{Run: job.Request.ID, Attempt: job.Attempt, Source: run.Harness, Seq: seq, At: time.Now(), Kind: kind})
		f, _ := os.OpenFile(filepath.Join(folder, dispatch.EventsFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		f.Write(append(b, '\n'))
		f.Close()
	}
	emit(run.KindStarted)
	switch job.Request.Recipe {
	case dispatchtest.Dies:
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case dispatchtest.Waits:
		<-asked.Done()
	}
	emit(run.KindTornDown)
	emit(run.KindFinished)
}

func open(t *testing.T, root string, change func(*local.Config)) *local.Dispatcher {
	t.Helper()
	c := local.Config{
		Root: root, Instance: "test", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Command: func(folder string) *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childFolder+"="+folder)
			return cmd
		},
		Enrolment: func(name string) (recipes.Enrolment, bool) {
			return recipes.Enrolment{Name: name, Repo: "acme/" + name}, name != "gone"
		},
	}
	if change != nil {
		change(&c)
	}
	d, err := local.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLocal(t *testing.T) {
	dispatchtest.Contract(t, func(t *testing.T) dispatchtest.Fixture {
		root := t.TempDir()
		return dispatchtest.Fixture{
			Dispatcher: open(t, root, nil),
			Reopen:     func() dispatch.Dispatcher { return open(t, root, nil) },
			Starts: func(id run.ID, attempt int) int {
				b, _ := os.ReadFile(filepath.Join(dispatch.Folder(root, id, attempt), "starts"))
				return strings.Count(string(b), "start")
			},
		}
	})
}

func request(recipe string) run.Request {
	return run.Request{ID: run.NewID(time.Now()), Recipe: recipe}
}

func TestDispatchSaysWhyTheHarnessEnded(t *testing.T) {
	t.Setenv("LOCAL_TEST_CHILD_FAILS", "yes")
	err := open(t, t.TempDir(), nil).Dispatch(t.Context(), request(dispatchtest.Finishes), 1, run.Lease{})
	if err == nil || !strings.Contains(err.Error(), "cannot read the sea chart") {
		t.Fatalf("got %v", err)
	}
}

func TestTheJobSaysWhereAPrivateRepositorysCopyIs(t *testing.T) {
	root := t.TempDir()
	d := open(t, root, func(c *local.Config) { c.Copies = "/state/private" })
	for _, private := range []bool{false, true} {
		r := request(dispatchtest.Finishes)
		r.Code = run.Code{Forge: "gitea", Repo: "acme/finishes", Private: private}
		if err := d.Dispatch(t.Context(), r, 1, run.Lease{}); err != nil {
			t.Fatal(err)
		}
		for range d.Follow(t.Context(), r.ID, 1, 0) {
		}
		job, err := local.ReadJob(dispatch.Folder(root, r.ID, 1))
		if want := map[bool]string{true: "/state/private/gitea/acme/finishes.git"}[private]; err != nil || job.Copy != want {
			t.Errorf("the copy is in %q (%v), want %q", job.Copy, err, want)
		}
	}
	r := request(dispatchtest.Finishes)
	r.Code = run.Code{Forge: "gitea", Repo: "../finishes", Private: true}
	if err := d.Dispatch(t.Context(), r, 1, run.Lease{}); err == nil || !strings.Contains(err.Error(), "no place for a copy") {
		t.Errorf("got %v", err)
	}
}

func TestDispatchWantsAnEnrolment(t *testing.T) {
	err := open(t, t.TempDir(), nil).Dispatch(t.Context(), request("gone"), 1, run.Lease{})
	if err == nil || !strings.Contains(err.Error(), "no longer enrolled") {
		t.Fatalf("got %v", err)
	}
}

func TestAFolderWithoutAHarnessIsLostAfterTheGrace(t *testing.T) {
	now := time.Now()
	root := t.TempDir()
	d := open(t, root, func(c *local.Config) { c.Now = func() time.Time { return now } })
	id := run.NewID(now)
	if err := os.MkdirAll(dispatch.Folder(root, id, 1), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		wait time.Duration
		want dispatch.Phase
	}{{0, dispatch.Pending}, {time.Minute, dispatch.Lost}, {time.Hour, dispatch.Lost}} {
		now = time.Now().Add(step.wait)
		if s, err := d.State(t.Context(), id, 1); err != nil || s.Phase != step.want {
			t.Errorf("after %s: %v, %v; want %s", step.wait, s, err, step.want)
		}
	}
	if err := d.Stop(t.Context(), id, 1); err != nil {
		t.Errorf("stopping what never began: %v", err)
	}
	if err := local.Stamp(dispatch.Folder(root, id, 1)); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("a harness that comes late begins all the same: %v", err)
	}
}

func TestAnAttemptBeginsInOneProcess(t *testing.T) {
	folder := t.TempDir()
	if err := local.Stamp(folder); err != nil {
		t.Fatal(err)
	}
	if err := local.Stamp(folder); err == nil || !strings.Contains(err.Error(), "begun by another process") {
		t.Fatalf("it began twice: %v", err)
	}
}

func TestSweepRemovesWhatWasHalfWritten(t *testing.T) {
	root := t.TempDir()
	d := open(t, root, nil)
	r := request(dispatchtest.Finishes)
	if err := d.Dispatch(t.Context(), r, 1, run.Lease{Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for range d.Follow(t.Context(), r.ID, 1, 0) {
	}
	folder := dispatch.Folder(root, r.ID, 1)
	for _, scrap := range []string{filepath.Join(folder, "..", ".new-1", "job.json"), filepath.Join(folder, ".result.json-1")} {
		if err := os.MkdirAll(filepath.Dir(scrap), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(scrap, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if swept, err := d.Sweep(t.Context(), r.ID, 1); err != nil || len(swept.Leftovers) > 0 {
		t.Fatal(swept, err)
	}
	for _, pattern := range []string{filepath.Join(root, "*", ".*"), filepath.Join(root, "*", "*", ".*")} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, dispatch.EventsFile)); err != nil {
		t.Errorf("what was whole is gone, too: %v", err)
	}
}

func TestAHarnessThatOutlivesItsLeaseIsKilled(t *testing.T) {
	d := open(t, t.TempDir(), nil)
	r := request(dispatchtest.Waits)
	if err := d.Dispatch(t.Context(), r, 1, run.Lease{Expires: time.Now().Add(-time.Minute)}); err != nil {
		t.Fatal(err)
	}
	for range d.Follow(t.Context(), r.ID, 1, 0) {
	}
	if s, _ := d.State(t.Context(), r.ID, 1); s.Phase != dispatch.Lost {
		t.Fatalf("phase %s", s.Phase)
	}
}

func TestEventsOfAnotherRunAreDropped(t *testing.T) {
	root := t.TempDir()
	d := open(t, root, nil)
	r := request(dispatchtest.Waits)
	if err := d.Dispatch(t.Context(), r, 1, run.Lease{Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	forged, _ := json.Marshal(run.Event{Run: run.NewID(time.Now()), Attempt: 1, Source: run.Harness, Seq: 9, Kind: run.KindFinished})
	bridge, _ := json.Marshal(run.Event{Run: r.ID, Attempt: 1, Source: run.Bridge, Seq: 9, Kind: run.KindEnded})
	f, _ := os.OpenFile(filepath.Join(dispatch.Folder(root, r.ID, 1), dispatch.EventsFile), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	fmt.Fprintf(f, "%s\n%s\nnot json\n", forged, bridge)
	f.Close()
	for range d.Follow(t.Context(), r.ID, 1, 0) {
		break
	}
	if err := d.Stop(t.Context(), r.ID, 1); err != nil {
		t.Fatal(err)
	}
	var kinds []run.Kind
	for e, err := range d.Follow(t.Context(), r.ID, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff([]run.Kind{run.KindStarted, run.KindTornDown, run.KindFinished}, kinds); diff != "" {
		t.Fatal(diff)
	}
}

// place is a platform with objects, some of which cannot be removed.
type place struct {
	objects map[string]app.Object
	stuck   string
}

func (p *place) Objects(context.Context) ([]app.Object, error) {
	var all []app.Object
	for _, o := range p.objects {
		all = append(all, o)
	}
	return all, nil
}

func (p *place) Remove(_ context.Context, o app.Object) error {
	if o.ID == p.stuck {
		return errors.New("device or resource busy")
	}
	delete(p.objects, o.ID)
	return nil
}

func TestSweepRemovesTheAttemptsObjectsAndNamesWhatStays(t *testing.T) {
	ours := run.NewID(time.Now())
	label := func(id run.ID, attempt int) run.Labels {
		return run.Labels{Instance: "test", Run: id, Attempt: attempt}
	}
	p := &place{stuck: "mount", objects: map[string]app.Object{
		"folder":  {Kind: "folder", ID: "folder", Labels: label(ours, 1)},
		"mount":   {Kind: "mount", ID: "mount", Labels: label(ours, 1)},
		"attempt": {Kind: "folder", ID: "attempt", Labels: label(ours, 2)},
		"other":   {Kind: "folder", ID: "other", Labels: label(run.NewID(time.Now()), 1)},
	}}
	d := open(t, t.TempDir(), func(c *local.Config) { c.Places = []app.Place{p} })
	got, err := d.Sweep(t.Context(), ours, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run.Swept{Removed: 1, Leftovers: []run.Leftover{{Kind: "mount", Name: "mount"}}}, got); diff != "" {
		t.Fatal(diff)
	}
	if len(p.objects) != 3 {
		t.Fatalf("left %v", p.objects)
	}
}
