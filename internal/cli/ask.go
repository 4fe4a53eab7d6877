package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"seatrial/bridge/api"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/internal/pause"
	"seatrial/secrets"
)

type askCommand struct {
	Repo string `arg:"" help:"The repository, as owner/name."`
	Pull int    `arg:"" optional:"" name:"pr" help:"The number of the pull request. Left out: the default branch, or --branch."`

	Server    string        `help:"Address of the server. Default: that of the server that uses this state folder." placeholder:"URL"`
	TokenFile string        `help:"File that holds an API token and nothing else; seatrial token new makes one." type:"path" placeholder:"FILE"`
	Forge     string        `help:"The forge's id. Default: the one where the repository is enrolled." placeholder:"ID"`
	Branch    string        `help:"Test this branch." placeholder:"NAME"`
	Commit    string        `help:"The commit that you mean, as a full hash: nothing is started if it is no longer the head." placeholder:"HASH"`
	Needs     []string      `help:"A capability that the executor must offer, besides those in the enrolment." placeholder:"NAME"`
	Flavor    string        `help:"A label for an operator's builder, instead of the enrolment's." placeholder:"LABEL"`
	Key       string        `help:"Asking again with the same key within a day is the same request." placeholder:"WORD"`
	Wait      bool          `help:"Wait for the verdict, and end with its exit code. Ctrl-C ends the waiting, not the run."`
	JSON      bool          `help:"Print JSON: the answer or, with --wait, what the run came to."`
	Every     time.Duration `hidden:"" default:"2s" help:"How often to look."`
}

func (askCommand) Help() string {
	return "The server decides as it does about a comment, and answers the pull request in the same way. The server must be running; nothing is tested here."
}

func (c *askCommand) Run(ctx context.Context, g *Globals, s streams) error {
	client, err := c.connect(g, s)
	if err != nil {
		return err
	}
	request := api.RunRequest{Repo: c.Repo, Forge: c.Forge, Pull: c.Pull, Branch: c.Branch, Commit: c.Commit, Needs: c.Needs, Flavor: c.Flavor, Key: c.Key}
	if request.Key == "" {
		request.Key = rand.Text() // so that an answer that gets lost can be asked for again
	}
	accepted, err := client.ask(ctx, request)
	if err != nil {
		return err
	}
	if !c.Wait {
		return c.answer(s, accepted)
	}
	if !c.JSON {
		if err := c.answer(s, accepted); err != nil {
			return err
		}
	}
	return c.wait(ctx, client, accepted, s)
}

func (c *askCommand) answer(s streams, p api.Accepted) error {
	if c.JSON {
		return json.NewEncoder(jsonWriter{s.Out}).Encode(p)
	}
	how := "asked for"
	if p.Joined {
		how = "joined: it was there already"
	}
	_, err := fmt.Fprintf(s.Out, "run %s, %s\n%s\n", p.Run, how, printable(p.URL))
	return err
}

// check refuses what cannot work, before anybody is asked.
func (c *askCommand) check() error {
	owner, name, ok := strings.Cut(c.Repo, "/")
	switch {
	case !ok || owner == "" || name == "" || strings.Contains(name, "/"):
		return fmt.Errorf("%q is not a repository: write owner/name", c.Repo)
	case c.Pull < 0:
		return fmt.Errorf("%d is not the number of a pull request", c.Pull)
	case c.Pull != 0 && c.Branch != "":
		return errors.New("there are both a pull request and --branch: leave one out")
	case c.Every <= 0:
		return errors.New("--every must be above 0")
	}
	return nil
}

func (c *askCommand) connect(g *Globals, s streams) (*apiClient, error) {
	if err := c.check(); err != nil {
		return nil, exit.With(exit.Usage, err)
	}
	server := c.Server
	if server == "" {
		var err error
		if server, err = g.folder().Address(); err != nil {
			return nil, exit.With(exit.Usage, errors.New("where is the server? Name its address with --server, such as https://ci.example.org; it is known only on its own machine, with its --state"))
		}
	}
	at, err := url.Parse(server)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, exit.Errorf(exit.Usage, "--server %q is not an address: write it like https://ci.example.org", server)
	}
	if c.TokenFile == "" {
		return nil, exit.With(exit.Usage, errors.New("no API token: an operator makes one with seatrial token new NAME; write it into a file and name that with --token-file"))
	}
	held, warning, err := secrets.HoldFile(c.TokenFile)
	if err != nil {
		return nil, exit.With(exit.Configuration, err)
	}
	if warning != "" {
		fmt.Fprintf(s.Err, "seatrial: %s\n", warning)
	}
	if at.Scheme == "http" && !isLoopback(at.Hostname()) {
		fmt.Fprintf(s.Err, "seatrial: %s is not https, so anyone on the way can read the token\n", printable(server))
	}
	return &apiClient{base: strings.TrimRight(at.String(), "/"), token: held.Get(), version: g.Version}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// wait follows the run until it has ended, and returns what its verdict means.
func (c *askCommand) wait(ctx context.Context, client *apiClient, p api.Accepted, s streams) error {
	shown := outcomeLines{}
	for {
		o, err := client.look(ctx, p.Run)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil && !c.JSON {
			shown.show(s, o)
		}
		if err == nil && o.State == string(run.Ended) {
			if c.JSON {
				err = json.NewEncoder(jsonWriter{s.Out}).Encode(o)
			}
			return errors.Join(err, verdictExit(run.Verdict(o.Verdict)))
		}
		if pause.For(ctx, c.Every, nil) != nil {
			fmt.Fprintf(s.Err, "seatrial: no longer waiting; the run goes on: %s\n", printable(p.URL))
			return verdictError{exit.Unverified}
		}
	}
}

// outcomeLines remembers what of an outcome was shown.
type outcomeLines struct {
	state string
	done  int
}

// show prints what is new: a line a state and a line a stage.
func (l *outcomeLines) show(s streams, o api.Outcome) {
	for _, stage := range o.Stages[min(l.done, len(o.Stages)):] {
		if stage.Outcome == "" {
			break
		}
		l.done++
		line := fmt.Sprintf("%s %s %s", marks[run.Outcome(stage.Outcome)], printable(stage.Stage), printable(stage.Outcome))
		fmt.Fprintln(s.Out, line+because("", stage.Why))
	}
	if o.State == l.state {
		return
	}
	l.state = o.State
	if o.State != string(run.Ended) {
		fmt.Fprintln(s.Out, printable(o.State))
		return
	}
	line := printable(o.Word)
	switch {
	case o.Verdict == string(run.VerdictPass), o.Verdict == string(run.VerdictFail):
		line += fmt.Sprintf(", level %d of %d", o.Level, o.MaxLevel)
	case o.By != "":
		line += " by run " + printable(string(o.By))
	}
	fmt.Fprintln(s.Out, line)
}
