package nomad

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/internal/hidden"
)

func says(text string) func(facts) string { return func(facts) string { return text } }

func forgotten(facts) string {
	return "the cluster collected its job as garbage before its last word was read"
}

func where(f facts) string {
	text := fmt.Sprintf("allocation %s on node %s", short(f.alloc.ID), f.alloc.NodeName)
	if f.alloc.DesiredStatus != api.AllocDesiredStatusRun {
		text += ", which was asked to stop"
	}
	return text
}

func disconnected(f facts) string {
	return fmt.Sprintf("its node %s does not answer the cluster; the run may go on there", f.alloc.NodeName)
}

func tearingDown(f facts) string {
	return fmt.Sprintf("its executor has ended; node %s is being looked after", f.alloc.NodeName)
}

func nodeLost(f facts) string { return fmt.Sprintf("its node %s was lost", f.alloc.NodeName) }

func starting(f facts) string {
	return fmt.Sprintf("placed on node %s, not started yet%s", f.alloc.NodeName, after(": ", lastMessage(f.executor())))
}

func neverStarted(f facts) string {
	what := lastMessage(f.executor())
	for name, task := range f.alloc.TaskStates {
		if task.Failed && name != cluster.Executor {
			what = fmt.Sprintf("the task %s before it failed: %s", name, lastMessage(task))
		}
	}
	return fmt.Sprintf("its executor never started on node %s%s", f.alloc.NodeName, after(": ", what))
}

func outOfMemory(f facts) string {
	return fmt.Sprintf("it ran out of memory on node %s%s", f.alloc.NodeName, given(f))
}

func killed(f facts) string {
	signal := termination(f.executor()).signal
	text := fmt.Sprintf("its executor was killed by signal %d on node %s", signal, f.alloc.NodeName)
	const sigkill = 9
	if signal == sigkill && f.alloc.DesiredStatus == api.AllocDesiredStatusRun {
		text += ": out of memory" + given(f) + ", or by somebody"
	}
	return text
}

func exited(f facts) string {
	return fmt.Sprintf("its executor ended on node %s with exit code %d, without its last word", f.alloc.NodeName, termination(f.executor()).code)
}

// given says how much memory the executor had.
func given(f facts) string {
	if f.alloc.AllocatedResources == nil || f.alloc.AllocatedResources.Tasks[cluster.Executor] == nil {
		return ""
	}
	memory := f.alloc.AllocatedResources.Tasks[cluster.Executor].Memory
	return fmt.Sprintf(" (it was given %d MiB)", max(memory.MemoryMB, memory.MemoryMaxMB))
}

const waiting = "it waits for a node"

// placement says why a job has no allocation yet, from its newest evaluation.
func placement(f facts) string {
	for _, e := range f.evals {
		for _, m := range e.FailedTGAllocs {
			return waiting + ": " + metric(m)
		}
	}
	return waiting
}

func metric(m *api.AllocationMetric) string {
	if m.NodesInPool == 0 && m.NodesEvaluated == 0 {
		return fmt.Sprintf("no node is ready in the node pool %s", cmp.Or(m.NodePool, "default"))
	}
	var why []string
	for _, constraint := range slices.Sorted(maps.Keys(m.ConstraintFiltered)) {
		why = append(why, fmt.Sprintf("%d of %d nodes do not fulfil %q", m.ConstraintFiltered[constraint], m.NodesEvaluated, constraint))
	}
	for _, what := range slices.Sorted(maps.Keys(m.DimensionExhausted)) {
		why = append(why, fmt.Sprintf("%d of %d nodes have too little %s left", m.DimensionExhausted[what], m.NodesEvaluated, what))
	}
	if len(why) == 0 {
		return fmt.Sprintf("none of %d nodes fits", m.NodesEvaluated)
	}
	return oneLine(strings.Join(why, "; "))
}

// ending is how a task ended.
type ending struct {
	there  bool
	code   int
	signal int
	oom    bool
}

// termination finds it in the task's events, of which the last one counts.
func termination(task *api.TaskState) (e ending) {
	for _, event := range task.Events {
		if event.Type != api.TaskTerminated {
			continue
		}
		e = ending{there: true, code: event.ExitCode, signal: event.Signal}
		if code, err := strconv.Atoi(event.Details["exit_code"]); err == nil {
			e.code = code
		}
		if signal, err := strconv.Atoi(event.Details["signal"]); err == nil {
			e.signal = signal
		}
		// A shell or a container says so of what was killed in it.
		const killed, terminated = 128 + 9, 128 + 15
		if e.signal == 0 && (e.code == killed || e.code == terminated) {
			e.signal = e.code - 128
		}
		e.oom = event.Details["oom_killed"] == "true"
	}
	return e
}

func lastMessage(task *api.TaskState) string {
	for _, event := range slices.Backward(task.Events) {
		if event.DisplayMessage != "" {
			return oneLine(event.DisplayMessage)
		}
	}
	return ""
}

func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

// sentence makes one of a clause.
func sentence(clause string) string {
	if clause == "" {
		return ""
	}
	return strings.ToUpper(clause[:1]) + clause[1:] + "."
}

// oneLine makes a text fit for a sentence: short, no line breaks, no control characters.
func oneLine(s string) string {
	const most = 300
	s = hidden.Line(s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// short is an allocation's ID as Nomad's own command shows it.
func short(id string) string {
	const digits = 8
	return id[:min(digits, len(id))]
}
