package answer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

const (
	// answerLimit bounds one try to answer: six requests to a slow forge.
	answerLimit = 3 * time.Minute
	// pushMargin is how far before the comment pushes are read: a forge's clock has whole
	// seconds.
	pushMargin = time.Minute
	// maxOpen is more runs than are ever open at once.
	maxOpen = 10_000
)

// facts are what a decision rests on.
type facts struct {
	admission.Input
	client Client
	branch *forge.Branch // of an ask for a branch; nil where there is none
}

// read collects the facts. About a repository that is not enrolled the forge is not asked.
func (a *Answerer) read(ctx context.Context, q question) (f facts, err error) {
	f.Comment = forge.Comment{Repo: q.Repo, Pull: q.Pull, Author: forge.Person{ID: q.By.ID, Login: q.By.Login}, Created: a.Now()}
	f.Vouched, f.Commit, f.Base = q.Vouched, q.Commit, q.Base
	served, ok := a.Forges[q.Repo.Forge]
	enrolment, repo := a.Enrolled.Of(q.Repo)
	if !ok || enrolment == nil {
		return f, nil
	}
	f.Enrolment, f.client, f.Org, f.Permitted, f.Bot = enrolment, served.Client, served.Org, served.Permissions, served.Known()
	f.Enrolment.Needs = union(f.Enrolment.Needs, q.Needs)
	if q.comment != nil {
		f.Comment, f.Tries, f.PerHour = q.comment.Comment, q.comment.Tries, a.PerPerson
		if f.Asked, err = a.askedLately(ctx, f.Comment); err != nil {
			return f, err
		}
	}
	a.findObstacles(ctx, &f.Input)
	if q.Pull == 0 {
		return f, a.readBranch(ctx, &f, repo, q.Branch)
	}
	return f, a.readPull(ctx, &f, repo, q)
}

func (a *Answerer) readBranch(ctx context.Context, f *facts, repo forge.Repo, name string) error {
	branch, err := f.client.Branch(ctx, repo, name)
	switch {
	case err == nil:
		f.branch = &branch
	case !errors.Is(err, forge.ErrNotFound):
		return fmt.Errorf("cannot look up the branch %s of %s: %w", cmp.Or(name, "by default"), repo, err)
	}
	return nil
}

// readPull reads the head before the pushes, so that a push in between is seen as one after
// the comment.
func (a *Answerer) readPull(ctx context.Context, f *facts, repo forge.Repo, q question) error {
	pull, err := f.client.PullRequest(ctx, repo, q.Pull)
	if errors.Is(err, forge.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read %s#%d: %w", repo, q.Pull, err)
	}
	f.Pull = &pull
	if !pull.Open || q.comment == nil {
		return nil
	}
	if f.Joins, err = a.wouldJoin(ctx, pull); err != nil {
		return err
	}
	if f.Pushes, err = f.client.Pushes(ctx, repo, q.Pull, f.Comment.Created.Add(-pushMargin)); err != nil {
		return fmt.Errorf("cannot read the pushes to %s#%d: %w", repo, q.Pull, err)
	}
	return nil
}

// decide asks admission.
func (f facts) decide(ctx context.Context, q question) (admission.Decision, error) {
	switch {
	case f.Enrolment == nil:
		return admission.Decision{Refusal: &admission.Refusal{Reason: admission.NotEnrolled}}, nil
	case q.Pull == 0:
		return admission.DecideBranch(ctx, f.Input, f.branch, f.client)
	}
	return admission.Decide(ctx, f.Input, f.client)
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, need := range b {
		if !slices.Contains(all, need) {
			all = append(all, need)
		}
	}
	return all
}

// wouldJoin says whether an open run answers a comment on the pull request. It does not
// look unless the number of runs is limited.
func (a *Answerer) wouldJoin(ctx context.Context, pull forge.PullRequest) (bool, error) {
	if a.PerPerson <= 0 {
		return false, nil
	}
	at := run.Code{Forge: pull.Repo.Forge, Repo: pull.Repo.String(), Pull: pull.Number, Commit: pull.Head}
	same, err := a.sameHead(ctx, run.Request{Code: at, Secrets: true})
	if err != nil {
		return false, fmt.Errorf("cannot look for a run to join: %w", err)
	}
	return same != nil, nil
}

// askedLately returns when the comment's author asked for runs in the hour before it. It
// does not look unless the number of runs is limited.
func (a *Answerer) askedLately(ctx context.Context, c forge.Comment) (at []time.Time, err error) {
	if a.PerPerson <= 0 || c.Author.ID == 0 { // a deleted account may not ask anyway
		return nil, nil
	}
	since := c.Created.Add(-time.Hour)
	lately, err := a.Journal.Reports(ctx, journal.Filter{Forge: c.Repo.Forge, Asker: c.Author.ID, Since: since, Limit: maxOpen})
	if err != nil {
		return nil, fmt.Errorf("cannot count what %s asked for: %w", c.Author.Login, err)
	}
	for _, r := range lately {
		// Counted by when it was asked for, which may be long before it was recorded.
		if asked := r.Request.AskedAt; r.Request.Via == "" && asked.After(since) {
			at = append(at, asked)
		}
	}
	return at, nil
}

// findObstacles asks this host and the executor whether they take the recipe's runs.
func (a *Answerer) findObstacles(ctx context.Context, in *admission.Input) {
	if a.CannotIsolate != nil {
		in.CannotIsolate = a.CannotIsolate()
	}
	in.CannotFetch = a.CannotFetch
	in.Unmet = a.Queue.Unmet(in.Enrolment.Needs)
	if a.CannotDispatch == nil {
		return
	}
	var err error
	if in.CannotDispatch, err = a.CannotDispatch(ctx, *in.Enrolment); err != nil {
		// Nothing is known against it. The run waits for the executor, and its comment says so.
		a.Log.Warn("cannot find out whether runs of a recipe can be started", "recipe", in.Enrolment.Name, "err", err)
	}
}
