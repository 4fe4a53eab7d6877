package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/recipes"
	"seatrial/recipes/examples"
)

const swarmEnrolmentFile = "tests/guestbook-swarm/recipe.yaml"

// BenchmarkSwarm compares the wall time of a guestbook's run on Docker Swarm with that of
// dev/guestbook-swarm-by-hand, which does the same steps on the same engine.
func BenchmarkSwarm(b *testing.B) {
	needPrograms(b, "bash", "curl", "docker", "git", "nsenter", "restic")
	e := swarmtest.Need(b)
	pullGuestbook(b, e, "1.1.0", "1.2.0") // neither waits for the registry
	for b.Loop() {
		swarmRuns(b, e)
	}
}

func swarmRuns(b *testing.B, e *swarmtest.Engine) {
	program, dir := benchmarked(b), b.TempDir()
	source := filepath.Join(dir, "guestbook-swarm")
	if err := examples.Write(b.Context(), "guestbook-swarm", source); err != nil {
		b.Fatal(err)
	}
	enrolment, problems, err := recipes.LoadFile(swarmEnrolmentFile)
	if err != nil || len(problems) > 0 {
		b.Fatal(err, problems)
	}
	steady := time.Duration(recipes.Defaults(enrolment).Health.Steady)
	const from, head = "1.1.0+1.1.0", examples.PullBranch
	compare(b, "a Swarm guestbook run", &bound{"<=", 1.2}, nil, steady, func() *exec.Cmd {
		return exec.Command(program, "--state", filepath.Join(dir, "state"), "run", source, "--commit", head, "--from", from,
			"--enrolment", swarmEnrolmentFile, "--docker", e.Host, "--vault", "restic")
	}, func() *exec.Cmd {
		script := exec.Command("dev/guestbook-swarm-by-hand", source, from, head, fmt.Sprint(steady.Seconds()))
		script.Env = append(append(os.Environ(), e.Environment()...), "TMPDIR="+dir)
		return script
	})
	if left, err := e.Inventory(b.Context()); err != nil || len(left) > 0 {
		b.Fatalf("one of them left %q: %v", left, err)
	}
}

const guestbookImage = swarmtest.RegistryAddress + "/seatrial/guestbook:"

func pullGuestbook(b *testing.B, e *swarmtest.Engine, versions ...string) {
	b.Helper()
	for _, version := range versions {
		if _, err := e.Docker(b.Context(), "pull", "--quiet", guestbookImage+version); err != nil {
			b.Fatal(err)
		}
	}
}
