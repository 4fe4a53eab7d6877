package nomad

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/dispatch"
	"seatrial/harness/cluster"
)

// The parts of facts, by hand.

func (f facts) with(changes ...func(*facts)) facts {
	for _, change := range changes {
		change(&f)
	}
	return f
}

func jobIs(status string) func(*facts) {
	return func(f *facts) { f.job = &api.JobListStub{ID: "j", Status: status} }
}

func jobStopped(f *facts) { f.job = &api.JobListStub{ID: "j", Status: jobDead, Stop: true} }

func allocIs(client string) func(*facts) {
	return func(f *facts) {
		f.alloc = &api.AllocationListStub{ID: "0123456789", NodeName: "anchor", ClientStatus: client, DesiredStatus: api.AllocDesiredStatusRun, TaskStates: map[string]*api.TaskState{}}
	}
}

func desired(status string) func(*facts) { return func(f *facts) { f.alloc.DesiredStatus = status } }

func task(name, state string, events ...*api.TaskEvent) func(*facts) {
	return func(f *facts) {
		f.alloc.TaskStates[name] = &api.TaskState{State: state, StartedAt: time.Unix(1, 0), Events: events}
		if state == taskPending || len(events) > 0 && events[0].Type != api.TaskTerminated {
			f.alloc.TaskStates[name].StartedAt = time.Time{}
		}
	}
}

func terminated(code, signal, oom string) *api.TaskEvent {
	return &api.TaskEvent{Type: api.TaskTerminated, Details: map[string]string{"exit_code": code, "signal": signal, "oom_killed": oom}}
}

func executorDead(code, signal, oom string) func(*facts) {
	return task(cluster.Executor, taskDead, terminated(code, signal, oom))
}

func teardownDead(f *facts) { task(cluster.Teardown, taskDead, terminated("0", "0", ""))(f) }

func trigger(by string) func(*facts) {
	return func(f *facts) { f.evals = append(f.evals, &api.Evaluation{TriggeredBy: by}) }
}

func noted(change func(*note)) func(*facts) {
	return func(f *facts) { f.known = true; change(&f.note) }
}

func read(f *facts)      { noted(func(n *note) { n.Collected = true })(f) }
func lastWord(f *facts)  { f.said = true }
func byUs(f *facts)      { noted(func(n *note) { n.Stopped = true })(f) }
func isKnown(f *facts)   { noted(func(n *note) { n.Job = "j" })(f) }
func preempted(f *facts) { f.alloc.PreemptedByAllocation = "x" }

func TestStateTable(t *testing.T) {
	var rows []string
	const (
		running, failed, complete = api.AllocClientStatusRunning, api.AllocClientStatusFailed, api.AllocClientStatusComplete
		stop                      = api.AllocDesiredStatusStop
	)
	over := func(client string, executor func(*facts), more ...func(*facts)) facts {
		return facts{}.with(jobIs(jobDead), allocIs(client), executor, teardownDead, read).with(more...)
	}
	blocked := func(f *facts) {
		f.evals = []*api.Evaluation{{FailedTGAllocs: map[string]*api.AllocationMetric{cluster.Group: {
			NodesEvaluated: 3, NodesInPool: 3, ConstraintFiltered: map[string]int{"${meta.moon} = full": 2}, DimensionExhausted: map[string]int{"memory": 1},
		}}}}
	}
	hit := map[string]bool{}
	for name, c := range map[string]struct {
		facts  facts
		phase  dispatch.Phase
		cause  dispatch.Cause
		detail string
	}{
		"nothing is known":                    {facts{}, dispatch.Unknown, "", "no job of this run"},
		"forgotten, but read":                 {facts{}.with(isKnown, lastWord), dispatch.Complete, "", ""},
		"forgotten, unread":                   {facts{}.with(isKnown), dispatch.Lost, "", "garbage"},
		"dispatched just now":                 {facts{}.with(jobIs("pending")), dispatch.Pending, "", "waits for a node"},
		"no room":                             {facts{}.with(jobIs("pending"), blocked), dispatch.Pending, "", `2 of 3 nodes do not fulfil "${meta.moon} = full"; 1 of 3 nodes have too little memory`},
		"given up":                            {facts{}.with(jobStopped, byUs, noted(func(n *note) { n.Unplaced = "no node was found" })), dispatch.Lost, "", "no node was found"},
		"stopped by us before it began":       {facts{}.with(jobStopped, byUs), dispatch.Lost, "", "before it was placed"},
		"stopped by others before it began":   {facts{}.with(jobStopped, isKnown), dispatch.Lost, dispatch.Withdrawn, "before it was placed"},
		"its allocation is forgotten":         {facts{}.with(jobIs(jobDead), isKnown), dispatch.Lost, "", "garbage"},
		"its allocation is forgotten, it ran": {facts{}.with(jobIs(jobDead), isKnown, lastWord), dispatch.Complete, "", ""},

		"placed":                            {facts{}.with(jobIs(running), allocIs("pending"), task(cluster.Executor, taskPending, &api.TaskEvent{Type: api.TaskDownloadingArtifacts, DisplayMessage: "Client is downloading artifacts"})), dispatch.Pending, "", "not started yet: Client is downloading"},
		"runs":                              {facts{}.with(jobIs(running), allocIs(running), task(cluster.Executor, "running")), dispatch.Running, "", "allocation 01234567 on node anchor"},
		"stopped by others while it runs":   {facts{}.with(jobStopped, allocIs(running), task(cluster.Executor, "running"), desired(stop)), dispatch.Running, dispatch.Withdrawn, "asked to stop"},
		"tears down after failing":          {facts{}.with(jobIs(running), allocIs(failed), executorDead("3", "0", ""), task(cluster.Teardown, "running")), dispatch.Running, "", "looked after"},
		"tears down, not begun":             {facts{}.with(jobIs(running), allocIs(running), executorDead("0", "0", ""), task(cluster.Teardown, taskPending)), dispatch.Running, "", "looked after"},
		"its node is away":                  {facts{}.with(jobIs(running), allocIs(api.AllocClientStatusUnknown), task(cluster.Executor, "running")), dispatch.Running, "", "does not answer"},
		"a second one still ends":           {over(complete, executorDead("0", "0", ""), func(f *facts) { f.more = true }), dispatch.Running, "", "second allocation"},
		"not read yet":                      {facts{}.with(jobIs(jobDead), allocIs(complete), executorDead("0", "0", ""), teardownDead), dispatch.Running, "", "being read"},
		"complete":                          {over(complete, executorDead("0", "0", ""), lastWord), dispatch.Complete, "", ""},
		"complete although it failed after": {over(failed, executorDead("1", "0", ""), lastWord), dispatch.Complete, "", ""},
		"exit 0 is no last word":            {over(complete, executorDead("0", "0", "")), dispatch.Lost, "", "exit code 0, without its last word"},
		"exit 3":                            {over(failed, executorDead("3", "0", "")), dispatch.Lost, "", "exit code 3"},
		"killed":                            {over(failed, executorDead("137", "9", "")), dispatch.Lost, "", "signal 9 on node anchor: out of memory, or by somebody"},
		"a container killed":                {over(failed, executorDead("137", "0", "")), dispatch.Lost, "", "signal 9"},
		"out of memory": {over(failed, executorDead("137", "9", "true"), func(f *facts) {
			f.alloc.AllocatedResources = &api.AllocatedResources{Tasks: map[string]*api.AllocatedTaskResources{cluster.Executor: {Memory: api.AllocatedMemoryResources{MemoryMB: 64}}}}
		}), dispatch.Lost, "", "out of memory on node anchor (it was given 64 MiB)"},
		"never started":                        {over(failed, task(cluster.Executor, taskDead, &api.TaskEvent{Type: api.TaskDriverFailure, DisplayMessage: "no such\nprogram"})), dispatch.Lost, "", "never started on node anchor: no such program"},
		"files are gone":                       {over(complete, executorDead("0", "0", ""), noted(func(n *note) { n.Missing = "the files are gone" })), dispatch.Lost, "", "the files are gone"},
		"node lost":                            {over(api.AllocClientStatusLost, task(cluster.Executor, "running"), desired(stop)), dispatch.Lost, dispatch.Displaced, "anchor was lost"},
		"node lost, but it had finished":       {over(api.AllocClientStatusLost, task(cluster.Executor, "running"), desired(stop), lastWord), dispatch.Complete, dispatch.Displaced, ""},
		"drained":                              {over(complete, executorDead("0", "0", ""), desired(stop), trigger(triggerDrain), lastWord), dispatch.Complete, dispatch.Displaced, ""},
		"preempted":                            {over(failed, executorDead("143", "15", ""), desired(api.AllocDesiredStatusEvict), preempted), dispatch.Lost, dispatch.Displaced, "signal 15"},
		"its job was stopped by others":        {over(complete, executorDead("0", "0", ""), desired(stop), jobStopped, lastWord), dispatch.Complete, dispatch.Withdrawn, ""},
		"its job was purged":                   {over(complete, executorDead("0", "0", ""), desired(stop), func(f *facts) { f.job = nil }), dispatch.Lost, dispatch.Withdrawn, ""},
		"its allocation was stopped by us":     {over(complete, executorDead("0", "0", ""), desired(stop), trigger(triggerAllocStop), byUs, lastWord), dispatch.Complete, "", ""},
		"its allocation was stopped by others": {over(complete, executorDead("0", "0", ""), desired(stop), trigger(triggerAllocStop), lastWord), dispatch.Complete, dispatch.Withdrawn, ""},
	} {
		rows = append(rows, stateRow(name, stateOf(c.facts)))
		t.Run(name, func(t *testing.T) {
			got := stateOf(c.facts)
			if got.Phase != c.phase || got.Cause != c.cause || !strings.Contains(got.Detail, c.detail) {
				t.Errorf("got %q %q %q; want %q %q %q", got.Phase, got.Cause, got.Detail, c.phase, c.cause, c.detail)
			}
		})
		for _, r := range rules() {
			if r.Holds(c.facts) {
				hit[r.When] = true
				break
			}
		}
	}
	for _, r := range rules() {
		if !hit[r.When] {
			t.Errorf("no case is for the rule %q", r.When)
		}
	}
	slices.Sort(rows)
	inReference(t, strings.Join(rows, "\n"))
}

var update = flag.Bool("update", false, "write the table of states into docs/reference/nomad.md")

// stateRow is a case as the reference shows it.
func stateRow(name string, s dispatch.State) string {
	return fmt.Sprintf("| %s | %s | %s | %s |", name, s.Phase, s.Detail, verdictOf(s))
}

// verdictOf says what bridge makes of a state: bridge/attempt.go.
func verdictOf(s dispatch.State) string {
	switch {
	case !s.Phase.Over() && s.Cause == "":
		return "not yet"
	case s.Cause == dispatch.Withdrawn && s.Phase == dispatch.Complete:
		return "cancelled, unless it had answered"
	case s.Cause == dispatch.Withdrawn:
		return "cancelled"
	case s.Cause == dispatch.Displaced && s.Phase == dispatch.Complete:
		return "unverified and once more, unless it had answered"
	case s.Phase == dispatch.Complete:
		return "its own"
	}
	return "unverified, and once more"
}

// inReference holds the table against the page that shows it.
func inReference(t *testing.T, table string) {
	t.Helper()
	const page, begin, end = "../../../docs/reference/nomad.md", "| case | phase | what is said | the run's verdict |\n|---|---|---|---|\n", "\n\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	was, tail, _ := strings.Cut(rest, end)
	switch {
	case !ok:
		t.Fatalf("%s has no table of states", page)
	case *update:
		if err := os.WriteFile(page, []byte(head+begin+table+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	case was != table:
		t.Errorf("%s shows another table of states: go test ./bridge/dispatch/nomad -run StateTable -update", page)
	}
}
