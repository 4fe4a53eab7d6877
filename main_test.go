package main_test

import (
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

// binaries are the programs under test, built once as a user would build them.
var binaries struct {
	mu   sync.Mutex
	dir  string
	made map[string]string
}

// binary is the path of the program built with the given tags.
func binary(t testing.TB, tags string) string {
	t.Helper()
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
