package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"seatrial/harness/run"
)

// machine is what can be seen of this machine from outside, by its own means: lines
// that say what there is. None of our own code looks here.
type machine map[string][]string

// lookAround asks ps, ss, the kernel and the disk.
func lookAround() (machine, error) {
	m := machine{}
	for what, command := range map[string][]string{
		"process": {"ps", "-ewwo", "pid=,uid=,cgroup:400=,args="},
		"socket":  {"ss", "-Hltnpx"},
		"cgroup":  {"find", "/sys/fs/cgroup", "-mindepth", "1", "-maxdepth", "3", "-type", "d", "-ignore_readdir_race"},
	} {
		cmd := exec.Command(command[0], command[1:]...)
		out, err := cmd.Output()
		if err != nil && what != "cgroup" { // which come and go while they are listed
			return nil, fmt.Errorf("cannot ask %s: %w", command[0], err)
		}
		m[what] = lines(string(out))
	}
	for what, path := range map[string]string{"mount": "/proc/self/mounts", "user": "/etc/passwd", "group": "/etc/group"} {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		m[what] = lines(string(content))
	}
	for _, dir := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			owner := -1
			if info, err := entry.Info(); err == nil {
				owner = int(info.Sys().(*syscall.Stat_t).Uid)
			}
			m["file"] = append(m["file"], fmt.Sprintf("%d %s", owner, filepath.Join(dir, entry.Name())))
		}
	}
	return m, nil
}

func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
}

// since lists what was not there before.
func (m machine) since(before machine) machine {
	fresh := machine{}
	for what, now := range m {
		old := map[string]bool{}
		for _, line := range before[what] {
			old[line] = true
		}
		for _, line := range now {
			if !old[line] {
				fresh[what] = append(fresh[what], line)
			}
		}
	}
	return fresh
}

// traces are by what the machine's lines betray that they are about a story: its
// folder, its installation, its runs, the users that these had. Other tests may be
// at work on the same machine.
func (s *stage) traces() ([]*regexp.Regexp, error) {
	words := []string{regexp.QuoteMeta(s.dir)}
	if instance, err := os.ReadFile(filepath.Join(s.state, "instance")); err == nil {
		words = append(words, regexp.QuoteMeta(strings.TrimSpace(string(instance))))
	}
	reports, err := s.reports()
	if err != nil {
		return nil, err
	}
	for _, r := range reports {
		words = append(words, string(r.Request.ID), fmt.Sprintf(`\b%d\b`, userOf(r)))
	}
	var found []*regexp.Regexp
	for _, word := range words {
		found = append(found, regexp.MustCompile(word))
	}
	return found, nil
}

// userOf is the user of a run's app.
func userOf(r run.Report) int {
	const base = 0x4000_0000
	label := r.Request.ID.Label(r.Request.Recipe)
	n, _ := strconv.ParseInt(label[strings.LastIndexByte(label, '-')+1:], 16, 32)
	return base + int(n)
}

var holder = regexp.MustCompile(`pid=([0-9]+)`)

// about picks the lines that bear a trace, and the sockets of the processes that do.
// A user or a group is nobody's to make.
func (m machine) about(traces []*regexp.Regexp) []string {
	bears := func(line string) bool {
		return slices.ContainsFunc(traces, func(trace *regexp.Regexp) bool { return trace.MatchString(line) })
	}
	ours := map[string]bool{}
	var found []string
	for _, what := range []string{"process", "socket", "mount", "user", "group", "cgroup", "file"} {
		for _, line := range m[what] {
			is := bears(line) || what == "user" || what == "group"
			switch what {
			case "process":
				if is {
					ours[strings.Fields(line)[0]] = true
				}
			case "socket":
				for _, pid := range holder.FindAllStringSubmatch(line, -1) {
					is = is || ours[pid[1]]
				}
			}
			if is {
				found = append(found, what+" "+line)
			}
		}
	}
	return found
}

// litter lists what lies in the story's folders and must not outlive its runs.
func (s *stage) litter() []string {
	var found []string
	for _, pattern := range []string{
		"work/*", "work/.*", "cache/*", "vault/*", "runs/*/*/tmp", "runs/*/.*", "runs/*/*/.*", "scratch/*/*", "mirrors/*/*.lock", "mirrors/*/refs/*/*.lock", "mirrors/*.new",
	} {
		paths, _ := filepath.Glob(filepath.Join(s.state, pattern))
		found = append(found, paths...)
	}
	paths, _ := filepath.Glob(filepath.Join(s.temp(), "*"))
	return append(found, paths...)
}

// temp is the folder that the story's programs are told to use for temporary files.
func (s *stage) temp() string { return filepath.Join(s.dir, ".temp") }

// nothingRuns wants no process to be left that has to do with the folder, in which the
// program under test lies.
func nothingRuns(t *testing.T, dir string, before machine) {
	var left []string
	for deadline := time.Now().Add(lastBreath); ; time.Sleep(200 * time.Millisecond) {
		now, err := lookAround()
		if err != nil {
			t.Error(err)
			return
		}
		if left = now.since(before).about([]*regexp.Regexp{regexp.MustCompile(regexp.QuoteMeta(dir))}); len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			break
		}
	}
	t.Errorf("when everything was over there was\n%s", strings.Join(left, "\n"))
}
