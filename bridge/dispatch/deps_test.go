package dispatch_test

import (
	"encoding/json"
	"strings"
	"testing"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
	"seatrial/recipes"
)

func TestAJobCarriesWhatItsRecipeDependsOn(t *testing.T) {
	swarm := func(name string, deps ...string) recipes.Enrolment {
		return recipes.Enrolment{Name: name, Repo: "coop/" + name, Target: recipes.TargetSwarm, Deps: deps}
	}
	book := &recipes.Book{Enrolments: []recipes.Enrolment{swarm("blog", "mail", "auth"), swarm("mail", "auth"), swarm("auth"), swarm("lost", "gone")}}
	job := func(url, name string) dispatch.Job {
		e, _ := book.ByName(name)
		r := run.Request{Recipe: name, Code: run.Code{Repo: "coop/" + name, URL: url}}
		return dispatch.NewJob(r, 1, run.Lease{}, "i", e).WithDeps(book.ByName)
	}
	text, err := json.Marshal(job("https://git.example.org/sub/Coop/blog.git", "blog"))
	if err != nil {
		t.Fatal(err)
	}
	var j dispatch.Job
	if err := json.Unmarshal(text, &j); err != nil {
		t.Fatal(err)
	}
	j.Complete()
	if len(j.Deps) != 2 || j.NoDeps != "" {
		t.Fatalf("%+v", j)
	}
	// Each comes after its own dependencies, and once.
	for i, want := range []string{"auth", "mail"} {
		if d := j.Deps[i]; d.Name != want || d.Enrolment.Name != want || d.URL != "https://git.example.org/sub/coop/"+want+".git" {
			t.Errorf("%+v", d)
		}
	}
	if j := job("https://git.example.org/coop/lost", "lost"); !strings.Contains(j.NoDeps, "dependency gone is not enrolled") {
		t.Errorf("%+v", j)
	}
	if j := job("https://git.example.org/elsewhere", "blog"); !strings.Contains(j.NoDeps, "where its repository coop/auth is") {
		t.Errorf("%+v", j)
	}
}
