package dispatchtest_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/harness/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFake(t *testing.T) {
	dispatchtest.Contract(t, func(t *testing.T) dispatchtest.Fixture {
		f := &dispatchtest.Fake{Script: func(ctx context.Context, r run.Request, _ int, emit func(run.Event)) bool {
			emit(run.Event{Kind: run.KindStarted})
			switch r.Recipe {
			case dispatchtest.Dies:
				return false
			case dispatchtest.Waits:
				<-ctx.Done()
			}
			emit(run.Event{Kind: run.KindTornDown})
			emit(run.Event{Kind: run.KindFinished})
			return true
		}}
		t.Cleanup(f.Close)
		return dispatchtest.Fixture{Dispatcher: f, Starts: f.Started, Reopen: func() dispatch.Dispatcher { return f }}
	})
}
