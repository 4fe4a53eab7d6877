package nomadvars

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/recipes"
)

// What Nomad takes: structs.maxVariableSize less something for the rest, and the length of a
// path.
const (
	largestText = 60 << 10
	longestPath = 128
)

// Did is what became of a variable.
type Did string

// What can become of one.
const (
	Made      Did = "made"
	Changed   Did = "changed"
	Unchanged Did = "unchanged"
)

// Pushing is one enrolment on its way into a variable.
type Pushing struct {
	Forge     string // its address, such as https://git.example.org
	Enrolment recipes.Enrolment
	Text      []byte // of its file, which is written as it is
}

// Push writes an enrolment into its variable where that differs. With dry it only says what it
// would do.
func Push(ctx context.Context, client *cluster.Client, namespace string, p Pushing, dry bool) (Did, error) {
	e := p.Enrolment
	path := Path(strings.TrimRight(p.Forge, "/") + "/" + e.Repo)
	doing := fmt.Sprintf("cannot write the enrolment of %s into a variable", e.Repo)
	switch {
	case len(path) > longestPath:
		return "", fmt.Errorf("%s: the repository's address is too long for a variable's path; leave this enrolment in its file", doing)
	case len(p.Text) > largestText:
		return "", fmt.Errorf("%s: it is larger than %d KiB; leave it in its file", doing, largestText>>10)
	}
	did, want := Made, &api.Variable{Namespace: namespace, Path: path, Items: api.VariableItems{itemText: string(p.Text), itemName: e.Name}}
	found, _, err := client.Variables().Read(path, client.Query(ctx, namespace))
	switch {
	case errors.Is(err, api.ErrVariablePathNotFound):
	case err != nil:
		return "", fmt.Errorf("%s: %w", doing, err)
	case maps.Equal(found.Items, want.Items):
		return Unchanged, nil
	default:
		did, want.ModifyIndex = Changed, found.ModifyIndex
	}
	if dry {
		return did, nil
	}
	// Checked, so that nobody's change of this moment is overwritten.
	if _, _, err := client.Variables().CheckedUpdate(want, client.Write(ctx, namespace)); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	return did, nil
}
