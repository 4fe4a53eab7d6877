package setup_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/cluster/setup"
)

// probes are everything that somebody may want to do, by what it is called below.
// alloc runs in the namespace.
func probes(t *testing.T, namespace string, alloc *api.Allocation) map[string]func(*cluster.Client) error {
	q, w := &api.QueryOptions{Namespace: namespace}, &api.WriteOptions{Namespace: namespace}
	const none = "no-such-thing"
	job := func() *api.Job {
		return &api.Job{ID: new("probe"), Name: new("probe"), Namespace: new(namespace), Type: new("batch"), Datacenters: []string{"nowhere"},
			TaskGroups: []*api.TaskGroup{{Name: new("g"), Tasks: []*api.Task{{Name: "t", Driver: "raw_exec", Config: map[string]any{"command": "true"}}}}}}
	}
	variables := map[string]func(*cluster.Client) error{}
	for _, path := range []string{"seatrial/leases", "seatrial/recipes", "nomad/jobs"} {
		variables["read "+path] = func(c *cluster.Client) error { _, _, err := c.Variables().Peek(path+"/probe", q); return err }
		variables["write "+path] = func(c *cluster.Client) error {
			_, _, err := c.Variables().Update(&api.Variable{Namespace: namespace, Path: path + "/probe", Items: api.VariableItems{"a": "b"}}, w)
			return err
		}
		variables["destroy "+path] = func(c *cluster.Client) error { _, err := c.Variables().Delete(path+"/probe", w); return err }
	}
	all := map[string]func(*cluster.Client) error{
		"list-jobs":    func(c *cluster.Client) error { _, _, err := c.Jobs().List(q); return err },
		"read-job":     func(c *cluster.Client) error { _, _, err := c.Jobs().Info(none, q); return err },
		"submit-job":   func(c *cluster.Client) error { _, _, err := c.Jobs().Register(job(), w); return err },
		"dispatch-job": func(c *cluster.Client) error { _, _, err := c.Jobs().Dispatch(none, nil, nil, "", w); return err },
		"stop a job":   func(c *cluster.Client) error { _, _, err := c.Jobs().Deregister(none, false, w); return err },
		"purge-job":    func(c *cluster.Client) error { _, _, err := c.Jobs().Deregister(none, true, w); return err },
		"scale-job": func(c *cluster.Client) error {
			_, _, err := c.Jobs().Scale(none, "g", new(1), "", false, nil, w)
			return err
		},
		"read-fs": func(c *cluster.Client) error { _, _, err := c.AllocFS().List(alloc, "/", q); return err },
		"read-logs": func(c *cluster.Client) error {
			body, err := c.Raw().Response("/v1/client/fs/logs/"+alloc.ID+"?task=t&type=stdout&plain=true", q)
			if err == nil {
				err = body.Close()
			}
			return err
		},
		"alloc-lifecycle": func(c *cluster.Client) error { return c.Allocations().Restart(alloc, none, q) },
		"alloc-exec": func(c *cluster.Client) error {
			_, err := c.Allocations().Exec(t.Context(), alloc, "t", false, []string{"true"}, strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, nil, q)
			return err
		},
		"host-volume-read": func(c *cluster.Client) error { _, _, err := c.HostVolumes().Get(none, q); return err },
		"host-volume-delete": func(c *cluster.Client) error {
			_, _, err := c.HostVolumes().Delete(&api.HostVolumeDeleteRequest{ID: none}, w)
			return err
		},
		"host-volume-create": func(c *cluster.Client) error {
			_, _, err := c.HostVolumes().Create(&api.HostVolumeCreateRequest{Volume: &api.HostVolume{Namespace: namespace, Name: "x", PluginID: none}}, w)
			return err
		},
		"read nodes": func(c *cluster.Client) error { _, _, err := c.Nodes().List(nil); return err },
		"change nodes": func(c *cluster.Client) error {
			_, err := c.Nodes().ToggleEligibility("11111111-2222-3333-4444-555555555555", true, nil)
			return err
		},
		"read agents": func(c *cluster.Client) error { _, err := c.Agent().Self(); return err },
		"make policies": func(c *cluster.Client) error {
			_, err := c.ACLPolicies().Upsert(&api.ACLPolicy{Name: "x"}, nil)
			return err
		},
		"make tokens": func(c *cluster.Client) error {
			_, _, err := c.ACLTokens().Create(&api.ACLToken{Type: "client", Policies: []string{"x"}}, nil)
			return err
		},
		"make namespaces": func(c *cluster.Client) error {
			_, err := c.Namespaces().Register(&api.Namespace{Name: "probe"}, nil)
			return err
		},
	}
	for name, probe := range variables {
		all[name] = probe
	}
	return all
}

func TestPoliciesAllowWhatIsNeededAndNothingElse(t *testing.T) {
	t.Parallel()
	a, client := start(t, agent.Options{Dev: true})
	apply(t, client, setup.Options{})
	awaitNode(t, client)
	allocs := map[string]*api.Allocation{"ci": sleeper(t, client, "ci"), "ci-apps": sleeper(t, client, "ci-apps"), "default": sleeper(t, client, "default")}
	everywhere := []string{"read nodes"}
	apps := []string{"list-jobs", "read-job", "stop a job", "purge-job", "alloc-lifecycle", "host-volume-read", "host-volume-delete"}
	for policy, allowed := range map[string]map[string][]string{
		"seatrial-bridge": {
			"ci": {"list-jobs", "read-job", "dispatch-job", "read-logs", "read-fs", "alloc-lifecycle", "stop a job", "read seatrial/leases", "destroy seatrial/leases", "read seatrial/recipes"}, "ci-apps": apps,
		},
		"seatrial-harness": {
			"ci":      {"read seatrial/leases", "write seatrial/leases"},
			"ci-apps": append([]string{"submit-job", "read-logs", "read-fs", "alloc-exec", "scale-job", "host-volume-create"}, apps...),
		},
		"seatrial-janitor": {"ci": {"list-jobs", "read-job", "stop a job", "read seatrial/leases", "destroy seatrial/leases"}, "ci-apps": apps},
	} {
		token, _, err := client.ACLTokens().Create(&api.ACLToken{Type: "client", Policies: []string{policy}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		holder := clientFor(t, a, token.SecretID)
		for _, namespace := range []string{"ci", "ci-apps", "default"} {
			for name, probe := range probes(t, namespace, allocs[namespace]) {
				may := slices.Contains(append(everywhere, allowed[namespace]...), name)
				err := probe(holder)
				refused := cluster.Is(err, cluster.ErrForbidden) || err != nil && strings.Contains(err.Error(), "Permission denied")
				if may == refused {
					t.Errorf("%s, %s in %s: may is %v, but: %v", policy, name, namespace, may, err)
				}
			}
		}
	}
}

// sleeper runs an allocation.
func sleeper(t *testing.T, client *cluster.Client, namespace string) *api.Allocation {
	t.Helper()
	_, _, err := client.Jobs().Register(&api.Job{
		ID: new("sleeper"), Name: new("sleeper"), Namespace: new(namespace), Type: new("batch"), Datacenters: []string{"*"},
		TaskGroups: []*api.TaskGroup{{Name: new("g"), Tasks: []*api.Task{{Name: "t", Driver: "raw_exec", Config: map[string]any{"command": "sleep", "args": []string{"600"}}}}}},
	}, &api.WriteOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		list, _, err := client.Jobs().Allocations("sleeper", true, &api.QueryOptions{Namespace: namespace})
		if err == nil && len(list) > 0 && list[0].ClientStatus == "running" {
			return &api.Allocation{ID: list[0].ID, NodeID: list[0].NodeID, Namespace: namespace}
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing runs in %s: %v, %v", namespace, list, err)
		}
	}
}

func TestAnAttemptHasThePolicyOfItsRecipesJob(t *testing.T) {
	t.Parallel()
	_, client := start(t, agent.Options{Dev: true})
	nomad, err := agent.Find()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	script := fmt.Sprintf("#!/bin/sh\nexport NOMAD_ADDR=$NOMAD_UNIX_ADDR\n%[1]s var put -force seatrial/leases/lease node=$NODE_NAME $(%[1]s var get -out go-template -template '{{range $k, $v := .Items}}{{$k}}=read{{end}}' seatrial/settings) && ! %[1]s var put -force seatrial/recipes/lease a=b\n", nomad)
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	o := setup.Options{Binary: program, Settings: cluster.Settings{BuildEnv: []string{"KEY=value"}}, Recipes: options().Recipes[1:]}
	apply(t, client, o)
	awaitNode(t, client)
	child := dispatch(t, client, cluster.RecipeJob("guestbook"))
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		v, _, err := client.Variables().Peek("seatrial/leases/lease", &api.QueryOptions{Namespace: "ci"})
		if err == nil && v != nil && v.Items["node"] == "n" && v.Items["settings"] == "read" {
			break
		}
		if time.Now().After(deadline) {
			allocs, _, _ := client.Jobs().Allocations(child, true, &api.QueryOptions{Namespace: "ci"})
			t.Fatalf("the attempt took no lease: %v, %v, %+v", v, err, allocs)
		}
	}
}
