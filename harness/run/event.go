package run

import (
	"encoding/json"
	"fmt"
	"time"
)

// Source says who recorded an event. Together with run, attempt and sequence
// number it is the event's key: an event seen twice counts once.
type Source string

// The sources.
const (
	Harness Source = "harness"
	Bridge  Source = "bridge"
)

// Kind says what sort of thing happened.
type Kind string

// What the bridge records.
const (
	KindRequested   Kind = "requested"    // Data: Request. Attempt 0
	KindJoined      Kind = "joined"       // another comment asked for the same; Note: who
	KindStale       Kind = "stale"        // the pull request has a newer head; Data: Push
	KindSuperseded  Kind = "superseded"   // a newer request for the same pull request took its place; Data: Superseded
	KindCancelAsked Kind = "cancel-asked" // Note: who and why
	KindDispatching Kind = "dispatching"  // a slot is taken and the attempt is about to start; Data: Lease
	KindDispatched  Kind = "dispatched"   // the place has accepted it
	KindLost        Kind = "lost"         // the attempt ended without its own last word; Note: what is known
	KindSwept       Kind = "swept"        // the bridge's own teardown after the attempt; Data: Swept
	KindEnded       Kind = "ended"        // nothing more will happen in this run; Note: an Ending, or empty
	KindForgotten   Kind = "forgotten"    // somebody was taken out of the events before; says nothing about the run
)

// What the harness records.
const (
	KindStarted      Kind = "started" // Data: Started
	KindPlanned      Kind = "planned" // Data: Plan
	KindStageStarted Kind = "stage-started"
	KindProgress     Kind = "progress"    // Note: what is being done
	KindFinding      Kind = "finding"     // Data: Finding
	KindWarning      Kind = "warning"     // Note: something worth saying that decides nothing
	KindStageEnded   Kind = "stage-ended" // Outcome, Took, Note; Data: Fault when failed
	KindInterrupted  Kind = "interrupted" // Note: an Ending; the stages stop here
	KindTornDown     Kind = "torn-down"   // Data: Swept
	KindFinished     Kind = "finished"    // the harness's last word; Data: Measured, where something was
)

// Event is one fact about a run. Log lines are not events.
type Event struct {
	Run     ID              `json:"run"`
	Attempt int             `json:"attempt"`
	Source  Source          `json:"source"`
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Kind    Kind            `json:"kind"`
	Stage   Stage           `json:"stage,omitempty"`
	Outcome Outcome         `json:"outcome,omitempty"`
	Took    time.Duration   `json:"took,omitempty"` // nanoseconds
	Note    string          `json:"note,omitempty"` // untrusted text: escape it where it is shown
	Data    json.RawMessage `json:"data,omitempty"`
}

// With returns the event with data encoded into it. It panics only for data
// that JSON cannot hold, which none of this package's types is.
func (e Event) With(data any) Event {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("cannot encode the data of a %s event: %v", e.Kind, err))
	}
	e.Data = raw
	return e
}

// Into decodes the event's data. An event without data leaves v alone.
func (e Event) Into(v any) error {
	if len(e.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("cannot decode the data of %s event %s/%d/%s/%d: %w", e.Kind, e.Run, e.Attempt, e.Source, e.Seq, err)
	}
	return nil
}

// Started is the data of a started event.
type Started struct {
	PID     int    `json:"pid,omitempty"`
	Host    string `json:"host,omitempty"`
	Label   string `json:"label"`             // the app's subdomain
	BaseURL string `json:"base_url"`          // the app's address as the app itself knows it
	Gateway string `json:"gateway,omitempty"` // host:port of the run's own gateway

	// GatewayTLS says that the gateway speaks TLS with the certificate of the apps' domain.
	GatewayTLS bool `json:"gateway_tls,omitempty"`

	// Where a cluster runs it; empty on one machine.
	Job   string `json:"job,omitempty"`   // the dispatched job's ID
	Alloc string `json:"alloc,omitempty"` // the allocation's ID
	Node  string `json:"node,omitempty"`  // the node's name
}

// Plan is the data of a planned event: what will be asked, and of what.
type Plan struct {
	Stages   []Stage `json:"stages"`
	Commit   string  `json:"commit,omitempty"`
	Tree     string  `json:"tree,omitempty"`     // the git tree of what is tested
	Subject  string  `json:"subject,omitempty"`  // the first line of the commit's message. Untrusted
	Previous string  `json:"previous,omitempty"` // the published version to upgrade from; empty for none
}

// Swept is the data of swept and torn-down events.
type Swept struct {
	Removed   int        `json:"removed"` // those of the attempt that were removed earlier are counted with those of its end
	Leftovers []Leftover `json:"leftovers,omitempty"`
}

// Measured is the data of a finished event: what the run was seen to take.
type Measured struct {
	Memory  int64 `json:"memory,omitempty"`  // bytes; the most that the app's processes held together
	Images  int64 `json:"images,omitempty"`  // bytes; all images of the app, what they share counted once
	Volumes int64 `json:"volumes,omitempty"` // bytes; the most that the app's volumes held together
	Backup  int64 `json:"backup,omitempty"`  // bytes; what the last good backup held, before the vault made it smaller
}

// Push is the data of a stale event.
type Push struct {
	Commit string `json:"commit"`
}

// Superseded is the data of a superseded event.
type Superseded struct {
	By ID `json:"by"`
}

// Ending says why a run ended without answering everything.
type Ending string

// The endings. None is a pass, and none is the recipe's fault.
const (
	EndedNormally Ending = ""
	EndCancelled  Ending = "cancelled"
	EndSuperseded Ending = "superseded"
	EndOutOfTime  Ending = "out of time"
	EndSilent     Ending = "silent" // no progress for too long
	EndLost       Ending = "lost"   // the harness died or its place vanished
	EndNotFetched Ending = "not fetched"
	EndOurFault   Ending = "our fault" // an error on our side; Note of the stage says which
)
