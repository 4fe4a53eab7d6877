package procs

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAProcessIsNamedByNumberAndStart(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, ok := Read(cmd.Process.Pid)
	if !ok || p.Parent != os.Getpid() || p.Start == 0 || !p.Alive() {
		t.Fatalf("%+v, %v", p, ok)
	}
	if line := p.CommandLine(); line != "sleep 600" {
		t.Errorf("started as %q", line)
	}
	named := func(x Proc) bool { return x.PID == p.PID && x.Start == p.Start }
	if !slices.ContainsFunc(All(), named) || !slices.ContainsFunc(Descendants(os.Getpid()), named) {
		t.Error("it is not listed")
	}
	another := p
	another.Start++
	if err := another.Signal(unix.SIGKILL); err != nil || another.Alive() || !p.Alive() {
		t.Errorf("another one of its number: %v", err)
	}
	if err := p.Signal(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed
	if p.Alive() {
		t.Error("it lives on")
	}
	if err := p.Signal(unix.SIGKILL); err != nil {
		t.Error("a signal to what is gone:", err)
	}
}

func TestAZombieIsDead(t *testing.T) {
	cmd := exec.Command("true")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 1)) // to its end: it closed everything
	p, ok := Read(cmd.Process.Pid)
	for ok && !p.Dead() {
		p, ok = Read(cmd.Process.Pid)
	}
	if !ok || p.Alive() || slices.ContainsFunc(Descendants(os.Getpid()), func(x Proc) bool { return x.PID == p.PID }) {
		t.Errorf("%+v, %v", p, ok)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
