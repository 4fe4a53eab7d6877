package setup

import "fmt"

// Kind is what an object is.
type Kind int

// The kinds, in the order in which they are made: a policy names a namespace, and a job
// starts with what its policies allow.
const (
	Namespace Kind = iota
	Policy
	Variable
	Job
	Token
)

func (k Kind) String() string {
	return [...]string{"namespace", "policy", "variable", "job", "token"}[k]
}

func (k Kind) folder() string {
	return [...]string{"namespaces", "policies", "variables", "jobs", "tokens"}[k]
}

// Did is what became of an object.
type Did int

// What can become of an object.
const (
	Unchanged Did = iota
	Made
	Changed
	Kept  // it is not as it was made here
	InUse // it will be removed another time
	Removed
)

func (d Did) String() string {
	return [...]string{"unchanged", "made", "changed", "kept (yours)", "kept (in use)", "removed"}[d]
}

// Change is what became of one object, or would become of it.
type Change struct {
	Kind
	Name string
	Did
	Why string // of what was kept, for people
}

// String is a line for people.
func (c Change) String() string {
	line := fmt.Sprintf("%-13s  %-9s  %s", c.Did, c.Kind, c.Name)
	if c.Why != "" {
		line += ": " + c.Why
	}
	return line
}

// Changes are what became of everything.
type Changes struct {
	List  []Change
	Notes []string // sentences for people, such as why there are no policies
}

// Any says whether something was changed, or would be.
func (c Changes) Any() bool {
	for _, change := range c.List {
		if change.Did == Made || change.Did == Changed || change.Did == Removed {
			return true
		}
	}
	return false
}
