package realgitea

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

const password = "correct-horse-9" // of everybody on this forge

func (g *Gitea) AddUser(login string) (forge.Person, error) {
	u, _, err := g.admin.AdminCreateUser(sdk.CreateUserOption{
		Username: login, Email: login + "." + rand.Text()[:8] + "@localhost.invalid", Password: password, MustChangePassword: new(false),
	})
	if err != nil {
		return forge.Person{}, fmt.Errorf("cannot add the user %s: %w", login, err)
	}
	return forge.Person{ID: u.ID, Login: u.UserName}, nil
}

// AddOrg implements forgetest.World. Its members are in one of two teams.
func (g *Gitea) AddOrg(org string) error {
	if _, _, err := g.admin.CreateOrg(sdk.CreateOrgOption{Name: org, Visibility: sdk.VisibleTypePublic}); err != nil {
		return fmt.Errorf("cannot add the organisation %s: %w", org, err)
	}
	for _, access := range []forgetest.Access{forgetest.Read, forgetest.Write} {
		team, _, err := g.admin.CreateTeam(org, sdk.CreateTeamOption{
			Name: string(access) + "ers", Permission: sdk.AccessMode(access), IncludesAllRepositories: true,
			Units: []sdk.RepoUnitType{sdk.RepoUnitCode, sdk.RepoUnitIssues, sdk.RepoUnitPulls, sdk.RepoUnitReleases},
		})
		if err != nil {
			return fmt.Errorf("cannot add a team to %s: %w", org, err)
		}
		g.mu.Lock()
		g.teams[org+" "+string(access)] = team.ID
		g.mu.Unlock()
	}
	return nil
}

func (g *Gitea) AddMember(org, login string, access forgetest.Access) error {
	g.mu.Lock()
	team, ok := g.teams[org+" "+string(access)]
	g.mu.Unlock()
	if !ok {
		return fmt.Errorf("there is no organisation %s", org)
	}
	_, err := g.admin.AddTeamMember(team, login)
	return err
}

func (g *Gitea) AddTeam(org, team string, logins ...string) error {
	made, _, err := g.admin.CreateTeam(org, sdk.CreateTeamOption{
		Name: team, Permission: sdk.AccessModeRead, Units: []sdk.RepoUnitType{sdk.RepoUnitCode},
	})
	if err != nil {
		return fmt.Errorf("cannot add a team to %s: %w", org, err)
	}
	for _, login := range logins {
		if _, err := g.admin.AddTeamMember(made.ID, login); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gitea) RemoveMember(org, login string) error {
	_, err := g.admin.DeleteOrgMembership(org, login)
	return err
}

// Token implements forgetest.World. It has the scopes that the bot needs, and no more.
func (g *Gitea) Token(login string) (string, error) {
	return g.newToken(login, "write:repository", "write:issue", "read:organization", "read:user")
}

func (g *Gitea) newToken(login string, scopes ...sdk.AccessTokenScope) (string, error) {
	client, err := sdk.NewClient(g.url, sdk.SetBasicAuth(login, password), sdk.SetGiteaVersion(""))
	if err != nil {
		return "", err
	}
	token, _, err := client.CreateAccessToken(sdk.CreateAccessTokenOption{Name: "t" + rand.Text(), Scopes: scopes})
	if err != nil {
		return "", fmt.Errorf("cannot make a token of %s: %w", login, err)
	}
	return token.Token, nil
}

// as is a client in somebody's name.
func (g *Gitea) as(login string) (*sdk.Client, string, error) {
	g.mu.Lock()
	token := g.tokens[login]
	g.mu.Unlock()
	if token == "" {
		var err error
		if token, err = g.newToken(login, "all"); err != nil {
			return nil, "", err
		}
		g.mu.Lock()
		g.tokens[login] = token
		g.mu.Unlock()
	}
	client, err := sdk.NewClient(g.url, sdk.SetToken(token), sdk.SetGiteaVersion(""))
	return client, token, err
}

func (g *Gitea) AddRepo(owner, name, dir string) (forge.Repo, error) {
	r := forge.Repo{Forge: forgetest.ForgeID, Owner: owner, Name: name}
	branch := "main"
	if dir != "" {
		var err error
		if branch, err = forgetest.Git(dir, "symbolic-ref", "--short", "HEAD"); err != nil {
			return r, err
		}
	}
	if _, _, err := g.admin.CreateOrgRepo(owner, sdk.CreateRepoOption{Name: name, DefaultBranch: branch}); err != nil {
		return r, fmt.Errorf("cannot add the repository %s: %w", r, err)
	}
	if dir == "" {
		return r, nil
	}
	return r, g.gitPush(g.token, r.String(), dir, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
}

func (g *Gitea) PushBranch(r forge.Repo, branch, dir, ref string) error {
	return g.gitPush(g.token, r.String(), dir, "+"+cmp.Or(ref, "HEAD")+":refs/heads/"+branch)
}

// gitPush pushes over HTTP. The token is given by the environment, so that no process list shows it.
func (g *Gitea) gitPush(token, repo, dir string, refs ...string) error {
	header := "Authorization: token " + token
	_, err := forgetest.GitWith(dir, []string{
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0=" + header,
	}, append([]string{"push", "--quiet", g.url + "/" + repo + ".git"}, refs...)...)
	return err
}

// waitLimit bounds the wait for what Gitea does in its queues.
const waitLimit = 15 * time.Second

// await asks until the answer is yes.
func await(what string, yes func() (bool, error)) error {
	deadline := time.Now().Add(waitLimit)
	for {
		ok, err := yes()
		if ok && err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("gave up after %s waiting for %s: %v", waitLimit, what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (g *Gitea) Comment(r forge.Repo, number int, author, body string) (int64, error) {
	client, _, err := g.as(author)
	if err != nil {
		return 0, err
	}
	c, _, err := client.CreateIssueComment(r.Owner, r.Name, int64(number), sdk.CreateIssueCommentOption{Body: body})
	if err != nil {
		return 0, fmt.Errorf("cannot comment on %s#%d: %w", r, number, err)
	}
	return c.ID, nil
}

func (g *Gitea) EditComment(r forge.Repo, id int64, editor, body string) error {
	client, _, err := g.as(editor)
	if err != nil {
		return err
	}
	_, _, err = client.EditIssueComment(r.Owner, r.Name, id, sdk.EditIssueCommentOption{Body: body})
	return err
}

func (g *Gitea) DeleteComment(r forge.Repo, id int64, by string) error {
	client, _, err := g.as(by)
	if err != nil {
		return err
	}
	_, err = client.DeleteIssueComment(r.Owner, r.Name, id)
	return err
}

func (g *Gitea) Comments(r forge.Repo, pull int) ([]forge.Comment, error) {
	list, _, err := g.admin.ListIssueComments(r.Owner, r.Name, int64(pull), sdk.ListIssueCommentOptions{ListOptions: sdk.ListOptions{Page: -1}})
	if err != nil {
		return nil, err
	}
	out := make([]forge.Comment, 0, len(list))
	for _, c := range list {
		out = append(out, forge.Comment{
			Repo: r, Pull: pull, ID: c.ID, Author: forge.Person{ID: c.Poster.ID, Login: c.Poster.UserName},
			Body: c.Body, Created: c.Created.UTC(), Updated: c.Updated.UTC(), URL: c.HTMLURL,
		})
	}
	return out, nil
}

func (g *Gitea) Reactions(r forge.Repo, id int64) ([]string, error) {
	list, _, err := g.admin.GetIssueCommentReactions(r.Owner, r.Name, id)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, reaction := range list {
		out = append(out, reaction.Reaction)
	}
	return out, nil
}

func (g *Gitea) Statuses(r forge.Repo, commit string) ([]forge.Status, error) {
	list, _, err := g.admin.ListStatuses(r.Owner, r.Name, commit, sdk.ListStatusesOption{ListOptions: sdk.ListOptions{PageSize: 50}})
	if err != nil && !strings.Contains(err.Error(), "not found") {
		return nil, err
	}
	slices.SortFunc(list, func(a, b *sdk.Status) int { return cmp.Compare(b.ID, a.ID) }) // the newest first
	var out []forge.Status
	for _, s := range list {
		out = append(out, forge.Status{State: forge.StatusState(s.State), Context: s.Context, Description: s.Description, TargetURL: s.TargetURL})
	}
	return out, nil
}
