package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"seatrial/harness/result"
	"seatrial/recipes"
	"seatrial/recipes/examples"
)

// BenchmarkRun compares the wall time of a guestbook's run with that of
// dev/guestbook-by-hand, which does the same steps and waits as long.
func BenchmarkRun(b *testing.B) {
	needPrograms(b, "bash", "curl", "git")
	for b.Loop() {
		runs(b)
	}
}

const enrolmentFile = "tests/guestbook/recipe.yaml"

func runs(b *testing.B) {
	program, dir := benchmarked(b), b.TempDir()
	source, engine := filepath.Join(dir, "guestbook"), filepath.Join(dir, "toolchain", "guestbook")
	if err := examples.Write(b.Context(), "guestbook", source); err != nil {
		b.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(engine), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.Symlink(program, engine); err != nil { // by this name it is the guestbook's toolchain
		b.Fatal(err)
	}
	enrolment, problems, err := recipes.LoadFile(enrolmentFile)
	if err != nil || len(problems) > 0 {
		b.Fatal(err, problems)
	}
	steady := time.Duration(enrolment.Health.Steady)

	const from, head = "1.1.0", examples.PullBranch
	out := filepath.Join(dir, "out")
	compare(b, "a guestbook run", &bound{"<=", 1.5}, &bound{"<=", 1.3}, steady, func() *exec.Cmd {
		return exec.Command(program, "--state", filepath.Join(dir, "state"), "run", source, "--commit", head, "--from", from,
			"--enrolment", enrolmentFile, "--build-env", "GUESTBOOK_ENGINE="+engine, "--out", out)
	}, func() *exec.Cmd {
		script := exec.Command("dev/guestbook-by-hand", source, from, head, freePort(b), fmt.Sprint(steady.Seconds()))
		script.Env = append(os.Environ(), "GUESTBOOK_ENGINE="+engine, "TMPDIR="+dir)
		return script
	})
	stages(b, out)
}

// stages tells how long each stage of the latest run took.
func stages(b *testing.B, out string) {
	b.Helper()
	raw, err := os.ReadFile(filepath.Join(out, result.JSONFile))
	if err != nil {
		b.Fatal(err)
	}
	var told result.Result
	if err := json.Unmarshal(raw, &told); err != nil {
		b.Fatal(err)
	}
	for _, s := range told.Report.Stages {
		figure(b, "  its "+string(s.Stage), "s "+string(s.Stage), s.Took.Seconds(), nil)
	}
}

// compare runs both three times, in turns, and reports the ratio of their wall times; what
// it is without the watching, which both do twice and for as long; and what it is of the time that
// they and all that they started had the processor.
func compare(b *testing.B, what string, wanted, apart *bound, steady time.Duration, run, script func() *exec.Cmd) {
	b.Helper()
	const rounds = 3
	var us, byHand cost
	for range rounds {
		us.add(timed(b, run()))
		byHand.add(timed(b, script()))
	}
	b.Logf("%s took %s on average, by hand %s", what, us.wall/rounds, byHand.wall/rounds)
	figure(b, "wall time of "+what+" : the same by hand", "run/by hand", us.wall.Seconds()/byHand.wall.Seconds(), wanted)
	waited := rounds * 2 * steady
	figure(b, fmt.Sprintf("  the same, without the %s that both wait", 2*steady), "without the wait", (us.wall-waited).Seconds()/(byHand.wall-waited).Seconds(), apart)
	figure(b, "  processor time : the same by hand", "processor/by hand", us.processor.Seconds()/byHand.processor.Seconds(), nil)
	figure(b, "  processor time of the run", "s of the processor", us.processor.Seconds()/rounds, nil)
	figure(b, "  wall time by hand, without the wait", "s by hand", (byHand.wall-waited).Seconds()/rounds, nil)
}

// cost is what something took.
type cost struct{ wall, processor time.Duration }

func (c *cost) add(one cost) {
	c.wall += one.wall
	c.processor += one.processor
}

// timed runs a command that must succeed.
func timed(b *testing.B, cmd *exec.Cmd) cost {
	b.Helper()
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return cost{time.Since(began), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

func freePort(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	return port
}
