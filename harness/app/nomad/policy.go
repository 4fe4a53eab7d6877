package nomad

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
)

// policy is what a job file may ask for. Some things are refused always, because the
// app could not be tested; the others unless the operator trusts the recipe's code.
type policy struct {
	trusted bool
	volumes []string // of the enrolment
}

// typeHost is the type of the volumes that are made here.
const typeHost = "host"

// maxInstances bounds how many allocations an app may have, over all its groups.
const maxInstances = 10

// refusals collects what a job file asks for and may not have.
type refusals struct {
	policy
	list []string
}

func (r *refusals) never(where, what string, args ...any) {
	r.list = append(r.list, where+": "+fmt.Sprintf(what, args...))
}

func (r *refusals) untrusted(where, what string, args ...any) {
	if !r.trusted {
		r.never(where, what, args...)
	}
}

// check is nil, or a fault that names each thing that is refused.
func (p policy) check(file string, job *api.Job) *app.Fault {
	r := &refusals{policy: p}
	r.job(job)
	for _, g := range job.TaskGroups {
		r.group(g)
	}
	if len(r.list) == 0 {
		return nil
	}
	f := &app.Fault{
		Summary: fmt.Sprintf("%s asks for what is not allowed: %s", file, r.list[0]),
		Hint:    "change the job file, or ask the operator whether the recipe's code can be trusted (trusted.code in the enrolment), where that helps",
	}
	if len(r.list) > 1 {
		f.Summary += fmt.Sprintf(" (and %d more)", len(r.list)-1)
		f.Evidence = r.list
	}
	return f
}

func (r *refusals) job(job *api.Job) {
	const where = "the job"
	if t := value(job.Type); t != "" && t != api.JobTypeService {
		r.never(where, "its type is %s; an app is a service", t)
	}
	switch {
	case job.Periodic != nil:
		r.never(where, "it is periodic")
	case job.ParameterizedJob != nil:
		r.never(where, "it is parameterized")
	case job.Multiregion != nil:
		r.never(where, "it is for several regions")
	}
	if len(job.TaskGroups) == 0 {
		r.never(where, "it has no group")
	}
	total := 0
	for _, g := range job.TaskGroups {
		total += count(g)
	}
	if total > maxInstances {
		r.never(where, "it wants %d allocations; at most %d are possible", total, maxInstances)
	}
	r.placing(where, job.Constraints)
}

// placing says that an app runs beside its harness and nowhere else.
func (r *refusals) placing(where string, constraints []*api.Constraint) {
	for _, c := range constraints {
		if strings.Contains(c.LTarget, "node.") || strings.Contains(c.RTarget, "node.") || c.Operand == api.ConstraintDistinctHosts || c.Operand == api.ConstraintDistinctProperty {
			r.never(where, "a constraint chooses a node (%s); the app runs where its tests do", strings.TrimSpace(strings.Join([]string{c.LTarget, c.Operand, c.RTarget}, " ")))
		}
	}
}

func (r *refusals) group(g *api.TaskGroup) {
	where := "group " + value(g.Name)
	r.placing(where, g.Constraints)
	if len(g.Tasks) == 0 {
		r.never(where, "it has no task")
	}
	for name, v := range g.Volumes {
		switch {
		case v.Type != typeHost:
			r.never(where, "the volume %q is of the type %q; only host volumes are made here", name, v.Type)
		case v.Source != releaseVolume && !slices.Contains(r.volumes, v.Source):
			r.never(where, "the volume %q is no volume of this app: its source is %q, which must be one of %s, or %s", name, v.Source, strings.Join(r.volumes, ", "), releaseVolume)
		case v.PerAlloc || v.Sticky:
			r.never(where, "the volume %q is one an allocation (per_alloc or sticky); one volume is for all of them", name)
		}
	}
	for _, n := range g.Networks {
		r.network(where, n)
	}
	for _, s := range g.Services {
		r.service(where, s)
	}
	if g.Consul != nil {
		r.untrusted(where, "a consul block")
	}
	for _, t := range g.Tasks {
		r.task(where+", task "+t.Name, g, t)
	}
}

func (r *refusals) network(where string, n *api.NetworkResource) {
	for _, p := range n.ReservedPorts {
		r.never(where, "the port %q is fixed to %d; leave out static, and read it from NOMAD_PORT_%s", p.Label, p.Value, p.Label)
	}
	switch {
	case n.Mode == "", n.Mode == "host", n.Mode == "bridge", n.Mode == "none":
	default:
		r.untrusted(where, "the network mode %q", n.Mode)
	}
}

func (r *refusals) service(where string, s *api.Service) {
	if s.Connect != nil {
		r.never(where, "the service %q is connected through Consul, which is not part of a test", s.Name)
	}
}

func (r *refusals) task(where string, g *api.TaskGroup, t *api.Task) {
	r.placing(where, t.Constraints)
	r.driver(where, g, t)
	for _, s := range t.Services {
		r.service(where, s)
	}
	for _, template := range t.Templates {
		r.template(where, template)
	}
	for _, ask := range []struct {
		asked bool
		what  string
	}{
		{len(t.Artifacts) > 0, "an artifact block fetches from the network"},
		{t.Identity != nil || len(t.Identities) > 0, "an identity block"},
		{t.Vault != nil, "a vault block"},
		{t.Consul != nil, "a consul block"},
		{len(t.Secrets) > 0, "a secret block"},
		{t.Resources != nil && len(t.Resources.Devices) > 0, "a device of the node"},
		{t.CSIPluginConfig != nil, "it is a CSI plugin"},
		{t.Kind != "", "it belongs to Consul (kind)"},
	} {
		if ask.asked {
			r.untrusted(where, "%s", ask.what)
		}
	}
	if t.Resources != nil {
		for _, n := range t.Resources.Networks {
			r.network(where, n)
		}
	}
	if t.DispatchPayload != nil {
		r.never(where, "a dispatch_payload block, which is for jobs that are dispatched")
	}
	if t.Schedule != nil {
		r.never(where, "a schedule block, which would pause the app")
	}
}

func value[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

func count(g *api.TaskGroup) int {
	if g.Count == nil {
		return 1
	}
	return *g.Count
}
