package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"seatrial/bridge/dispatch/local"
	"seatrial/harness/journal"
	"seatrial/harness/result"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/internal/state"
	"seatrial/store"
)

type forgetCommand struct {
	Person string `arg:"" help:"The person's login on the forge, or # and the account's number."`
	Forge  string `help:"The ID of the forge, where the person is known on several: they may be two people." placeholder:"ID"`
	DryRun bool   `help:"Only say what would be changed."`
}

func (forgetCommand) Help() string {
	return "Puts \"somebody\" in the person's place in the journal and in the files of runs. It may be done while the server runs. " +
		"Runs and comments that are not over are left as they are and named, and the exit code is 69: run it again when they are over. " +
		"What stands on the forge is not touched, nor are the enrolments and what a server has logged. docs/explanation/privacy.md says what is kept of whom, and where."
}

func (c *forgetCommand) Run(ctx context.Context, g *Globals, s streams) error {
	who, err := c.account()
	if err != nil {
		return err
	}
	db, err := g.journalOf(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	// The files come first: what leads from a login to the person's other ones is in the
	// journal, and an end in between must leave it there for the next try.
	found, err := db.Forget(ctx, who, time.Now(), true)
	if err != nil {
		return err
	}
	if forges := found.Forges(); len(forges) > 1 {
		return exit.Errorf(exit.Usage, "%s is known on %s, which may be two people: say whom with --forge", printable(c.Person), strings.Join(forges, " and "))
	}
	files, err := forgetInFiles(ctx, g.folder().Path(state.RunsDir), db, &found, c.DryRun)
	if err == nil && !c.DryRun {
		left := found.OpenRuns
		if found, err = db.Forget(ctx, who, time.Now(), false); err == nil {
			found.OpenRuns = left
		}
	}
	if err != nil {
		return fmt.Errorf("%w; not everything was changed: run this again", err)
	}
	c.say(s.Out, found, files)
	return leftOpen(found)
}

// account is who is meant.
func (c *forgetCommand) account() (run.Account, error) {
	who := run.Account{Forge: c.Forge, Person: run.Person{Login: c.Person}}
	if digits, ok := strings.CutPrefix(c.Person, "#"); ok {
		id, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || id <= 0 {
			return who, exit.Errorf(exit.Usage, "%q is no account's number: write it like #7, or write the login", c.Person)
		}
		who.Person = run.Person{ID: id}
	}
	if c.Person == "" || strings.EqualFold(c.Person, run.Somebody) {
		return who, exit.Errorf(exit.Usage, "%q is nobody who can be forgotten: write a login", c.Person)
	}
	return who, nil
}

// forgetInFiles takes the person out of what lies beside the journal. Runs that have not
// ended keep their files, and are added to those that were left.
func forgetInFiles(ctx context.Context, runs string, reader journal.Reader, found *store.Forgotten, dry bool) (files int, err error) {
	reports, err := reader.Reports(ctx, journal.Filter{Open: true, Limit: 10_000})
	if err != nil {
		return 0, err
	}
	open := map[run.ID]bool{}
	for _, r := range reports {
		open[r.Request.ID] = true
	}
	folders, err := filepath.Glob(filepath.Join(runs, "*", "*"))
	if err != nil {
		return 0, fmt.Errorf("cannot list the runs' folders: %w", err)
	}
	var failures []error
	for _, folder := range folders {
		id, err := run.ParseID(filepath.Base(filepath.Dir(folder)))
		if info, statErr := os.Stat(folder); err != nil || statErr != nil || !info.IsDir() {
			continue
		}
		for _, forget := range []func(string, run.Accounts, bool) (bool, error){local.Forget, result.Forget} {
			is, err := forget(folder, found.Accounts, dry || open[id])
			switch {
			case err != nil:
				failures = append(failures, err)
			case is && !open[id]:
				files++
			case is && !slices.Contains(found.OpenRuns, id):
				found.OpenRuns = append(found.OpenRuns, id)
			}
		}
	}
	return files, errors.Join(failures...)
}

func (c *forgetCommand) say(w io.Writer, f store.Forgotten, files int) {
	if len(f.Runs)+f.Comments+f.Asks+f.Audit+files == 0 {
		fmt.Fprintf(w, "Nothing that is over names %s.\n", printable(c.Person))
		return
	}
	did := "Forgotten"
	if c.DryRun {
		did = "Would be forgotten"
	}
	known := []string{c.Person}
	if more := f.Accounts[1:]; len(more) > 0 { // the first is what was typed
		known = nil
		for _, a := range more {
			name := a.Login
			if a.ID != 0 {
				name = fmt.Sprintf("%s #%d", name, a.ID)
			}
			known = append(known, name+" on "+a.Forge)
		}
	}
	fmt.Fprintf(w, "%s: %s.\n", did, printable(strings.Join(known, ", ")))
	for _, line := range []struct {
		n    int
		what string
	}{
		{len(f.Runs), "runs that they asked for, joined or cancelled"}, {f.Comments, "comments"}, {f.Asks, "requests without a comment"},
		{f.Audit, "lines of the audit journal"}, {files, "files of runs"},
	} {
		fmt.Fprintf(w, "%6d %s\n", line.n, line.what)
	}
	fmt.Fprintln(w, "What stands on the forge, in the enrolments and in the log of the server is not ours to change, and was left.")
}

// leftOpen is an error that names what was left.
func leftOpen(f store.Forgotten) error {
	if len(f.OpenRuns)+f.OpenComments == 0 {
		return nil
	}
	var left []string
	for _, id := range f.OpenRuns {
		left = append(left, "run "+string(id))
	}
	if f.OpenComments > 0 {
		left = append(left, fmt.Sprintf("%d comments that are not answered yet", f.OpenComments))
	}
	return exit.Errorf(exit.Unavailable, "not over, and left as they are: %s: run this again when they are over", strings.Join(left, ", "))
}
