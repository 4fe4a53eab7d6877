package nomad

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"seatrial/internal/procs"
)

// processesOf lists the processes of an allocation on this node, the oldest first: of
// one task, or of all for an empty name. A process is told by its control group, which
// it cannot leave, and by the environment that Nomad gave it, for a driver that uses
// groups of its own.
func processesOf(allocation, task string) []procs.Proc {
	var found []procs.Proc
	for _, p := range procs.All() {
		if p.PID != os.Getpid() && !p.Dead() && belongs(p.PID, allocation, task) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(x, y procs.Proc) int {
		return cmp.Or(cmp.Compare(x.Start, y.Start), cmp.Compare(x.PID, y.PID))
	})
	return found
}

func belongs(pid int, allocation, task string) bool {
	// Nomad's own helpers for a task are in no group of it and have not its variables.
	groups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for line := range bytes.Lines(groups) {
		_, after, ok := strings.Cut(string(line), allocation+".")
		name, _, _ := strings.Cut(strings.TrimSpace(after), "/")
		if ok && (task == "" || strings.TrimSuffix(name, ".scope") == task) {
			return true
		}
	}
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	vars := "\x00" + string(environ)
	return strings.Contains(vars, "\x00NOMAD_ALLOC_ID="+allocation+"\x00") && (task == "" || strings.Contains(vars, "\x00NOMAD_TASK_NAME="+task+"\x00"))
}
