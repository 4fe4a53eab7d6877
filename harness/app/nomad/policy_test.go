package nomad

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
)

var rewrite = flag.Bool("update", false, "rewrite what tests compare with")

// harmless is a job that may run anywhere.
func harmless() *api.Job {
	return &api.Job{
		ID: new("wiki"), Meta: map[string]string{"team": "web", "seatrial_run": "forged"},
		TaskGroups: []*api.TaskGroup{{
			Name: new("web"), Count: new(2),
			Networks: []*api.NetworkResource{{Mode: "bridge", DynamicPorts: []api.Port{{Label: "http", To: 80}}}},
			Volumes: map[string]*api.VolumeRequest{
				"d": {Name: "d", Type: "host", Source: "data"},
				"r": {Name: "r", Type: "host", Source: "release"},
			},
			Services: []*api.Service{{Name: "wiki", Tags: []string{"traefik.enable=true"}}},
			Tasks: []*api.Task{
				{
					Name: "server", Driver: "docker", Config: map[string]any{"image": "wiki:1", "ports": []any{"http"}, "volumes": []any{"local/conf:/conf"}},
					VolumeMounts: []*api.VolumeMount{{Volume: new("d"), Destination: new("/data")}, {Volume: new("r"), Destination: new("/release")}},
					Templates:    []*api.Template{{EmbeddedTmpl: new(`{{ env "NOMAD_PORT_http" }} the service's secret key`), DestPath: new("local/conf/x")}},
					KillTimeout:  new(time.Hour), Resources: &api.Resources{MemoryMB: new(64), MemoryMaxMB: new(100_000)},
				},
				{Name: "init", Driver: "exec", Lifecycle: &api.TaskLifecycle{Hook: "prestart"}, Config: map[string]any{"command": "/bin/sh"}},
			},
		}},
	}
}

func TestPolicy(t *testing.T) {
	group := func(change func(*api.TaskGroup)) func(*api.Job) {
		return func(j *api.Job) { change(j.TaskGroups[0]) }
	}
	task := func(change func(*api.Task)) func(*api.Job) {
		return func(j *api.Job) { change(j.TaskGroups[0].Tasks[0]) }
	}
	config := func(key string, setting any) func(*api.Job) {
		return task(func(x *api.Task) { x.Config[key] = setting })
	}
	template := func(text string) func(*api.Job) {
		return task(func(x *api.Task) { x.Templates[0].EmbeddedTmpl = new(text) })
	}
	const both, untrusted = true, false
	for name, c := range map[string]struct {
		change func(*api.Job)
		says   string
		always bool // also where the code is trusted
	}{
		"nothing":         {func(*api.Job) {}, "", both},
		"batch":           {func(j *api.Job) { j.Type = new("batch") }, "the job: its type is batch", both},
		"periodic":        {func(j *api.Job) { j.Periodic = &api.PeriodicConfig{} }, "periodic", both},
		"parameterized":   {func(j *api.Job) { j.ParameterizedJob = &api.ParameterizedJobConfig{} }, "parameterized", both},
		"several regions": {func(j *api.Job) { j.Multiregion = &api.Multiregion{} }, "regions", both},
		"too many":        {group(func(g *api.TaskGroup) { g.Count = new(11) }), "11 allocations; at most 10", both},
		"another node": {func(j *api.Job) {
			j.Constraints = []*api.Constraint{api.NewConstraint("${node.unique.name}", "=", "x")}
		}, "chooses a node", both},
		"distinct hosts": {group(func(g *api.TaskGroup) {
			g.Constraints = []*api.Constraint{api.NewConstraint("", api.ConstraintDistinctHosts, "true")}
		}), "group web: a constraint", both},
		"a foreign volume":   {group(func(g *api.TaskGroup) { g.Volumes["d"].Source = "others" }), `its source is "others", which must be one of data, or release`, both},
		"a CSI volume":       {group(func(g *api.TaskGroup) { g.Volumes["d"].Type = "csi" }), `of the type "csi"`, both},
		"a fixed port":       {group(func(g *api.TaskGroup) { g.Networks[0].ReservedPorts = []api.Port{{Label: "http", Value: 80}} }), "fixed to 80", both},
		"connect":            {group(func(g *api.TaskGroup) { g.Services[0].Connect = &api.ConsulConnect{} }), "connected through Consul", both},
		"raw_exec":           {task(func(x *api.Task) { x.Driver = "raw_exec" }), "group web, task server: the driver raw_exec, which runs the task as root", untrusted},
		"an unknown driver":  {task(func(x *api.Task) { x.Driver = "qemu" }), "the driver qemu", untrusted},
		"the host's network": {func(j *api.Job) { j.TaskGroups[0].Networks[0].Mode = "" }, `task init: the driver exec in the node's own network`, untrusted},
		"cni":                {group(func(g *api.TaskGroup) { g.Networks[0].Mode = "cni/x" }), `"cni/x"`, untrusted},
		"root":               {func(j *api.Job) { j.TaskGroups[0].Tasks[1].User = "root" }, "runs as root", untrusted},
		"privileged":         {config("privileged", true), "privileged container", untrusted},
		"not privileged":     {config("privileged", false), "", both},
		"the socket":         {config("volumes", []any{"/var/run/docker.sock:/var/run/docker.sock"}), "docker.sock", untrusted},
		"a way out":          {config("volumes", []any{"local/../../../etc:/x"}), "of the node", untrusted},
		"a named volume":     {config("volumes", []any{"keeps:/x"}), "of the node", untrusted},
		"a bind mount":       {config("mount", []map[string]any{{"type": "bind", "source": "/etc"}}), `a mount of the type "bind"`, untrusted},
		"host network":       {config("network_mode", "host"), `network mode "host"`, untrusted},
		"another's network":  {config("network_mode", "container:x"), "network mode", untrusted},
		"host pids":          {config("pid_mode", "host"), `pid_mode "host"`, untrusted},
		"host ipc":           {config("ipc_mode", "host"), `ipc_mode "host"`, untrusted},
		"devices":            {config("devices", []any{}), `setting "devices"`, untrusted},
		"capabilities":       {config("cap_add", []any{"SYS_ADMIN"}), `setting "cap_add"`, untrusted},
		"something new":      {config("cool_feature", 1), `setting "cool_feature"`, untrusted},
		"an artifact":        {task(func(x *api.Task) { x.Artifacts = []*api.TaskArtifact{{}} }), "artifact", untrusted},
		"an identity":        {task(func(x *api.Task) { x.Identities = []*api.WorkloadIdentity{{}} }), "identity", untrusted},
		"vault":              {task(func(x *api.Task) { x.Vault = &api.Vault{} }), "vault", untrusted},
		"consul":             {task(func(x *api.Task) { x.Consul = &api.Consul{} }), "consul", untrusted},
		"a GPU":              {task(func(x *api.Task) { x.Resources.Devices = []*api.RequestedDevice{{}} }), "device", untrusted},
		"a template's file":  {task(func(x *api.Task) { x.Templates[0].SourcePath = new("local/x.tpl") }), "a template from a file", untrusted},
		"a template outside": {task(func(x *api.Task) { x.Templates[0].DestPath = new("../../x") }), "outside of the task", untrusted},
		"a variable":         {template(`{{ with nomadVar "nomad/jobs" }}{{ .x }}{{ end }}`), "nomadVar", untrusted},
		"a secret":           {template("{{- with (secret `a`) -}}{{ end }}"), "calls secret", untrusted},
		"services":           {template(`{{ range nomadService "db" }}{{ end }}`), "nomadService", untrusted},
		"hidden by a quote":  {template(`{{ env "A" }} " {{ key "b" }} "`), "calls key", untrusted},
		"hidden by an end":   {template(`{{ env "}}" | key }}`), "calls key", untrusted},
		"a harmless word":    {template(`{{ env "secret" }} key {{ .key }} {{ $service := 1 }}`), "", both},
	} {
		t.Run(name, func(t *testing.T) {
			for _, trusted := range []bool{false, true} {
				job := harmless()
				c.change(job)
				f := policy{trusted: trusted, volumes: []string{"data"}}.check("app.nomad.hcl", job)
				refused := c.says != "" && (c.always || !trusted)
				switch {
				case !refused && f != nil:
					t.Errorf("trusted %v: refused: %s", trusted, f.Summary)
				case refused && (f == nil || !strings.Contains(f.Summary+strings.Join(f.Evidence, "\n"), c.says)):
					t.Errorf("trusted %v: want a refusal that says %q, got %+v", trusted, c.says, f)
				}
			}
		})
	}
}

func TestEveryRefusalIsNamed(t *testing.T) {
	job := harmless()
	job.Type = new("system")
	job.TaskGroups[0].Tasks[0].Config["privileged"] = true
	f := policy{volumes: []string{"data"}}.check("app.nomad.hcl", job)
	want := []string{"the job: its type is system; an app is a service", "group web, task server: a privileged container"}
	if f == nil || !slices.Equal(f.Evidence, want) || !strings.HasSuffix(f.Summary, "an app is a service (and 1 more)") {
		t.Errorf("%+v", f)
	}
}

func TestAJobIsMadeOurs(t *testing.T) {
	job := harmless()
	shape{
		namespace: "ci-apps", label: "wiki-012345", node: &api.Node{ID: "node-1", Datacenter: "dc1", NodePool: "runners"},
		labels:  map[string]string{"seatrial_run": "ours"},
		release: app.Release{Name: "1.0.0", Commit: "c0ffee", Tree: "7ree"}, volumes: map[string]string{"data": "labelled.data", "release": "labelled.release-1"},
		stop: 10 * time.Second, memory: 1024,
	}.apply(job)
	mainVolume(job, "data")
	got, err := json.MarshalIndent(prune(t, job), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/ours.json"
	if *rewrite {
		if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("rewrite with -update if it is meant:\n%s", diff)
	}
}

// prune leaves out what is not set, so that a person can read the rest.
func prune(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				if inner = walk(inner); inner == nil || inner == "" || inner == false && key != "Replace" && key != "Unlimited" {
					delete(v, key)
				} else {
					v[key] = inner
				}
			}
			if len(v) == 0 {
				return nil
			}
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
			if len(v) == 0 {
				return nil
			}
		}
		return v
	}
	return walk(tree)
}
