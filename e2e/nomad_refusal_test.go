package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/cluster"
	"seatrial/recipes/examples"
)

// TestNomadRefusals asks for what a cluster cannot do. Each answer says why before
// anything is started, and what an operator does about it.
func TestNomadRefusals(t *testing.T) {
	n := theNomad(t)
	t.Parallel()
	s, err := newStage(forgetest.NewServer(t), t.TempDir(), binary(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, s.lastWords())
		}
	}
	check(s.onNomad(n, nil))
	for name, spoil := range map[string]func(*api.Job){
		"good":       func(*api.Job) {},
		"no-flavor":  func(j *api.Job) { j.ParameterizedJob.MetaRequired = j.ParameterizedJob.MetaRequired[:3] },
		"no-group":   func(j *api.Job) { j.TaskGroups[0].Name = ptr("main") },
		"no-task":    func(j *api.Job) { j.TaskGroups[0].Tasks[0].Name = "build" },
		"wants-more": func(j *api.Job) { j.ParameterizedJob.MetaRequired = append(cluster.RequiredMeta, "COLOUR") },
		"wants-load": func(j *api.Job) { j.ParameterizedJob.Payload = "required" },
		"plain":      func(j *api.Job) { j.ParameterizedJob = nil },
	} {
		job := builderJob(s.namespaces.Runs, name, "exit 0")
		spoil(job)
		check(s.register(job))
	}
	cases := []struct{ recipe, enrolment, says string }{
		{"absent", "builder: absent", "absent"},
		{"noflavor", "builder: no-flavor", "FLAVOR"},
		{"nogroup", "builder: no-group", "runner"},
		{"notask", "builder: no-task", "executor"},
		{"wantsmore", "builder: wants-more", "COLOUR"},
		{"wantsload", "builder: wants-load", "payload"},
		{"plainjob", "builder: plain", "parameterized"},
		{"needy", "needs: [browser, gpu]", "gpu"},
		{"unknown", "needs: [browser]", "seatrial nomad setup"},
	}
	pulls := map[string]forge.Repo{}
	for _, c := range cases {
		repo, err := s.world.AddRepo(s.org, c.recipe, s.source)
		check(err)
		pulls[c.recipe] = repo
		text := fmt.Sprintf("version: 1\nrepo: %s/%s\n%s\n", s.org, c.recipe, c.enrolment)
		check(examples.WriteEnrolmentText(c.recipe, s.org+"/"+c.recipe, s.tests, []byte(text)))
	}
	check(s.serve())
	defer s.bridge.stop()
	for _, c := range cases {
		s.repo = pulls[c.recipe]
		s.pull, err = s.world.OpenPull(newPull(s, "refused"))
		check(err)
		_, err = s.world.Comment(s.repo, s.pull, s.name("anna"), "!testme")
		check(err)
		check(s.expectReply(false, os.Getenv, "not started"))
		bodies, err := s.replies()
		check(err)
		if !strings.Contains(bodies[0], c.says) || strings.Count(bodies[0], "\n") > 12 {
			t.Errorf("%s: it is not said what %q is about:\n%s", c.recipe, c.says, bodies[0])
		}
		t.Logf("%s: %s", c.recipe, strings.ReplaceAll(bodies[0], "\n", " "))
	}
	jobs, _, err := n.client.Jobs().List(&api.QueryOptions{Namespace: s.namespaces.Runs})
	check(err)
	for _, job := range jobs {
		if strings.Contains(job.ID, "/dispatch-") {
			t.Errorf("%s was started", job.ID)
		}
	}
	check(s.offNomad())
}
