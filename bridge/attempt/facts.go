package attempt

import (
	"seatrial/harness/run"
)

// facts is what the journal says about the latest attempt of a run: enough to know what to
// do next, also after a restart.
type facts struct {
	report run.Report

	dispatched  bool  // the executor has accepted the attempt
	lastSeq     int64 // of the harness's events that the journal holds
	interrupted bool  // the harness gave up on its stages
	finished    bool  // the harness said its last word
	lost        bool  // it ended without one
	swept       bool  // the bridge has looked after it
}

func factsOf(events []run.Event) (facts, error) {
	report, err := run.Fold(events)
	if err != nil {
		return facts{}, err
	}
	f := facts{report: report}
	for _, e := range events {
		if e.Attempt != report.Attempt {
			continue
		}
		if e.Source == run.Harness {
			f.lastSeq = max(f.lastSeq, e.Seq)
			f.dispatched = true
		}
		switch e.Kind {
		case run.KindDispatched:
			f.dispatched = true
		case run.KindInterrupted:
			f.interrupted = true
		case run.KindFinished:
			f.finished = true
		case run.KindLost:
			f.lost = true
		case run.KindSwept:
			f.swept = true
		}
	}
	return f, nil
}

// answered says whether the harness asked all its questions and said so.
func (f facts) answered() bool { return f.finished && !f.interrupted }

// cancelled says whether a request to cancel decides how the run ends. One that came
// after the last answer comes too late.
func (f facts) cancelled() bool { return f.report.CancelAsked != "" && !f.answered() }

// maxAttempts is the first one and one more.
const maxAttempts = 2

// retryable says whether there is to be another attempt: only where we failed, and the
// recipe did not; never on a slot that is not clean.
func (f facts) retryable() bool {
	if _, fault := f.report.Fault(); fault != nil || f.report.CancelAsked != "" || f.report.Attempt >= maxAttempts || len(f.report.Leftovers) > 0 {
		return false
	}
	switch f.report.Ending {
	case run.EndLost, run.EndOurFault, run.EndNotFetched:
		return true
	}
	return false
}

// ending is what the run's ended event says.
func (f facts) ending() run.Ending {
	if f.cancelled() {
		return run.EndCancelled
	}
	return run.EndedNormally
}

// fromHarness says whether a kind is the harness's to record. Its file lies where a
// recipe's code has no business, but nothing in it may speak for the bridge.
func fromHarness(k run.Kind) bool {
	switch k {
	case run.KindStarted, run.KindPlanned, run.KindStageStarted, run.KindProgress, run.KindFinding, run.KindWarning,
		run.KindStageEnded, run.KindInterrupted, run.KindTornDown, run.KindFinished:
		return true
	}
	return false
}
