package bridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
)

func TestACommentThatIsDeletedBeforeItIsDecidedStartsNothing(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.forge.does("PullRequest", errors.New("502"))
		w.start()
		id := w.forge.say(ada, "!testme")
		pause(time.Minute)
		if w.forge.eyes[id] == 0 {
			t.Error("there were no eyes")
		}
		w.forge.remove(id)
		w.forge.does("PullRequest", nil)
		pause(time.Hour)
		w.stop()
		w.wantAnswers()
		w.wantAudit("ada ignore")
	})
}

func TestACommandOfWhatIsGoneIsIgnoredAndTheJournalSaysWhy(t *testing.T) {
	for name, said := range map[string]string{
		"a deleted repository":       "GET /repos/coop/guestbook: 404 Not Found",
		"a renamed repository":       "301 Moved Permanently; it was renamed or moved, and is called coop/visitors now: write that into its enrolment",
		"a transferred organisation": "301 Moved Permanently; it was renamed or moved, and is called guild/guestbook now: write that into its enrolment",
	} {
		t.Run(name, func(t *testing.T) {
			inABubble(t, func(t *testing.T, w *world) {
				w.forge.does("React", fmt.Errorf("cannot react: %w: %s", forge.ErrNotFound, said))
				w.start()
				w.forge.say(ada, "!testme")
				pause(10 * time.Minute)
				asked := len(w.forge.called())
				pause(time.Minute)
				w.stop()
				w.wantAnswers()
				w.wantAudit("ada ignore")
				entries, err := w.memory.AuditLog(t.Context(), 1)
				if err != nil || !strings.Contains(entries[0].Why, said) {
					t.Errorf("the journal says %+v, %v", entries, err)
				}
				for _, call := range w.forge.called()[asked:] {
					if strings.HasPrefix(call, "React") {
						t.Error("it is tried again")
					}
				}
			})
		})
	}
}

func TestWhatStandsUnderADeletedCommentIsTakenBack(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.forge.does("Member", errors.New("502"))
		w.start()
		id := w.forge.say(ada, "!testme")
		pause(time.Minute)
		w.wantAnswers("could not be checked yet")
		w.forge.remove(id)
		w.forge.does("Member", nil)
		pause(time.Hour)
		w.stop()
		w.wantAnswers("The comment was deleted before it could be decided about")
		w.wantAudit("ada refuse")
	})
}
