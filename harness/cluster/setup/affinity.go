package setup

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"
)

const digits = "0123456789abcdef"

// affinities are patterns over a node's ID, from the widest to the narrowest, each within
// the one before: half of all nodes suit a repository, a quarter suit it better, and a
// sixteenth best. It is rendezvous hashing over the ID's first digit: stateless, and
// no node's coming or going moves what is warm on another.
func affinities(repo string) []string {
	order := digitsFor(repo)
	var patterns []string
	for _, n := range []int{8, 4, 2, 1} {
		best := slices.Clone(order[:n])
		slices.Sort(best)
		patterns = append(patterns, "^["+string(best)+"]")
	}
	return patterns
}

// digitsFor is the repository's own order of the digits. Forges do not tell upper from
// lower case in names, so this does not either.
func digitsFor(repo string) []byte {
	order := []byte(digits)
	score := func(digit byte) string {
		sum := sha256.Sum256([]byte(strings.ToLower(repo) + "\x00" + string(digit)))
		return string(sum[:])
	}
	slices.SortFunc(order, func(a, b byte) int { return cmp.Compare(score(a), score(b)) })
	return order
}
