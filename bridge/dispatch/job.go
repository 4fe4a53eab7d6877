package dispatch

import (
	"path/filepath"
	"strconv"

	"seatrial/harness/run"
	"seatrial/recipes"
)

// The files that a harness writes for an attempt, in a folder of the attempt's own.
const (
	EventsFile = "events.jsonl" // one event a line, appended
	LogFile    = "log.txt"      // for people
)

// Job is what a harness is told: everything that it needs. Nothing but its settings may be secret.
type Job struct {
	Request   run.Request       `json:"request"`
	Attempt   int               `json:"attempt"`
	Lease     run.Lease         `json:"lease"`
	Instance  string            `json:"instance"`
	Name      string            `json:"name"` // of the enrolment
	Enrolment recipes.Enrolment `json:"enrolment"`
	Deps      []Dep             `json:"deps,omitempty"`    // in the order in which they are deployed
	NoDeps    string            `json:"no_deps,omitempty"` // why they cannot be had; a sentence

	// Settings are empty on a cluster, whose nodes have their own.
	Settings Settings `json:"settings,omitzero"`

	// Copy is the folder of a private repository's copy, which is fetched from in the
	// place of the code's address; empty for what everybody can read.
	Copy string `json:"copy,omitempty"`
}

// NewJob joins what is known about an attempt.
func NewJob(r run.Request, attempt int, lease run.Lease, instance string, e recipes.Enrolment) Job {
	return Job{Request: r, Attempt: attempt, Lease: lease, Instance: instance, Name: e.Name, Enrolment: e}
}

// Complete puts back what the job's text form leaves out.
func (j *Job) Complete() {
	j.Enrolment.Name = j.Name
	for i := range j.Deps {
		j.Deps[i].Enrolment.Name = j.Deps[i].Name
	}
}

// Labels are the labels of everything that the job makes.
func (j Job) Labels() run.Labels {
	return run.Labels{Instance: j.Instance, Run: j.Request.ID, Attempt: j.Attempt, Expires: j.Lease.Expires}
}

// Folder is where an attempt's files lie below root, on the bridge's side.
func Folder(root string, id run.ID, attempt int) string {
	return filepath.Join(root, string(id), strconv.Itoa(attempt))
}
