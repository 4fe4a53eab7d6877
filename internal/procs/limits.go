package procs

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const groupRoot = "/sys/fs/cgroup"

// Hits is how often the kernel refused something to a control group.
type Hits struct {
	Killed  int // processes, because the group's memory was used up
	Refused int // processes, because the group had as many as it may
}

// GroupHits counts for a control group, of whatever version; memory and pids are its paths
// below those controllers. A kernel that does not count says 0.
func GroupHits(memory, pids string) Hits {
	oom := filepath.Join(groupRoot, "memory", memory, "memory.oom_control")
	most := filepath.Join(groupRoot, "pids", pids, "pids.events")
	if _, err := os.Stat(filepath.Join(groupRoot, "cgroup.controllers")); err == nil { // version 2
		oom, most = filepath.Join(groupRoot, memory, "memory.events"), filepath.Join(groupRoot, pids, "pids.events")
	}
	return Hits{Killed: readCount(oom, "oom_kill"), Refused: readCount(most, "max")}
}

// HitsOf counts for the control group that a process is in, if its path names the owner:
// another one's counts are none of ours.
func HitsOf(pid int, owner string) Hits {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return Hits{}
	}
	var memory, pids string
	for line := range strings.Lines(string(text)) {
		// hierarchy:controllers:path, and without controllers for version 2
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || !strings.Contains(parts[2], owner) {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			switch controller {
			case "memory":
				memory = parts[2]
			case "pids":
				pids = parts[2]
			case "":
				if memory == "" && pids == "" {
					memory, pids = parts[2], parts[2]
				}
			}
		}
	}
	if memory == "" && pids == "" {
		return Hits{}
	}
	return GroupHits(memory, pids)
}

func readCount(file, key string) int {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if value, ok := strings.CutPrefix(line, key+" "); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			return n
		}
	}
	return 0
}
