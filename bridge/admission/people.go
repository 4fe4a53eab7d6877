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

// mayAsk refuses who may not ask, and returns nil for who may.
func mayAsk(ctx context.Context, in Input, members Members) (*Refusal, error) {
	if in.Vouched {
		return nil, nil
	}
	asker, who := in.Comment.Author, in.Enrolment.Who
	if isOneOf(who.Approvers, asker) {
		return nil, nil
	}
	allowed := isOneOf(who.People, asker) || isOneOf(in.Enrolment.Trusted.Senders, asker)
	if !allowed {
		var err error
		if allowed, err = belongs(ctx, in, members); err != nil {
			return nil, err
		}
	}
	switch {
	case !allowed && who.MembersMay():
		return &Refusal{Reason: NotAMember}, nil
	case !allowed:
		return &Refusal{Reason: NotNamed, Details: who.Teams}, nil
	case who.RequireApproval:
		return &Refusal{Reason: ApprovalNeeded, Details: names(who.Approvers)}, nil
	}
	return nil, nil
}

// belongs asks the forge: whether they are in the organisation, or in one of the teams.
// A yes counts whatever else could not be found out.
func belongs(ctx context.Context, in Input, members Members) (bool, error) {
	asker, who := in.Comment.Author, in.Enrolment.Who
	if who.MembersMay() {
		is, err := members.Member(ctx, in.Org, asker)
		if err != nil {
			return false, fmt.Errorf("cannot find out whether %q is a member of %s: %w: %w", asker.Login, in.Org, ErrMembershipUnknown, err)
		}
		return is, nil
	}
	var unknown []error
	for _, team := range who.Teams {
		is, err := members.TeamMember(ctx, in.Org, team, asker)
		if err != nil {
			unknown = append(unknown, fmt.Errorf("cannot find out whether %q is in the team %s of %s: %w: %w", asker.Login, team, in.Org, ErrMembershipUnknown, err))
		}
		if is {
			return true, nil
		}
	}
	return false, errors.Join(unknown...)
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
	if in.PerHour <= 0 || in.Vouched || len(in.Asked) < in.PerHour {
		return time.Time{}
	}
	asked := slices.SortedFunc(slices.Values(in.Asked), func(a, b time.Time) int { return a.Compare(b) })
	return asked[len(asked)-in.PerHour].Add(rateSpan)
}
