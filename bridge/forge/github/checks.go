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

// checkRun is what we read of a check run. The library's own type wants every time in it
// to be well-formed, and GitHub's are not always.
type checkRun struct {
	ID         int64
	Name       string
	ExternalID string `json:"external_id"`
	Status     string
	Conclusion string
	App        struct{ ID int64 }
	Output     struct {
		Title, Summary, Text string
		Annotations          int `json:"annotations_count"`
	}
}

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
	id := int64(0)
	if known != nil {
		id = known.ID
		notes = notes[min(len(notes), known.Output.Annotations):] // an answer may have got lost
	}
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
	var made checkRun
	var err error
	if id == 0 {
		_, err = f.ask(ctx, http.MethodPost, pathOf(repo)+"/check-runs", in, &made)
	} else {
		change := sdk.UpdateCheckRunOptions{
			Name: in.Name, DetailsURL: in.DetailsURL, ExternalID: in.ExternalID, Status: in.Status, Conclusion: in.Conclusion, Output: in.Output,
		}
		_, err = f.ask(ctx, http.MethodPatch, fmt.Sprintf("%s/check-runs/%d", pathOf(repo), id), change, &made)
	}
	if err == nil && made.ID == 0 {
		err = errors.New("the answer names no check run")
	}
	return made.ID, err
}

// findCheck is the check run that says what came before of the same run; nil if there
// is none. Without an address there is no telling runs apart: one that has ended is another's.
func (f *Forge) findCheck(ctx context.Context, repo forge.Repo, hash string, s forge.Status) (*checkRun, error) {
	list, err := f.checks(ctx, repo, hash, s.Context)
	if err != nil {
		return nil, err
	}
	return newest(list, func(c *checkRun) bool {
		return c.ExternalID == s.TargetURL && (s.TargetURL != "" || c.Status != "completed")
	}), nil
}

func (f *Forge) lastCheck(ctx context.Context, repo forge.Repo, hash, name string) (forge.Status, bool, error) {
	list, err := f.checks(ctx, repo, hash, name)
	if err != nil {
		return forge.Status{}, false, err
	}
	last := newest(list, func(*checkRun) bool { return true })
	if last == nil {
		return forge.Status{}, false, nil
	}
	return forge.Status{
		State: stateOf(last), Context: last.Name, Description: last.Output.Title, TargetURL: last.ExternalID,
	}, true, nil
}

// checks are the newest check runs of a name that are by the App that is at home in the
// repository, at most a page: GitHub shows the latest, and so do we.
func (f *Forge) checks(ctx context.Context, repo forge.Repo, hash, name string) ([]*checkRun, error) {
	to, _ := ctx.Value(aimKey{}).(aim)
	home, err := f.wire.home(ctx, to)
	if err != nil {
		return nil, err
	}
	app := home.appOf()
	query := url.Values{
		"check_name": {name}, "filter": {"all"}, "app_id": {strconv.FormatInt(app, 10)}, "per_page": {strconv.Itoa(pageSize)},
	}
	var answer struct {
		CheckRuns []*checkRun `json:"check_runs"`
	}
	if _, err := f.ask(ctx, http.MethodGet, pathOf(repo)+"/commits/"+segment(hash)+"/check-runs?"+query.Encode(), nil, &answer); err != nil {
		return nil, err
	}
	var ours []*checkRun
	for _, c := range answer.CheckRuns {
		if c != nil && c.Name == name && cmp.Or(c.App.ID, app) == app {
			ours = append(ours, c)
		}
	}
	return ours, nil
}

// newest is the one that was made last of those that fit; nil if none does.
func newest(list []*checkRun, fits func(*checkRun) bool) *checkRun {
	var found *checkRun
	for _, c := range list {
		if fits(c) && (found == nil || c.ID > found.ID) {
			found = c
		}
	}
	return found
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

func stateOf(c *checkRun) forge.StatusState {
	switch {
	case c.Status != "completed":
		return forge.StatusPending
	case c.Conclusion == "success":
		return forge.StatusSuccess
	case c.Conclusion == "failure":
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
