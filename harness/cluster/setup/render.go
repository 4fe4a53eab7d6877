package setup

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/template"
	"time"

	"seatrial/harness/cluster"
	"seatrial/harness/run"
	"seatrial/recipes"
)

//go:embed hcl/*.tmpl
var hcl embed.FS

// What a harness takes besides the app, and what becomes of an app's limits: memory is
// set aside as a whole, of the processors a part, because they can be shared.
const (
	harnessMHz, harnessMemoryMB = 100, 256
	mhzPerCPU                   = 500
	leastMHz, leastMemoryMB     = 100, 128
	diskMB                      = 300 // of an allocation: logs and results
)

// killTimeout is longer than a run takes to tear down.
const killTimeout = run.TeardownBudget + 2*time.Minute

// File is one object's definition.
type File struct {
	Name string // such as jobs/seatrial-run.nomad.hcl
	HCL  string
}

// Render is everything that Apply makes, in its order.
func Render(o Options) ([]File, error) {
	objects, err := render(o)
	if err != nil {
		return nil, err
	}
	files := make([]File, len(objects))
	for i, object := range objects {
		files[i] = File{object.file, object.text}
	}
	return files, nil
}

// object is one thing on a cluster.
type object struct {
	Kind
	name        string
	namespace   string // of a job, and of the job that a policy belongs to
	job         string // that a policy belongs to; none: it is a token's
	description string
	file        string
	text        string
}

func render(o Options) ([]object, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	templates, err := template.New("").Funcs(template.FuncMap{"q": cluster.Quote, "list": quoteAll}).ParseFS(hcl, "hcl/*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("cannot read the definitions: %w", err)
	}
	r := renderer{Options: o, templates: templates}
	r.namespace(o.Namespaces.Runs, "Seatrial: attempts at runs, enrolments, leases.")
	r.namespace(o.Namespaces.Apps, "Seatrial: apps under test, and nothing else.")
	r.policy("bridge", "bridge", "", "seatrial serve: dispatches runs and follows them")
	r.policy("harness", "harness", cluster.JobRun, "an attempt at a run of "+cluster.JobRun)
	r.policy("janitor", "janitor", cluster.JobJanitor, "removes what outlived its run")
	r.run("", recipes.Enrolment{})
	own := slices.Clone(o.Recipes)
	slices.SortFunc(own, func(a, b recipes.Enrolment) int { return cmp.Compare(a.Name, b.Name) })
	for _, e := range own {
		if e.Builder != "" {
			continue
		}
		job := cluster.RecipeJob(e.Name)
		r.policy("harness", "harness-"+e.Name, job, "an attempt at a run of "+job)
		r.run(e.Name, recipes.Defaults(e))
	}
	r.add("janitor.nomad.hcl.tmpl", object{Kind: Job, name: cluster.JobJanitor, namespace: o.Namespaces.Runs}, map[string]any{
		"Command": o.Binary, "State": cluster.Quote(o.State), "Cron": cron(o.JanitorEvery), "NodePool": o.NodePool,
	})
	slices.SortStableFunc(r.objects, func(a, b object) int { return cmp.Compare(a.Kind, b.Kind) })
	return r.objects, r.err
}

type renderer struct {
	Options
	templates *template.Template
	objects   []object
	err       error
}

// policyName tells the policies of clusters' installations apart: policies are in no namespace.
func (o Options) policyName(what string) string {
	if o.Namespaces.Runs == cluster.DefaultRuns {
		return "seatrial-" + what
	}
	return "seatrial-" + o.Namespaces.Runs + "-" + what
}

func (r *renderer) namespace(name, description string) {
	r.add("namespace.hcl.tmpl", object{Kind: Namespace, name: name, description: description}, map[string]any{})
}

func (r *renderer) policy(from, what, job, description string) {
	o := object{Kind: Policy, name: r.policyName(what), job: job, description: "Seatrial: " + description}
	if job != "" {
		o.namespace = r.Namespaces.Runs
	}
	r.add(from+".hcl.tmpl", o, map[string]any{})
}

func (r *renderer) run(recipe string, e recipes.Enrolment) {
	v := map[string]any{
		"Describe": "Runs of recipes that have no job of their own.", "NodePool": r.NodePool,
		"Required": cluster.RequiredMeta, "Optional": cluster.OptionalMeta, "Capabilities": cluster.NodeCapabilities, "Needs": e.Needs, "Affinities": []string(nil),
		"Group": cluster.Group, "Executor": cluster.Executor, "Teardown": cluster.Teardown, "Port": cluster.PortGateway,
		"LostAfter": span(r.LostAfter), "KillTimeout": span(killTimeout), "DiskMB": diskMB,
		"Driver": r.Driver, "Image": "", "Command": r.Binary, "State": cluster.Quote(r.State),
		"Env": r.Env,
	}
	name := cluster.JobRun
	if recipe != "" {
		name = cluster.RecipeJob(recipe)
		v["Describe"] = "Runs of the recipe " + recipe + ", with what its enrolment asks for."
		v["Affinities"] = affinities(e.Repo)
	} else {
		e = recipes.Defaults(e)
	}
	if r.Driver == DriverDocker || e.Image != "" {
		// In a container there is no state folder of the node's: the allocation's is
		// there, and both tasks see it.
		v["Driver"], v["Image"], v["Command"], v["State"] = DriverDocker, cmp.Or(e.Image, r.Image), "seatrial", `"${NOMAD_ALLOC_DIR}/state"`
	}
	limit := int(int64(e.Resources.Memory)>>20) + harnessMemoryMB
	v["CPU"], v["MemoryMB"], v["MemoryMaxMB"] = harnessMHz+int(e.Resources.CPUs*mhzPerCPU), limit, 0
	if measured, ok := r.Measured[recipe]; ok && recipe != "" {
		if measured.CPU > 0 {
			v["CPU"] = max(measured.CPU, leastMHz)
		}
		v["MemoryMB"] = max(min(measured.MemoryMB, limit), leastMemoryMB)
		if limit > v["MemoryMB"].(int) {
			v["MemoryMaxMB"] = limit // where the cluster allows to exceed what was set aside
		}
	}
	r.add("run.nomad.hcl.tmpl", object{Kind: Job, name: name, namespace: r.Namespaces.Runs}, v)
}

// add renders twice: the fingerprint is part of what it sums up but for itself.
func (r *renderer) add(from string, o object, values map[string]any) {
	if r.err != nil {
		return
	}
	ending := ".hcl"
	if o.Kind == Job {
		ending = ".nomad.hcl"
	}
	o.file = path.Join(o.Kind.folder(), o.name+ending)
	values["Name"], values["File"], values["Description"], values["Job"] = o.name, o.file, o.description, o.job
	values["Runs"], values["Apps"], values["Definition"] = r.Namespaces.Runs, r.Namespaces.Apps, ""
	for range 2 {
		var b bytes.Buffer
		if err := r.templates.ExecuteTemplate(&b, from, values); err != nil {
			r.err = fmt.Errorf("cannot write the definition of %s: %w", o.name, err)
			return
		}
		o.text = b.String()
		values["Definition"] = fingerprint(o.text)
	}
	r.objects = append(r.objects, o)
}

func cron(every time.Duration) string {
	if every == time.Hour {
		return "0 * * * *"
	}
	return fmt.Sprintf("*/%d * * * *", int(every.Minutes()))
}

// span is a time span without its zeros: 7m, not 7m0s.
func span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func quoteAll(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = cluster.Quote(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
