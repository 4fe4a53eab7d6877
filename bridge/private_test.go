package bridge_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// Mirror notes what was copied where.
func (f *fakeForge) Mirror(_ context.Context, repo forge.Repo, dir string, refs ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("Mirror"); err != nil {
		return err
	}
	f.copies = append(f.copies, strings.Join(append([]string{repo.String(), dir}, refs...), " "))
	return nil
}

// hide makes the repository private, and has so many tries to copy it fail.
func (f *fakeForge) hide(failures int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pulls[key(guestbook, 7)].Private = true
	f.fail = func(call string) error {
		if call == "Mirror" && failures > 0 {
			failures--
			return errors.New("cannot copy the repository coop/guestbook: 503")
		}
		return nil
	}
}

func TestAPrivateRepositoryIsCopiedBeforeEachAttempt(t *testing.T) {
	for _, c := range []struct {
		name     string
		failures int
		lives    func(context.Context, run.Request, int, func(run.Event)) bool
		copies   int
		attempts int
		want     run.Verdict
		ending   run.Ending
	}{
		{"at once", 0, passes, 1, 1, run.VerdictPass, run.EndedNormally},
		{"after a while", 3, passes, 1, 1, run.VerdictPass, run.EndedNormally},
		{"in the second attempt", 5, passes, 1, 2, run.VerdictPass, run.EndedNormally},
		{"again for the second attempt", 0, dies, 2, 2, run.VerdictUnverified, run.EndLost},
		{"never", 1000, passes, 0, 2, run.VerdictUnverified, run.EndLost},
	} {
		t.Run(c.name, func(t *testing.T) {
			inABubble(t, func(t *testing.T, w *world) {
				w.executor.Script = c.lives
				w.forge.hide(c.failures)
				w.start()
				w.forge.say(ada, "!testme")
				pause(30 * time.Minute)
				w.stop()
				r := w.onlyRun()
				wantVerdict(t, r, c.want, c.ending)
				if len(w.forge.copies) != c.copies || r.Attempt != c.attempts {
					t.Errorf("%d attempts copied %q", r.Attempt, w.forge.copies)
				}
				for _, made := range w.forge.copies {
					if made != "coop/guestbook /state/private/gitea/coop/guestbook.git refs/pull/7/head" {
						t.Errorf("copied %q", made)
					}
				}
				if body := w.ourComment(); c.copies == 0 && !strings.Contains(body, "it could not be started: cannot copy the repository coop/guestbook: 503") {
					t.Errorf("the comment says %s", body)
				}
			})
		})
	}
}

func TestWhatAPrivateRepositoryDependsOnIsCopied(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.deps, w.others = []string{"mail"}, []recipes.Enrolment{{Name: "mail", Repo: "coop/mail"}}
		w.forge.hide(0)
		w.start()
		w.forge.say(ada, "!testme")
		pause(10 * time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
		want := []string{"coop/guestbook /state/private/gitea/coop/guestbook.git refs/pull/7/head", "coop/mail /state/private/gitea/coop/mail.git"}
		if d := cmp.Diff(want, w.forge.copies); d != "" {
			t.Error(d)
		}
	})
}

func TestWhatEverybodyCanReadIsNotCopied(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		w.forge.say(ada, "!testme")
		pause(10 * time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
		if len(w.forge.copies) > 0 {
			t.Errorf("copied %q", w.forge.copies)
		}
	})
}

func TestAPrivateRepositoryIsCopiedBeforeItsImages(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		p := &preparer{takes: time.Minute}
		w.preparer = p
		w.forge.hide(0)
		w.start()
		w.forge.say(ada, "!testme")
		pause(10 * time.Minute)
		w.stop()
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally)
		if len(w.forge.copies) != 2 {
			t.Errorf("copied %q", w.forge.copies)
		}
	})
}

func TestAPrivateRepositoryIsRefusedWhereItCannotBeFetched(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.cannotFetch = admission.Obstacle{Why: "The nodes have no token.", Next: "Make it public."}
		w.forge.hide(0)
		w.start()
		w.forge.say(ada, "!testme")
		pause(10 * time.Minute)
		w.stop()
		if body := w.ourComment(); !strings.Contains(body, "The nodes have no token.") || !strings.Contains(body, "Make it public.") {
			t.Errorf("the comment says %s", body)
		}
	})
}
