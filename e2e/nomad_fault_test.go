package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/run"
)

// nodeLostAfter is how long the clusters of these tests wait for a silent node.
const nodeLostAfter = 10 * time.Second

// fault is something that goes wrong while a run is on a cluster, and what must have
// become of the run.
type fault struct {
	name  string
	point string // where the harness dies; empty: do does something instead
	how   string // it dies otherwise than by SIGKILL: see failpoint
	bad   map[string]string
	flags []string
	do    func(s *crashed) error // after the comment
	wants []ending
}

var (
	outOfTime  = ending{run.VerdictUnverified, run.EndOutOfTime, 1, forge.StatusError, "ran out of time"}
	neverFound = ending{run.VerdictUnverified, run.EndLost, 2, forge.StatusError, "no node"}
)

// faults are those of one agent.
var faults = []fault{
	{name: "nomad job stop", do: (*crashed).jobStop, wants: []ending{isCancelled}},
	{name: "nomad alloc stop", do: (*crashed).allocStop, wants: []ending{isCancelled}},
	{name: "nomad job stop, at once", do: (*crashed).jobStopAtOnce, wants: []ending{isCancelled}},
	{name: "out of memory", point: "harness:upgrade", how: "memory", wants: []ending{passesAgain}},
	{name: "the time limit", bad: map[string]string{`(?m)^  limit: 15m$`: "  limit: 6s", `(?m)^  timeout: (2m|30s)$`: "  timeout: 5s", `(?m)^  silence: 5m$`: "  silence: 5s", `(?m)^  steady: 1s$`: "  steady: 5s"}, wants: []ending{outOfTime}},
	{name: "no node has room", bad: map[string]string{`(?m)^version: 1$`: "version: 1\nresources:\n  memory: 900GiB"}, flags: []string{"--place-within", "3s"}, wants: []ending{neverFound}},
	{name: "the token revoked, and another given", do: (*crashed).revokeToken},
	{name: "SIGKILL at harness:restore and of the bridge", point: "harness:restore", do: (*crashed).bridgeToo, wants: []ending{passesAgain}},
}

// garbage are those that collect what is over, whoever's it is: each has the cluster for
// itself.
var garbage = []fault{
	{name: "garbage collected right after the end", do: (*crashed).collectAfterEnd},
	{name: "garbage collected while the bridge is away", do: (*crashed).collectWhileAway, wants: []ending{passesAgain}},
}

// TestNomadGarbage collects a run's job and files before somebody has asked for them.
func TestNomadGarbage(t *testing.T) { tellFaults(t, theNomad(t), garbage, 1) }

// TestNomadFaults does to runs on a real Nomad what can go wrong there, and wants each
// to end in one comment, one final status, one free slot and nothing left. It prints
// a table.
func TestNomadFaults(t *testing.T) {
	n := theNomad(t)
	tellFaults(t, n, allFaults(), crashesAtOnce)
}

func allFaults() []fault {
	all := slices.Clone(faults)
	for _, point := range harnessPoints {
		all = append(all, fault{name: "SIGKILL at " + point, point: point, wants: []ending{passesAgain}})
	}
	return all
}

func tellFaults(t *testing.T, n *nomadCluster, all []fault, atOnce int) {
	server := forgetest.NewServer(t)
	program := binary(t, "failpoints")
	before, err := lookAround()
	if err != nil {
		t.Fatal(err)
	}
	table := &faultTable{}
	t.Cleanup(func() { table.print(t) })
	turns := make(chan struct{}, atOnce)
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) {
			dir := t.TempDir()
			told := make(chan error, 1)
			go func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				told <- tellFault(server, program, dir, before, n, f, table)
			}()
			t.Parallel()
			if err := <-told; err != nil {
				t.Error(err)
			}
		})
	}
}

// tellFault is a crash story on a cluster.
func tellFault(world forgetest.World, program, dir string, before machine, n *nomadCluster, f fault, table *faultTable) error {
	c := crash{flags: f.flags, wants: f.wants, before: func(s *crashed) error {
		for line, by := range f.bad {
			if err := s.changeEnrolment(regexp.MustCompile(line), by); err != nil {
				return err
			}
		}
		once := filepath.Join(s.dir, ".once")
		if err := s.onNomad(n, map[string]string{"SEATRIAL_FAILPOINT": f.point, "SEATRIAL_FAILPOINT_ONCE": once, "SEATRIAL_FAILPOINT_HOW": f.how, "TMPDIR": s.temp()}); err != nil {
			return err
		}
		if f.point == "" {
			return os.WriteFile(once, nil, 0o600) // nobody is to die by itself
		}
		return nil
	}}
	var began time.Time
	return tellCrash(world, program, dir, before, c, func(s *crashed) error {
		s.done = func() error { return table.add(s, f, time.Since(began)) }
		if f.point != "" {
			if err := s.harnessDies(); err != nil {
				return err
			}
		}
		began = time.Now()
		if f.do == nil {
			return nil
		}
		defer func() { began = time.Now() }()
		return f.do(s)
	})
}

// faultTable is what `fault, verdict, seconds until the comment said so, leftovers` says.
type faultTable struct {
	mu   sync.Mutex
	rows []string
}

func (f *faultTable) add(s *crashed, what fault, took time.Duration) error {
	reports, err := s.reports()
	if err != nil {
		return err
	}
	left, err := s.leftOnNomad()
	if err != nil {
		return err
	}
	if err := s.offNomad(); err != nil {
		return err
	}
	r := reports[0]
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, fmt.Sprintf("%-46s %-12s %8d %10.1f %9d", what.name, r.Word(), r.Attempt, took.Seconds(), len(left)+len(r.Leftovers)))
	if len(left) > 0 {
		return fmt.Errorf("left on the cluster: %s", strings.Join(left, "; "))
	}
	return nil
}

// FaultTableVariable names a file to which the tables are added.
const faultTableVariable = "SEATRIAL_FAULT_TABLE"

func (f *faultTable) print(t *testing.T) {
	slices.Sort(f.rows)
	text := fmt.Sprintf("%-46s %-12s %8s %10s %9s\n%s\n", "fault", "verdict", "attempts", "seconds", "leftovers", strings.Join(f.rows, "\n"))
	t.Log("\n" + text)
	if path := os.Getenv(faultTableVariable); path != "" {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = file.WriteString(text)
			file.Close()
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// child is the job of the latest attempt.
func (s *crashed) child() (*api.JobListStub, error) {
	var latest *api.JobListStub
	err := s.eventually("a dispatched job", false, func() (bool, error) {
		jobs, _, err := s.nomad.client.Jobs().List(&api.QueryOptions{Namespace: s.namespaces.Runs})
		for _, job := range jobs {
			if strings.Contains(job.ID, "/dispatch-") && (latest == nil || job.CreateIndex > latest.CreateIndex) {
				latest = job
			}
		}
		return latest != nil, err
	})
	return latest, err
}

func (s *crashed) jobStop() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	return s.jobStopAtOnce()
}

func (s *crashed) jobStopAtOnce() error {
	job, err := s.child()
	if err == nil {
		_, err = s.nomad.nomad("job", "stop", "-detach", "-namespace", s.namespaces.Runs, job.ID)
	}
	return err
}

func (s *crashed) allocStop() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	started, err := s.started()
	if err == nil {
		_, err = s.nomad.nomad("alloc", "stop", "-detach", "-namespace", s.namespaces.Runs, started.Alloc)
	}
	return err
}

func (s *crashed) started() (run.Started, error) {
	reports, err := s.reports()
	if err == nil && (len(reports) == 0 || reports[0].Started == nil) {
		err = fmt.Errorf("nothing was started")
	}
	if err != nil {
		return run.Started{}, err
	}
	return *reports[0].Started, nil
}

// revokeToken takes the bridge's token away in the middle of a run, and some seconds
// later puts another into its file.
func (s *crashed) revokeToken() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	text, err := os.ReadFile(s.tokenFile)
	if err != nil {
		return err
	}
	self, _, err := s.nomad.client.ACLTokens().Self(&api.QueryOptions{AuthToken: strings.TrimSpace(string(text))})
	if err != nil {
		return err
	}
	if _, err := s.nomad.client.ACLTokens().Delete(self.AccessorID, nil); err != nil {
		return err
	}
	time.Sleep(4 * time.Second) // the policies' cache, and some of the run
	made, _, err := s.nomad.client.ACLTokens().Create(&api.ACLToken{Name: self.Name, Type: self.Type, Policies: self.Policies}, nil)
	if err != nil {
		return err
	}
	return os.WriteFile(s.tokenFile, []byte(made.SecretID+"\n"), 0o600)
}

// collectAfterEnd collects garbage as soon as the job is dead, again and again.
func (s *crashed) collectAfterEnd() error {
	job, err := s.child()
	if err != nil {
		return err
	}
	return s.eventually("the job to be collected", false, func() (bool, error) {
		if err := s.nomad.client.System().GarbageCollect(); err != nil {
			return false, err
		}
		return s.gone(job.ID)
	})
}

func (s *crashed) gone(job string) (bool, error) {
	found, _, err := s.nomad.client.Jobs().List(&api.QueryOptions{Namespace: s.namespaces.Runs, Prefix: job})
	return len(found) == 0, err
}

// bridgeToo kills the bridge when the harness is dead, and starts another.
func (s *crashed) bridgeToo() error {
	s.bridge.kill()
	return s.serveWith(s.program, "TMPDIR="+s.temp())
}

// collectWhileAway lets run and garbage collection be over before the bridge is back.
func (s *crashed) collectWhileAway() error {
	if err := s.reaches(run.StageUpgrade); err != nil {
		return err
	}
	s.bridge.kill()
	if err := s.collectAfterEnd(); err != nil {
		return err
	}
	return s.serveWith(s.program, "TMPDIR="+s.temp())
}
