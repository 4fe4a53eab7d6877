// Package hook receives the webhooks of forges and turns them into nudges.
//
// A hook says "look now", and nothing more: whoever is nudged reads from the forge what
// is true. So a hook that is lost, repeated or late changes nothing but the time, and
// nothing that stands in one can start a run. The address of a request says which forge
// it is from, never its headers, which forges share. What is not signed with one of the
// forge's secrets is not parsed.
//
// The answer does not wait for what a nudge leads to. Nudges wait in a queue that has a
// bound; those about the same thing are one, and where there are too many, the nudge
// becomes "look at the whole repository". The package starts nothing, asks no forge, and
// never logs a secret, a digest or a question mark and what comes after it.
package hook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"seatrial/bridge/forge"
	"seatrial/secrets"
)

// Kind is what a hook is about.
type Kind string

// The kinds of events. The first four are delivered.
const (
	Comment    Kind = "comment"     // somebody commented on a pull request
	Push       Kind = "push"        // the default branch moved
	Pull       Kind = "pull"        // a pull request's head moved, or it was closed or opened again
	MergeGroup Kind = "merge-group" // a merge queue asks for checks of a group's head
	// Everything is delivered where too many nudges wait: look at all of the repository.
	Everything Kind = "everything"

	Ping    Kind = "ping"    // the forge tries the hook
	Ignored Kind = "ignored" // nothing follows from it; Reason says why
)

// Event is what a hook says. It was signed, and is still only a hint: the forge is asked
// before anything is done. Fields that a kind does not have are empty.
type Event struct {
	Forge     string
	Kind      Kind
	Action    string     // the forge's own word, such as "created"
	Repo      forge.Repo // as the forge spells it
	Pull      int
	CommentID int64
	Ref       string // of a push or a merge group: refs/heads/...
	Commit    string // where the ref, or the pull request's head, now is
	Base      string // the branch that it is to be merged into; for a push, the default branch
	Deleted   bool   // the ref is gone
	Sender    forge.Person
	Delivery  string // the forge's id of this delivery; a replay may have another
	Reason    string // why it is ignored: half a sentence
	Notable   bool   // it is ignored, and the operator should hear of it

	// Was is how the repository was called before, where the hook tells of that.
	Was forge.Repo
}

// The forges' protocols.
const (
	Gitea   = "gitea"
	Forgejo = "forgejo"
	GitHub  = "github"
)

// Forge is one that may send hooks.
type Forge struct {
	ID   string // its hooks are posted to /hook/ID
	Kind string // Gitea, Forgejo or GitHub
	// Secrets are those that a hook may be signed with, asked anew for each hook. Several,
	// so that a secret can be replaced while hooks come.
	Secrets func() []secrets.Value
	// AllowSHA1 lets hooks in that are signed with SHA-1 only, as old forges do.
	AllowSHA1 bool
}

// The bounds where a Config has none.
const (
	DefaultMaxBody    = 1 << 20
	DefaultMaxWaiting = 1024
	// DefaultFailures may come from one address at once: a forge whose secret was just
	// replaced sends many.
	DefaultFailures = 300
	// DefaultFailuresPerSecond are forgiven again: few, for each is a line in the log, and
	// soon, for after a mistake was mended the next hook should be read.
	DefaultFailuresPerSecond = 1
)

// Config is what a Receiver needs. Forges, Enrolled and Deliver are; the rest may be left out.
type Config struct {
	Forges   []Forge
	Enrolled func(repo forge.Repo) bool // names are compared without case
	// Deliver does what an event asks for. It is called by several goroutines of Run at
	// once, never twice at once about the same thing, and may take its time.
	Deliver func(ctx context.Context, e Event)
	// Unenrolled writes down that a hook of a repository came which is not enrolled.
	Unenrolled func(ctx context.Context, repo forge.Repo, at time.Time) error

	// TrustedProxies may say in X-Forwarded-For whom they speak for.
	TrustedProxies []netip.Prefix
	MaxBody        int64   // bytes
	MaxWaiting     int     // events
	Failures       int     // hooks that are turned away, from one address at once
	FailuresRate   float64 // how many of them are forgiven a second

	Now func() time.Time
	Log *slog.Logger
}

func (c *Config) check() error {
	if c.Enrolled == nil || c.Deliver == nil {
		return errors.New("cannot receive hooks: nobody is there to be nudged")
	}
	ids := map[string]bool{}
	for _, f := range c.Forges {
		switch {
		case f.ID == "" || strings.ContainsAny(f.ID, "/+?#% "):
			return fmt.Errorf("cannot receive hooks of the forge %q: its id must be one word that can stand in an address", f.ID)
		case ids[f.ID]:
			return fmt.Errorf("cannot receive hooks of the forge %q: there are two of this id", f.ID)
		case !slices.Contains([]string{Gitea, Forgejo, GitHub}, f.Kind):
			return fmt.Errorf("cannot receive hooks of the forge %q: its kind is %q, and must be gitea, forgejo or github", f.ID, f.Kind)
		case f.Secrets == nil || len(usable(f.Secrets())) == 0:
			return fmt.Errorf("cannot receive hooks of the forge %q: it has no secret, and without one anybody could send them: seatrial webhook secret --forge %s makes one", f.ID, f.ID)
		}
		ids[f.ID] = true
	}
	c.MaxBody = cmp.Or(c.MaxBody, DefaultMaxBody)
	c.MaxWaiting = cmp.Or(c.MaxWaiting, DefaultMaxWaiting)
	c.Failures = cmp.Or(c.Failures, DefaultFailures)
	c.FailuresRate = cmp.Or(c.FailuresRate, DefaultFailuresPerSecond)
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return nil
}

// usable drops secrets that sign nothing.
func usable(all []secrets.Value) []secrets.Value {
	return slices.DeleteFunc(slices.Clone(all), secrets.Value.Empty)
}

// Path is where a forge's hooks are posted to.
func Path(forgeID string) string { return "/hook/" + forgeID }

// paths says which forge each address means: its own, and, for the first forge of a
// kind, the one that is named after the kind.
func paths(forges []Forge) map[string]Forge {
	all := map[string]Forge{}
	for _, f := range forges {
		all[Path(f.ID)] = f
		if _, taken := all["/api/v1/"+f.Kind]; !taken {
			all["/api/v1/"+f.Kind] = f
		}
	}
	return all
}
