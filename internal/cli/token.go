package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forges"
	"seatrial/bridge/token"
	"seatrial/internal/exit"
	"seatrial/internal/state"
)

type tokenCommand struct {
	New    tokenNew    `cmd:"" help:"Make an API token, with which a program asks for runs, and print it once."`
	Hook   tokenHook   `cmd:"" help:"Make the token in the address of one repository's webhook, and print that address once."`
	List   tokenList   `cmd:"" help:"List the tokens, and what each is for."`
	Revoke tokenRevoke `cmd:"" help:"Revoke a token: it is no longer accepted."`
}

// tokenBook is where tokens are kept, whose folder it makes.
func (g Globals) tokenBook() (*token.Book, error) {
	_, err := g.folder().Root()
	return token.Open(g.folder().Path(state.TokensFile)), err
}

// tokenError says what kind of trouble it is.
func tokenError(err error) error {
	switch {
	case errors.Is(err, token.ErrTaken):
		return exit.Errorf(exit.Usage, "%w: choose another name, or give --replace to revoke the old one", err)
	case errors.Is(err, token.ErrUnknown):
		return exit.Errorf(exit.Usage, "%w: seatrial token list shows those that there are", err)
	}
	return exit.With(exit.Configuration, err)
}

type tokenNew struct {
	Name    string        `arg:"" help:"Who has it; runs name it as the one who asked."`
	Repo    []string      `help:"Only for repositories that this glob over owner/name matches, such as acme/*. May be given several times." placeholder:"GLOB"`
	Expires time.Duration `help:"For how long it is valid, such as 2160h. Default: until it is revoked." placeholder:"DURATION"`
	Replace bool          `help:"Replace the token of this name: the old one is revoked."`
}

func (tokenNew) Help() string {
	return "Only the token is printed to standard output. What is kept is a digest of it, in the state folder: run this as the user that seatrial serve runs as. " +
		"A running server knows it at once."
}

func (c *tokenNew) Run(g *Globals, s streams) error {
	t := token.Token{Name: c.Name, Kind: token.API, Repos: c.Repo}
	if err := t.Check(); err != nil {
		return exit.With(exit.Usage, err)
	}
	switch {
	case c.Expires < 0:
		return exit.With(exit.Usage, errors.New("--expires must be above 0"))
	case c.Expires > 0:
		t.Expires = time.Now().Add(c.Expires).UTC().Truncate(time.Second)
	}
	return g.giveOut(s, t, c.Replace, "")
}

// giveOut keeps a token and prints it, once, behind what it is written after.
func (g Globals) giveOut(s streams, t token.Token, replace bool, after string) error {
	book, err := g.tokenBook()
	if err != nil {
		return err
	}
	secret, err := book.Add(t, replace)
	if err != nil {
		return tokenError(err)
	}
	fmt.Fprintln(s.Out, after+secret)
	return nil
}

type tokenHook struct {
	Repo    string `arg:"" help:"The repository, as owner/name."`
	Forge   string `help:"The forge's id." default:"gitea" placeholder:"ID"`
	Replace bool   `help:"Replace the repository's token: the old address is no longer accepted."`
}

func (tokenHook) Help() string {
	return "Whoever knows the address can have the repository tested. Where forge and repository allow it, rather sign webhooks: see seatrial webhook secret."
}

func (c *tokenHook) Run(g *Globals, s streams) error {
	if !forges.IsID(c.Forge) {
		return exit.Errorf(exit.Usage, "%q is not a forge's id", c.Forge)
	}
	repo, err := forge.ParseRepo(c.Forge, c.Repo)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	t := token.Token{Name: "hook/" + c.Forge + "/" + repo.String(), Kind: token.Hook, Repos: []string{repo.String()}, Forge: c.Forge}
	if err := t.Check(); err != nil || strings.ContainsAny(c.Repo, "*?[]{}\\") {
		return exit.Errorf(exit.Usage, "%q is not a repository: write owner/name", c.Repo)
	}
	return g.giveOut(s, t, c.Replace, "/hook?token=")
}

type tokenList struct {
	JSON bool `help:"Print one JSON object per line."`
}

func (c *tokenList) Run(g *Globals, s streams) error {
	book, err := g.tokenBook()
	if err != nil {
		return err
	}
	all, err := book.List()
	if err != nil {
		return tokenError(err)
	}
	if c.JSON {
		out := json.NewEncoder(jsonWriter{s.Out})
		for _, t := range all {
			t.Hash = "" // of use to nobody
			if err := out.Encode(t); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		fmt.Fprintln(s.Out, "No tokens yet.")
		return nil
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tFOR\tREPOSITORIES\tMADE\tEXPIRES")
	for _, t := range all {
		repos, expires := "all", "never"
		if len(t.Repos) > 0 {
			repos = strings.Join(t.Repos, " ")
		}
		if !t.Expires.IsZero() {
			expires = t.Expires.Local().Format(time.DateTime)
		}
		if t.Expired(time.Now()) {
			expires = "expired"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", printable(t.Name), t.Kind, printable(repos), t.Made.Local().Format(time.DateOnly), expires)
	}
	return table.Flush()
}

type tokenRevoke struct {
	Name string `arg:"" help:"The token's name, as seatrial token list shows it."`
}

func (c *tokenRevoke) Run(g *Globals, s streams) error {
	book, err := g.tokenBook()
	if err != nil {
		return err
	}
	if err := book.Revoke(c.Name); err != nil {
		return tokenError(err)
	}
	fmt.Fprintf(s.Out, "%s is revoked.\n", printable(c.Name))
	return nil
}
