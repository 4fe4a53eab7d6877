package apptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/harness/tree"
)

// Behaviour is how one release of a Fake's behaves; the zero value is a good app.
type Behaviour struct {
	DeployFault *app.Fault // Deploy and Upgrade to this release fail so
	Crash       *app.Fault // what Alive says, from CrashAfter after the start on
	CrashAfter  time.Duration
	StopFault   *app.Fault // Stop says this, and the app is stopped all the same
	RunsInstead error      // what Running says
	// OnStart is called at each start, before the release answers, with the folders
	// of release and volumes: here it migrates, loses rows, writes strays.
	OnStart func(release string, volumes map[string]string) error
	// Handler answers HTTP. Default: /version is the release's name, anything else 200.
	Handler http.Handler
}

// Fake is an app.App in a temporary folder. Make one with NewFake.
type Fake struct {
	Labels run.Labels
	// Releases says how each release behaves, by its name.
	Releases map[string]Behaviour
	// OnExec runs commands instead of the shell, if it is set.
	OnExec func(ctx context.Context, c app.Command) (app.Result, error)
	// Leftovers is what Inventory lists after Destroy.
	Leftovers []app.Object
	Now       func() time.Time

	t       testing.TB
	lenient bool
	dir     string
	busy    sync.Mutex // held by a lifecycle call

	mu       sync.Mutex
	names    []string // of volumes
	calls    []string
	failures map[string][]error
	release  *app.Release
	running  bool
	started  time.Time
	exists   bool
	manifest map[string]time.Time
	thawed   chan struct{} // closed while the app is not frozen
	frozen   bool
	conns    map[net.Conn]bool
}

var (
	_ app.App    = (*Fake)(nil)
	_ app.Merger = (*Fake)(nil)
)

// Declaring is a Fake whose recipe declares its backup itself.
type Declaring struct {
	*Fake
	Backup app.Backup
}

var _ app.Declarer = Declaring{}

// Declared implements app.Declarer.
func (d Declaring) Declared(ctx context.Context) (app.Backup, error) {
	if err := d.beginDeployed(ctx, "Declared", ""); err != nil {
		return app.Backup{}, err
	}
	return d.Backup, nil
}

// NewFake makes an app with the given volumes, by default one named data. Misuse
// fails the test.
func NewFake(t testing.TB, volumes ...string) *Fake {
	if len(volumes) == 0 {
		volumes = []string{"data"}
	}
	thawed := make(chan struct{})
	close(thawed)
	f := &Fake{
		Labels: run.Labels{
			Instance: "fake", Run: run.NewID(time.Now()), Attempt: 1, Expires: time.Now().Add(time.Hour),
		},
		Releases: map[string]Behaviour{}, Now: time.Now,
		t: t, dir: filepath.Join(t.TempDir(), "app"), names: volumes, failures: map[string][]error{}, thawed: thawed, conns: map[net.Conn]bool{},
	}
	t.Cleanup(f.hangUp)
	return f
}

// Lenient lets misuse pass with an error instead of failing the test.
func (f *Fake) Lenient() *Fake {
	f.lenient = true
	return f
}

// Fail makes the next calls of a method return these errors, in order, before
// anything is done: Fail("Deploy", err).
func (f *Fake) Fail(method string, errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures[method] = append(f.failures[method], errs...)
}

// Calls lists the methods called so far, lifecycle calls with their release.
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// VolumeDir is a volume's folder, for tests that change data behind the app's back.
func (f *Fake) VolumeDir(name string) string { return filepath.Join(f.dir, "volumes", name) }

// ReleaseDir is the folder of the release's files.
func (f *Fake) ReleaseDir() string { return filepath.Join(f.dir, "release") }

// begin notes a call, says whether it is to fail, and refuses a done context.
func (f *Fake) begin(ctx context.Context, method, detail string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.TrimSpace(method+" "+detail))
	if planned := f.failures[method]; len(planned) > 0 {
		f.failures[method] = planned[1:]
		if planned[0] != nil {
			return planned[0]
		}
	}
	return ctx.Err()
}

// scold reports misuse.
func (f *Fake) scold(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if !f.lenient {
		f.t.Helper()
		f.t.Errorf("misuse of the app: %v", err)
	}
	return err
}

// alone makes sure that one lifecycle call runs at a time.
func (f *Fake) alone() func() {
	if !f.busy.TryLock() {
		_ = f.scold("two goroutines call the lifecycle at once")
		f.busy.Lock()
	}
	return f.busy.Unlock
}

// beginDeployed is begin for what requires a release.
func (f *Fake) beginDeployed(ctx context.Context, method, detail string) error {
	if err := f.begin(ctx, method, detail); err != nil {
		return err
	}
	if release, _ := f.state(); release == nil {
		return f.scold("%s: %v", method, errNothing)
	}
	return nil
}

func (f *Fake) state() (release *app.Release, running bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.release, f.running
}

var errNothing = errors.New("nothing is deployed")

func (f *Fake) Deploy(ctx context.Context, r app.Release) error {
	defer f.alone()()
	if err := f.begin(ctx, "Deploy", r.Name); err != nil {
		return err
	}
	if old, _ := f.state(); old != nil {
		return f.scold("cannot deploy %s: %s is deployed", r.Name, old.Name)
	}
	return f.install(r)
}

func (f *Fake) Upgrade(ctx context.Context, r app.Release) error {
	defer f.alone()()
	if err := f.begin(ctx, "Upgrade", r.Name); err != nil {
		return err
	}
	if old, _ := f.state(); old == nil {
		return f.scold("cannot upgrade to %s: %v", r.Name, errNothing)
	}
	f.setRunning(false)
	return f.install(r)
}

func (f *Fake) install(r app.Release) error {
	f.mu.Lock()
	f.exists = true
	f.mu.Unlock()
	for _, name := range f.names {
		if err := os.MkdirAll(f.VolumeDir(name), 0o755); err != nil {
			return err
		}
	}
	if fault := f.Releases[r.Name].DeployFault; fault != nil {
		return fault
	}
	if err := os.RemoveAll(f.ReleaseDir()); err != nil {
		return err
	}
	if r.Dir == "" {
		if err := os.MkdirAll(f.ReleaseDir(), 0o755); err != nil {
			return err
		}
	} else if err := os.CopyFS(f.ReleaseDir(), os.DirFS(r.Dir)); err != nil {
		return err
	}
	manifest, err := readManifest(f.ReleaseDir())
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.release, f.manifest = &r, manifest
	f.mu.Unlock()
	return f.start(r)
}

func (f *Fake) start(r app.Release) error {
	if onStart := f.Releases[r.Name].OnStart; onStart != nil {
		volumes := map[string]string{}
		for _, name := range f.names {
			volumes[name] = f.VolumeDir(name)
		}
		if err := onStart(f.ReleaseDir(), volumes); err != nil {
			return err
		}
	}
	f.setRunning(true)
	return nil
}

func (f *Fake) setRunning(running bool) {
	f.mu.Lock()
	f.running, f.started = running, f.Now()
	f.mu.Unlock()
	if !running {
		f.hangUp()
	}
}

func (f *Fake) Stop(ctx context.Context) error {
	defer f.alone()()
	if err := f.begin(ctx, "Stop", ""); err != nil {
		return err
	}
	release, running := f.state()
	if !running {
		return nil
	}
	f.mu.Lock()
	frozen := f.frozen
	f.mu.Unlock()
	if frozen {
		_ = f.scold("the app is stopped while it is frozen: thaw it first")
	}
	b := f.Releases[release.Name]
	ended := b.ended(f)
	f.setRunning(false)
	if ended != nil {
		return ended
	}
	return b.StopFault.OrNil()
}

// ended is how the release ended by itself, if it did.
func (b Behaviour) ended(f *Fake) *app.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b.Crash != nil && f.Now().Sub(f.started) >= b.CrashAfter {
		return b.Crash
	}
	return nil
}

func (f *Fake) Start(ctx context.Context) error {
	defer f.alone()()
	if err := f.begin(ctx, "Start", ""); err != nil {
		return err
	}
	release, running := f.state()
	if release == nil {
		return f.scold("cannot start the app: %v", errNothing)
	}
	if running {
		return f.scold("cannot start the app: it runs already")
	}
	return f.start(*release)
}

func (f *Fake) Alive(ctx context.Context) error {
	if err := f.begin(ctx, "Alive", ""); err != nil {
		return err
	}
	release, running := f.state()
	if !running {
		return app.ErrNotRunning
	}
	if ended := f.Releases[release.Name].ended(f); ended != nil {
		return ended
	}
	return nil
}

func (f *Fake) Lives(ctx context.Context) ([]app.Life, error) {
	if err := f.begin(ctx, "Lives", ""); err != nil {
		return nil, err
	}
	if _, running := f.state(); !running {
		return nil, app.ErrNotRunning
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return []app.Life{{Service: "web", ID: f.started.String()}}, nil
}

func (f *Fake) Running(ctx context.Context) (app.Release, error) {
	if err := f.begin(ctx, "Running", ""); err != nil {
		return app.Release{}, err
	}
	release, running := f.state()
	if !running {
		return app.Release{}, app.ErrNotRunning
	}
	if err := f.Releases[release.Name].RunsInstead; err != nil {
		return app.Release{}, err
	}
	return *release, nil
}

func (f *Fake) Destroy(ctx context.Context) error {
	defer f.alone()()
	err := f.begin(context.WithoutCancel(ctx), "Destroy", "")
	f.setRunning(false)
	f.mu.Lock()
	f.release, f.exists, f.manifest = nil, false, nil
	f.mu.Unlock()
	return errors.Join(err, tree.Remove(f.dir))
}

func (f *Fake) Inventory(ctx context.Context) ([]app.Object, error) {
	if err := f.begin(ctx, "Inventory", ""); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.exists {
		return slices.Clone(f.Leftovers), nil
	}
	return []app.Object{{Kind: "folder", ID: f.dir, Labels: f.Labels}}, nil
}
