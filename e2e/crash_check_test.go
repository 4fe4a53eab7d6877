package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"seatrial/bridge/announce"
	"seatrial/bridge/forge"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// settled waits until nothing is left to do or to say.
func (s *crashed) settled() error {
	ctx := context.Background()
	db, err := s.journal()
	if err != nil {
		return err
	}
	defer db.Close()
	what := ""
	err = s.eventually("everything to be done and said", false, func() (bool, error) {
		all, err1 := db.Reports(ctx, journal.Filter{})
		open := slices.DeleteFunc(slices.Clone(all), func(r run.Report) bool { return r.State == run.Ended })
		comments, err2 := db.OpenComments(ctx)
		unsaid, err3 := db.Unannounced(ctx)
		what = fmt.Sprintf("%d runs, %d of them open, %d open comments, %d runs to announce", len(all), len(open), len(comments), len(unsaid))
		return len(all) >= len(s.wants) && len(open)+len(comments)+len(unsaid) == 0, errors.Join(err1, err2, err3)
	})
	if err != nil {
		return fmt.Errorf("%w: there are %s", err, what)
	}
	return nil
}

// check wants what a bystander sees to be as if nobody had died.
func (s *crashed) check() error {
	if _, err := os.Stat(s.once); err != nil {
		return fmt.Errorf("nobody died at %s: %w", s.point, err)
	}
	reports, err := s.reports()
	if err != nil {
		return err
	}
	slices.Reverse(reports)
	if len(reports) != len(s.wants) {
		return fmt.Errorf("there are %d runs, want %d", len(reports), len(s.wants))
	}
	answers := map[int]int{} // by pull request
	for i, r := range reports {
		answers[r.Request.Code.Pull] += 1 + len(r.Joined)
		if err := s.checkRun(r, s.wants[i]); err != nil {
			return fmt.Errorf("run %d of %d: %w", i+1, len(reports), err)
		}
	}
	for pull, want := range answers {
		bodies, err := s.repliesOn(pull)
		if err != nil {
			return err
		}
		if len(bodies) != want {
			return fmt.Errorf("there are %d comments of the bot, want %d:\n%s", len(bodies), want, strings.Join(bodies, "\n---\n"))
		}
	}
	return nil
}

func (s *crashed) checkRun(r run.Report, want ending) error {
	if want.attempts == atLast && r.Verdict() == run.VerdictUnverified {
		want = ending{run.VerdictUnverified, run.EndedNormally, r.Attempt, forge.StatusError, "unverified"}
	}
	if want.attempts == atLast || want.attempts == inTime && s.nomad != nil {
		want.attempts = r.Attempt
	}
	if want.attempts == inTime {
		want.attempts = 1
		if _, err := os.Stat(filepath.Join(s.state, "runs", string(r.Request.ID), "1", "harness.json")); r.Attempt == 2 && os.IsNotExist(err) {
			want.attempts = 2
		}
	}
	if r.Verdict() != want.verdict || r.Ending != want.ending || r.Attempt != want.attempts || len(r.Leftovers) > 0 {
		return fmt.Errorf("it is %s (%q: %s) after %d attempts with %d leftovers, want %s (%q) after %d with none",
			r.Verdict(), r.Ending, r.EndingNote, r.Attempt, len(r.Leftovers), want.verdict, want.ending, want.attempts)
	}
	bodies, err := s.repliesOn(r.Request.Code.Pull)
	if err != nil {
		return err
	}
	about := slices.DeleteFunc(bodies, func(body string) bool { return !strings.Contains(body, announce.RunMarker(r.Request.ID)) })
	if len(about) != 1 || !strings.Contains(about[0], want.says) {
		return fmt.Errorf("it has %d comments, want one that says %q:\n%s", len(about), want.says, strings.Join(about, "\n---\n"))
	}
	statuses, err := s.world.Statuses(s.repo, r.Request.Code.Commit)
	if err != nil {
		return err
	}
	final := slices.DeleteFunc(slices.Clone(statuses), func(status forge.Status) bool { return status.State == forge.StatusPending })
	if len(final) != 1 || statuses[0].State != want.status {
		return fmt.Errorf("the statuses of its commit are %+v, want one last word: %s", statuses, want.status)
	}
	return nil
}

func (s *crashed) repliesOn(pull int) ([]string, error) {
	defer func(now int) { s.pull = now }(s.pull)
	s.pull = pull
	return s.replies()
}

// lastBreath is how long what was told to end may take to be gone.
const lastBreath = 20 * time.Second

// nothingLeft compares the machine with how it was, once the bridge has ended. What
// ended last may take a moment to be gone.
func (s *crashed) nothingLeft(before machine) error {
	traces, err := s.traces()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(lastBreath); ; time.Sleep(200 * time.Millisecond) {
		now, err := lookAround()
		if err != nil {
			return err
		}
		left := append(now.since(before).about(traces), s.litter()...)
		inEngine, err := s.leftInDocker()
		if err != nil {
			return err
		}
		left = append(left, inEngine...)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s after everything was over there is\n%s", lastBreath, strings.Join(left, "\n"))
		}
	}
}

// history is what became of the runs, for whoever has to find out why.
func (s *crashed) history() string {
	reports, err := s.reports()
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, r := range reports {
		fmt.Fprintf(&b, "\n%s %s %s %q: %s; attempt %d, earlier %q, left %v", r.Request.ID, r.State, r.Verdict(), r.Ending, r.EndingNote, r.Attempt, r.Earlier, r.Leftovers)
		for _, stage := range r.Stages {
			fmt.Fprintf(&b, "\n  %s %s %s", stage.Stage, stage.Outcome, stage.Note)
		}
	}
	return b.String()
}
