package nomadfake

import (
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/hashicorp/nomad/api"
)

func steerRoutes() []route {
	return []route{
		{pattern: "PUT /v1/system/gc", answer: (*Fake).collect},
		{pattern: "GET /v1/status/leader", answer: (*Fake).leader},
	}
}

func (f *Fake) leader(*ask) (any, error) { return strings.TrimPrefix(f.server.URL, "http://"), nil }

func (f *Fake) collect(q *ask) (any, error) {
	if err := q.may(); err != nil {
		return nil, err
	}
	f.garbage()
	return nil, nil
}

// Lose takes a node's power, named by ID or name: what runs there is killed, nothing
// looks after it, and the servers call it lost. The node is down, or, as with the real
// one, stays disconnected where it was.
func (f *Fake) Lose(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodeOf(name)
	if n.away = true; n.Status != api.NodeStatusDisconnected {
		n.Status = api.NodeStatusDown
	}
	f.change(n, "NodeEvent")
	for _, a := range slices.Collect(maps.Values(f.allocs)) {
		if a.node != n {
			continue
		}
		unread := !a.ended()
		a.powerOff()
		if unread {
			e := f.missed(a, api.AllocClientStatusLost, "alloc is lost since its node is down", api.AllocDesiredStatusStop)
			f.place(a.job, e) // on another node, where there is one, and whatever its job says
		}
	}
}

// Disconnect keeps a node and the servers from hearing each other; what runs there goes
// on. Return makes them hear each other again, and Lose says that it never will.
func (f *Fake) Disconnect(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodeOf(name)
	n.Status, n.away = api.NodeStatusDisconnected, true
	f.change(n, "NodeEvent")
	for _, a := range f.allocs {
		if a.node == n && !a.terminal() {
			f.complete(f.missed(a, api.AllocClientStatusUnknown, "alloc is unknown since its node is disconnected", a.DesiredStatus))
		}
	}
}

// missed says what becomes of an allocation that the servers do not hear of.
func (f *Fake) missed(a *allocation, status, why, desired string) *api.Evaluation {
	f.next()
	e := f.newEval(a.job, triggerNode)
	a.ClientStatus, a.ClientDescription, a.DesiredStatus, a.DesiredDescription = status, why, desired, ""
	if desired == api.AllocDesiredStatusStop {
		a.DesiredDescription = why
	}
	a.touch(f.index)
	f.tell("PlanResult", a)
	return e
}

// Return brings a disconnected node back: it tells what happened meanwhile, and hears
// what it was to stop. For an allocation that was stopped meanwhile another is placed.
func (f *Fake) Return(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodeOf(name)
	n.Status, n.away = api.NodeStatusReady, false
	f.change(n, "NodeEvent")
	for _, a := range slices.Collect(maps.Values(f.allocs)) {
		if a.node != n || a.isOff() {
			continue
		}
		for name, task := range a.tasks {
			if task.State == taskRunning {
				a.event(name, &api.TaskEvent{Type: api.TaskClientReconnected, DisplayMessage: "Client reconnected"})
			}
		}
		f.report(a)
		if a.leaves && !a.terminal() {
			// The real one forgets that another is not wanted: it places one.
			e := f.newEval(a.job, triggerNode)
			f.stopAlloc(a, "alloc is being migrated", e)
			f.place(a.job, e)
		}
		if a.DesiredStatus != api.AllocDesiredStatusRun {
			a.ask()
		}
	}
}

// Drain asks everything on a node to end, and has nothing new placed there.
func (f *Fake) Drain(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drain(f.nodeOf(name))
}

// NoLeader says whether the servers are without a leader, and so answer nothing.
func (f *Fake) NoLeader(without bool) {
	f.mu.Lock()
	f.noLeader = without
	f.mu.Unlock()
	if without {
		f.CutStreams()
	}
}

// CutStreams ends every stream of events and files that is open now.
func (f *Fake) CutStreams() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.cut)
	f.cut = make(chan struct{})
}

// CollectGarbage forgets what is over, with its files.
func (f *Fake) CollectGarbage() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.garbage()
}

func (f *Fake) garbage() {
	for key, j := range f.jobs {
		if parameterized(j) && !value(j.Stop) || f.status(j) != jobDead || slices.ContainsFunc(f.allocsOf(key), func(a *allocation) bool { return !a.quiet() }) {
			continue
		}
		delete(f.jobs, key)
		for _, a := range f.allocsOf(key) {
			a.gone = true
			delete(f.allocs, a.ID)
			_ = os.RemoveAll(f.AllocDir(a.ID))
		}
		f.evals = slices.DeleteFunc(f.evals, func(e *api.Evaluation) bool { return e.Namespace == key.namespace && e.JobID == key.name })
		f.next()
		f.tell("JobDeregistered", j)
	}
}

// OOM kills an allocation's main tasks as the kernel does where memory has run out.
func (f *Fake) OOM(alloc string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.allocs[alloc]
	a.oom = true
	for _, task := range a.group.Tasks {
		if pid := a.pids[task.Name]; pid != 0 && task.Lifecycle == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// Unplaceable says whether the nodes are full, so that what is dispatched waits.
func (f *Fake) Unplaceable(full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
	if !full {
		f.unblock()
	}
}

// Starts counts the allocations that the children of that ID prefix had.
func (f *Fake) Starts(child string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, a := range f.allocs {
		if strings.HasPrefix(a.JobID, child) {
			n++
		}
	}
	return n
}
