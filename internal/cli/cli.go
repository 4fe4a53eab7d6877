// Package cli is the command line: a file a command, each of which reads its options,
// refuses what cannot work, and makes one call. Errors end as a sentence on standard
// error and an exit code. It decides nothing about runs, and only this package writes
// to terminals.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"seatrial/harness/app/process"
	"seatrial/internal/exit"
	"seatrial/recipes/examples"
)

// Execute is the program: it never returns.
func Execute(version string) {
	// The same binary is the supervisor inside a sandbox; there it does nothing else.
	process.Main()
	// And it is the toolchain of the example recipe, under that name.
	examples.Main()
	os.Exit(Main(version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// commands is the command line. docs/reference/commands.md is made from it.
//
//go:generate go test -run ^TestTheCommandsPageIsUpToDate$ -update .
type commands struct {
	Globals

	Serve   serveCommand   `cmd:"" aliases:"server" help:"Answer comments on a forge, run what they ask for, serve dashboard, badges and gateway."`
	Run     runCommand     `cmd:"" help:"Test a recipe in a folder, without a forge: the same stages, on your own machine."`
	Demo    demoCommand    `cmd:"" help:"Show a whole run in a temporary folder: a forge, a pull request, a comment, a verdict."`
	Recipes recipesCommand `cmd:"" help:"Check, list and write enrolments."`
	Ask     askCommand     `cmd:"" help:"Ask a server for a run, without a comment."`
	Token   tokenCommand   `cmd:"" help:"Make, list and revoke the tokens of programs and repositories that ask for runs."`
	Runs    runsCommand    `cmd:"" help:"Look at runs, read their logs, cancel them."`
	Forget  forgetCommand  `cmd:"" help:"Take a person out of everything that is kept."`
	Doctor  doctorCommand  `cmd:"" help:"Look at forges, enrolments and this machine, and say what is missing for a server."`
	Janitor janitorCommand `cmd:"" help:"Remove what outlived its run: processes, cgroups, folders."`
	Webhook webhookCommand `cmd:"" help:"Keep the secrets that webhooks are signed with."`
	Nomad   nomadCommand   `cmd:"" help:"Make a Nomad cluster ready for runs, and see whether it is."`
	Harness harnessCommand `cmd:"" hidden:"" help:"Perform one dispatched run."`
	About   versionCommand `cmd:"" name:"version" help:"Print the version."`
}

// streams are what a command reads and writes.
type streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs the program with the given arguments and returns its exit code. The
// first Ctrl-C or SIGTERM asks for a clean end; the second ends at once.
func Main(version string, args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	unsetEmpty()
	var c commands
	exited := -1
	c.Version = version
	parser, err := newParser(&c, kong.Writers(out, errs), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		panic(err) // the struct above is wrong: every test would see it
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintf(errs, "seatrial: %v\n", err)
		hint := "seatrial --help"
		if wrong, ok := errors.AsType[*kong.ParseError](err); ok && wrong.Context != nil && wrong.Context.Command() != "" {
			hint = "seatrial " + wrong.Context.Command() + " --help"
		}
		fmt.Fprintf(errs, "Try: %s\n", hint)
		return exit.Usage
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(&c.Globals, streams{in, out, errs})
	return report(errs, err)
}

// newParser makes the parser of the command line. Every option is also an
// environment variable: --log-level is SEATRIAL_LOG_LEVEL.
func newParser(c *commands, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append([]kong.Option{
		kong.Name("seatrial"),
		kong.Description("Deploys, upgrades, restarts, backs up, destroys, restores and checks an app package, and tells the verdict."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.DefaultEnvars("SEATRIAL"),
		kong.Vars{"state": defaultState()},
	}, more...)...)
}

// unsetEmpty makes an option that is empty in the environment one that is not set:
// else it would be an empty value, and an empty path the current folder.
func unsetEmpty() {
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); value == "" && strings.HasPrefix(name, "SEATRIAL_") {
			os.Unsetenv(name)
		}
	}
}

type versionCommand struct{}

func (versionCommand) Run(g *Globals, s streams) error {
	fmt.Fprintln(s.Out, "seatrial", g.Version)
	return nil
}
