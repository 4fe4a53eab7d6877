package answer

import (
	"context"
	"strings"

	"seatrial/bridge/forge"
	"seatrial/bridge/retry"
	"seatrial/harness/run"
)

// groupTries are for a forge that does not answer right now. No poll finds a group later.
const groupTries = 6

// AskMergeGroup asks for a run of a merge queue's group, where the enrolment wants that.
// The group's head is a branch of the repository itself, made by the forge of changes
// that somebody who may merge has queued. The same group is asked about once.
func (a *Answerer) AskMergeGroup(ctx context.Context, repo forge.Repo, headRef, headSHA, base string) error {
	e, repo := a.Enrolled.Of(repo)
	if e == nil || !e.MergeQueue || headSHA == "" {
		return nil
	}
	q := Ask{
		Key: strings.Join([]string{"merge-group", repo.Forge, repo.String(), headSHA}, " "), Repo: repo,
		Branch: strings.TrimPrefix(headRef, "refs/heads/"), Commit: headSHA, Base: base,
		By: run.Person{Login: "merge queue"}, Vouched: true, Via: run.ViaMergeGroup, Secrets: true,
	}
	return retry.Briefly(ctx, groupTries, func() error {
		_, err := a.Ask(ctx, q)
		return err
	})
}
