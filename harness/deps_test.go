package harness

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// family is a bed whose recipe depends on others.
type family struct {
	*bed
	apps   map[string]*stubApp // by enrolment
	doing  sync.Mutex          // a deed that hangs meets the teardown
	deeds  []string
	fronts map[string]*namedFront // by host
	sick   string                 // whose app does not answer as it should
}

// namedFront answers for one host.
type namedFront struct {
	stubFront
	status int
}

func (f *namedFront) Client() *http.Client {
	return &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: f.status, Status: http.StatusText(f.status), Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	})}
}

func (f *family) did(what string) {
	f.doing.Lock()
	defer f.doing.Unlock()
	f.deeds = append(f.deeds, what)
}

// newFamily depends on auth, authors and mail; mail depends on auth.
func newFamily(t *testing.T) *family {
	f := &family{bed: newBed(t), apps: map[string]*stubApp{}, fronts: map[string]*namedFront{}}
	f.job.Enrolment.Env = map[string]string{"OWN": "1"}
	f.job.Enrolment.Name, f.job.Enrolment.Deps = "guestbook", []string{"auth", "authors", "mail"}
	for _, name := range f.job.Enrolment.Deps {
		e := recipes.Enrolment{Name: name, Health: f.job.Enrolment.Health, Build: f.job.Enrolment.Build}
		if name == "mail" {
			e.Deps = []string{"auth"}
		}
		f.job.Deps = append(f.job.Deps, Dep{Name: name, URL: "/" + name, Enrolment: e})
	}
	f.job.Latest = func(_ context.Context, d Dep, into string) (app.Release, error) {
		f.did("fetch " + d.Name)
		if err := os.MkdirAll(into, 0o700); err != nil {
			return app.Release{}, err
		}
		return app.Release{Name: "1.2.0", Dir: into}, os.WriteFile(filepath.Join(into, "Procfile"), nil, 0o600)
	}
	f.job.NewApp = func(_ context.Context, c AppConfig) (app.App, error) {
		name := c.Enrolment.Name
		a := f.apps[name]
		if a == nil {
			a = &stubApp{}
			f.apps[name] = a
		}
		a.config = c
		if name == "guestbook" {
			f.app = a
		}
		deploy := a.deploy
		a.deploy = func(ctx context.Context) error {
			f.did("deploy " + name)
			if deploy != nil {
				return deploy(ctx)
			}
			return nil
		}
		a.destroy = func(context.Context) error { f.did("destroy " + name); return nil }
		return a, nil
	}
	f.job.Gateway = func(host string, _ Dial) (Front, error) {
		front := &namedFront{status: 200}
		if f.sick != "" && strings.HasPrefix(host, f.sick) {
			front.status = 503
		}
		f.fronts[host] = front
		return front, nil
	}
	return f
}

func (f *family) run(t *testing.T) run.Report {
	t.Helper()
	var r run.Report
	synctest.Test(t, func(t *testing.T) {
		var err error
		if r, err = Run(t.Context(), f.job); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour) // what hung comes to its end
	})
	for host, front := range f.fronts {
		if !front.closed {
			t.Errorf("the gateway of %s is left open", host)
		}
	}
	for name, a := range f.apps {
		if a.isThere() {
			t.Errorf("%s is left", name)
		}
	}
	if left, err := os.ReadDir(f.job.Work); err != nil || len(left) > 0 {
		t.Errorf("left in the work folder: %v %v", left, err)
	}
	return r
}

func TestDependenciesAreThereForTheWholeRun(t *testing.T) {
	f := newFamily(t)
	r := f.run(t)
	if r.Verdict() != run.VerdictPass {
		t.Errorf("%s: %+v", r.Verdict(), r.Stages)
	}
	want := "fetch auth, deploy auth, fetch authors, deploy authors, fetch mail, deploy mail, deploy guestbook, destroy guestbook, destroy mail, destroy authors, destroy auth"
	if got := strings.Join(f.deeds, ", "); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	id := f.job.Request.ID
	end := strings.TrimPrefix(id.Label("auth"), "auth-")
	env := f.apps["guestbook"].config.Enrolment.Env
	for name, want := range map[string]string{
		"OWN": "1", "DEP_AUTH_HOST": "auth-" + end + ".localhost", "DEP_AUTH_URL": "http://auth-" + end + ".localhost:4711",
		"DEP_AUTHORS_HOST": "aut2-" + end + ".localhost", "DEP_MAIL_URL": "http://mail-" + end + ".localhost:4711",
	} {
		if env[name] != want {
			t.Errorf("%s=%s, want %s", name, env[name], want)
		}
	}
	if len(f.job.Enrolment.Env) != 1 {
		t.Errorf("the job's own enrolment was changed: %v", f.job.Enrolment.Env)
	}
	if env := f.apps["mail"].config.Enrolment.Env; env["DEP_AUTH_HOST"] == "" || env["DEP_MAIL_HOST"] != "" || len(env) != 2 {
		t.Errorf("mail is told %v", env)
	}
	for name, a := range f.apps {
		var others []string
		for _, s := range a.config.Siblings {
			others = append(others, s.Name)
		}
		if len(others) != 3 || slices.Contains(others, name) {
			t.Errorf("%s knows %v", name, others)
		}
		if a.config.Labels != f.job.Labels {
			t.Errorf("%s carries %+v", name, a.config.Labels)
		}
	}
}

func TestADependencysFailureBlocks(t *testing.T) {
	for name, c := range map[string]struct {
		given func(f *family)
		says  string
	}{
		"not enrolled": {func(f *family) { f.job.Deps, f.job.NoDeps = nil, "the dependency auth is not enrolled" }, "the dependency auth is not enrolled"},
		"not fetched": {func(f *family) {
			f.job.Latest = func(context.Context, Dep, string) (app.Release, error) {
				return app.Release{}, errors.New("the forge does not answer")
			}
		}, "the dependency auth could not be fetched: the forge does not answer"},
		"not deployed": {func(f *family) {
			f.apps["mail"] = &stubApp{deploy: func(context.Context) error { return &app.Fault{Summary: "web exited with code 1"} }}
		}, "the dependency mail could not be brought up at 1.2.0: web exited with code 1"},
		"not healthy": {func(f *family) { f.sick = "mail" }, "the dependency mail could not be brought up at 1.2.0: not healthy after 1m0s"},
		"not allowed": {func(f *family) {
			latest := f.job.Latest
			f.job.Latest = func(ctx context.Context, d Dep, into string) (app.Release, error) {
				r, err := latest(ctx, d, into)
				return r, errors.Join(err, os.WriteFile(filepath.Join(into, "Procfile"), []byte("web: sudo ./app\n"), 0o600))
			}
		}, "the dependency auth could not be brought up at 1.2.0: the recipe asks for what the operator does not allow"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFamily(t)
			c.given(f)
			r := f.run(t)
			if r.Verdict() != run.VerdictUnverified {
				t.Errorf("%s", r.Verdict())
			}
			if at, fault := r.Fault(); fault != nil {
				t.Errorf("%s is blamed: %s", at, fault.Summary)
			}
			for _, s := range r.Stages {
				switch s.Stage {
				case run.StagePolicy, run.StageLint:
					if s.Outcome != run.Passed {
						t.Errorf("%s %s", s.Stage, s.Outcome)
					}
				case run.StageInstall:
					if s.Outcome != run.Blocked || !strings.Contains(s.Note, c.says) {
						t.Errorf("%s %s: %s", s.Stage, s.Outcome, s.Note)
					}
				}
			}
			if slices.Contains(f.deeds, "deploy guestbook") {
				t.Error("the app was deployed all the same")
			}
		})
	}
}

func TestNoDependencyForARecipeThatMayNotBeDeployed(t *testing.T) {
	f := newFamily(t)
	fetch := f.job.Source
	f.job.Source = stubSource(func(ctx context.Context, into string) (Fetched, error) {
		got, err := fetch.Fetch(ctx, run.Code{}, "", into)
		return got, errors.Join(err, os.WriteFile(filepath.Join(got.Head.Dir, "Procfile"), []byte("web: sudo ./app\n"), 0o600))
	})
	if r := f.run(t); r.Verdict() != run.VerdictFail {
		t.Errorf("%s", r.Verdict())
	}
	if got := strings.Join(f.deeds, ", "); got != "destroy guestbook" {
		t.Errorf("it did %s", got)
	}
}

func TestADependencyThatHangsIsTornDownToo(t *testing.T) {
	f := newFamily(t)
	f.apps["authors"] = &stubApp{deploy: func(context.Context) error { time.Sleep(time.Hour); return nil }}
	f.job.Request.Limit = 10 * time.Minute
	r := f.run(t)
	if r.Ending != run.EndOutOfTime || len(r.Leftovers) > 0 {
		t.Errorf("%s, left %v", r.Ending, r.Leftovers)
	}
}

func TestWhatIsLeftOfADependencyIsNamed(t *testing.T) {
	f := newFamily(t)
	stuck := &stubApp{inventory: func() ([]app.Object, error) { return []app.Object{{Kind: "volume", ID: "mail_data"}}, nil }}
	f.apps["mail"] = stuck
	r := f.run(t)
	if len(r.Leftovers) != 1 || r.Leftovers[0].Name != "mail_data" || r.Verdict() != run.VerdictUnverified {
		t.Errorf("%s, left %+v", r.Verdict(), r.Leftovers)
	}
}

func TestDependenciesBesideAPublicAddress(t *testing.T) {
	f := newFamily(t)
	label := f.job.Request.ID.Label("guestbook")
	f.job.BaseURL = "https://" + label + ".ci.example.org:8443"
	f.run(t)
	end := strings.TrimPrefix(label, "gues-")
	env := f.apps["guestbook"].config.Enrolment.Env
	if env["DEP_MAIL_HOST"] != "mail-"+end+".ci.example.org" || env["DEP_MAIL_URL"] != "https://mail-"+end+".ci.example.org:8443" {
		t.Errorf("%v", env)
	}
}
