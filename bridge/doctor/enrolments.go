package doctor

import (
	"fmt"
	"slices"
	"strings"

	"seatrial/bridge/forge"
	"seatrial/recipes"
)

// Served are the repositories of a forge that are enrolled. An enrolment that names no
// forge means the first one.
func Served(book *recipes.Book, forgeID string, first bool) (repos []forge.Repo) {
	for _, e := range book.Enrolments {
		if e.Forge != forgeID && (e.Forge != "" || !first) {
			continue
		}
		if r, err := forge.ParseRepo(forgeID, e.Repo); err == nil {
			repos = append(repos, r)
		}
	}
	return repos
}

// Enrolments judges those in a folder: what is wrong with them, and whether their forges
// are among those that are served. All that are good are one line.
func Enrolments(book *recipes.Book, folder string, forges []string) Block {
	b := Block{About: "enrolments in " + folder}
	good := 0
	for _, e := range book.Enrolments {
		if e.Forge == "" || slices.Contains(forges, e.Forge) {
			good++
			continue
		}
		b.Abilities = append(b.Abilities, forge.Ability{
			Name: "serve " + e.Name, State: forge.AbilityMissing, Why: fmt.Sprintf("%s says forge: %s, and there is no forge of this id, only %s.", e.File, e.Forge, strings.Join(forges, ", ")),
			Next: "Change the enrolment, or add the forge to the list of forges.",
		})
	}
	for _, p := range book.Problems {
		b.Abilities = append(b.Abilities, forge.Ability{
			Name: "use an enrolment", State: forge.AbilityMissing, Why: fmt.Sprintf("%s: %s.", p.Place(), strings.TrimRight(p.Message, ".")),
			Next: "seatrial recipes check shows the line.",
		})
	}
	all := forge.Ability{Name: "serve what is enrolled", State: forge.AbilityThere, Why: fmt.Sprintf("%d of %d.", good, len(book.Enrolments)+len(book.Problems))}
	if len(book.Enrolments)+len(book.Problems) == 0 {
		all.State, all.Why, all.Next = forge.AbilityWeak, "Nothing is enrolled, so nobody is answered.", "Write a first enrolment: seatrial recipes new OWNER/NAME."
	}
	if good > 0 || all.State != forge.AbilityThere {
		b.Abilities = append(b.Abilities, all)
	}
	return b
}
