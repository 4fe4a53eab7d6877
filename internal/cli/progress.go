package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"seatrial/harness/run"
)

// progress shows a run's events as they happen.
type progress interface {
	show(run.Event)
	// close waits until everything is on the screen.
	close()
}

// newProgress chooses how to show: live on a terminal, plain lines elsewhere, or
// the events themselves.
func newProgress(w io.Writer, asJSON bool) progress {
	if asJSON {
		return jsonProgress{json.NewEncoder(jsonWriter{w})}
	}
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb" {
		return newLiveProgress(w)
	}
	return &lineProgress{w: w}
}

type jsonProgress struct{ out *json.Encoder }

func (p jsonProgress) show(e run.Event) { _ = p.out.Encode(e) }
func (jsonProgress) close()             {}

// lineProgress prints a line an event.
type lineProgress struct{ w io.Writer }

func (p *lineProgress) close() {}

func (p *lineProgress) show(e run.Event) {
	if line := eventLine(e); line != "" {
		fmt.Fprintf(p.w, "%s %s\n", e.At.Local().Format(time.TimeOnly), line)
	}
}

// eventLine says an event in words, or nothing where it needs none.
func eventLine(e run.Event) string {
	switch e.Kind {
	case run.KindStarted:
		var s run.Started
		_ = e.Into(&s)
		return "app address: " + s.BaseURL
	case run.KindPlanned:
		var p run.Plan
		_ = e.Into(&p)
		if p.Previous == "" {
			return fmt.Sprintf("plan: %s; found no published release before it", listed(p.Stages, ""))
		}
		return fmt.Sprintf("plan: %s; upgrading from %s", listed(p.Stages, ""), printable(p.Previous))
	case run.KindStageStarted:
		return string(e.Stage) + " ..."
	case run.KindProgress:
		return "    " + printable(e.Note)
	case run.KindFinding:
		var f run.Finding
		_ = e.Into(&f)
		return "    " + findingLine(f)
	case run.KindWarning:
		return "    note: " + printable(e.Note)
	case run.KindStageEnded:
		line := fmt.Sprintf("%s %s %s", marks[e.Outcome], e.Stage, e.Outcome)
		if e.Took > 0 {
			line += " in " + e.Took.Round(100*time.Millisecond).String()
		}
		if e.Note != "" {
			line += ": " + printable(e.Note)
		}
		return line
	case run.KindInterrupted:
		var why string
		_ = e.Into(&why)
		return "interrupted: " + because(printable(e.Note), why)
	case run.KindTornDown:
		var swept run.Swept
		_ = e.Into(&swept)
		return fmt.Sprintf("torn down, %d made, %d left over", swept.Removed+len(swept.Leftovers), len(swept.Leftovers))
	}
	return ""
}

// liveProgress shows a line a stage, with a spinner and what is being done.
type liveProgress struct {
	bars *mpb.Progress

	mu      sync.Mutex
	bar     *mpb.Bar
	stage   run.Stage
	started time.Time
	note    string
}

func newLiveProgress(w io.Writer) *liveProgress {
	return &liveProgress{bars: mpb.New(mpb.WithOutput(w), mpb.WithRefreshRate(120*time.Millisecond))}
}

func (p *liveProgress) show(e run.Event) {
	switch e.Kind {
	case run.KindStageStarted:
		p.finish("")
		p.begin(e.Stage)
	case run.KindProgress:
		p.mu.Lock()
		p.note = printable(e.Note)
		p.mu.Unlock()
	case run.KindStageEnded, run.KindInterrupted:
		line := eventLine(e)
		if !p.finish(line) {
			p.print(line)
		}
	default:
		if line := eventLine(e); line != "" {
			p.print(line)
		}
	}
}

func (p *liveProgress) print(line string) { fmt.Fprintln(p.bars, line) }

func (p *liveProgress) begin(stage run.Stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage, p.started, p.note = stage, time.Now(), ""
	p.bar = p.bars.New(1, mpb.SpinnerStyle().PositionLeft(), mpb.BarRemoveOnComplete(), mpb.BarWidth(1),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return fmt.Sprintf(" %-9s %4.0fs  %s", p.stage, time.Since(p.started).Seconds(), p.note)
		})))
}

// finish ends the current line, leaving the given one in its place.
func (p *liveProgress) finish(line string) bool {
	p.mu.Lock()
	bar := p.bar
	p.bar = nil
	p.mu.Unlock()
	if bar == nil {
		return false
	}
	bar.SetCurrent(1)
	bar.Wait()
	if line != "" {
		p.print(line)
	}
	return true
}

func (p *liveProgress) close() {
	p.finish("")
	p.bars.Wait()
}
