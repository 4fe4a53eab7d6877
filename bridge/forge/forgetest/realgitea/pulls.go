package realgitea

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

func (g *Gitea) AddIssue(r forge.Repo, author, title string) (int, error) {
	client, _, err := g.as(author)
	if err != nil {
		return 0, err
	}
	i, _, err := client.CreateIssue(r.Owner, r.Name, sdk.CreateIssueOption{Title: title})
	if err != nil {
		return 0, err
	}
	return int(i.Index), nil
}

func (g *Gitea) OpenPull(p forgetest.NewPull) (int, error) {
	client, token, err := g.as(p.Author)
	if err != nil {
		return 0, err
	}
	p.Branch = cmp.Or(p.Branch, "change")
	fork, err := g.fork(client, p)
	if err != nil {
		return 0, err
	}
	if err := g.gitPush(token, fork, p.Dir, "+"+cmp.Or(p.Ref, "HEAD")+":refs/heads/"+p.Branch); err != nil {
		return 0, err
	}
	base, _, err := g.admin.GetRepo(p.Repo.Owner, p.Repo.Name)
	if err != nil {
		return 0, err
	}
	owner, _, _ := strings.Cut(fork, "/")
	made, _, err := client.CreatePullRequest(p.Repo.Owner, p.Repo.Name, sdk.CreatePullRequestOption{
		Head: owner + ":" + p.Branch, Base: base.DefaultBranch, Title: p.Title, Body: p.Body,
	})
	if err != nil {
		return 0, fmt.Errorf("cannot open a pull request to %s: %w", p.Repo, err)
	}
	n := int(made.Index)
	g.mu.Lock()
	g.forks[key(p.Repo, n)] = fork + " " + p.Branch + " " + p.Author
	g.mu.Unlock()
	return n, nil
}

func key(r forge.Repo, n int) string { return fmt.Sprintf("%s#%d", r, n) }

// fork makes the author's fork, or finds it.
func (g *Gitea) fork(client *sdk.Client, p forgetest.NewPull) (string, error) {
	name := p.Repo.Owner + "-" + p.Repo.Name
	if found, resp, err := client.GetRepo(p.Author, name); err == nil {
		return found.FullName, nil
	} else if resp == nil || resp.StatusCode != 404 {
		return "", err
	}
	made, _, err := client.CreateFork(p.Repo.Owner, p.Repo.Name, sdk.CreateForkOption{Name: &name})
	if err != nil {
		return "", fmt.Errorf("cannot fork %s: %w", p.Repo, err)
	}
	return made.FullName, nil
}

// origin is where a pull request comes from.
func (g *Gitea) origin(r forge.Repo, n int) (fork, branch, author string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	parts := strings.Fields(g.forks[key(r, n)])
	if len(parts) != 3 {
		return "", "", "", fmt.Errorf("there is no pull request %s", key(r, n))
	}
	return parts[0], parts[1], parts[2], nil
}

func (g *Gitea) Push(r forge.Repo, n int, dir, ref string) (string, error) {
	fork, branch, author, err := g.origin(r, n)
	if err != nil {
		return "", err
	}
	_, token, err := g.as(author)
	if err != nil {
		return "", err
	}
	commit, err := forgetest.Git(dir, "rev-parse", "--verify", "--end-of-options", cmp.Or(ref, "HEAD")+"^{commit}")
	if err != nil {
		return "", err
	}
	if err := g.gitPush(token, fork, dir, "+"+commit+":refs/heads/"+branch); err != nil {
		return "", err
	}
	pr, _, err := g.admin.GetPullRequest(r.Owner, r.Name, int64(n))
	if err != nil || pr.State != sdk.StateOpen {
		return commit, err
	}
	return commit, await("Gitea to notice a push", func() (bool, error) { return g.noticed(r, n, commit) })
}

// noticed says whether the timeline ends with a push to this commit.
func (g *Gitea) noticed(r forge.Repo, n int, commit string) (bool, error) {
	list, _, err := g.admin.ListIssueTimeline(r.Owner, r.Name, int64(n), sdk.ListIssueCommentOptions{ListOptions: sdk.ListOptions{PageSize: 50}})
	for _, e := range slices.Backward(list) {
		if e.Type == "pull_push" {
			return strings.Contains(e.Body, commit+`"]`), err
		}
	}
	return false, err
}

func (g *Gitea) ClosePull(r forge.Repo, n int) error {
	_, _, err := g.admin.EditPullRequest(r.Owner, r.Name, int64(n), sdk.EditPullRequestOption{State: new(sdk.StateClosed)})
	return err
}

func (g *Gitea) Merge(r forge.Repo, n int) error {
	return await("Gitea to be ready to merge", func() (bool, error) {
		ok, _, err := g.admin.MergePullRequest(r.Owner, r.Name, int64(n), sdk.MergePullRequestOption{Style: sdk.MergeStyleMerge})
		if err == nil && !ok {
			err = errors.New("it refuses")
		}
		return ok, err
	})
}

func (g *Gitea) DeleteFork(r forge.Repo, n int) error {
	fork, _, _, err := g.origin(r, n)
	if err != nil {
		return err
	}
	owner, name, _ := strings.Cut(fork, "/")
	if _, err := g.admin.DeleteRepo(owner, name); err != nil {
		return err
	}
	return await("the pull request to be closed", func() (bool, error) {
		pr, _, err := g.admin.GetPullRequest(r.Owner, r.Name, int64(n))
		return err == nil && pr.State == sdk.StateClosed, err
	})
}
