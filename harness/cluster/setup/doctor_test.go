package setup_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/cluster/setup"
	"seatrial/recipes"
)

// examine returns what was found, but for what is fine.
func examine(t *testing.T, client *cluster.Client, o setup.Options) (wrong, doubts, fine string) {
	t.Helper()
	findings, err := setup.Examine(t.Context(), client, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		switch f.Mark {
		case setup.Wrong:
			wrong += f.String() + "\n"
		case setup.Doubt:
			doubts += f.String() + "\n"
		default:
			fine += f.String() + "\n"
		}
		if f.Mark != setup.Fine && f.Next == "" {
			t.Errorf("%q says no next step", f)
		}
	}
	return wrong, doubts, fine
}

// withoutJanitor is what is wrong but for the janitor, which every ten minutes looks whatever
// the test does, and fails.
func withoutJanitor(wrong string) (others string, looked bool) {
	for line := range strings.Lines(wrong) {
		if strings.Contains(line, "the janitor failed") {
			looked = true
			continue
		}
		others += line
	}
	return others, looked
}

// tokenWith makes a client with a policy of these rules.
func tokenWith(t *testing.T, client *cluster.Client, at string, rules string, ttl time.Duration) *cluster.Client {
	t.Helper()
	name := "p" + strings.ReplaceAll(strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.Name(), "-")), "_", "-")
	name = name[max(0, len(name)-120):]
	if _, err := client.ACLPolicies().Upsert(&api.ACLPolicy{Name: name, Rules: rules}, nil); err != nil {
		t.Fatal(err)
	}
	token, _, err := client.ACLTokens().Create(&api.ACLToken{Name: "t", Type: "client", Policies: []string{name}, ExpirationTTL: ttl}, nil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := cluster.NewClient(cluster.Config{Address: at, Token: token.SecretID})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func bridgeRules(t *testing.T, client *cluster.Client) string {
	t.Helper()
	policy, _, err := client.ACLPolicies().Info("seatrial-bridge", nil)
	if err != nil {
		t.Fatal(err)
	}
	return policy.Rules
}

func TestExamine(t *testing.T) {
	t.Parallel()
	a, client := start(t, agent.Options{Dev: true, Change: func(config map[string]any) {
		config["acl"].(map[string]any)["token_min_expiration_ttl"] = "1s"
	}})
	o := setup.Options{Recipes: []recipes.Enrolment{{Name: "guestbook", Repo: "harbour/guestbook", Needs: []string{"large"}}}}

	t.Run("an empty cluster lacks everything", func(t *testing.T) {
		wrong, _, _ := examine(t, client, o)
		for _, want := range []string{"no namespace ci:", "no namespace ci-apps:", "job seatrial-run is not registered", "job seatrial-run-guestbook is not registered", "job seatrial-janitor is not registered", "no policy seatrial-bridge"} {
			if !strings.Contains(wrong, want) {
				t.Errorf("%q is not in:\n%s", want, wrong)
			}
		}
	})
	apply(t, client, o)
	awaitNode(t, client)
	rules := bridgeRules(t, client)
	good := tokenWith(t, client, a.HTTP, rules, 0)

	t.Run("all is well", func(t *testing.T) {
		for who, client := range map[string]*cluster.Client{"the operator": client, "the bridge": good} {
			wrong, doubts, fine := examine(t, client, o)
			wrong, looked := withoutJanitor(wrong)
			if wrong != "" {
				t.Errorf("%s:\n%s", who, wrong)
			}
			for _, want := range []string{"Nomad answers", "namespace ci exists", "job seatrial-run-guestbook is registered and up to date", "driver raw_exec is healthy", "Nomad is 1.", "nodes that take work: 1", "what recipes need is offered"} {
				if !strings.Contains(fine, want) {
					t.Errorf("%s: %q is not in:\n%s", who, want, fine)
				}
			}
			if !strings.Contains(doubts, "the janitor has not been here") && !looked || strings.Contains(doubts, "could not be asked") != (who == "the bridge") {
				t.Errorf("%s: doubts:\n%s", who, doubts)
			}
		}
	})
	t.Run("each missing capability is named, and no other", func(t *testing.T) {
		for _, c := range []struct{ from, to, want string }{
			{`"list-jobs", "read-job", "dispatch-job"`, `"read-job", "dispatch-job"`, "lacks list-jobs in namespace ci:"},
			{`"read-job", "dispatch-job"`, `"dispatch-job"`, "lacks read-job in namespace ci:"},
			{`"dispatch-job", `, ``, "lacks dispatch-job in namespace ci:"},
			{`"read-logs", `, ``, "lacks read-logs in namespace ci:"},
			{`"read-fs", `, ``, "lacks read-fs in namespace ci:"},
			{`"alloc-lifecycle", `, ``, "lacks alloc-lifecycle in namespace ci:"},
			{`"alloc-lifecycle", "host`, `"host`, "lacks alloc-lifecycle in namespace ci-apps:"},
			{`, "deregister-job"]`, `]`, "lacks deregister-job in namespace ci:"},
			{`["read", "list", "destroy"]`, `["list", "destroy"]`, "lacks read in variables seatrial/leases/* of ci:"},
			{`["read", "list", "destroy"]`, `["read", "destroy"]`, "lacks list in variables seatrial/leases/* of ci:"},
			{`["read", "list", "destroy"]`, `["read", "list"]`, "lacks destroy in variables seatrial/leases/* of ci:"},
			{`["read", "list"]`, `["list"]`, "lacks read in variables seatrial/recipes/* of ci:"},
			{`["read", "list"]`, `["read"]`, "lacks list in variables seatrial/recipes/* of ci:"},
			{`["list-jobs", "read-job", "deregister-job"`, `["read-job", "deregister-job"`, "lacks list-jobs in namespace ci-apps:"},
			{`["list-jobs", "read-job", "deregister-job"`, `["list-jobs", "deregister-job"`, "lacks read-job in namespace ci-apps:"},
			{`"purge-job", `, ``, "lacks purge-job in namespace ci-apps:"},
			{`"host-volume-read", `, ``, "lacks host-volume-read in namespace ci-apps:"},
			{`, "host-volume-delete"`, ``, "lacks host-volume-delete in namespace ci-apps:"},
			{"node {\n  policy = \"read\"\n}", "", `lacks policy = "read" in node:`},
		} {
			short := strings.Replace(rules, c.from, c.to, 1)
			if short == rules {
				t.Errorf("%s: the policy is another one now", c.from)
				continue
			}
			wrong, _, _ := examine(t, tokenWith(t, client, a.HTTP, short, 0), o)
			wrong, _ = withoutJanitor(wrong)
			if !strings.Contains(wrong, c.want) || strings.Count(wrong, "\n") != 1 {
				t.Errorf("without %s:\n%swant %s alone", c.from, wrong, c.want)
			}
		}
	})
	t.Run("a token that is revoked, expired, or none", func(t *testing.T) {
		gone := tokenWith(t, client, a.HTTP, rules, 0)
		self, _, err := gone.ACLTokens().Self(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.ACLTokens().Delete(self.AccessorID, nil); err != nil {
			t.Fatal(err)
		}
		if wrong, _, _ := examine(t, gone, o); !strings.Contains(wrong, "does not know the token") {
			t.Errorf("revoked: %s", wrong)
		}
		old := tokenWith(t, client, a.HTTP, rules, time.Second)
		time.Sleep(1200 * time.Millisecond)
		if wrong, _, _ := examine(t, old, o); !strings.Contains(wrong, "does not know the token") {
			t.Errorf("expired: %s", wrong)
		}
		if wrong, _, _ := examine(t, clientFor(t, a, ""), o); !strings.Contains(wrong, "no token that allows anything") {
			t.Errorf("none: %s", wrong)
		}
	})
	t.Run("what nobody offers, and builders that are no good", func(t *testing.T) {
		if _, _, err := client.Jobs().Register(&api.Job{
			ID: new("mine"), Name: new("mine"), Namespace: new("ci"), Type: new("batch"), Datacenters: []string{"*"},
			ParameterizedJob: &api.ParameterizedJobConfig{MetaRequired: cluster.RequiredMeta},
			TaskGroups:       []*api.TaskGroup{{Name: new("other"), Tasks: []*api.Task{{Name: "x", Driver: "raw_exec", Config: map[string]any{"command": "true"}}}}},
		}, nil); err != nil {
			t.Fatal(err)
		}
		o := o
		o.KeepOthers = true
		o.Recipes = append(o.Recipes, recipes.Enrolment{Name: "a", Repo: "harbour/a", Builder: "nowhere"}, recipes.Enrolment{Name: "b", Repo: "harbour/b", Builder: "mine", Needs: []string{"large", "gpu"}},
			recipes.Enrolment{Name: "c", Repo: "harbour/c", Builder: cluster.JobJanitor})
		wrong, _, _ := examine(t, good, o)
		for _, want := range []string{"no job nowhere", "job mine has no group runner", "cannot be dispatched to the job seatrial-janitor", "what the recipe b needs: large, gpu"} {
			if !strings.Contains(wrong, want) {
				t.Errorf("%q is not in:\n%s", want, wrong)
			}
		}
	})
	t.Run("a janitor that fails", func(t *testing.T) {
		if _, _, err := client.Jobs().PeriodicForce(cluster.JobJanitor, &api.WriteOptions{Namespace: "ci"}); err != nil {
			t.Fatal(err)
		}
		const said = "the janitor failed on 1 nodes at 2" // there is no program where setup was told that it is
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
			wrong, doubts, fine := examine(t, good, o)
			if strings.Contains(wrong, said) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s\n%s\n%s", wrong, doubts, fine)
			}
		}
	})
	t.Run("a stopped job, and a missing namespace", func(t *testing.T) {
		if _, _, err := client.Jobs().Deregister(cluster.JobRun, false, &api.WriteOptions{Namespace: "ci"}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Namespaces().Delete("ci-apps", nil); err != nil {
			t.Fatal(err)
		}
		wrong, _, _ := examine(t, good, o)
		if !strings.Contains(wrong, "job seatrial-run is stopped") || !strings.Contains(wrong, "no namespace ci-apps: seatrial nomad setup makes it") {
			t.Error(wrong)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := setup.Examine(t.Context(), good, o); !errors.Is(err, cluster.ErrUnreachable) {
			t.Errorf("%v", err)
		}
	})
}

// awaitNode waits until the node is there, whatever its drivers.
func awaitNode(t *testing.T, client *cluster.Client) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		nodes, _, err := client.Nodes().List(nil)
		if err == nil && len(nodes) > 0 && nodes[0].Status == api.NodeStatusReady {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the node is not ready: %v, %v", nodes, err)
		}
	}
}

func TestExamineANodeThatIsNotFit(t *testing.T) {
	t.Parallel()
	_, client := start(t, agent.Options{Dev: true, Change: func(config map[string]any) {
		if part, ok := config["client"].(map[string]any); ok {
			delete(part, "max_kill_timeout")
			delete(config, "plugin")
			part["options"].(map[string]any)["driver.raw_exec.enable"] = "false"
		}
	}})
	apply(t, client, options())
	awaitNode(t, client)
	wrong, _, _ := examine(t, client, options())
	for _, want := range []string{"no node has a healthy driver raw_exec: turn it on", "no node has a healthy driver docker: start Docker", `gives a run 30s to tear down, not 7m: set max_kill_timeout = "7m"`} {
		if !strings.Contains(wrong, want) {
			t.Errorf("%q is not in:\n%s", want, wrong)
		}
	}
}
