package recipes

import "testing"

func TestMerge(t *testing.T) {
	files := &Book{Enrolments: []Enrolment{{Name: "a", Repo: "x/a", File: "a"}, {Name: "c", Repo: "x/c", File: "c"}}, Problems: []Problem{{File: "z"}}}
	for _, c := range []struct {
		second   Enrolment
		problems int
		names    string
	}{
		{Enrolment{Name: "b", Repo: "x/b", File: "v"}, 1, "abc"},
		{Enrolment{Name: "a", Repo: "x/a", File: "v"}, 1, "ac"},
		{Enrolment{Name: "a", Repo: "x/a", File: "v", Flavor: "other"}, 2, "ac"},
		{Enrolment{Name: "a", Repo: "x/b", File: "v"}, 2, "ac"},
		{Enrolment{Name: "b", Repo: "X/A", File: "v"}, 2, "ac"},
	} {
		b, names := Merge(files, &Book{Enrolments: []Enrolment{c.second}}), ""
		for _, e := range b.Enrolments {
			names += e.Name
			if e.Name != "b" && e.File == "v" {
				t.Errorf("%+v: the second won", c.second)
			}
		}
		if names != c.names || len(b.Problems) != c.problems || len(files.Problems) != 1 {
			t.Errorf("%+v: enrolled %s, problems %v", c.second, names, b.Problems)
		}
	}
}

func TestDependenciesAreFoundInBothBooks(t *testing.T) {
	swarm := func(name string, deps ...string) Enrolment {
		return Defaults(Enrolment{Name: name, File: name + "/recipe.yaml", Repo: "acme/" + name, Target: TargetSwarm, Deps: deps})
	}
	first := &Book{Enrolments: []Enrolment{swarm("blog", "auth", "mail"), swarm("mail", "auth")}}
	b := Merge(first, &Book{Enrolments: []Enrolment{swarm("auth")}})
	blog, _ := b.ByName("blog")
	deps, err := Deps(blog, b.ByName)
	if err != nil || len(b.Problems) > 0 {
		t.Fatal(err, b.Problems)
	}
	if len(deps) != 2 || deps[0].Name != "auth" || deps[1].Name != "mail" {
		t.Errorf("%v", deps)
	}
	if alone := Merge(first, &Book{}); len(alone.Enrolments) != 0 || len(alone.Problems) != 2 {
		t.Errorf("%+v", alone)
	}
}
