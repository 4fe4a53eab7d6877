package stage

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/canary"
	"seatrial/harness/run"
	"seatrial/harness/vault"
	"seatrial/recipes"
)

var (
	head     = app.Release{Name: "head", Commit: "c2", Tree: "t2"}
	previous = app.Release{Name: "1.0.0", Commit: "c1", Tree: "t1"}
)

// fakeApp keeps volumes in memory. on changes what a deed does; what it returns is
// the deed's error. Deeds are written down by name.
type fakeApp struct {
	notKept   []string // what it says of each copy
	t         *testing.T
	trouble   string // that befell the platform
	volumes   map[string]map[string]string
	runs      *app.Release
	stopped   bool
	frozen    bool
	strays    []app.Stray
	left      []app.Object
	deeds     []string
	on        map[string]func(context.Context) error
	answer    func() (int, string)
	declared  *app.Backup // makes it an app.Declarer
	lives     []app.Life
	hits      []string
	databases []app.Database
	// What the canaries were told, and what they say.
	alone, vouched bool
	noted          []string
}

var _ app.Merger = declaringApp{}

// declaringApp is the fake as an app whose recipe declares its backup.
func (a *fakeApp) Trouble(time.Time) string { return a.trouble }

type declaringApp struct{ *fakeApp }

func (a declaringApp) Declared(ctx context.Context) (app.Backup, error) {
	return *a.declared, a.do(ctx, "declared")
}

func (a declaringApp) Merge(ctx context.Context, volume string, r io.Reader) ([]string, error) {
	if !a.stopped {
		a.t.Errorf("%s was merged into under a running app", volume)
	}
	if err := a.read(volume, r); err != nil {
		return nil, err
	}
	return a.notKept, a.do(ctx, "merge "+volume)
}

func newApp(t *testing.T) *fakeApp {
	return &fakeApp{t: t, on: map[string]func(context.Context) error{}}
}

func (a *fakeApp) do(ctx context.Context, deed string) error {
	if deed != "alive" {
		a.deeds = append(a.deeds, deed)
	}
	if on := a.on[deed]; on != nil {
		return on(ctx)
	}
	return nil
}

func (a *fakeApp) Deploy(ctx context.Context, r app.Release) error {
	if a.runs != nil {
		a.t.Errorf("deployed %s where %s is", r.Name, a.runs.Name)
	}
	a.runs, a.stopped = &r, false
	a.volumes = map[string]map[string]string{"data": {"app.txt": "the app's own"}}
	return a.do(ctx, "deploy "+r.Name)
}

func (a *fakeApp) Upgrade(ctx context.Context, r app.Release) error {
	a.runs = &r
	return a.do(ctx, "upgrade "+r.Name)
}

func (a *fakeApp) Hits(context.Context) []string { return a.hits }

func (a *fakeApp) Lives(context.Context) ([]app.Life, error) { return a.lives, nil }

func (a *fakeApp) Stop(ctx context.Context) error  { a.stopped = true; return a.do(ctx, "stop") }
func (a *fakeApp) Start(ctx context.Context) error { a.stopped = false; return a.do(ctx, "start") }

func (a *fakeApp) Alive(ctx context.Context) error {
	if a.runs == nil || a.stopped {
		return app.ErrNotRunning
	}
	return a.do(ctx, "alive")
}

func (a *fakeApp) Running(ctx context.Context) (app.Release, error) {
	return *a.runs, a.do(ctx, "running")
}

func (a *fakeApp) Destroy(ctx context.Context) error {
	a.runs, a.volumes = nil, nil
	return a.do(ctx, "destroy")
}

func (a *fakeApp) Inventory(context.Context) ([]app.Object, error) { return a.left, nil }

func (a *fakeApp) Volumes(context.Context) (all []app.Volume, err error) {
	for _, name := range slices.Sorted(maps.Keys(a.volumes)) {
		all = append(all, app.Volume{Name: name, Path: "/volumes/" + name})
	}
	return all, nil
}

func (a *fakeApp) Export(ctx context.Context, volume string, w io.Writer) ([]string, error) {
	if !a.frozen {
		a.t.Errorf("%s was copied while the app could write", volume)
	}
	if err := a.do(ctx, "export "+volume); err != nil {
		return nil, err
	}
	out := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(a.volumes[volume])) {
		content := a.volumes[volume][name]
		if err := out.WriteHeader(&tar.Header{Name: "./" + name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(out, content); err != nil {
			return nil, err
		}
	}
	return a.notKept, out.Close()
}

func (a *fakeApp) Import(ctx context.Context, volume string, r io.Reader) ([]string, error) {
	if !a.stopped {
		a.t.Errorf("%s was imported under a running app", volume)
	}
	a.volumes[volume] = map[string]string{}
	if err := a.read(volume, r); err != nil {
		return nil, err
	}
	return a.notKept, a.do(ctx, "import "+volume)
}

// read adds a stream's files to a volume.
func (a *fakeApp) read(volume string, r io.Reader) error {
	in := tar.NewReader(r)
	for {
		header, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		a.volumes[volume][path.Clean(header.Name)] = string(content)
	}
}

func (a *fakeApp) Files(_ context.Context, volume string) (list app.Files, err error) {
	for _, name := range slices.Sorted(maps.Keys(a.volumes[volume])) {
		content := a.volumes[volume][name]
		list.All = append(list.All, app.File{Path: name, Size: int64(len(content)), Sum: content, Modified: time.Unix(0, 0)})
	}
	return list, nil
}

func (a *fakeApp) Put(_ context.Context, volume, path string, content []byte) error {
	a.volumes[volume][path] = string(content)
	return nil
}

func (a *fakeApp) Get(_ context.Context, volume, path string) ([]byte, error) {
	if content, ok := a.volumes[volume][path]; ok {
		return []byte(content), nil
	}
	return nil, os.ErrNotExist
}

func (a *fakeApp) Exec(ctx context.Context, c app.Command) (app.Result, error) {
	deed := "exec " + c.Shell
	if c.Service != "" {
		deed += " in " + c.Service
		if a.runs == nil || a.stopped {
			a.t.Errorf("%s while nothing runs", deed)
		}
	}
	err := a.do(ctx, deed)
	if code, ok := err.(exitCode); ok {
		return app.Result{ExitCode: int(code), Output: "disk quota exceeded\n"}, nil
	}
	return app.Result{Output: "fine\n"}, err
}

type exitCode int

func (c exitCode) Error() string { return fmt.Sprint("exit code ", int(c)) }

func (a *fakeApp) Databases(context.Context) ([]app.Database, error) { return a.databases, nil }
func (a *fakeApp) SQL(context.Context, app.Database, ...string) ([]app.Rows, error) {
	return nil, fmt.Errorf("the fake has no databases")
}

func (a *fakeApp) Freeze(ctx context.Context) (func() error, error) {
	a.frozen = true
	return func() error { a.frozen = false; return a.do(ctx, "thaw") }, a.do(ctx, "freeze")
}

func (a *fakeApp) Strays(context.Context) ([]app.Stray, error) { return a.strays, nil }
func (a *fakeApp) Dial(context.Context) (net.Conn, error)      { return nil, app.ErrNotRunning }

// app is the fake as what it is to be.
func (a *fakeApp) app() app.App {
	if a.declared != nil {
		return declaringApp{a}
	}
	return a
}

// RoundTrip answers like the app behind its gateway.
func (a *fakeApp) RoundTrip(r *http.Request) (*http.Response, error) {
	code, body := 200, "welcome"
	if a.runs == nil || a.stopped {
		code, body = 502, "the app does not answer"
	} else if a.answer != nil {
		code, body = a.answer()
	}
	return &http.Response{
		StatusCode: code, Status: fmt.Sprint(code, " ", http.StatusText(code)), Request: r,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// fakeCanaries remember every file of every volume. A database of a server's is there
// as long as one of its volume's files is called loaded.
type fakeCanaries struct{ app *fakeApp }

type fakeMarks struct {
	app   *fakeApp
	files map[string][]string
}

func (c fakeCanaries) Seed(ctx context.Context, alone bool) (Marks, error) {
	c.app.alone = alone
	if err := c.app.do(ctx, "plant"); err != nil {
		return nil, err
	}
	m := fakeMarks{c.app, map[string][]string{}}
	for volume, files := range c.app.volumes {
		files[canary.FileName] = "mark"
		m.files[volume] = slices.Sorted(maps.Keys(files))
	}
	return m, nil
}

func (m fakeMarks) Vouch(yes bool)  { m.app.vouched = yes }
func (m fakeMarks) Notes() []string { return m.app.noted }

func (m fakeMarks) Look(ctx context.Context, covered func(canary.Place) bool) (not []string, err error) {
	if err := m.app.do(ctx, "look"); err != nil {
		return nil, err
	}
	var gone []string
	for _, volume := range slices.Sorted(maps.Keys(m.files)) {
		files := m.files[volume]
		for _, file := range files {
			if p := (canary.Place{Volume: volume, Path: file}); !covered(p) {
				not = append(not, p.String())
			} else if _, ok := m.app.volumes[volume][file]; !ok {
				gone = append(gone, volume+"/"+file)
			}
		}
	}
	for _, db := range m.app.databases {
		if p := (canary.Place{Volume: db.Volume, Database: &db}); !covered(p) {
			not = append(not, p.String())
		} else if m.app.volumes[db.Volume]["loaded"] == "" {
			gone = append(gone, db.Name)
		}
	}
	if len(gone) > 0 {
		return not, &run.Fault{Summary: "files are gone", Evidence: gone}
	}
	return not, nil
}

// fakeSteps fail where they are told to.
type fakeSteps struct{ app *fakeApp }

func (s fakeSteps) Run(ctx context.Context, step recipes.Step, vars map[string]string) error {
	vars[step.Name] = "done"
	deed := "step " + step.Name
	if r := step.Request; r != nil {
		deed += strings.Join(append(slices.Collect(maps.Values(r.Form)), step.Expect.Text...), " ")
	}
	return s.app.do(ctx, deed)
}

type fakeVault map[string][]byte

// preparedVault is a vault that wants to be prepared, which is a deed like the app's.
type preparedVault struct {
	fakeVault
	app *fakeApp
}

func (v preparedVault) Prepare(ctx context.Context, _ run.ID) error { return v.app.do(ctx, "prepare") }

func (v fakeVault) Save(_ context.Context, id run.ID, name string, r io.Reader) (vault.Snapshot, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return vault.Snapshot{}, err
	}
	v[name] = content
	return vault.Snapshot{Run: id, Name: name, Size: int64(len(content))}, nil
}

func (v fakeVault) Open(_ context.Context, s vault.Snapshot) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(v[s.Name])), nil
}

func (v fakeVault) Forget(context.Context, run.ID) error { clear(v); return nil }

// log collects events.
type log struct {
	events []run.Event
	beats  []string
}

func (l *log) Emit(e run.Event) { l.events = append(l.events, e) }
func (l *log) Beat(e run.Event) { l.beats = append(l.beats, e.Note) }

// story is one examination.
type story struct {
	app        *fakeApp
	enrolment  recipes.Enrolment
	previous   *app.Release
	noPrevious string
	unknown    bool
	only       run.Stage
	findings   []run.Finding
	trusted    bool
	dir        string
	log        log
	result     Result
}

func newStory(t *testing.T) *story {
	span := func(d time.Duration) recipes.Duration { return recipes.Duration(d) }
	return &story{app: newApp(t), previous: &previous, dir: t.TempDir(), enrolment: recipes.Enrolment{
		Health:   recipes.Health{Path: "/healthz", Timeout: span(2 * time.Minute), Steady: span(12 * time.Second)},
		Build:    recipes.Build{Timeout: span(time.Minute)},
		Timeouts: recipes.Timeouts{Stop: span(10 * time.Second), Hook: span(5 * time.Minute)},
		Checks:   []recipes.Step{{Name: "front page"}},
	}}
}

func (s *story) tell(ctx context.Context) {
	h := head
	h.Dir = s.dir
	j := Job{
		Run: "r", Head: h, Previous: s.previous, Enrolment: s.enrolment, Only: s.only, Trusted: s.trusted,
		App: s.app.app(), Vault: preparedVault{fakeVault{}, s.app}, BaseURL: "http://gues-1.localhost:1", Client: &http.Client{Transport: s.app}, Scratch: s.dir,
		Tools: Tools{
			Canaries: fakeCanaries{s.app}, Steps: fakeSteps{s.app},
			Lint: func(context.Context) ([]run.Finding, error) { return s.findings, nil },
		},
		Events: &s.log, Log: slog.New(slog.DiscardHandler),
	}
	plan := NewPlan(Facts{Head: h, Previous: s.previous, NoPrevious: s.noPrevious, Unknown: s.unknown, Enrolment: s.enrolment, Only: s.only})
	s.log.Emit(run.Event{Kind: run.KindPlanned}.With(run.Plan{Stages: plan.Stages}))
	s.result = Execute(ctx, j, plan)
}

// report folds what was told, as if the run had ended well.
func (s *story) report(t *testing.T) *run.Report {
	t.Helper()
	var events []run.Event
	for i, e := range s.log.events {
		e.Seq = int64(i + 1)
		events = append(events, e)
	}
	next := int64(len(events) + 1)
	events = append(events, run.Event{Kind: run.KindTornDown, Seq: next}, run.Event{Kind: run.KindEnded, Seq: next + 1})
	r, err := run.Fold(events)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}
