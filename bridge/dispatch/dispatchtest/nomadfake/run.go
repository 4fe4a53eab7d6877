package nomadfake

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/nomad/api"
)

// The states of a task, as Nomad writes them.
const (
	taskPending = "pending"
	taskRunning = "running"
	taskDead    = "dead"
)

// run performs an allocation on its node: the main tasks at once, then, whatever became
// of them, those that look after them. One whose node has lost its power ends in silence.
func (f *Fake) run(a *allocation) {
	defer f.tasks.Done()
	mains, afters := f.begin(a)
	for _, phase := range [][]*api.Task{mains, afters} {
		var all sync.WaitGroup
		for _, task := range phase {
			all.Go(func() { f.runTask(a, task) })
		}
		all.Wait()
	}
}

// begin makes the directory and receives the tasks.
func (f *Fake) begin(a *allocation) (mains, afters []*api.Task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, task := range a.group.Tasks {
		a.tasks[task.Name] = &api.TaskState{State: taskPending}
		a.event(task.Name, &api.TaskEvent{Type: api.TaskReceived, DisplayMessage: "Task received by client"})
		switch {
		case task.Lifecycle == nil:
			mains = append(mains, task)
		case task.Lifecycle.Hook == api.TaskLifecycleHookPoststop:
			afters = append(afters, task)
		default:
			f.complain("the task %s of the job %s is a %s task; there are only main tasks and poststop tasks", task.Name, a.JobID, task.Lifecycle.Hook)
		}
	}
	f.report(a)
	return mains, afters
}

// event adds to what happened to a task.
func (a *allocation) event(task string, e *api.TaskEvent) {
	e.Time = time.Now().UnixNano()
	if e.Details == nil {
		e.Details = map[string]string{}
	}
	state := a.tasks[task]
	const most = 10 // structs.MaxTaskEvents
	if state.Events = append(state.Events, e); len(state.Events) > most {
		state.Events = state.Events[1:]
	}
}

// report tells the servers what the node knows, unless they do not hear each other.
func (f *Fake) report(a *allocation) {
	if a.node.away || a.isOff() || f.allocs[a.ID] != a {
		return
	}
	a.TaskStates = clone(a.tasks)
	a.ClientStatus, a.ClientDescription = clientStatus(a.tasks)
	a.touch(f.next())
	f.tell("AllocationUpdated", a)
}

// clientStatus is what a node says of an allocation: getClientStatus in Nomad.
func clientStatus(tasks map[string]*api.TaskState) (status, description string) {
	var running, pending bool
	for _, t := range tasks {
		switch t.State {
		case taskRunning:
			running = true
		case taskPending:
			pending = true
		case taskDead:
			if t.Failed {
				return api.AllocClientStatusFailed, "Failed tasks"
			}
		}
	}
	switch {
	case running:
		return api.AllocClientStatusRunning, "Tasks are running"
	case pending:
		return api.AllocClientStatusPending, "No tasks have started"
	}
	return api.AllocClientStatusComplete, "All tasks have completed"
}

// folders makes what a task finds on its node.
func (f *Fake) folders(a *allocation, task string) error {
	own, shared := filepath.Join(f.AllocDir(a.ID), task), f.shared(a)
	for _, dir := range []string{
		filepath.Join(shared, "logs"), filepath.Join(shared, "tmp"), filepath.Join(shared, "data"),
		filepath.Join(own, "local"), filepath.Join(own, "secrets"), filepath.Join(own, "tmp"),
	} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	return nil
}

// shared is the directory that an allocation's tasks share.
func (f *Fake) shared(a *allocation) string { return filepath.Join(f.AllocDir(a.ID), "alloc") }
