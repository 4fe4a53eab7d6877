// Package result writes what a run amounts to as files for other programs:
// result.json, whose form schema.json describes and never breaks within one
// format number, and junit.xml. It computes nothing of its own: verdict and level
// are the report's.
package result

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"seatrial/harness/run"
	"seatrial/internal/atomicfile"
)

// Format is the number of this form of result.json.
const Format = 1

// The files' names.
const (
	JSONFile  = "result.json"
	JUnitFile = "junit.xml"
)

// Schema is the JSON Schema of result.json.
//
//go:embed schema.json
var Schema []byte

// mode is that of both: whoever reaches the folder may read them.
const mode = 0o644

// Result is what result.json holds.
type Result struct {
	Format     int         `json:"format"`
	Verdict    run.Verdict `json:"verdict"`
	Level      int         `json:"level"`
	MaxLevel   int         `json:"max_level"`
	WouldRaise string      `json:"would_raise,omitempty"` // what stands between this level and the next
	Seconds    float64     `json:"seconds"`               // from the start to the end
	Report     run.Report  `json:"report"`
}

// New computes a result from a report.
func New(r run.Report) Result {
	result := Result{
		Format: Format, Verdict: r.Verdict(), Level: r.Level(), MaxLevel: run.MaxLevel, WouldRaise: r.WouldRaise(), Report: r,
	}
	if !r.EndedAt.IsZero() && !r.StartedAt.IsZero() {
		result.Seconds = r.EndedAt.Sub(r.StartedAt).Round(time.Millisecond).Seconds()
	}
	if result.Report.Stages == nil {
		result.Report.Stages = []run.StageReport{}
	}
	return result
}

// Write writes both files into the folder. Who reads along never sees half of one.
func Write(dir string, r run.Report) error {
	result := New(r)
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode the result: %w", err)
	}
	junit, err := JUnit(result)
	if err != nil {
		return err
	}
	if err := errors.Join(
		atomicfile.Write(filepath.Join(dir, JSONFile), append(text, '\n'), mode),
		atomicfile.Write(filepath.Join(dir, JUnitFile), junit, mode),
	); err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	return nil
}
