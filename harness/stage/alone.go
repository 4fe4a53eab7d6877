package stage

import (
	"context"

	"seatrial/harness/run"
)

// Deploy deploys the job's head where nothing is and waits until it is healthy, outside
// of every question: for an app that is not what is examined, but is needed. It is held
// against the policy first. A *run.Fault is about that app.
func Deploy(ctx context.Context, j Job) error {
	x := &exam{Job: j, answers: map[run.Stage]answer{}, warned: map[string]bool{}}
	if err := x.askPolicy(ctx); err != nil {
		return err
	}
	return x.deploy(ctx, j.Head)
}
