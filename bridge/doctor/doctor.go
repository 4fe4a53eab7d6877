// Package doctor says what stands in the way of a server before it is started, in words
// for the operator.
//
// It looks and changes nothing: no comment, no status, no file. What it looks at is judged
// as ok, a warning (things work, but less well), missing (things do not work), or unknown
// (it could not be found out). What is a warning or missing comes with what to do next. It
// never fails: what cannot be looked at is said.
package doctor

import (
	"context"
	"fmt"
	"time"

	"seatrial/bridge/forge"
)

// Block is what was found about one thing: a forge, the enrolments, this machine.
type Block struct {
	About     string // in a few words
	Abilities []forge.Ability
	// Unreachable: a forge gave no answer, so nothing else about it is known.
	Unreachable bool
}

// Missing says whether something in the block does not work.
func (b Block) Missing() bool {
	for _, a := range b.Abilities {
		if a.State == forge.AbilityMissing {
			return true
		}
	}
	return false
}

// Client is what is asked of an adapter.
type Client interface {
	Self(ctx context.Context) (forge.Person, error)
	Examine(ctx context.Context, org string, repos []forge.Repo) []forge.Ability
	// Skew is how far the forge's clock is ahead, as of its last answer.
	Skew() time.Duration
}

// Forge examines a forge: whether it answers, what our account may do there for the
// organisation and the repositories, and how late it is there. silent says of an error
// whether it means that there was no answer, or none from a forge that is well.
func Forge(ctx context.Context, c Client, org string, repos []forge.Repo, silent func(error) bool) (list []forge.Ability, reached bool) {
	if _, err := c.Self(ctx); err != nil && silent(err) {
		return []forge.Ability{{
			Name: "reach the forge", State: forge.AbilityMissing, Why: forge.Sentence(err),
			Next: "Look at the forge's address, and whether this machine's network, proxy and firewall let it through. If the forge is down, ask again later.",
		}}, false
	}
	list = c.Examine(ctx, org, repos)
	return append(list, clock(c.Skew())), true
}

// The clocks may differ so far. A forge tells its time in whole seconds.
const (
	clockWeak = 5 * time.Second
	clockOff  = time.Minute
)

// clock judges how far a forge's clock is ahead of ours.
func clock(ahead time.Duration) forge.Ability {
	a := forge.Ability{Name: "have the forge's time"}
	off, side := ahead, "ahead of"
	if off < 0 {
		off, side = -off, "behind"
	}
	switch {
	case off <= clockWeak:
		a.State, a.Why = forge.AbilityThere, "The clocks agree."
		return a
	case off <= clockOff:
		a.State = forge.AbilityWeak
	default:
		a.State = forge.AbilityMissing
	}
	a.Why = fmt.Sprintf("The forge's clock is %s %s this machine's: what was pushed after a comment is told by the time, and GitHub takes no App's signature from another time.", off.Round(time.Second), side)
	a.Next = "Let this machine's clock be set by the network: timedatectl set-ntp true. If it is right, tell whoever runs the forge."
	return a
}
