package answer

import (
	"context"
	"fmt"
	"slices"

	"seatrial/bridge/ledger"
	"seatrial/harness/journal"
	"seatrial/harness/run"
)

// sameHead finds an open run that answers the request as well.
func (a *Answerer) sameHead(ctx context.Context, request run.Request) (*run.Report, error) {
	open, err := a.openRuns(ctx, request.Code)
	if err != nil {
		return nil, err
	}
	for _, r := range open {
		if r.CancelAsked == "" && answers(r.Request, request) {
			return &r, nil
		}
	}
	return nil, nil
}

// answers says whether an open run tells all that the wanted one would: the same commit,
// built in the same way, with no fewer secrets.
func answers(open, wanted run.Request) bool {
	return open.Code.Commit == wanted.Code.Commit && open.Flavor == wanted.Flavor && (open.Secrets || !wanted.Secrets)
}

// openRuns returns those of the same pull request or, without one, of the same branch.
func (a *Answerer) openRuns(ctx context.Context, at run.Code) ([]run.Report, error) {
	open, err := a.Journal.Reports(ctx, journal.Filter{Forge: at.Forge, Repo: at.Repo, Pull: at.Pull, Open: true, Limit: maxOpen})
	return slices.DeleteFunc(open, func(r run.Report) bool {
		return r.Request.Code.Pull != at.Pull || at.Pull == 0 && r.Request.Code.Ref != at.Ref
	}), err
}

// join says which run is there, then records who joined it. Saying comes first, so that
// after a crash in between the same is said again, and not nothing. done is false if the
// run ended meanwhile.
func (a *Answerer) join(ctx context.Context, q question, r run.Report) (done bool, err error) {
	if err := a.sayJoined(ctx, q, r); err != nil {
		return false, err
	}
	a.Deciding.Lock()
	defer a.Deciding.Unlock()
	now, err := a.Journal.Report(ctx, r.Request.ID)
	if err != nil || now.State == run.Ended {
		return false, err
	}
	joined := run.Event{Run: r.Request.ID, Source: run.Bridge, At: a.Now(), Kind: run.KindJoined, Note: q.By.Login}
	if _, err := a.record(ctx, q, ledger.Decision{Run: r.Request.ID}, true, joined); err != nil {
		return false, err
	}
	a.audit(ctx, q, "join", r.Request.ID, "the same commit is asked about already")
	return true, nil
}

// start creates the run, in one transaction with what it means for older runs of the same
// pull request or branch: waiting ones are superseded, running ones are about an older
// commit. done is false if a run that answers it appeared meanwhile.
func (a *Answerer) start(ctx context.Context, q question, request run.Request) (done bool, err error) {
	a.Deciding.Lock()
	defer a.Deciding.Unlock()
	if same, err := a.sameHead(ctx, request); err != nil || same != nil {
		return false, err
	}
	older, err := a.openRuns(ctx, request.Code)
	if err != nil {
		return false, err
	}
	if request.ID, err = a.drawID(ctx, request.Recipe); err != nil {
		return false, err
	}
	events, superseded := a.startEvents(request, older)
	done, err = a.record(ctx, q, ledger.Decision{Run: request.ID}, false, events...)
	if err != nil {
		return false, err
	}
	if !done { // it was decided before
		return true, nil
	}
	a.Queue.Add(request)
	for _, id := range superseded {
		a.Queue.Remove(id)
	}
	a.audit(ctx, q, "start", request.ID, "commit "+request.Code.Commit)
	return true, nil
}

// startEvents returns what is recorded when a run starts, and which runs it supersedes.
func (a *Answerer) startEvents(request run.Request, older []run.Report) (events []run.Event, superseded []run.ID) {
	at := a.Now()
	events = append(events, run.Event{Run: request.ID, Source: run.Bridge, At: at, Kind: run.KindRequested}.With(request))
	for _, r := range older {
		old := run.Event{Run: r.Request.ID, Attempt: r.Attempt, Source: run.Bridge, At: at}
		switch {
		case r.Request.Code.Commit == request.Code.Commit: // being cancelled, or another question
		case r.State == run.Waiting:
			by, ended := old, old
			by.Kind, ended.Kind, ended.Note = run.KindSuperseded, run.KindEnded, string(run.EndSuperseded)
			events = append(events, by.With(run.Superseded{By: request.ID}), ended)
			superseded = append(superseded, r.Request.ID)
		case r.StaleSince != request.Code.Commit:
			old.Kind = run.KindStale
			events = append(events, old.With(run.Push{Commit: request.Code.Commit}))
		}
	}
	return events, superseded
}

// drawID draws an ID whose subdomain no open run has.
func (a *Answerer) drawID(ctx context.Context, recipe string) (run.ID, error) {
	open, err := a.Journal.Reports(ctx, journal.Filter{Open: true, Limit: maxOpen})
	if err != nil {
		return "", err
	}
	taken := map[string]bool{}
	for _, r := range open {
		taken[r.Request.ID.Label(r.Request.Recipe)] = true
	}
	const draws = 1000
	for range draws {
		if id := run.NewID(a.Now()); !taken[id.Label(recipe)] {
			return id, nil
		}
	}
	return "", fmt.Errorf("cannot find a free subdomain for %s: %d drawn, all taken", recipe, draws)
}
