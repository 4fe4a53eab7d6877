package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/doctor"
	"seatrial/bridge/forge"
	"seatrial/recipes"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// client is an adapter that answers what it is told to.
type client struct {
	err       error
	abilities []forge.Ability
	skew      time.Duration
	org       string
	repos     []forge.Repo
}

func (c *client) Self(context.Context) (forge.Person, error) { return forge.Person{}, c.err }
func (c *client) Skew() time.Duration                        { return c.skew }
func (c *client) Examine(_ context.Context, org string, repos []forge.Repo) []forge.Ability {
	c.org, c.repos = org, repos
	return c.abilities
}

var errDown = errors.New("cannot find out who we are: no answer")

func isDown(err error) bool { return errors.Is(err, errDown) }

func TestAForgeIsExaminedForItsOrganisationAndRepositories(t *testing.T) {
	repos := []forge.Repo{{Forge: "gitea", Owner: "coop", Name: "app"}}
	// An answer that refuses is the adapter's to explain.
	c := &client{err: errors.New("the token was not accepted"), abilities: []forge.Ability{{Name: "be known"}}}
	list, reached := doctor.Forge(t.Context(), c, "coop", repos, isDown)
	if !reached || len(list) != 2 || list[0].Name != "be known" || c.org != "coop" || !cmp.Equal(c.repos, repos) {
		t.Errorf("got %v, %+v about %s %v", reached, list, c.org, c.repos)
	}
}

func TestAForgeThatDoesNotAnswerIsNotAskedMore(t *testing.T) {
	c := &client{err: errDown, abilities: []forge.Ability{{Name: "be known"}}}
	list, reached := doctor.Forge(t.Context(), c, "coop", nil, isDown)
	if reached || len(list) != 1 || list[0].State != forge.AbilityMissing || list[0].Next == "" || c.org != "" {
		t.Errorf("got %v, %+v", reached, list)
	}
	if b := (doctor.Block{Abilities: list}); !b.Missing() {
		t.Error("nothing is missing")
	}
}

func TestClocks(t *testing.T) {
	for skew, want := range map[time.Duration]struct {
		state forge.AbilityState
		says  string
	}{
		0:                       {forge.AbilityThere, "The clocks agree."},
		-5 * time.Second:        {forge.AbilityThere, "The clocks agree."},
		5100 * time.Millisecond: {forge.AbilityWeak, "The forge's clock is 5s ahead of"},
		-time.Minute:            {forge.AbilityWeak, "The forge's clock is 1m0s behind"},
		61 * time.Second:        {forge.AbilityMissing, "The forge's clock is 1m1s ahead of"},
		-48 * time.Hour:         {forge.AbilityMissing, "The forge's clock is 48h0m0s behind"},
	} {
		list, _ := doctor.Forge(t.Context(), &client{skew: skew}, "coop", nil, isDown)
		if got := list[len(list)-1]; got.State != want.state || !strings.HasPrefix(got.Why, want.says) || (got.Next == "") != (want.state == forge.AbilityThere) {
			t.Errorf("%s: %+v, want %+v", skew, got, want)
		}
	}
}

func TestWhichRepositoriesAForgeServes(t *testing.T) {
	book := &recipes.Book{Enrolments: []recipes.Enrolment{{Repo: "coop/one"}, {Repo: "coop/two", Forge: "hub"}, {Repo: "coop/three", Forge: "gitea"}}}
	for id, want := range map[string][]string{"gitea": {"coop/one", "coop/three"}, "hub": {"coop/two"}, "other": nil} {
		var got []string
		for _, r := range doctor.Served(book, id, id == "gitea") {
			got = append(got, r.String())
			if r.Forge != id {
				t.Errorf("%s is of the forge %s, want %s", r, r.Forge, id)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
}

func TestEnrolments(t *testing.T) {
	good := recipes.Enrolment{Name: "good", File: "tests/good/recipe.yaml", Repo: "coop/good"}
	lost := recipes.Enrolment{Name: "lost", File: "tests/lost/recipe.yaml", Repo: "coop/lost", Forge: "hub"}
	bad := recipes.Problem{File: "tests/bad/recipe.yaml", Line: 2, Column: 1, Message: "unknown key rpeo"}
	for name, c := range map[string]struct {
		book recipes.Book
		want string
	}{
		"none":             {recipes.Book{}, "warning: Nothing is enrolled, so nobody is answered.\n"},
		"good":             {recipes.Book{Enrolments: []recipes.Enrolment{good}}, "ok: 1 of 1.\n"},
		"of no forge":      {recipes.Book{Enrolments: []recipes.Enrolment{good, lost}}, "missing: tests/lost/recipe.yaml says forge: hub, and there is no forge of this id, only gitea, tea.\nok: 1 of 2.\n"},
		"only a bad one":   {recipes.Book{Problems: []recipes.Problem{bad}}, "missing: tests/bad/recipe.yaml:2:1: unknown key rpeo.\n"},
		"a bad one, too":   {recipes.Book{Enrolments: []recipes.Enrolment{good}, Problems: []recipes.Problem{bad}}, "missing: tests/bad/recipe.yaml:2:1: unknown key rpeo.\nok: 1 of 2.\n"},
		"only of no forge": {recipes.Book{Enrolments: []recipes.Enrolment{lost}}, "missing: tests/lost/recipe.yaml says forge: hub, and there is no forge of this id, only gitea, tea.\n"},
	} {
		var got strings.Builder
		for _, a := range doctor.Enrolments(&c.book, "tests", []string{"gitea", "tea"}).Abilities {
			got.WriteString(string(a.State) + ": " + a.Why + "\n")
			if (a.Next == "") != (a.State == forge.AbilityThere) {
				t.Errorf("%s: %+v says what to do, or does not", name, a)
			}
		}
		if got.String() != c.want {
			t.Errorf("%s:\n%swant\n%s", name, got.String(), c.want)
		}
	}
}

var shown = []doctor.Block{
	{About: "forge gitea: \x1b[2Jgitea", Abilities: []forge.Ability{
		{Name: "be known to the forge", State: forge.AbilityThere, Why: "We are bot."},
		{Name: "read the members of an-organisation-with-a-long-name", State: forge.AbilityMissing, Why: "bot is not a member.", Next: "Add it."},
		{Name: "grüße", State: forge.AbilityWeak, Why: "The clocks differ.", Next: "Set them."},
		{Name: "be told by webhooks", State: forge.AbilityUnknown, Why: "Not looked at."},
	}},
	{About: "forge hub", Unreachable: true},
}

func TestWhatIsPrinted(t *testing.T) {
	clean := func(s string) string { return strings.ReplaceAll(s, "\x1b", "�") }
	for file, colour := range map[string]bool{"plain.txt": false, "colour.txt": true} {
		var got strings.Builder
		if err := doctor.Print(&got, shown, colour, clean); err != nil {
			t.Fatal(err)
		}
		golden(t, file, got.String())
	}
	got, err := json.MarshalIndent(doctor.JSON(shown), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "json.json", string(got)+"\n")
	if none, _ := json.Marshal(doctor.JSON(nil)); string(none) != "[]" {
		t.Errorf("nothing is %s", none)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", file, diff)
	}
}
