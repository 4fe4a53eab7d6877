// Package nomadvars reads enrolments from Nomad variables, beside those in files.
//
// An enrolment is the variable seatrial/recipes/<base64url of the repository's URL>; its
// item enrolment holds what would be in recipe.yaml, and name, which may be left out,
// the recipe's name. Each is checked like a file, and a problem names the variable. Files
// win over variables. A variable that went bad keeps its last good version, and a Nomad
// that does not answer changes nothing.
package nomadvars

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
	"seatrial/recipes"
)

// Prefix is where enrolments are among variables.
const Prefix = "seatrial/recipes/"

// The items of a variable.
const (
	itemText = "enrolment"
	itemName = "name"
)

// Path is the variable of the repository at a URL.
func Path(url string) string { return Prefix + base64.RawURLEncoding.EncodeToString([]byte(url)) }

// Load reads every enrolment of a namespace. What is wrong with one does not take the
// others down. The error is for variables that cannot be read at all.
func Load(ctx context.Context, client *cluster.Client, namespace string) (*recipes.Book, error) {
	book, _, err := load(ctx, client, namespace)
	return book, err
}

// load also says which state of the variables it read.
func load(ctx context.Context, client *cluster.Client, namespace string) (book *recipes.Book, index uint64, err error) {
	list, meta, err := client.Variables().PrefixList(Prefix, client.Query(ctx, namespace))
	if err != nil {
		return nil, 0, fmt.Errorf("cannot list the enrolments in Nomad's variables: %w", err)
	}
	book = &recipes.Book{}
	for _, stub := range list {
		v, _, err := client.Variables().Read(stub.Path, client.Query(ctx, namespace))
		if errors.Is(err, api.ErrVariablePathNotFound) {
			continue // it was removed since
		}
		if err != nil {
			return nil, 0, fmt.Errorf("cannot read the enrolment in the variable %s: %w", stub.Path, err)
		}
		e, problems, err := parse(v)
		if err != nil {
			return nil, 0, err
		}
		book.Problems = append(book.Problems, problems...)
		if len(problems) == 0 {
			book.Enrolments = append(book.Enrolments, e)
		}
	}
	return withoutTwins(book), meta.LastIndex, nil
}

// parse reads one variable. With problems there is no enrolment.
func parse(v *api.Variable) (recipes.Enrolment, []recipes.Problem, error) {
	file := path.Join(v.Path, itemText)
	wrong := func(format string, args ...any) (recipes.Enrolment, []recipes.Problem, error) {
		return recipes.Enrolment{}, []recipes.Problem{{File: file, Message: fmt.Sprintf(format, args...)}}, nil
	}
	url, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(v.Path, Prefix))
	if err != nil {
		return wrong("the variable's path names no repository: it is %s, then the repository's URL in base64url", Prefix)
	}
	text, ok := v.Items[itemText]
	if !ok {
		return wrong("the variable has no item %s, which holds what would be in a recipe.yaml", itemText)
	}
	e, problems, err := recipes.Parse(file, []byte(text))
	if err != nil || len(problems) > 0 {
		return e, problems, err
	}
	if at := strings.TrimSuffix(strings.ToLower(string(url)), ".git"); !strings.HasSuffix(at, "/"+strings.ToLower(e.Repo)) {
		return wrong("the enrolment is of %s, but the variable's path names %q: seatrial recipes push writes both alike", e.Repo, url)
	}
	e.File, e.Name = file, v.Items[itemName]
	if e.Name == "" {
		e.Name = recipes.NameFor(e.Repo)
	}
	if err := recipes.CheckName(e.Name); err != nil {
		return wrong("%v", err)
	}
	return e, nil, nil
}

// withoutTwins refuses variables that claim the same name or the same repository.
func withoutTwins(all *recipes.Book) *recipes.Book {
	b := &recipes.Book{Problems: all.Problems}
	for i, e := range all.Enrolments {
		others := &recipes.Book{Enrolments: slices.Delete(slices.Clone(all.Enrolments), i, i+1)}
		twin, twice := others.ByRepo(e.Forge, e.Repo)
		what, next := e.Repo, "keep one"
		if !twice {
			twin, twice = others.ByName(e.Name)
			what, next = "the recipe "+e.Name, "give either another "+itemName
		}
		if twice {
			b.Problems = append(b.Problems, recipes.Problem{File: e.File, Message: fmt.Sprintf("%s is enrolled twice, here and at %s: %s", what, twin.File, next)})
			continue
		}
		b.Enrolments = append(b.Enrolments, e)
	}
	return recipes.Merge(b, &recipes.Book{}) // sorted
}
