package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// does lets one call fail as long as it is told to.
func (f *fakeForge) does(call string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = func(name string) error {
		if name == call {
			return err
		}
		return nil
	}
}

func (w *world) wantAnswers(want ...string) {
	w.t.Helper()
	ours := w.forge.ours()
	if len(ours) != len(want) {
		w.t.Errorf("we said %d things, want %d: %+v", len(ours), len(want), ours)
		return
	}
	for i, c := range ours {
		if !strings.Contains(c.Body, want[i]) {
			w.t.Errorf("answer %d is\n%s\nwithout %q", i, c.Body, want[i])
		}
	}
}

func (w *world) wantAudit(want ...string) {
	w.t.Helper()
	entries, err := w.memory.AuditLog(w.t.Context(), 100)
	if err != nil {
		w.t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append([]string{e.Who + " " + e.What}, got...)
	}
	if d := cmp.Diff(want, got); d != "" {
		w.t.Errorf("the audit journal (-want +got):\n%s", d)
	}
}

func TestOneWhoMayNotApproveWaitsForOneWhoMay(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.who = recipes.Who{RequireApproval: true, Approvers: []recipes.Account{{ID: grace.ID}}}
		w.start()
		w.forge.say(ada, "!testme")
		pause(10 * time.Minute)
		w.wantAnswers("This waits for the approval of the account with the number 6.")
		if got := w.forge.states(oldHead); len(got) > 0 {
			t.Errorf("while it waits, the commit is marked %v", got)
		}
		w.forge.say(eve, "!testme")
		pause(10 * time.Minute)
		w.forge.say(grace, "!testme")
		pause(10 * time.Minute)
		w.stop()
		w.wantAnswers("waits for the approval", "Only members of coop", "**pass**")
		r := w.onlyRun()
		wantVerdict(t, r, run.VerdictPass, run.EndedNormally)
		if r.Request.AskedBy.ID != grace.ID || r.Request.Code.Commit != oldHead {
			t.Errorf("the run is %+v", r.Request)
		}
		w.wantAudit("ada refuse", "eve refuse", "grace start")
	})
}

func TestAnApprovalIsForTheCommitThatTheApproverSaw(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.who = recipes.Who{RequireApproval: true, Approvers: []recipes.Account{{ID: grace.ID}}}
		w.start()
		w.forge.say(ada, "!testme")
		pause(time.Minute)
		w.stop() // so that the push comes before anybody looks
		w.forge.say(grace, "!testme")
		w.forge.push(newHead)
		w.start()
		pause(10 * time.Minute)
		w.stop()
		w.wantAnswers("waits for the approval", "There was a push after your comment: you asked about 1111111111")
		if n := len(w.runs()); n > 0 {
			t.Errorf("%d runs were started", n)
		}
	})
}

func TestWhoAskedForEnoughWaits(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.perPerson = 2
		w.start()
		ask := func(who forge.Person) {
			w.forge.say(who, "!testme")
			pause(5 * time.Minute)
		}
		ask(ada)
		ask(ada)
		ask(ada) // the third in a quarter of an hour
		ask(grace)
		w.executor.Script = slow
		pause(50 * time.Minute)
		ask(ada) // the first was over an hour ago
		ask(grace)
		w.perPerson = 0
		pause(time.Hour)
		w.stop()
		if n := len(w.runs()); n != 4 {
			t.Errorf("%d runs were started, want 4", n)
		}
		w.wantAnswers("**pass**", "**pass**", "You asked for 2 runs within an hour", "**pass**", "**pass**", "**joined**")
		w.wantAudit("ada start", "ada start", "ada refuse", "grace start", "ada start", "grace join")
	})
}

func TestWhoAskedForEnoughMayStillJoin(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.perPerson, w.executor.Script = 1, slow
		w.start()
		for _, who := range []forge.Person{ada, ada, grace} {
			w.forge.say(who, "!testme")
			pause(time.Minute)
		}
		w.forge.push(newHead)
		w.forge.say(grace, "!testme") // joining counted for nothing
		pause(3 * time.Hour)
		w.stop()
		w.wantAudit("ada start", "ada join", "grace join", "grace start")
	})
}

func TestALockedConversationIsAnsweredByTheStatus(t *testing.T) {
	locked := fmt.Errorf("cannot comment: %w: issue is locked", forge.ErrForbidden)
	for _, c := range []struct {
		name   string
		who    forge.Person
		states []forge.StatusState
		audit  []string
	}{
		{"a member", ada, []forge.StatusState{forge.StatusPending, forge.StatusSuccess}, []string{"ada start", "bridge mute"}},
		{"a stranger", eve, nil, []string{"eve refuse", "bridge mute"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(t *testing.T, w *world) {
				w.forge.does("CreateComment", locked)
				w.start()
				id := w.forge.say(c.who, "!testme")
				pause(time.Hour)
				calls := len(w.forge.called())
				w.forge.does("CreateComment", nil) // too late
				pause(5 * time.Hour)
				w.stop()
				w.wantAnswers()
				w.wantAudit(c.audit...)
				if d := cmp.Diff(c.states, w.forge.states(oldHead)); d != "" {
					t.Error(d)
				}
				if w.forge.eyes[id] == 0 {
					t.Error("there were no eyes")
				}
				for _, call := range w.forge.called()[calls:] {
					if strings.Contains(call, "Comment") && !strings.HasPrefix(call, "CommentsAfter") {
						t.Errorf("it was tried again after an hour: %s", call)
					}
				}
			})
		})
	}
}

func TestATokenThatIsPutRightInTimeLetsUsComment(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.forge.does("CreateComment", forge.ErrForbidden)
		w.start()
		w.forge.say(ada, "!testme")
		pause(5 * time.Minute)
		w.forge.does("CreateComment", nil)
		pause(10 * time.Minute)
		w.stop()
		w.wantAnswers("**pass**")
		w.wantAudit("ada start")
	})
}
