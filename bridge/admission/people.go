package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"seatrial/bridge/forge"
	"seatrial/recipes"
)

// Members is asked who somebody is. An error means that it is not known, never no.
type Members interface {
	Member(ctx context.Context, org string, p forge.Person) (bool, error)
	// TeamMember: the error wraps forge.ErrNotFound where there is no such team.
	TeamMember(ctx context.Context, org, team string, p forge.Person) (bool, error)
}

// rateSpan is over which a person's runs are counted.
const rateSpan = time.Hour

// mayAsk refuses who may not ask, and returns nil for who may. What could not be found
// out counts only where a yes to it would have changed the answer.
func mayAsk(ctx context.Context, in Input, members Members) (*Refusal, error) {
	if in.Vouched {
		return nil, nil
	}
	asker, who := in.Comment.Author, in.Enrolment.Who
	approver, unsure := isOneOf(who.Approvers, asker), error(nil)
	if !approver {
		approver, unsure = inTeams(ctx, in, members, teamsAmong(who.Approvers))
	}
	switch {
	case approver:
		return nil, nil
	case who.RequireApproval && unsure != nil:
		return cannotTell(unsure)
	}
	allowed, unsureToo := isOneOf(who.People, asker) || isOneOf(in.Enrolment.Trusted.Senders, asker), error(nil)
	if !allowed {
		allowed, unsureToo = belongs(ctx, in, members)
	}
	unsure = errors.Join(unsure, unsureToo)
	switch {
	case allowed && who.RequireApproval:
		return &Refusal{Reason: ApprovalNeeded, Details: names(who.Approvers)}, nil
	case allowed:
		return nil, nil
	case unsure != nil:
		return cannotTell(unsure)
	case who.MembersMay():
		return &Refusal{Reason: NotAMember}, nil
	}
	return &Refusal{Reason: NotNamed, Details: who.Teams}, nil
}

// belongs asks the forge: whether they are in the organisation, or in one of the teams.
func belongs(ctx context.Context, in Input, members Members) (bool, error) {
	if !in.Enrolment.Who.MembersMay() {
		return inTeams(ctx, in, members, in.Enrolment.Who.Teams)
	}
	asker := in.Comment.Author
	is, err := members.Member(ctx, in.Org, asker)
	if err != nil {
		return false, fmt.Errorf("cannot find out whether %q is a member of %s: %w: %w", asker.Login, in.Org, ErrMembershipUnknown, err)
	}
	return is, nil
}

// missingTeam is an error about a team that the forge does not know: asking again does
// not help.
type missingTeam struct{ team string }

func (m missingTeam) Error() string { return "there is no team " + m.team }

// inTeams says whether the asker is in one of the teams. A yes counts whatever else
// could not be found out.
func inTeams(ctx context.Context, in Input, members Members, teams []string) (bool, error) {
	var unsure []error
	for _, team := range teams {
		is, err := members.TeamMember(ctx, in.Org, team, in.Comment.Author)
		switch {
		case is && err == nil:
			return true, nil
		case errors.Is(err, forge.ErrNotFound):
			unsure = append(unsure, missingTeam{team})
		case err != nil:
			unsure = append(unsure, fmt.Errorf("cannot find out whether %q is in the team %s of %s: %w: %w", in.Comment.Author.Login, team, in.Org, ErrMembershipUnknown, err))
		}
	}
	return false, errors.Join(unsure...)
}

// cannotTell asks to be tried again where that may help. Else it says what the operator
// has to put right.
func cannotTell(unsure error) (*Refusal, error) {
	if missing, ok := errors.AsType[missingTeam](unsure); ok && !errors.Is(unsure, ErrMembershipUnknown) {
		return &Refusal{Reason: NoSuchTeam, Details: []string{missing.team}}, nil
	}
	return nil, unsure
}

func teamsAmong(accounts []recipes.Account) []string {
	var teams []string
	for _, a := range accounts {
		if a.Team != "" {
			teams = append(teams, a.Team)
		}
	}
	return teams
}

func isOneOf(accounts []recipes.Account, p forge.Person) bool {
	return slices.ContainsFunc(accounts, func(a recipes.Account) bool { return a.Is(p.Login, p.ID) })
}

func names(accounts []recipes.Account) []string {
	var all []string
	for _, a := range accounts {
		all = append(all, a.String())
	}
	return all
}

// tooMany says when somebody may ask again who asked for as many runs as they may; the
// zero time for anybody else.
func tooMany(in Input) time.Time {
	if in.PerHour <= 0 || in.Vouched || in.Joins || len(in.Asked) < in.PerHour {
		return time.Time{}
	}
	asked := slices.SortedFunc(slices.Values(in.Asked), func(a, b time.Time) int { return a.Compare(b) })
	return asked[len(asked)-in.PerHour].Add(rateSpan)
}
