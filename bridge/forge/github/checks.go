package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
)

// A check run is found again by its name, its commit and its external id, which is the
// address of the page that tells more: every run has its own. So the check of a run is
// edited while it goes on, and the next run of the same commit has another, which counts.

// mostNotes is how many annotations GitHub takes in one request.
const mostNotes = 50

// setCheck makes or changes a check run.
func (f *Forge) setCheck(ctx context.Context, repo forge.Repo, hash string, s forge.Status) error {
	known, err := f.findCheck(ctx, repo, hash, s)
	if err != nil {
		return err
	}
	output, notes := outputOf(s)
	status, conclusion := checkState(s.State)
	if conclusion == "" {
		notes = nil // they are added to, never replaced: they come with the last word
	}
	if known != nil {
		notes = notes[min(len(notes), known.GetOutput().GetAnnotationsCount()):] // an answer may have got lost
	}
	id := known.GetID()
	for first := true; first || len(notes) > 0; first = false {
		output.Annotations = notes[:min(len(notes), mostNotes)]
		notes = notes[len(output.Annotations):]
		if id, err = f.writeCheck(ctx, repo, id, sdk.CreateCheckRunOptions{
			Name: s.Context, HeadSHA: hash, ExternalID: &s.TargetURL, DetailsURL: optional(s.TargetURL),
			Status: &status, Conclusion: optional(conclusion), Output: output,
		}); err != nil {
			return err
		}
	}
	return nil
}

// writeCheck makes a check run, or with a number changes that one.
func (f *Forge) writeCheck(ctx context.Context, repo forge.Repo, id int64, in sdk.CreateCheckRunOptions) (int64, error) {
	var made sdk.CheckRun
	var err error
	if id == 0 {
		_, err = f.ask(ctx, http.MethodPost, pathOf(repo)+"/check-runs", in, &made)
	} else {
		change := sdk.UpdateCheckRunOptions{
			Name: in.Name, DetailsURL: in.DetailsURL, ExternalID: in.ExternalID, Status: in.Status, Conclusion: in.Conclusion, Output: in.Output,
		}
		_, err = f.ask(ctx, http.MethodPatch, fmt.Sprintf("%s/check-runs/%d", pathOf(repo), id), change, &made)
	}
	if err == nil && made.GetID() == 0 {
		err = errors.New("the answer names no check run")
	}
	return made.GetID(), err
}

// findCheck is the check run that says what came before of the same run; nil if there
// is none. Without an address there is no telling runs apart: one that has ended is another's.
func (f *Forge) findCheck(ctx context.Context, repo forge.Repo, hash string, s forge.Status) (*sdk.CheckRun, error) {
	list, err := f.checks(ctx, repo, hash, s.Context)
	if err != nil {
		return nil, err
	}
	var found *sdk.CheckRun
	for _, c := range list {
		fits := c.GetExternalID() == s.TargetURL && (s.TargetURL != "" || c.GetStatus() != "completed")
		if fits && c.GetID() > found.GetID() {
			found = c
		}
	}
	return found, nil
}

func (f *Forge) lastCheck(ctx context.Context, repo forge.Repo, hash, name string) (forge.Status, bool, error) {
	list, err := f.checks(ctx, repo, hash, name)
	if err != nil {
		return forge.Status{}, false, err
	}
	var last *sdk.CheckRun
	for _, c := range list {
		if c.GetID() > last.GetID() {
			last = c
		}
	}
	if last == nil {
		return forge.Status{}, false, nil
	}
	return forge.Status{
		State: stateOf(last), Context: last.GetName(), Description: last.GetOutput().GetTitle(), TargetURL: last.GetExternalID(),
	}, true, nil
}

// checks are the newest check runs of a name that are by the App that is at home in the
// repository, at most a page: GitHub shows the latest, and so do we.
func (f *Forge) checks(ctx context.Context, repo forge.Repo, hash, name string) ([]*sdk.CheckRun, error) {
	to, _ := ctx.Value(aimKey{}).(aim)
	home, err := f.wire.home(ctx, to)
	if err != nil {
		return nil, err
	}
	app := home.appOf()
	query := url.Values{
		"check_name": {name}, "filter": {"all"}, "app_id": {strconv.FormatInt(app, 10)}, "per_page": {strconv.Itoa(pageSize)},
	}
	var answer sdk.ListCheckRunsResults
	if _, err := f.ask(ctx, http.MethodGet, pathOf(repo)+"/commits/"+segment(hash)+"/check-runs?"+query.Encode(), nil, &answer); err != nil {
		return nil, err
	}
	var ours []*sdk.CheckRun
	for _, c := range answer.CheckRuns {
		if c != nil && c.GetName() == name && cmp.Or(c.GetApp().GetID(), app) == app {
			ours = append(ours, c)
		}
	}
	return ours, nil
}

// checkState is GitHub's word for a state. What went wrong on our side is neutral: it
// is no word about the commit.
func checkState(s forge.StatusState) (status, conclusion string) {
	switch s {
	case forge.StatusSuccess:
		return "completed", "success"
	case forge.StatusFailure:
		return "completed", "failure"
	case forge.StatusError:
		return "completed", "neutral"
	}
	return "in_progress", ""
}

func stateOf(c *sdk.CheckRun) forge.StatusState {
	switch {
	case c.GetStatus() != "completed":
		return forge.StatusPending
	case c.GetConclusion() == "success":
		return forge.StatusSuccess
	case c.GetConclusion() == "failure":
		return forge.StatusFailure
	}
	return forge.StatusError
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
