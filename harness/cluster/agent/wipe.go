package agent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Wipe ends the agent, and whatever of its tasks still runs, and removes its folder
// with everything that is mounted in it. It works on what the folder tells, so that it
// may be called any number of times.
func (a *Agent) Wipe() error {
	a.end(unix.SIGTERM)
	a.endTasks()
	for _, dir := range append(mountsBelow(a.Dir), mountsBelow(a.allocs)...) {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
	}
	allocations, _ := filepath.Glob(filepath.Join(a.allocs, "*"))
	for _, dir := range allocations {
		groups, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup", "*", "nomad*", filepath.Base(dir)+".*"))
		for _, group := range groups {
			_ = unix.Rmdir(group)
		}
	}
	if err := errors.Join(os.RemoveAll(a.Dir), os.RemoveAll(a.allocs)); err != nil {
		return fmt.Errorf("cannot remove Nomad's folder: %w", err)
	}
	return nil
}

// PowerOff ends the agent and everything that it runs at once, as a power cut would. What
// lies on the disk stays, and Restart is the power's return.
func (a *Agent) PowerOff() {
	a.end(unix.SIGKILL)
	a.endTasks()
}

// endTasks ends whatever has the agent's folders in its command line or environment,
// and whatever that has started.
func (a *Agent) endTasks() {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left := processesOf(a.Dir+"/data/", a.allocs+"/")
		if len(left) == 0 || time.Now().After(deadline) {
			return
		}
		for _, pid := range left {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// processesOf lists the processes that have one of the folders in their command line or
// their environment: an agent's tasks, their supervisors and loggers. All inherit one
// from the agent.
func processesOf(dirs ...string) []int {
	var found []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		for _, file := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile(filepath.Join("/proc", entry.Name(), file))
			if err == nil && slices.ContainsFunc(dirs, func(dir string) bool { return dir != "/" && bytes.Contains(text, []byte(dir)) }) {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

// mountsBelow lists mount points, the innermost first.
func mountsBelow(dir string) []string {
	text, _ := os.ReadFile("/proc/self/mounts")
	var found []string
	if dir == "" {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			found = append(found, fields[1])
		}
	}
	slices.Sort(found)
	slices.Reverse(found)
	return found
}
