package attempt

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/ledger"
	"seatrial/bridge/ledger/ledgertest"
	"seatrial/bridge/queue"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// slowJournal takes its time after it has read a report.
type slowJournal struct {
	journal.Journal
	takes atomic.Int64
}

func (j *slowJournal) Report(ctx context.Context, id run.ID) (run.Report, error) {
	r, err := j.Journal.Report(ctx, id)
	time.Sleep(time.Duration(j.takes.Load()))
	return r, err
}

// rig is Runs with one slot, whose attempts take as long as the script says.
type rig struct {
	*Runs
	t       *testing.T
	journal *slowJournal
}

// start runs it until the returned function is called.
func start(t *testing.T, script func(ctx context.Context, r run.Request, attempt int, emit func(run.Event)) bool) (rig, func()) {
	memory := &slowJournal{Journal: ledgertest.New()}
	executor := &dispatchtest.Fake{Script: script}
	rs := New(Config{
		Journal: memory, Queue: queue.New(queue.Config{}), Dispatcher: executor, Deciding: new(sync.Mutex),
		Enrolment: func(name string) (recipes.Enrolment, bool) { return recipes.Enrolment{Name: name}, true },
		Changed:   func(run.ID) {}, Audit: func(context.Context, ledger.AuditEntry) {}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	ctx, end := context.WithCancel(t.Context())
	if _, err := rs.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- rs.Run(ctx) }()
	return rig{rs, t, memory}, func() {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
		rs.Wait()
		executor.Close()
	}
}

// ask writes down that a run is asked for.
func (g rig) ask() run.ID {
	g.t.Helper()
	r := run.Request{ID: run.NewID(time.Now()), Recipe: "guestbook", AskedAt: time.Now(), Limit: time.Hour}
	g.write(run.Event{Run: r.ID, Source: run.Bridge, At: time.Now(), Kind: run.KindRequested}.With(r))
	return r.ID
}

func (g rig) write(e run.Event) {
	g.t.Helper()
	if err := g.journal.Append(g.t.Context(), e); err != nil {
		g.t.Fatal(err)
	}
	g.Heard(g.t.Context(), e)
}

func (g rig) report(id run.ID) run.Report {
	g.t.Helper()
	r, err := g.journal.Journal.Report(g.t.Context(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

func (g rig) cancellable() int {
	g.cancels.mu.Lock()
	defer g.cancels.mu.Unlock()
	return len(g.cancels.of)
}

// aMinute is a run that finds nothing, and ends when it is asked to.
func aMinute(ctx context.Context, _ run.Request, _ int, emit func(run.Event)) bool {
	emit(run.Event{Kind: run.KindStarted}.With(run.Started{}))
	select {
	case <-ctx.Done():
		emit(run.Event{Kind: run.KindInterrupted, Note: string(run.EndCancelled)})
	case <-time.After(time.Minute):
	}
	emit(run.Event{Kind: run.KindTornDown}.With(run.Swept{}))
	emit(run.Event{Kind: run.KindFinished})
	return true
}

func cancelAsked(id run.ID) run.Event {
	return run.Event{Run: id, Source: run.Bridge, At: time.Now(), Kind: run.KindCancelAsked, Note: "operator"}
}

func TestACancelThatIsOvertakenByTheEndLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, end := start(t, aMinute)
		defer end()
		id := g.ask()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if n := g.cancellable(); n != 1 {
			t.Errorf("while it runs, %d runs can be cancelled", n)
		}
		g.journal.takes.Store(int64(time.Hour)) // the cancel finds it running, and acts when it has ended
		g.write(cancelAsked(id))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if r := g.report(id); r.State != run.Ended {
			t.Errorf("the run is %s", r.State)
		}
		if n := g.cancellable(); n != 0 {
			t.Errorf("an ended run can be cancelled: %d entries", n)
		}
	})
}

func TestACancelBeforeTheDriverBeganIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, end := start(t, aMinute)
		defer end()
		first := g.ask()
		synctest.Wait() // it has the slot
		second := g.ask()
		time.Sleep(time.Second)
		// The run has its slot, and its cancel comes before anybody drives it.
		g.journal.takes.Store(int64(10 * time.Second))
		time.Sleep(59 * time.Second)
		synctest.Wait()
		asked := cancelAsked(second)
		if err := g.journal.Append(t.Context(), asked); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second) // whoever listens to the journal is late
		g.Heard(t.Context(), asked)
		time.Sleep(time.Minute)
		synctest.Wait()
		if r := g.report(first); r.Ending != run.EndedNormally {
			t.Errorf("the first run ended as %q", r.Ending)
		}
		if r := g.report(second); r.State != run.Ended || r.Ending != run.EndCancelled {
			t.Errorf("the second run is %s, %q", r.State, r.Ending)
		}
		if n := g.cancellable(); n != 0 {
			t.Errorf("ended runs can be cancelled: %d entries", n)
		}
	})
}
