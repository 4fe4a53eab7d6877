package e2e_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

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
	compare(b, "a guestbook run", &bound{"<=", 1.5}, steady, func() *exec.Cmd {
		return exec.Command(program, "--state", filepath.Join(dir, "state"), "run", source, "--commit", head, "--from", from,
			"--enrolment", enrolmentFile, "--build-env", "GUESTBOOK_ENGINE="+engine)
	}, func() *exec.Cmd {
		script := exec.Command("dev/guestbook-by-hand", source, from, head, freePort(b), fmt.Sprint(steady.Seconds()))
		script.Env = append(os.Environ(), "GUESTBOOK_ENGINE="+engine, "TMPDIR="+dir)
		return script
	})
}

// compare runs both twice, in turns, and reports the ratio of their wall times; and what
// it is without the watching, which both do for as long.
func compare(b *testing.B, what string, wanted *bound, steady time.Duration, run, script func() *exec.Cmd) {
	b.Helper()
	const rounds = 2
	var us, byHand time.Duration
	for range rounds {
		us += timed(b, run())
		byHand += timed(b, script())
	}
	b.Logf("%s took %s on average, by hand %s", what, us/rounds, byHand/rounds)
	figure(b, "wall time of "+what+" : the same by hand", "run/by hand", us.Seconds()/byHand.Seconds(), wanted)
	waited := rounds * steady
	figure(b, fmt.Sprintf("  the same, without the %s that both wait", steady), "without the wait", (us-waited).Seconds()/(byHand-waited).Seconds(), nil)
}

// timed runs a command that must succeed.
func timed(b *testing.B, cmd *exec.Cmd) time.Duration {
	b.Helper()
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return time.Since(began)
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
