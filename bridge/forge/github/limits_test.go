package github

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

func TestAnIdleCycleCostsNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	repos := append(l.server.AddEmptyRepos("coop", "many", 50), l.repo)
	org := forge.Organisation(l.repo.Forge, "coop", repos)
	_, cursor, err := l.forge.CommentsAfter(t.Context(), org, "")
	noError(t, err)
	l.later(2 * time.Second)
	id := l.say("hello")
	for range 2 { // the first finds the comment, the second asks from there
		var found []forge.Comment
		found, cursor, err = l.forge.CommentsAfter(t.Context(), org, cursor)
		noError(t, err)
		if len(found) != 1 || found[0].ID != id {
			t.Fatalf("found %+v", found)
		}
	}
	for i := range 5 {
		l.later(20 * time.Minute) // also over the hour at which the limit begins again
		before := l.server.Spent(l.token)
		_, again, err := l.forge.CommentsAfter(t.Context(), org, cursor)
		noError(t, err)
		if spent := l.server.Spent(l.token) - before; spent != 0 || again != cursor {
			t.Errorf("idle cycle %d cost %d", i, spent)
		}
	}
	// A comment costs its repository's question and, once it is read, the question from there.
	before := l.server.Spent(l.token)
	l.say("more")
	for range 3 {
		_, cursor, err = l.forge.CommentsAfter(t.Context(), org, cursor)
		noError(t, err)
	}
	if spent := l.server.Spent(l.token) - before; spent != 2 {
		t.Errorf("a comment cost %d, want 2", spent)
	}
}

func TestARepositoryThatIsNewInTheScopeBeginsNow(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	org := forge.Organisation(l.repo.Forge, "coop", nil)
	found, cursor, err := l.forge.CommentsAfter(t.Context(), org, "")
	noError(t, err)
	if len(found) != 0 || len(l.forge.Requests()) != 0 {
		t.Errorf("a scope without names: %v after %v", found, l.forge.Requests())
	}
	l.say("before it was enrolled")
	l.later(2 * time.Second)
	org.Repos = []forge.Repo{l.repo}
	for range 2 {
		found, cursor, err = l.forge.CommentsAfter(t.Context(), org, cursor)
		noError(t, err)
		if len(found) != 0 {
			t.Errorf("found %+v", found)
		}
	}
	id := l.say("after")
	if found, _, err = l.forge.CommentsAfter(t.Context(), org, cursor); err != nil || len(found) != 1 || found[0].ID != id {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestWeWaitWhenWeAreAskedTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind forgetest.Kind
		wait time.Duration // as the server says it; 0: it does not
		want time.Duration
	}{
		{forgetest.Secondary, 2 * time.Minute, 2 * time.Minute},
		{forgetest.TooMany, 3 * time.Minute, 3 * time.Minute},
		{forgetest.SecondaryBare, 0, time.Minute},
		{forgetest.Exhausted, 0, time.Hour},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.server.Fail(forgetest.Failure{Kind: c.kind, Times: 1, Delay: c.wait})
			_, err := l.forge.PullRequest(t.Context(), l.repo, l.pull)
			limited, ok := errors.AsType[*forge.LimitedError](err)
			if !ok || !errors.Is(err, forge.ErrLimited) || errors.Is(err, forge.ErrForbidden) {
				t.Fatalf("got %v", err)
			}
			if wait := limited.Until.Sub(l.now()); wait > c.want+2*time.Second || wait < c.want-10*time.Second {
				t.Errorf("we wait for %s, want %s", wait, c.want)
			}
			sent := len(l.server.Requests())
			for _, err := range []error{
				l.forge.React(t.Context(), l.repo, 1, forge.ReactionEyes),
				l.forge.EditComment(t.Context(), l.repo, 1, "x"),
			} {
				if !errors.Is(err, forge.ErrLimited) {
					t.Errorf("in the meantime: %v", err)
				}
			}
			if len(l.server.Requests()) != sent {
				t.Errorf("in the meantime %d requests were sent", len(l.server.Requests())-sent)
			}
			l.later(c.want + 2*time.Second)
			if _, err := l.forge.PullRequest(t.Context(), l.repo, l.pull); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestAShortWaitIsWaitedFor(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	id := l.say("!testme")
	l.server.Fail(forgetest.Failure{Kind: forgetest.Secondary, Times: 1, Delay: time.Second, Method: "POST"})
	began := time.Now()
	noError(t, l.forge.React(t.Context(), l.repo, id, forge.ReactionEyes))
	if waited := time.Since(began); waited < 900*time.Millisecond {
		t.Errorf("it was asked again after %s", waited)
	}
	if got, err := l.server.Reactions(l.repo, id); err != nil || len(got) != 1 {
		t.Errorf("reactions %v, %v", got, err)
	}
}

func TestAShareOfTheLimitIsKeptForReporting(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server.SetLimit(20)
	scope := forge.Repository(l.repo)
	_, cursor, err := l.forge.CommentsAfter(t.Context(), scope, "")
	noError(t, err)
	var kept error
	for i := range 40 { // each comment makes the question another one, which costs
		l.say("hello")
		l.later(time.Second)
		if _, cursor, kept = l.forge.CommentsAfter(t.Context(), scope, cursor); kept != nil {
			if i < 5 {
				t.Errorf("polling ended after %d rounds", i)
			}
			break
		}
	}
	limited, ok := errors.AsType[*forge.LimitedError](kept)
	if !ok || !errors.Is(kept, ErrKept) || !errors.Is(kept, forge.ErrLimited) {
		t.Fatalf("polling ended with %v", kept)
	}
	budget := l.forge.Budget()
	if budget.Limit != 20 || budget.Left < 2 || budget.Left*keptShare >= budget.Limit || !limited.Until.Equal(budget.Reset) {
		t.Errorf("left: %+v, polling waits until %s", budget, limited.Until)
	}
	if _, _, err := l.forge.DefaultBranch(t.Context(), l.repo); !errors.Is(err, ErrKept) {
		t.Errorf("looking at the branch: %v", err)
	}
	if _, err := l.forge.CreateComment(t.Context(), l.repo, l.pull, "waiting"); err != nil {
		t.Errorf("reporting: %v", err)
	}
	l.later(time.Hour)
	if _, _, err := l.forge.CommentsAfter(t.Context(), scope, cursor); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestWritesAreOneAfterTheOtherAndASecondApart(t *testing.T) {
	t.Parallel()
	l := newLabOf(t, false) // the server complains otherwise
	id := l.say("!testme")
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if err := l.forge.React(t.Context(), l.repo, id, forge.ReactionEyes); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestALyingForgeIsAnErrorThatNamesTheQuestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		failure forgetest.Failure
		says    string
	}{
		{forgetest.Failure{Kind: forgetest.Broken}, `500 Internal Server Error: {"message":"database is locked"}`},
		{forgetest.Failure{Kind: forgetest.HTML}, "200 OK, the answer is not JSON: <!DOCTYPE html>"},
		{forgetest.Failure{Kind: forgetest.Truncated}, "the answer"},
		{forgetest.Failure{Kind: forgetest.Drop}, "EOF"},
		{forgetest.Failure{Kind: forgetest.Slow, Delay: time.Minute}, "no answer within 2s"},
		{forgetest.Failure{Kind: forgetest.Revoked}, "401 Unauthorized"},
		{forgetest.Failure{Kind: forgetest.Withheld}, "403 Forbidden"},
	} {
		t.Run(string(c.failure.Kind), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.server.Fail(c.failure)
			_, err := l.forge.PullRequest(t.Context(), l.repo, l.pull)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "coop/app0") {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
			if text := l.log.String() + err.Error(); strings.Contains(text, l.token) {
				t.Errorf("the token is shown: %s", text)
			}
			if kind := c.failure.Kind; errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrUnauthorized) != (kind == forgetest.Revoked) || errors.Is(err, forge.ErrForbidden) != (kind == forgetest.Withheld) {
				t.Errorf("it means something else: %v", err)
			}
			l.server.Mend()
			if _, err := l.forge.PullRequest(t.Context(), l.repo, l.pull); err != nil {
				t.Errorf("mended: %v", err)
			}
		})
	}
}

func TestQuestionsAreRepeatedAndChangesAreNot(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.server.Fail(forgetest.Failure{Kind: forgetest.Broken, Times: 2})
	if _, err := l.forge.PullRequest(t.Context(), l.repo, l.pull); err != nil {
		t.Errorf("a question: %v", err)
	}
	l.server.Fail(forgetest.Failure{Kind: forgetest.Lost, Method: "POST", Times: 1})
	if _, err := l.forge.CreateComment(t.Context(), l.repo, l.pull, "once"); err == nil {
		t.Error("the lost answer was not missed")
	}
	if got, err := l.server.Comments(l.repo, l.pull); err != nil || len(got) != 1 {
		t.Errorf("there are %d comments, %v", len(got), err)
	}
}
