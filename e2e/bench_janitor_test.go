package e2e_test

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/harness/run"
)

const (
	orphans = 200
	// awake is how many of them still run a container: as many as two cores can start
	// without the figure becoming one of their starting.
	awake = 40
)

// BenchmarkJanitor lets `seatrial janitor` sweep what many dead runs left on an engine,
// beside the app of a run that lives.
func BenchmarkJanitor(b *testing.B) {
	needPrograms(b, "docker", "git")
	e := swarmtest.New(b, swarmtest.Options{}) // an engine that has nothing else to do
	pullGuestbook(b, e, "1.2.0")
	for b.Loop() {
		sweep(b, e)
	}
}

var sweptLine = regexp.MustCompile(`(?m)^(\d+) removed, \d+ kept, (\d+) left over$`)

func sweep(b *testing.B, e *swarmtest.Engine) {
	program, dir := benchmarked(b), b.TempDir()
	h := newHarbour(b, e, dir)
	live := h.labels(run.NewID(h.long))
	h.note(b, live, 4) // requested, dispatching, dispatched, started
	deployed := h.deploy(b, live)
	h.orphan(b, live, true) // and the like of what the dead left
	h.strand(b)
	before := h.seen(b, live.Run)

	began := time.Now()
	out, err := exec.Command(program, "--state", h.state, "janitor", "--docker", e.Host).Output()
	took := time.Since(began)
	said := sweptLine.FindSubmatch(out)
	if said == nil {
		b.Fatalf("the janitor ended with %v and says\n%s", err, out)
	}
	removed, left := atoi(b, said[1]), len(h.instances(b))-len(before)
	after := h.seen(b, live.Run)
	touched := 0
	for _, line := range before {
		if !slices.Contains(after, line) {
			touched++
			b.Logf("touched: %s", line)
		}
	}
	if err := deployed.Alive(b.Context()); err != nil {
		b.Errorf("the live run's app: %v", err)
	}
	figure(b, fmt.Sprintf("janitor: %d orphaned stacks swept, %d of them running", orphans, awake), "s", took.Seconds(), nil)
	figure(b, "  objects removed", "objects removed", float64(removed), nil)
	figure(b, "  orphaned objects left over", "objects left", float64(left), &bound{"=", 0})
	figure(b, fmt.Sprintf("  of the %d objects of a live run, touched", len(before)), "objects touched", float64(touched), &bound{"=", 0})
}

func atoi(b *testing.B, digits []byte) int {
	b.Helper()
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		b.Fatal(err)
	}
	return n
}
