package stage

import (
	"context"
	"log/slog"
	"net/http"

	"seatrial/harness/app"
	"seatrial/harness/canary"
	"seatrial/harness/run"
	"seatrial/harness/vault"
	"seatrial/recipes"
)

// Job is what is examined, and with what.
type Job struct {
	Run       run.ID
	Head      app.Release
	Previous  *app.Release
	Enrolment recipes.Enrolment // with its defaults filled in
	Trusted   bool              // the operator trusts the recipe's code
	Only      run.Stage

	App     app.App
	Vault   vault.Vault
	BaseURL string       // the app's address, as the app itself knows it
	Client  *http.Client // reaches that address through the run's gateway
	Scratch string       // an existing folder for temporary files; what is made in it is removed again

	Tools
	Events Events
	// Needs is called once, before anything is deployed, where something will be. It brings
	// up what the app needs besides itself, and says why that cannot be had, or nothing:
	// then nothing is deployed. It may be nil.
	Needs func(ctx context.Context) (why string)
	// Tail gives the last lines that the app wrote, as evidence. It may be nil.
	Tail func(lines int) []string
	Log  *slog.Logger
}

// Tools look at an app from outside.
type Tools struct {
	Canaries Canaries
	Steps    Steps
	Lint     func(ctx context.Context) ([]run.Finding, error)
	// Policy lists what the recipe asks of its platform that the operator does not allow,
	// each with file and line. A recipe that cannot be read is a *run.Fault. It may be nil.
	Policy func(ctx context.Context) ([]string, error)
}

// Canaries plants marks in the app's volumes and databases.
type Canaries interface {
	Seed(ctx context.Context) (Marks, error)
}

// Marks were planted once and are looked for later.
type Marks interface {
	// Look finds every mark in a place that is covered and lists the places that are
	// not. What vanished is a *run.Fault that names it.
	Look(ctx context.Context, covered func(canary.Place) bool) (notCovered []string, err error)
}

// Steps does one step of the enrolment. An expectation that fails is a *run.Fault.
// The step reads vars and adds what it captures.
type Steps interface {
	Run(ctx context.Context, step recipes.Step, vars map[string]string) error
}

// Events takes what happens. Both methods take events without run, number and time.
type Events interface {
	// Emit records an event. It is progress: something was done.
	Emit(e run.Event)
	// Beat records that we still wait. It is no progress.
	Beat(e run.Event)
}

// Result is what Execute leaves behind.
type Result struct {
	// Up says that the app runs and was healthy when it was last looked at.
	Up bool
	// Removed is how many things were made and destroyed again between two stages.
	Removed int
	// Backup is how many bytes the backup held; 0 if there was none.
	Backup int64
}
