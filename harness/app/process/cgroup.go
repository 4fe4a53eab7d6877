package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
	"seatrial/internal/procs"
)

const cgroupRoot = "/sys/fs/cgroup"

// limits bound everything in one cgroup together.
type limits struct {
	memory    int64
	processes int
	cpus      float64
}

// supervisorThreads is what the supervisor itself adds to a cgroup: its threads.
const supervisorThreads = 24

func (l limits) resources() *specs.LinuxResources {
	const period = 100_000
	r := &specs.LinuxResources{}
	if l.memory > 0 {
		memory := l.memory
		r.Memory = &specs.LinuxMemory{Limit: &memory}
		if unified() {
			r.Memory.Swap = &memory // of both together: no swap. Not every kernel of version 1 counts it
		}
	}
	if l.processes > 0 {
		pids := int64(l.processes + supervisorThreads)
		r.Pids = &specs.LinuxPids{Limit: &pids}
	}
	if l.cpus > 0 {
		quota, span := int64(l.cpus*period), uint64(period)
		r.CPU = &specs.LinuxCPU{Quota: &quota, Period: &span}
	}
	return r
}

// group is one cgroup, whatever the version of the kernel's interface.
type group struct {
	name       string
	limits     limits
	made       time.Time
	addProcess func(pid int) error
}

// The purposes of a run's cgroups.
const (
	groupApp   = "app"
	groupBuild = "build"
)

// groupName holds the labels: a cgroup can carry no other.
func groupName(l run.Labels, purpose string) string {
	return fmt.Sprintf("seatrial.%s.%s.%d.%d.%s", l.Instance, l.Run, l.Attempt, l.Expires.Unix(), purpose)
}

var groupForm = lazyregexp.New(`^seatrial\.([A-Za-z0-9_-]+)\.([0-9a-z]{26})\.([0-9]+)\.(-?[0-9]+)\.[a-z]+$`)

func parseGroup(name string) (run.Labels, bool) {
	m := groupForm.FindStringSubmatch(name)
	if m == nil {
		return run.Labels{}, false
	}
	id, err := run.ParseID(m[2])
	if err != nil {
		return run.Labels{}, false
	}
	attempt, _ := strconv.Atoi(m[3])
	expires, _ := strconv.ParseInt(m[4], 10, 64)
	return run.Labels{Instance: m[1], Run: id, Attempt: attempt, Expires: time.Unix(expires, 0).UTC()}, true
}

func unified() bool { return cgroups.Mode() == cgroups.Unified }

// hierarchy is the part of version 1 that we use.
func hierarchy() ([]cgroup1.Subsystem, error) {
	all, err := cgroup1.Default()
	if err != nil {
		return nil, err
	}
	var ours []cgroup1.Subsystem
	for _, s := range all {
		switch s.Name() {
		case cgroup1.Memory, cgroup1.Pids, cgroup1.Cpu:
			ours = append(ours, s)
		}
	}
	if len(ours) < 3 {
		return nil, errors.New("the kernel lacks one of the cgroup controllers memory, pids and cpu")
	}
	return ours, nil
}

// newGroup makes a cgroup, or takes up one of the same name.
func newGroup(name string, l limits) (*group, error) {
	g := &group{name: name, limits: l, made: time.Now()}
	if unified() {
		m, err := cgroup2.NewManager(cgroupRoot, "/"+name, cgroup2.ToResources(l.resources()))
		if err != nil {
			return nil, fmt.Errorf("cannot make a cgroup: %w", err)
		}
		g.addProcess = func(pid int) error { return m.AddProc(uint64(pid)) }
		return g, nil
	}
	c, err := cgroup1.New(cgroup1.StaticPath("/"+name), l.resources(), cgroup1.WithHierarchy(hierarchy))
	if err != nil {
		return nil, fmt.Errorf("cannot make a cgroup: %w", errors.Join(err, removeGroup(name)))
	}
	g.addProcess = func(pid int) error { return c.AddProc(uint64(pid)) }
	return g, nil
}

func (g *group) add(pid int) error {
	if err := g.addProcess(pid); err != nil {
		return fmt.Errorf("cannot limit process %d: %w", pid, err)
	}
	return nil
}

// groupDirs are the folders of a cgroup, one a controller in version 1.
func groupDirs(name string) []string {
	if unified() {
		return []string{filepath.Join(cgroupRoot, name)}
	}
	var dirs []string
	for _, controller := range []string{"memory", "pids", "cpu"} {
		dirs = append(dirs, filepath.Join(cgroupRoot, controller, name))
	}
	return dirs
}

// hits is how often the kernel refused something to the group.
func (g *group) hits() procs.Hits {
	if g == nil {
		return procs.Hits{}
	}
	return procs.GroupHits(g.name, g.name)
}

// groupMembers lists the processes in a cgroup.
func groupMembers(name string) []int {
	var pids []int
	for _, dir := range groupDirs(name) {
		content, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		for field := range strings.FieldsSeq(string(content)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// removeGroup kills what is in a cgroup and removes it. One that is gone is no error.
func removeGroup(name string) error {
	if _, ok := parseGroup(name); !ok {
		return fmt.Errorf("cannot remove the cgroup %q: it is not one of ours", name)
	}
	const limit, again = 5 * time.Second, 20 * time.Millisecond
	deadline := time.Now().Add(limit)
	for {
		for _, pid := range groupMembers(name) {
			_ = unix.Kill(pid, unix.SIGKILL) // a member cannot have been replaced by a stranger: it is listed here
		}
		var last error
		for _, dir := range groupDirs(name) {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				last = err
			}
		}
		if last == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("cannot remove the cgroup: %w", last)
		}
		time.Sleep(again)
	}
}

// listGroups names every cgroup of our kind, whoever made it.
func listGroups() []string {
	dirs := []string{cgroupRoot}
	if !unified() {
		dirs = nil
		for _, controller := range []string{"memory", "pids", "cpu"} {
			dirs = append(dirs, filepath.Join(cgroupRoot, controller))
		}
	}
	var names []string
	seen := map[string]bool{}
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if _, ok := parseGroup(entry.Name()); ok && entry.IsDir() && !seen[entry.Name()] {
				seen[entry.Name()] = true
				names = append(names, entry.Name())
			}
		}
	}
	return names
}

// group returns one of the app's cgroups; it makes it when it is first wanted.
// Without isolation there is none.
func (a *App) group(purpose string) (*group, error) {
	if !a.cfg.Isolate {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.groups[purpose]; g != nil {
		return g, nil
	}
	r := a.cfg.Enrolment.Resources
	l := limits{memory: int64(r.Memory), processes: r.Processes, cpus: r.CPUs}
	if purpose == groupBuild {
		// A compiler needs more than what it makes.
		const memory, processes = 4 << 30, 2048
		if l.memory > 0 {
			l.memory = max(l.memory, memory)
		}
		if l.processes > 0 {
			l.processes = max(l.processes, processes)
		}
	}
	g, err := newGroup(groupName(a.cfg.Labels, purpose), l)
	if err != nil {
		return nil, err
	}
	a.groups[purpose] = g
	return g, nil
}
