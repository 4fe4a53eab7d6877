package answer_test

import (
	"errors"
	"testing"

	"seatrial/bridge/answer"
	"seatrial/bridge/forge"
	"seatrial/recipes"
)

// The road itself is walked by the stories of package bridge.

func TestNobodyIsAnsweredBeforeTheQueueIsKnown(t *testing.T) {
	a := answer.New(answer.Config{})
	if _, err := a.Ask(t.Context(), answer.Ask{}); !errors.Is(err, answer.ErrNotReady) {
		t.Errorf("got %v", err)
	}
}

func TestEnrolmentsPermitRepositories(t *testing.T) {
	all := []recipes.Enrolment{
		{Name: "guestbook", Repo: "coop/guestbook"},
		{Name: "mail", Forge: "hub", Repo: "Guild/Mail"},
		{Name: "elsewhere", Forge: "gone", Repo: "coop/wiki"},
	}
	e := answer.Enrolled{Enrolments: func() []recipes.Enrolment { return all }, Forges: []string{"gitea", "hub"}}
	guestbook, mail := forge.Repo{Forge: "gitea", Owner: "coop", Name: "guestbook"}, forge.Repo{Forge: "hub", Owner: "Guild", Name: "Mail"}
	if repos := e.Repos(); len(repos) != 2 || repos[0] != guestbook || repos[1] != mail {
		t.Errorf("the repositories are %v", repos)
	}
	for _, c := range []struct {
		asked, spelt forge.Repo
		recipe       string
	}{
		{guestbook, guestbook, "guestbook"},
		{forge.Repo{Forge: "hub", Owner: "guild", Name: "mail"}, mail, "mail"},
		{forge.Repo{Forge: "gitea", Owner: "guild", Name: "mail"}, forge.Repo{Forge: "gitea", Owner: "guild", Name: "mail"}, ""},
		{forge.Repo{Forge: "gone", Owner: "coop", Name: "wiki"}, forge.Repo{Forge: "gone", Owner: "coop", Name: "wiki"}, ""},
	} {
		found, spelt := e.Of(c.asked)
		if spelt != c.spelt || (found == nil) != (c.recipe == "") || found != nil && found.Name != c.recipe {
			t.Errorf("%v is %v of %+v", c.asked, spelt, found)
		}
	}
	if _, ok := e.Recipe("mail"); !ok {
		t.Error("there is no mail")
	}
	if _, ok := e.Recipe("wiki"); ok {
		t.Error("there is a wiki")
	}
}
