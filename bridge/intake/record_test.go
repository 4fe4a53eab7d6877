package intake_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"seatrial/bridge/command"
	"seatrial/bridge/forge"
	"seatrial/bridge/intake"
	"seatrial/bridge/ledger"
	"seatrial/bridge/ledger/ledgertest"
)

// again is a list that brings everything each time, as one does whose times are seconds.
type again struct{ *feed }

func (a again) CommentsAfter(ctx context.Context, scope forge.Scope, c forge.Cursor) ([]forge.Comment, forge.Cursor, error) {
	if c != "" {
		c = "0"
	}
	return a.feed.CommentsAfter(ctx, scope, c)
}

// noting notes what is recorded, and that somebody was told.
type noting struct {
	*ledgertest.Memory
	steps *[]string
}

func (n noting) See(ctx context.Context, c forge.Comment, s ledger.State) (bool, error) {
	*n.steps = append(*n.steps, c.Body)
	return n.Memory.See(ctx, c, s)
}

// Whoever commands waits for the eyes, and what is recorded before takes the disk its time.
func TestCommandsAreRecordedBeforeWhatElseWasSaid(t *testing.T) {
	grammar, err := command.NewGrammar("!testme")
	if err != nil {
		t.Fatal(err)
	}
	f, m, steps := newFeed(), ledgertest.New(), []string{}
	p := intake.New(intake.Config{
		Sources:  []intake.Source{{Forge: "gitea", Feed: again{f}, Branches: f}},
		Enrolled: func() []forge.Repo { return []forge.Repo{guestbook} },
		Memory:   noting{m, &steps}, Grammar: grammar, Found: func(string) { steps = append(steps, "told") },
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	look := func(want ...string) {
		t.Helper()
		steps = nil
		if err := p.LookAt(t.Context(), guestbook); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(steps, want) {
			t.Errorf("the steps were %q, want %q", steps, want)
		}
	}
	look()
	f.say(guestbook, "nice", time.Now())
	f.say(guestbook, "!testme", time.Now())
	look("!testme", "told", "nice")
	look() // brought again, and not even asked about
	f.say(guestbook, "!testme", time.Now())
	look("!testme", "told")
}
