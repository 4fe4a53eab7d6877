package harness

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"seatrial/harness/app"
	"seatrial/harness/app/apptest"
	"seatrial/harness/canary"
	"seatrial/harness/check"
	"seatrial/harness/run"
	"seatrial/harness/stage"
	"seatrial/harness/vault/vaulttest"
	"seatrial/recipes"
)

// guests is an app that keeps its entries in a database in its volume.
func guests(volumes map[string]string, statements ...string) error {
	db, err := sql.Open("sqlite", filepath.Join(volumes["data"], "guests.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range append([]string{"CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, text TEXT)"}, statements...) {
		if _, err := db.Exec(s); err != nil {
			return err
		}
	}
	return nil
}

const threeEntries = "INSERT OR IGNORE INTO entries VALUES (1, 'a'), (2, 'b'), (3, 'c')"

type seeder struct{ canary.Seeder }

func (s seeder) Seed(ctx context.Context, _ bool) (stage.Marks, error) { return s.Seeder.Seed(ctx) }

// The real canaries, steps and gateway, on an app without processes.
func TestTheWholeHarness(t *testing.T) {
	for _, c := range []struct {
		name    string
		given   func(f *apptest.Fake, e *recipes.Enrolment)
		backup  *app.Backup // as the recipe declares it; nil for one that does not
		verdict run.Verdict
		level   int
		stage   run.Stage
		tells   string
	}{
		{name: "a good recipe", verdict: run.VerdictPass, level: 5},
		{name: "an upgrade that loses a row of the app's own", given: func(f *apptest.Fake, _ *recipes.Enrolment) {
			f.Releases["head"] = apptest.Behaviour{OnStart: func(_ string, v map[string]string) error {
				return guests(v, "DELETE FROM entries WHERE id = 2")
			}}
		}, verdict: run.VerdictFail, level: 1, stage: run.StageUpgrade, tells: "entries"},
		{name: "an upgrade that empties a volume", given: func(f *apptest.Fake, _ *recipes.Enrolment) {
			once := false
			f.Releases["head"] = apptest.Behaviour{OnStart: func(_ string, v map[string]string) error {
				if once {
					return guests(v, threeEntries)
				}
				once = true
				for _, name := range []string{"guests.db", canary.FileName} {
					if err := os.Remove(filepath.Join(v["data"], name)); err != nil {
						return err
					}
				}
				return nil
			}}
		}, verdict: run.VerdictFail, level: 1, stage: run.StageUpgrade, tells: "guests.db"},
		{name: "a backup hook that fails", given: func(_ *apptest.Fake, e *recipes.Enrolment) {
			e.Backup.PreHook = recipes.CommandLine{Shell: "echo no room; exit 3"}
		}, verdict: run.VerdictFail, level: 2, stage: run.StageBackup, tells: "no room"},
		{name: "a wrong page", given: func(_ *apptest.Fake, e *recipes.Enrolment) {
			e.Checks[0].Expect.Text = []string{"Guestbook"}
		}, verdict: run.VerdictFail, level: 3, stage: run.StageChecks, tells: "After the upgrade: version"},
		{name: "a process that outlives its stop", given: func(f *apptest.Fake, _ *recipes.Enrolment) {
			b := f.Releases["head"]
			b.StopFault = &run.Fault{Summary: "1 process outlived the stop", Evidence: []string{"sleep 1000"}}
			f.Releases["head"] = b
		}, verdict: run.VerdictFail, stage: run.StageRestart, tells: "sleep 1000"},
		{name: "a recipe that declares paths and hooks", backup: &app.Backup{Services: []app.BackupService{{
			PreHook: `mkdir "$DATA_DIR/notes" && echo hello >"$DATA_DIR/notes/1"`, PostHook: `rm -r "$DATA_DIR/notes"`,
			RestorePre: `test -e "$DATA_DIR/guests.db"`, RestorePost: `grep hello "$DATA_DIR/notes/1"`,
			Volumes: []app.BackupVolume{{Volume: "data", Paths: []string{"guests.db", "notes"}}},
		}}}, verdict: run.VerdictPass, level: 5},
		{name: "a declared path that holds nothing", backup: &app.Backup{Services: []app.BackupService{{
			Volumes: []app.BackupVolume{{Volume: "data", Paths: []string{"guests.db", "uploads"}, Label: "backup.path"}},
		}}}, verdict: run.VerdictFail, level: 2, stage: run.StageBackup, tells: "declared but not in the backup: backup.path: data/uploads: it is not in the volume"},
		{name: "a recipe that declares no backup", backup: &app.Backup{}, verdict: run.VerdictFail, level: 2, stage: run.StageBackup, tells: "the recipe declares no backup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fake := apptest.NewFake(t)
			good := apptest.Behaviour{OnStart: func(_ string, v map[string]string) error { return guests(v, threeEntries) }}
			fake.Releases = map[string]apptest.Behaviour{"1.0.0": good, "head": good}
			enrolment := recipes.Enrolment{
				Health:   recipes.Health{Path: "/", Timeout: recipes.Duration(20 * time.Second), Steady: recipes.Duration(50 * time.Millisecond)},
				Build:    recipes.Build{Timeout: recipes.Duration(time.Minute)},
				Timeouts: recipes.Timeouts{Stop: recipes.Duration(time.Second), Hook: recipes.Duration(10 * time.Second)},
				Backup:   recipes.Backup{Verify: []string{"data/*.db"}},
				Checks:   []recipes.Step{{Name: "version", Request: &recipes.Request{Path: "/version"}}},
			}
			if c.given != nil {
				c.given(fake, &enrolment)
			}
			var log bytes.Buffer
			vault := &vaulttest.Memory{}
			report, err := Run(t.Context(), Job{
				Request: run.Request{ID: run.NewID(time.Now()), Recipe: "guests"}, Attempt: 1, Enrolment: enrolment,
				Work: t.TempDir(), Log: &log, Vault: vault, Sink: func(run.Event) error { return nil },
				Source: stubSource(func(_ context.Context, into string) (Fetched, error) {
					return release(into)
				}),
				NewApp: func(context.Context, AppConfig) (app.App, error) {
					if c.backup != nil {
						return apptest.Declaring{Fake: fake, Backup: *c.backup}, nil
					}
					return fake, nil
				},
				Tools: func(b Bench) stage.Tools {
					return stage.Tools{
						Canaries: seeder{canary.Seeder{App: b.App}},
						Steps:    &check.Runner{BaseURL: b.BaseURL, Client: b.Client, Exec: b.App},
						Lint:     func(context.Context) ([]run.Finding, error) { return nil, nil },
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if report.Verdict() != c.verdict || report.Level() != c.level {
				t.Errorf("verdict %s, level %d, want %s, %d\n%s", report.Verdict(), report.Level(), c.verdict, c.level, log.String())
			}
			if good := report.Outcome(run.StageBackup) == run.Passed; good != (report.Measured != nil && report.Measured.Backup > 0) {
				t.Errorf("measured: %+v", report.Measured)
			}
			stage, fault := report.Fault()
			if stage != c.stage {
				t.Errorf("the fault is %s's, want %s\n%s", stage, c.stage, log.String())
			}
			if fault != nil && !strings.Contains(fmt.Sprint(fault.Summary, fault.Evidence), c.tells) {
				t.Errorf("nobody tells %q: %+v", c.tells, fault)
			}
			if left, _ := fake.Inventory(context.WithoutCancel(t.Context())); len(left) > 0 || len(report.Leftovers) > 0 {
				t.Errorf("left over: %v %v", left, report.Leftovers)
			}
		})
	}
}

func release(into string) (Fetched, error) {
	f := Fetched{Previous: &app.Release{Name: "1.0.0", Commit: "c1", Tree: "t1"}, Head: app.Release{Name: "head", Commit: "c2", Tree: "t2"}}
	for _, r := range []*app.Release{f.Previous, &f.Head} {
		r.Dir = filepath.Join(into, r.Name)
		if err := os.MkdirAll(r.Dir, 0o700); err != nil {
			return f, err
		}
		if err := os.WriteFile(filepath.Join(r.Dir, "Procfile"), []byte("web: ./app\n"), 0o600); err != nil {
			return f, err
		}
	}
	return f, nil
}
