package recipes

import (
	"fmt"
	"slices"
	"strings"
)

// Deps are the enrolments that must be deployed before one, each after its own
// dependencies and once. find knows the enrolments; one that it does not know is an
// error, which names it.
func Deps(e Enrolment, find func(name string) (Enrolment, bool)) ([]Enrolment, error) {
	var order []Enrolment
	var visit func(e Enrolment, way []string) error
	visit = func(e Enrolment, way []string) error {
		way = append(slices.Clone(way), e.Name)
		for _, name := range e.Deps {
			dep, ok := find(name)
			switch {
			case !ok:
				return fmt.Errorf("the dependency %s is not enrolled, or its enrolment is not good", name)
			case slices.Contains(way, name):
				return fmt.Errorf("the dependency %s depends on itself: %s", name, strings.Join(append(way, name), " → "))
			case slices.ContainsFunc(order, func(o Enrolment) bool { return o.Name == name }):
				continue
			}
			if err := visit(dep, way); err != nil {
				return err
			}
			order = append(order, dep)
		}
		return nil
	}
	if err := visit(e, nil); err != nil {
		return nil, err
	}
	return order, nil
}

// refuseDeps takes enrolments out of the book whose dependencies cannot be had: who is
// not there, who is not a recipe for the swarm, who depends on himself by whatever way,
// and then who depends on one that was taken out.
func (b *Book) refuseDeps(place func(e Enrolment, i int) Problem) {
	all := &Book{Enrolments: slices.Clone(b.Enrolments)}
	for {
		before := &Book{Enrolments: slices.Clone(b.Enrolments)}
		b.Enrolments = slices.DeleteFunc(b.Enrolments, func(e Enrolment) bool {
			refused := false
			for i, dep := range e.Deps {
				if why := before.refusal(all, e, dep); why != "" {
					p := place(e, i)
					p.Message, refused = why, true
					if _, known := all.ByName(dep); !known {
						p.Nearest = nearest(dep, all.names())
					}
					b.Problems = append(b.Problems, p)
				}
			}
			return refused
		})
		if len(b.Enrolments) == len(before.Enrolments) {
			return
		}
	}
}

// refusal says why an enrolment cannot have a dependency, or nothing.
func (b *Book) refusal(all *Book, e Enrolment, dep string) string {
	if dep == e.Name {
		return "a recipe cannot depend on itself"
	}
	found, known := all.ByName(dep)
	_, good := b.ByName(dep)
	switch {
	case !known:
		return fmt.Sprintf("there is no good enrolment %s to depend on", dep)
	case found.Target != TargetSwarm:
		return fmt.Sprintf("%s is deployed by the target %s; a dependency is a recipe for the target swarm", dep, found.Target)
	case !good:
		return fmt.Sprintf("the dependency %s cannot be had itself: its own dependencies have problems", dep)
	}
	if way := b.way(dep, e.Name, nil); way != nil {
		return fmt.Sprintf("%s depends on itself: %s", e.Name, strings.Join(append([]string{e.Name}, way...), " → "))
	}
	return ""
}

// way is how the dependencies lead from one enrolment to another, or nil.
func (b *Book) way(from, to string, seen []string) []string {
	if from == to {
		return []string{to}
	}
	e, ok := b.ByName(from)
	if !ok || slices.Contains(seen, from) {
		return nil
	}
	for _, dep := range e.Deps {
		if rest := b.way(dep, to, append(slices.Clone(seen), from)); rest != nil {
			return append([]string{from}, rest...)
		}
	}
	return nil
}

func (b *Book) names() []string {
	var all []string
	for _, e := range b.Enrolments {
		all = append(all, e.Name)
	}
	return all
}
