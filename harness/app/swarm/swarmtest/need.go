package swarmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"seatrial/internal/must"
)

// Suite is the name under which tests with an engine may not be skipped.
const Suite = "docker"

// shared is the process' one engine.
var shared struct {
	sync.Mutex
	engine *Engine
	err    error
}

// Need is the test process' one engine, started when it is first needed. Its packages'
// TestMain must be Main, which stops it. Tests that break an engine start their own.
func Need(t testing.TB) *Engine {
	t.Helper()
	images := Images(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.engine == nil && shared.err == nil {
		// It outlives the test that asked first, and so does its context.
		shared.engine, shared.err = startTemporary(context.WithoutCancel(t.Context()), Options{Registry: images})
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.engine
}

// New is an engine for one test alone.
func New(t testing.TB, o Options) *Engine {
	t.Helper()
	if images := Images(t); o.Registry == "" {
		o.Registry = images
	}
	e, err := startTemporary(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// Images is the folder of images, or skips the test where no engine can be started.
func Images(t testing.TB) string {
	t.Helper()
	images, err := Find()
	must.Have(t, Suite, err == nil, fmt.Sprint(err))
	must.Have(t, Suite, os.Geteuid() == 0, "a Docker Engine wants root")
	for _, program := range []string{"dockerd", "docker-registry", "nsenter", "unshare", "ip"} {
		_, err := exec.LookPath(program)
		must.Have(t, Suite, err == nil, "there is no "+program+": dev/prepare test installs it")
	}
	return images
}

// startTemporary keeps the path short: a test's own folder is too long for sockets.
func startTemporary(ctx context.Context, o Options) (*Engine, error) {
	dir, err := os.MkdirTemp("/tmp", "docker-")
	if err != nil {
		return nil, err
	}
	return Start(ctx, dir, o)
}

// Main runs a package's tests and then stops the shared engine. It returns the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.engine == nil {
		return code
	}
	if err := shared.engine.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}
