package bridge_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"seatrial/bridge/announce"
	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/store"
)

// counts is what a day came to.
type counts struct{ commands, started, joined, refused, runs, attempts int }

// ourMarker is the hidden line of everything that we say.
var ourMarker = regexp.MustCompile(`<!-- seatrial (?:run|comment)=\S+ -->`)

// check looks at what the day left on the forge and in the journal.
func (p *plot) check(t *testing.T) counts {
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(p.folder, "journal.db"), store.Options{})
	p.must(err)
	defer db.Close()
	reports, err := db.Reports(ctx, journal.Filter{Limit: 100_000})
	p.must(err)
	ours := p.ours()
	startedBy := map[int64]run.ID{}
	c := counts{runs: len(reports)}
	for _, r := range reports {
		c.attempts += r.Attempt
		p.checkRun(t, db, r, ours)
		if asked, ok, err := db.CommentOf(ctx, r.Request.ID); err != nil || !ok {
			t.Errorf("no comment started run %s: %v", r.Request.ID, err)
		} else {
			startedBy[asked.ID] = r.Request.ID
		}
	}
	for _, s := range p.said {
		p.checkSaying(t, s, startedBy, ours, &c)
	}
	for marker := range ours {
		t.Errorf("%d comments of ours, with %s, answer nobody", len(ours[marker]), marker)
	}
	for head := range p.heads {
		repo, commit, _ := strings.Cut(head, " ")
		at, err := forge.ParseRepo("gitea", repo)
		p.must(err)
		if list, err := p.server.Statuses(at, commit); err != nil || len(list) > 0 && list[0].State == forge.StatusPending {
			t.Errorf("the status of %s is left pending (%v)", head, err)
		}
	}
	return c
}

// ours is what we said, by its marker.
func (p *plot) ours() map[string][]string {
	all := map[string][]string{}
	for _, where := range p.pulls {
		comments, err := p.server.Comments(where.repo, where.pull)
		p.must(err)
		for _, c := range comments {
			if c.Author.Login != bot.Login || p.saidByHand(c.ID) {
				continue
			}
			marker := ourMarker.FindString(c.Body)
			all[marker] = append(all[marker], c.Body)
		}
	}
	return all
}

func (p *plot) saidByHand(id int64) bool {
	for _, s := range p.said {
		if s.id == id {
			return true
		}
	}
	return false
}

// checkRun wants a run that was started once an attempt, ended, and was told to the end.
func (p *plot) checkRun(t *testing.T, db *store.DB, r run.Report, ours map[string][]string) {
	id := r.Request.ID
	if r.State != run.Ended {
		t.Errorf("run %s is %s", id, r.State)
	}
	for attempt := 1; attempt <= r.Attempt; attempt++ {
		if n := p.executor.Started(id, attempt); n > 1 {
			t.Errorf("attempt %d of run %s was started %d times", attempt, id, n)
		}
	}
	n, err := db.Announcement(context.Background(), ledger.RunKey(id))
	p.must(err)
	said := ours[announce.RunMarker(id)]
	if !n.Done || len(said) != 1 || hashOf(said[0]) != n.BodyHash {
		t.Errorf("run %s, %s at attempt %d, has %d comments, announced to the end: %t", id, r.Ending, r.Attempt, len(said), n.Done)
	}
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// checkSaying takes the answer to a comment out of ours, and judges it.
func (p *plot) checkSaying(t *testing.T, s *saying, startedBy map[int64]run.ID, ours map[string][]string, c *counts) {
	marker := announce.CommentMarker(s.id)
	answers := ours[marker]
	delete(ours, marker)
	id, started := startedBy[s.id]
	if started {
		answers = append(answers, ours[announce.RunMarker(id)]...)
		delete(ours, announce.RunMarker(id))
	}
	wanted := s.command && s.by != bot.Login
	what := fmt.Sprintf("comment %d by %s on %s#%d (command: %t, touched: %t)", s.id, s.by, s.repo, s.pull, s.command, s.touched)
	switch {
	case !wanted && (len(answers) > 0 || started):
		t.Errorf("%s was answered: %q", what, answers)
	case !wanted, s.touched && len(answers) == 0:
		return
	case len(answers) != 1:
		t.Errorf("%s has %d answers: %q", what, len(answers), answers)
		return
	}
	if !wanted {
		return
	}
	c.commands++
	switch answer := answers[0]; {
	case started:
		c.started++
	case strings.HasPrefix(answer, "🚫 **not started**"):
		c.refused++
	case strings.HasPrefix(answer, "🔗 **joined**"):
		c.joined++
	default:
		t.Errorf("%s was not answered to the end: %s", what, answer)
	}
	if !s.byMember() && !strings.Contains(answers[0], "**not started**") {
		t.Errorf("%s was not refused: %s", what, answers[0])
	}
}
