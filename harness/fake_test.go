package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/canary"
	"seatrial/harness/run"
	"seatrial/harness/stage"
	"seatrial/harness/vault"
	"seatrial/recipes"
)

// stubApp is an app that can be installed and destroyed. What a test does not set
// works; what no test needs is not there and would panic.
type stubApp struct {
	app.App
	config    AppConfig
	mu        sync.Mutex
	there     bool
	destroyed int
	deploy    func(context.Context) error
	destroy   func(context.Context) error
	inventory func() ([]app.Object, error)
}

func (a *stubApp) Deploy(ctx context.Context, r app.Release) error {
	a.set(true)
	if a.deploy != nil {
		return a.deploy(ctx)
	}
	return nil
}

func (a *stubApp) Alive(context.Context) error                   { return nil }
func (a *stubApp) Strays(context.Context) ([]app.Stray, error)   { return nil, nil }
func (a *stubApp) Volumes(context.Context) ([]app.Volume, error) { return nil, nil }

func (a *stubApp) Destroy(ctx context.Context) error {
	a.destroyed++
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the teardown was given a dead context: %w", err)
	}
	if a.destroy != nil {
		if err := a.destroy(ctx); err != nil {
			return err
		}
	}
	a.set(false)
	return nil
}

// set is locked because a deed that hangs meets the teardown.
func (a *stubApp) set(there bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.there = there
}

func (a *stubApp) isThere() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.there
}

func (a *stubApp) Inventory(context.Context) ([]app.Object, error) {
	if a.inventory != nil {
		return a.inventory()
	}
	if a.isThere() {
		return []app.Object{{Kind: "process", ID: "7", Detail: "web"}}, nil
	}
	return nil, nil
}

// meteredApp also counts what it takes.
type meteredApp struct {
	*stubApp
	used app.Usage
}

func (a meteredApp) Used() app.Usage { return a.used }

type stubVault struct {
	vault.Vault
	forgotten []run.ID
}

func (v *stubVault) Forget(_ context.Context, id run.ID) error {
	v.forgotten = append(v.forgotten, id)
	return nil
}

type stubSource func(ctx context.Context, into string) (Fetched, error)

func (s stubSource) Fetch(ctx context.Context, _ run.Code, _, into string) (Fetched, error) {
	return s(ctx, into)
}

// stubFront is a gateway without a network, so that time can be made to fly.
type stubFront struct{ closed bool }

func (*stubFront) Addr() string   { return "127.0.0.1:4711" }
func (*stubFront) Scheme() string { return "http" }
func (f *stubFront) Close() error { f.closed = true; return nil }
func (f *stubFront) Client() *http.Client {
	return &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Status: "200 OK", Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	})}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

type stubMarks struct{}

func (stubMarks) Seed(context.Context, bool) (stage.Marks, error) { return stubMarks{}, nil }
func (stubMarks) Vouch(bool)                                      {}
func (stubMarks) Notes() []string                                 { return nil }
func (stubMarks) Look(context.Context, func(canary.Place) bool) ([]string, error) {
	return nil, nil
}

// bed is one attempt with everything around it.
type bed struct {
	job    Job
	app    *stubApp
	vault  *stubVault
	front  *stubFront
	log    bytes.Buffer
	mu     sync.Mutex
	events []run.Event
	sink   func(run.Event) error
}

// newBed makes a job whose only questions are policy, lint and install.
func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{app: &stubApp{}, vault: &stubVault{}, front: &stubFront{}}
	skip := "this test is not about it"
	b.job = Job{
		Request: run.Request{ID: "01k9zq3v8e2m4n6p8r0t2v4x6y", Recipe: "guestbook", Limit: time.Hour, Silence: 20 * time.Minute},
		Attempt: 1, Work: t.TempDir(), Log: &b.log, Vault: b.vault,
		Enrolment: recipes.Enrolment{
			ExpectNA: map[string]string{"restart": skip, "backup": skip},
			Health:   recipes.Health{Timeout: recipes.Duration(time.Minute), Steady: recipes.Duration(time.Second)},
			Build:    recipes.Build{Timeout: recipes.Duration(24 * time.Hour)},
		},
		Source: stubSource(func(_ context.Context, into string) (Fetched, error) {
			dir := filepath.Join(into, "head")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return Fetched{}, err
			}
			return Fetched{Head: app.Release{Name: "head", Commit: "c", Tree: "t", Dir: dir}, Subject: "Say hello"}, os.WriteFile(filepath.Join(dir, "Procfile"), []byte("web: ./app\n"), 0o600)
		}),
		NewApp:  func(_ context.Context, c AppConfig) (app.App, error) { b.app.config = c; return b.app, nil },
		Gateway: func(string, Dial) (Front, error) { return b.front, nil },
		Tools: func(Bench) stage.Tools {
			return stage.Tools{Canaries: stubMarks{}, Lint: func(context.Context) ([]run.Finding, error) { return nil, nil }}
		},
		Sink: func(e run.Event) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.sink != nil {
				if err := b.sink(e); err != nil {
					return err
				}
			}
			b.events = append(b.events, e)
			return nil
		},
	}
	return b
}

// kinds are the events' kinds in order, progress left out.
func (b *bed) kinds() string {
	var all []string
	for _, e := range b.events {
		if e.Kind != run.KindProgress {
			all = append(all, strings.TrimSpace(string(e.Kind)+" "+string(e.Stage)))
		}
	}
	return strings.Join(all, ", ")
}

// clean says what the attempt left behind.
func (b *bed) clean(t *testing.T) {
	t.Helper()
	if left, err := os.ReadDir(b.job.Work); err != nil || len(left) > 0 {
		t.Errorf("left in the work folder: %v %v", left, err)
	}
	if b.app.isThere() {
		t.Error("the app was left")
	}
	if len(b.vault.forgotten) != 1 || b.vault.forgotten[0] != b.job.Request.ID {
		t.Errorf("the vault was told to forget %v", b.vault.forgotten)
	}
	if !b.front.closed {
		t.Error("the gateway was left open")
	}
	if last := b.events[len(b.events)-1]; last.Kind != run.KindFinished {
		t.Errorf("the last word is %s", last.Kind)
	}
}

func untilDone(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

var errDisk = errors.New("no space left on device")
