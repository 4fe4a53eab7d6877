package github

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
	"seatrial/bridge/forge/forgetest"
)

// appLab is a lab with a commit, an App and its key.
type appLab struct {
	*lab
	app  forgetest.App
	key  []byte
	dir  string
	head string
}

func newAppLab(t *testing.T) *appLab {
	t.Helper()
	l := &appLab{lab: newLab(t), dir: t.TempDir()}
	var err error
	l.app, err = l.server.AddApp("seatrial")
	noError(t, err)
	l.key = l.app.Key
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"}, {"commit", "--quiet", "--allow-empty", "-m", "an app"},
	} {
		_, err = forgetest.Git(l.dir, args...)
		noError(t, err)
	}
	l.head, err = forgetest.Git(l.dir, "rev-parse", "HEAD")
	noError(t, err)
	l.repo, err = l.server.AddRepo("coop", "boat", l.dir)
	noError(t, err)
	l.pull, err = l.server.AddEmptyPull(l.repo, "alice", "a change")
	noError(t, err)
	l.forge = l.with(Config{Apps: []App{l.own()}})
	return l
}

func (l *appLab) own() App { return App{ID: l.app.ID, Key: func() []byte { return l.key }} }

func (l *appLab) install(org string, repos ...string) int64 {
	l.Helper()
	id, err := l.server.InstallApp(l.app.ID, org, repos...)
	noError(l.T, err)
	return id
}

func TestAnAppSpeaksByItsInstallation(t *testing.T) {
	t.Parallel()
	l := newAppLab(t)
	err := l.forge.CheckAccess(t.Context(), "coop")
	if missing, ok := errors.AsType[*adapter.AccessError](err); !ok || !strings.Contains(missing.Error(), "install it for your organisation") {
		t.Errorf("before it is installed: %v", err)
	}
	l.install("coop")
	noError(t, l.forge.CheckAccess(t.Context(), "coop"))
	me, err := l.forge.Self(t.Context())
	if err != nil || me.Login != "seatrial[bot]" || me.ID == 0 {
		t.Fatalf("we are %+v, %v", me, err)
	}
	is, err := l.forge.Member(t.Context(), "coop", forge.Person{Login: "alice"})
	if err != nil || !is {
		t.Errorf("alice: %v, %v", is, err)
	}
	id, err := l.forge.CreateComment(t.Context(), l.repo, l.pull, "hello <!-- 1 -->")
	noError(t, err)
	if got, found, err := l.forge.FindComment(t.Context(), l.repo, l.pull, "<!-- 1 -->", me); err != nil || !found || got != id {
		t.Errorf("found %d, %v, %v", got, found, err)
	}
	if got := l.forge.Requests()["app"]; got < 4 {
		t.Errorf("the App asked %d times in its own name", got)
	}
}

func TestAnAppsTokenIsRenewedAndItsKeyMayChange(t *testing.T) {
	t.Parallel()
	l := newAppLab(t)
	id := l.install("coop")
	read := func(when string, want error) {
		t.Helper()
		if _, err := l.forge.PullRequest(t.Context(), l.repo, l.pull); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", when, err, want)
		}
	}
	read("at first", nil)
	l.later(61 * time.Minute)
	read("when the token is over", nil)
	comment := l.say("!testme")
	l.later(61 * time.Minute)
	noError(t, l.forge.React(t.Context(), l.repo, comment, forge.ReactionEyes))

	key, err := l.server.RotateKey(l.app.ID)
	noError(t, err)
	l.later(61 * time.Minute)
	read("with an old key", forge.ErrUnauthorized)
	l.key = key
	read("with the new key", nil)
	l.key = []byte("-----BEGIN SECRET-----")
	l.forge = l.with(Config{Apps: []App{l.own()}})
	if _, err := l.forge.PullRequest(t.Context(), l.repo, l.pull); err == nil || !strings.Contains(err.Error(), "not an RSA key in PEM") || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("with no key: %v", err)
	}

	l.key = key
	l.forge = l.with(Config{Apps: []App{l.own()}})
	read("again", nil)
	l.server.UninstallApp(id)
	if _, err := l.forge.PullRequest(t.Context(), l.repo, l.pull); err == nil {
		t.Error("uninstalled: no error")
	}
	if _, err := l.forge.PullRequest(t.Context(), l.repo, l.pull); !errors.Is(err, errNotInstalled) || !errors.Is(err, forge.ErrForbidden) || !strings.Contains(err.Error(), "install one for coop/boat") {
		t.Errorf("uninstalled, asked again: %v", err)
	}
	l.install("coop", "boat")
	read("installed again", nil)
}

func TestASignatureGoesByTheServersClock(t *testing.T) {
	t.Parallel()
	l := newAppLab(t)
	l.install("coop")
	l.server.SetClock(-3 * time.Hour) // or ours is three hours ahead
	if _, err := l.forge.PullRequest(t.Context(), l.repo, l.pull); err != nil {
		t.Error(err)
	}
}

func TestSeveralAppsAreOnePerson(t *testing.T) {
	t.Parallel()
	l := newAppLab(t)
	l.install("coop")
	noError(t, l.server.AddOrg("club"))
	other, err := l.server.AddApp("club-trial")
	noError(t, err)
	_, err = l.server.InstallApp(other.ID, "club")
	noError(t, err)
	there, err := l.server.AddRepo("club", "kiosk", l.dir)
	noError(t, err)
	pull, err := l.server.AddEmptyPull(there, "alice", "a change")
	noError(t, err)
	l.forge = l.with(Config{Apps: []App{l.own(), {ID: other.ID, Key: func() []byte { return other.Key }}}})

	scope := forge.Organisation(l.repo.Forge, "club", []forge.Repo{there})
	_, cursor, err := l.forge.CommentsAfter(t.Context(), scope, "")
	noError(t, err)
	id, err := l.forge.CreateComment(t.Context(), there, pull, "by the other <!-- 2 -->")
	noError(t, err)
	if all, err := l.server.Comments(there, pull); err != nil || all[0].Author.Login != "club-trial[bot]" {
		t.Errorf("the comment is %+v, %v", all, err)
	}
	me, err := l.forge.Self(t.Context())
	noError(t, err)
	if got, found, err := l.forge.FindComment(t.Context(), there, pull, "<!-- 2 -->", me); err != nil || !found || got != id {
		t.Errorf("found %d, %v, %v", got, found, err)
	}
	if found, _, err := l.forge.CommentsAfter(t.Context(), scope, cursor); err != nil || len(found) != 1 || found[0].Author != me {
		t.Errorf("read %+v, %v", found, err)
	}
}

func TestAnAppReportsByCheckRuns(t *testing.T) {
	t.Parallel()
	l := newAppLab(t)
	l.install("coop")
	const page = "https://trial.example.org/runs/1"
	set := func(s forge.Status) {
		t.Helper()
		s.Context = "seatrial"
		noError(t, l.forge.SetStatus(t.Context(), l.repo, l.head, s))
		s.Details = nil
		if got, ok, err := l.forge.LastStatus(t.Context(), l.repo, l.head, "seatrial"); err != nil || !ok || got != s {
			t.Errorf("set %+v, read %+v, %v, %v", s, got, ok, err)
		}
	}
	set(forge.Status{State: forge.StatusPending, Description: "installing", TargetURL: page})
	details := &forge.Details{Summary: strings.Repeat("ü", mostOutput), Notes: []forge.Note{{Title: "about no file", Text: "two\nlines"}, {Path: "./.", Title: "nor this"}}}
	for i := range 120 {
		details.Notes = append(details.Notes, forge.Note{Path: fmt.Sprintf("src/%d.go", i), Line: i, Level: forge.LevelFailure, Title: "bad", Text: "line"})
	}
	ended := forge.Status{State: forge.StatusFailure, Description: "install failed", TargetURL: page, Details: details}
	set(ended)
	set(ended) // as after a restart
	ctx := about(t.Context(), "test", l.repo)
	list, err := l.forge.checks(ctx, l.repo, l.head, "seatrial")
	noError(t, err)
	if len(list) != 1 || list[0].Output.Annotations != 120 {
		t.Errorf("there are %d check runs, the first with %d annotations", len(list), list[0].Output.Annotations)
	}
	if text, want := list[0].Output.Text, "- **about no file**: two lines\n- **nor this**\n"; text != want {
		t.Errorf("its text is %q, want %q", text, want)
	}
	if summary := list[0].Output.Summary; len(summary) > mostOutput || !strings.HasSuffix(summary, "ü\n\n… (the rest was cut off)") {
		t.Errorf("its summary has %d bytes and ends with %q", len(summary), summary[len(summary)-40:])
	}
	// Another run of the same commit has a check run of its own, and counts.
	set(forge.Status{State: forge.StatusPending, Description: "waiting", TargetURL: page + "0"})
	set(forge.Status{State: forge.StatusError, Description: "our fault", TargetURL: page + "0"})
	set(forge.Status{State: forge.StatusSuccess, Description: "fine", TargetURL: ""})
	if list, err = l.forge.checks(ctx, l.repo, l.head, "seatrial"); err != nil || len(list) != 3 {
		t.Errorf("there are %d check runs, %v", len(list), err)
	}
}

func TestExamineSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	l := newAppLab(t)
	id := l.install("coop")
	say := func(f *Forge, repos ...forge.Repo) string {
		var b strings.Builder
		for _, a := range f.Examine(t.Context(), "coop", repos) {
			if a.Why == "" || a.State != forge.AbilityThere && a.Next == "" && a.State != forge.AbilityUnknown {
				t.Errorf("%+v does not say why, or what to do", a)
			}
			fmt.Fprintf(&b, "%s: %s\n", a.State, a.Name)
		}
		return b.String()
	}
	hidden := forge.Repo{Forge: l.repo.Forge, Owner: "coop", Name: "hidden"}
	compare := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s:\n%swant:\n%s", what, got, want)
		}
	}
	compare("an App", say(l.forge, l.repo), "ok: be known to the forge\nok: read the members of coop\nok: read the repositories\nok: have the App's permissions\nok: ask often enough\n")
	noError(t, l.server.Permit(id, "checks", "read"))
	noError(t, l.server.Permit(id, "members", ""))
	l.forge = l.with(Config{Apps: []App{l.own()}})
	compare("an App without permissions", say(l.forge, l.repo, hidden), "ok: be known to the forge\nmissing: read the members of coop\nmissing: read coop/hidden\nok: read the repositories\nmissing: Checks: write\nmissing: Members: read\nok: ask often enough\n")

	compare("a token", say(l.with(Config{Token: func() string { return l.token }}), l.repo), "ok: be known to the forge\nok: read the members of coop\nok: read the repositories\nok: set commit statuses\nok: ask often enough\n")
	stranger, err := l.server.Token("alice")
	noError(t, err)
	noError(t, l.server.RemoveMember("coop", "alice"))
	compare("a stranger's token", say(l.with(Config{Token: func() string { return stranger }}), l.repo), "ok: be known to the forge\nmissing: read the members of coop\nok: read the repositories\nmissing: set commit statuses\nok: ask often enough\n")
	compare("a wrong token", say(l.with(Config{Token: func() string { return "wrong" }}), l.repo), "missing: be known to the forge\n")
	noError(t, l.server.Archive(l.repo))
	compare("an archive", say(l.with(Config{Token: func() string { return l.token }}), l.repo), "ok: be known to the forge\nok: read the members of coop\nmissing: comment in coop/boat\nok: read the repositories\nok: set commit statuses\nok: ask often enough\n")
	l.server.Fail(forgetest.Failure{Kind: forgetest.Secondary, Delay: time.Hour})
	compare("a forge that is tired of us", say(l.with(Config{Token: func() string { return l.token }}), l.repo), "unknown: be known to the forge\n")
}
