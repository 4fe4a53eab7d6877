package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// Budget is empty: Gitea sets no limit.
func (f *Forge) Budget() forge.Budget { return forge.Budget{} }

// Examine says what our account may and may not do for an organisation and its
// repositories, the weightiest first. It asks three questions and one for each
// repository, changes nothing, and never fails: what could not be found out is unknown,
// with the reason. Which scopes a token has, Gitea does not tell: one that is missing
// shows where something is refused.
func (f *Forge) Examine(ctx context.Context, org string, repos []forge.Repo) []forge.Ability {
	me, first := f.knownTo(ctx)
	list := []forge.Ability{first}
	if first.State != forge.AbilityThere {
		return list // the rest would only say the same
	}
	list = append(list, f.readsMembers(ctx, org, me))
	looked, seen := f.seesRepos(ctx, repos)
	list = append(list, looked...)
	return append(list, writesStatuses(seen), forge.Ability{Name: "ask often enough", State: forge.AbilityThere, Why: "Gitea sets no limit."})
}

// knownTo: the forge accepts our token.
func (f *Forge) knownTo(ctx context.Context) (forge.Person, forge.Ability) {
	a := forge.Ability{Name: "be known to the forge"}
	me, err := f.Self(ctx)
	var answer *adapter.Error
	switch {
	case err == nil:
		a.State, a.Why = forge.AbilityThere, fmt.Sprintf("We are %s. %s", me.Login, f.version(ctx))
	case errors.Is(err, forge.ErrUnauthorized):
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), "Make a token in the settings of the bot's account, under Applications."
	case errors.Is(err, forge.ErrForbidden):
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), "Make a token with the scopes "+scopes+"."
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound:
		a.State, a.Why = forge.AbilityMissing, forge.Sentence(err)
		a.Next = fmt.Sprintf("Look at the address: the API of a Gitea is expected at %s/api/v1.", f.url)
	default:
		return me, unknown(a, err)
	}
	return me, a
}

// scopes are what a token needs.
const scopes = "read:user, read:organization, write:issue and write:repository"

// version is a sentence about the server's.
func (f *Forge) version(ctx context.Context) string {
	client, err := f.client(ctx, "doctor")
	if err != nil {
		return "The server's version is not known."
	}
	v, _, err := client.ServerVersion()
	if err != nil || v == "" {
		return "The server does not tell its version."
	}
	return fmt.Sprintf("The server's version is %s.", v)
}

// readsMembers: who is a member can be found out, without which nobody may ask for a run.
func (f *Forge) readsMembers(ctx context.Context, org string, me forge.Person) forge.Ability {
	a := forge.Ability{Name: "read the members of " + org}
	is, err := f.Member(ctx, org, me)
	next := fmt.Sprintf("Add %s to a team of %s that may write to the repositories under test.", me.Login, org)
	switch {
	case errors.Is(err, errOutside):
		a.State, a.Why, a.Next = forge.AbilityMissing, fmt.Sprintf("%s is not a member of %s, and only members may see who is one.", me.Login, org), next
	case errors.Is(err, forge.ErrForbidden):
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), "Make a token with the scopes "+scopes+"."
	case err != nil:
		return unknown(a, err)
	case !is:
		a.State, a.Why = forge.AbilityMissing, fmt.Sprintf("%s is not a member of %s, or there is no such organisation.", me.Login, org)
		a.Next = next
	default:
		a.State, a.Why = forge.AbilityThere, "Memberships can be read, hidden ones too."
	}
	return a
}

// seesRepos: the repositories can be read, and take what is written. All about which there
// is nothing to say are one line. It returns what it saw, too.
func (f *Forge) seesRepos(ctx context.Context, repos []forge.Repo) (list []forge.Ability, seen []*sdk.Repository) {
	private := 0
	for _, repo := range repos {
		r, err := f.repository(ctx, repo)
		if err != nil {
			a := forge.Ability{Name: "read " + repo.String()}
			if errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrForbidden) {
				a.State, a.Why = forge.AbilityMissing, forge.Sentence(err)
				a.Next = "Look at its name in the enrolment. If it is there and private, add our account to a team that may see it."
			} else {
				a = unknown(a, err)
			}
			list = append(list, a)
			continue
		}
		seen = append(seen, r)
		if r.Private {
			private++
		}
		list = append(list, takesComments(repo, r)...)
	}
	if len(seen) > 0 {
		why := fmt.Sprintf("%d of %d can be read.", len(seen), len(repos))
		if private > 0 {
			why = fmt.Sprintf("%d of %d can be read, %d private.", len(seen), len(repos), private)
		}
		list = append(list, forge.Ability{Name: "read the repositories", State: forge.AbilityThere, Why: why})
	}
	return list, seen
}

func (f *Forge) repository(ctx context.Context, repo forge.Repo) (*sdk.Repository, error) {
	client, err := f.client(ctx, "doctor")
	if err != nil {
		return nil, err
	}
	r, _, err := client.GetRepo(repo.Owner, repo.Name)
	return r, adapter.Failed(err, "read the repository %s", repo)
}

// takesComments is what a repository's own settings stand in the way of.
func takesComments(repo forge.Repo, r *sdk.Repository) []forge.Ability {
	a := forge.Ability{Name: "comment in " + repo.String()}
	switch {
	case r.Archived:
		a.State, a.Why, a.Next = forge.AbilityMissing, "The repository is archived: nothing can be written there.", "Take it out of the archive, or remove its enrolment."
	case !r.HasPullRequests:
		a.State, a.Why, a.Next = forge.AbilityMissing, "The repository has no pull requests.", "Turn them on in its settings, or remove its enrolment."
	case !r.HasIssues:
		a.Name = "open issues in " + repo.String()
		a.State, a.Why, a.Next = forge.AbilityWeak, "The repository has no issues: none can be opened about a nightly run that failed.", "Turn them on in its settings."
	default:
		return nil
	}
	return []forge.Ability{a}
}

// writesStatuses: our account may write, as statuses need.
func writesStatuses(seen []*sdk.Repository) forge.Ability {
	a := forge.Ability{Name: "set commit statuses"}
	var without []string
	for _, r := range seen {
		if r.Permissions == nil || !r.Permissions.Push {
			without = append(without, r.FullName)
		}
	}
	switch {
	case len(seen) == 0:
		a.State, a.Why = forge.AbilityUnknown, "There is no repository to look at."
	case len(without) > 0:
		a.State, a.Why = forge.AbilityMissing, "Our account may not write to "+strings.Join(without, ", ")+"."
		a.Next = "Give it write access to the code there, by a team."
	default:
		a.State = forge.AbilityThere
		a.Why = "Our account may write to them all. That the token lacks the scope write:repository shows only when it is used."
	}
	return a
}

func unknown(a forge.Ability, err error) forge.Ability {
	a.State, a.Why, a.Next = forge.AbilityUnknown, forge.Sentence(err), "Ask again later."
	return a
}
