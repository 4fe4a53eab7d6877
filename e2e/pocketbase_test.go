package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app/process"
	"seatrial/harness/result"
	"seatrial/harness/run"
	"seatrial/internal/must"
	"seatrial/recipes/examples"
)

const (
	pocketbaseFrom = "1.0.0+0.28.2"
	// pocketbaseLimit is for two builds of a large program on a slow machine.
	pocketbaseLimit = 20 * time.Minute
)

// PocketBase, which nobody here wrote, goes from one of its real releases to another,
// which migrates the data, and through everything else.
func TestPocketBase(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds PocketBase twice")
	}
	ctx, cancel := context.WithTimeout(t.Context(), pocketbaseLimit)
	defer cancel()
	env := goModules(t, ctx)
	dir := t.TempDir()
	repo, tests, out, state := filepath.Join(dir, "repo"), filepath.Join(dir, "tests"), filepath.Join(dir, "out"), filepath.Join(dir, "state")
	if err := examples.Write(ctx, "pocketbase", repo); err != nil {
		t.Fatal(err)
	}
	if err := examples.WriteEnrolmentText("pocketbase", "harbour/pocketbase", tests, migrating(t)); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", repo, "--commit", examples.PullBranch, "--from", pocketbaseFrom,
		"--enrolment", filepath.Join(tests, "pocketbase"), "--out", out, "--state", state}
	args = append(args, env...)
	if err := process.CheckIsolation(); err == nil {
		args = append(args, "--isolate")
	} else {
		t.Logf("not isolated: %v", err)
	}
	cmd := exec.CommandContext(ctx, binary(t, ""), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it cleans up
	cmd.WaitDelay = run.TeardownBudget
	said, err := cmd.CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(out, "log.txt"))
		t.Fatalf("%v\n%s\n%s", err, said, log[max(0, len(log)-16<<10):])
	}
	expectPocketBase(t, filepath.Join(out, result.JSONFile))
	if left, _ := filepath.Glob(filepath.Join(state, "*", "*")); len(left) > 0 {
		t.Errorf("left in the state folder: %q", left)
	}
}

func expectPocketBase(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got result.Result
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	r := got.Report
	if got.Verdict != run.VerdictPass || got.Level != run.MaxLevel {
		t.Errorf("verdict %s at level %d: %s", got.Verdict, got.Level, got.WouldRaise)
	}
	if r.Plan == nil || r.Plan.Previous != pocketbaseFrom {
		t.Errorf("the plan is %+v", r.Plan)
	}
	for _, stage := range run.Stages() {
		if outcome := r.Outcome(stage); outcome != run.Passed {
			t.Errorf("%s: %q", stage, outcome)
		}
	}
	// It writes the types of its JavaScript anew, and nobody else may sign in as she does.
	unexpected := slices.DeleteFunc(slices.Clone(r.Warnings), func(w string) bool {
		return w == "Files that the app itself changed or removed: data/types.d.ts" || strings.HasPrefix(w, "The app is seeded once only, ")
	})
	if !r.TornDown || len(r.Leftovers) > 0 || len(unexpected) > 0 || len(r.Findings) > 0 {
		t.Errorf("torn down %t, leftovers %v, warnings %q, findings %v", r.TornDown, r.Leftovers, unexpected, r.Findings)
	}
}

// migrating is the enrolment with proof that PocketBase's own migration ran: the
// older release writes a text into its database that the newer one's migration
// 1763020353 replaces. Its builds begin with what dev/pocketbase/download compiled: it is the
// release that is tried, not the compiler.
func migrating(t *testing.T) []byte {
	t.Helper()
	text, err := examples.Enrolment("pocketbase")
	if err != nil {
		t.Fatal(err)
	}
	const (
		users  = "request: {path: /api/collections/users, headers: {Authorization: \"${token}\"}}\n"
		expect = "\n  expect:\n"
		before = "\n    - name: the data is the older release's\n      " + users + "      expect: {text: [emailTemplate], not_text: ['{ALERT_INFO}']}"
		last   = "\n  - name: the program knows its version\n"
		after  = "\n  - name: the data is migrated\n    " + users + "    expect: {text: ['{ALERT_INFO}']}"
		build  = "  command: CGO_ENABLED=0"
		warm   = `  command: cp -r "$COMPILED/." "$(go env GOCACHE)" && CGO_ENABLED=0`
	)
	changed := string(text)
	for old, new := range map[string]string{expect: before + expect, last: after + last, build: warm} {
		if !strings.Contains(changed, old) {
			t.Fatalf("the enrolment does not hold %q", old)
		}
		changed = strings.Replace(changed, old, new, 1)
	}
	return []byte(changed)
}

// goModules are the options by which a build finds Go and, without any network, the
// modules that dev/pocketbase/download brought here.
func goModules(t *testing.T, ctx context.Context) []string {
	t.Helper()
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOMODCACHE").Output()
	root, cache, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	must.Have(t, "pocketbase", err == nil && ok, "the program go is missing: install Go")
	h, err := examples.Load("pocketbase")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range h {
		dir := t.TempDir()
		for _, f := range c.Files {
			if f.Path != "go.mod" && f.Path != "go.sum" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, f.Path), []byte(f.Text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
			continue // it changes no modules
		}
		cmd := exec.CommandContext(ctx, "go", "mod", "download")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-mod=readonly")
		said, err := cmd.CombinedOutput()
		must.Have(t, "pocketbase", err == nil, "its modules are not here: dev/pocketbase/download brings them\n"+string(bytes.TrimSpace(said)))
	}
	downloads := filepath.Join(cache, "cache", "download")
	compiled, err := filepath.Abs(".cache/pocketbase")
	if err == nil {
		_, err = os.Stat(compiled)
	}
	must.Have(t, "pocketbase", err == nil, "nothing of it is compiled: dev/pocketbase/download does that")
	var options []string
	for _, folder := range []string{root, downloads, compiled} {
		options = append(options, "--share", folder)
	}
	for _, entry := range []string{
		"PATH=" + filepath.Join(root, "bin") + ":/usr/bin:/bin",
		"GOPROXY=file://" + downloads, // as a tree of files; go.sum vouches for them
		"GOTOOLCHAIN=local",
		"COMPILED=" + compiled,
	} {
		options = append(options, "--build-env", entry)
	}
	return options
}
