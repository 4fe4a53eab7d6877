package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seatrial/bridge/announce"
	"seatrial/bridge/forge"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// issueLimit is for keeping one issue: a few requests to a slow forge.
const issueLimit = 2 * time.Minute

// report keeps the recipe's issue, if a run of the schedule has ended that it says nothing
// of yet.
func (s *Scheduler) report(ctx context.Context, known *recipesOf, e recipes.Enrolment) error {
	repo, ok := s.Bridge.RepoOf(e)
	if !known.unsettled[e.Name] || !ok {
		return nil
	}
	all, err := s.Runs.Reports(ctx, journal.Filter{Recipe: e.Name, Limit: recentRuns}) // the newest first
	if err != nil {
		return fmt.Errorf("cannot read the runs of %s: %w", e.Name, err)
	}
	announced, err := s.Memory.Cursor(ctx, announcedScope(e))
	if err != nil {
		return err
	}
	now, before, open := latestTwo(all)
	if now != nil && string(now.Request.ID) > string(announced) {
		if err := s.keepIssue(ctx, repo, *now, before); err != nil {
			return err
		}
		if err := s.Memory.SetCursor(ctx, announcedScope(e), forge.Cursor(now.Request.ID)); err != nil {
			return err
		}
	}
	known.unsettled[e.Name] = open
	return nil
}

// latestTwo finds the schedule's latest run that says something about the recipe, and the
// one of the same branch before it. open says that one of the schedule's has not ended.
func latestTwo(all []run.Report) (now, before *run.Report, open bool) {
	for i := range all {
		r := &all[i]
		at := r.Request.Code
		says := r.State == run.Ended && (r.Verdict() == run.VerdictPass || r.Verdict() == run.VerdictFail)
		switch {
		case r.State != run.Ended:
			open = open || r.Request.Via == run.ViaSchedule
		case !says || at.Pull != 0:
		case now == nil:
			if r.Request.Via == run.ViaSchedule {
				now = r
			}
		case at.Ref == now.Request.Code.Ref && at.Repo == now.Request.Code.Repo:
			return now, r, open
		}
	}
	return now, nil, open
}

// change is what a result means for the issue.
type change int

const (
	noChange change = iota
	gotWorse
	gotBetter
)

func changeOf(now run.Report, before *run.Report) change {
	failed, failedBefore := now.Verdict() == run.VerdictFail, before != nil && before.Verdict() == run.VerdictFail
	switch {
	case failed && !failedBefore:
		return gotWorse
	case failed:
		return noChange
	case before == nil, failedBefore, now.Level() > before.Level():
		return gotBetter
	case now.Level() < before.Level():
		return gotWorse
	}
	return noChange
}

// keepIssue opens, edits or closes the one issue about the recipe. It may be asked again
// about the same run.
func (s *Scheduler) keepIssue(ctx context.Context, repo forge.Repo, now run.Report, before *run.Report) error {
	ctx, cancel := context.WithTimeout(ctx, issueLimit)
	defer cancel()
	c := changeOf(now, before)
	issues, self, ok := s.Bridge.IssuesOf(repo.Forge)
	if c == noChange || !ok {
		return nil
	}
	err := func() error {
		me, err := self(ctx)
		if err != nil {
			return fmt.Errorf("cannot find out who we are: %w", err)
		}
		issue, found, err := issues.FindIssue(ctx, repo, announce.ScheduleMarker(now.Request.Recipe), me)
		if err != nil {
			return err
		}
		title, body := announce.RenderScheduled(now, before, s.Context)
		switch {
		case found && (c == gotWorse || issue.Open):
			return issues.EditIssue(ctx, repo, issue.Number, title, body, c == gotWorse)
		case !found && c == gotWorse:
			_, err = issues.CreateIssue(ctx, repo, title, body)
		}
		return err
	}()
	if errors.Is(err, forge.ErrForbidden) || errors.Is(err, forge.ErrNotFound) {
		// A repository may have no issues. The badge and the dashboard tell it all the same.
		s.Log.Warn("the result of a recipe's default branch changed, and no issue can be kept about it", "recipe", now.Request.Recipe, "repo", repo.String(), "run", now.Request.ID, "err", err)
		return nil
	}
	return err
}
