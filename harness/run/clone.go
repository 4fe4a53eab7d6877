package run

import (
	"maps"
	"slices"
)

// Clone returns a report that can be applied to without touching this one.
// What its pointers point to is shared: nothing changes it once it is there.
func (r *Report) Clone() Report {
	c := *r
	c.Stages = slices.Clone(r.Stages)
	c.Findings = slices.Clone(r.Findings)
	c.Warnings = slices.Clone(r.Warnings)
	c.Leftovers = slices.Clone(r.Leftovers)
	c.Earlier = slices.Clone(r.Earlier)
	c.Joined = slices.Clone(r.Joined)
	c.seen = maps.Clone(r.seen)
	return c
}
