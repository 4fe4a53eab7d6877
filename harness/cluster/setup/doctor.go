package setup

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

// Mark says how a finding is.
type Mark int

const (
	Fine Mark = iota
	Doubt
	Wrong
)

// Finding is one thing that was looked at.
type Finding struct {
	Mark
	What string // was found
	Next string // what to do; empty where it is fine
}

// String is a line for people.
func (f Finding) String() string {
	line := [...]string{"✓", "!", "✗"}[f.Mark] + " " + f.What
	if f.Next != "" {
		line += ": " + f.Next
	}
	return line
}

// Examine looks at a cluster as whoever holds the client's token sees it, and changes
// nothing. The error is for a cluster that cannot be asked: it wraps
// cluster.ErrUnreachable or cluster.ErrNoLeader. A token that is not known ends the
// examination, because nothing else can be seen.
func Examine(ctx context.Context, client *cluster.Client, o Options) ([]Finding, error) {
	objects, err := render(o)
	if err != nil {
		return nil, err
	}
	o, _ = o.withDefaults() // render has checked them
	d := &doctor{planner: planner{client, o, objects}}
	leader, err := d.leader(ctx)
	if err != nil {
		return nil, err
	}
	d.fine("Nomad answers at %s; its leader is %s", client.Address(), leader)
	if !d.token(ctx) {
		return d.findings, nil
	}
	d.namespaces(ctx)
	d.capabilities(ctx)
	d.jobs(ctx)
	d.policies(ctx)
	d.janitor(ctx)
	d.nodes(ctx)
	return d.findings, ctx.Err()
}

// doctor collects findings during one examination.
type doctor struct {
	planner
	acls     bool
	self     *api.ACLToken // nil without ACLs
	findings []Finding
}

func (d *doctor) say(mark Mark, next, what string, args ...any) {
	d.findings = append(d.findings, Finding{mark, fmt.Sprintf(what, args...), next})
}

func (d *doctor) fine(what string, args ...any) { d.say(Fine, "", what, args...) }

func (d *doctor) leader(ctx context.Context) (string, error) {
	// Only the cluster's own word: an agent that answers may have no servers.
	var leader string
	_, err := d.client.Raw().Query("/v1/status/leader", &leader, d.client.Query(ctx, ""))
	if err != nil {
		return "", cluster.Explain("examine the cluster", err)
	}
	if leader == "" {
		return "", fmt.Errorf("cannot examine the cluster: %w: most of its servers must be up", cluster.ErrNoLeader)
	}
	return leader, nil
}

// token says whether there is any sense in going on.
func (d *doctor) token(ctx context.Context) bool {
	self, _, err := d.client.ACLTokens().Self(d.client.Query(ctx, ""))
	switch {
	case err != nil && strings.Contains(err.Error(), "ACL support disabled"):
		d.say(Doubt, "turn them on (acl { enabled = true }) before code that you do not trust runs there", "ACLs are off: whoever reaches Nomad may do anything")
		return true
	case cluster.Is(err, cluster.ErrBadToken), cluster.Is(err, cluster.ErrForbidden):
		d.say(Wrong, "it was revoked, or expired, or is another cluster's: make another with seatrial nomad setup --bridge-token-file FILE", "Nomad does not know the token")
		return false
	case err != nil:
		d.say(Wrong, "give a token in NOMAD_TOKEN or --nomad-token-file", "the token cannot be looked at (%v)", oneLine(err))
		return false
	}
	d.acls, d.self = true, self
	switch {
	case self.Type == "management":
		d.fine("the token is a management token, which may do everything; the bridge needs less")
	case self.Name == "Anonymous Token" || len(self.Policies)+len(self.Roles) == 0:
		d.say(Wrong, "give a token in NOMAD_TOKEN or --nomad-token-file; seatrial nomad setup --bridge-token-file FILE makes one", "there is no token that allows anything")
		return false
	default:
		d.fine("the token is known; its policies: %s", strings.Join(self.Policies, ", "))
	}
	if self.ExpirationTime != nil {
		d.say(Doubt, "make another in time", "the token expires at %s", self.ExpirationTime.UTC().Format("2006-01-02 15:04 MST"))
	}
	return true
}

func (d *doctor) management() bool { return !d.acls || d.self.Type == "management" }

func (d *doctor) namespaces(ctx context.Context) {
	for _, name := range []string{d.options.Namespaces.Runs, d.options.Namespaces.Apps} {
		_, _, err := d.client.Namespaces().Info(name, d.client.Query(ctx, ""))
		switch {
		case err == nil:
			d.fine("the namespace %s exists", name)
		case cluster.Is(err, cluster.ErrNotFound):
			d.say(Wrong, "seatrial nomad setup makes it", "there is no namespace %s", name)
		case cluster.Is(err, cluster.ErrForbidden):
			d.say(Wrong, "its policy names another namespace, or none: compare it with seatrial nomad setup --print", "the token may do nothing in the namespace %s", name)
		default:
			d.trouble("the namespace "+name, err)
		}
	}
}

// trouble is said of what could not be seen for another reason than those that a
// finding knows.
func (d *doctor) trouble(what string, err error) {
	d.say(Doubt, "try again, and look at Nomad's log", "%s could not be looked at (%v)", what, oneLine(err))
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
