package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/harness/journal"
	"seatrial/harness/result"
	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/internal/state"
	"seatrial/store"
)

type runsCommand struct {
	List   runsList   `cmd:"" default:"withargs" help:"List runs, newest first."`
	Show   runsShow   `cmd:"" help:"Show one run: stages, faults, leftovers."`
	Cancel runsCancel `cmd:"" help:"Ask for a run to be stopped and torn down."`
	Log    runsLog    `cmd:"" help:"Print a run's log."`
}

// journalOf opens the journal of the state folder, which must exist already.
func (g *Globals) journalOf(ctx context.Context) (*store.DB, error) {
	path := g.folder().Path(state.JournalFile)
	if !g.folder().Exists(state.JournalFile) {
		return nil, exit.Errorf(exit.Configuration, "there is no journal at %s: has seatrial serve run with this --state?", path)
	}
	db, err := store.Open(ctx, path, store.Options{Light: true})
	return db, exit.With(exit.Configuration, err)
}

// findRun finds a run by its ID or by the beginning of it.
func findRun(ctx context.Context, db journal.Reader, text string) (run.Report, error) {
	if id, err := run.ParseID(text); err == nil {
		report, err := db.Report(ctx, id)
		if errors.Is(err, journal.ErrUnknownRun) {
			return report, exit.Errorf(exit.Usage, "the journal holds no run %s: seatrial runs list shows those it holds", id)
		}
		return report, err
	}
	reports, err := db.Reports(ctx, journal.Filter{Limit: 10_000})
	if err != nil {
		return run.Report{}, err
	}
	var found []run.Report
	for _, r := range reports {
		if text != "" && strings.HasPrefix(string(r.Request.ID), strings.ToLower(text)) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return run.Report{}, exit.Errorf(exit.Usage, "the journal holds no run whose ID begins with %q: seatrial runs list shows those it holds", text)
	}
	return run.Report{}, exit.Errorf(exit.Usage, "%d runs begin with %q: write more of the ID", len(found), text)
}

// runOf opens the journal and finds a run in it.
func (g *Globals) runOf(ctx context.Context, text string) (*store.DB, run.Report, error) {
	db, err := g.journalOf(ctx)
	if err != nil {
		return nil, run.Report{}, err
	}
	r, err := findRun(ctx, db, text)
	if err != nil {
		return nil, r, errors.Join(err, db.Close())
	}
	return db, r, nil
}

type runsList struct {
	Recipe string `help:"Only runs of this recipe." placeholder:"NAME"`
	Open   bool   `help:"Only runs that have not ended."`
	Limit  int    `help:"At most this many runs." default:"20"`
	JSON   bool   `help:"Print one JSON object per line: each a result as docs/reference/result.md describes it."`
}

func (c *runsList) Run(ctx context.Context, g *Globals, s streams) error {
	if c.Limit < 1 {
		return exit.With(exit.Usage, errors.New("--limit must be at least 1"))
	}
	db, err := g.journalOf(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	reports, err := db.Reports(ctx, journal.Filter{Recipe: c.Recipe, Open: c.Open, Limit: c.Limit})
	if err != nil {
		return err
	}
	if c.JSON {
		for _, r := range reports {
			if err := writeReport(s.Out, r, false); err != nil {
				return err
			}
		}
		return nil
	}
	if len(reports) == 0 {
		if c.Recipe != "" || c.Open {
			fmt.Fprintln(s.Out, "No such runs.")
		} else {
			fmt.Fprintln(s.Out, "No runs yet.")
		}
		return nil
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RUN\tRECIPE\tCOMMIT\tASKED\tVERDICT\tLEVEL")
	for _, r := range reports {
		level := "-"
		// A run that was not asked everything says nothing about the recipe's level.
		if v := r.Verdict(); v == run.VerdictPass || v == run.VerdictFail {
			level = fmt.Sprintf("%d/%d", r.Level(), run.MaxLevel)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Request.ID, printable(r.Request.Recipe), r.Request.Code.ShortCommit(),
			r.Request.AskedAt.Local().Format(time.DateTime), r.Word(), level)
	}
	return table.Flush()
}

type runsShow struct {
	ID   string `arg:"" help:"The run's ID, or the beginning of it."`
	JSON bool   `help:"Print the result as JSON, as docs/reference/result.md describes it."`
}

func (c *runsShow) Run(ctx context.Context, g *Globals, s streams) error {
	db, r, err := g.runOf(ctx, c.ID)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.JSON {
		return writeReport(s.Out, r, true)
	}
	printSummary(s.Out, r)
	return nil
}

type runsLog struct {
	ID      string `arg:"" help:"The run's ID, or the beginning of it."`
	Attempt int    `help:"Which attempt's log. Default: the latest one's." placeholder:"N"`
}

func (c *runsLog) Run(ctx context.Context, g *Globals, s streams) error {
	db, r, err := g.runOf(ctx, c.ID)
	if err != nil {
		return err
	}
	defer db.Close()
	attempt := cmp.Or(c.Attempt, max(1, r.Attempt))
	path := filepath.Join(dispatch.Folder(g.folder().Path(state.RunsDir), r.Request.ID, attempt), dispatch.LogFile)
	f, err := os.Open(path)
	if err != nil {
		return exit.Errorf(exit.Unavailable, "there is no log of attempt %d of run %s: it has not begun, or its files were removed", attempt, r.Request.ID)
	}
	defer f.Close()
	return copyPrintable(s.Out, f)
}

type runsCancel struct {
	ID  string `arg:"" help:"The run's ID, or the beginning of it."`
	Why string `help:"The reason; it is shown on the pull request." placeholder:"TEXT"`
}

func (c *runsCancel) Run(ctx context.Context, g *Globals, s streams) error {
	db, r, err := g.runOf(ctx, c.ID)
	if err != nil {
		return err
	}
	defer db.Close()
	if r.State == run.Ended {
		fmt.Fprintf(s.Out, "Run %s has ended already: %s.\n", r.Request.ID, r.Word())
		return nil
	}
	who := "an operator"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	note := who
	if c.Why != "" {
		note += ": " + c.Why
	}
	err = db.Append(ctx, run.Event{Run: r.Request.ID, Attempt: r.Attempt, Source: run.Bridge, At: time.Now(), Kind: run.KindCancelAsked, Note: note})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "Asked for run %s to be cancelled. seatrial serve acts on it as soon as it runs.\n", r.Request.ID)
	return nil
}

func writeReport(w io.Writer, r run.Report, indent bool) error {
	out := json.NewEncoder(jsonWriter{w})
	if indent {
		out.SetIndent("", "  ")
	}
	return out.Encode(result.New(r))
}
