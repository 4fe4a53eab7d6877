package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"

	"seatrial/harness/cluster"
	"seatrial/internal/exit"
	"seatrial/recipes"
	"seatrial/recipes/nomadvars"
)

type recipesCommand struct {
	Check recipesCheck `cmd:"" help:"Say what is wrong with the enrolments, with file, line and column."`
	List  recipesList  `cmd:"" help:"List the enrolments."`
	New   recipesNew   `cmd:"" help:"Write a first enrolment for a repository."`
	Push  recipesPush  `cmd:"" help:"Write enrolments into Nomad's variables, where a server reads them, too."`
}

type testsFolder struct {
	Tests string `help:"Folder of the enrolments: one folder per recipe, with a recipe.yaml in it." type:"path" default:"tests"`
}

func (t testsFolder) load() (*recipes.Book, error) {
	book, err := recipes.Load(t.Tests)
	if err != nil {
		return nil, exit.Errorf(exit.Configuration, "%w (name the folder of the enrolments with --tests)", err)
	}
	return book, nil
}

type recipesCheck struct{ testsFolder }

func (c *recipesCheck) Run(s streams) error {
	book, err := c.load()
	if err != nil {
		return err
	}
	for _, p := range book.Problems {
		fmt.Fprintln(s.Err, p)
	}
	if len(book.Problems) > 0 {
		return exit.Errorf(exit.Configuration, "%s, %s", counted(len(book.Problems), "problem"), counted(len(book.Enrolments), "usable enrolment"))
	}
	fmt.Fprintf(s.Out, "%s, no problems.\n", counted(len(book.Enrolments), "enrolment"))
	return nil
}

type recipesList struct {
	testsFolder
	nomadOptions
	Nomad bool `help:"List the enrolments in Nomad's variables instead of those in the folder."`
	JSON  bool `help:"Print one JSON object per line, with the defaults filled in."`
}

func (c *recipesList) Run(ctx context.Context, g *Globals, s streams) error {
	book, err := c.book(ctx, g, s.Err)
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(jsonWriter{s.Out})
		for _, e := range book.Enrolments {
			err := out.Encode(struct {
				Name string `json:"name"`
				recipes.Enrolment
			}{e.Name, e})
			if err != nil {
				return err
			}
		}
	} else {
		table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "RECIPE\tREPOSITORY\tTARGET\tCHECKS")
		for _, e := range book.Enrolments {
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\n", e.Name, printable(e.Repo), e.Target, len(e.Checks))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if len(book.Problems) > 0 {
		return exit.Errorf(exit.Configuration, "%s: seatrial recipes check shows more", counted(len(book.Problems), "enrolment problem"))
	}
	return nil
}

func (c *recipesList) book(ctx context.Context, g *Globals, errs io.Writer) (*recipes.Book, error) {
	if !c.Nomad {
		return c.load()
	}
	access, err := c.access(g.logger(errs))
	if err != nil {
		return nil, err
	}
	book, err := nomadvars.Load(ctx, access.Client, access.Namespaces.Runs)
	if err != nil {
		return nil, nomadExit(cluster.Explain("list the enrolments in Nomad's variables", err))
	}
	for _, p := range book.Problems { // no other command shows them
		fmt.Fprintln(errs, p)
	}
	return book, nil
}

type recipesNew struct {
	testsFolder
	Repo string `arg:"" help:"The repository: owner/name."`
	Name string `help:"The recipe's name, which is its folder's. Default: the repository's." placeholder:"NAME"`
}

func (c *recipesNew) Run(s streams) error {
	text, err := recipes.New(c.Repo)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	if c.Name == "" {
		c.Name = recipes.NameFor(c.Repo)
	}
	if err := recipes.CheckName(c.Name); err != nil {
		return exit.With(exit.Usage, err)
	}
	folder := filepath.Join(c.Tests, c.Name)
	path := filepath.Join(folder, "recipe.yaml")
	// A second enrolment of a repository, and a second file in a folder, would take
	// the first one down.
	if book, err := recipes.Load(c.Tests); err == nil {
		if e, ok := book.ByRepo("", c.Repo); ok {
			return exit.Errorf(exit.Configuration, "%s is enrolled already: change %s instead", c.Repo, e.File)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(folder, "recipe.*")); len(found) > 0 {
		return exit.With(exit.Configuration, alreadyThere(found[0]))
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return exit.Errorf(exit.Configuration, "cannot write the enrolment: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exit.With(exit.Configuration, alreadyThere(path))
	}
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return exit.Errorf(exit.Configuration, "cannot write the enrolment: %w", err)
	}
	// The schema lies beside the enrolments, so that editors complete them.
	schema := filepath.Join(c.Tests, filepath.Base(recipes.SchemaFile))
	if err := os.WriteFile(schema, recipes.Schema(), 0o644); err != nil {
		return exit.Errorf(exit.Configuration, "cannot write the schema: %w", err)
	}
	fmt.Fprintf(s.Out, "Wrote %s. Next: read it, then seatrial recipes check.\n", path)
	return nil
}

func alreadyThere(path string) error {
	return fmt.Errorf("%s is there already and is left as it is: change it, or choose another --name", path)
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
