package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
	"seatrial/harness/run"
)

func about(kind hook.Kind) hook.Event {
	return hook.Event{Forge: "gitea", Kind: kind, Repo: forge.Repo{Forge: "gitea", Owner: "Coop", Name: "guestbook"}, Pull: 7}
}

// asks are the questions that an event leads to.
func (w *world) asks(e hook.Event) []string {
	before := len(w.forge.called())
	w.alive.bridge.Hooked(w.t.Context(), e)
	pause(0)
	return w.forge.called()[before:]
}

func TestAWebhookLeadsToTheEyesWithTwoQuestions(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		id := w.forge.say(ada, "!testme")
		began := time.Now()
		calls := w.asks(about(hook.Comment))
		if n := slices.Index(calls, "React"); n != 1 || calls[0] != "CommentsAfter" || time.Since(began) != 0 || w.forge.eyes[id] != 1 {
			t.Errorf("asked %v after %s", calls, time.Since(began))
		}
		for range 5 { // replayed
			w.asks(about(hook.Comment))
		}
		pause(time.Hour) // and read again by every feed
		w.stop()
		if w.forge.eyes[id] != 1 || len(w.forge.ours()) != 1 {
			t.Errorf("eyes %v, answers %v", w.forge.eyes, w.forge.ours())
		}
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
	})
}

func TestAWebhookOfAPushMakesARunOneAboutAnOlderCommit(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		w.forge.say(ada, "!testme")
		w.asks(about(hook.Comment))
		w.forge.push(newHead)
		for range 3 {
			if calls := w.asks(about(hook.Pull)); len(calls) == 0 || calls[0] != "PullRequest" || slices.Contains(calls[1:], "PullRequest") {
				t.Errorf("asked %v, want the pull request once, and then perhaps an edit", calls)
			}
		}
		if r := w.onlyRun(); r.StaleSince != newHead {
			t.Errorf("the run is stale since %q", r.StaleSince)
		}
		events, err := w.memory.Events(t.Context(), w.onlyRun().Request.ID)
		if n := len(slices.DeleteFunc(events, func(e run.Event) bool { return e.Kind != run.KindStale })); err != nil || n != 1 {
			t.Errorf("that was written down %d times, %v", n, err)
		}
		w.stop()
	})
}

func TestAWebhookOfAClosedPullRequestCancelsWhatWaits(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.executor.Script = slow
		w.start()
		w.forge.say(ada, "!testme")
		w.asks(about(hook.Comment))
		w.forge.push(newHead)
		pause(time.Second) // a comment of the same second could be older
		w.forge.say(ada, "!testme")
		w.asks(about(hook.Comment))
		w.forge.close()
		w.asks(about(hook.Pull))
		runs := w.runs()
		w.stop()
		if len(runs) != 2 || runs[0].State == run.Ended {
			t.Fatalf("the runs are %+v", runs)
		}
		wantVerdict(t, runs[1], run.VerdictUnverified, run.EndCancelled)
	})
}

func TestWebhooksWithoutAReasonAskNothing(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		if calls := w.asks(about(hook.Pull)); len(calls) != 0 {
			t.Errorf("a pull request without runs: %v", calls)
		}
		if d := cmp.Diff([]string{"DefaultBranch"}, w.asks(about(hook.Push))); d != "" {
			t.Error("a push: " + d)
		}
		if d := cmp.Diff([]string{"CommentsAfter", "DefaultBranch"}, w.asks(about(hook.Everything))); d != "" {
			t.Error("everything: " + d)
		}
		stranger := about(hook.Everything)
		stranger.Repo.Name = "wiki"
		if calls := w.asks(stranger); len(calls) != 0 || w.alive.bridge.Enrolled(stranger.Repo) || !w.alive.bridge.Enrolled(about(hook.Pull).Repo) {
			t.Errorf("a repository that is not enrolled: %v", calls)
		}
		if calls := w.asks(about(hook.MergeGroup)); len(calls) != 0 { // nobody is there for it
			t.Errorf("a merge group: %v", calls)
		}
		w.stop()
		if strings.Contains(strings.Join(w.forge.called(), " "), "React") {
			t.Error("somebody was answered")
		}
	})
}
