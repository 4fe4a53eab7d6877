// Package stage asks the questions of a run and turns what happens into answers.
//
// NewPlan decides from facts alone what is asked and in which order; Execute asks,
// one file a question, and records every answer as events. A *run.Fault fails a
// stage; any other error means that we could not find out, and is never held
// against the recipe. A failed stage does not hide the others: what can still be
// asked is asked, and what depends on it is blocked, by name. Every deed has a
// limit. The package makes nothing that outlives it but the app and its snapshots:
// the caller destroys both, whatever Execute says.
package stage
