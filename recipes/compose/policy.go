package compose

import (
	"cmp"
	"fmt"
	"slices"

	"seatrial/recipes"
)

// proxy is the network that recipes share with Traefik.
const proxy = "proxy"

// mostReplicas is how many containers a service may have.
const mostReplicas = 10

// Denied is something that a recipe asks for and that is not allowed.
type Denied struct {
	Rule  string // of recipes.PolicyRules
	What  string // the thing itself; "<rule>: <what>" in the enrolment's allow lets it pass
	Place Place
	Text  string // for the packager: what, why, and what to do
}

// Policy holds the recipe against the operator's policy, in the order of the files. allow
// are the enrolment's exceptions, each "<rule>: <what>".
func (r *Recipe) Policy(allow []string) []Denied {
	p := &policy{Recipe: r, allow: allow, said: map[Denied]bool{}}
	for _, s := range r.Config.Services {
		p.service(s)
		p.mounts(s)
		p.resources(s)
	}
	for _, s := range r.Services {
		p.routes(s)
	}
	p.volumes()
	p.networks()
	p.objects()
	p.labels()
	slices.SortStableFunc(p.denied, func(a, b Denied) int {
		return cmp.Or(slices.Index(r.Files, a.Place.File)-slices.Index(r.Files, b.Place.File), a.Place.Line-b.Place.Line)
	})
	return p.denied
}

type policy struct {
	*Recipe
	allow  []string
	denied []Denied
	said   map[Denied]bool // a recipe may ask for thousands
}

// deny refuses one thing, unless it is allowed.
func (p *policy) deny(rule, what string, at Place, format string, args ...any) {
	entry := rule + ": " + what
	if slices.Contains(p.allow, entry) {
		return
	}
	why, known := recipes.PolicyRules[rule]
	if !known {
		panic("a rule that nobody knows: " + rule)
	}
	text := fmt.Sprintf("%s. %s Leave it out, or the operator adds %q to allow in the enrolment", plain(fmt.Sprintf(format, args...)), why, plain(entry))
	d := Denied{rule, what, at, text}
	if !p.said[d] {
		p.said[d] = true
		p.denied = append(p.denied, d)
	}
}
