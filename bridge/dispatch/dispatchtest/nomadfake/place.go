package nomadfake

import (
	"fmt"
	"net"
	"os"
	"time"

	"github.com/hashicorp/nomad/api"
)

// place gives each of a job's groups an allocation, or says why not.
func (f *Fake) place(j *api.Job, e *api.Evaluation) {
	failed := map[string]*api.AllocationMetric{}
	for _, group := range j.TaskGroups {
		if f.placed(j, *group.Name) {
			continue
		}
		n, metric := f.pick(j, group)
		if n == nil {
			failed[*group.Name] = metric
			continue
		}
		f.start(j, group, n, e)
	}
	switch {
	case len(failed) == 0:
		f.complete(e)
	case e.Status != evalBlocked:
		f.block(j, e, failed)
	}
}

// placed says whether a group needs no allocation: it has one that lives, or has ended well.
func (f *Fake) placed(j *api.Job, group string) bool {
	for _, a := range f.allocsOf(keyOf(j)) {
		if a.TaskGroup == group && (!a.terminal() || a.ClientStatus == api.AllocClientStatusComplete) {
			return true
		}
	}
	return false
}

// pick chooses the first node that takes work and fulfils what the job asks for.
func (f *Fake) pick(j *api.Job, group *api.TaskGroup) (*node, *api.AllocationMetric) {
	why := &api.AllocationMetric{NodePool: "default", ConstraintFiltered: map[string]int{}, DimensionExhausted: map[string]int{}}
	constraints := append(j.Constraints[:len(j.Constraints):len(j.Constraints)], group.Constraints...)
	for _, task := range group.Tasks {
		constraints = append(constraints, task.Constraints...)
	}
	for _, n := range f.nodes {
		if n.Status != api.NodeStatusReady || n.SchedulingEligibility != api.NodeSchedulingEligible {
			continue
		}
		why.NodesInPool++
		why.NodesEvaluated++
		if unmet := f.unmet(n, constraints); unmet != "" {
			why.NodesFiltered++
			why.ConstraintFiltered[unmet]++
			continue
		}
		if f.full {
			why.NodesExhausted++
			why.DimensionExhausted["memory"]++
			continue
		}
		return n, nil
	}
	return nil, why
}

// unmet is the first constraint that a node does not fulfil.
func (f *Fake) unmet(n *node, constraints []*api.Constraint) string {
	for _, c := range constraints {
		have, there := n.lookup(c.LTarget)
		want, known := n.lookup(c.RTarget)
		if !known {
			want = c.RTarget
		}
		met := false
		switch c.Operand {
		case "=", "==", "is", "":
			met = there && have == want
		case "!=", "not":
			met = have != want
		case api.ConstraintAttributeIsSet:
			met = there
		case api.ConstraintAttributeIsNotSet:
			met = !there
		default:
			f.complain("no such constraint is understood: %s %s %s", c.LTarget, c.Operand, c.RTarget)
		}
		if !met {
			return fmt.Sprintf("%s %s %s", c.LTarget, c.Operand, c.RTarget)
		}
	}
	return ""
}

// start makes an allocation on a node, which begins with it at once.
func (f *Fake) start(j *api.Job, group *api.TaskGroup, n *node, e *api.Evaluation) {
	index := f.next()
	a := &allocation{
		job: j, group: group, node: n, ports: map[string]int{}, tasks: map[string]*api.TaskState{}, pids: map[string]int{},
		asked: make(chan struct{}), off: make(chan struct{}),
	}
	a.Allocation = api.Allocation{
		ID: newID(), Namespace: *j.Namespace, EvalID: e.ID, Name: fmt.Sprintf("%s.%s[0]", *j.ID, *group.Name), NodeID: n.ID, NodeName: n.Name,
		JobID: *j.ID, Job: j, TaskGroup: *group.Name, DesiredStatus: api.AllocDesiredStatusRun, ClientStatus: api.AllocClientStatusPending,
		AllocatedResources: resourcesOf(group), Metrics: &api.AllocationMetric{NodesEvaluated: 1, NodesInPool: 1}, CreateIndex: index, CreateTime: time.Now().UnixNano(),
	}
	a.touch(index)
	for _, network := range group.Networks {
		for _, port := range network.DynamicPorts {
			a.ports[port.Label] = freePort()
		}
		for _, port := range network.ReservedPorts {
			a.ports[port.Label] = port.Value
		}
	}
	f.allocs[a.ID] = a
	f.tell("PlanResult", a)
	f.tasks.Add(1)
	go f.run(a)
}

func resourcesOf(group *api.TaskGroup) *api.AllocatedResources {
	r := &api.AllocatedResources{Tasks: map[string]*api.AllocatedTaskResources{}}
	for _, task := range group.Tasks {
		given := &api.AllocatedTaskResources{}
		if task.Resources != nil {
			given.Cpu.CpuShares = int64(value(task.Resources.CPU))
			given.Memory.MemoryMB, given.Memory.MemoryMaxMB = int64(value(task.Resources.MemoryMB)), int64(value(task.Resources.MemoryMaxMB))
		}
		r.Tasks[task.Name] = given
	}
	return r
}

// freePort finds one on loopback that nobody listens on now.
func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot find a free port:", err)
		return 0
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
