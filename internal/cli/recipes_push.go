package cli

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"seatrial/harness/cluster"
	"seatrial/internal/exit"
	"seatrial/recipes"
	"seatrial/recipes/nomadvars"
)

type recipesPush struct {
	nomadOptions
	Dirs     []string `arg:"" name:"dir" help:"Folders of recipes, such as tests/guestbook." type:"path"`
	GiteaURL string   `help:"Address of the forge, such as https://git.example.org." required:"" placeholder:"URL"`
	DryRun   bool     `help:"Only say what would be written."`
}

func (recipesPush) Help() string {
	return "A variable's path is seatrial/recipes/ and the repository's address in base64url. An enrolment in a file wins over one in a variable. " + nomadHelp
}

func (c *recipesPush) Run(ctx context.Context, g *Globals, s streams) error {
	if forge, err := url.Parse(c.GiteaURL); err != nil || forge.Host == "" || forge.Scheme != "http" && forge.Scheme != "https" {
		return exit.Errorf(exit.Usage, "--gitea-url %q is not an address: write it like https://git.example.org", c.GiteaURL)
	}
	// Everything is read before anything is written.
	var all []nomadvars.Pushing
	for _, dir := range c.Dirs {
		p, err := c.read(dir, s)
		if err != nil {
			return exit.With(exit.Configuration, err)
		}
		all = append(all, p)
	}
	access, err := c.access(g.logger(s.Err))
	if err != nil {
		return err
	}
	changed := false
	for _, p := range all {
		did, err := nomadvars.Push(ctx, access.Client, access.Namespaces.Runs, p, c.DryRun)
		if err != nil {
			return nomadExit(cluster.Explain("push the recipe "+p.Enrolment.Name, err))
		}
		changed = changed || did != nomadvars.Unchanged
		if c.DryRun && did != nomadvars.Unchanged {
			did = "would be " + did
		}
		fmt.Fprintf(s.Out, "%-9s  %s\n", did, p.Enrolment.Name)
	}
	if !changed {
		fmt.Fprintln(s.Out, "Nothing to change.")
	}
	return nil
}

// read reads one recipe's folder among its siblings, so that twins are seen.
func (c *recipesPush) read(dir string, s streams) (nomadvars.Pushing, error) {
	book, err := recipes.Load(filepath.Dir(dir))
	if err != nil {
		return nomadvars.Pushing{}, err
	}
	e, ok := book.ByName(filepath.Base(dir))
	if !ok {
		for _, p := range book.Problems {
			if p.File == dir || filepath.Dir(p.File) == dir {
				fmt.Fprintln(s.Err, p)
			}
		}
		return nomadvars.Pushing{}, fmt.Errorf("there is no good enrolment in %s: name a folder with a recipe.yaml in it", dir)
	}
	text, err := os.ReadFile(e.File)
	if err != nil {
		return nomadvars.Pushing{}, fmt.Errorf("cannot read the enrolment: %w", err)
	}
	return nomadvars.Pushing{Forge: c.GiteaURL, Enrolment: e, Text: text}, nil
}
