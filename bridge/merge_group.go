package bridge

import (
	"context"
	"strings"

	"seatrial/bridge/forge"
	"seatrial/harness/run"
)

// groupTries are for a forge that does not answer right now: nobody can look for a group
// later.
const groupTries = 6

// AskMergeGroup asks for a run of a merge queue's group, where the enrolment wants that.
// The group's head is a branch of the repository itself, made by the forge of changes
// that somebody who may merge has queued. The same group is asked about once.
func (b *Bridge) AskMergeGroup(ctx context.Context, repo forge.Repo, headRef, headSHA string) (answer Answer, err error) {
	e := b.enrolmentOf(repo)
	if e == nil || !e.MergeQueue || headSHA == "" {
		return Answer{}, nil
	}
	repo, _ = b.repoOf(*e)
	a := Ask{
		Key: strings.Join([]string{"merge-group", repo.Forge, repo.String(), headSHA}, " "), Repo: repo,
		Branch: strings.TrimPrefix(headRef, "refs/heads/"), Commit: headSHA,
		By: run.Person{Login: "merge queue"}, Vouched: true, Via: run.ViaMergeGroup, Secrets: true,
	}
	err = briefly(ctx, groupTries, func() error {
		answer, err = b.Ask(ctx, a)
		return err
	})
	return answer, err
}
