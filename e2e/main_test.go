// Package e2e_test tries the whole program from outside, as its users and its
// enemies do: stories on a forge, crashes, scripts of the command line, faults of a
// cluster, benchmarks. It also holds the repository against what its pages promise.
// Tests run in the repository's root.
package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"seatrial/harness/app/process"
	"seatrial/harness/app/swarm/swarmtest"
)

func TestMain(m *testing.M) {
	process.Main() // the tests' binary is a supervisor inside a sandbox, too
	if err := toRoot(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := swarmtest.Main(m)
	if err := wipeNomads(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if binaries.dir != "" {
		os.RemoveAll(binaries.dir)
	}
	os.Exit(code)
}

// toRoot goes up to the folder of go.mod, wherever the tests were started.
func toRoot() error {
	for {
		if _, err := os.Stat("go.mod"); err == nil {
			return nil
		}
		before, err := os.Getwd()
		if err != nil {
			return err
		}
		if err := os.Chdir(".."); err != nil {
			return err
		}
		if now, err := os.Getwd(); err != nil || now == before {
			return errors.Join(err, errors.New("the tests were not started in the repository"))
		}
	}
}

// binaries are the programs under test, built once as a user would build them.
var binaries struct {
	mu   sync.Mutex
	dir  string
	made map[string]string
}

// binary is the path of the program built with the given tags. With -short no test gets
// one: what tries the whole program takes longer than that.
func binary(t testing.TB, tags string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped by -short: it tries the whole program")
	}
	binaries.mu.Lock()
	defer binaries.mu.Unlock()
	if path, ok := binaries.made[tags]; ok {
		return path
	}
	if binaries.dir == "" {
		dir, err := os.MkdirTemp("", "seatrial-binaries-")
		if err != nil {
			t.Fatal(err)
		}
		// An isolated app's user runs the program, too.
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		binaries.dir, binaries.made = dir, map[string]string{}
	}
	path := filepath.Join(binaries.dir, fmt.Sprintf("seatrial%d", len(binaries.made)), "seatrial")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", tags, "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the program: %v\n%s", err, out)
	}
	binaries.made[tags] = path
	return path
}
