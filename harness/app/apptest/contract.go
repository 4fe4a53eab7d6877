package apptest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app"
)

// Fixture is a fresh app with releases for it. Each release's folder may be the same.
type Fixture struct {
	App app.App
	// One and Two answer /version with their names and keep data in the volume.
	One, Two app.Release
	Volume   string
	Crash    app.Release // a service of it ends at once
	Outliver app.Release // something of it outlives its own stop
	Broken   app.Release // cannot be deployed, by its own fault
	// Behind runs One's program out of the volume, where One has put it.
	Behind app.Release
	// Same has One's program, and runs it out of the volume as well.
	Same app.Release
}

// Contract holds a deployer to what package app promises. open gives a fresh
// fixture each time.
func Contract(t *testing.T, open func(t *testing.T) Fixture) {
	for _, c := range slices.Concat(lifecycle, volumes, merges, files, databases, others) {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			t.Cleanup(func() { noError(t, f.App.Destroy(context.Background())) })
			c.test(t, f)
		})
	}
}

type clause struct {
	sentence string
	test     func(t *testing.T, f Fixture)
}

var lifecycle = []clause{
	{"Deploy builds and starts a release where nothing is", func(t *testing.T, f Fixture) {
		f.deploys(t, f.One)
		noError(t, f.App.Alive(t.Context()))
	}},
	{"Deploy where something is blames us", func(t *testing.T, f Fixture) {
		noError(t, f.App.Deploy(t.Context(), f.One))
		ourError(t, f.App.Deploy(t.Context(), f.Two))
		f.answers(t, f.One.Name)
	}},
	{"A release that cannot be deployed is a fault", func(t *testing.T, f Fixture) {
		isFault(t, f.App.Deploy(t.Context(), f.Broken))
	}},
	{"Upgrade replaces the running release and volumes stay", func(t *testing.T, f Fixture) {
		noError(t, f.App.Deploy(t.Context(), f.One))
		noError(t, f.App.Put(t.Context(), f.Volume, "kept", []byte("data")))
		noError(t, f.App.Upgrade(t.Context(), f.Two))
		f.answers(t, f.Two.Name)
		f.holds(t, "kept", "data")
	}},
	{"Upgrade of nothing blames us", func(t *testing.T, f Fixture) {
		ourError(t, f.App.Upgrade(t.Context(), f.Two))
	}},
	{"Stop stops, and stopping a stopped app does nothing", func(t *testing.T, f Fixture) {
		f.deploys(t, f.One)
		noError(t, f.App.Stop(t.Context()))
		noError(t, f.App.Stop(t.Context()))
		matches(t, f.App.Alive(t.Context()), app.ErrNotRunning)
		if _, err := f.App.Running(t.Context()); !errors.Is(err, app.ErrNotRunning) {
			t.Errorf("Running: %v", err)
		}
		if conn, err := f.App.Dial(t.Context()); err == nil {
			conn.Close()
			t.Error("a stopped app can be reached")
		}
	}},
	{"Start starts what Stop stopped", func(t *testing.T, f Fixture) {
		noError(t, f.App.Deploy(t.Context(), f.One))
		noError(t, f.App.Put(t.Context(), f.Volume, "kept", []byte("data")))
		noError(t, f.App.Stop(t.Context()))
		noError(t, f.App.Start(t.Context()))
		f.answers(t, f.One.Name)
		f.holds(t, "kept", "data")
	}},
	{"Start of what runs, or of nothing, blames us", func(t *testing.T, f Fixture) {
		ourError(t, f.App.Start(t.Context()))
		noError(t, f.App.Deploy(t.Context(), f.One))
		ourError(t, f.App.Start(t.Context()))
	}},
	{"What outlives the app's own stop is killed and is a fault that names it", func(t *testing.T, f Fixture) {
		f.deploys(t, f.Outliver)
		fault := isFault(t, f.App.Stop(t.Context()))
		if fault.Summary == "" || len(fault.Evidence) == 0 {
			t.Errorf("the fault does not name what outlived: %+v", fault)
		}
		matches(t, f.App.Alive(t.Context()), app.ErrNotRunning)
		noError(t, f.App.Start(t.Context()))
		f.answers(t, f.Outliver.Name)
	}},
	{"A service that ended is a fault with the tail of its log, at the latest when one asks", func(t *testing.T, f Fixture) {
		if fault := isFault(t, f.crashed(t)); len(fault.Evidence) == 0 {
			t.Errorf("no evidence: %+v", fault)
		}
	}},
	{"Stop of an app of which a service had ended is a fault that tells so, and the app is stopped", func(t *testing.T, f Fixture) {
		isFault(t, f.crashed(t))
		if fault := isFault(t, f.App.Stop(t.Context())); len(fault.Evidence) == 0 {
			t.Errorf("no evidence: %+v", fault)
		}
		matches(t, f.App.Alive(t.Context()), app.ErrNotRunning)
		noError(t, f.App.Stop(t.Context()))
	}},
	{"Lives are the same while nothing was started anew, and others afterwards", func(t *testing.T, f Fixture) {
		teller, ok := f.App.(app.Lives)
		if !ok {
			t.Skip("this deployer does not tell by what its services run")
		}
		lives := func() []app.Life {
			t.Helper()
			all, err := teller.Lives(t.Context())
			noError(t, err)
			if len(all) == 0 || slices.ContainsFunc(all, func(l app.Life) bool { return l.Service == "" || l.ID == "" }) {
				t.Fatalf("it runs by %v", all)
			}
			return all
		}
		noError(t, f.App.Deploy(t.Context(), f.One))
		f.answers(t, f.One.Name)
		first := lives()
		if again := lives(); !slices.Equal(again, first) {
			t.Errorf("first %v, then %v", first, again)
		}
		noError(t, f.App.Stop(t.Context()))
		noError(t, f.App.Start(t.Context()))
		f.answers(t, f.One.Name)
		for _, life := range lives() {
			if slices.Contains(first, life) {
				t.Errorf("started anew, it still runs as %v", life)
			}
		}
	}},
	{"Alive is ErrNotRunning where nothing was deployed", func(t *testing.T, f Fixture) {
		matches(t, f.App.Alive(t.Context()), app.ErrNotRunning)
	}},
	{"Running says which release the processes belong to", func(t *testing.T, f Fixture) {
		for _, step := range []struct {
			do func(context.Context, app.Release) error
			r  app.Release
		}{{f.App.Deploy, f.One}, {f.App.Upgrade, f.Two}} {
			noError(t, step.do(t.Context(), step.r))
			f.answers(t, step.r.Name)
			got, err := f.App.Running(t.Context())
			noError(t, err)
			if got != step.r {
				t.Errorf("running: %+v, want %+v", got, step.r)
			}
		}
	}},
	{"Running an older release is a fault that says what runs instead", func(t *testing.T, f Fixture) {
		f.deploys(t, f.One)
		noError(t, f.App.Upgrade(t.Context(), f.Behind))
		f.reachable(t)
		_, err := f.App.Running(t.Context())
		if fault := isFault(t, err); !strings.Contains(fault.Summary, f.One.Name) {
			t.Errorf("the fault does not name %s: %s", f.One.Name, fault.Summary)
		}
	}},
	{"Code that outlived the upgrade proves nothing, even if it is the release's own", func(t *testing.T, f Fixture) {
		noError(t, f.App.Deploy(t.Context(), f.One))
		f.answers(t, f.One.Name)
		noError(t, f.App.Upgrade(t.Context(), f.Same))
		f.reachable(t)
		_, err := f.App.Running(t.Context())
		ourError(t, err)
	}},
	{"Destroy removes everything, at any time, any number of times", func(t *testing.T, f Fixture) {
		noError(t, f.App.Destroy(t.Context()))
		f.empty(t)
		noError(t, f.App.Deploy(t.Context(), f.One))
		noError(t, f.App.Put(t.Context(), f.Volume, "gone", []byte("data")))
		noError(t, f.App.Destroy(t.Context()))
		noError(t, f.App.Destroy(t.Context()))
		f.empty(t)
		matches(t, f.App.Alive(t.Context()), app.ErrNotRunning)
	}},
	{"Destroy is safe after a failed Deploy, and the next Deploy starts from nothing", func(t *testing.T, f Fixture) {
		isFault(t, f.App.Deploy(t.Context(), f.Broken))
		noError(t, f.App.Destroy(t.Context()))
		f.empty(t)
		noError(t, f.App.Deploy(t.Context(), f.One))
		noError(t, f.App.Put(t.Context(), f.Volume, "gone", []byte("data")))
		noError(t, f.App.Destroy(t.Context()))
		f.deploys(t, f.Two)
		f.lacks(t, "gone")
	}},
	{"Inventory lists what exists, labelled", func(t *testing.T, f Fixture) {
		noError(t, f.App.Deploy(t.Context(), f.One))
		objects, err := f.App.Inventory(t.Context())
		noError(t, err)
		if len(objects) == 0 {
			t.Error("a deployed app is made of nothing")
		}
		for _, o := range objects {
			if o.Kind == "" || o.ID == "" || o.Labels.Run == "" || o.Labels.Instance == "" || o.Labels.Expires.IsZero() {
				t.Errorf("not fully labelled: %+v", o)
			}
		}
	}},
}

// reachable waits until the app answers anything.
func (f Fixture) reachable(t *testing.T) string {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return f.App.Dial(ctx) },
	}}
	var last error
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		answer, err := client.Get("http://app/version")
		if err != nil {
			last = err
			continue
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		noError(t, err)
		return string(body)
	}
	t.Fatalf("the app does not answer: %v; alive: %v", last, f.App.Alive(t.Context()))
	return ""
}

// crashed deploys what ends by itself, and waits until that is told.
func (f Fixture) crashed(t *testing.T) error {
	t.Helper()
	err := f.App.Deploy(t.Context(), f.Crash)
	for deadline := time.Now().Add(time.Minute); err == nil && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		err = f.App.Alive(t.Context())
	}
	return err
}

func (f Fixture) answers(t *testing.T, version string) {
	t.Helper()
	if got := f.reachable(t); got != version {
		t.Fatalf("the app says that it is %q, want %q", got, version)
	}
}

// deploys deploys a release, and returns when it answers.
func (f Fixture) deploys(t *testing.T, r app.Release) {
	t.Helper()
	noError(t, f.App.Deploy(t.Context(), r))
	f.answers(t, r.Name)
}

func (f Fixture) empty(t *testing.T) {
	t.Helper()
	objects, err := f.App.Inventory(t.Context())
	noError(t, err)
	if len(objects) > 0 {
		t.Errorf("left over: %+v", objects)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if fault, ok := errors.AsType[*app.Fault](err); ok {
		t.Fatalf("fault: %s\n%s", fault.Summary, strings.Join(fault.Evidence, "\n"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func matches(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func isFault(t *testing.T, err error) *app.Fault {
	t.Helper()
	fault, ok := errors.AsType[*app.Fault](err)
	if !ok {
		t.Fatalf("want a fault, got %v", err)
	}
	return fault
}

// ourError wants an error that does not blame the recipe.
func ourError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("want an error")
	}
	if fault, ok := errors.AsType[*app.Fault](err); ok {
		t.Fatalf("this blames the recipe: %s", fault.Summary)
	}
}
