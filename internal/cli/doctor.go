package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"seatrial/bridge/doctor"
	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
	"seatrial/internal/exit"
	"seatrial/internal/server"
	"seatrial/recipes"
)

type doctorCommand struct {
	forgeOptions
	testsFolder
	PublicURL string `help:"The server's own address, as the forge reaches it: doctor tries whether it turns away an unsigned webhook." placeholder:"URL"`
	dockerOptions
	JSON bool `help:"Print one JSON array: an object for each thing that was looked at, with what was found about it."`
}

func (doctorCommand) Help() string {
	return "Give it the options of seatrial serve, and run it as the same user: it looks at what the server would work with, and changes nothing. " +
		"Exit code 0: nothing is missing. 1: something is. 69: a forge does not answer. 78: the options or the files they name cannot be used. About a cluster: seatrial nomad doctor."
}

// forgeLimit bounds the questions to one forge: some hundred repositories take that long.
const forgeLimit = 5 * time.Minute

func (c *doctorCommand) Run(ctx context.Context, g *Globals, s streams) error {
	log := g.logger(s.Err)
	if c.PublicURL != "" && !isAddress(c.PublicURL) {
		return exit.Errorf(exit.Usage, "--public-url %q is not an address: write it like https://ci.example.org", c.PublicURL)
	}
	scratch, err := os.MkdirTemp("", "seatrial-doctor-") // nothing of a server that runs
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	list, err := c.list()
	if err != nil {
		return err
	}
	forges, err := server.Connect(list, scratch, log)
	if err != nil {
		return err
	}
	book, err := c.load()
	if err != nil {
		return err
	}
	blocks := c.forges(ctx, g, forges, book, log)
	blocks = append(blocks, doctor.Enrolments(book, c.Tests, ids(forges)), c.machine(ctx))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := c.print(s.Out, blocks); err != nil {
		return err
	}
	return examined(blocks)
}

// forges examines them at once: one that does not answer keeps no other waiting.
func (c *doctorCommand) forges(ctx context.Context, g *Globals, forges []server.Connected, book *recipes.Book, log *slog.Logger) []doctor.Block {
	ctx, cancel := context.WithTimeout(ctx, forgeLimit)
	defer cancel()
	blocks := make([]doctor.Block, len(forges))
	var all sync.WaitGroup
	for i, f := range forges {
		all.Go(func() {
			abilities, reached := doctor.Forge(ctx, f.Client, f.Org, doctor.Served(book, f.ID, i == 0), adapter.Silent)
			_, secret := server.HookSecrets(g.folder(), f.Forge, log)
			hooks := doctor.Hooks{Forge: f.ID, Secret: secret, PublicURL: c.PublicURL}
			blocks[i] = doctor.Block{
				About:       fmt.Sprintf("forge %s: %s at %s, organisation %s", f.ID, f.Kind, f.URL, f.Org),
				Abilities:   append(abilities, hooks.Look(ctx, http.DefaultClient)),
				Unreachable: !reached,
			}
		})
	}
	all.Wait()
	return blocks
}

func ids(forges []server.Connected) (all []string) {
	for _, f := range forges {
		all = append(all, f.ID)
	}
	return all
}

func (c *doctorCommand) print(w io.Writer, blocks []doctor.Block) error {
	if !c.JSON {
		f, ok := w.(*os.File)
		colour := ok && isatty.IsTerminal(f.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		return doctor.Print(w, blocks, colour, printable)
	}
	out := json.NewEncoder(jsonWriter{w})
	out.SetIndent("", "  ")
	return out.Encode(doctor.JSON(blocks))
}

// examined is how the command ends.
func examined(blocks []doctor.Block) error {
	missing := false
	for _, b := range blocks {
		if b.Unreachable {
			return verdictError{exit.Unavailable}
		}
		missing = missing || b.Missing()
	}
	if missing {
		return verdictError{exit.Fail}
	}
	return nil
}

// machine is what this one must have for the runs that happen here.
func (c *doctorCommand) machine(ctx context.Context) doctor.Block {
	b := doctor.Block{About: "this machine", Abilities: []forge.Ability{hasGit(ctx), isolates()}}
	if c.Docker != "" {
		b.Abilities = append(b.Abilities, c.deploys(ctx))
	}
	return b
}
