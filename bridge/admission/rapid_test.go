package admission_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
	"seatrial/recipes"
)

// Whatever comes together: a request is only ever for the head of an open pull request
// that may be tested, asked for by one who may ask, before the head moved.
func TestNothingStartsThatMayNot(t *testing.T) {
	names := rapid.SampledFrom([]string{"", "ada", "ADA", "eve", "grace"})
	ids := rapid.Int64Range(0, 9)
	people := rapid.Custom(func(t *rapid.T) recipes.Account {
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			return recipes.Account{ID: 1 + ids.Draw(t, "id")}
		case 1:
			return recipes.Account{Login: rapid.SampledFrom([]string{"ada", "eve", "grace"}).Draw(t, "login")}
		}
		return recipes.Account{Team: rapid.SampledFrom([]string{"crew", "owners"}).Draw(t, "team")}
	})
	maybe := func(t *rapid.T, what string) bool { return rapid.Bool().Draw(t, what) }
	// Else hardly anything would be left that could start.
	rarely := func(t *rapid.T, what string) bool { return rapid.IntRange(0, 9).Draw(t, what) == 9 }
	started := 0
	property := func(t *rapid.T) {
		in := input()
		in.Comment.Author = forge.Person{ID: ids.Draw(t, "asker"), Login: names.Draw(t, "name")}
		in.Vouched = maybe(t, "vouched")
		if rarely(t, "claims") {
			in.Commit = rapid.SampledFrom([]string{oldHead, newHead}).Draw(t, "commit")
		}
		in.Tries = rapid.IntRange(0, 6).Draw(t, "tries")
		if rarely(t, "gone") {
			in.Pull = nil
		} else {
			in.Pull.Open, in.Pull.Merged = !rarely(t, "closed"), rarely(t, "merged")
			in.Pull.Draft, in.Pull.Private = rarely(t, "draft"), maybe(t, "private")
			in.Pull.Head = rapid.SampledFrom([]string{oldHead, oldHead, newHead, newHead, ""}).Draw(t, "head")
			in.Pull.Base = rapid.SampledFrom([]string{"main", "main", "release/1", "release/1/x"}).Draw(t, "base")
			in.Pull.HeadRepo = rapid.SampledFrom([]string{"", "Coop/Guestbook", "eve/guestbook"}).Draw(t, "from")
		}
		for range rapid.IntRange(0, 3).Draw(t, "pushes") {
			in.Pushes = append(in.Pushes, forge.Push{
				ID: rapid.Int64Range(0, 120).Draw(t, "push"), At: noon.Add(time.Duration(rapid.IntRange(-9, 1).Draw(t, "seconds")) * time.Second),
				Before: rapid.SampledFrom([]string{"", oldHead, newHead}).Draw(t, "before"), After: rapid.SampledFrom([]string{"", oldHead, newHead}).Draw(t, "after"),
			})
		}
		globs := rapid.SliceOfN(rapid.SampledFrom([]string{"main", "main", "**", "release/*", "["}), 0, 2)
		in.Permitted = admission.Permissions{Repos: rapid.SliceOfN(rapid.SampledFrom([]string{"coop/*", "coop/*", "**", "other/**", "*", "["}), 0, 2).Draw(t, "repos"), Branches: globs.Draw(t, "permitted")}
		e := in.Enrolment
		e.Branches = globs.Draw(t, "branches")
		e.Forks, e.Drafts = rapid.SampledFrom([]string{"", recipes.Allow, recipes.Deny}).Draw(t, "forks"), rapid.SampledFrom([]string{"", recipes.Allow, recipes.Deny}).Draw(t, "drafts")
		no := false
		if maybe(t, "members too") {
			e.Who.Members = &no
		}
		e.Who.Teams = rapid.SliceOfN(rapid.SampledFrom([]string{"crew", "owners"}), 0, 2).Draw(t, "teams")
		e.Who.People = rapid.SliceOfN(people, 0, 2).Draw(t, "people")
		e.Who.RequireApproval, e.Who.Approvers = maybe(t, "approval"), rapid.SliceOfN(people, 0, 2).Draw(t, "approvers")
		in.PerHour, in.Joins = rapid.IntRange(0, 2).Draw(t, "per hour"), maybe(t, "joins")
		in.Asked = make([]time.Time, rapid.IntRange(0, 3).Draw(t, "asked"))
		if rarely(t, "cannot isolate") {
			in.CannotIsolate = "not root"
		}
		here := town{members: map[int64]bool{5: true, 6: true}, teams: map[string]map[int64]bool{"owners": {6: true}}, broken: map[string]bool{}}
		for _, what := range []string{"coop", "owners"} {
			here.broken[what] = rarely(t, "broken "+what)
		}

		got, err := admission.Decide(t.Context(), in, here)
		if again, errAgain := admission.Decide(t.Context(), in, here); (err == nil) != (errAgain == nil) || !cmp.Equal(got, again) {
			t.Fatalf("asked twice: %+v (%v), then %+v (%v)", got, err, again, errAgain)
		}
		if n := btoi(err != nil) + btoi(got.Request != nil) + btoi(got.Refusal != nil); n > 1 || n == 0 && in.Comment.Author.ID != in.Bot.ID {
			t.Fatalf("%d answers: %+v, %v", n, got, err)
		}
		if got.Refusal != nil && admission.ParseRefusal(got.Refusal.String()).String() != got.Refusal.String() {
			t.Fatalf("%q is remembered otherwise", got.Refusal)
		}
		if got.Request == nil {
			return
		}
		started++
		asker := in.Comment.Author
		is := func(accounts []recipes.Account) bool {
			for _, a := range accounts {
				if a.ID != 0 && a.ID == asker.ID || a.ID == 0 && a.Login != "" && strings.EqualFold(a.Login, asker.Login) || a.Team == "owners" && asker.ID == 6 {
					return true
				}
			}
			return false
		}
		named := is(withoutTeams(e.Who.People))
		inTeam := len(e.Who.Teams) > 0 && strings.Contains(strings.Join(e.Who.Teams, " "), "owners") && asker.ID == 6
		memberMay := len(e.Who.Teams) == 0 && e.Who.Members == nil && here.members[asker.ID]
		switch {
		case in.Pull == nil || !in.Pull.Open || in.Pull.Head == "" || got.Request.Code.Commit != in.Pull.Head:
			t.Fatalf("a request for %+v", in.Pull)
		case asker.ID == in.Bot.ID && !in.Vouched:
			t.Fatal("we asked ourselves")
		case e.Drafts == recipes.Deny && in.Pull.Draft, e.Forks == recipes.Deny && in.Pull.HeadRepo != "Coop/Guestbook":
			t.Fatalf("a request for %+v, with drafts %q and forks %q", in.Pull, e.Drafts, e.Forks)
		case in.Commit != "" && in.Commit != in.Pull.Head:
			t.Fatalf("a request for another commit than %s", in.Commit)
		case in.CannotIsolate != "":
			t.Fatal("a request for what cannot be isolated")
		case in.PerHour > 0 && len(in.Asked) >= in.PerHour && !in.Vouched && !in.Joins:
			t.Fatalf("a request by one who asked %d times", len(in.Asked))
		case !in.Vouched && !is(e.Who.Approvers) && (e.Who.RequireApproval || !named && !inTeam && !memberMay):
			t.Fatalf("a request by %+v, where %+v may", asker, e.Who)
		}
		for _, p := range in.Pushes {
			if p.At.After(noon) || p.ID > in.Comment.ID || p.ID == 0 && p.At.Equal(noon) {
				t.Fatalf("a request after the push %+v", p)
			}
		}
	}
	for range 20 { // one draw in twenty is a request
		rapid.Check(t, property)
	}
	if started == 0 {
		t.Error("nothing ever started, so nothing was shown")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func withoutTeams(accounts []recipes.Account) []recipes.Account {
	return slices.DeleteFunc(slices.Clone(accounts), func(a recipes.Account) bool { return a.Team != "" })
}
