package gitea_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forge/gitea"
)

// examined is what an adapter with a token says about an organisation. Everything that is
// not ok must say why and what to do.
func examined(t *testing.T, url, token, org string, repos ...forge.Repo) string {
	t.Helper()
	f, err := gitea.New(gitea.Config{ID: forgetest.ForgeID, URL: url, Token: func() string { return token }, RetryPause: time.Millisecond, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, a := range f.Examine(t.Context(), org, repos) {
		if a.Why == "" || a.State != forge.AbilityThere && a.State != forge.AbilityUnknown && a.Next == "" || strings.Contains(a.Why, token) {
			t.Errorf("%+v does not say why, or what to do, or tells the token", a)
		}
		t.Logf("%-8s %-32s %s → %s", a.State, a.Name, a.Why, a.Next)
		fmt.Fprintf(&b, "%s: %s\n", a.State, a.Name)
	}
	if f.Budget() != (forge.Budget{}) {
		t.Errorf("there is a limit: %+v", f.Budget())
	}
	return b.String()
}

func TestExamineTheFake(t *testing.T) {
	t.Parallel()
	examine(t, forgetest.NewServer(t))
}

// examine asks the fake and a real Gitea the same: both must be seen alike.
func examine(t *testing.T, w forgetest.World) {
	token := func(login string) string {
		t.Helper()
		if _, err := w.AddUser(login); err != nil {
			t.Fatal(err)
		}
		token, err := w.Token(login)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bot, reader, stranger := token("exbot"), token("exreader"), token("exstranger")
	must(w.AddOrg("excoop"))
	must(w.AddMember("excoop", "exbot", forgetest.Write))
	must(w.AddMember("excoop", "exreader", forgetest.Read))
	app, err := w.AddRepo("excoop", "app", "")
	must(err)
	gone := forge.Repo{Forge: app.Forge, Owner: "excoop", Name: "gone"}

	const known, limit = "ok: be known to the forge\n", "ok: ask often enough\n"
	for name, c := range map[string]struct {
		token, org string
		repos      []forge.Repo
		want       string
	}{
		"the bot":         {bot, "excoop", []forge.Repo{app}, known + "ok: read the members of excoop\nok: read the repositories\nok: set commit statuses\n" + limit},
		"a reader":        {reader, "excoop", []forge.Repo{app}, known + "ok: read the members of excoop\nok: read the repositories\nmissing: set commit statuses\n" + limit},
		"a stranger":      {stranger, "excoop", []forge.Repo{app}, known + "missing: read the members of excoop\nok: read the repositories\nmissing: set commit statuses\n" + limit},
		"no organisation": {bot, "exnone", nil, known + "missing: read the members of exnone\nunknown: set commit statuses\n" + limit},
		"no repository":   {bot, "excoop", []forge.Repo{gone, app}, known + "ok: read the members of excoop\nmissing: read excoop/gone\nok: read the repositories\nok: set commit statuses\n" + limit},
		"a wrong token":   {"wrongtoken", "excoop", []forge.Repo{app}, "missing: be known to the forge\n"},
	} {
		if got := examined(t, w.URL(), c.token, c.org, c.repos...); got != c.want {
			t.Errorf("%s:\n%swant:\n%s", name, got, c.want)
		}
	}
	// Somewhere else than the API.
	if got := examined(t, w.URL()+"/excoop", bot, "excoop"); !strings.HasSuffix(got, ": be known to the forge\n") || strings.HasPrefix(got, "ok") {
		t.Errorf("another address: %s", got)
	}
	if s, ok := w.(*forgetest.Server); ok {
		s.Forgive()
	}
}

func TestExamineSaysWhatARepositoryForbids(t *testing.T) {
	t.Parallel()
	s := forgetest.NewServer(t)
	if err := s.AddOrg("coop"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddUser("bot"); err != nil {
		t.Fatal(err)
	}
	repo, err := s.AddRepo("coop", "old", "")
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Token("bot")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.AddMember("coop", "bot", forgetest.Write), s.Archive(repo), s.SetPrivate(repo, true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := examined(t, s.URL(), token, "coop", repo); !strings.Contains(got, "missing: comment in coop/old\nok: read the repositories\n") {
		t.Error(got)
	}
	s.Fail(forgetest.Failure{Kind: forgetest.Broken, Method: http.MethodGet, Path: "/api/v1/repos/coop/old"})
	if got := examined(t, s.URL(), token, "coop", repo); !strings.Contains(got, "unknown: read coop/old\nunknown: set commit statuses\n") {
		t.Error(got)
	}
}
