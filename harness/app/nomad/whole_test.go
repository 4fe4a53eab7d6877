package nomad

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"seatrial/harness"
	"seatrial/harness/app"
	"seatrial/harness/canary"
	"seatrial/harness/check"
	"seatrial/harness/cluster"
	"seatrial/harness/lint"
	"seatrial/harness/run"
	"seatrial/harness/stage"
	"seatrial/harness/vault/archive"
	"seatrial/recipes"
	"seatrial/recipes/examples"
	"seatrial/recipes/git"
)

type seeder struct{ canary.Seeder }

func (s seeder) Seed(ctx context.Context, _ bool) (stage.Marks, error) { return s.Seeder.Seed(ctx) }

// fetcher brings the example's code.
type fetcher struct{ git.Source }

func (f fetcher) Fetch(ctx context.Context, code run.Code, from, into string) (harness.Fetched, error) {
	got, err := f.Source.Fetch(ctx, git.Code{URL: code.URL, Commit: code.Commit}, from, into)
	if err != nil {
		return harness.Fetched{}, err
	}
	release := func(r git.Release) app.Release {
		return app.Release{Name: r.Name, Commit: r.Commit, Tree: r.Tree, Dir: r.Dir}
	}
	fetched := harness.Fetched{Head: release(got.Head), Subject: got.Subject}
	for _, v := range got.Tags.Versions {
		fetched.Versions = append(fetched.Versions, v.Tag)
	}
	if got.Previous != nil {
		fetched.Previous = new(release(*got.Previous))
	}
	return fetched, nil
}

// safeLog is written to from several goroutines.
type safeLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// The example recipe goes through every stage, with everything real.
func TestTheGuestbookPassesEveryStage(t *testing.T) {
	t.Parallel()
	s := need(t)
	const name = "guestbook-nomad"
	dir := t.TempDir()
	repo, tests := filepath.Join(dir, "repo"), filepath.Join(dir, "tests")
	noError(t, examples.Write(t.Context(), name, repo))
	noError(t, examples.WriteEnrolment(name, "harbour/"+name, tests))
	enrolment, problems, err := recipes.LoadFile(filepath.Join(tests, name, "recipe.yaml"))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	work := filepath.Join(dir, "work")
	noError(t, os.Mkdir(work, 0o755))
	id := run.NewID(time.Now())
	labels := run.Labels{Instance: cluster.Instance("test"), Run: id, Attempt: 1, Expires: time.Now().Add(time.Hour)}
	var log safeLog
	report, err := harness.Run(t.Context(), harness.Job{
		Request: run.Request{ID: id, Recipe: name, Code: run.Code{URL: repo, Commit: examples.PullBranch}, Limit: enrolment.Limit(), Trusted: true},
		Attempt: 1, Labels: labels, Enrolment: enrolment, Work: work, Log: &log, Vault: archive.New(filepath.Join(dir, "vault")),
		Sink:   func(run.Event) error { return nil },
		Source: fetcher{git.Source{Mirrors: filepath.Join(dir, "mirrors"), Tags: enrolment.Versions.Tags}},
		NewApp: func(_ context.Context, c harness.AppConfig) (app.App, error) {
			return New(Config{
				Client: s.client, Namespaces: cluster.NamespacesFor("ci"), NodeID: s.node, Labels: c.Labels, Label: c.Label, BaseURL: c.BaseURL,
				Enrolment: c.Enrolment, Trusted: c.Enrolment.Trusted.Code, Log: c.Log,
			})
		},
		Tools: func(b harness.Bench) stage.Tools {
			return stage.Tools{
				Canaries: seeder{canary.Seeder{App: b.App, Ignore: b.Enrolment.Canaries.Ignore}},
				Steps:    &check.Runner{BaseURL: b.BaseURL, Client: b.Client, Exec: b.App},
				Lint: func(context.Context) ([]run.Finding, error) {
					root, err := os.OpenRoot(b.Fetched.Head.Dir)
					if err != nil {
						return nil, err
					}
					defer root.Close()
					return lint.Check(lint.Input{FS: root.FS(), Enrolment: b.Enrolment, Versions: b.Fetched.Versions}), nil
				},
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const everything = 5
	if report.Verdict() != run.VerdictPass || report.Level() != everything || len(report.Leftovers) > 0 {
		stage, fault := report.Fault()
		t.Errorf("verdict %s, level %d, left over %v; %s: %+v\n%s", report.Verdict(), report.Level(), report.Leftovers, stage, fault, log.String())
		t.Logf("%+v", report)
	}
}
