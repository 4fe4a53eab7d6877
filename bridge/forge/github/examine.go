package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/google/go-github/v60/github"

	"seatrial/bridge/forge"
)

// Examine says what our account may and may not do for an organisation and its
// repositories, the weightiest first. It asks a handful of questions and one for each
// repository, changes nothing, and never fails: what could not be found out is unknown,
// with the reason.
func (f *Forge) Examine(ctx context.Context, org string, repos []forge.Repo) []forge.Ability {
	first := f.knownTo(ctx)
	list := []forge.Ability{first}
	if first.State == forge.AbilityMissing || first.State == forge.AbilityUnknown {
		return list // the rest would only say the same
	}
	list = append(list, f.readsMembers(ctx, org))
	list = append(list, f.seesRepos(ctx, repos)...)
	if f.apps != nil {
		list = append(list, f.permissions(ctx, org, repos)...)
	} else {
		list = append(list, f.writesStatuses(ctx, repos))
	}
	return append(list, f.asksOften())
}

// knownTo: the forge accepts our credentials.
func (f *Forge) knownTo(ctx context.Context) forge.Ability {
	a := forge.Ability{Name: "be known to the forge"}
	me, err := f.Self(ctx)
	switch {
	case err == nil:
		a.State, a.Why = forge.AbilityThere, fmt.Sprintf("We are %s.", me.Login)
	case errors.Is(err, errNotInstalled):
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), "Install the App for the organisation, in its settings under Install App."
	case errors.Is(err, forge.ErrUnauthorized) && f.apps != nil:
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), "Compare the App's number and its private key with its settings."
	case errors.Is(err, forge.ErrUnauthorized):
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), "Make a token in the settings of the bot's account, under Developer settings."
	default:
		return unknown(a, err)
	}
	return a
}

// readsMembers: who is a member can be found out, without which nobody may ask for a run.
func (f *Forge) readsMembers(ctx context.Context, org string) forge.Ability {
	a := forge.Ability{Name: "read the members of " + org}
	me, err := f.Self(ctx)
	if err != nil {
		return unknown(a, err)
	}
	is, err := f.Member(ctx, org, me)
	switch {
	case errors.Is(err, errNotInstalled):
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), "Install the App for the organisation."
	case errors.Is(err, errOutside):
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), fmt.Sprintf("Add %s to %s; a fine-grained token needs the organisation permission Members, read only.", me.Login, org)
	case errors.Is(err, forge.ErrForbidden):
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), "Give the App or the token the organisation permission Members, read only."
	case err != nil:
		return unknown(a, err)
	case !is && f.apps == nil:
		a.State, a.Why = forge.AbilityMissing, fmt.Sprintf("%s is not a member of %s, or there is no such organisation.", me.Login, org)
		a.Next = fmt.Sprintf("Add %s to a team of %s that may write to the repositories under test.", me.Login, org)
	default:
		a.State, a.Why = forge.AbilityThere, "Memberships can be read, hidden ones too."
	}
	return a
}

// seesRepos: the repositories can be read. All that can be are one line.
func (f *Forge) seesRepos(ctx context.Context, repos []forge.Repo) []forge.Ability {
	var list []forge.Ability
	seen := 0
	for _, repo := range repos {
		a := forge.Ability{Name: "read " + repo.String()}
		r, err := f.repository(about(ctx, "doctor", repo), repo)
		switch {
		case err == nil && r.GetArchived():
			seen++
			a.Name, a.State = "comment in "+repo.String(), forge.AbilityMissing
			a.Why, a.Next = "The repository is archived: nothing can be written there.", "Take it out of the archive, or remove its enrolment."
		case err == nil:
			seen++
			continue
		case errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrForbidden):
			a.State, a.Why = forge.AbilityMissing, forge.Sentence(err)
			a.Next = "Look at its name, and at what the token or the App's installation may see: a fine-grained token and an App see only the repositories that were chosen."
		default:
			a = unknown(a, err)
		}
		list = append(list, a)
	}
	if seen > 0 {
		list = append(list, forge.Ability{Name: "read the repositories", State: forge.AbilityThere, Why: fmt.Sprintf("%d of %d can be read.", seen, len(repos))})
	}
	return list
}

// writesStatuses: the token's owner may write, as statuses and the comments of others need.
func (f *Forge) writesStatuses(ctx context.Context, repos []forge.Repo) forge.Ability {
	a := forge.Ability{Name: "set commit statuses"}
	var without []string
	asked := 0
	for _, repo := range repos {
		r, err := f.repository(about(ctx, "doctor", repo), repo)
		if err != nil {
			continue // said already
		}
		asked++
		if !r.GetPermissions()["push"] {
			without = append(without, repo.String())
		}
	}
	switch {
	case asked == 0:
		a.State, a.Why = forge.AbilityUnknown, "There is no repository to look at."
	case len(without) > 0:
		a.State, a.Why = forge.AbilityMissing, "Our account may not write to "+strings.Join(without, ", ")+"."
		a.Next = "Give it the role Write there, by a team. A fine-grained token needs Commit statuses, read and write."
	default:
		a.State = forge.AbilityThere
		a.Why = "Our account may write to them all. What a fine-grained token leaves out of that shows only when it is used."
	}
	return a
}

// permission is what an App needs, and what goes without it.
type permission struct {
	name, level string
	has         func(*sdk.InstallationPermissions) string
	lacking     string
}

var appPermissions = []permission{
	{"Checks", "write", (*sdk.InstallationPermissions).GetChecks, "no check run can be made"},
	{"Issues", "write", (*sdk.InstallationPermissions).GetIssues, "no issue can be opened about a nightly run that failed"},
	{"Pull requests", "write", (*sdk.InstallationPermissions).GetPullRequests, "nothing can be written on a pull request"},
	{"Contents", "read", (*sdk.InstallationPermissions).GetContents, "branches and pushes cannot be read"},
	{"Members", "read", (*sdk.InstallationPermissions).GetMembers, "nobody is known as a member"},
	{"Metadata", "read", (*sdk.InstallationPermissions).GetMetadata, "repositories cannot be read"},
}

// appEvents are what GitHub should tell an App by webhooks, so that it need not ask.
var appEvents = []string{"issue_comment", "pull_request", "push", "merge_group"}

// permissions: what the Apps that are installed for the organisation may do.
func (f *Forge) permissions(ctx context.Context, org string, repos []forge.Repo) []forge.Ability {
	to := aim{owner: org}
	if len(repos) > 0 {
		to = aim{owner: repos[0].Owner, repo: repos[0].Name}
	}
	for _, app := range f.apps.list {
		found, err := f.apps.describe(ctx, app, to)
		switch {
		case errors.Is(err, forge.ErrNotFound):
			continue
		case err != nil:
			return []forge.Ability{unknown(forge.Ability{Name: "have the App's permissions"}, err)}
		}
		return judgeInstallation(app.ID, found)
	}
	return []forge.Ability{{
		Name: "have an App installed for " + org, State: forge.AbilityMissing, Why: "None of our Apps is installed there.", Next: "Install one, in the App's settings under Install App.",
	}}
}

// judgeInstallation compares what an installation may do with what is needed.
func judgeInstallation(app int64, found *sdk.Installation) []forge.Ability {
	var list []forge.Ability
	if found.SuspendedAt != nil {
		list = append(list, forge.Ability{
			Name: "use the installation", State: forge.AbilityMissing, Why: "The installation is suspended.", Next: "An owner of the organisation can unsuspend it, in the settings under GitHub Apps.",
		})
	}
	for _, p := range appPermissions {
		level := p.has(found.GetPermissions())
		if level == "write" || level == p.level {
			continue
		}
		list = append(list, forge.Ability{
			Name: p.name + ": " + p.level, State: forge.AbilityMissing, Why: fmt.Sprintf("App %d has not this permission: %s.", app, p.lacking),
			Next: "Give it in the App's settings under Permissions & events, and accept it where the App is installed.",
		})
	}
	if len(list) == 0 {
		list = append(list, forge.Ability{Name: "have the App's permissions", State: forge.AbilityThere, Why: fmt.Sprintf("App %d has all that it needs.", app)})
	}
	var missing []string
	for _, e := range appEvents {
		if !slices.Contains(found.Events, e) {
			missing = append(missing, e)
		}
	}
	if len(missing) > 0 {
		list = append(list, forge.Ability{
			Name: "be told of events", State: forge.AbilityWeak, Why: fmt.Sprintf("App %d is not subscribed to %s: without a webhook of another kind those are found by polling.", app, strings.Join(missing, ", ")),
			Next: "Subscribe to them in the App's settings under Permissions & events.",
		})
	}
	return list
}

// asksOften: something of the limit is left.
func (f *Forge) asksOften() forge.Ability {
	a, b := forge.Ability{Name: "ask often enough"}, f.Budget()
	switch {
	case b.Limit == 0:
		a.State, a.Why = forge.AbilityThere, "The server tells of no limit."
	case b.Left*keptShare < b.Limit:
		a.State, a.Why = forge.AbilityWeak, fmt.Sprintf("%d of %d requests are left until %s: polling waits until then.", b.Left, b.Limit, b.Reset.UTC().Format("15:04 MST"))
		a.Next = "Is the token used by something else too? Give us one of our own, or an App."
	default:
		a.State, a.Why = forge.AbilityThere, fmt.Sprintf("%d of %d requests are left until %s.", b.Left, b.Limit, b.Reset.UTC().Format("15:04 MST"))
	}
	return a
}

func unknown(a forge.Ability, err error) forge.Ability {
	a.State, a.Why = forge.AbilityUnknown, forge.Sentence(err)
	if errors.Is(err, forge.ErrLimited) {
		a.Next = "Ask again then."
	}
	return a
}
